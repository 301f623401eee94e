#include "encode/complexity.h"

#include <stdlib.h>
#include <string.h>

#define ROW_STEP 8
#define BLOCK 16

bool complexity_init(struct es_complexity *complexity, uint32_t width, uint32_t height) {
	*complexity = (struct es_complexity){.width = width, .height = height};
	complexity->rows = calloc((height + ROW_STEP - 1) / ROW_STEP, width);
	complexity->row = calloc(1, width);
	return complexity->rows != NULL && complexity->row != NULL;
}

void complexity_finish(struct es_complexity *complexity) {
	free(complexity->rows);
	free(complexity->row);
	*complexity = (struct es_complexity){0};
}

// Sum of absolute differences. Of a whole block its length is a constant: vector code.
static uint32_t difference(const uint8_t *a, const uint8_t *b, uint32_t n) {
	uint32_t sum = 0;
	if (n == BLOCK) {
		for (uint32_t i = 0; i < BLOCK; i++) {
			sum += (uint32_t)abs(a[i] - b[i]);
		}
		return sum;
	}
	for (uint32_t i = 0; i < n; i++) {
		sum += (uint32_t)abs(a[i] - b[i]);
	}
	return sum;
}

static void measure_row(const uint8_t *now, const uint8_t *before, uint32_t width,
		struct es_complexity_cost *cost) {
	for (uint32_t x = 0; x < width; x += BLOCK) {
		uint32_t n = width - x < BLOCK ? width - x : BLOCK;
		uint32_t n_inside = width - x > BLOCK ? BLOCK : n - 1; // the last pixel has no neighbour
		uint32_t inter = difference(now + x, before + x, n);
		uint32_t intra = difference(now + x, now + x + 1, n_inside);
		cost->inter += inter < intra ? inter : intra;
		cost->intra += intra;
	}
}

// In eight bits.
static const uint8_t *luma_row(struct es_complexity *complexity, const struct es_picture *picture,
		const struct es_rect *rect, uint32_t y) {
	struct es_layout layout = picture_layout(picture->layout);
	const uint8_t *row = picture->plane[0] + (size_t)y * picture->stride[0];
	if (layout.sample_size == 1) {
		return row + rect->x;
	}
	for (uint32_t x = 0; x < rect->width; x++) {
		uint16_t sample;
		memcpy(&sample, row + 2 * (size_t)(rect->x + x), sizeof(sample));
		complexity->row[x] = (uint8_t)(sample >> (layout.shift + layout.depth - 8));
	}
	return complexity->row;
}

static struct es_complexity_cost measure(struct es_complexity *complexity,
		const struct es_picture *picture, const struct es_rect *rects, size_t n_rects,
		bool remember) {
	struct es_complexity_cost cost = {0};
	for (size_t i = 0; i < n_rects; i++) {
		const struct es_rect *rect = &rects[i];
		uint32_t first = (rect->y + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
		for (uint32_t y = first; y < rect->y + rect->height; y += ROW_STEP) {
			const uint8_t *now = luma_row(complexity, picture, rect, y);
			uint8_t *before =
					complexity->rows + (size_t)(y / ROW_STEP) * complexity->width + rect->x;
			measure_row(now, before, rect->width, &cost);
			if (remember) {
				memcpy(before, now, rect->width);
			}
		}
	}
	cost.inter *= ROW_STEP;
	cost.intra *= ROW_STEP;
	return cost;
}

struct es_complexity_cost complexity_measure(struct es_complexity *complexity,
		const struct es_picture *picture, const struct es_rect *rects, size_t n_rects) {
	return measure(complexity, picture, rects, n_rects, true);
}

struct es_complexity_cost complexity_peek(struct es_complexity *complexity,
		const struct es_picture *picture, const struct es_rect *rects, size_t n_rects) {
	return measure(complexity, picture, rects, n_rects, false);
}
