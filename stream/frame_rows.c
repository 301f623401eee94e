#include "stream/frame_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct es_frame_rows *frame_rows_create(void) {
	return calloc(1, sizeof(struct es_frame_rows));
}

void frame_rows_destroy(struct es_frame_rows *rows) {
	free(rows);
}

static uint32_t to_us(int64_t ns) {
	int64_t us = ns / ES_NS_PER_US;
	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void frame_rows_add(
		struct es_frame_rows *rows, const struct es_unit *unit, int64_t muxed_ns, int64_t sent_ns) {
	const struct es_unit_times *times = &unit->times;
	const int64_t borders[ES_STAGE_TOTAL + 1] = {times->commit_ns, times->compose_ns, times->put_ns,
			times->taken_ns, times->converted_ns, times->encoded_ns, muxed_ns, sent_ns};
	if (rows->n == ES_FRAME_ROWS) {
		rows->dropped += rows->dropped < UINT32_MAX;
		return;
	}
	struct es_frame_row *row = &rows->rows[rows->n++];
	row->at_ns = sent_ns > 0 ? sent_ns : 0;
	row->kind = (uint8_t)unit->kind;
	row->bytes = unit->size;
	int64_t begin_ns = borders[0];
	for (int i = 0; i < ES_STAGE_TOTAL; i++) {
		int64_t end_ns = borders[i + 1] > begin_ns ? borders[i + 1] : begin_ns;
		row->stages_us[i] = to_us(end_ns - begin_ns);
		begin_ns = end_ns;
	}
}

bool frame_rows_tell(const struct es_frame_rows *rows, size_t *at, struct es_session_msg *msg) {
	size_t left = rows->n - *at, n = left < ES_SESSION_MAX_ROWS ? left : ES_SESSION_MAX_ROWS;
	if (n == 0) {
		return false;
	}
	msg->type = ES_SESSION_FRAMES;
	msg->frames.dropped = *at == 0 ? rows->dropped : 0;
	msg->frames.n = (uint8_t)n;
	memcpy(msg->frames.rows, &rows->rows[*at], n * sizeof(rows->rows[0]));
	*at += n;
	return true;
}

void frame_rows_clear(struct es_frame_rows *rows) {
	rows->n = 0;
	rows->dropped = 0;
}
