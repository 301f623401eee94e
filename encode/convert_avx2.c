// Sixteen pixels of two rows at once. A pixel's fields lie in two vectors of words, 0 and 2, 1 and 3, so
// that two instructions multiply and add all four.
#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>

#include "encode/convert_kernel.h"

#define AVX2 __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))

struct pixels {
	__m256i even, odd; // fields
};

struct part {
	__m256i even, odd, add;
	__m128i shift;
};

struct state {
	struct part y, u, v;
	__m256i max;
	__m128i shift; // of samples
	bool wide, subsampled, interleaved;
	enum es_unpack unpack;
};

INLINE __m256i factors(int16_t low, int16_t high) {
	return _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)high << 16 | (uint16_t)low));
}

INLINE struct part load_part(const struct es_convert_part *part) {
	return (struct part){
			.even = factors(part->factor[0], part->factor[2]),
			.odd = factors(part->factor[1], part->factor[3]),
			.add = _mm256_set1_epi32(part->add),
			.shift = _mm_cvtsi32_si128(part->shift),
	};
}

INLINE struct pixels unpack(enum es_unpack kind, __m256i v) {
	if (kind == ES_UNPACK_BYTES) {
		return (struct pixels){
				_mm256_and_si256(v, _mm256_set1_epi32(0x00ff00ff)), _mm256_srli_epi16(v, 8)};
	}
	if (kind == ES_UNPACK_TENS) {
		__m256i third = _mm256_and_si256(_mm256_srli_epi32(v, 4), _mm256_set1_epi32(0x03ff0000));
		__m256i first = _mm256_and_si256(v, _mm256_set1_epi32(0x3ff));
		__m256i second = _mm256_and_si256(_mm256_srli_epi32(v, 10), _mm256_set1_epi32(0x3ff));
		return (struct pixels){_mm256_or_si256(first, third), second};
	}
	__m256i third = _mm256_and_si256(_mm256_slli_epi32(v, 5), _mm256_set1_epi32(0x1f0000));
	__m256i first = _mm256_and_si256(v, _mm256_set1_epi32(0x1f));
	__m256i second = _mm256_and_si256(_mm256_srli_epi32(v, 5), _mm256_set1_epi32(0x3f));
	return (struct pixels){_mm256_or_si256(first, third), second};
}

// Eight pixels.
INLINE struct pixels load(enum es_unpack kind, const uint8_t *row, uint32_t x) {
	if (kind == ES_UNPACK_565) {
		__m128i words = _mm_loadu_si128((const __m128i *)(row + (size_t)x * 2));
		return unpack(kind, _mm256_cvtepu16_epi32(words));
	}
	return unpack(kind, _mm256_loadu_si256((const __m256i *)(row + (size_t)x * 4)));
}

INLINE __m256i codes_of(const struct part *part, struct pixels p) {
	__m256i sum = _mm256_add_epi32(
			_mm256_madd_epi16(p.even, part->even), _mm256_madd_epi16(p.odd, part->odd));
	return _mm256_sra_epi32(_mm256_add_epi32(sum, part->add), part->shift);
}

INLINE __m256i limit(const struct state *s, __m256i words) {
	return _mm256_sll_epi16(_mm256_min_epi16(words, s->max), s->shift);
}

// Of sixteen pixels in a row each.
INLINE void store_rows(const struct state *s, uint8_t *const out[2], uint32_t x,
		const struct part *part, const struct pixels p[2][2]) {
	__m256i first = _mm256_packs_epi32(codes_of(part, p[0][0]), codes_of(part, p[0][1]));
	__m256i second = _mm256_packs_epi32(codes_of(part, p[1][0]), codes_of(part, p[1][1]));
	if (s->wide) {
		_mm256_storeu_si256((__m256i *)(out[0] + 2 * (size_t)x),
				_mm256_permute4x64_epi64(limit(s, first), 0xd8));
		_mm256_storeu_si256((__m256i *)(out[1] + 2 * (size_t)x),
				_mm256_permute4x64_epi64(limit(s, second), 0xd8));
		return;
	}
	// Packing works within halves.
	__m256i both = _mm256_permutevar8x32_epi32(
			_mm256_packus_epi16(first, second), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
	_mm_storeu_si128((__m128i *)(out[0] + x), _mm256_castsi256_si128(both));
	_mm_storeu_si128((__m128i *)(out[1] + x), _mm256_extracti128_si256(both, 1));
}

// In the even pixels: left + 2 * here + right.
INLINE __m256i weigh(__m256i before, __m256i here) {
	__m256i crossing = _mm256_permute2x128_si256(before, here, 0x21);
	__m256i left = _mm256_alignr_epi8(here, crossing, 12);
	__m256i right = _mm256_srli_epi64(here, 32);
	return _mm256_add_epi16(_mm256_add_epi16(left, right), _mm256_add_epi16(here, here));
}

// The even pixels of both, in order.
INLINE __m256i evens(__m256i a, __m256i b) {
	__m256i mixed = _mm256_castps_si256(
			_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
	return _mm256_permute4x64_epi64(mixed, 0xd8);
}

INLINE struct pixels add(struct pixels a, struct pixels b) {
	return (struct pixels){_mm256_add_epi16(a.even, b.even), _mm256_add_epi16(a.odd, b.odd)};
}

INLINE void store_interleaved(const struct state *s, uint8_t *out, uint32_t x, __m256i both) {
	if (s->wide) {
		_mm256_storeu_si256((__m256i *)(out + 2 * (size_t)x), limit(s, both));
	} else {
		_mm_storeu_si128((__m128i *)(out + x),
				_mm_packus_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1)));
	}
}

INLINE void store_planes(
		const struct state *s, const struct es_row_pair *pair, uint32_t x, __m256i u, __m256i v) {
	__m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(u, v), 0xd8); // U, then V
	if (s->wide) {
		words = limit(s, words);
		_mm_storeu_si128((__m128i *)(pair->u[0] + x), _mm256_castsi256_si128(words));
		_mm_storeu_si128((__m128i *)(pair->v[0] + x), _mm256_extracti128_si256(words, 1));
		return;
	}
	__m128i bytes =
			_mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
	_mm_storel_epi64((__m128i *)(pair->u[0] + x / 2), bytes);
	_mm_storel_epi64((__m128i *)(pair->v[0] + x / 2), _mm_srli_si128(bytes, 8));
}

// `before`: the sums of the eight pixels left of these; of these when it is left.
INLINE void store_chroma(const struct state *s, const struct es_row_pair *pair, uint32_t x,
		const struct pixels p[2][2], struct pixels *before) {
	struct pixels first = add(p[0][0], p[1][0]), second = add(p[0][1], p[1][1]);
	struct pixels sum = {
			evens(weigh(before->even, first.even), weigh(first.even, second.even)),
			evens(weigh(before->odd, first.odd), weigh(first.odd, second.odd)),
	};
	*before = second;
	__m256i u = codes_of(&s->u, sum), v = codes_of(&s->v, sum);
	if (s->interleaved) {
		store_interleaved(s, pair->u[0], x, _mm256_or_si256(u, _mm256_slli_epi32(v, 16)));
	} else {
		store_planes(s, pair, x, u, v);
	}
}

INLINE void convert_pair(const struct state *s, const struct es_row_pair *pair, uint32_t n) {
	struct pixels before = add(unpack(s->unpack, _mm256_set1_epi32((int32_t)pair->left[0])),
			unpack(s->unpack, _mm256_set1_epi32((int32_t)pair->left[1])));
	for (uint32_t x = 0; x < n; x += ES_KERNEL_BLOCK) {
		// No loops: compilers would keep what they go over in memory.
		const struct pixels p[2][2] = {
				{load(s->unpack, pair->src[0], x), load(s->unpack, pair->src[0], x + 8)},
				{load(s->unpack, pair->src[1], x), load(s->unpack, pair->src[1], x + 8)},
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
		uint32_t n, enum es_unpack kind, bool wide) {
	const struct state state = {
			.y = load_part(&plan->y),
			.u = load_part(&plan->u),
			.v = load_part(&plan->v),
			.max = _mm256_set1_epi16((int16_t)plan->max_code),
			.shift = _mm_cvtsi32_si128((int32_t)plan->layout.shift),
			.wide = wide,
			.subsampled = plan->layout.subsampled,
			.interleaved = plan->layout.interleaved,
			.unpack = kind,
	};
	convert_pair(&state, pair, n);
}

// Compiled for each of these by itself.
AVX2 static void convert(
		const struct es_convert_plan *plan, const struct es_row_pair *pair, uint32_t n) {
	bool wide = plan->layout.sample_size == 2;
	switch (plan->unpack) {
	case ES_UNPACK_BYTES:
		if (wide) {
			convert_as(plan, pair, n, ES_UNPACK_BYTES, true);
		} else {
			convert_as(plan, pair, n, ES_UNPACK_BYTES, false);
		}
		break;
	case ES_UNPACK_TENS:
		if (wide) {
			convert_as(plan, pair, n, ES_UNPACK_TENS, true);
		} else {
			convert_as(plan, pair, n, ES_UNPACK_TENS, false);
		}
		break;
	default:
		convert_as(plan, pair, n, ES_UNPACK_565, wide);
	}
}

const struct es_convert_kernel convert_avx2 = {"AVX2", convert};
#endif
