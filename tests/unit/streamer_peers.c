#include "tests/unit/streamer_peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "stream/streamer.h"

bool wait_readable(int fd) {
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	return poll(&pollfd, 1, WAIT_MS) == 1;
}

void host_send(struct host *host, const struct es_session_msg *message, int fd) {
	uint8_t data[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(message, data, sizeof(data));
	assert_true(size > 0);
	assert_int_equal(link_send(host->fd, data, size, &fd, fd >= 0 ? 1 : 0), ES_LINK_OK);
}

const struct es_session_msg *host_expect(struct host *host, enum es_session_msg_type type) {
	do {
		assert_true(wait_readable(host->fd));
		assert_int_equal(link_recv(host->fd, &host->packet), ES_LINK_OK);
		assert_true(session_msg_decode(
				&host->message, host->packet.data, host->packet.size, host->packet.n_fds));
		if (host->message.type == ES_SESSION_STREAM_STATS) {
			host->stats = host->message.stream_stats;
		}
	} while (host->message.type == ES_SESSION_STREAM_STATS && type != ES_SESSION_STREAM_STATS);
	if (host->message.type == ES_SESSION_END && type != ES_SESSION_END) {
		print_error("the streamer ended (%d): %s\n", (int)host->message.end.code,
				host->message.end.text);
	}
	assert_int_equal(host->message.type, type);
	return &host->message;
}

void host_create(struct host *host) {
	*host = (struct host){.fd = -1};
	int ends[2];
	assert_true(link_pair(ends));
	host->pid = fork();
	assert_true(host->pid >= 0);
	if (host->pid == 0) {
		close(ends[0]);
		signal(SIGPIPE, SIG_IGN);
		log_init("streamer", ES_LOG_ERROR);
		struct es_streamer *streamer = streamer_create(ends[1]);
		int status = streamer_run(streamer);
		streamer_destroy(streamer);
		close(ends[1]);
		exit(status); // not _exit: leak checkers report there
	}
	close(ends[1]);
	host->fd = ends[0];
}

int host_finish(struct host *host) {
	fd_close(&host->fd);
	int status;
	assert_int_equal(waitpid(host->pid, &status, 0), host->pid);
	if (host->path[0] != '\0') {
		unlink(host->path);
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void encoder_send(struct encoder *encoder, const struct es_unit_msg *message, int fd) {
	uint8_t data[ES_UNIT_MSG_MAX];
	size_t size = unit_msg_encode(message, data, sizeof(data));
	assert_true(size > 0);
	// A streamer that has dropped us is a result, not a fault of the test.
	link_send(encoder->fd, data, size, &fd, fd >= 0 ? 1 : 0);
}

void encoder_attach(struct encoder *encoder, struct host *host) {
	*encoder = (struct encoder){.memory = -1};
	int ends[2];
	assert_true(link_pair(ends));
	struct es_session_msg message = {.type = ES_SESSION_ATTACH,
			.attach = {.kind = ES_ATTACH_UNIT, .viewer = 1, .primary = true}};
	host_send(host, &message, ends[1]);
	close(ends[1]);
	encoder->fd = ends[0];
}

void encoder_announce(struct encoder *encoder) {
	struct es_unit_msg message = {.type = ES_UNIT_CODEC,
			.codec = {.codec = ES_CODEC_H264,
					.mode = {64, 48, 60000},
					.colour = {1, 1, 1, false, 8, false},
					.encoder = "test"}};
	encoder_send(encoder, &message, -1);
}

void encoder_ring(struct encoder *encoder) {
	encoder->memory = fd_create_sealed_memfd("test", N_SLOTS * SLOT_SIZE);
	assert_true(encoder->memory >= 0);
	encoder->ring =
			mmap(NULL, N_SLOTS * SLOT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, encoder->memory, 0);
	assert_true(encoder->ring != MAP_FAILED);
	struct es_unit_msg message = {
			.type = ES_UNIT_RING, .ring = {.n_slots = N_SLOTS, .slot_size = SLOT_SIZE}};
	encoder_send(encoder, &message, encoder->memory);
}

struct es_unit_msg make_unit(struct encoder *encoder, uint32_t size, bool idr) {
	int64_t now_ns = clock_now_ns();
	uint64_t sequence = ++encoder->sequence;
	struct es_unit_msg message = {.type = ES_UNIT_UNIT,
			.unit = {.slot = (uint32_t)(sequence % N_SLOTS),
					.size = size,
					.sequence = sequence,
					.frame_sequence = sequence,
					.kind = ES_UNIT_NEW,
					.idr = idr,
					.times = {now_ns - 5000, now_ns - 4000, now_ns - 3000, now_ns - 2000,
							now_ns - 1000, now_ns}}};
	return message;
}

void encoder_unit(struct encoder *encoder, uint32_t size, bool idr) {
	struct es_unit_msg message = make_unit(encoder, size, idr);
	memset(encoder->ring + message.unit.slot * SLOT_SIZE, (int)encoder->sequence, size);
	encoder_send(encoder, &message, -1);
}

struct es_unit_msg encoder_expect(struct encoder *encoder, enum es_unit_msg_type type) {
	struct es_unit_msg message;
	assert_true(wait_readable(encoder->fd));
	assert_int_equal(link_recv(encoder->fd, &encoder->packet), ES_LINK_OK);
	assert_true(unit_msg_decode(
			&message, encoder->packet.data, encoder->packet.size, encoder->packet.n_fds));
	assert_int_equal(message.type, type);
	return message;
}

void encoder_finish(struct encoder *encoder) {
	fd_close(&encoder->fd);
	fd_close(&encoder->memory);
	if (encoder->ring != NULL) {
		munmap(encoder->ring, N_SLOTS * SLOT_SIZE);
	}
}

void encoder_start(struct encoder *encoder, struct host *host) {
	encoder_attach(encoder, host);
	encoder_announce(encoder);
	encoder_ring(encoder);
}
