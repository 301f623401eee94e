// The picture of the self-test: cells of known colours, one of which moves, and a border at the right
// and the bottom.
#pragma once

#include <stdint.h>

#include "encode/test_buffer.h"
#include "protocol/frame_msg.h"
#include "protocol/mode.h"

#define ES_PATTERN_COLUMNS 8
#define ES_PATTERN_ROWS 4
#define ES_PATTERN_CELLS (ES_PATTERN_COLUMNS * ES_PATTERN_ROWS)

struct es_rect pattern_cell(const struct es_mode *mode, uint32_t cell);
// Finds a wrong crop or alignment.
struct es_rect pattern_right_border(const struct es_mode *mode);
struct es_rect pattern_bottom_border(const struct es_mode *mode);

// 0xRRGGBB, of a cell in a frame, and of both borders.
uint32_t pattern_colour(uint32_t frame, uint32_t cell);
uint32_t pattern_border_colour(void);
// That moves: it differs from the frame before in this cell and in that of the frame before.
uint32_t pattern_moving_cell(uint32_t frame);

// False if the buffer cannot be written.
bool pattern_draw(struct es_test_buffer *buffer, const struct es_mode *mode, uint32_t frame);
