// The client's video as the files see it that make it up: video.c (datagrams, from the socket to their
// block), video_frame.c (blocks and frames) and video_needs.c (what a loss makes the client do).
#pragma once

#include "protocol/crypto.h"
#include "tests/clients/moon/video.h"

#define MOON_MAX_SHARDS 1023

enum es_moon_need { NEED_NOTHING, NEED_IDR, NEED_RECOVERY };

// The fields of a datagram.
struct es_moon_fields {
	uint16_t sequence;
	uint32_t timestamp, frame;
	uint32_t block, blocks, shard, n_data, percent;
};

struct es_moon_block {
	uint32_t index; // in its frame
	uint16_t base; // sequence of its first datagram
	uint32_t n_data, n_parity, percent;
	uint32_t received_data, received_parity;
	uint32_t highest; // shard that came
	bool present[MOON_MAX_SHARDS];
	bool complete;
};

struct es_moon_video {
	struct es_moon_video_params params;
	struct es_gcm *gcm;
	size_t datagram_size; // without prefix
	uint8_t *shards; // MOON_MAX_SHARDS of datagram_size
	struct es_moon_block block;
	uint8_t *unit; // the frame's payloads so far, with frame header
	size_t unit_size, unit_cap;

	uint32_t frame; // number of the newest, 0: none yet
	bool open; // it is neither whole nor lost
	uint32_t n_blocks, timestamp, frame_datagrams, frame_recovered;
	int64_t first_ns;
	bool have_next_base;
	uint16_t next_base;

	enum es_moon_need need;
	bool ask_idr_next; // with the next whole frame
	uint32_t first_bad, last_good;
	uint32_t dropped_in_row;
	struct es_moon_video_stats stats;
};

// --- video.c

void video_violate(struct es_moon_video *video, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
uint32_t video_le32(const uint8_t *p);
uint16_t video_le16(const uint8_t *p);

// --- video_frame.c

// Turns to the block of a datagram, giving up what cannot become whole any more. False: it is of no use.
bool video_frame_turn(
		struct es_moon_video *video, const struct es_moon_fields *fields, int64_t now_ns);
// The datagram, without its prefix; tells of the frame that it makes whole.
void video_frame_add(struct es_moon_video *video, const struct es_moon_fields *fields,
		const uint8_t *data, int64_t now_ns);

// --- video_needs.c

void video_needs_lose(struct es_moon_video *video, uint32_t first, uint32_t last);
// A whole frame: to be decoded if it is of use.
void video_needs_deliver(struct es_moon_video *video, const struct es_moon_frame *frame);
