// Single frames for a recording of the host, kept until they are told. Bounded: what does not fit is
// dropped and counted. One thread; nothing here allocates but create.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

#define ES_FRAME_ROWS 512 // more than two seconds' worth at 240 Hz

struct es_frame_rows {
	size_t n;
	uint32_t dropped; // since they were told last
	struct es_frame_row rows[ES_FRAME_ROWS];
};

// NULL: no memory.
struct es_frame_rows *frame_rows_create(void);
void frame_rows_destroy(struct es_frame_rows *rows); // NULL is fine
// As stats_record.
void frame_rows_add(
		struct es_frame_rows *rows, const struct es_unit *unit, int64_t muxed_ns, int64_t sent_ns);
// The message that tells the first rows from *at on, which goes on behind them. False: there are none.
bool frame_rows_tell(const struct es_frame_rows *rows, size_t *at, struct es_session_msg *msg);
void frame_rows_clear(struct es_frame_rows *rows);
