// Pictures made without an encoder, between those of libx264, decoded back by libavcodec: they show the
// change as exactly as their quantiser allows, leave alone what did not change, and nobody's picture after
// them notices.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <x264.h>

#include "encode/damage.h"
#include "encode/decode_back.h"
#include "encode/patch_picture.h"

#define MAX_UNIT (1 << 20)
#define PPS_QP 36

struct stream {
	x264_t *x264;
	x264_param_t param; // as x264 took them
	struct es_decode_back *decoder;
	struct es_picture picture;
	struct es_damage damage;
	struct es_patch patch;
	uint8_t *unchanged;
	uint8_t *shown[2]; // by the decoder, after the newest of x264's: NV12 as the picture
	uint8_t *out;
	int64_t n_pictures; // of x264 since the IDR
};

static uint32_t seed;

static uint32_t chance(uint32_t below) {
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static void open_x264(
		struct stream *stream, uint32_t width, uint32_t height, int chroma_qp_offset) {
	x264_param_t *param = &stream->param;
	assert_int_equal(0, x264_param_default_preset(param, "ultrafast", "zerolatency"));
	param->i_log_level = X264_LOG_ERROR;
	param->i_csp = X264_CSP_NV12;
	param->i_width = (int)((width + 1) & ~1U);
	param->i_height = (int)((height + 1) & ~1U);
	param->i_threads = 1;
	param->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	param->i_scenecut_threshold = 0;
	param->rc.i_rc_method = X264_RC_CQP;
	param->rc.i_qp_constant = PPS_QP;
	param->rc.f_ip_factor = 10;
	param->rc.f_pb_factor = 10;
	param->analyse.i_chroma_qp_offset = chroma_qp_offset;
	stream->x264 = x264_encoder_open(param);
	assert_non_null(stream->x264);
	x264_encoder_parameters(stream->x264, param);
}

static uint32_t rows_of(const struct stream *stream, uint32_t plane) {
	return picture_coded_height(&stream->picture) >> plane;
}

static struct stream *stream_open(uint32_t width, uint32_t height, int chroma_qp_offset) {
	struct stream *stream = calloc(1, sizeof(*stream));
	open_x264(stream, width, height, chroma_qp_offset);
	stream->decoder = decode_back_create(ES_CODEC_H264);
	assert_non_null(stream->decoder);
	assert_true(picture_init(&stream->picture, ES_PICTURE_NV12, width, height));
	damage_init(&stream->damage, width, height);
	stream->unchanged = malloc(damage_map_size(width, height));
	stream->out = malloc(MAX_UNIT);
	for (int i = 0; i < 2; i++) {
		stream->shown[i] = malloc((size_t)stream->picture.stride[i] * rows_of(stream, (uint32_t)i));
	}
	stream->patch = (struct es_patch){
			.width = (width + 15) / 16,
			.height = (height + 15) / 16,
			.pps_qp = PPS_QP,
			.chroma_qp_offset = stream->param.analyse.i_chroma_qp_offset,
			.picture = &stream->picture,
			.unchanged = stream->unchanged,
	};
	return stream;
}

static void stream_close(struct stream *stream) {
	x264_encoder_close(stream->x264);
	x264_param_cleanup(&stream->param);
	decode_back_destroy(stream->decoder);
	picture_finish(&stream->picture);
	free(stream->unchanged);
	free(stream->out);
	free(stream->shown[0]);
	free(stream->shown[1]);
	free(stream);
}

// A sample of NV12 in what was decoded to three planes.
static uint8_t sample_of(const struct es_decoded *decoded, uint32_t plane, uint32_t x, uint32_t y) {
	return (uint8_t)(plane == 0 ? decoded_sample(decoded, 0, x, y)
								: decoded_sample(decoded, 1 + x % 2, x / 2, y));
}

static void decode(struct stream *stream, size_t size, struct es_decoded *decoded) {
	assert_true(size > 0);
	assert_true(decode_back_unit(stream->decoder, stream->out, size, decoded));
	assert_false(decoded->complaint);
}

// One picture of x264, and what it leaves for patches to refer to.
static void encode(struct stream *stream, int qp) {
	x264_picture_t in, result;
	x264_picture_init(&in);
	in.i_pts = stream->n_pictures;
	in.i_qpplus1 = qp + 1;
	in.img.i_csp = X264_CSP_NV12;
	in.img.i_plane = 2;
	for (int i = 0; i < 2; i++) {
		in.img.plane[i] = stream->picture.plane[i];
		in.img.i_stride[i] = (int)stream->picture.stride[i];
	}
	x264_nal_t *nals;
	int n_nals;
	int size = x264_encoder_encode(stream->x264, &nals, &n_nals, &in, &result);
	assert_true(size > 0 && size <= MAX_UNIT);
	memcpy(stream->out, nals[0].p_payload, (size_t)size);
	for (int i = 0; i < 2; i++) {
		stream->patch.reference[i] = result.img.plane[i];
		stream->patch.reference_stride[i] = (uint32_t)result.img.i_stride[i];
	}
	stream->patch.frame_num = (uint32_t)++stream->n_pictures;
	struct es_decoded decoded;
	decode(stream, (size_t)size, &decoded);
	for (uint32_t plane = 0; plane < 2; plane++) {
		uint32_t stride = stream->picture.stride[plane];
		for (uint32_t y = 0; y < rows_of(stream, plane); y++) {
			for (uint32_t x = 0; x < picture_coded_width(&stream->picture); x++) {
				uint8_t shown = sample_of(&decoded, plane, x, y);
				assert_int_equal(
						result.img.plane[plane][y * (uint32_t)result.img.i_stride[plane] + x],
						shown);
				stream->shown[plane][y * stride + x] = shown;
			}
		}
	}
}

// From flat to noise, so that blocks have from no coefficient to all of them, of any size.
static void draw(struct stream *stream, const struct es_rect *rect) {
	uint32_t base = chance(256), noise = 1U << chance(9), grain = 1 + chance(8);
	for (uint32_t plane = 0; plane < 2; plane++) {
		uint32_t width = (uint32_t)rect->width, height = (uint32_t)rect->height >> plane;
		for (uint32_t y = 0; y < height; y++) {
			uint8_t *row = stream->picture.plane[plane] +
					((uint32_t)(rect->y >> plane) + y) * stream->picture.stride[plane] + rect->x;
			for (uint32_t x = 0; x < width; x++) {
				uint32_t value = chance(grain) == 0 ? base + chance(noise) : base;
				row[x] = (uint8_t)(value > 255 ? 255 : value);
			}
		}
	}
	damage_add_rects(&stream->damage, rect, 1);
}

static void draw_somewhere(struct stream *stream) {
	uint32_t width = picture_coded_width(&stream->picture),
			 height = picture_coded_height(&stream->picture);
	struct es_rect rect = {
			.x = (int32_t)(chance(width) & ~1U), .y = (int32_t)(chance(height) & ~1U)};
	rect.width = (int32_t)((1 + chance(width - (uint32_t)rect.x) + 1) & ~1U);
	rect.height = (int32_t)((1 + chance(height - (uint32_t)rect.y) + 1) & ~1U);
	draw(stream, &rect);
}

static double step_of(int qp) {
	static const double steps[6] = {0.625, 0.6875, 0.8125, 0.875, 1, 1.125};
	return steps[qp % 6] * (1 << qp / 6);
}

static double square(double x) {
	return x * x;
}

// Of a quantiser's step, squared, as the mean square error: all of it may lie in the interval around zero,
// which is the widest, but of a flat difference only one coefficient of sixteen can.
#define OF_ANYTHING 0.7
#define OF_FLATNESS 0.06

// What is skipped is as it was, of the rest the error is that share of the quantiser's.
static void check(const struct stream *stream, const struct es_decoded *decoded, double share) {
	for (uint32_t plane = 0; plane < 2; plane++) {
		uint32_t side = 16 >> plane, stride = stream->picture.stride[plane];
		double error = 0;
		size_t n = 0;
		for (uint32_t y = 0; y < rows_of(stream, plane); y++) {
			for (uint32_t x = 0; x < picture_coded_width(&stream->picture); x++) {
				uint8_t shown = sample_of(decoded, plane, x, y);
				if (stream->unchanged[y / side * stream->patch.width + x / 16] != 0) {
					assert_int_equal(stream->shown[plane][y * stride + x], shown);
				} else {
					error += square((double)shown - stream->picture.plane[plane][y * stride + x]);
					n++;
				}
			}
		}
		// Chroma is no coarser than luma, but for its offset.
		double most = square(
				step_of(stream->patch.qp + (plane == 0 ? 0 : stream->patch.chroma_qp_offset)));
		assert_true(n == 0 || error / (double)n < most * share + 0.6);
	}
}

static void patch(struct stream *stream, int qp, double share) {
	stream->patch.qp = qp;
	damage_map(&stream->damage, stream->unchanged, 1);
	struct es_decoded decoded;
	decode(stream, patch_picture_write(&stream->patch, stream->out, MAX_UNIT), &decoded);
	check(stream, &decoded, share);
}

// x264's picture after a patch is decoded to x264's own reconstruction (see encode).
static void check_stream(uint32_t width, uint32_t height, int chroma_qp_offset) {
	struct stream *stream = stream_open(width, height, chroma_qp_offset);
	draw_somewhere(stream);
	encode(stream, 20);
	for (int i = 0; i < 150; i++) {
		damage_clear(&stream->damage);
		for (uint32_t n = chance(4); n > 0; n--) {
			draw_somewhere(stream);
		}
		patch(stream, 10 + (int)chance(37), OF_ANYTHING);
		encode(stream, 16 + (int)chance(30));
	}
	stream_close(stream);
}

static void test_changes_are_shown(void **state) {
	check_stream(96, 64, 0);
}

static void test_of_sizes_that_are_no_macroblocks(void **state) {
	check_stream(88, 72, 0);
	check_stream(16, 16, 0);
	check_stream(18, 54, 0);
	check_stream(35, 21, 0);
}

static void test_with_an_offset_of_chroma(void **state) {
	check_stream(64, 64, 5);
	check_stream(64, 64, -4);
}

// With each quantiser; flat ones, too, where a wrong one of chroma would show.
static void test_the_largest_differences(void **state) {
	struct stream *stream = stream_open(64, 64, 0);
	for (uint32_t i = 0; i < 42 * 4; i++) {
		for (uint32_t plane = 0; plane < 2; plane++) {
			memset(stream->picture.plane[plane], i % 2 == 0 ? 40 : 215,
					(size_t)stream->picture.stride[plane] * rows_of(stream, plane));
		}
		encode(stream, 16);
		bool flat = i % 4 < 2;
		for (uint32_t y = 0; y < 64; y++) {
			for (uint32_t x = 0; x < 64; x++) {
				bool on = ((x >> i % 3) + (y >> i % 2)) % 2 != 0;
				uint8_t value = flat ? (i % 2 == 0 ? 215 : 40) : on ? 255 : 0;
				stream->picture.plane[0][y * stream->picture.stride[0] + x] = value;
				stream->picture.plane[1][y / 2 * stream->picture.stride[1] + x] = value;
			}
		}
		damage_add_all(&stream->damage);
		patch(stream, 10 + (int)i / 4, flat ? OF_FLATNESS : OF_ANYTHING);
	}
	stream_close(stream);
}

static void test_nothing_changed(void **state) {
	struct stream *stream = stream_open(320, 180, 0);
	draw_somewhere(stream);
	damage_clear(&stream->damage);
	for (int i = 0; i < 40; i++) { // once around the frame_nums
		encode(stream, 20);
		struct es_patch same = stream->patch;
		same.picture = NULL;
		struct es_decoded decoded;
		size_t size = patch_picture_write(&same, stream->out, MAX_UNIT);
		assert_true(size <= 16);
		decode(stream, size, &decoded);
		damage_map(&stream->damage, stream->unchanged, 1);
		check(stream, &decoded, 0);
	}
	stream_close(stream);
}

static void test_no_room(void **state) {
	struct stream *stream = stream_open(64, 64, 0);
	encode(stream, 30);
	draw(stream, &(struct es_rect){0, 0, 64, 64});
	damage_map(&stream->damage, stream->unchanged, 1);
	stream->patch.qp = 20;
	size_t size = patch_picture_write(&stream->patch, stream->out, MAX_UNIT);
	for (size_t cap = 0; cap < size; cap++) {
		uint8_t *out = malloc(cap); // of that size, for the address sanitizer
		assert_int_equal(0, patch_picture_write(&stream->patch, out, cap));
		free(out);
	}
	assert_int_equal(size, patch_picture_write(&stream->patch, stream->out, size));
	stream_close(stream);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_changes_are_shown),
			cmocka_unit_test(test_of_sizes_that_are_no_macroblocks),
			cmocka_unit_test(test_with_an_offset_of_chroma),
			cmocka_unit_test(test_the_largest_differences),
			cmocka_unit_test(test_nothing_changed),
			cmocka_unit_test(test_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
