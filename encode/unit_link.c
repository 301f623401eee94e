#include "encode/unit_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "encode/unit_ring.h"

struct es_unit_link {
	int fd; // owned
	struct es_unit_ring *ring; // owned; NULL before the first announcement
	bool held;
	struct es_link_packet packet; // too large for the stack of every call
};

static bool send_message(struct es_unit_link *link, const struct es_unit_msg *msg, const int *fds) {
	uint8_t bytes[ES_UNIT_MSG_MAX];
	size_t size = unit_msg_encode(msg, bytes, sizeof(bytes));
	assert(size > 0);
	// There are never more messages under way than slots, and a few.
	return link_send(link->fd, bytes, size, fds, unit_msg_n_fds(msg)) == ES_LINK_OK;
}

static void add_invalidation(struct es_unit_requests *requests, uint64_t first, uint64_t last) {
	bool more = requests->invalidate++ != 0;
	requests->first = more && requests->first < first ? requests->first : first;
	requests->last = more && requests->last > last ? requests->last : last;
}

// False: not a message of a streamer that keeps the rules.
static bool handle_message(struct es_unit_link *link, struct es_unit_requests *requests) {
	struct es_unit_msg msg;
	const struct es_link_packet *packet = &link->packet;
	if (!unit_msg_decode(&msg, packet->data, packet->size, packet->n_fds)) {
		return false;
	}
	switch (msg.type) {
	case ES_UNIT_DONE:
		return link->ring != NULL && unit_ring_done(link->ring, msg.done.slot);
	case ES_UNIT_IDR:
		requests->idr++;
		return true;
	case ES_UNIT_INVALIDATE:
		add_invalidation(requests, msg.invalidate.first, msg.invalidate.last);
		return true;
	case ES_UNIT_BITRATE:
		requests->kbps = msg.bitrate.kbps;
		return true;
	case ES_UNIT_HOLD:
		link->held = msg.hold.held;
		return true;
	default:
		return false;
	}
}

struct es_unit_link *unit_link_create(int fd) {
	struct es_unit_link *link = calloc(1, sizeof(*link));
	if (link == NULL) {
		fd_close(&fd);
		return NULL;
	}
	link->fd = fd;
	return link;
}

void unit_link_destroy(struct es_unit_link *link) {
	if (link == NULL) {
		return;
	}
	fd_close(&link->fd);
	unit_ring_destroy(link->ring);
	free(link);
}

int unit_link_fd(const struct es_unit_link *link) {
	return link->fd;
}

enum es_link_result unit_link_dispatch(
		struct es_unit_link *link, struct es_unit_requests *requests) {
	while (true) {
		enum es_link_result result = link_recv(link->fd, &link->packet);
		if (result == ES_LINK_AGAIN) {
			return ES_LINK_OK;
		}
		if (result != ES_LINK_OK) {
			return result;
		}
		bool ok = handle_message(link, requests);
		link_packet_finish(&link->packet);
		if (!ok) {
			es_log(ES_LOG_ERROR, "the streamer sent something that is not a message about units");
			return ES_LINK_BROKEN;
		}
	}
}

bool unit_link_announce(struct es_unit_link *link, const struct es_unit_msg *codec) {
	assert(unit_link_idle(link));
	struct es_unit_ring *ring = unit_ring_create(&codec->codec.mode);
	if (ring == NULL) {
		es_log(ES_LOG_ERROR, "no memory for access units of %ux%u", codec->codec.mode.width,
				codec->codec.mode.height);
		return false;
	}
	unit_ring_destroy(link->ring);
	link->ring = ring;
	struct es_unit_msg msg = {
			.type = ES_UNIT_RING,
			.ring = {.n_slots = unit_ring_n_slots(ring), .slot_size = unit_ring_slot_size(ring)},
	};
	int fd = unit_ring_fd(ring);
	return send_message(link, codec, NULL) && send_message(link, &msg, &fd);
}

bool unit_link_idle(const struct es_unit_link *link) {
	return link->ring == NULL || unit_ring_n_free(link->ring) == unit_ring_n_slots(link->ring);
}

uint32_t unit_link_n_free(const struct es_unit_link *link) {
	return link->ring == NULL ? 0 : unit_ring_n_free(link->ring);
}

bool unit_link_held(const struct es_unit_link *link) {
	return link->held;
}

bool unit_link_slot(const struct es_unit_link *link, uint32_t *slot, uint8_t **data, size_t *cap) {
	if (link->ring == NULL || !unit_ring_free_slot(link->ring, slot, data)) {
		return false;
	}
	*cap = unit_ring_slot_size(link->ring);
	return true;
}

bool unit_link_send(struct es_unit_link *link, const struct es_unit *unit) {
	unit_ring_put(link->ring, unit->slot); // the streamer's until it says DONE
	return send_message(link, &(struct es_unit_msg){.type = ES_UNIT_UNIT, .unit = *unit}, NULL);
}

bool unit_link_end(struct es_unit_link *link) {
	return send_message(link, &(struct es_unit_msg){.type = ES_UNIT_END}, NULL);
}
