// The bar code that carries a frame's number through encoder and decoder: a block of
// MARK_COLUMNS x MARK_ROWS square cells, black or white.
//
//   row 0   a fixed pattern, to find the block by
//   row 1   bits 31..16: the number's upper 16 bits
//   row 2   bits 15..0: its lower 8 bits and a CRC-8 over the three bytes
//   row 3   the fixed pattern inverted
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARK_COLUMNS 16
#define MARK_ROWS 4
#define MARK_CELL 16 // pixels; survives x264 at low bitrates
#define MARK_MAX_NUMBER UINT32_C(0xffffff)

enum es_mark_result {
	ES_MARK_NONE, // no such block here
	ES_MARK_BAD_CRC, // a block, but its number is damaged
	ES_MARK_OK,
};

// Draws the block with its upper left corner at px; stride in pixels. The caller has made
// sure that MARK_COLUMNS * cell x MARK_ROWS * cell pixels are there.
void mark_draw(uint32_t *px, size_t stride, uint32_t cell, uint32_t number);

// Reads a block whose upper left corner is within a quarter of a cell of (x, y).
enum es_mark_result mark_read(const uint8_t *luma, size_t stride, uint32_t width, uint32_t height,
		uint32_t x, uint32_t y, uint32_t cell, uint32_t *number);
