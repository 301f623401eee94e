#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "encode/convert_kernel.h"
#include "encode/yuv_matrix.h"

// What does not fill a block, and what is written of it: one row.
struct tail {
	uint8_t src[ES_KERNEL_BLOCK * 4];
	uint8_t luma[ES_KERNEL_BLOCK * 2], u[ES_KERNEL_BLOCK * 2], v[ES_KERNEL_BLOCK * 2];
};

size_t convert_kernels(const struct es_convert_kernel *out[3]) {
	size_t n = 0;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2")) {
		out[n++] = &convert_avx2;
	}
	out[n++] = &convert_sse2; // part of the architecture
#endif
	out[n++] = &convert_plain;
	return n;
}

// --- the plan

static uint32_t field_of(enum es_unpack unpack, struct es_component at) {
	switch (unpack) {
	case ES_UNPACK_BYTES:
		return at.shift / 8;
	case ES_UNPACK_TENS:
		return at.shift / 10;
	default:
		return at.shift == 0 ? 0 : at.shift < 11 ? 1 : 2;
	}
}

static double scaled(float factor, struct es_component at) {
	return (double)factor / ((1 << at.bits) - 1);
}

// As many bits as the factors have room for. The sums that it is for hold 2 to the weight_bits pixels.
static struct es_convert_part make_part(const float row[4], enum es_unpack unpack,
		const struct es_pixel_format *format, uint32_t weight_bits) {
	struct es_convert_part part = {0};
	double r = scaled(row[0], format->r), g = scaled(row[1], format->g);
	double b = scaled(row[2], format->b);
	double largest = fmax(fabs(r), fmax(fabs(g), fabs(b)));
	while (ldexp(largest, part.shift + 1) <= INT16_MAX - 1) {
		part.shift++;
	}
	part.factor[field_of(unpack, format->r)] = (int16_t)lrint(ldexp(r, part.shift));
	part.factor[field_of(unpack, format->g)] = (int16_t)lrint(ldexp(g, part.shift));
	part.factor[field_of(unpack, format->b)] = (int16_t)lrint(ldexp(b, part.shift));
	part.shift += (int32_t)weight_bits;
	part.add = (int32_t)lrint(ldexp((double)row[3] + 0.5, part.shift)); // rounds
	return part;
}

struct es_convert_plan convert_make_plan(
		const struct es_pixel_format *format, const struct es_picture *dst) {
	struct es_layout layout = picture_layout(dst->layout);
	struct es_yuv_matrix matrix = yuv_matrix(&dst->colour);
	enum es_unpack unpack = format->bytes_per_pixel == 2 ? ES_UNPACK_565
			: format->r.bits == 10						 ? ES_UNPACK_TENS
														 : ES_UNPACK_BYTES;
	uint32_t weight_bits = layout.subsampled ? 3 : 0;
	return (struct es_convert_plan){
			.unpack = unpack,
			.bytes_per_pixel = format->bytes_per_pixel,
			.layout = layout,
			.y = make_part(matrix.y, unpack, format, 0),
			.u = make_part(matrix.u, unpack, format, weight_bits),
			.v = make_part(matrix.v, unpack, format, weight_bits),
			.max_code = matrix.max_code,
	};
}

// --- rows

// Some columns of all rows of a rectangle.
struct columns {
	const struct es_convert_plan *plan;
	const struct es_pixels *src;
	struct es_picture *dst;
	uint32_t x, n;
	struct es_row_pair pair; // the next
};

static uint32_t raw_at(const struct es_convert_plan *plan, const uint8_t *pixel) {
	uint32_t v = pixel[0] | (uint32_t)pixel[1] << 8;
	return plan->bytes_per_pixel == 2 ? v : v | (uint32_t)pixel[2] << 16 | (uint32_t)pixel[3] << 24;
}

static struct columns columns_from(const struct es_convert_plan *plan, const struct es_pixels *src,
		struct es_picture *dst, uint32_t x, uint32_t y, uint32_t n) {
	struct columns columns = {.plan = plan, .src = src, .dst = dst, .x = x, .n = n};
	struct es_row_pair *pair = &columns.pair;
	pair->src[0] = src->data + (size_t)y * src->stride + (size_t)x * plan->bytes_per_pixel;
	pair->luma[0] = picture_at(dst, 0, x, y);
	pair->luma[1] = pair->luma[0] + dst->stride[0];
	pair->u[0] = picture_at(dst, 1, x, y);
	pair->v[0] = plan->layout.interleaved ? NULL : picture_at(dst, 2, x, y);
	if (!plan->layout.subsampled) {
		pair->u[1] = pair->u[0] + dst->stride[1];
		pair->v[1] = pair->v[0] + dst->stride[2];
	}
	return columns;
}

// Below the last row of an odd picture it is repeated.
static void read_rows(struct columns *columns, uint32_t y) {
	struct es_row_pair *pair = &columns->pair;
	bool last = y + 1 == columns->dst->height;
	size_t before = columns->x > 0 ? columns->plan->bytes_per_pixel : 0;
	pair->src[1] = pair->src[0] + (last ? 0 : columns->src->stride);
	for (int i = 0; i < 2; i++) {
		pair->left[i] = raw_at(columns->plan, pair->src[i] - before);
	}
}

static void next_rows(struct columns *columns) {
	struct es_row_pair *pair = &columns->pair;
	const struct es_picture *dst = columns->dst;
	size_t chroma_rows = columns->plan->layout.subsampled ? 1 : 2;
	pair->src[0] += (size_t)columns->src->stride * 2;
	for (int i = 0; i < 2; i++) {
		pair->luma[i] += (size_t)dst->stride[0] * 2;
		if (pair->u[i] != NULL) {
			pair->u[i] += dst->stride[1] * chroma_rows;
		}
		if (pair->v[i] != NULL) {
			pair->v[i] += dst->stride[2] * chroma_rows;
		}
	}
}

// Pixels that are too many repeat the last one.
static void fill_tail(
		const struct es_convert_plan *plan, struct tail *tail, const uint8_t *src, uint32_t n) {
	size_t size = plan->bytes_per_pixel;
	memcpy(tail->src, src, n * size);
	for (size_t i = n; i < ES_KERNEL_BLOCK; i++) {
		memcpy(tail->src + i * size, src + (n - 1) * size, size);
	}
}

static void copy_out(const struct es_convert_plan *plan, const struct es_row_pair *pair,
		const struct tail tails[2], uint32_t even) {
	size_t luma = (size_t)even * plan->layout.sample_size;
	size_t chroma = plan->layout.subsampled && !plan->layout.interleaved ? luma / 2 : luma;
	for (int i = 0; i < 2; i++) {
		memcpy(pair->luma[i], tails[i].luma, luma);
		if (pair->u[i] != NULL) {
			memcpy(pair->u[i], tails[i].u, chroma);
		}
		if (pair->v[i] != NULL) {
			memcpy(pair->v[i], tails[i].v, chroma);
		}
	}
}

static void convert_aside(const struct es_convert_kernel *kernel,
		const struct es_convert_plan *plan, const struct es_row_pair *pair, uint32_t n) {
	struct tail tails[2];
	struct es_row_pair aside = *pair;
	for (int i = 0; i < 2; i++) {
		fill_tail(plan, &tails[i], pair->src[i], n);
		aside.src[i] = tails[i].src;
		aside.luma[i] = tails[i].luma;
		aside.u[i] = tails[i].u;
		aside.v[i] = tails[i].v;
	}
	kernel->convert(plan, &aside, ES_KERNEL_BLOCK);
	copy_out(plan, pair, tails, (n + 1) & ~UINT32_C(1));
}

static void convert_columns(const struct es_convert_kernel *kernel, struct columns *columns,
		uint32_t y, uint32_t bottom) {
	for (; y < bottom; y += 2) {
		read_rows(columns, y);
		if (columns->n < ES_KERNEL_BLOCK) {
			convert_aside(kernel, columns->plan, &columns->pair, columns->n);
		} else {
			kernel->convert(columns->plan, &columns->pair, columns->n);
		}
		if (y + 2 < bottom) {
			next_rows(columns);
		}
	}
}

void convert_rows(const struct es_convert_kernel *kernel, const struct es_convert_plan *plan,
		const struct es_pixels *src, struct es_picture *dst, const struct es_rect *r) {
	uint32_t blocks = r->width & ~(uint32_t)(ES_KERNEL_BLOCK - 1);
	uint32_t x = r->x + blocks, n = r->width - blocks, bottom = r->y + r->height;
	if (blocks > 0) {
		struct columns columns = columns_from(plan, src, dst, r->x, r->y, blocks);
		convert_columns(kernel, &columns, r->y, bottom);
	}
	if (n > 0 && blocks > 0 && (n & 1) == 0) {
		// A whole block that ends there is faster, and some of it the same once more.
		x -= ES_KERNEL_BLOCK - n;
		n = ES_KERNEL_BLOCK;
	}
	if (n > 0) {
		struct columns columns = columns_from(plan, src, dst, x, r->y, n);
		convert_columns(kernel, &columns, r->y, bottom);
	}
}
