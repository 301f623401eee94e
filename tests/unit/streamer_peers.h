// A streamer in a process of its own, and its peers: the test is its host and its encoders, good and
// bad ones. All of it asserts by cmocka.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/link.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

#define N_SLOTS 4
#define SLOT_SIZE 65536
#define WAIT_MS 60000

struct host {
	int fd;
	pid_t pid;
	char path[256];
	struct es_link_packet packet;
	struct es_session_msg message;
	struct es_stream_stats stats;
};

struct encoder {
	int fd;
	int memory;
	uint8_t *ring;
	uint64_t sequence;
	struct es_link_packet packet;
};

bool wait_readable(int fd);

// Starts the process. host->path is unlinked by host_finish if it is set.
void host_create(struct host *host);
// With the fd if it is none of -1.
void host_send(struct host *host, const struct es_session_msg *message, int fd);
// The next message of the streamer that is not STREAM_STATS, which are kept.
const struct es_session_msg *host_expect(struct host *host, enum es_session_msg_type type);
// Closes the link and waits; the exit status.
int host_finish(struct host *host);

void encoder_attach(struct encoder *encoder, struct host *host);
void encoder_announce(struct encoder *encoder);
void encoder_ring(struct encoder *encoder);
// All three.
void encoder_start(struct encoder *encoder, struct host *host);
void encoder_send(struct encoder *encoder, const struct es_unit_msg *message, int fd);
// The next unit's message; its slot holds whatever it held.
struct es_unit_msg make_unit(struct encoder *encoder, uint32_t size, bool idr);
// The next unit: every byte is its sequence.
void encoder_unit(struct encoder *encoder, uint32_t size, bool idr);
struct es_unit_msg encoder_expect(struct encoder *encoder, enum es_unit_msg_type type);
void encoder_finish(struct encoder *encoder);
