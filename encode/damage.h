// A bounded set of rectangles that changed; when it is full, rectangles are joined.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/frame_msg.h"

#define ES_DAMAGE_MAX_RECTS 32

struct es_damage {
	uint32_t width, height; // of the screen; everything is clipped to it
	size_t n;
	struct es_rect rects[ES_DAMAGE_MAX_RECTS]; // may overlap
};

void damage_init(struct es_damage *damage, uint32_t width, uint32_t height); // empty
void damage_clear(struct es_damage *damage);
void damage_add_all(struct es_damage *damage); // the whole screen
// Any box, also one that lies outside or is empty.
void damage_add(struct es_damage *damage, int64_t x, int64_t y, int64_t width, int64_t height);
void damage_add_rects(struct es_damage *damage, const struct es_rect *rects, size_t n);

// One byte per 16x16 macroblock of the even-sized picture, raster order.
size_t damage_map_size(uint32_t width, uint32_t height);
// Sets `unchanged` where a macroblock holds no damage and 0 where it does.
void damage_map(const struct es_damage *damage, uint8_t *map, uint8_t unchanged);
