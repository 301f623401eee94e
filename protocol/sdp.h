// What host and client agree on over RTSP: the host's offer (DESCRIBE) and the client's choice
// (ANNOUNCE), every attribute range-checked. (Reference, sections 5.4 and 5.5.) Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

struct es_sdp_offer {
	bool codecs[ES_CODEC_COUNT];
	bool invalidation; // reference invalidation is honoured
	uint32_t encryption_supported, encryption_requested; // ES_GAMESTREAM_ENCRYPT_*
	bool pen_touch, pad_touch_motion;
};
// Bytes written without the NUL, 0 if it had no room.
size_t sdp_describe(char *out, size_t cap, const struct es_sdp_offer *offer);

struct es_announce {
	enum es_codec codec;
	struct es_mode mode; // even; refresh from clientRefreshRateX100 if within 1 % of maxFPS
	// What the user set for all (configuredBitrateKbps, else the maximum), clamped to
	// ES_MIN_KBPS..ES_MAX_KBPS.
	uint32_t bitrate_kbps;
	uint16_t packet_size;
	uint8_t min_parity;
	uint8_t slices; // 1..16
	uint8_t max_refs; // 0: any
	bool yuv444, ten_bit, full_range;
	uint8_t colour_space; // 0 BT.601, 1 BT.709, 2 BT.2020
	uint32_t encryption; // ES_GAMESTREAM_ENCRYPT_*; audio also if the old flag asks for it
	bool fec_status, session_id; // x-ml-general.featureFlags
	uint8_t audio_channels; // 2, 6, 8
	uint16_t audio_mask;
	bool audio_high_quality;
	uint8_t audio_packet_ms; // 5, 10, 20
	bool mark_video, mark_audio; // traffic is to be marked (DSCP)
};
// `body` need not end with a NUL. low_audio_quality_host: the Host header was 0.0.0.0. False with a
// reason that names attribute and value in error[cap], in printable ASCII; *announce stays then.
// Whether codec, depth and encryption were offered is for the caller to check.
bool sdp_parse_announce(struct es_announce *announce, const char *body, size_t size,
		bool low_audio_quality_host, char *error, size_t cap);
// What is left for the video encoder of the user's bitrate, in kbit/s; at least ES_MIN_KBPS.
uint32_t announce_video_kbps(const struct es_announce *announce, uint32_t fec_percent);
