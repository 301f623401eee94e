// The test card's picture: colour bars and a grey ramp that stand still, and a strip in which a bar
// moves and the frame's number, the time and the screen's size can be read.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct es_picture {
	uint32_t *px; // XRGB, rows without a gap
	int32_t width, height;
};

// The strip's rows, the only ones that change.
void picture_strip(const struct es_picture *picture, int32_t *top, int32_t *height);
void picture_draw_still(const struct es_picture *picture);
void picture_draw_strip(
		const struct es_picture *picture, uint32_t frame, const struct timespec *now);
