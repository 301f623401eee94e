// What VA-API's drivers are told: needs no driver.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "encode/encoder_impls.h"
#include "encode/vaapi_convert.h"
#include "encode/vaapi_surface.h"
#include "encode/vaapi_trial.h"
#include "encode/vaapi_tune.h"

static int make_memory(off_t size) {
	int fd = memfd_create("plane", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void test_formats(void **state) {
	for (size_t i = 0; i < n_vaapi_formats; i++) {
		const struct es_vaapi_format *format = vaapi_find_format(vaapi_formats[i].fourcc);
		assert_ptr_equal(format, &vaapi_formats[i]); // none twice
		// What has alpha is read as its twin without.
		assert_int_equal(vaapi_find_format(format->opaque)->va_fourcc, format->va_fourcc);
		assert_int_equal(vaapi_find_format(format->opaque)->opaque, format->opaque);
	}
	assert_int_equal(vaapi_find_format(DRM_FORMAT_ARGB8888)->va_fourcc, VA_FOURCC_BGRX);
	assert_int_equal(vaapi_find_format(DRM_FORMAT_XBGR8888)->va_fourcc, VA_FOURCC_RGBX);
	assert_int_equal(vaapi_find_format(DRM_FORMAT_XRGB2101010)->va_fourcc, VA_FOURCC_X2R10G10B10);
	assert_null(vaapi_find_format(DRM_FORMAT_NV12));
	assert_null(vaapi_find_format(DRM_FORMAT_ABGR16161616F));
	assert_true(vaapi_has_clear_colour(I915_FORMAT_MOD_Y_TILED_GEN12_RC_CCS_CC));
	assert_false(vaapi_has_clear_colour(I915_FORMAT_MOD_Y_TILED_GEN12_RC_CCS));
	assert_false(vaapi_has_clear_colour(DRM_FORMAT_MOD_LINEAR));
}

static struct es_frame_buffer make_buffer(uint32_t n_planes) {
	return (struct es_frame_buffer){
			.id = 1,
			.kind = ES_BUFFER_DMABUF,
			.width = 640,
			.height = 360,
			.fourcc = DRM_FORMAT_ARGB8888,
			.modifier = I915_FORMAT_MOD_Y_TILED_GEN12_RC_CCS,
			.n_planes = n_planes,
			.offset = {0, 1 << 20},
			.stride = {2560, 64},
	};
}

// Planes of one memory come with an fd each; drivers want the memory once.
static void test_one_object(void **state) {
	int fd = make_memory(2 << 20), fds[] = {fd, dup(fd)};
	const char *why = "";
	struct es_vaapi_objects objects;
	VADRMPRIMESurfaceDescriptor d;
	struct es_frame_buffer buffer = make_buffer(2);
	assert_true(vaapi_find_objects(&objects, fds, 2, &why));
	assert_int_equal(objects.n, 1);
	assert_true(vaapi_describe(&d, &buffer, vaapi_find_format(buffer.fourcc), &objects, &why));
	assert_int_equal(d.fourcc, VA_FOURCC_BGRX);
	assert_int_equal(d.width, 640);
	assert_int_equal(d.height, 360);
	assert_int_equal(d.num_objects, 1);
	assert_int_equal(d.objects[0].fd, fd);
	assert_int_equal(d.objects[0].size, 2 << 20);
	assert_true(d.objects[0].drm_format_modifier == buffer.modifier);
	assert_int_equal(d.num_layers, 1);
	assert_int_equal(d.layers[0].drm_format, DRM_FORMAT_XRGB8888);
	assert_int_equal(d.layers[0].num_planes, 2);
	assert_int_equal(d.layers[0].object_index[1], 0);
	assert_int_equal(d.layers[0].offset[1], 1 << 20);
	assert_int_equal(d.layers[0].pitch[0], 2560);
	assert_int_equal(d.layers[0].pitch[1], 64);
	close(fds[0]);
	close(fds[1]);
}

static void test_two_objects(void **state) {
	int fds[] = {make_memory(1 << 20), make_memory(2 << 20)};
	const char *why = "";
	struct es_vaapi_objects objects;
	VADRMPRIMESurfaceDescriptor d;
	struct es_frame_buffer buffer = make_buffer(2);
	assert_true(vaapi_find_objects(&objects, fds, 2, &why));
	assert_int_equal(objects.n, 2);
	assert_true(vaapi_describe(&d, &buffer, vaapi_find_format(buffer.fourcc), &objects, &why));
	assert_int_equal(d.num_objects, 2);
	assert_int_equal(d.layers[0].object_index[1], 1);
	buffer.offset[0] = 1 << 20; // just outside
	assert_false(vaapi_describe(&d, &buffer, vaapi_find_format(buffer.fourcc), &objects, &why));
	assert_string_equal(why, "a plane lies outside its memory");
	close(fds[0]);
	close(fds[1]);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_false(vaapi_find_objects(&objects, pipes, 1, &why));
	assert_string_equal(why, "a plane is no memory");
	close(pipes[0]);
	close(pipes[1]);
}

// Only the matrix and the range differ between the two sides: else curves would be converted.
static void test_colour(void **state) {
	VAProcPipelineParameterBuffer p = {0};
	struct es_colour sdr = colour_sdr();
	struct es_colour pq = {.primaries = 9, .transfer = 16, .matrix = 9, .depth = 10};
	assert_true(vaapi_fill_colour(&p, &sdr, true));
	assert_int_equal(p.surface_color_standard, VAProcColorStandardExplicit);
	assert_int_equal(p.output_color_standard, VAProcColorStandardExplicit);
	assert_int_equal(p.input_color_properties.colour_primaries, 1);
	assert_int_equal(p.input_color_properties.transfer_characteristics, 1);
	assert_int_equal(p.input_color_properties.matrix_coefficients, 0);
	assert_int_equal(p.input_color_properties.color_range, VA_SOURCE_RANGE_FULL);
	assert_int_equal(p.output_color_properties.matrix_coefficients, 1);
	assert_int_equal(p.output_color_properties.color_range, VA_SOURCE_RANGE_REDUCED);
	assert_true(vaapi_fill_colour(&p, &pq, true));
	assert_int_equal(p.input_color_properties.transfer_characteristics, 16);
	assert_int_equal(p.output_color_properties.transfer_characteristics, 16);
	assert_int_equal(p.output_color_properties.matrix_coefficients, 9);
	assert_true(vaapi_fill_colour(&p, &sdr, false));
	assert_int_equal(p.output_color_standard, VAProcColorStandardBT709);
	assert_false(vaapi_fill_colour(&p, &pq, false));
}

static void test_tune(void **state) {
	struct es_encoder_params params = {.codec = ES_CODEC_H264,
			.mode = {1920, 1080, 60000},
			.bitrate_kbps = 12000,
			.slices = 4};
	struct es_vaapi_tune t = vaapi_tune(
			&(struct es_vaapi_driver){.intel = true, .low_power = true, .max_slices = 32}, &params);
	assert_true(t.low_power);
	assert_string_equal(t.rc_mode, "VBR");
	assert_int_equal(t.buffer_bits, 200000); // a picture's share
	assert_int_equal(t.slices, 1); // else one for each row of blocks
	t = vaapi_tune(&(struct es_vaapi_driver){.max_slices = 2}, &params);
	assert_false(t.low_power);
	assert_string_equal(t.rc_mode, "CBR");
	assert_int_equal(t.buffer_bits, 12000000);
	assert_int_equal(t.slices, 2);
	params.codec = ES_CODEC_AV1;
	t = vaapi_tune(&(struct es_vaapi_driver){.max_slices = 2}, &params);
	assert_string_equal(t.rc_mode, "VBR");
	assert_int_equal(t.slices, 0);
}

static void test_profiles(void **state) {
	VAProfile profile;
	struct es_colour colour = colour_sdr();
	assert_true(vaapi_profile(ES_CODEC_H264, &colour, &profile));
	assert_int_equal(profile, VAProfileH264High);
	colour.depth = 10;
	assert_false(vaapi_profile(ES_CODEC_H264, &colour, &profile));
	assert_true(vaapi_profile(ES_CODEC_HEVC, &colour, &profile));
	assert_int_equal(profile, VAProfileHEVCMain10);
	assert_true(vaapi_profile(ES_CODEC_AV1, &colour, &profile));
	colour.yuv444 = true;
	assert_false(vaapi_profile(ES_CODEC_HEVC, &colour, &profile));
}

// Absence has a reason and nothing else.
static void test_no_such_device(void **state) {
	static const char *const nodes[] = {"/nonexistent/renderD128", "/dev/null"};
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		char why[256] = "";
		assert_null(device_create(&device_vaapi, nodes[i], why, sizeof(why)));
		assert_non_null(strstr(why, nodes[i]));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_formats),
			cmocka_unit_test(test_one_object),
			cmocka_unit_test(test_two_objects),
			cmocka_unit_test(test_colour),
			cmocka_unit_test(test_tune),
			cmocka_unit_test(test_profiles),
			cmocka_unit_test(test_no_such_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
