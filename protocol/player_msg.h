// What the host and a browser's player tell each other: each message is one binary message of a
// WebSocket, in either direction.
//
// Every message begins with 'P', version, le16 type; decoding as in frame_msg.h. No fds. All but the
// pictures; those have a header of their own, because they may be large.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/device_msg.h"
#include "protocol/mode.h"

#define ES_PLAYER_VERSION 1
#define ES_PLAYER_MSG_MAX 2048 // of any that struct es_player_msg can hold
#define ES_PLAYER_VIDEO_HEADER 32
#define ES_PLAYER_MAX_CODEC 32
#define ES_PLAYER_MAX_TEXT 256
#define ES_PLAYER_MAX_OPUS 1275 // as of RFC 6716
#define ES_PLAYER_CLIPBOARD_PART 1920 // bytes of a text
#define ES_PLAYER_MAX_US UINT64_C(9007199254740991) // what JavaScript can count

enum es_player_msg_type {
	// host -> browser
	ES_PLAYER_CONFIG =
			1, // first of all, and again before the first picture of another mode or encoder
	ES_PLAYER_VIDEO, // see struct es_player_video
	ES_PLAYER_AUDIO,
	ES_PLAYER_FEEDBACK, // what the app wants of a gamepad
	ES_PLAYER_STATS, // once a second
	ES_PLAYER_PONG,
	ES_PLAYER_END,
	ES_PLAYER_COPIED, // by the app: a part of a text, see clipboard_text.h
	// browser -> host
	ES_PLAYER_ACK = 64, // this picture was drawn, and all before it are done with
	ES_PLAYER_IDR, // what comes cannot be decoded without one
	ES_PLAYER_RESIZE,
	ES_PLAYER_INPUT,
	ES_PLAYER_MIC,
	ES_PLAYER_PING,
	ES_PLAYER_BITRATE,
	ES_PLAYER_BYE,
	ES_PLAYER_PASTE, // what the user has copied elsewhere: the same
};

enum es_player_end {
	ES_PLAYER_END_OVER = 1, // the app or the host has ended, or somebody else plays now
	ES_PLAYER_END_FAILED,
};

struct es_player_msg {
	enum es_player_msg_type type;
	union {
		struct {
			enum es_codec codec;
			char codec_text[ES_PLAYER_MAX_CODEC]; // as WebCodecs wants it: "avc1.64002a"
			struct es_mode mode;
			uint8_t audio_channels; // 0: no sound, 2
			uint8_t audio_packet_ms;
		} config;
		struct {
			uint32_t index;
			uint64_t time_us; // host's clock, of the first sample
			uint16_t size;
			uint8_t opus[ES_PLAYER_MAX_OPUS];
		} audio;
		// FEEDBACK: of the display's, without sound; INPUT: for the display; COPIED, PASTE: CLIPBOARD
		struct es_device_msg device;
		struct {
			uint32_t bitrate_kbps; // that the encoder is asked for
			uint32_t sent, skipped; // pictures since the beginning
			uint64_t bytes;
		} stats;
		struct {
			uint64_t browser_us, host_us; // as in the PING; the host's clock
		} pong;
		struct {
			enum es_player_end reason;
			char text[ES_PLAYER_MAX_TEXT];
		} end;
		struct {
			uint32_t frame;
			uint32_t drawn_us; // from the app's commit, as the page reckons; 0: unknown
			uint32_t held_us; // from its coming to here
		} ack;
		struct {
			bool only; // nor will anything else help later: the decoder does not cope with pictures left out
		} idr;
		struct es_mode resize;
		struct {
			uint32_t index;
			uint16_t size;
			uint8_t opus[ES_PLAYER_MAX_OPUS];
		} mic;
		struct {
			uint64_t browser_us;
			uint32_t rtt_us; // of the one before; 0: unknown
		} ping;
		struct {
			uint32_t kbps; // at most; ES_MIN_KBPS..ES_MAX_KBPS
		} bitrate;
	};
};

size_t player_msg_encode(const struct es_player_msg *msg, void *out, size_t cap);
bool player_msg_decode(struct es_player_msg *msg, const void *data, size_t size, size_t n_fds);

// A picture's message is this header and then the access unit (Annex B, or OBUs).
struct es_player_video {
	bool key; // decoding can begin here
	bool recovery; // refers to nothing that was skipped
	bool repeat; // shows no commit that the page has not seen
	uint32_t frame; // counts the pictures that were sent: one that is missing was lost on the way
	uint64_t commit_us; // host's clock
	uint32_t encode_us; // from the encoder's taking it to its last byte
	uint32_t host_us; // from commit to here
	uint32_t size; // of the access unit, > 0
};
void player_video_put(uint8_t out[ES_PLAYER_VIDEO_HEADER], const struct es_player_video *video);
// Of a whole message.
bool player_video_get(struct es_player_video *video, const void *data, size_t size);
