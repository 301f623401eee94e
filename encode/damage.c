#include "encode/damage.h"

#include <string.h>

#define MACROBLOCK 16

static uint32_t blocks(uint32_t pixels) {
	return (pixels + MACROBLOCK - 1) / MACROBLOCK;
}

static bool contains(const struct es_rect *a, const struct es_rect *b) {
	return a->x <= b->x && a->y <= b->y && a->x + a->width >= b->x + b->width &&
			a->y + a->height >= b->y + b->height;
}

static struct es_rect join(const struct es_rect *a, const struct es_rect *b) {
	uint32_t x = a->x < b->x ? a->x : b->x, y = a->y < b->y ? a->y : b->y;
	uint32_t ax = a->x + a->width, bx = b->x + b->width;
	uint32_t ay = a->y + a->height, by = b->y + b->height;
	return (struct es_rect){x, y, (ax > bx ? ax : bx) - x, (ay > by ? ay : by) - y};
}

static uint64_t area(const struct es_rect *r) {
	return (uint64_t)r->width * r->height;
}

// Joins `rect` with the one that grows least.
static void join_cheapest(struct es_damage *damage, const struct es_rect *rect) {
	size_t best = 0;
	uint64_t best_growth = UINT64_MAX;
	for (size_t i = 0; i < damage->n; i++) {
		struct es_rect both = join(&damage->rects[i], rect);
		uint64_t growth = area(&both) - area(&damage->rects[i]);
		if (growth < best_growth) {
			best_growth = growth;
			best = i;
		}
	}
	damage->rects[best] = join(&damage->rects[best], rect);
}

static void add_rect(struct es_damage *damage, const struct es_rect *rect) {
	size_t kept = 0;
	for (size_t i = 0; i < damage->n; i++) {
		if (contains(&damage->rects[i], rect)) {
			return;
		}
	}
	for (size_t i = 0; i < damage->n; i++) {
		if (!contains(rect, &damage->rects[i])) {
			damage->rects[kept++] = damage->rects[i];
		}
	}
	damage->n = kept;
	if (damage->n < ES_DAMAGE_MAX_RECTS) {
		damage->rects[damage->n++] = *rect;
	} else {
		join_cheapest(damage, rect);
	}
}

void damage_init(struct es_damage *damage, uint32_t width, uint32_t height) {
	damage->width = width;
	damage->height = height;
	damage->n = 0;
}

void damage_clear(struct es_damage *damage) {
	damage->n = 0;
}

void damage_add_all(struct es_damage *damage) {
	damage->rects[0] = (struct es_rect){0, 0, damage->width, damage->height};
	damage->n = 1;
}

void damage_add(struct es_damage *damage, int64_t x, int64_t y, int64_t width, int64_t height) {
	int64_t right = x + width, bottom = y + height;
	x = x > 0 ? x : 0;
	y = y > 0 ? y : 0;
	right = right < damage->width ? right : damage->width;
	bottom = bottom < damage->height ? bottom : damage->height;
	if (right > x && bottom > y) {
		add_rect(damage,
				&(struct es_rect){
						(uint32_t)x, (uint32_t)y, (uint32_t)(right - x), (uint32_t)(bottom - y)});
	}
}

void damage_add_rects(struct es_damage *damage, const struct es_rect *rects, size_t n) {
	for (size_t i = 0; i < n; i++) {
		damage_add(damage, rects[i].x, rects[i].y, rects[i].width, rects[i].height);
	}
}

size_t damage_map_size(uint32_t width, uint32_t height) {
	return (size_t)blocks(width) * blocks(height);
}

void damage_map(const struct es_damage *damage, uint8_t *map, uint8_t unchanged) {
	uint32_t columns = blocks(damage->width);
	memset(map, unchanged, damage_map_size(damage->width, damage->height));
	for (size_t i = 0; i < damage->n; i++) {
		const struct es_rect *r = &damage->rects[i];
		uint32_t left = r->x / MACROBLOCK, right = blocks(r->x + r->width);
		for (uint32_t y = r->y / MACROBLOCK; y < blocks(r->y + r->height); y++) {
			memset(map + (size_t)y * columns + left, 0, right - left);
		}
	}
}
