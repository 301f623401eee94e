// ANNOUNCE: what is taken is in range, what is refused is explained in clean text.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/sdp.h"
#include "protocol/session_msg.h"
#include "tests/vectors/rtsp_vectors.h"

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "sdp: %s\n", what);
		abort();
	}
}

static void check_taken(const struct es_announce *announce) {
	require((unsigned)announce->codec < ES_CODEC_COUNT, "codec");
	require(mode_valid(&announce->mode) && announce->mode.width % 2 == 0 &&
					announce->mode.height % 2 == 0,
			"mode");
	require(announce->bitrate_kbps >= ES_MIN_KBPS && announce->bitrate_kbps <= ES_MAX_KBPS,
			"bitrate");
	require(announce->packet_size >= ES_GAMESTREAM_MIN_PACKET &&
					announce->packet_size <= ES_GAMESTREAM_MAX_PACKET &&
					announce->packet_size % 16 == 0,
			"packet size");
	require(announce->min_parity <= 2 && announce->slices >= 1 && announce->slices <= 16 &&
					announce->max_refs <= 16 && announce->colour_space <= 2,
			"video");
	require((announce->encryption & ~7u) == 0, "encryption");
	require(announce->audio_channels == 2 || announce->audio_channels == 6 ||
					announce->audio_channels == 8,
			"channels");
	require(announce->audio_packet_ms == 5 || announce->audio_packet_ms == 10 ||
					announce->audio_packet_ms == 20,
			"packet duration");
	for (uint32_t percent = 0; percent <= 100; percent += 20) {
		uint32_t kbps = announce_video_kbps(announce, percent);
		require(kbps >= ES_MIN_KBPS && kbps <= announce->bitrate_kbps, "bitrate of video");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char error[128] = {0};
	struct es_announce announce;
	if (sdp_parse_announce(&announce, (const char *)data, size, false, error, sizeof(error))) {
		require(error[0] == '\0', "taken with an error");
		check_taken(&announce);
		return 0;
	}
	require(error[0] != '\0' && memchr(error, '\0', sizeof(error)) != NULL,
			"refused without a word");
	for (const char *p = error; *p != '\0'; p++) {
		require(*p >= ' ' && *p <= '~', "an unclean error");
	}
	return 0;
}

// What has to be said, and nothing else: short enough for the fuzzers' limit.
static const char least[] = "a=x-nv-video[0].clientViewportWd:1280 \r\n"
							"a=x-nv-video[0].clientViewportHt:720 \r\n"
							"a=x-nv-video[0].maxFPS:60\r\n"
							"a=x-nv-video[0].packetSize:1392 \r\n"
							"a=x-nv-vqos[0].bw.maximumBitrateKbps:16000\n"
							"a=x-nv-general.useReliableUdp:13 \r\n"
							"a=x-nv-video[0].videoEncoderSlicesPerFrame:1 \r\n"
							"a=x-nv-video[0].maxNumReferenceFrames:1 \r\n"
							"a=x-nv-audio.surround.numChannels:2 \r\n"
							"a=x-nv-audio.surround.channelMask:3 \r\n"
							"a=x-nv-audio.surround.AudioQuality:0 \r\n"
							"a=x-nv-video[0].clientRefreshRateX100:5994\n";

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const seeds[] = {least, announce_vector};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > cap) {
		return 0;
	}
	memcpy(out, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
