#define _GNU_SOURCE // F_GET_SEALS, MAP_ANONYMOUS
#include "stream/unit_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"

struct es_unit_source {
	// owned
	int fd;
	uint8_t *ring; // NULL: none yet
	size_t ring_mapped; // bytes, with the page behind it

	// state
	uint32_t n_slots, slot_size;
	bool has_codec;
	uint64_t last_sequence;
	struct es_unit_msg message;
	struct es_link_packet packet;
};

struct es_unit_source *unit_source_create(int fd) {
	struct es_unit_source *source = calloc(1, sizeof(*source));
	if (source == NULL) {
		es_log(ES_LOG_ERROR, "cannot take an encoder: out of memory");
		fd_close(&fd);
		return NULL;
	}
	source->fd = fd;
	return source;
}

static void unmap_ring(struct es_unit_source *source) {
	if (source->ring != NULL) {
		munmap(source->ring, source->ring_mapped);
		source->ring = NULL;
	}
}

void unit_source_destroy(struct es_unit_source *source) {
	if (source == NULL) {
		return;
	}
	unmap_ring(source);
	fd_close(&source->fd);
	free(source);
}

int unit_source_fd(const struct es_unit_source *source) {
	return source->fd;
}

const struct es_unit_msg *unit_source_message(const struct es_unit_source *source) {
	return &source->message;
}

const uint8_t *unit_source_data(const struct es_unit_source *source) {
	return source->ring + (size_t)source->message.unit.slot * source->slot_size;
}

// Memory that cannot shrink cannot raise SIGBUS under a reader.
static const char *ring_fault(int fd, size_t size) {
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
		return "its memory is not sealed against shrinking";
	}
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size < size) {
		return "its memory is shorter than its slots";
	}
	return NULL;
}

// Parsers of bitstreams read a few bytes past the end; behind the last slot lies one page of
// zeros for them.
static bool map_ring(struct es_unit_source *source, int fd, size_t size) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped = (size + page - 1) / page * page + page;
	uint8_t *ring = mmap(NULL, mapped, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED) {
		return false;
	}
	if (mmap(ring, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		munmap(ring, mapped);
		return false;
	}
	source->ring = ring;
	source->ring_mapped = mapped;
	return true;
}

static enum es_source_event broken(struct es_unit_source *source, const char *what) {
	es_log(ES_LOG_WARN, "dropping the encoder: %s; asking for another", what);
	return ES_SOURCE_LOST;
}

static enum es_source_event take_ring(struct es_unit_source *source) {
	uint32_t n_slots = source->message.ring.n_slots;
	uint32_t slot_size = source->message.ring.slot_size;
	if (n_slots == 0 || n_slots > ES_UNIT_MAX_SLOTS || slot_size == 0 ||
			slot_size > ES_UNIT_MAX_SLOT_SIZE) {
		return broken(source, "its ring has an impossible size");
	}
	size_t size = (size_t)n_slots * slot_size;
	int fd = link_packet_take_fd(&source->packet, 0);
	const char *fault = ring_fault(fd, size);
	unmap_ring(source);
	bool mapped = fault == NULL && map_ring(source, fd, size);
	fd_close(&fd);
	if (!mapped) {
		return broken(source, fault != NULL ? fault : "its ring cannot be mapped");
	}
	source->n_slots = n_slots;
	source->slot_size = slot_size;
	return ES_SOURCE_NONE;
}

static bool times_valid(const struct es_unit_times *times) {
	return times->commit_ns > 0 && times->commit_ns <= times->compose_ns &&
			times->compose_ns <= times->put_ns && times->put_ns <= times->taken_ns &&
			times->taken_ns <= times->converted_ns && times->converted_ns <= times->encoded_ns &&
			times->encoded_ns <= clock_now_ns();
}

static enum es_source_event take_unit(struct es_unit_source *source) {
	const struct es_unit *unit = &source->message.unit;
	if (!source->has_codec || source->ring == NULL) {
		return broken(source, "it sent a unit before its codec and its ring");
	}
	if (unit->slot >= source->n_slots || unit->size == 0 || unit->size > source->slot_size) {
		return broken(source, "it sent a unit that lies outside its ring");
	}
	if (unit->sequence <= source->last_sequence) {
		return broken(source, "its units do not ascend");
	}
	if (!times_valid(&unit->times)) {
		return broken(source, "a unit's times do not ascend or lie in the future");
	}
	source->last_sequence = unit->sequence;
	return ES_SOURCE_UNIT;
}

static enum es_source_event take_message(struct es_unit_source *source) {
	struct es_link_packet *packet = &source->packet;
	if (!unit_msg_decode(&source->message, packet->data, packet->size, packet->n_fds)) {
		return broken(source, "it sent a message that is none of the unit link's");
	}
	switch (source->message.type) {
	case ES_UNIT_CODEC:
		source->has_codec = true;
		return ES_SOURCE_CODEC;
	case ES_UNIT_RING:
		return take_ring(source);
	case ES_UNIT_UNIT:
		return take_unit(source);
	case ES_UNIT_END:
		return ES_SOURCE_END;
	default:
		return broken(source, "it sent a message that only a streamer sends");
	}
}

enum es_source_event unit_source_read(struct es_unit_source *source) {
	switch (link_recv(source->fd, &source->packet)) {
	case ES_LINK_OK:
		break;
	case ES_LINK_AGAIN:
		return ES_SOURCE_NONE;
	case ES_LINK_CLOSED:
		es_log(ES_LOG_INFO, "the encoder is gone");
		return ES_SOURCE_LOST;
	case ES_LINK_BROKEN:
		return broken(source, "its link is broken");
	}
	enum es_source_event event = take_message(source);
	link_packet_finish(&source->packet);
	return event;
}

static void send_message(struct es_unit_source *source, const struct es_unit_msg *message) {
	uint8_t data[ES_UNIT_MSG_MAX];
	size_t size = unit_msg_encode(message, data, sizeof(data));
	if (size == 0 || link_send(source->fd, data, size, NULL, 0) != ES_LINK_OK) {
		es_log(ES_LOG_DEBUG, "the encoder did not take message %d", (int)message->type);
	}
}

void unit_source_done(struct es_unit_source *source, uint32_t slot) {
	send_message(source, &(struct es_unit_msg){.type = ES_UNIT_DONE, .done = {slot}});
}

void unit_source_ask_idr(struct es_unit_source *source) {
	send_message(source, &(struct es_unit_msg){.type = ES_UNIT_IDR});
}

void unit_source_invalidate(struct es_unit_source *source, uint64_t first, uint64_t last) {
	send_message(
			source, &(struct es_unit_msg){.type = ES_UNIT_INVALIDATE, .invalidate = {first, last}});
}

void unit_source_hold(struct es_unit_source *source, bool held) {
	send_message(source, &(struct es_unit_msg){.type = ES_UNIT_HOLD, .hold = {held}});
}

void unit_source_ask_bitrate(struct es_unit_source *source, uint32_t kbps) {
	send_message(source, &(struct es_unit_msg){.type = ES_UNIT_BITRATE, .bitrate = {kbps}});
}
