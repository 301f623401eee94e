// The access-unit link, encode -> stream: access units lie in a memfd ring of equal slots,
// a small message each. A slot is the encoder's until UNIT, the streamer's until DONE.
//
// Every message begins with 'U', version, le16 type; decoding as in frame_msg.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

#define ES_UNIT_VERSION 1
#define ES_UNIT_MAX_SLOTS 16
#define ES_UNIT_MAX_SLOT_SIZE (UINT32_C(256) << 20)
#define ES_UNIT_MAX_HEADERS 1024
#define ES_UNIT_MSG_MAX 2048

enum es_unit_msg_type {
	// encode -> stream
	ES_UNIT_CODEC = 1, // always first; again on a mode change
	ES_UNIT_RING, // + 1 fd: sealed memfd of n_slots * slot_size bytes; replaces the ring before
	ES_UNIT_UNIT,
	ES_UNIT_END, // drained: no more units come
	// stream -> encode
	ES_UNIT_DONE = 64, // the slot may be written again
	ES_UNIT_IDR,
	ES_UNIT_INVALIDATE, // units first..last (sequence) were lost
	ES_UNIT_BITRATE,
	ES_UNIT_HOLD, // no more units, or go on: what is made now would only be thrown away
};

enum es_unit_kind {
	ES_UNIT_NEW = 1, // a frame that the app committed
	ES_UNIT_REPEAT, // no commit in it: refinement, closing repeat, the first picture before any app drew
	ES_UNIT_CURSOR, // only the cursor changed
};

// Borders of the stages, CLOCK_MONOTONIC ns, ascending (design.md 8). For repeats and
// cursor-only units commit, compose and put equal taken.
struct es_unit_times {
	int64_t commit_ns, compose_ns, put_ns, taken_ns, converted_ns, encoded_ns;
};

struct es_unit {
	uint32_t slot;
	uint32_t size; // bytes at the slot's beginning, > 0
	uint64_t sequence; // counts access units of this encoder from 1
	uint64_t frame_sequence; // the display's, of the newest frame in it
	enum es_unit_kind kind;
	bool idr;
	bool recovery; // refers to no invalidated picture
	uint8_t qp; // average, 0 if unknown
	struct es_unit_times times;
};

struct es_unit_msg {
	enum es_unit_msg_type type;
	union {
		struct {
			enum es_codec codec;
			struct es_mode mode;
			struct es_colour colour;
			uint32_t headers_size; // parameter sets (Annex B) or sequence header OBU
			uint8_t headers[ES_UNIT_MAX_HEADERS];
			char encoder[32]; // "x264", "svtav1", ...
		} codec;
		struct {
			uint32_t n_slots;
			uint32_t slot_size;
		} ring;
		struct es_unit unit;
		struct {
			uint32_t slot;
		} done;
		struct {
			uint64_t first, last;
		} invalidate;
		struct {
			uint32_t kbps; // ES_MIN_KBPS..ES_MAX_KBPS
		} bitrate;
		struct {
			bool held;
		} hold;
	};
};

size_t unit_msg_n_fds(const struct es_unit_msg *msg);
size_t unit_msg_encode(const struct es_unit_msg *msg, void *out, size_t cap);
bool unit_msg_decode(struct es_unit_msg *msg, const void *data, size_t size, size_t n_fds);
