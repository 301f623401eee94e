#include "protocol/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/session_msg.h"
#include "tests/vectors/rtsp_vectors.h"

#define MAX_BODY 8192

// --- DESCRIBE

#define SURROUND \
	"a=fmtp:97 surround-params=21101\n" \
	"a=fmtp:97 surround-params=642014235\n" \
	"a=fmtp:97 surround-params=660012345\n" \
	"a=fmtp:97 surround-params=85301623457\n" \
	"a=fmtp:97 surround-params=88001234567\n"

static void assert_describe(const char *expected, const struct es_sdp_offer *offer) {
	char out[2048];
	size_t size = strlen(expected);
	assert_int_equal(size, sdp_describe(out, sizeof(out), offer));
	assert_memory_equal(expected, out, size);
	for (size_t cap = 0; cap <= size; cap++) { // the NUL needs room as well
		assert_int_equal(0, sdp_describe(out, cap, offer));
	}
	assert_int_equal(size, sdp_describe(out, size + 1, offer));
}

static void test_describe(void **state) {
	assert_describe("a=x-ss-general.featureFlags:3\n"
					"a=x-ss-general.encryptionSupported:7\n"
					"a=x-ss-general.encryptionRequested:7\n"
					"a=x-nv-video[0].refPicInvalidation:1\n"
					"sprop-parameter-sets=AAAAAU\n"
					"a=rtpmap:98 AV1/90000\n" SURROUND,
			&(struct es_sdp_offer){.codecs = {true, true, true},
					.invalidation = true,
					.encryption_supported = 7,
					.encryption_requested = 7,
					.pen_touch = true,
					.pad_touch_motion = true});
	assert_describe("a=x-ss-general.featureFlags:0\n"
					"a=x-ss-general.encryptionSupported:5\n"
					"a=x-ss-general.encryptionRequested:1\n" SURROUND,
			&(struct es_sdp_offer){.codecs = {true, false, false},
					.encryption_supported = 5,
					.encryption_requested = 1});
	assert_describe("a=x-ss-general.featureFlags:1\n"
					"a=x-ss-general.encryptionSupported:5\n"
					"a=x-ss-general.encryptionRequested:1\n"
					"a=rtpmap:98 AV1/90000\n" SURROUND,
			&(struct es_sdp_offer){.codecs = {[ES_CODEC_AV1] = true},
					.encryption_supported = 5,
					.encryption_requested = 1,
					.pen_touch = true});
}

// As a client reads it: the index-th line for that many channels, normal ones turned back.
static void assert_surround(const char *text, int channels, size_t index, const char *expected) {
	char key[64], digits[16] = {0};
	snprintf(key, sizeof(key), "a=fmtp:97 surround-params=%d", channels);
	const char *at = strstr(text, key);
	for (size_t i = 0; i < index && at != NULL; i++) {
		at = strstr(at + 1, key);
	}
	assert_non_null(at);
	size_t n = (size_t)channels + 2; // streams, coupled ones, the map
	memcpy(digits, at + strlen(key), n);
	assert_int_equal('\n', at[strlen(key) + n]);
	if (index == 0) {
		char last = digits[n - 1];
		memmove(digits + 2 + 4, digits + 2 + 3, (size_t)channels - 4);
		digits[2 + 3] = last;
	}
	assert_string_equal(expected, digits);
}

static void test_surround(void **state) {
	char text[2048] = {0};
	assert_true(sdp_describe(text, sizeof(text), &(struct es_sdp_offer){0}) > 0);
	assert_surround(text, 6, 0,
			"42"
			"014523");
	assert_surround(text, 6, 1,
			"60"
			"012345");
	assert_surround(text, 8, 0,
			"53"
			"01672345");
	assert_surround(text, 8, 1,
			"80"
			"01234567");
}

// --- ANNOUNCE

// The real client's ANNOUNCE with one attribute set to something else, or left out (NULL).
static size_t edit(char *out, const char *name, const char *value) {
	char line_start[128];
	snprintf(line_start, sizeof(line_start), "a=%s:", name);
	const char *at = strstr(announce_vector, line_start);
	assert_non_null(at);
	const char *end = strchr(at, '\n') + 1;
	size_t before = (size_t)(at - announce_vector);
	memcpy(out, announce_vector, before);
	int written = value == NULL
			? 0
			: snprintf(out + before, MAX_BODY - before, "%s%s \r\n", line_start, value);
	size_t size = before + (size_t)written;
	size_t rest = strlen(end);
	memcpy(out + size, end, rest);
	return size + rest;
}

static char error[256];

static bool parse(struct es_announce *announce, const char *body, size_t size) {
	char *exact = malloc(size + (size == 0));
	assert_non_null(exact);
	memcpy(exact, body, size);
	memset(error, 0, sizeof(error));
	bool ok = sdp_parse_announce(announce, exact, size, false, error, sizeof(error));
	free(exact);
	return ok;
}

static bool parse_edited(struct es_announce *announce, const char *name, const char *value) {
	char body[MAX_BODY];
	return parse(announce, body, edit(body, name, value));
}

static struct es_announce accept(const char *name, const char *value) {
	struct es_announce announce;
	if (!parse_edited(&announce, name, value)) {
		fail_msg("%s:%s: %s", name, value != NULL ? value : "(left out)", error);
	}
	return announce;
}

static void refuse(const char *name, const char *value, const char *expected) {
	struct es_announce announce, before;
	memset(&announce, 0x55, sizeof(announce));
	before = announce;
	if (parse_edited(&announce, name, value)) {
		fail_msg("%s:%s is taken", name, value != NULL ? value : "(left out)");
	}
	assert_memory_equal(&before, &announce, sizeof(before));
	if (strncmp(error, name, strlen(name)) != 0 || strcmp(error + strlen(name), expected) != 0) {
		fail_msg("%s:%s: %s", name, value != NULL ? value : "(left out)", error);
	}
}

static void test_real(void **state) {
	struct es_announce announce;
	assert_true(parse(&announce, announce_vector, strlen(announce_vector)));
	assert_int_equal(ES_CODEC_H264, announce.codec);
	assert_int_equal(1280, announce.mode.width);
	assert_int_equal(720, announce.mode.height);
	assert_int_equal(60000, announce.mode.refresh_mhz);
	assert_int_equal(20000, announce.bitrate_kbps);
	assert_int_equal(1392, announce.packet_size);
	assert_int_equal(2, announce.min_parity);
	assert_int_equal(1, announce.slices);
	assert_int_equal(1, announce.max_refs);
	assert_false(announce.yuv444 || announce.ten_bit || announce.full_range);
	assert_int_equal(1, announce.colour_space);
	assert_int_equal(ES_GAMESTREAM_ENCRYPT_CONTROL, announce.encryption);
	assert_true(announce.fec_status && announce.session_id);
	assert_int_equal(2, announce.audio_channels);
	assert_int_equal(3, announce.audio_mask);
	assert_true(announce.audio_high_quality);
	assert_int_equal(5, announce.audio_packet_ms);
	assert_true(announce.mark_video && announce.mark_audio);
	// without the last end of line, with bare ones, and with a NUL in a line of no matter
	assert_true(parse(&announce, announce_vector, strlen(announce_vector) - 2));
	char body[MAX_BODY];
	size_t size = 0;
	for (const char *p = announce_vector; *p != '\0'; p++) {
		if (*p != '\r') {
			body[size++] = *p;
		}
	}
	body[0] = '\0';
	assert_true(parse(&announce, body, size));
}

static void test_meanings(void **state) {
	assert_int_equal(ES_CODEC_HEVC, accept("x-nv-vqos[0].bitStreamFormat", "1").codec);
	assert_int_equal(ES_CODEC_AV1, accept("x-nv-vqos[0].bitStreamFormat", "2").codec);
	assert_true(accept("x-ss-video[0].chromaSamplingType", "1").yuv444);
	assert_true(accept("x-nv-video[0].dynamicRangeMode", "1").ten_bit);
	assert_int_equal(2, accept("x-nv-video[0].encoderCscMode", "5").colour_space);
	assert_true(accept("x-nv-video[0].encoderCscMode", "5").full_range);
	assert_int_equal(0, accept("x-nv-video[0].encoderCscMode", "0").colour_space);
	assert_int_equal(7, accept("x-ss-general.encryptionEnabled", "7").encryption);
	assert_int_equal(ES_GAMESTREAM_ENCRYPT_CONTROL | ES_GAMESTREAM_ENCRYPT_AUDIO,
			accept("x-nv-general.featureFlags", "167").encryption); // asked for the old way
	assert_false(accept("x-ml-general.featureFlags", "1").session_id);
	assert_false(accept("x-ml-general.featureFlags", "2").fec_status);
	assert_false(accept("x-nv-vqos[0].qosTrafficType", "0").mark_video);
	assert_false(accept("x-nv-aqos.qosTrafficType", "0").mark_audio);
	assert_int_equal(0, accept("x-nv-video[0].maxNumReferenceFrames", "0").max_refs);
	assert_int_equal(4, accept("x-nv-video[0].videoEncoderSlicesPerFrame", "4").slices);
	assert_int_equal(1, accept("x-nv-video[0].videoEncoderSlicesPerFrame", "0").slices);
	assert_int_equal(16, accept("x-nv-video[0].videoEncoderSlicesPerFrame", "255").slices);
	assert_int_equal(20, accept("x-nv-aqos.packetDuration", "20").audio_packet_ms);
	assert_int_equal(10, accept("x-nv-aqos.packetDuration", "10").audio_packet_ms);
	assert_int_equal(256, accept("x-nv-video[0].packetSize", "256").packet_size);
	assert_int_equal(1424, accept("x-nv-video[0].packetSize", "1424").packet_size);
}

static void test_sizes(void **state) {
	assert_int_equal(1280, accept("x-nv-video[0].clientViewportWd", "1281").mode.width);
	assert_int_equal(720, accept("x-nv-video[0].clientViewportHt", "721").mode.height);
	assert_int_equal(16, accept("x-nv-video[0].clientViewportHt", "17").mode.height);
	assert_int_equal(8192, accept("x-nv-video[0].clientViewportWd", "8192").mode.width);
}

static int32_t refresh(const char *fps, const char *x100) {
	char body[MAX_BODY];
	edit(body, "x-nv-video[0].maxFPS", fps);
	char *at = strstr(body, "a=x-nv-video[0].clientRefreshRateX100");
	size_t size = at != NULL ? (size_t)(at - body) : 0;
	assert_true(size > 0);
	size += (size_t)snprintf(body + size, MAX_BODY - size,
			"a=x-nv-video[0].clientRefreshRateX100:%s\r\n"
			"a=x-nv-audio.surround.numChannels:2\r\na=x-nv-audio.surround.channelMask:3\r\n"
			"a=x-nv-audio.surround.AudioQuality:0\r\n",
			x100);
	struct es_announce announce;
	if (!parse(&announce, body, size)) {
		fail_msg("%s", error);
	}
	assert_true(mode_valid(&announce.mode));
	return announce.mode.refresh_mhz;
}

static void test_refresh(void **state) {
	assert_int_equal(59940, refresh("60", "5994"));
	assert_int_equal(59400, refresh("60", "5940")); // just within 1 %
	assert_int_equal(60000, refresh("60", "5939"));
	assert_int_equal(60600, refresh("60", "6060"));
	assert_int_equal(60000, refresh("60", "6061"));
	assert_int_equal(60000, refresh("60", "0"));
	assert_int_equal(60000, refresh("60", "14400")); // plays at less than its display could
	assert_int_equal(60000, refresh("60", "2147483647"));
	assert_int_equal(23980, refresh("24", "2398"));
	assert_int_equal(1000000, refresh("1000", "0"));
	assert_int_equal(1000, refresh("1", "99")); // no display is slower
}

static void test_bitrate(void **state) {
	assert_int_equal(16000, accept("x-ml-video.configuredBitrateKbps", NULL).bitrate_kbps);
	assert_int_equal(16000, accept("x-ml-video.configuredBitrateKbps", "0").bitrate_kbps);
	assert_int_equal(ES_MIN_KBPS, accept("x-ml-video.configuredBitrateKbps", "1").bitrate_kbps);
	assert_int_equal(
			ES_MAX_KBPS, accept("x-ml-video.configuredBitrateKbps", "2147483647").bitrate_kbps);
}

static void test_audio(void **state) {
	struct es_announce announce;
	assert_true(sdp_parse_announce(
			&announce, announce_vector, strlen(announce_vector), true, error, sizeof(error)));
	assert_false(announce.audio_high_quality); // by the Host header
	static const char tail[] = "a=x-nv-audio.surround.channelMask:63\r\n"
							   "a=x-nv-audio.surround.AudioQuality:1\r\n";
	char body[MAX_BODY];
	size_t size = edit(body, "x-nv-audio.surround.numChannels", "6");
	char *at = strstr(body, "a=x-nv-audio.surround.channelMask");
	assert_true(at != NULL && size > 0);
	memcpy(at, tail, sizeof(tail) - 1);
	size = (size_t)(at - body) + sizeof(tail) - 1;
	assert_true(sdp_parse_announce(&announce, body, size, true, error, sizeof(error)));
	assert_int_equal(6, announce.audio_channels);
	assert_int_equal(63, announce.audio_mask);
	assert_true(announce.audio_high_quality);
	at[sizeof(tail) - 4] = '0';
	assert_true(sdp_parse_announce(&announce, body, size, false, error, sizeof(error)));
	assert_false(announce.audio_high_quality);
}

static void test_missing(void **state) {
	static const char *const required[] = {"x-nv-video[0].clientViewportWd",
			"x-nv-video[0].clientViewportHt", "x-nv-video[0].maxFPS", "x-nv-video[0].packetSize",
			"x-nv-vqos[0].bw.maximumBitrateKbps", "x-nv-general.useReliableUdp",
			"x-nv-video[0].videoEncoderSlicesPerFrame", "x-nv-video[0].maxNumReferenceFrames",
			"x-nv-audio.surround.numChannels", "x-nv-audio.surround.channelMask",
			"x-nv-audio.surround.AudioQuality"};
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		refuse(required[i], NULL, " is missing");
	}
	assert_int_equal(0, accept("x-ss-general.encryptionEnabled", NULL).encryption);
	assert_int_equal(0, accept("x-nv-vqos[0].fec.minRequiredFecPackets", NULL).min_parity);
	assert_int_equal(5, accept("x-nv-aqos.packetDuration", NULL).audio_packet_ms);
	assert_int_equal(ES_CODEC_H264, accept("x-nv-vqos[0].bitStreamFormat", NULL).codec);
	assert_int_equal(1, accept("x-nv-general.featureFlags", NULL).encryption);
	assert_false(accept("x-ml-general.featureFlags", NULL).session_id);
	assert_int_equal(60000, accept("x-nv-video[0].clientRefreshRateX100", NULL).mode.refresh_mhz);
	struct es_announce announce;
	assert_false(parse(&announce, "", 0));
	assert_non_null(strstr(error, "is missing"));
}

static void test_out_of_range(void **state) {
	static const struct {
		const char *name;
		const char *below, *above, *expected; // NULL: no such value
	} ranges[] = {
			{"x-ml-general.featureFlags", "-1", NULL, "0 and 2147483647"},
			{"x-ss-general.encryptionEnabled", "-1", "8", "0 and 7"},
			{"x-ss-video[0].chromaSamplingType", "-1", "2", "0 and 1"},
			{"x-nv-video[0].clientViewportWd", "15", "8193", "16 and 8192"},
			{"x-nv-video[0].clientViewportHt", "15", "8193", "16 and 8192"},
			{"x-nv-video[0].maxFPS", "0", "1001", "1 and 1000"},
			{"x-nv-video[0].packetSize", "240", "1440", "256 and 1424"},
			{"x-nv-vqos[0].bw.maximumBitrateKbps", "0", NULL, "1 and 2147483647"},
			{"x-ml-video.configuredBitrateKbps", "-1", NULL, "0 and 2147483647"},
			{"x-nv-vqos[0].qosTrafficType", "-1", "256", "0 and 255"},
			{"x-nv-aqos.qosTrafficType", "-1", "256", "0 and 255"},
			{"x-nv-general.featureFlags", "-1", NULL, "0 and 2147483647"},
			{"x-nv-general.useReliableUdp", "1", "14", "13 and 13"},
			{"x-nv-vqos[0].fec.minRequiredFecPackets", "-1", "3", "0 and 2"},
			{"x-nv-video[0].videoEncoderSlicesPerFrame", "-1", "256", "0 and 255"},
			{"x-nv-vqos[0].bitStreamFormat", "-1", "3", "0 and 2"},
			{"x-nv-video[0].dynamicRangeMode", "-1", "2", "0 and 1"},
			{"x-nv-video[0].maxNumReferenceFrames", "-1", "17", "0 and 16"},
			{"x-nv-video[0].clientRefreshRateX100", "-1", NULL, "0 and 2147483647"},
			{"x-nv-audio.surround.numChannels", "1", "9", "2 and 8"},
			{"x-nv-audio.surround.channelMask", "0", "65536", "1 and 65535"},
			{"x-nv-audio.surround.AudioQuality", "-1", "2", "0 and 1"},
			{"x-nv-aqos.packetDuration", "4", "21", "5 and 20"},
			{"x-nv-video[0].encoderCscMode", "-1", "6", "0 and 5"},
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		char expected[128];
		snprintf(expected, sizeof(expected), ": %s is not within %s", ranges[i].below,
				ranges[i].expected);
		refuse(ranges[i].name, ranges[i].below, expected);
		if (ranges[i].above != NULL) {
			snprintf(expected, sizeof(expected), ": %s is not within %s", ranges[i].above,
					ranges[i].expected);
			refuse(ranges[i].name, ranges[i].above, expected);
		}
		refuse(ranges[i].name, "2147483648", ": \"2147483648\" is not a number");
		refuse(ranges[i].name, "", ": \"\" is not a number");
		refuse(ranges[i].name, "nan", ": \"nan\" is not a number");
	}
	refuse("x-nv-video[0].packetSize", "1391", ": 1391 is not a multiple of 16");
	refuse("x-nv-audio.surround.numChannels", "4", ": 4 is not 2, 6 or 8");
	refuse("x-nv-aqos.packetDuration", "15", ": 15 is not 5, 10 or 20");
}

static void test_not_numbers(void **state) {
	const char *name = "x-nv-video[0].maxFPS";
	refuse(name, "6O", ": \"6O\" is not a number");
	refuse(name, " 60", ": \" 60\" is not a number");
	refuse(name, "60.0", ": \"60.0\" is not a number");
	refuse(name, "+60", ": \"+60\" is not a number");
	refuse(name, "-", ": \"-\" is not a number");
	refuse(name, "0x3c", ": \"0x3c\" is not a number");
	refuse(name, "60\x1b[2J%s%n", ": \"60?[2J%s%n\" is not a number"); // nothing to fool a terminal
	refuse(name, "99999999999999999999999999999999999999999999999999",
			": \"99999999999999999999999999999999\" is not a number");
	struct es_announce announce;
	char small[8];
	assert_false(sdp_parse_announce(&announce, "a=x-nv-video[0].maxFPS:x", 24, false, small, 8));
	assert_string_equal("x-nv-vi", small);
}

static bool parse_added(const char *line) {
	char body[MAX_BODY];
	size_t size = (size_t)snprintf(body, sizeof(body), "%s%s\r\n", announce_vector, line);
	struct es_announce announce;
	return parse(&announce, body, size);
}

static void test_more_lines(void **state) {
	assert_true(parse_added("a=x-nv-video[0].maxFPS:60 ")); // the same again
	assert_false(parse_added("a=x-nv-video[0].maxFPS:61"));
	assert_string_equal("x-nv-video[0].maxFPS: 61 after 60", error);
	assert_true(parse_added("a=x-nv-video[1].maxFPS:nonsense")); // unknown
	assert_true(parse_added("a=x-nv-video[0].maxFPSx:nonsense"));
	assert_true(parse_added("a=x-nv-video[0].maxFP:nonsense"));
	assert_true(parse_added("a=X-NV-VIDEO[0].MAXFPS:nonsense"));
	assert_true(parse_added("a=recvonly"));
	assert_true(parse_added("a=:"));
	assert_true(parse_added("a="));
	assert_true(parse_added("a"));
	assert_true(parse_added(":"));
	assert_true(parse_added("x-nv-video[0].maxFPS:61"));
	assert_true(parse_added("b=x-nv-video[0].maxFPS:61"));
}

// --- what is left for video

static uint32_t video_kbps(uint32_t kbps, uint8_t channels, bool high, uint32_t fec_percent) {
	struct es_announce announce = {
			.bitrate_kbps = kbps, .audio_channels = channels, .audio_high_quality = high};
	return announce_video_kbps(&announce, fec_percent);
}

static void test_video_kbps(void **state) {
	assert_int_equal(20000 - 512 - 500, video_kbps(20000, 2, true, 0));
	assert_int_equal(16000 - 512 - 500, video_kbps(20000, 2, true, 20));
	assert_int_equal(16000 - 192 - 500, video_kbps(20000, 2, false, 20));
	assert_int_equal(16000 - 2048 - 500, video_kbps(20000, 8, true, 20));
	assert_int_equal(800 - 160 - 64, video_kbps(1000, 2, true, 20)); // a fifth, then a tenth
	assert_int_equal(4000 - 512 - 348, video_kbps(20000, 2, true, 80));
	assert_int_equal(20000 - 512 - 500, video_kbps(20000, 2, true, 81)); // as the common host
	assert_int_equal(20000 - 512 - 500, video_kbps(20000, 2, true, UINT32_MAX));
	assert_int_equal(ES_MIN_KBPS, video_kbps(ES_MIN_KBPS, 2, true, 20));
	assert_true(video_kbps(ES_MAX_KBPS, 2, true, 0) < ES_MAX_KBPS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_describe),
			cmocka_unit_test(test_surround),
			cmocka_unit_test(test_real),
			cmocka_unit_test(test_meanings),
			cmocka_unit_test(test_sizes),
			cmocka_unit_test(test_refresh),
			cmocka_unit_test(test_bitrate),
			cmocka_unit_test(test_audio),
			cmocka_unit_test(test_missing),
			cmocka_unit_test(test_out_of_range),
			cmocka_unit_test(test_not_numbers),
			cmocka_unit_test(test_more_lines),
			cmocka_unit_test(test_video_kbps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
