// What NVENC is told, and which units it is told to forget. None of it needs the library.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "encode/cuda_bridge.h"
#include "encode/nvenc_library.h"
#include "encode/nvenc_refs.h"
#include "encode/nvenc_settings.h"

static const struct es_nvenc_caps everything = {
		.min_width = 145,
		.min_height = 49,
		.max_width = 4096,
		.max_height = 4096,
		.ten_bits = true,
		.custom_vbv = true,
		.multiple_refs = true,
		.invalidation = true,
		.live_bitrate = true,
};

static struct es_encoder_params params_of(enum es_codec codec, uint8_t depth) {
	struct es_encoder_params params = {
			.codec = codec,
			.mode = {1919, 1079, 59940},
			.colour = colour_sdr(),
			.bitrate_kbps = 20000,
	};
	if (depth > 8) {
		params.colour = (struct es_colour){9, 16, 9, false, depth, false};
	}
	return params;
}

static void test_versions(void **state) {
	uint32_t built_for = NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION;
	assert_true(nvenc_library_fits(built_for));
	assert_true(nvenc_library_fits(built_for + 1));
	assert_true(nvenc_library_fits((NVENCAPI_MAJOR_VERSION + 1) << 4));
	assert_false(nvenc_library_fits(built_for - 1));
	assert_false(nvenc_library_fits((NVENCAPI_MAJOR_VERSION - 1) << 4 | 15));
	assert_false(nvenc_library_fits(0));
}

// Where there is none: a reason, and nothing to give back.
static void test_absence(void **state) {
	uint8_t uuid[16] = {1, 2, 3};
	struct es_cuda cuda;
	struct es_nvenc_library library;
	char why[160] = "";
	if (!cuda_open(&cuda, uuid, why, sizeof(why))) {
		assert_true(why[0] != '\0');
	}
	cuda_close(&cuda);
	cuda_close(&cuda);
	why[0] = '\0';
	if (!nvenc_library_open(&library, why, sizeof(why))) {
		assert_true(why[0] != '\0');
	}
	nvenc_library_close(&library);
	nvenc_library_close(&library);
}

static void test_initialize(void **state) {
	struct es_encoder_params params = params_of(ES_CODEC_HEVC, 8);
	NV_ENC_CONFIG config = {0};
	NV_ENC_INITIALIZE_PARAMS initialize;
	nvenc_fill_initialize(&initialize, &config, &params);
	assert_int_equal(initialize.version, NV_ENC_INITIALIZE_PARAMS_VER);
	assert_memory_equal(&initialize.encodeGUID, &NV_ENC_CODEC_HEVC_GUID, sizeof(GUID));
	assert_int_equal(initialize.encodeWidth, 1920);
	assert_int_equal(initialize.encodeHeight, 1080);
	assert_int_equal(initialize.frameRateNum, 59940);
	assert_int_equal(initialize.frameRateDen, 1000);
	assert_int_equal(initialize.enablePTD, 1);
	assert_int_equal(initialize.enableEncodeAsync, 0);
	assert_int_equal(initialize.tuningInfo, NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY);
	assert_ptr_equal(initialize.encodeConfig, &config);
}

// What every codec has in common; the presets' own values are in there before.
static NV_ENC_CONFIG filled(const struct es_encoder_params *params) {
	NV_ENC_CONFIG config;
	memset(&config, 0xff, sizeof(config));
	nvenc_fill_config(&config, params, &everything);
	assert_int_equal(config.version, NV_ENC_CONFIG_VER);
	assert_int_equal(config.gopLength, NVENC_INFINITE_GOPLENGTH);
	assert_int_equal(config.frameIntervalP, 1);
	assert_int_equal(config.rcParams.rateControlMode, NV_ENC_PARAMS_RC_CBR);
	assert_int_equal(config.rcParams.averageBitRate, 20000000);
	assert_int_equal(config.rcParams.vbvBufferSize, 20000000 / 59.94);
	assert_int_equal(config.rcParams.zeroReorderDelay, 1);
	assert_int_equal(config.rcParams.enableLookahead, 0);
	assert_int_equal(config.rcParams.lowDelayKeyFrameScale, 1);
	return config;
}

static void test_h264(void **state) {
	struct es_encoder_params params = params_of(ES_CODEC_H264, 8);
	params.slices = 4;
	NV_ENC_CONFIG config = filled(&params);
	const NV_ENC_CONFIG_H264 *h264 = &config.encodeCodecConfig.h264Config;
	assert_memory_equal(&config.profileGUID, &NV_ENC_H264_PROFILE_HIGH_GUID, sizeof(GUID));
	assert_int_equal(h264->repeatSPSPPS, 1);
	assert_int_equal(h264->outputAUD, 0);
	assert_int_equal(h264->idrPeriod, NVENC_INFINITE_GOPLENGTH);
	assert_int_equal(h264->maxNumRefFrames, 5);
	assert_int_equal(h264->numRefL0, NV_ENC_NUM_REF_FRAMES_1);
	assert_int_equal(h264->sliceMode, 3);
	assert_int_equal(h264->sliceModeData, 4);
	assert_int_equal(h264->enableFillerDataInsertion, 0);
	assert_int_equal(h264->h264VUIParameters.colourPrimaries, 1);
	assert_int_equal(h264->h264VUIParameters.colourMatrix, 1);
	assert_int_equal(h264->h264VUIParameters.videoFullRangeFlag, 0);
	assert_int_equal(h264->h264VUIParameters.chromaSampleLocationTop, 0);
}

static void test_hevc_hdr(void **state) {
	struct es_encoder_params params = params_of(ES_CODEC_HEVC, 10);
	NV_ENC_CONFIG config = filled(&params);
	const NV_ENC_CONFIG_HEVC *hevc = &config.encodeCodecConfig.hevcConfig;
	assert_memory_equal(&config.profileGUID, &NV_ENC_HEVC_PROFILE_MAIN10_GUID, sizeof(GUID));
	assert_int_equal(hevc->pixelBitDepthMinus8, 2);
	assert_int_equal(hevc->chromaFormatIDC, 1);
	assert_int_equal(hevc->maxNumRefFramesInDPB, 5);
	assert_int_equal(hevc->sliceModeData, 1);
	assert_int_equal(hevc->hevcVUIParameters.colourPrimaries, 9);
	assert_int_equal(hevc->hevcVUIParameters.transferCharacteristics, 16);
	assert_int_equal(hevc->hevcVUIParameters.colourMatrix, 9);
	assert_int_equal(nvenc_buffer_format(&params.colour), NV_ENC_BUFFER_FORMAT_YUV420_10BIT);
}

static void test_av1(void **state) {
	struct es_encoder_params params = params_of(ES_CODEC_AV1, 8);
	params.colour.full_range = true;
	NV_ENC_CONFIG config = filled(&params);
	const NV_ENC_CONFIG_AV1 *av1 = &config.encodeCodecConfig.av1Config;
	assert_int_equal(av1->repeatSeqHdr, 1);
	assert_int_equal(av1->outputAnnexBFormat, 0);
	assert_int_equal(av1->maxNumRefFramesInDPB, 8);
	assert_int_equal(av1->pixelBitDepthMinus8, 0);
	assert_int_equal(av1->inputPixelBitDepthMinus8, 0);
	assert_int_equal(av1->colorRange, 1);
	assert_int_equal(av1->chromaSamplePosition, 1);
	assert_int_equal(nvenc_buffer_format(&params.colour), NV_ENC_BUFFER_FORMAT_NV12);
}

static void test_rates(void **state) {
	NV_ENC_CONFIG config = {0};
	struct es_nvenc_caps less = everything;
	less.custom_vbv = false;
	nvenc_fill_rate(&config, 8000, 60000, &less);
	assert_int_equal(config.rcParams.averageBitRate, 8000000);
	assert_int_equal(config.rcParams.vbvBufferSize, 0);
	nvenc_fill_rate(&config, 6000, 60000, &everything);
	assert_int_equal(config.rcParams.averageBitRate, 6000000);
	assert_int_equal(config.rcParams.maxBitRate, 6000000);
	assert_int_equal(config.rcParams.vbvBufferSize, 100000);
	nvenc_fill_rate(&config, ES_MAX_KBPS, 1000, &everything);
	assert_int_equal(config.rcParams.averageBitRate, 1000000000);
	assert_int_equal(config.rcParams.vbvBufferSize, 1000000000);
}

static void test_refusals(void **state) {
	struct es_encoder_params params = params_of(ES_CODEC_HEVC, 10);
	struct es_nvenc_caps less = everything;
	assert_null(nvenc_refuses(&params, &less));
	less.ten_bits = false;
	assert_non_null(nvenc_refuses(&params, &less));
	params = params_of(ES_CODEC_HEVC, 8);
	assert_null(nvenc_refuses(&params, &less));
	params.mode.height = 4097;
	assert_non_null(nvenc_refuses(&params, &less));
	params.mode.height = 48;
	assert_non_null(nvenc_refuses(&params, &less));
}

static void test_references(void **state) {
	struct es_encoder_params params = params_of(ES_CODEC_H264, 8);
	struct es_nvenc_caps less = everything;
	assert_int_equal(nvenc_dpb_frames(&params, &less), 5);
	params.max_refs = 3;
	assert_int_equal(nvenc_dpb_frames(&params, &less), 3);
	params.max_refs = 100;
	assert_int_equal(nvenc_dpb_frames(&params, &less), 5);
	less.multiple_refs = false;
	assert_int_equal(nvenc_dpb_frames(&params, &less), 1);
}

static void encode_until(struct es_nvenc_refs *refs, uint64_t last) {
	while (refs->last < last) {
		nvenc_refs_encoded(refs, refs->last + 1, refs->last == 0);
	}
}

static void expect_named(struct es_nvenc_refs *refs, uint64_t first, uint64_t last,
		uint64_t wanted_from, uint64_t wanted_to) {
	uint64_t from = 0, to = 0;
	assert_true(nvenc_refs_lost(refs, first, last, &from, &to));
	assert_int_equal(from, wanted_from);
	assert_int_equal(to, wanted_to);
}

static void expect_nothing(struct es_nvenc_refs *refs, uint64_t first, uint64_t last) {
	uint64_t from = 0, to = 0;
	assert_true(nvenc_refs_lost(refs, first, last, &from, &to));
	assert_true(from > to);
}

static void expect_idr(struct es_nvenc_refs *refs, uint64_t first, uint64_t last) {
	uint64_t from, to;
	assert_false(nvenc_refs_lost(refs, first, last, &from, &to));
}

static void test_lost_units(void **state) {
	struct es_nvenc_refs refs;
	nvenc_refs_init(&refs, 5);
	expect_nothing(&refs, 1, 1); // before anything
	encode_until(&refs, 20);
	expect_nothing(&refs, 21, 22); // not made yet
	expect_named(&refs, 18, 18, 18, 20); // and what was predicted from it
	expect_nothing(&refs, 18, 18); // asked for twice
	expect_nothing(&refs, 19, 20);
	encode_until(&refs, 22);
	expect_nothing(&refs, 18, 20); // still on its way when it was answered
	expect_idr(&refs, 21, 21); // the answer was lost, too: 18..22 leave nothing
}

static void test_lost_too_many(void **state) {
	struct es_nvenc_refs refs;
	nvenc_refs_init(&refs, 5);
	encode_until(&refs, 20);
	expect_idr(&refs, 16, 16); // 16..20 are all that it has
	expect_named(&refs, 17, 19, 17, 20);
	nvenc_refs_init(&refs, 1);
	encode_until(&refs, 20);
	expect_idr(&refs, 20, 20); // keeps only one
}

static void test_lost_around_idr(void **state) {
	struct es_nvenc_refs refs;
	nvenc_refs_init(&refs, 8);
	encode_until(&refs, 3);
	expect_idr(&refs, 1, 1); // the IDR itself
	expect_named(&refs, 2, 2, 2, 3);
	encode_until(&refs, 5);
	nvenc_refs_encoded(&refs, 6, true);
	expect_nothing(&refs, 2, 5); // nothing reaches over an IDR
	expect_idr(&refs, 5, 6);
	encode_until(&refs, 8);
	expect_named(&refs, 7, 7, 7, 8);
}

// One loss after another, with something good in between.
static void test_lost_again(void **state) {
	struct es_nvenc_refs refs;
	nvenc_refs_init(&refs, 8);
	encode_until(&refs, 20);
	expect_named(&refs, 19, 19, 19, 20);
	encode_until(&refs, 23); // 21 is the answer
	expect_named(&refs, 23, 23, 23, 23); // 21 and 22 stay good
	encode_until(&refs, 24);
	expect_named(&refs, 24, 24, 24, 24); // the answer to that, right behind
	encode_until(&refs, 25);
	expect_named(&refs, 22, 25, 22, 25);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_versions),
			cmocka_unit_test(test_absence),
			cmocka_unit_test(test_initialize),
			cmocka_unit_test(test_h264),
			cmocka_unit_test(test_hevc_hdr),
			cmocka_unit_test(test_av1),
			cmocka_unit_test(test_rates),
			cmocka_unit_test(test_refusals),
			cmocka_unit_test(test_references),
			cmocka_unit_test(test_lost_units),
			cmocka_unit_test(test_lost_too_many),
			cmocka_unit_test(test_lost_around_idr),
			cmocka_unit_test(test_lost_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
