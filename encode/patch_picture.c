#include "encode/patch_picture.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "encode/cavlc.h"
#include "encode/nal_bits.h"

// Slice of a picture that is not an IDR and not referred to.
#define NAL_HEADER 0x01
#define SLICE_TYPE_ALL_P 5
#define MB_TYPE_P_16X16 0
#define MAX_WIDTH (ES_MODE_MAX_SIZE / 16)

// How many coefficients each 4x4 block of a macroblock has, in raster order.
struct counts {
	uint8_t luma[16], chroma[2][4];
};

// Quantised coefficients in scan order.
struct macroblock {
	int16_t luma[16][16], chroma_dc[2][4], chroma_ac[2][4][15];
	struct counts counts;
	bool has_dc, has_ac; // of chroma
};

struct quantiser {
	int32_t factor[16]; // in raster order
	int32_t rounding;
	int shift;
};

// 8.5.6
static const uint8_t zigzag[16] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};

// --- quantisation

// The inverses of what 8.5.9 scales with: of positions with both coordinates even, both odd, and others.
static struct quantiser quantiser_for(int qp) {
	static const uint16_t factors[6][3] = {{13107, 5243, 8066}, {11916, 4660, 7490},
			{10082, 4194, 6554}, {9362, 3647, 5825}, {8192, 3355, 5243}, {7282, 2893, 4559}};
	struct quantiser quantiser = {.shift = 15 + qp / 6};
	quantiser.rounding = (INT32_C(1) << quantiser.shift) / 6; // of what is predicted
	for (int i = 0; i < 16; i++) {
		int odd = (i & 1) + (i >> 2 & 1);
		quantiser.factor[i] = factors[qp % 6][odd == 0 ? 0 : odd == 2 ? 1 : 2];
	}
	return quantiser;
}

// 8.5.8
static int chroma_qp(int qp) {
	static const uint8_t above_29[22] = {
			29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39};
	qp = qp < 0 ? 0 : qp > 51 ? 51 : qp;
	return qp < 30 ? qp : above_29[qp - 30];
}

static int16_t quantised(int32_t coefficient, int32_t factor, int32_t rounding, int shift) {
	int32_t size = (abs(coefficient) * factor + rounding) >> shift;
	return (int16_t)(coefficient < 0 ? -size : size);
}

// --- from samples to coefficients

// What 16 columns of samples differ in; columns and rows beyond the picture do not.
static void subtract(const uint8_t *samples, uint32_t stride, const uint8_t *reference,
		uint32_t reference_stride, uint32_t columns, uint32_t rows, int16_t out[][16]) {
	for (uint32_t y = 0; y < rows; y++) {
		for (uint32_t x = 0; x < columns; x++) {
			out[y][x] = (int16_t)(samples[x] - reference[x]);
		}
		samples += stride;
		reference += reference_stride;
	}
}

static void transform_four(int32_t *values, size_t step) {
	int32_t a = values[0] + values[3 * step], b = values[step] + values[2 * step];
	int32_t c = values[step] - values[2 * step], d = values[0] - values[3 * step];
	values[0] = a + b;
	values[step] = 2 * d + c;
	values[2 * step] = a - b;
	values[3 * step] = d - 2 * c;
}

// A 4x4 block whose samples are `step` columns apart.
static void transform(int16_t (*difference)[16], uint32_t x, size_t step, int32_t out[16]) {
	for (size_t i = 0; i < 16; i++) {
		out[i] = difference[i / 4][x + i % 4 * step];
	}
	for (size_t i = 0; i < 4; i++) {
		transform_four(&out[4 * i], 1);
	}
	for (size_t i = 0; i < 4; i++) {
		transform_four(&out[i], 4);
	}
}

// The coefficients from the scan's `first` on; how many there are.
static uint8_t quantise(const struct quantiser *quantiser, const int32_t coefficients[16],
		unsigned int first, int16_t *levels) {
	uint8_t count = 0;
	for (unsigned int i = first; i < 16; i++) {
		unsigned int at = zigzag[i];
		levels[i - first] = quantised(
				coefficients[at], quantiser->factor[at], quantiser->rounding, quantiser->shift);
		count = (uint8_t)(count + (levels[i - first] != 0));
	}
	return count;
}

static void code_luma(
		struct macroblock *mb, const struct quantiser *quantiser, int16_t (*difference)[16]) {
	for (uint32_t i = 0; i < 16; i++) {
		int32_t coefficients[16];
		transform(&difference[i / 4 * 4], i % 4 * 4, 1, coefficients);
		mb->counts.luma[i] = quantise(quantiser, coefficients, 0, mb->luma[i]);
	}
}

// 8.5.11.1, forwards
static bool code_chroma_dc(
		int16_t levels[4], const struct quantiser *quantiser, const int32_t dc[4]) {
	const int32_t sums[4] = {dc[0] + dc[1] + dc[2] + dc[3], dc[0] - dc[1] + dc[2] - dc[3],
			dc[0] + dc[1] - dc[2] - dc[3], dc[0] - dc[1] - dc[2] + dc[3]};
	bool any = false;
	for (int i = 0; i < 4; i++) {
		levels[i] = quantised(
				sums[i], quantiser->factor[0], 2 * quantiser->rounding, quantiser->shift + 1);
		any = any || levels[i] != 0;
	}
	return any;
}

static void code_chroma(
		struct macroblock *mb, const struct quantiser *quantiser, int16_t (*difference)[16]) {
	for (uint32_t plane = 0; plane < 2; plane++) {
		int32_t dc[4];
		for (uint32_t i = 0; i < 4; i++) {
			int32_t coefficients[16];
			transform(&difference[i / 2 * 4], plane + i % 2 * 8, 2, coefficients);
			dc[i] = coefficients[0];
			uint8_t count = quantise(quantiser, coefficients, 1, mb->chroma_ac[plane][i]);
			mb->counts.chroma[plane][i] = count;
			mb->has_ac = mb->has_ac || count > 0;
		}
		mb->has_dc = code_chroma_dc(mb->chroma_dc[plane], quantiser, dc) || mb->has_dc;
	}
}

// --- from coefficients to bits

// Of the blocks to the left and above, those there are: 9.2.1
static int context_of(const uint8_t *left, const uint8_t *above) {
	if (left != NULL && above != NULL) {
		return (*left + *above + 1) >> 1;
	}
	return left != NULL ? *left : above != NULL ? *above : 0;
}

// Of block `i` among so many (a power of two) a row, with the blocks of the macroblocks around.
static int context_at(unsigned int i, unsigned int row, const uint8_t *here, const uint8_t *left,
		const uint8_t *above) {
	const uint8_t *beside = i % row > 0 ? &here[i - 1] : left != NULL ? &left[i + row - 1] : NULL;
	const uint8_t *over = i >= row ? &here[i - row]
			: above != NULL		   ? &above[i + row * (row - 1)]
								   : NULL;
	return context_of(beside, over);
}

// One bit for each 8x8 block of luma, then what there is of chroma: 7.4.5
static unsigned int coded_block_pattern(const struct macroblock *mb) {
	unsigned int pattern = mb->has_ac ? 0x20 : mb->has_dc ? 0x10 : 0;
	for (unsigned int i = 0; i < 16; i++) {
		if (mb->counts.luma[i] > 0) {
			pattern |= 1U << (i / 8 * 2 + i % 4 / 2);
		}
	}
	return pattern;
}

// Table 9-4 for predicted macroblocks.
static uint32_t code_of_pattern(unsigned int pattern) {
	static const uint8_t codes[48] = {0, 2, 3, 7, 4, 8, 17, 13, 5, 18, 9, 14, 10, 15, 16, 11, 1, 32,
			33, 36, 34, 37, 44, 40, 35, 45, 38, 41, 39, 42, 43, 19, 6, 24, 25, 20, 26, 21, 46, 28,
			27, 47, 22, 29, 23, 30, 31, 12};
	return codes[pattern];
}

static void put_luma(struct es_nal_bits *bits, const struct macroblock *mb, unsigned int pattern,
		const struct counts *left, const struct counts *above) {
	for (unsigned int n = 0; n < 16; n++) {
		// Four blocks of an 8x8 block, before those of the next.
		unsigned int i = n / 8 * 8 + n / 4 % 2 * 2 + n / 2 % 2 * 4 + n % 2;
		if ((pattern >> n / 4 & 1) != 0) {
			cavlc_put_block(bits, mb->luma[i], 16,
					context_at(i, 4, mb->counts.luma, left != NULL ? left->luma : NULL,
							above != NULL ? above->luma : NULL));
		}
	}
}

static void put_chroma(struct es_nal_bits *bits, const struct macroblock *mb, unsigned int pattern,
		const struct counts *left, const struct counts *above) {
	for (unsigned int plane = 0; plane < 2 && (pattern & 0x30) != 0; plane++) {
		cavlc_put_block(bits, mb->chroma_dc[plane], 4, ES_CAVLC_CHROMA_DC);
	}
	for (unsigned int n = 0; n < 8 && (pattern & 0x20) != 0; n++) {
		unsigned int plane = n / 4, i = n % 4;
		cavlc_put_block(bits, mb->chroma_ac[plane][i], 15,
				context_at(i, 2, mb->counts.chroma[plane],
						left != NULL ? left->chroma[plane] : NULL,
						above != NULL ? above->chroma[plane] : NULL));
	}
}

// 7.3.5; motion there is none, and none is predicted where all around have none.
static void put_macroblock(struct es_nal_bits *bits, const struct macroblock *mb,
		unsigned int pattern, const struct counts *left, const struct counts *above) {
	nal_bits_put_ue(bits, MB_TYPE_P_16X16);
	nal_bits_put_se(bits, 0); // motion: none
	nal_bits_put_se(bits, 0);
	nal_bits_put_ue(bits, code_of_pattern(pattern));
	nal_bits_put_se(bits, 0); // the quantiser stays
	put_luma(bits, mb, pattern, left, above);
	put_chroma(bits, mb, pattern, left, above);
}

// --- the picture

static void code_macroblock(const struct es_patch *patch, const struct quantiser *luma,
		const struct quantiser *chroma, uint32_t mb_x, uint32_t mb_y, struct macroblock *mb) {
	int16_t difference[16][16] = {0};
	const struct es_picture *picture = patch->picture;
	uint32_t x = mb_x * 16, y = mb_y * 16;
	uint32_t columns = picture_coded_width(picture) - x, rows = picture_coded_height(picture) - y;
	columns = columns < 16 ? columns : 16;
	rows = rows < 16 ? rows : 16;
	*mb = (struct macroblock){0};
	subtract(picture->plane[0] + (size_t)y * picture->stride[0] + x, picture->stride[0],
			patch->reference[0] + (size_t)y * patch->reference_stride[0] + x,
			patch->reference_stride[0], columns, rows, difference);
	code_luma(mb, luma, difference);
	memset(difference, 0, sizeof(difference));
	subtract(picture->plane[1] + (size_t)(y / 2) * picture->stride[1] + x, picture->stride[1],
			patch->reference[1] + (size_t)(y / 2) * patch->reference_stride[1] + x,
			patch->reference_stride[1], columns, rows / 2, difference);
	code_chroma(mb, chroma, difference);
}

// 7.3.3
static void put_slice_header(struct es_nal_bits *bits, const struct es_patch *patch) {
	nal_bits_put_ue(bits, 0); // first macroblock
	nal_bits_put_ue(bits, SLICE_TYPE_ALL_P);
	nal_bits_put_ue(bits, 0); // picture parameter set
	nal_bits_put(bits, patch->frame_num % ES_PATCH_FRAME_NUMS, 4);
	nal_bits_put(bits, 1, 1); // the number of references is told here:
	nal_bits_put_ue(bits, 0); // one
	nal_bits_put(bits, 0, 1); // the newest
	nal_bits_put_se(bits, patch->picture != NULL ? patch->qp - patch->pps_qp : 0);
	nal_bits_put_ue(bits, 1); // no deblocking
}

// 7.3.4
static void put_macroblocks(struct es_nal_bits *bits, const struct es_patch *patch) {
	const struct quantiser luma = quantiser_for(patch->qp);
	const struct quantiser chroma = quantiser_for(chroma_qp(patch->qp + patch->chroma_qp_offset));
	struct counts rows[2][MAX_WIDTH];
	uint32_t skipped = 0;
	for (uint32_t y = 0; y < patch->height; y++) {
		struct counts *row = rows[y % 2], *row_above = rows[(y + 1) % 2];
		memset(row, 0, patch->width * sizeof(*row));
		for (uint32_t x = 0; x < patch->width; x++, skipped++) {
			if (patch->unchanged[(size_t)y * patch->width + x] != 0) {
				continue;
			}
			struct macroblock mb;
			code_macroblock(patch, &luma, &chroma, x, y, &mb);
			unsigned int pattern = coded_block_pattern(&mb);
			if (pattern == 0) {
				continue;
			}
			nal_bits_put_ue(bits, skipped);
			skipped = UINT32_MAX; // not this one
			put_macroblock(
					bits, &mb, pattern, x > 0 ? &row[x - 1] : NULL, y > 0 ? &row_above[x] : NULL);
			row[x] = mb.counts;
		}
	}
	if (skipped > 0) {
		nal_bits_put_ue(bits, skipped);
	}
}

size_t patch_picture_write(const struct es_patch *patch, uint8_t *out, size_t cap) {
	struct es_nal_bits bits;
	nal_bits_begin(&bits, NAL_HEADER, out, cap);
	put_slice_header(&bits, patch);
	if (patch->picture != NULL) {
		put_macroblocks(&bits, patch);
	} else {
		nal_bits_put_ue(&bits, patch->width * patch->height); // skipped
	}
	return nal_bits_end(&bits);
}
