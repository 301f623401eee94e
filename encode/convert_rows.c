#include "encode/convert_rows.h"

#include <string.h>

#include "encode/yuv_matrix.h"

// Pixels at a time: a constant, so that compilers make vectors of the loops.
#define BLOCK 64

struct line {
	float r[BLOCK], g[BLOCK], b[BLOCK];
};

// Codes of a line of one component, from components in their own unit.
struct factors {
	float r, g, b, offset;
};

struct plan {
	const struct es_pixel_format *format;
	struct es_layout layout;
	struct factors y, u, v; // u and v: of the sum of four pixels where chroma is subsampled
	float max;
};

static struct factors make_factors(
		const float row[4], const struct es_pixel_format *format, float share) {
	return (struct factors){
			.r = row[0] / (float)((1 << format->r.bits) - 1) * share,
			.g = row[1] / (float)((1 << format->g.bits) - 1) * share,
			.b = row[2] / (float)((1 << format->b.bits) - 1) * share,
			.offset = row[3] + 0.5f, // rounds
	};
}

static struct plan make_plan(const struct es_pixel_format *format, const struct es_picture *dst) {
	struct es_layout layout = picture_layout(dst->layout);
	struct es_yuv_matrix matrix = yuv_matrix(&dst->colour);
	float share = layout.subsampled ? 0.25f : 1;
	return (struct plan){
			.format = format,
			.layout = layout,
			.y = make_factors(matrix.y, format, 1),
			.u = make_factors(matrix.u, format, share),
			.v = make_factors(matrix.v, format, share),
			.max = (float)matrix.max_code,
	};
}

// What is too much in a block repeats its last pixel.
static void load(uint32_t *raw, const struct plan *plan, const uint8_t *src, uint32_t n) {
	if (plan->format->bytes_per_pixel == 4) {
		memcpy(raw, src, (size_t)n * 4);
	} else {
		for (uint32_t i = 0; i < n; i++) {
			raw[i] = (uint32_t)src[2 * i] | (uint32_t)src[2 * i + 1] << 8;
		}
	}
	for (uint32_t i = n; i < BLOCK; i++) {
		raw[i] = raw[n - 1];
	}
}

static void unpack(float *restrict out, const uint32_t *restrict raw, struct es_component at) {
	uint32_t mask = (UINT32_C(1) << at.bits) - 1;
	for (uint32_t i = 0; i < BLOCK; i++) {
		out[i] = (float)(int32_t)(raw[i] >> at.shift & mask);
	}
}

static void read_line(struct line *line, const struct plan *plan, const uint8_t *src, uint32_t n) {
	uint32_t raw[BLOCK];
	load(raw, plan, src, n);
	unpack(line->r, raw, plan->format->r);
	unpack(line->g, raw, plan->format->g);
	unpack(line->b, raw, plan->format->b);
}

static void multiply(int32_t *restrict codes, const struct line *restrict line, struct factors f,
		float max, uint32_t shift) {
	for (uint32_t i = 0; i < BLOCK; i++) {
		float code = line->r[i] * f.r + line->g[i] * f.g + line->b[i] * f.b + f.offset;
		code = code < max ? code : max;
		codes[i] = (int32_t)code << shift;
	}
}

static void add_pairs(float *restrict sum, const float *restrict a, const float *restrict b) {
	for (uint32_t i = 0; i < BLOCK / 2; i++) {
		sum[i] = (a[2 * i] + a[2 * i + 1]) + (b[2 * i] + b[2 * i + 1]);
	}
}

// Of the four pixels of each chroma sample; the second half of `sum` stays unused.
static void add_lines(struct line *sum, const struct line *a, const struct line *b) {
	*sum = (struct line){0};
	add_pairs(sum->r, a->r, b->r);
	add_pairs(sum->g, a->g, b->g);
	add_pairs(sum->b, a->b, b->b);
}

static void store(uint8_t *out, const int32_t *codes, uint32_t n, uint32_t sample_size) {
	uint8_t bytes[BLOCK];
	uint16_t words[BLOCK];
	if (sample_size == 1) {
		for (uint32_t i = 0; i < BLOCK; i++) {
			bytes[i] = (uint8_t)codes[i];
		}
		memcpy(out, bytes, n);
	} else {
		for (uint32_t i = 0; i < BLOCK; i++) {
			words[i] = (uint16_t)codes[i];
		}
		memcpy(out, words, (size_t)n * 2);
	}
}

static void write_line(const struct plan *plan, const struct line *line, struct es_picture *dst,
		uint32_t plane, uint32_t x, uint32_t y, uint32_t n) {
	int32_t codes[BLOCK];
	const struct factors *factors = plane == 0 ? &plan->y : plane == 1 ? &plan->u : &plan->v;
	multiply(codes, line, *factors, plan->max, plan->layout.shift);
	store(dst->plane[plane] + (size_t)y * dst->stride[plane] + (size_t)x * plan->layout.sample_size,
			codes, n, plan->layout.sample_size);
}

static void write_chroma(const struct plan *plan, const struct line lines[2],
		struct es_picture *dst, uint32_t x, uint32_t y, uint32_t n) {
	struct line sum;
	int32_t u[BLOCK], v[BLOCK], both[BLOCK];
	add_lines(&sum, &lines[0], &lines[1]);
	multiply(u, &sum, plan->u, plan->max, plan->layout.shift);
	multiply(v, &sum, plan->v, plan->max, plan->layout.shift);
	if (!plan->layout.interleaved) {
		store(picture_at(dst, 1, x, y), u, n / 2, plan->layout.sample_size);
		store(picture_at(dst, 2, x, y), v, n / 2, plan->layout.sample_size);
		return;
	}
	for (uint32_t i = 0; i < BLOCK / 2; i++) {
		both[2 * i] = u[i];
		both[2 * i + 1] = v[i];
	}
	store(picture_at(dst, 1, x, y), both, n, plan->layout.sample_size);
}

// Two rows of up to BLOCK pixels. n: columns of the source; what is written is made even.
static void convert_block(const struct plan *plan, const struct es_pixels *src,
		struct es_picture *dst, uint32_t x, uint32_t y, uint32_t n) {
	struct line lines[2];
	uint32_t even = (n + 1) & ~UINT32_C(1);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t row = y + i < dst->height ? y + i : dst->height - 1;
		read_line(&lines[i], plan,
				src->data + (size_t)row * src->stride + (size_t)x * plan->format->bytes_per_pixel,
				n);
		write_line(plan, &lines[i], dst, 0, x, y + i, even);
		if (!plan->layout.subsampled) {
			write_line(plan, &lines[i], dst, 1, x, y + i, even);
			write_line(plan, &lines[i], dst, 2, x, y + i, even);
		}
	}
	if (plan->layout.subsampled) {
		write_chroma(plan, lines, dst, x, y, even);
	}
}

void convert_rows(const struct es_pixel_format *format, const struct es_pixels *src,
		struct es_picture *dst, const struct es_rect *r) {
	struct plan plan = make_plan(format, dst);
	for (uint32_t y = r->y; y < r->y + r->height; y += 2) {
		for (uint32_t x = r->x; x < r->x + r->width; x += BLOCK) {
			uint32_t left = r->x + r->width - x;
			convert_block(&plan, src, dst, x, y, left < BLOCK ? left : BLOCK);
		}
	}
}
