#include "encode/self_test_verdict.h"

#include <math.h>
#include <stdio.h>

#include "encode/self_test_pattern.h"

// Of codes in eight bits.
#define MAX_LUMA_ERROR 6
#define MAX_CHROMA_ERROR 8

struct yuv {
	double part[3];
};

// How the picture may have come about.
struct guess {
	const char *words;
	double kr, kb;
	bool full_range, swapped, frame_before;
};

struct seen {
	const struct es_mode *mode;
	const struct es_colour *colour;
	uint32_t frame;
	double max_luma_error, max_chroma_error;
	struct yuv cells[ES_PATTERN_CELLS], right, bottom;
};

static struct yuv mean(const struct es_decoded *picture, struct es_rect r) {
	struct yuv result;
	for (uint32_t plane = 0; plane < 3; plane++) {
		uint32_t shift = plane > 0 && !picture->yuv444 ? 1 : 0;
		uint32_t left = r.x >> shift, top = r.y >> shift;
		uint32_t right = (r.x + r.width) >> shift, bottom = (r.y + r.height) >> shift;
		uint64_t sum = 0;
		for (uint32_t y = top; y < bottom; y++) {
			for (uint32_t x = left; x < right; x++) {
				sum += decoded_sample(picture, plane, x, y);
			}
		}
		double n = (double)(right - left) * (bottom - top) * (1 << (picture->depth - 8));
		result.part[plane] = (double)sum / n;
	}
	return result;
}

// The middle half of a box, away from what neighbours do at its edges.
static struct es_rect centre(struct es_rect r) {
	return (struct es_rect){r.x + r.width / 4, r.y + r.height / 4, r.width / 2, r.height / 2};
}

static void look(struct seen *seen, const struct es_decoded *picture) {
	for (uint32_t i = 0; i < ES_PATTERN_CELLS; i++) {
		seen->cells[i] = mean(picture, centre(pattern_cell(seen->mode, i)));
	}
	seen->right = mean(picture, pattern_right_border(seen->mode));
	seen->bottom = mean(picture, pattern_bottom_border(seen->mode));
}

static struct yuv codes_of(uint32_t rgb, const struct guess *guess) {
	double r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255;
	if (guess->swapped) {
		double red = r;
		r = b;
		b = red;
	}
	double y = (guess->kr * r + (1 - guess->kr - guess->kb) * g + guess->kb * b) / 255;
	double u = (b / 255 - y) / (2 * (1 - guess->kb)), v = (r / 255 - y) / (2 * (1 - guess->kr));
	if (guess->full_range) {
		return (struct yuv){{255 * y, 128 + 255 * u, 128 + 255 * v}};
	}
	return (struct yuv){{16 + 219 * y, 128 + 224 * u, 128 + 224 * v}};
}

static bool alike(const struct seen *seen, const struct yuv *found, const struct yuv *wanted) {
	return fabs(found->part[0] - wanted->part[0]) <= seen->max_luma_error &&
			fabs(found->part[1] - wanted->part[1]) <= seen->max_chroma_error &&
			fabs(found->part[2] - wanted->part[2]) <= seen->max_chroma_error;
}

static bool cell_fits(const struct seen *seen, uint32_t cell, const struct guess *guess) {
	uint32_t frame = seen->frame - (guess->frame_before ? 1 : 0);
	struct yuv wanted = codes_of(pattern_colour(frame, cell), guess);
	return alike(seen, &seen->cells[cell], &wanted);
}

static bool all_fit(const struct seen *seen, const struct guess *guess) {
	for (uint32_t i = 0; i < ES_PATTERN_CELLS; i++) {
		if (!cell_fits(seen, i, guess)) {
			return false;
		}
	}
	return true;
}

static bool all_are(const struct seen *seen, double luma, double chroma) {
	struct yuv wanted = {{luma, chroma, chroma}};
	for (uint32_t i = 0; i < ES_PATTERN_CELLS; i++) {
		if (!alike(seen, &seen->cells[i], &wanted)) {
			return false;
		}
	}
	return true;
}

static struct guess as_it_should_be(const struct es_colour *colour) {
	bool wide = colour->matrix == 9;
	return (struct guess){
			NULL, wide ? 0.2627 : 0.2126, wide ? 0.0593 : 0.0722, colour->full_range, false, false};
}

static const char *guess_words(const struct seen *seen) {
	struct guess right = as_it_should_be(seen->colour), guess;
	guess = right;
	guess.frame_before = true;
	if (seen->frame > 0 && all_fit(seen, &guess)) {
		return "stale: it is the picture before";
	}
	guess = right;
	guess.swapped = true;
	if (all_fit(seen, &guess)) {
		return "red and blue are swapped";
	}
	guess = right;
	guess.full_range = !right.full_range;
	if (all_fit(seen, &guess)) {
		return "wrong range";
	}
	static const double matrices[][2] = {{0.299, 0.114}, {0.2126, 0.0722}, {0.2627, 0.0593}};
	for (size_t i = 0; i < 3; i++) {
		guess = right;
		guess.kr = matrices[i][0];
		guess.kb = matrices[i][1];
		if (all_fit(seen, &guess)) {
			return "wrong matrix";
		}
	}
	return NULL;
}

// Rows that begin in the wrong place: the further down, the more.
static bool is_skewed(const struct seen *seen, const struct guess *right) {
	uint32_t good[ES_PATTERN_ROWS] = {0};
	for (uint32_t i = 0; i < ES_PATTERN_CELLS; i++) {
		good[i / ES_PATTERN_COLUMNS] += cell_fits(seen, i, right);
	}
	return good[0] > good[1] && good[0] > good[2];
}

static bool describe(char *why, size_t cap, const struct seen *seen, const char *words,
		const struct yuv *found, uint32_t rgb) {
	struct guess right = as_it_should_be(seen->colour);
	struct yuv wanted = codes_of(rgb, &right);
	snprintf(why, cap, "picture %u: %s: YUV %.0f %.0f %.0f instead of %.0f %.0f %.0f", seen->frame,
			words, found->part[0], found->part[1], found->part[2], wanted.part[0], wanted.part[1],
			wanted.part[2]);
	return false;
}

static bool judge_cells(const struct seen *seen, char *why, size_t cap) {
	struct guess right = as_it_should_be(seen->colour);
	if (all_fit(seen, &right)) {
		return true;
	}
	const char *words = all_are(seen, 0, 0) ? "green: nobody wrote it"
			: all_are(seen, right.full_range ? 0 : 16, 128)
			? "black: nothing was imported, or too early"
			: guess_words(seen);
	uint32_t wrong = 0;
	while (cell_fits(seen, wrong, &right)) {
		wrong++;
	}
	char place[96];
	if (words == NULL) {
		snprintf(place, sizeof(place), "%s in cell %u of row %u",
				is_skewed(seen, &right) ? "shifted or skewed, a wrong stride or modifier,"
										: "wrong colour",
				wrong % ES_PATTERN_COLUMNS, wrong / ES_PATTERN_COLUMNS);
		words = place;
	}
	return describe(why, cap, seen, words, &seen->cells[wrong], pattern_colour(seen->frame, wrong));
}

static bool judge_borders(const struct seen *seen, char *why, size_t cap) {
	struct guess right = as_it_should_be(seen->colour);
	struct yuv wanted = codes_of(pattern_border_colour(), &right);
	if (!alike(seen, &seen->right, &wanted)) {
		return describe(why, cap, seen, "the right border is wrong, a crop or an alignment",
				&seen->right, pattern_border_colour());
	}
	if (!alike(seen, &seen->bottom, &wanted)) {
		return describe(why, cap, seen, "the bottom border is wrong, a crop or an alignment",
				&seen->bottom, pattern_border_colour());
	}
	return true;
}

bool verdict_of(const struct es_decoded *picture, const struct es_verdict_request *request,
		char *why, size_t cap) {
	const struct es_mode *mode = request->mode;
	const struct es_colour *colour = request->colour;
	uint32_t width = (mode->width + 1) & ~UINT32_C(1), height = (mode->height + 1) & ~UINT32_C(1);
	if (picture->width != width || picture->height != height) {
		snprintf(why, cap, "the picture is %ux%u, not %ux%u", picture->width, picture->height,
				width, height);
		return false;
	}
	if (picture->depth != colour->depth || picture->yuv444 != colour->yuv444) {
		snprintf(why, cap, "the picture has %u bits %s", picture->depth,
				picture->yuv444 ? "4:4:4" : "4:2:0");
		return false;
	}
	const struct es_colour *said = &picture->colour;
	if (said->matrix != colour->matrix || said->transfer != colour->transfer ||
			said->primaries != colour->primaries || said->full_range != colour->full_range) {
		snprintf(why, cap,
				"the stream says primaries %u, transfer %u, matrix %u, %s range, not %u, %u, %u, %s",
				said->primaries, said->transfer, said->matrix,
				said->full_range ? "full" : "limited", colour->primaries, colour->transfer,
				colour->matrix, colour->full_range ? "full" : "limited");
		return false;
	}
	struct seen seen = {.mode = mode, .colour = colour, .frame = request->frame};
	seen.max_luma_error = request->tolerance > 0 ? request->tolerance : MAX_LUMA_ERROR;
	seen.max_chroma_error = request->tolerance > 0 ? request->tolerance : MAX_CHROMA_ERROR;
	look(&seen, picture);
	return judge_cells(&seen, why, cap) && judge_borders(&seen, why, cap);
}
