// Every encoder that is built in: one in, one out; IDR where asked and nowhere else; recovery after a
// loss; a new rate; hints that do not show. Decoded back by libavcodec.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/damage.h"
#include "encode/decode_back.h"
#include "encode/encoder.h"
#include "encode/self_test.h"
#include "encode/sigbus_guard.h"

#define WIDTH 320
#define HEIGHT 180
#define LUMA (WIDTH * HEIGHT)
#define MAX_UNITS 120
#define UNIT_CAP (1 << 20)

struct stream {
	const struct es_encoder_impl *impl;
	struct es_device *device;
	struct es_encoder *encoder;
	struct es_picture picture;
	struct es_damage damage;
	uint8_t unchanged[((WIDTH + 15) / 16) * ((HEIGHT + 15) / 16)];
	uint64_t sequence;
	uint8_t *units[MAX_UNITS + 1]; // by sequence
	struct es_encoded encoded[MAX_UNITS + 1];
};

static struct stream *stream_open_as(
		const struct es_encoder_impl *impl, const struct es_encoder_params *params) {
	struct stream *stream = calloc(1, sizeof(*stream));
	stream->impl = impl;
	char why[96];
	stream->device = device_create(impl->device, "", why, sizeof(why));
	assert_non_null(stream->device);
	stream->encoder = encoder_create(impl, stream->device, params);
	assert_non_null(stream->encoder);
	enum es_picture_layout layout;
	assert_true(encoder_takes(impl, &params->colour, &layout));
	assert_true(picture_init(&stream->picture, layout, WIDTH, HEIGHT));
	damage_init(&stream->damage, WIDTH, HEIGHT);
	return stream;
}

static struct es_encoder_params params_for(const struct es_encoder_impl *impl, uint32_t kbps) {
	return (struct es_encoder_params){
			.codec = impl->codec,
			.mode = {WIDTH, HEIGHT, 60000},
			.colour = colour_sdr(),
			.bitrate_kbps = kbps,
	};
}

static struct stream *stream_open(const struct es_encoder_impl *impl, uint32_t kbps) {
	struct es_encoder_params params = params_for(impl, kbps);
	return stream_open_as(impl, &params);
}

static void stream_close(struct stream *stream) {
	for (size_t i = 0; i <= MAX_UNITS; i++) {
		free(stream->units[i]);
	}
	encoder_destroy(stream->encoder);
	device_destroy(stream->device);
	picture_finish(&stream->picture);
	free(stream);
}

// A texture that moves with the frame number.
static void draw_all(struct stream *stream, uint32_t frame) {
	for (uint32_t y = 0; y < HEIGHT; y++) {
		for (uint32_t x = 0; x < WIDTH; x++) {
			double v = 120 + 60 * sin((x + frame * 3) * 0.11) * cos((y + frame) * 0.07) +
					(((x + frame * 3) / 12 + y / 9) & 1) * 30;
			stream->picture.plane[0][y * stream->picture.stride[0] + x] = (uint8_t)v;
		}
	}
	damage_add_all(&stream->damage);
}

// A box of noise that moves over what is there.
static void draw_box(struct stream *stream, uint32_t frame) {
	uint32_t x0 = frame * 5 % (WIDTH - 50), y0 = frame * 3 % (HEIGHT - 40);
	for (uint32_t y = y0; y < y0 + 40; y++) {
		for (uint32_t x = x0; x < x0 + 50; x++) {
			stream->picture.plane[0][y * stream->picture.stride[0] + x] =
					(uint8_t)(16 + (x * 7 + y * 13 + frame * 31) % 200);
		}
	}
	damage_add(&stream->damage, x0, y0, 50, 40);
}

static struct es_encoded *encode(struct stream *stream, bool force_idr, bool hints) {
	uint64_t sequence = ++stream->sequence;
	assert_true(sequence <= MAX_UNITS);
	stream->units[sequence] = malloc(UNIT_CAP);
	damage_map(&stream->damage, stream->unchanged, ES_MB_UNCHANGED);
	struct es_encode_request request = {
			.sequence = sequence,
			.force_idr = force_idr,
			.unchanged = hints ? stream->unchanged : NULL,
			.damage = stream->damage.rects,
			.n_damage = stream->damage.n,
	};
	struct es_encoded *encoded = &stream->encoded[sequence];
	assert_true(encoder_encode(stream->encoder, &stream->picture, &request, stream->units[sequence],
			UNIT_CAP, encoded));
	damage_clear(&stream->damage);
	assert_true(encoded->size > 0);
	return encoded;
}

static void decode(struct es_decode_back *decoder, struct stream *stream, uint64_t sequence,
		struct es_decoded *out) {
	if (!decode_back_unit(decoder, stream->units[sequence], stream->encoded[sequence].size, out)) {
		fail_msg("%s: unit %u cannot be decoded", stream->impl->name, (unsigned int)sequence);
	}
	assert_int_equal(out->width, WIDTH);
	assert_int_equal(out->height, HEIGHT);
}

static void copy_luma(const struct es_decoded *from, uint8_t *to) {
	for (uint32_t y = 0; y < HEIGHT; y++) {
		memcpy(to + y * WIDTH, from->plane[0] + y * from->stride[0], WIDTH);
	}
}

static double mean_error(const struct stream *stream, const struct es_decoded *decoded) {
	uint64_t sum = 0;
	for (uint32_t y = 0; y < HEIGHT; y++) {
		for (uint32_t x = 0; x < WIDTH; x++) {
			sum += (uint64_t)abs(decoded->plane[0][y * decoded->stride[0] + x] -
					stream->picture.plane[0][y * stream->picture.stride[0] + x]);
		}
	}
	return (double)sum / LUMA;
}

// That takes pictures in memory.
static void for_each_encoder(void (*check)(const struct es_encoder_impl *impl)) {
	for (size_t i = 0; encoder_impls[i] != NULL; i++) {
		if (encoder_impls[i]->device->maps) {
			check(encoder_impls[i]);
		}
	}
}

static void check_one_in_one_out(const struct es_encoder_impl *impl) {
	struct stream *stream = stream_open(impl, 8000);
	struct es_decode_back *decoder = decode_back_create(impl->codec);
	assert_non_null(decoder);
	for (uint32_t frame = 0; frame < 20; frame++) {
		struct es_decoded decoded;
		draw_all(stream, frame);
		struct es_encoded *encoded = encode(stream, frame == 7 || frame == 8, false);
		assert_int_equal(encoded->idr, frame == 0 || frame == 7 || frame == 8);
		decode(decoder, stream, stream->sequence, &decoded);
		// The picture of this very frame, not of one before.
		assert_true(mean_error(stream, &decoded) < 6);
	}
	decode_back_destroy(decoder);
	stream_close(stream);
}

static void test_one_in_one_out(void **state) {
	for_each_encoder(check_one_in_one_out);
}

#define CELL 16
#define CELL_COLUMNS 16
#define CELL_ROWS 4

// Each may change every nine pictures, few with any one.
static bool cell_is_white(uint32_t frame, uint32_t cell) {
	uint32_t v = ((frame + cell * 7) / 9 * 64 + cell + 1) * UINT32_C(0x9e3779b1);
	v = (v ^ v >> 15) * UINT32_C(0x2c1b3c6d);
	return v >> 31;
}

// A chroma sample of any layout.
static uint8_t *chroma_at(struct stream *stream, uint32_t i, uint32_t x, uint32_t y) {
	struct es_picture *picture = &stream->picture;
	return picture->layout == ES_PICTURE_NV12
			? &picture->plane[1][y * picture->stride[1] + x * 2 + i]
			: &picture->plane[1 + i][y * picture->stride[1 + i] + x];
}

// A soft slope of all colours that scrolls.
static void draw_slope(struct stream *stream, uint32_t frame) {
	for (uint32_t y = 0; y < HEIGHT; y++) {
		for (uint32_t x = 0; x < WIDTH; x++) {
			uint32_t at = (x + frame * 6) % WIDTH, slope = at < WIDTH / 2 ? at : WIDTH - at;
			stream->picture.plane[0][y * stream->picture.stride[0] + x] =
					(uint8_t)(60 + slope / 2 + y / 3);
			*chroma_at(stream, 0, x / 2, y / 2) = (uint8_t)(160 - slope / 3);
			*chroma_at(stream, 1, x / 2, y / 2) = (uint8_t)(100 + slope / 3);
		}
	}
	damage_add_all(&stream->damage);
}

// Black and white cells in the upper left corner, which stay where they are.
static void draw_cells(struct stream *stream, uint32_t frame) {
	for (uint32_t y = 0; y < CELL_ROWS * CELL; y++) {
		for (uint32_t x = 0; x < CELL_COLUMNS * CELL; x++) {
			bool white = cell_is_white(frame, y / CELL * CELL_COLUMNS + x / CELL);
			stream->picture.plane[0][y * stream->picture.stride[0] + x] = white ? 235 : 16;
			*chroma_at(stream, 0, x / 2, y / 2) = 128;
			*chroma_at(stream, 1, x / 2, y / 2) = 128;
		}
	}
	damage_add(&stream->damage, 0, 0, CELL_COLUMNS * CELL, CELL_ROWS * CELL);
}

// From the middle of the cell, away from its blurred border.
static bool shows_white(const struct es_decoded *decoded, uint32_t cell) {
	uint32_t x0 = cell % CELL_COLUMNS * CELL, y0 = cell / CELL_COLUMNS * CELL, sum = 0;
	for (uint32_t y = y0 + CELL / 4; y < y0 + CELL * 3 / 4; y++) {
		for (uint32_t x = x0 + CELL / 4; x < x0 + CELL * 3 / 4; x++) {
			sum += decoded->plane[0][y * decoded->stride[0] + x];
		}
	}
	return sum / (CELL * CELL / 4) >= 126;
}

static unsigned count_wrong_cells(const struct es_decoded *decoded, uint32_t frame) {
	unsigned n = 0;
	for (uint32_t cell = 0; cell < CELL_COLUMNS * CELL_ROWS; cell++) {
		n += shows_white(decoded, cell) != cell_is_white(frame, cell);
	}
	return n;
}

// Each picture is there at once and not only every few: a player acts upon each. What changes only a
// little is what fast encoders like to leave out.
static void check_every_picture(
		const struct es_encoder_impl *impl, void (*draw)(struct stream *stream, uint32_t frame)) {
	struct stream *stream = stream_open(impl, 4000);
	struct es_decode_back *decoder = decode_back_create(impl->codec);
	for (uint32_t frame = 0; frame < 60; frame++) {
		draw(stream, frame);
		draw_cells(stream, frame);
		encode(stream, false, false);
		struct es_decoded decoded;
		decode(decoder, stream, stream->sequence, &decoded);
		unsigned wrong = count_wrong_cells(&decoded, frame);
		double error = mean_error(stream, &decoded);
		if (wrong > 0 || error > 3) {
			fail_msg("%s: picture %u: %u cells are wrong, the mean error is %.1f", impl->name,
					frame, wrong, error);
		}
	}
	decode_back_destroy(decoder);
	stream_close(stream);
}

static void check_every_picture_both(const struct es_encoder_impl *impl) {
	check_every_picture(impl, draw_all);
	check_every_picture(impl, draw_slope);
}

static void test_every_picture_is_there(void **state) {
	for_each_encoder(check_every_picture_both);
}

// Parameter sets for containers, and the same before each IDR.
static void check_headers(const struct es_encoder_impl *impl) {
	struct stream *stream = stream_open(impl, 4000);
	uint8_t headers[1024];
	size_t size = encoder_headers(stream->encoder, headers, sizeof(headers));
	assert_true(size > 4);
	assert_int_equal(encoder_headers(stream->encoder, headers, 3), 0);
	for (uint32_t frame = 0; frame < 6; frame++) {
		draw_all(stream, frame);
		encode(stream, frame == 5, false);
	}
	struct es_decoded decoded;
	struct es_decode_back *late = decode_back_create(impl->codec);
	decode(late, stream, 6, &decoded);
	decode_back_destroy(late);
	stream_close(stream);
}

static void test_headers(void **state) {
	for_each_encoder(check_headers);
}

static void check_bitrate(const struct es_encoder_impl *impl) {
	if (impl->set_bitrate == NULL) {
		return;
	}
	struct stream *stream = stream_open(impl, 8000);
	struct es_decode_back *decoder = decode_back_create(impl->codec);
	uint64_t before = 0, after = 0;
	for (uint32_t frame = 0; frame < 90; frame++) {
		draw_all(stream, frame);
		draw_box(stream, frame);
		if (frame == 45) {
			assert_true(encoder_set_bitrate(stream->encoder, 500));
		}
		struct es_encoded *encoded = encode(stream, false, false);
		assert_int_equal(encoded->idr, frame == 0);
		before += frame >= 15 && frame < 45 ? encoded->size : 0;
		after += frame >= 60 ? encoded->size : 0;
		struct es_decoded decoded;
		decode(decoder, stream, stream->sequence, &decoded);
	}
	assert_true(after * 2 < before);
	decode_back_destroy(decoder);
	stream_close(stream);
}

static void test_bitrate_without_idr(void **state) {
	for_each_encoder(check_bitrate);
}

// What an encoder may write without encoding, because nothing changed.
#define REPEAT_SIZE 32

static void draw_nothing(struct stream *stream, uint32_t frame) {
	if (frame == 0) {
		draw_all(stream, frame);
	}
}

// Still, but for a box now and then.
static void draw_seldom(struct stream *stream, uint32_t frame) {
	draw_nothing(stream, frame);
	if (frame % 7 == 0) {
		draw_box(stream, frame);
	}
}

static bool refers_to_nothing(const struct stream *stream, uint64_t sequence) {
	return stream->units[sequence][4] == 1;
}

// The same picture again and again is that, once it is as fine as it gets; and what comes then.
static void check_repeats(const struct es_encoder_impl *impl) {
	struct stream *stream = stream_open(impl, 20000);
	struct es_decode_back *decoder = decode_back_create(impl->codec);
	static uint8_t luma[LUMA], before[LUMA];
	unsigned n_tiny = 0;
	bool fine = false, was_tiny = false;
	for (uint32_t frame = 0; frame < 110; frame++) {
		bool changes = frame % 10 == 0 && frame >= 60;
		draw_nothing(stream, frame);
		if (changes) {
			draw_box(stream, frame);
		}
		const struct es_encoded *encoded = encode(stream, frame == 90, frame > 0 && frame != 90);
		assert_int_equal(encoded->idr, frame == 0 || frame == 90);
		struct es_decoded decoded;
		decode(decoder, stream, stream->sequence, &decoded);
		copy_luma(&decoded, luma);
		bool tiny = encoded->size <= REPEAT_SIZE && refers_to_nothing(stream, stream->sequence);
		assert_false(tiny && was_tiny); // H.264 forbids that with this order of pictures
		assert_true(!tiny || (fine && memcmp(luma, before, LUMA) == 0));
		assert_true(mean_error(stream, &decoded) < 6);
		memcpy(before, luma, LUMA);
		fine = encoded->qp != 0 && encoded->qp <= impl->good_qp;
		n_tiny += tiny;
		was_tiny = tiny;
	}
	assert_true(strcmp(impl->name, "x264") != 0 || n_tiny > 20);
	decode_back_destroy(decoder);
	stream_close(stream);
}

static void test_repeats(void **state) {
	for_each_encoder(check_repeats);
}

// A small change after stillness may be shown by a unit that nothing refers to: it shows all of it, and who
// misses it has, from the next one on, the very pictures of who does not.
static void check_first_changes_at(
		const struct es_encoder_impl *impl, uint32_t kbps, double most_error) {
	struct es_encoder_params params = params_for(impl, kbps);
	params.strict = true;
	struct stream *stream = stream_open_as(impl, &params);
	struct es_decode_back *decoder = decode_back_create(impl->codec);
	struct es_decode_back *misses = decode_back_create(impl->codec);
	static uint8_t luma[LUMA], without[LUMA];
	unsigned n_patches = 0;
	bool was_still = false, was_patch = false;
	uint8_t was_qp = 0;
	for (uint32_t frame = 0; frame < 110; frame++) {
		bool changes = frame % 5 == 2 || (frame > 60 && frame < 70);
		draw_nothing(stream, frame);
		if (changes) {
			draw_box(stream, frame);
		}
		const struct es_encoded *encoded = encode(stream, frame == 90, frame > 0 && frame != 90);
		struct es_decoded decoded;
		decode(decoder, stream, stream->sequence, &decoded);
		assert_true(mean_error(stream, &decoded) < most_error);
		copy_luma(&decoded, luma);
		bool patch = impl == encoder_find("x264", ES_CODEC_H264) &&
				refers_to_nothing(stream, stream->sequence);
		assert_false(patch && was_patch);
		assert_true(!patch || encoded->unsettled);
		assert_true(
				!patch || encoded->qp >= was_qp); // around it the picture is as coarse as it was
		assert_true(!patch || !changes || was_still);
		if (!patch) {
			decode(misses, stream, stream->sequence, &decoded);
			copy_luma(&decoded, without);
			assert_memory_equal(luma, without, LUMA);
		}
		n_patches += patch && changes;
		was_still = !changes;
		was_patch = patch;
		was_qp = encoded->qp;
	}
	assert_true(strcmp(impl->name, "x264") != 0 || n_patches >= 8);
	decode_back_destroy(misses);
	decode_back_destroy(decoder);
	stream_close(stream);
}

static void check_first_changes(const struct es_encoder_impl *impl) {
	check_first_changes_at(impl, 20000, 3);
	check_first_changes_at(impl, 4000, 8); // still coarse when they come
}

static void test_first_changes(void **state) {
	for_each_encoder(check_first_changes);
}

typedef void draw_fn(struct stream *stream, uint32_t frame);

// Units first..last are lost, and a client keeps from its decoder the `n_late` ones that are made until
// the encoder knows. From the recovery unit on it shows exactly what one shows that lost nothing.
static void check_loss_of(draw_fn *draw, const struct es_encoder_impl *impl, uint64_t first,
		uint64_t last, uint64_t n_late, bool needs_no_idr) {
	struct stream *stream = stream_open(impl, 8000);
	struct es_decode_back *all = decode_back_create(impl->codec);
	struct es_decode_back *lossy = decode_back_create(impl->codec);
	static uint8_t wanted[LUMA], found[LUMA];
	bool possible = false;
	for (uint32_t frame = 0; frame < 70; frame++) {
		draw(stream, frame);
		uint64_t sequence = stream->sequence + 1;
		bool recovers = sequence == last + n_late + 1;
		if (recovers) {
			possible = encoder_invalidate(stream->encoder, first, last);
		}
		struct es_encoded *encoded = encode(stream, recovers && !possible, false);
		assert_int_equal(encoded->idr, sequence == 1 || (recovers && !possible));
		struct es_decoded decoded;
		decode(all, stream, sequence, &decoded);
		copy_luma(&decoded, wanted);
		if (sequence >= first && sequence <= last + n_late) {
			continue;
		}
		decode(lossy, stream, sequence, &decoded);
		copy_luma(&decoded, found);
		assert_memory_equal(found, wanted, LUMA);
	}
	assert_true(!needs_no_idr || possible == (impl->invalidate != NULL));
	decode_back_destroy(all);
	decode_back_destroy(lossy);
	stream_close(stream);
}

static void check_loss(const struct es_encoder_impl *impl, uint64_t first, uint64_t last,
		uint64_t n_late, bool needs_no_idr) {
	check_loss_of(draw_all, impl, first, last, n_late, needs_no_idr);
}

// Of a picture in which little happens, where it is seldom that something refers to a unit.
static void check_still_losses(const struct es_encoder_impl *impl) {
	for (uint64_t first = 20; impl->invalidate != NULL && first < 60; first += 3) {
		check_loss_of(draw_seldom, impl, first, first + first % 8, 0, false);
		check_loss_of(draw_seldom, impl, first, first + 1, 2, false);
	}
}

static void test_still_pictures_recover(void **state) {
	for_each_encoder(check_still_losses);
}

static void check_losses(const struct es_encoder_impl *impl) {
	check_loss(impl, 35, 35, 0, true);
	check_loss(impl, 36, 42, 0, true); // seven in a row
	for (uint64_t first = 17; first < 40; first++) {
		check_loss(impl, first, first + first % 8, 0, false); // wherever it happens
	}
	for (uint64_t first = 29; first < 35; first++) {
		check_loss(impl, first, first + 1, 2, false);
	}
}

static void test_recovers_bit_exact(void **state) {
	for_each_encoder(check_losses);
}

// A loss from before all references only an IDR heals; asking for the future is harmless.
static void check_hopeless(const struct es_encoder_impl *impl) {
	if (impl->invalidate == NULL) {
		return;
	}
	struct stream *stream = stream_open(impl, 8000);
	assert_true(encoder_invalidate(stream->encoder, 1, 5));
	for (uint32_t frame = 0; frame < 60; frame++) {
		draw_all(stream, frame);
		encode(stream, false, false);
	}
	assert_true(encoder_invalidate(stream->encoder, 61, 70));
	assert_false(encoder_invalidate(stream->encoder, 1, 60));
	draw_all(stream, 60);
	assert_true(encode(stream, true, false)->idr);
	stream_close(stream);
}

static void test_hopeless_loss(void **state) {
	for_each_encoder(check_hopeless);
}

// With true hints the decoded picture is as good as without, for many frames, also after an
// invalidation and an IDR in between (which go without).
static void check_hints(const struct es_encoder_impl *impl) {
	struct stream *stream = stream_open(impl, 6000);
	struct es_decode_back *decoder = decode_back_create(impl->codec);
	for (uint32_t frame = 0; frame < 100; frame++) {
		bool plain = frame == 0 || frame == 40 || frame == 60;
		if (frame == 0) {
			draw_all(stream, 0);
		}
		draw_box(stream, frame);
		if (frame == 40) {
			plain = encoder_invalidate(stream->encoder, 38, 40);
		}
		encode(stream, frame == 60, !plain);
		struct es_decoded decoded;
		decode(decoder, stream, stream->sequence, &decoded);
		assert_true(mean_error(stream, &decoded) < 6);
	}
	decode_back_destroy(decoder);
	stream_close(stream);
}

static void test_hints_do_not_show(void **state) {
	for_each_encoder(check_hints);
}

static void check_too_long(const struct es_encoder_impl *impl) {
	struct stream *stream = stream_open(impl, 8000);
	uint8_t tiny[8];
	struct es_encoded encoded;
	struct es_encode_request request = {.sequence = 1};
	assert_false(encoder_encode(
			stream->encoder, &stream->picture, &request, tiny, sizeof(tiny), &encoded));
	stream_close(stream);
}

static void test_too_long_is_an_error(void **state) {
	for_each_encoder(check_too_long);
}

static void check_self_test(const struct es_encoder_impl *impl) {
	static const struct es_mode modes[] = {{639, 361, 59940}, {256, 144, 120000}};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct es_self_test_request request = {
				.impl = impl, .mode = modes[i], .colour = colour_sdr(), .node = ""};
		struct es_self_test_result result = self_test_run(&request);
		if (!result.passed) {
			fail_msg("%s: %s", impl->name, result.reason);
		}
	}
}

static void test_self_test_passes(void **state) {
	for_each_encoder(check_self_test);
}

static unsigned count_slices(const uint8_t *unit, size_t size) {
	unsigned n = 0;
	for (size_t i = 0; i + 3 < size; i++) {
		bool start = unit[i] == 0 && unit[i + 1] == 0 && unit[i + 2] == 1;
		uint8_t type = unit[i + 3] & 31;
		n += start && (type == 1 || type == 5);
		assert_false(start && type == 6); // no SEI before the slice
	}
	return n;
}

static void check_slices(const struct es_encoder_impl *impl) {
	if (impl->codec != ES_CODEC_H264) {
		return; // the others' pictures have one
	}
	for (uint32_t threads = 1; threads <= 2; threads++) {
		struct es_encoder_params params = params_for(impl, 8000);
		params.threads = threads;
		params.slices = 3; // more do not fit into twelve rows of macroblocks
		struct stream *stream = stream_open_as(impl, &params);
		for (uint32_t frame = 0; frame < 3; frame++) {
			draw_all(stream, frame);
			size_t size = encode(stream, false, false)->size;
			assert_int_equal(count_slices(stream->units[frame + 1], size), 3);
		}
		stream_close(stream);
	}
}

static void test_slices(void **state) {
	for_each_encoder(check_slices);
}

// A client that keeps one picture cannot go back to an older one. (Those of AV1 keep eight.)
static void check_one_reference(const struct es_encoder_impl *impl) {
	if (impl->codec == ES_CODEC_AV1) {
		return;
	}
	struct es_encoder_params params = params_for(impl, 8000);
	params.max_refs = 1;
	struct stream *stream = stream_open_as(impl, &params);
	for (uint32_t frame = 0; frame < 40; frame++) {
		draw_all(stream, frame);
		encode(stream, false, false);
	}
	assert_false(encoder_invalidate(stream->encoder, 39, 39));
	stream_close(stream);
}

static void test_one_reference(void **state) {
	for_each_encoder(check_one_reference);
}

static void test_find(void **state) {
	assert_null(encoder_find("nothing", ES_CODEC_H264));
	for (size_t i = 0; encoder_impls[i] != NULL; i++) {
		const struct es_encoder_impl *impl = encoder_impls[i];
		assert_ptr_equal(encoder_find(impl->name, impl->codec), impl);
		if (impl->device->maps) {
			assert_non_null(encoder_find("auto", impl->codec));
			assert_non_null(encoder_find("software", impl->codec));
		}
	}
}

int main(void) {
	if (!sigbus_guard_install()) {
		return 1;
	}
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_slices),
			cmocka_unit_test(test_one_reference),
			cmocka_unit_test(test_find),
			cmocka_unit_test(test_one_in_one_out),
			cmocka_unit_test(test_every_picture_is_there),
			cmocka_unit_test(test_headers),
			cmocka_unit_test(test_bitrate_without_idr),
			cmocka_unit_test(test_recovers_bit_exact),
			cmocka_unit_test(test_repeats),
			cmocka_unit_test(test_first_changes),
			cmocka_unit_test(test_still_pictures_recover),
			cmocka_unit_test(test_hopeless_loss),
			cmocka_unit_test(test_hints_do_not_show),
			cmocka_unit_test(test_too_long_is_an_error),
			cmocka_unit_test(test_self_test_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
