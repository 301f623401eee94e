#include "encode/complexity.h"

#include <libyuv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW_STEP 8

bool complexity_init(struct es_complexity *complexity, uint32_t width, uint32_t height) {
	*complexity = (struct es_complexity){.width = width, .height = height};
	complexity->rows = calloc((height + ROW_STEP - 1) / ROW_STEP, width);
	return complexity->rows != NULL;
}

void complexity_finish(struct es_complexity *complexity) {
	free(complexity->rows);
	*complexity = (struct es_complexity){0};
}

// Mean amplitude times length: what a sum of absolute differences tells, but libyuv has the
// squared sum in vector code.
static double difference(const uint8_t *a, const uint8_t *b, uint32_t n) {
	return sqrt((double)ComputeSumSquareError(a, b, (int)n) * n);
}

static void measure_row(struct es_complexity *complexity, const uint8_t *now, uint32_t row,
		uint32_t x, uint32_t width, struct es_complexity_cost *cost) {
	uint8_t *before = complexity->rows + (size_t)(row / ROW_STEP) * complexity->width + x;
	double inter = difference(now, before, width);
	double intra = width > 1 ? difference(now, now + 1, width - 1) : 0;
	cost->inter += inter < intra ? inter : intra;
	cost->intra += intra;
	memcpy(before, now, width);
}

struct es_complexity_cost complexity_measure(struct es_complexity *complexity,
		const struct es_picture *picture, const struct es_rect *rects, size_t n_rects) {
	struct es_complexity_cost cost = {0};
	for (size_t i = 0; i < n_rects; i++) {
		const struct es_rect *rect = &rects[i];
		uint32_t first = (rect->y + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
		for (uint32_t y = first; y < rect->y + rect->height; y += ROW_STEP) {
			const uint8_t *now = picture->plane[0] + (size_t)y * picture->stride[0] + rect->x;
			measure_row(complexity, now, y, rect->x, rect->width, &cost);
		}
	}
	cost.inter = fmax(cost.inter * ROW_STEP, 1);
	cost.intra = fmax(cost.intra * ROW_STEP, 1);
	return cost;
}
