#include "tests/clients/moon/video.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/crypto.h"
#include "tests/clients/moon/bitstream.h"
#include "tests/clients/moon/say.h"
#include "tests/tools/rs_decode.h"

#define PREFIX 32
#define RTP_HEADER 16
#define PACKET_HEADER 16
#define PAYLOAD_AT (RTP_HEADER + PACKET_HEADER)
#define FRAME_HEADER 8
#define MAX_SHARDS 1023
#define MAX_FRAME (64u << 20)
#define MAX_DROPPED 120 // then an IDR is asked for, whatever was asked before
#define FLAG_DATA 0x01
#define FLAG_EOF 0x02
#define FLAG_SOF 0x04
#define MULTI_FEC 0x10

enum need { NEED_NOTHING, NEED_IDR, NEED_RECOVERY };

// The fields of a datagram.
struct fields {
	uint16_t sequence;
	uint32_t timestamp, packet_index, frame;
	uint8_t flags;
	uint32_t block, blocks, shard, n_data, percent;
};

struct block {
	uint32_t index; // in its frame
	uint16_t base; // sequence of its first datagram
	uint32_t n_data, n_parity, percent;
	uint32_t received_data, received_parity;
	uint32_t highest; // shard that came
	bool present[MAX_SHARDS];
	bool complete;
};

struct es_moon_video {
	struct es_moon_video_params params;
	struct es_gcm *gcm;
	size_t datagram_size; // without prefix
	uint8_t *shards; // MAX_SHARDS of datagram_size
	struct block block;
	uint8_t *unit; // the frame's payloads so far, with frame header
	size_t unit_size, unit_cap;

	uint32_t frame; // number of the newest, 0: none yet
	bool open; // it is neither whole nor lost
	uint32_t n_blocks, timestamp, frame_datagrams, frame_recovered;
	size_t first_payload; // of its first packet
	int64_t first_ns;
	bool have_next_base;
	uint16_t next_base;

	enum need need;
	bool ask_idr_next; // with the next whole frame
	uint32_t first_bad, last_good;
	uint32_t dropped_in_row;
	struct es_moon_video_stats stats;
};

static void violate(struct es_moon_video *video, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
static void violate(struct es_moon_video *video, const char *format, ...) {
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (video->stats.violations++ < 50) {
		say_line("violation", "frame %u block %u: %s", video->frame, video->block.index, text);
	}
}

struct es_moon_video *video_create(const struct es_moon_video_params *params) {
	struct es_moon_video *video = calloc(1, sizeof(*video));
	if (video == NULL) {
		return NULL;
	}
	video->params = *params;
	video->datagram_size = (size_t)params->packet_size + RTP_HEADER;
	video->shards = calloc(MAX_SHARDS, video->datagram_size);
	video->need = NEED_IDR;
	if (params->key != NULL) {
		video->gcm = gcm_create(params->key);
	}
	if (video->shards == NULL || (params->key != NULL && video->gcm == NULL)) {
		video_destroy(video);
		return NULL;
	}
	return video;
}

void video_destroy(struct es_moon_video *video) {
	if (video == NULL) {
		return;
	}
	gcm_destroy(video->gcm);
	free(video->shards);
	free(video->unit);
	free(video);
}

const struct es_moon_video_stats *video_stats(const struct es_moon_video *video) {
	return &video->stats;
}

static uint32_t le32(const uint8_t *p) {
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t le16(const uint8_t *p) {
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint8_t *shard_at(const struct es_moon_video *video, size_t index) {
	return video->shards + index * video->datagram_size;
}

static size_t payload_size(const struct es_moon_video *video) {
	return video->datagram_size - PAYLOAD_AT;
}

// --- what a loss makes the client do

static void ask_idr(struct es_moon_video *video) {
	video->stats.idr_asked++;
	video->dropped_in_row = 0;
	video->params.calls.ask_idr(video->params.calls.data);
}

static void ask_invalidate(struct es_moon_video *video, uint32_t last) {
	video->stats.invalidations_asked++;
	video->params.calls.ask_invalidate(video->params.calls.data, video->first_bad, last);
}

static void lose(struct es_moon_video *video, uint32_t first, uint32_t last) {
	video->stats.lost += last - first + 1;
	video->params.calls.lost(video->params.calls.data, first, last);
	if (video->need == NEED_NOTHING) {
		video->first_bad = video->last_good + 1;
		video->need = video->params.invalidate ? NEED_RECOVERY : NEED_IDR;
	}
	if (video->need == NEED_RECOVERY) {
		ask_invalidate(video, last);
	} else {
		video->ask_idr_next = true;
	}
}

static bool is_useful(const struct es_moon_video *video, const struct es_moon_frame *frame) {
	switch (video->need) {
	case NEED_IDR:
		return frame->key;
	case NEED_RECOVERY:
		return frame->key || frame->type == 2 || frame->type == 4 || frame->type == 5;
	default:
		return true;
	}
}

static void deliver(struct es_moon_video *video, const struct es_moon_frame *frame) {
	bool is_first = video->last_good == 0;
	video->stats.frames++;
	video->stats.idr_frames += frame->key;
	video->stats.recovery_frames += frame->type == 5;
	if (is_useful(video, frame)) {
		video->need = NEED_NOTHING;
		video->ask_idr_next = false;
		video->dropped_in_row = 0;
		video->last_good = frame->number;
		video->params.calls.frame(video->params.calls.data, frame);
		return;
	}
	video->stats.dropped++;
	video->dropped_in_row++;
	video->params.calls.dropped(video->params.calls.data, frame);
	if (video->need == NEED_RECOVERY) {
		ask_invalidate(video, frame->number);
	}
	if (video->ask_idr_next || (is_first && video->stats.idr_asked == 0) ||
			video->dropped_in_row >= MAX_DROPPED) {
		video->ask_idr_next = false;
		ask_idr(video);
	}
}

// --- blocks and frames

static void tell_fec_status(struct es_moon_video *video) {
	const struct block *block = &video->block;
	uint32_t contiguous = 0, missing = 0;
	while (contiguous < block->n_data + block->n_parity && block->present[contiguous]) {
		contiguous++;
	}
	for (uint32_t i = 0; i < block->highest; i++) {
		missing += !block->present[i];
	}
	const struct es_fec_status status = {
			.frame = video->frame,
			.highest_sequence = (uint16_t)(block->base + block->highest),
			.next_contiguous = (uint16_t)(block->base + contiguous),
			.missing_before_highest = (uint16_t)missing,
			.total_data = (uint16_t)block->n_data,
			.total_parity = (uint16_t)block->n_parity,
			.received_data = (uint16_t)block->received_data,
			.received_parity = (uint16_t)block->received_parity,
			.percent = (uint8_t)block->percent,
			.block_index = (uint8_t)block->index,
			.block_count = (uint8_t)video->n_blocks,
	};
	video->params.calls.fec_status(video->params.calls.data, &status);
}

static void give_up(struct es_moon_video *video) {
	if (video->open) {
		video->open = false;
		if (!video->block.complete && video->block.n_data > 0) {
			tell_fec_status(video);
		}
		lose(video, video->frame, video->frame);
	}
}

// What the code must have restored, and what every data datagram must say.
static void check_data_shard(struct es_moon_video *video, uint32_t index, bool recovered) {
	const struct block *block = &video->block;
	const uint8_t *shard = shard_at(video, index);
	const char *how = recovered ? "recovered" : "received";
	uint8_t flags = FLAG_DATA;
	flags |= index == 0 ? FLAG_SOF : 0;
	flags |= index + 1 == block->n_data ? FLAG_EOF : 0;
	if (shard[24] != flags) {
		violate(video, "%s shard %u has flags %#x, not %#x", how, index, shard[24], flags);
	}
	if (shard[25] != 0 && shard[25] != 1) {
		violate(video, "%s shard %u has extra flags %#x", how, index, shard[25]);
	}
	if (shard[26] != MULTI_FEC) {
		violate(video, "%s shard %u has multiFecFlags %#x", how, index, shard[26]);
	}
	uint32_t packet_index = le32(shard + 16);
	uint32_t first = le32(shard_at(video, 0) + 16);
	if ((packet_index & 0xff) != 0 ||
			(uint16_t)(packet_index >> 8) != (uint16_t)(block->base + index)) {
		violate(video, "%s shard %u has packet index %#x at sequence %u", how, index, packet_index,
				(uint16_t)(block->base + index));
	}
	if (((packet_index >> 8) & 0xffffff) != (((first >> 8) + index) & 0xffffff)) {
		violate(video, "%s shard %u: packet index %#x does not follow %#x", how, index,
				packet_index, first);
	}
}

static void recover_block(struct es_moon_video *video) {
	struct block *block = &video->block;
	uint8_t *shards[RS_MAX_SHARDS];
	bool present[RS_MAX_SHARDS];
	uint32_t missing = block->n_data - block->received_data;
	if (missing == 0) {
		return;
	}
	for (uint32_t i = 0; i < block->n_data + block->n_parity; i++) {
		shards[i] = shard_at(video, i);
		present[i] = block->present[i];
	}
	if (!rs_decode(block->n_data, block->n_parity, video->datagram_size, shards, present)) {
		violate(video, "%u of %u+%u shards cannot be repaired", missing, block->n_data,
				block->n_parity);
		return;
	}
	video->stats.recovered += missing;
	video->frame_recovered += missing;
	tell_fec_status(video);
}

static bool append_block(struct es_moon_video *video) {
	const struct block *block = &video->block;
	size_t size = video->unit_size + block->n_data * payload_size(video);
	if (size > video->unit_cap) {
		uint8_t *unit = size <= MAX_FRAME ? realloc(video->unit, size + BITSTREAM_PADDING) : NULL;
		if (unit == NULL) {
			return false;
		}
		video->unit = unit;
		video->unit_cap = size;
	}
	for (uint32_t i = 0; i < block->n_data; i++) {
		check_data_shard(video, i, !block->present[i]);
		memcpy(video->unit + video->unit_size, shard_at(video, i) + PAYLOAD_AT,
				payload_size(video));
		video->unit_size += payload_size(video);
	}
	video->frame_datagrams += block->n_data;
	return true;
}

// The length by the frame header; the rest of the last packet must be zero.
static size_t unit_length(struct es_moon_video *video) {
	uint16_t last = le16(video->unit + 4);
	size_t whole = video->unit_size - payload_size(video);
	if (last == 0 || last > payload_size(video) || whole + last <= FRAME_HEADER) {
		violate(video, "length %u of the last payload is out of range", last);
		return video->unit_size;
	}
	for (size_t i = whole + last; i < video->unit_size; i++) {
		if (video->unit[i] != 0) {
			violate(video, "length %u of the last payload, but more in it", last);
			break;
		}
	}
	return whole + last;
}

static void finish_frame(struct es_moon_video *video, int64_t at_ns) {
	video->open = false;
	const uint8_t *header = video->unit;
	size_t size = unit_length(video);
	struct es_moon_frame frame = {
			.number = video->frame,
			.type = header[3],
			.data = header + FRAME_HEADER,
			.size = size - FRAME_HEADER,
			.datagrams = video->frame_datagrams,
			.recovered = video->frame_recovered,
			.timestamp = video->timestamp,
			.latency = le16(header + 1),
			.first_ns = video->first_ns,
			.at_ns = at_ns,
	};
	video->stats.recovered_frames += frame.recovered > 0;
	if (header[0] != 0x01 || header[6] != 0 || header[7] != 0) {
		violate(video, "frame header %02x .. %02x %02x", header[0], header[6], header[7]);
	}
	if (frame.type != 1 && frame.type != 2 && frame.type != 4 && frame.type != 5) {
		violate(video, "frame type %u", frame.type);
	}
	struct es_bitstream_info info;
	const char *problem = bitstream_examine(
			video->params.codec, frame.data, frame.size, payload_size(video) - FRAME_HEADER, &info);
	if (problem != NULL) {
		violate(video, "bitstream: %s", problem);
	}
	frame.key = info.key;
	if (info.key != (frame.type == 2)) {
		violate(video, "frame type %u of a %s picture", frame.type, info.key ? "key" : "dependent");
	}
	memset(video->unit + size, 0, BITSTREAM_PADDING);
	deliver(video, &frame);
}

static void finish_block(struct es_moon_video *video, int64_t at_ns) {
	struct block *block = &video->block;
	block->complete = true;
	recover_block(video);
	if (!append_block(video)) {
		give_up(video);
	} else if (block->index + 1 == video->n_blocks) {
		finish_frame(video, at_ns);
	}
}

static void start_block(struct es_moon_video *video, const struct fields *fields) {
	struct block *block = &video->block;
	*block = (struct block){
			.index = fields->block,
			.base = (uint16_t)(fields->sequence - fields->shard),
			.n_data = fields->n_data,
			.n_parity = (fields->n_data * fields->percent + 99) / 100,
			.percent = fields->percent,
	};
	if (video->have_next_base && block->base != video->next_base) {
		violate(video, "sequence %u follows %u", block->base, video->next_base);
	}
	video->have_next_base = true;
	video->next_base = (uint16_t)(block->base + block->n_data + block->n_parity);
	if (block->n_parity > 0 && block->n_data + block->n_parity > RS_MAX_SHARDS) {
		violate(video, "%u+%u shards in a block", block->n_data, block->n_parity);
		give_up(video);
	}
}

static void start_frame(struct es_moon_video *video, const struct fields *fields, int64_t now) {
	give_up(video);
	if (video->frame == 0 && fields->frame != 1) {
		video->have_next_base = false;
	}
	if (fields->frame > video->frame + 1) {
		video->have_next_base = false;
		lose(video, video->frame + 1, fields->frame - 1);
	}
	if (video->frame != 0 && fields->frame == video->frame + 1 &&
			(int32_t)(fields->timestamp - video->timestamp) < 0) {
		violate(video, "timestamp %u after %u", fields->timestamp, video->timestamp);
	}
	video->frame = fields->frame;
	video->open = true;
	video->n_blocks = fields->blocks;
	video->timestamp = fields->timestamp;
	video->unit_size = 0;
	video->frame_datagrams = video->frame_recovered = 0;
	video->first_ns = now;
	video->block = (struct block){.complete = true};
	if (fields->block != 0) {
		video->have_next_base = false;
		give_up(video);
	} else {
		start_block(video, fields);
	}
}

// False: the datagram is of no use any more.
static bool turn_to(struct es_moon_video *video, const struct fields *fields, int64_t now) {
	if (fields->frame < video->frame) {
		video->stats.late++;
		return false;
	}
	if (fields->frame > video->frame) {
		start_frame(video, fields, now);
		return video->open;
	}
	if (fields->block < video->block.index) {
		video->stats.late++;
		return false;
	}
	if (video->open && fields->block > video->block.index) {
		if (!video->block.complete || fields->block > video->block.index + 1) {
			video->have_next_base = false;
			give_up(video);
			return false;
		}
		start_block(video, fields);
	}
	return video->open;
}

static void check_same_block(struct es_moon_video *video, const struct fields *fields) {
	const struct block *block = &video->block;
	if (fields->n_data != block->n_data || fields->percent != block->percent ||
			fields->blocks != video->n_blocks || fields->timestamp != video->timestamp ||
			(uint16_t)(fields->sequence - fields->shard) != block->base) {
		violate(video, "sequence %u does not agree with its block", fields->sequence);
	}
}

static void add(struct es_moon_video *video, const struct fields *fields, const uint8_t *data,
		int64_t now) {
	struct block *block = &video->block;
	check_same_block(video, fields);
	if (fields->shard >= block->n_data + block->n_parity) {
		violate(video, "shard %u of %u+%u", fields->shard, block->n_data, block->n_parity);
		return;
	}
	bool is_parity = fields->shard >= block->n_data;
	if (block->present[fields->shard]) {
		video->stats.duplicate++;
		return;
	}
	if (block->complete) {
		video->stats.surplus++;
		block->present[fields->shard] = true;
		return;
	}
	block->present[fields->shard] = true;
	block->highest = fields->shard > block->highest ? fields->shard : block->highest;
	memcpy(shard_at(video, fields->shard), data, video->datagram_size);
	block->received_data += !is_parity;
	block->received_parity += is_parity;
	if (block->received_data + block->received_parity == block->n_data) {
		finish_block(video, now);
	}
}

static bool parse(struct es_moon_video *video, const uint8_t *data, struct fields *fields) {
	uint32_t fec = le32(data + 28);
	*fields = (struct fields){
			.sequence = (uint16_t)(data[2] << 8 | data[3]),
			.timestamp = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 |
					(uint32_t)data[6] << 8 | data[7],
			.frame = le32(data + 20),
			.block = data[27] >> 4 & 3,
			.blocks = (data[27] >> 6) + 1u,
			.shard = fec >> 12 & 0x3ff,
			.n_data = fec >> 22,
			.percent = fec >> 4 & 0xff,
	};
	if (data[0] != 0x90 || memcmp(data + 8, "\0\0\0\0\0\0\0\0", 8) != 0) {
		violate(video, "RTP header %02x, SSRC and reserved must be zero", data[0]);
		return false;
	}
	if (fields->frame == 0 || (data[27] & 0xf) != 0 || (fec & 0xf) != 0 || fields->n_data == 0 ||
			fields->block >= fields->blocks) {
		violate(video, "frame %u, multiFecBlocks %#x, fecInfo %#x", fields->frame, data[27], fec);
		return false;
	}
	return true;
}

// In place; NULL: forged.
static uint8_t *decrypt(struct es_moon_video *video, uint8_t *data, size_t size) {
	uint8_t *block = data + PREFIX;
	if (!gcm_open(video->gcm, data, ES_GCM_IV_SIZE, block, size - PREFIX, data + 16, block)) {
		video->stats.forged++;
		return NULL;
	}
	if (data[8] != 0 || data[9] != 0 || data[10] != 0 || data[11] != 'V') {
		violate(video, "IV ends with %02x %02x %02x %02x", data[8], data[9], data[10], data[11]);
	}
	// Both count datagrams from zero.
	if (le16(data) != (uint16_t)(block[2] << 8 | block[3])) {
		violate(video, "IV %u at sequence %u", le16(data), block[2] << 8 | block[3]);
	}
	if (le32(data + 12) != 0 && le32(data + 12) != le32(block + 20)) {
		violate(video, "hint %u of frame %u", le32(data + 12), le32(block + 20));
	}
	return block;
}

void video_take(struct es_moon_video *video, uint8_t *data, size_t size, int64_t now) {
	size_t prefix = video->gcm != NULL ? PREFIX : 0;
	video->stats.datagrams++;
	video->stats.bytes += size;
	if (size != video->datagram_size + prefix) {
		violate(video, "datagram of %zu bytes, not %zu", size, video->datagram_size + prefix);
		return;
	}
	uint8_t *block = video->gcm != NULL ? decrypt(video, data, size) : data;
	struct fields fields;
	if (block == NULL || !parse(video, block, &fields)) {
		return;
	}
	video->stats.parity += fields.shard >= fields.n_data;
	if (turn_to(video, &fields, now)) {
		add(video, &fields, block, now);
	} else if (!video->open && fields.frame == video->frame && fields.block == video->block.index &&
			video->block.complete) {
		video->stats.surplus++;
	}
}
