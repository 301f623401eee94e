#include "tests/clients/moon/video_state.h"

#include <stdlib.h>
#include <string.h>

#include "tests/clients/moon/bitstream.h"
#include "tests/tools/rs_decode.h"

#define PAYLOAD_AT 32 // RTP header and packet header
#define FRAME_HEADER 8
#define MAX_FRAME (64u << 20)
#define FLAG_DATA 0x01
#define FLAG_EOF 0x02
#define FLAG_SOF 0x04
#define MULTI_FEC 0x10

static uint8_t *shard_at(const struct es_moon_video *video, size_t index) {
	return video->shards + index * video->datagram_size;
}

static size_t payload_size(const struct es_moon_video *video) {
	return video->datagram_size - PAYLOAD_AT;
}

static void tell_fec_status(struct es_moon_video *video) {
	const struct es_moon_block *block = &video->block;
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
		video_needs_lose(video, video->frame, video->frame);
	}
}

// What the code must have restored, and what every data datagram must say.
static void check_data_shard(struct es_moon_video *video, uint32_t index, bool recovered) {
	const struct es_moon_block *block = &video->block;
	const uint8_t *shard = shard_at(video, index);
	const char *how = recovered ? "recovered" : "received";
	uint8_t flags = FLAG_DATA;
	flags |= index == 0 ? FLAG_SOF : 0;
	flags |= index + 1 == block->n_data ? FLAG_EOF : 0;
	if (shard[24] != flags) {
		video_violate(video, "%s shard %u has flags %#x, not %#x", how, index, shard[24], flags);
	}
	if (shard[25] != 0 && shard[25] != 1) {
		video_violate(video, "%s shard %u has extra flags %#x", how, index, shard[25]);
	}
	if (shard[26] != MULTI_FEC) {
		video_violate(video, "%s shard %u has multiFecFlags %#x", how, index, shard[26]);
	}
	uint32_t packet_index = video_le32(shard + 16);
	uint32_t first = video_le32(shard_at(video, 0) + 16);
	if ((packet_index & 0xff) != 0 ||
			(uint16_t)(packet_index >> 8) != (uint16_t)(block->base + index)) {
		video_violate(video, "%s shard %u has packet index %#x at sequence %u", how, index,
				packet_index, (uint16_t)(block->base + index));
	}
	if (((packet_index >> 8) & 0xffffff) != (((first >> 8) + index) & 0xffffff)) {
		video_violate(video, "%s shard %u: packet index %#x does not follow %#x", how, index,
				packet_index, first);
	}
}

static void recover_block(struct es_moon_video *video) {
	struct es_moon_block *block = &video->block;
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
		video_violate(video, "%u of %u+%u shards cannot be repaired", missing, block->n_data,
				block->n_parity);
		return;
	}
	video->stats.recovered += missing;
	video->frame_recovered += missing;
	tell_fec_status(video);
}

static bool append_block(struct es_moon_video *video) {
	const struct es_moon_block *block = &video->block;
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
	uint16_t last = video_le16(video->unit + 4);
	size_t whole = video->unit_size - payload_size(video);
	if (last == 0 || last > payload_size(video) || whole + last <= FRAME_HEADER) {
		video_violate(video, "length %u of the last payload is out of range", last);
		return video->unit_size;
	}
	for (size_t i = whole + last; i < video->unit_size; i++) {
		if (video->unit[i] != 0) {
			video_violate(video, "length %u of the last payload, but more in it", last);
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
			.latency = video_le16(header + 1),
			.first_ns = video->first_ns,
			.at_ns = at_ns,
	};
	video->stats.recovered_frames += frame.recovered > 0;
	if (header[0] != 0x01 || header[6] != 0 || header[7] != 0) {
		video_violate(video, "frame header %02x .. %02x %02x", header[0], header[6], header[7]);
	}
	if (frame.type != 1 && frame.type != 2 && frame.type != 4 && frame.type != 5) {
		video_violate(video, "frame type %u", frame.type);
	}
	struct es_bitstream_info info;
	const char *problem = bitstream_examine(
			video->params.codec, frame.data, frame.size, payload_size(video) - FRAME_HEADER, &info);
	if (problem != NULL) {
		video_violate(video, "bitstream: %s", problem);
	}
	frame.key = info.key;
	if (info.key != (frame.type == 2)) {
		video_violate(
				video, "frame type %u of a %s picture", frame.type, info.key ? "key" : "dependent");
	}
	memset(video->unit + size, 0, BITSTREAM_PADDING);
	video_needs_deliver(video, &frame);
}

static void finish_block(struct es_moon_video *video, int64_t at_ns) {
	struct es_moon_block *block = &video->block;
	block->complete = true;
	recover_block(video);
	if (!append_block(video)) {
		give_up(video);
	} else if (block->index + 1 == video->n_blocks) {
		finish_frame(video, at_ns);
	}
}

static void start_block(struct es_moon_video *video, const struct es_moon_fields *fields) {
	struct es_moon_block *block = &video->block;
	*block = (struct es_moon_block){
			.index = fields->block,
			.base = (uint16_t)(fields->sequence - fields->shard),
			.n_data = fields->n_data,
			.n_parity = (fields->n_data * fields->percent + 99) / 100,
			.percent = fields->percent,
	};
	if (video->have_next_base && block->base != video->next_base) {
		video_violate(video, "sequence %u follows %u", block->base, video->next_base);
	}
	video->have_next_base = true;
	video->next_base = (uint16_t)(block->base + block->n_data + block->n_parity);
	if (block->n_parity > 0 && block->n_data + block->n_parity > RS_MAX_SHARDS) {
		video_violate(video, "%u+%u shards in a block", block->n_data, block->n_parity);
		give_up(video);
	}
}

static void start_frame(
		struct es_moon_video *video, const struct es_moon_fields *fields, int64_t now) {
	give_up(video);
	if (video->frame == 0 && fields->frame != 1) {
		video->have_next_base = false;
	}
	if (fields->frame > video->frame + 1) {
		video->have_next_base = false;
		video_needs_lose(video, video->frame + 1, fields->frame - 1);
	}
	if (video->frame != 0 && fields->frame == video->frame + 1 &&
			(int32_t)(fields->timestamp - video->timestamp) < 0) {
		video_violate(video, "timestamp %u after %u", fields->timestamp, video->timestamp);
	}
	video->frame = fields->frame;
	video->open = true;
	video->n_blocks = fields->blocks;
	video->timestamp = fields->timestamp;
	video->unit_size = 0;
	video->frame_datagrams = video->frame_recovered = 0;
	video->first_ns = now;
	video->block = (struct es_moon_block){.complete = true};
	if (fields->block != 0) {
		video->have_next_base = false;
		give_up(video);
	} else {
		start_block(video, fields);
	}
}

bool video_frame_turn(
		struct es_moon_video *video, const struct es_moon_fields *fields, int64_t now) {
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

static void check_same_block(struct es_moon_video *video, const struct es_moon_fields *fields) {
	const struct es_moon_block *block = &video->block;
	if (fields->n_data != block->n_data || fields->percent != block->percent ||
			fields->blocks != video->n_blocks || fields->timestamp != video->timestamp ||
			(uint16_t)(fields->sequence - fields->shard) != block->base) {
		video_violate(video, "sequence %u does not agree with its block", fields->sequence);
	}
}

void video_frame_add(struct es_moon_video *video, const struct es_moon_fields *fields,
		const uint8_t *data, int64_t now) {
	struct es_moon_block *block = &video->block;
	check_same_block(video, fields);
	if (fields->shard >= block->n_data + block->n_parity) {
		video_violate(video, "shard %u of %u+%u", fields->shard, block->n_data, block->n_parity);
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
