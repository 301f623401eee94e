#include "tests/clients/moon/delay_line.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DATAGRAM 2048
#define MAX_HELD 512 // datagrams that come later than they came; more are lost

struct held {
	int64_t at_ns; // 0: free
	size_t size;
	uint8_t data[MAX_DATAGRAM];
};

bool delay_line_init(struct es_delay_line *line, const struct es_impair_params *params) {
	bool holds = params->delay_ms > 0 || params->jitter_ms > 0 || params->reorder > 0 ||
			params->duplicate > 0;
	impair_init(&line->model, params);
	line->held = holds ? calloc(MAX_HELD, sizeof(*line->held)) : NULL;
	return !holds || line->held != NULL;
}

void delay_line_finish(struct es_delay_line *line) {
	free(line->held);
	line->held = NULL;
}

static void hold(struct es_delay_line *line, int64_t at_ns, const uint8_t *data, size_t size) {
	for (size_t i = 0; line->held != NULL && i < MAX_HELD; i++) {
		struct held *held = &line->held[i];
		if (held->at_ns == 0) {
			held->at_ns = at_ns;
			held->size = size;
			memcpy(held->data, data, size);
			return;
		}
	}
}

void delay_line_run(struct es_delay_line *line, int64_t now) {
	for (;;) {
		struct held *next = NULL;
		for (size_t i = 0; line->held != NULL && i < MAX_HELD; i++) {
			struct held *held = &line->held[i];
			if (held->at_ns != 0 && held->at_ns <= now &&
					(next == NULL || held->at_ns < next->at_ns)) {
				next = held;
			}
		}
		if (next == NULL) {
			return;
		}
		next->at_ns = 0;
		line->take(line->data, next->data, next->size, now);
	}
}

void delay_line_put(struct es_delay_line *line, uint8_t *data, size_t size, int64_t now) {
	struct es_impair_fate fate = impair_decide(&line->model, now, size);
	if (fate.corrupt && size > 0) {
		data[fate.corrupt_at / 8 % size] ^= (uint8_t)(1u << fate.corrupt_at % 8);
	}
	if (fate.copy_at_ns != ES_IMPAIR_LOST) {
		hold(line, fate.copy_at_ns, data, size);
	}
	if (fate.at_ns > now) {
		hold(line, fate.at_ns, data, size);
	} else if (fate.at_ns != ES_IMPAIR_LOST) {
		line->take(line->data, data, size, now);
	}
}
