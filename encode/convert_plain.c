// For processors without vectors that we know; what the others are tested against.
#include <string.h>

#include "encode/convert_kernel.h"

struct fields {
	int32_t at[4];
};

static uint32_t raw_at(const struct es_convert_plan *plan, const uint8_t *row, uint32_t x) {
	uint32_t size = plan->bytes_per_pixel, v = 0;
	for (uint32_t i = 0; i < size; i++) {
		v |= (uint32_t)row[(size_t)x * size + i] << 8 * i;
	}
	return v;
}

static struct fields unpack(const struct es_convert_plan *plan, uint32_t v) {
	int32_t low = (int32_t)(v & 255), high = (int32_t)(v >> 24);
	switch (plan->unpack) {
	case ES_UNPACK_BYTES:
		return (struct fields){{low, (int32_t)(v >> 8 & 255), (int32_t)(v >> 16 & 255), high}};
	case ES_UNPACK_TENS:
		return (struct fields){
				{(int32_t)(v & 1023), (int32_t)(v >> 10 & 1023), (int32_t)(v >> 20 & 1023), 0}};
	default: // ES_UNPACK_565
		return (struct fields){
				{(int32_t)(v & 31), (int32_t)(v >> 5 & 63), (int32_t)(v >> 11 & 31), 0}};
	}
}

static uint32_t code_of(const struct es_convert_plan *plan, const struct es_convert_part *part,
		const struct fields *f) {
	int32_t sum = part->add;
	for (int i = 0; i < 4; i++) {
		sum += part->factor[i] * f->at[i];
	}
	int32_t code = sum >> part->shift;
	return (uint32_t)(code < plan->max_code ? code : plan->max_code) << plan->layout.shift;
}

static void store(const struct es_convert_plan *plan, uint8_t *out, uint32_t x, uint32_t sample) {
	if (plan->layout.sample_size == 1) {
		out[x] = (uint8_t)sample;
	} else {
		uint16_t word = (uint16_t)sample;
		memcpy(out + 2 * (size_t)x, &word, sizeof(word));
	}
}

static void add_fields(struct fields *sum, const struct fields *f, int32_t weight) {
	for (int i = 0; i < 4; i++) {
		sum->at[i] += weight * f->at[i];
	}
}

static void store_chroma(const struct es_convert_plan *plan, const struct es_row_pair *pair,
		uint32_t x, const struct fields *f) {
	uint32_t u = code_of(plan, &plan->u, f), v = code_of(plan, &plan->v, f);
	if (plan->layout.interleaved) {
		store(plan, pair->u[0], 2 * x, u);
		store(plan, pair->u[0], 2 * x + 1, v);
	} else {
		store(plan, pair->u[0], x, u);
		store(plan, pair->v[0], x, v);
	}
}

static void convert(
		const struct es_convert_plan *plan, const struct es_row_pair *pair, uint32_t n) {
	struct fields left[2] = {unpack(plan, pair->left[0]), unpack(plan, pair->left[1])};
	for (uint32_t x = 0; x < n; x += 2) {
		struct fields sum = {{0}};
		for (int row = 0; row < 2; row++) {
			struct fields here = unpack(plan, raw_at(plan, pair->src[row], x));
			struct fields right = unpack(plan, raw_at(plan, pair->src[row], x + 1));
			store(plan, pair->luma[row], x, code_of(plan, &plan->y, &here));
			store(plan, pair->luma[row], x + 1, code_of(plan, &plan->y, &right));
			if (plan->layout.subsampled) {
				add_fields(&sum, &left[row], 1);
				add_fields(&sum, &here, 2);
				add_fields(&sum, &right, 1);
				left[row] = right;
			} else {
				store(plan, pair->u[row], x, code_of(plan, &plan->u, &here));
				store(plan, pair->u[row], x + 1, code_of(plan, &plan->u, &right));
				store(plan, pair->v[row], x, code_of(plan, &plan->v, &here));
				store(plan, pair->v[row], x + 1, code_of(plan, &plan->v, &right));
			}
		}
		if (plan->layout.subsampled) {
			store_chroma(plan, pair, x / 2, &sum);
		}
	}
}

const struct es_convert_kernel convert_plain = {"plain", convert};
