// The streamer's end of the access-unit link. Nothing that the encoder says is believed
// unchecked: a peer that breaks the rules is reported once and not read again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/unit_msg.h"

struct es_unit_source;

enum es_source_event {
	ES_SOURCE_NONE, // nothing there now, or nothing that concerns the caller
	ES_SOURCE_CODEC,
	ES_SOURCE_UNIT,
	ES_SOURCE_END, // the encoder has drained
	ES_SOURCE_LOST, // the encoder is gone or broke the rules (logged): destroy the source
};

// Takes fd over, also on failure. NULL: no memory (logged).
struct es_unit_source *unit_source_create(int fd);
// Unmaps the ring: no unit's data may be in use. NULL is fine.
void unit_source_destroy(struct es_unit_source *source);

int unit_source_fd(const struct es_unit_source *source);

// Reads one message; never blocks. What it says is in unit_source_message until the next read.
enum es_source_event unit_source_read(struct es_unit_source *source);
const struct es_unit_msg *unit_source_message(const struct es_unit_source *source);
// Of the unit just read, in the ring (readable some bytes past its end); valid until
// unit_source_done.
const uint8_t *unit_source_data(const struct es_unit_source *source);

// Gives the slot back. An encoder that is gone does not mind: what it sent before is still read, then
// comes END or LOST.
void unit_source_done(struct es_unit_source *source, uint32_t slot);
void unit_source_ask_idr(struct es_unit_source *source);
// Units first..last of this encoder were lost.
void unit_source_invalidate(struct es_unit_source *source, uint64_t first, uint64_t last);
void unit_source_ask_bitrate(struct es_unit_source *source, uint32_t kbps);
// No more units until it is held no longer; one or two may be on their way.
void unit_source_hold(struct es_unit_source *source, bool held);
