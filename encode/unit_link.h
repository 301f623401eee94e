// The encoder's end of the access-unit link: the ring, what is put into it, and what the
// streamer asks for.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/link.h"
#include "protocol/unit_msg.h"

struct es_unit_link;

// What the streamer asked for; the reader resets it.
struct es_unit_requests {
	uint32_t idr; // how often
	uint32_t invalidate;
	uint64_t first, last; // of all invalidations together
	uint32_t kbps; // the newest; 0: none
};

// Takes the fd over, also on failure.
struct es_unit_link *unit_link_create(int fd);
void unit_link_destroy(struct es_unit_link *link); // NULL is fine
int unit_link_fd(const struct es_unit_link *link); // to poll for reading; borrowed

// Reads all messages that are there and adds to *requests. ES_LINK_OK, or why the link is of no use
// any more (logged if the streamer broke the rules).
enum es_link_result unit_link_dispatch(
		struct es_unit_link *link, struct es_unit_requests *requests);

// Announces the stream (an ES_UNIT_CODEC message) and makes a new ring for it. All slots must be
// back: unit_link_idle. False: no memory, or the link is of no use.
bool unit_link_announce(struct es_unit_link *link, const struct es_unit_msg *codec);

// No slot is the streamer's; also before the first ring.
bool unit_link_idle(const struct es_unit_link *link);
uint32_t unit_link_n_free(const struct es_unit_link *link); // slots that are ours
bool unit_link_held(const struct es_unit_link *link); // the streamer wants no more units for now
// A slot to write the next unit into: its number, memory and size. False: none is free.
bool unit_link_slot(const struct es_unit_link *link, uint32_t *slot, uint8_t **data, size_t *cap);
// Hands the unit's slot to the streamer. False: the link is of no use.
bool unit_link_send(struct es_unit_link *link, const struct es_unit *unit);
bool unit_link_end(struct es_unit_link *link);
