// What is encoded next: the newest frame, or the still picture once more, or nothing for as long as
// nothing changes; and what the end of a stream takes.
//
// It has the three links but the host's, says what to wait for, and does one round of work when
// called. All on the encode thread. What makes going on impossible is written into the failure given
// to create.
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/failure.h"
#include "encode/unit_maker.h"
#include "protocol/session_msg.h"

struct es_scheduler;

// NULL: no memory. Both are borrowed and outlive it.
struct es_scheduler *scheduler_create(struct es_unit_maker *maker, struct es_failure *failure);
// How often a still picture is repeated, 0: never. From the next mode on.
void scheduler_set_keepalive(struct es_scheduler *scheduler, uint32_t keepalive_ms);
void scheduler_destroy(struct es_scheduler *scheduler); // NULL is fine

// The link to the display; attach takes the fd over and replaces the one before. A link that is of no
// use any more is detached here: the host will say what to do.
void scheduler_attach(struct es_scheduler *scheduler, int fd);
void scheduler_detach(struct es_scheduler *scheduler);

// From now on: what the display has sent already, the picture once more as of the end, no more.
void scheduler_drain(struct es_scheduler *scheduler);
bool scheduler_drained(const struct es_scheduler *scheduler); // that has been sent

#define ES_SCHEDULER_FDS 3

// What to poll and until when (-1: for ever), and what to do with the result.
void scheduler_fill_pollfds(
		const struct es_scheduler *scheduler, struct pollfd items[ES_SCHEDULER_FDS]);
int64_t scheduler_wake_ns(const struct es_scheduler *scheduler);
void scheduler_dispatch(
		struct es_scheduler *scheduler, const struct pollfd items[ES_SCHEDULER_FDS]);

// Encodes all that is due and asks the display for the next frame.
void scheduler_work(struct es_scheduler *scheduler);

// Adds what is known about buffers.
void scheduler_add_stats(const struct es_scheduler *scheduler, struct es_encode_stats *stats);
