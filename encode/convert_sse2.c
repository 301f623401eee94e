// As convert_avx2.c, eight pixels of two rows at once: what every processor of this architecture has.
#ifdef __x86_64__
#include <emmintrin.h>
#include <stdbool.h>
#include <string.h>

#include "encode/convert_kernel.h"

#define STEP 8
#define INLINE static inline __attribute__((always_inline))

struct pixels {
	__m128i even, odd; // fields
};

struct part {
	__m128i even, odd, add, shift;
};

struct state {
	struct part y, u, v;
	__m128i max, shift; // of samples
	bool wide, subsampled, interleaved;
	enum es_unpack unpack;
};

INLINE __m128i factors(int16_t low, int16_t high) {
	return _mm_set1_epi32((int32_t)((uint32_t)(uint16_t)high << 16 | (uint16_t)low));
}

INLINE struct part load_part(const struct es_convert_part *part) {
	return (struct part){
			.even = factors(part->factor[0], part->factor[2]),
			.odd = factors(part->factor[1], part->factor[3]),
			.add = _mm_set1_epi32(part->add),
			.shift = _mm_cvtsi32_si128(part->shift),
	};
}

INLINE struct pixels unpack(enum es_unpack kind, __m128i v) {
	if (kind == ES_UNPACK_BYTES) {
		return (struct pixels){_mm_and_si128(v, _mm_set1_epi32(0x00ff00ff)), _mm_srli_epi16(v, 8)};
	}
	if (kind == ES_UNPACK_TENS) {
		__m128i third = _mm_and_si128(_mm_srli_epi32(v, 4), _mm_set1_epi32(0x03ff0000));
		__m128i first = _mm_and_si128(v, _mm_set1_epi32(0x3ff));
		__m128i second = _mm_and_si128(_mm_srli_epi32(v, 10), _mm_set1_epi32(0x3ff));
		return (struct pixels){_mm_or_si128(first, third), second};
	}
	__m128i third = _mm_and_si128(_mm_slli_epi32(v, 5), _mm_set1_epi32(0x1f0000));
	__m128i first = _mm_and_si128(v, _mm_set1_epi32(0x1f));
	__m128i second = _mm_and_si128(_mm_srli_epi32(v, 5), _mm_set1_epi32(0x3f));
	return (struct pixels){_mm_or_si128(first, third), second};
}

// Four pixels.
INLINE struct pixels load(enum es_unpack kind, const uint8_t *row, uint32_t x) {
	if (kind == ES_UNPACK_565) {
		__m128i words = _mm_loadl_epi64((const __m128i *)(row + (size_t)x * 2));
		return unpack(kind, _mm_unpacklo_epi16(words, _mm_setzero_si128()));
	}
	return unpack(kind, _mm_loadu_si128((const __m128i *)(row + (size_t)x * 4)));
}

INLINE __m128i codes_of(const struct part *part, struct pixels p) {
	__m128i sum =
			_mm_add_epi32(_mm_madd_epi16(p.even, part->even), _mm_madd_epi16(p.odd, part->odd));
	return _mm_sra_epi32(_mm_add_epi32(sum, part->add), part->shift);
}

INLINE __m128i limit(const struct state *s, __m128i words) {
	return _mm_sll_epi16(_mm_min_epi16(words, s->max), s->shift);
}

INLINE void store_rows(const struct state *s, uint8_t *const out[2], uint32_t x,
		const struct part *part, const struct pixels p[2][2]) {
	__m128i first = _mm_packs_epi32(codes_of(part, p[0][0]), codes_of(part, p[0][1]));
	__m128i second = _mm_packs_epi32(codes_of(part, p[1][0]), codes_of(part, p[1][1]));
	if (s->wide) {
		_mm_storeu_si128((__m128i *)(out[0] + 2 * (size_t)x), limit(s, first));
		_mm_storeu_si128((__m128i *)(out[1] + 2 * (size_t)x), limit(s, second));
		return;
	}
	__m128i both = _mm_packus_epi16(first, second);
	_mm_storel_epi64((__m128i *)(out[0] + x), both);
	_mm_storel_epi64((__m128i *)(out[1] + x), _mm_srli_si128(both, 8));
}

// In the even pixels: left + 2 * here + right.
INLINE __m128i weigh(__m128i before, __m128i here) {
	__m128i left = _mm_or_si128(_mm_slli_si128(here, 4), _mm_srli_si128(before, 12));
	__m128i right = _mm_srli_epi64(here, 32);
	return _mm_add_epi16(_mm_add_epi16(left, right), _mm_add_epi16(here, here));
}

INLINE __m128i evens(__m128i a, __m128i b) {
	return _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), 0x88));
}

INLINE struct pixels add(struct pixels a, struct pixels b) {
	return (struct pixels){_mm_add_epi16(a.even, b.even), _mm_add_epi16(a.odd, b.odd)};
}

INLINE void store_interleaved(const struct state *s, uint8_t *out, uint32_t x, __m128i both) {
	if (s->wide) {
		_mm_storeu_si128((__m128i *)(out + 2 * (size_t)x), limit(s, both));
	} else {
		_mm_storel_epi64((__m128i *)(out + x), _mm_packus_epi16(both, both));
	}
}

INLINE void store_planes(
		const struct state *s, const struct es_row_pair *pair, uint32_t x, __m128i u, __m128i v) {
	__m128i words = _mm_packs_epi32(u, v); // U, then V
	if (s->wide) {
		words = limit(s, words);
		_mm_storel_epi64((__m128i *)(pair->u[0] + x), words);
		_mm_storel_epi64((__m128i *)(pair->v[0] + x), _mm_srli_si128(words, 8));
		return;
	}
	__m128i bytes = _mm_packus_epi16(words, words);
	int32_t four[2] = {_mm_cvtsi128_si32(bytes), _mm_cvtsi128_si32(_mm_srli_si128(bytes, 4))};
	memcpy(pair->u[0] + x / 2, &four[0], 4);
	memcpy(pair->v[0] + x / 2, &four[1], 4);
}

// `before`: the sums of the four pixels left of these; of these when it is left.
INLINE void store_chroma(const struct state *s, const struct es_row_pair *pair, uint32_t x,
		const struct pixels p[2][2], struct pixels *before) {
	struct pixels first = add(p[0][0], p[1][0]), second = add(p[0][1], p[1][1]);
	struct pixels sum = {
			evens(weigh(before->even, first.even), weigh(first.even, second.even)),
			evens(weigh(before->odd, first.odd), weigh(first.odd, second.odd)),
	};
	*before = second;
	__m128i u = codes_of(&s->u, sum), v = codes_of(&s->v, sum);
	if (s->interleaved) {
		store_interleaved(s, pair->u[0], x, _mm_or_si128(u, _mm_slli_epi32(v, 16)));
	} else {
		store_planes(s, pair, x, u, v);
	}
}

INLINE void convert_pair(const struct state *s, const struct es_row_pair *pair, uint32_t n) {
	struct pixels before = add(unpack(s->unpack, _mm_set1_epi32((int32_t)pair->left[0])),
			unpack(s->unpack, _mm_set1_epi32((int32_t)pair->left[1])));
	for (uint32_t x = 0; x < n; x += STEP) {
		// No loops: compilers would keep what they go over in memory.
		const struct pixels p[2][2] = {
				{load(s->unpack, pair->src[0], x), load(s->unpack, pair->src[0], x + STEP / 2)},
				{load(s->unpack, pair->src[1], x), load(s->unpack, pair->src[1], x + STEP / 2)},
		};
		store_rows(s, pair->luma, x, &s->y, p);
		if (s->subsampled) {
			store_chroma(s, pair, x, p, &before);
		} else {
			store_rows(s, pair->u, x, &s->u, p);
			store_rows(s, pair->v, x, &s->v, p);
		}
	}
}

INLINE void convert_as(const struct es_convert_plan *plan, const struct es_row_pair *pair,
		uint32_t n, enum es_unpack kind) {
	const struct state state = {
			.y = load_part(&plan->y),
			.u = load_part(&plan->u),
			.v = load_part(&plan->v),
			.max = _mm_set1_epi16((int16_t)plan->max_code),
			.shift = _mm_cvtsi32_si128((int32_t)plan->layout.shift),
			.wide = plan->layout.sample_size == 2,
			.subsampled = plan->layout.subsampled,
			.interleaved = plan->layout.interleaved,
			.unpack = kind,
	};
	convert_pair(&state, pair, n);
}

// Compiled for each of these by itself.
static void convert(
		const struct es_convert_plan *plan, const struct es_row_pair *pair, uint32_t n) {
	switch (plan->unpack) {
	case ES_UNPACK_BYTES:
		convert_as(plan, pair, n, ES_UNPACK_BYTES);
		break;
	case ES_UNPACK_TENS:
		convert_as(plan, pair, n, ES_UNPACK_TENS);
		break;
	default:
		convert_as(plan, pair, n, ES_UNPACK_565);
	}
}

const struct es_convert_kernel convert_sse2 = {"SSE2", convert};
#endif
