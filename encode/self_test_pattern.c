#include "encode/self_test_pattern.h"

#define BORDER 16
#define BORDER_COLOUR 0x2060c0
#define MOVING_COLOUR 0xe0a010

// The moving cell goes along the last row, which is grey.
static const uint32_t colours[ES_PATTERN_CELLS] = {0x000000, 0xffffff, 0xff0000, 0x00ff00, 0x0000ff,
		0x00ffff, 0xff00ff, 0xffff00, 0x404040, 0x808080, 0xc0c0c0, 0xe0ac90, 0xc68642, 0x5c3a21,
		0x202020, 0xf0f0f0, 0x103050, 0x907030, 0x30a070, 0x7030a0, 0x0b6623, 0xb22222, 0x4682b4,
		0xffe4b5, 0x606060, 0x606060, 0x606060, 0x606060, 0x606060, 0x606060, 0x606060, 0x606060};

struct es_rect pattern_cell(const struct es_mode *mode, uint32_t cell) {
	uint32_t column = cell % ES_PATTERN_COLUMNS, row = cell / ES_PATTERN_COLUMNS;
	uint32_t width = (mode->width - BORDER) / ES_PATTERN_COLUMNS;
	uint32_t height = (mode->height - BORDER) / ES_PATTERN_ROWS;
	struct es_rect r = {column * width, row * height, width, height};
	if (column == ES_PATTERN_COLUMNS - 1) {
		r.width = mode->width - BORDER - r.x;
	}
	if (row == ES_PATTERN_ROWS - 1) {
		r.height = mode->height - BORDER - r.y;
	}
	return r;
}

// Without the pixels that neighbours bleed into.
struct es_rect pattern_right_border(const struct es_mode *mode) {
	return (struct es_rect){
			mode->width - BORDER + 4, BORDER, BORDER - 4, mode->height - 2 * BORDER};
}

struct es_rect pattern_bottom_border(const struct es_mode *mode) {
	return (struct es_rect){
			BORDER, mode->height - BORDER + 4, mode->width - 2 * BORDER, BORDER - 4};
}

uint32_t pattern_moving_cell(uint32_t frame) {
	return ES_PATTERN_CELLS - ES_PATTERN_COLUMNS + frame % ES_PATTERN_COLUMNS;
}

uint32_t pattern_colour(uint32_t frame, uint32_t cell) {
	return cell == pattern_moving_cell(frame) ? MOVING_COLOUR : colours[cell];
}

uint32_t pattern_border_colour(void) {
	return BORDER_COLOUR;
}

bool pattern_draw(struct es_test_buffer *buffer, const struct es_mode *mode, uint32_t frame) {
	if (!test_buffer_begin(buffer)) {
		return false;
	}
	test_buffer_fill(buffer, &(struct es_rect){0, 0, mode->width, mode->height}, BORDER_COLOUR);
	for (uint32_t cell = 0; cell < ES_PATTERN_CELLS; cell++) {
		struct es_rect r = pattern_cell(mode, cell);
		test_buffer_fill(buffer, &r, pattern_colour(frame, cell));
	}
	test_buffer_end(buffer);
	return true;
}
