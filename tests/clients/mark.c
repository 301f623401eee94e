#include "tests/clients/mark.h"

#define FINDER 0xb38du
#define BLACK UINT32_C(0xff000000)
#define WHITE UINT32_C(0xffffffff)
#define LUMA_MIDDLE 126
#define LUMA_MARGIN 24 // cells of the fixed rows must be this far from the middle

static uint8_t crc8(uint32_t number) {
	uint8_t crc = 0xff;
	for (int shift = 16; shift >= 0; shift -= 8) {
		crc ^= (uint8_t)(number >> shift);
		for (int bit = 0; bit < 8; bit++) {
			crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
		}
	}
	return crc;
}

static void draw_row(uint32_t *px, size_t stride, uint32_t cell, uint32_t bits) {
	for (uint32_t column = 0; column < MARK_COLUMNS; column++) {
		uint32_t colour = bits >> (MARK_COLUMNS - 1 - column) & 1 ? WHITE : BLACK;
		for (uint32_t i = 0; i < cell; i++) {
			px[column * cell + i] = colour;
		}
	}
	for (uint32_t y = 1; y < cell; y++) {
		for (uint32_t x = 0; x < MARK_COLUMNS * cell; x++) {
			px[y * stride + x] = px[x];
		}
	}
}

void mark_draw(uint32_t *px, size_t stride, uint32_t cell, uint32_t number) {
	number &= MARK_MAX_NUMBER;
	uint32_t code = number << 8 | crc8(number);
	const uint32_t rows[MARK_ROWS] = {FINDER, code >> 16, code & 0xffff, ~FINDER & 0xffff};
	for (uint32_t row = 0; row < MARK_ROWS; row++) {
		draw_row(px + (size_t)row * cell * stride, stride, cell, rows[row]);
	}
}

// Mean of the middle of a cell, away from its blurred border.
static int cell_luma(const uint8_t *luma, size_t stride, uint32_t cell) {
	uint32_t first = cell / 3, last = cell - cell / 3, sum = 0, count = 0;
	for (uint32_t y = first; y < last; y++) {
		for (uint32_t x = first; x < last; x++) {
			sum += luma[y * stride + x];
			count++;
		}
	}
	return count > 0 ? (int)(sum / count) : 0;
}

static bool row_matches(const uint8_t *luma, size_t stride, uint32_t cell, uint32_t bits) {
	for (uint32_t column = 0; column < MARK_COLUMNS; column++) {
		int value = cell_luma(luma + column * cell, stride, cell) - LUMA_MIDDLE;
		bool white = bits >> (MARK_COLUMNS - 1 - column) & 1;
		if (white ? value < LUMA_MARGIN : value > -LUMA_MARGIN) {
			return false;
		}
	}
	return true;
}

static uint32_t read_row(const uint8_t *luma, size_t stride, uint32_t cell) {
	uint32_t bits = 0;
	for (uint32_t column = 0; column < MARK_COLUMNS; column++) {
		bits = bits << 1 | (cell_luma(luma + column * cell, stride, cell) > LUMA_MIDDLE);
	}
	return bits;
}

enum es_mark_result mark_read(const uint8_t *luma, size_t stride, uint32_t width, uint32_t height,
		uint32_t x, uint32_t y, uint32_t cell, uint32_t *number) {
	if (x + MARK_COLUMNS * cell > width || y + MARK_ROWS * cell > height) {
		return ES_MARK_NONE;
	}
	const uint8_t *origin = luma + y * stride + x;
	size_t row = cell * stride;
	if (!row_matches(origin, stride, cell, FINDER) ||
			!row_matches(origin + 3 * row, stride, cell, ~FINDER & 0xffff)) {
		return ES_MARK_NONE;
	}
	uint32_t code =
			read_row(origin + row, stride, cell) << 16 | read_row(origin + 2 * row, stride, cell);
	*number = code >> 8;
	return (code & 0xff) == crc8(*number) ? ES_MARK_OK : ES_MARK_BAD_CRC;
}
