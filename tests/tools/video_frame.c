#include "tests/tools/video_frame.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"
#include "tests/tools/rs_decode.h"

#define MAX_BLOCKS 4
#define MAX_SHARDS 1023
#define HEADER 32
#define FRAME_HEADER 8

struct block {
	size_t n_data, n_parity, n_arrived; // n_data 0: nothing of it arrived
	uint8_t percent;
	uint16_t base; // sequence of shard 0
	bool present[MAX_SHARDS];
};

struct video_frame_decoder {
	size_t shard_size;
	uint8_t *shards; // MAX_BLOCKS * MAX_SHARDS of them
	uint8_t *unit;
	struct block blocks[MAX_BLOCKS];
	size_t n_blocks;
};

struct header {
	uint16_t sequence;
	uint32_t timestamp, index, frame;
	uint8_t flags, extra, fec_flags, fec_blocks;
	size_t n_data, shard;
	uint8_t percent;
};

struct video_frame_decoder *video_frame_decoder_create(size_t packet_size) {
	struct video_frame_decoder *decoder = calloc(1, sizeof(*decoder));
	if (decoder == NULL) {
		return NULL;
	}
	decoder->shard_size = packet_size + 16;
	decoder->shards = malloc((size_t)MAX_BLOCKS * MAX_SHARDS * decoder->shard_size);
	decoder->unit = malloc((size_t)MAX_BLOCKS * MAX_SHARDS * decoder->shard_size);
	if (decoder->shards == NULL || decoder->unit == NULL) {
		video_frame_decoder_destroy(decoder);
		return NULL;
	}
	return decoder;
}

void video_frame_decoder_destroy(struct video_frame_decoder *decoder) {
	if (decoder != NULL) {
		free(decoder->shards);
		free(decoder->unit);
		free(decoder);
	}
}

static uint8_t *shard_at(const struct video_frame_decoder *decoder, size_t block, size_t i) {
	return decoder->shards + (block * MAX_SHARDS + i) * decoder->shard_size;
}

static bool read_header(const uint8_t *data, struct header *header) {
	struct es_reader r = reader_init(data, HEADER);
	uint8_t version = get_u8(&r), payload_type = get_u8(&r);
	header->sequence = get_be16(&r);
	header->timestamp = get_be32(&r);
	uint64_t reserved = get_le64(&r);
	header->index = get_le32(&r);
	header->frame = get_le32(&r);
	header->flags = get_u8(&r);
	header->extra = get_u8(&r);
	header->fec_flags = get_u8(&r);
	header->fec_blocks = get_u8(&r);
	uint32_t info = get_le32(&r);
	header->n_data = info >> 22;
	header->shard = info >> 12 & 0x3ff;
	header->percent = (uint8_t)(info >> 4);
	return version == 0x90 && payload_type == 0 && reserved == 0 && (info & 15) == 0;
}

static enum video_frame_result wrong(struct video_frame *out, const char *problem) {
	out->problem = problem;
	return VIDEO_FRAME_WRONG;
}

// The first datagram of a block says how large it is, the others must say the same.
static const char *join_block(struct block *block, const struct header *header) {
	uint16_t base = (uint16_t)(header->sequence - header->shard);
	if (block->n_data == 0) {
		block->n_data = header->n_data;
		block->percent = header->percent;
		block->n_parity = (header->n_data * header->percent + 99) / 100;
		block->base = base;
	}
	if (header->n_data == 0 || header->n_data != block->n_data ||
			header->percent != block->percent || base != block->base) {
		return "datagrams of a block disagree";
	}
	if (block->n_parity > 0 && block->n_data + block->n_parity > RS_MAX_SHARDS) {
		return "too many shards in a block";
	}
	if (header->shard >= block->n_data + block->n_parity || block->present[header->shard]) {
		return "shard index out of range, or twice";
	}
	block->present[header->shard] = true;
	block->n_arrived++;
	return NULL;
}

static const char *take(struct video_frame_decoder *decoder, const uint8_t *datagram, bool first,
		struct video_frame *out) {
	struct header header;
	if (!read_header(datagram, &header)) {
		return "header";
	}
	size_t n_blocks = (size_t)(header.fec_blocks >> 6) + 1, index = header.fec_blocks >> 4 & 3;
	if (first) {
		out->frame = header.frame;
		out->timestamp = header.timestamp;
		decoder->n_blocks = n_blocks;
	}
	if (header.frame != out->frame || header.timestamp != out->timestamp ||
			n_blocks != decoder->n_blocks || index >= n_blocks || header.fec_blocks & 15) {
		return "datagrams of a frame disagree";
	}
	const char *problem = join_block(&decoder->blocks[index], &header);
	if (problem == NULL) {
		memcpy(shard_at(decoder, index, header.shard), datagram, decoder->shard_size);
	}
	return problem;
}

// What a client checks in every data shard, repaired or not. The packet index counts with the sequence.
static const char *check_shard(const struct video_frame_decoder *decoder, size_t index, size_t i) {
	const struct block *block = &decoder->blocks[index];
	struct header header;
	read_header(shard_at(decoder, index, i), &header);
	uint8_t flags = 1;
	flags |= i == 0 ? 4 : 0;
	flags |= i == block->n_data - 1 ? 2 : 0;
	if (header.flags != flags || header.extra != 0 || header.fec_flags != 0x10) {
		return "flags";
	}
	if ((header.index & 0xff) != 0 ||
			(uint16_t)(header.index >> 8) != (uint16_t)(block->base + i)) {
		return "packet index";
	}
	return NULL;
}

// NULL or what is wrong; *whole: all data is there.
static const char *repair(struct video_frame_decoder *decoder, size_t index, bool *whole) {
	struct block *block = &decoder->blocks[index];
	uint8_t *shards[MAX_SHARDS];
	bool complete = true;
	for (size_t i = 0; i < block->n_data + block->n_parity; i++) {
		shards[i] = shard_at(decoder, index, i);
		complete = complete && (i >= block->n_data || block->present[i]);
	}
	*whole = block->n_data > 0 &&
			(complete ||
					(block->n_parity > 0 &&
							rs_decode(block->n_data, block->n_parity, decoder->shard_size, shards,
									block->present)));
	for (size_t i = 0; *whole && i < block->n_data; i++) {
		const char *problem = check_shard(decoder, index, i);
		if (problem != NULL) {
			return problem;
		}
	}
	return NULL;
}

static const char *check_order(const struct video_frame_decoder *decoder, struct video_frame *out) {
	struct header header;
	read_header(shard_at(decoder, 0, 0), &header);
	out->first_sequence = decoder->blocks[0].base;
	out->first_index = header.index >> 8;
	for (size_t i = 1; i < decoder->n_blocks; i++) {
		const struct block *before = &decoder->blocks[i - 1];
		if (decoder->blocks[i].base !=
				(uint16_t)(before->base + before->n_data + before->n_parity)) {
			return "gap between blocks";
		}
	}
	return NULL;
}

static const char *put_together(struct video_frame_decoder *decoder, struct video_frame *out) {
	size_t per_shard = decoder->shard_size - HEADER, size = 0;
	for (size_t index = 0; index < decoder->n_blocks; index++) {
		for (size_t i = 0; i < decoder->blocks[index].n_data; i++) {
			memcpy(decoder->unit + size, shard_at(decoder, index, i) + HEADER, per_shard);
			size += per_shard;
		}
	}
	struct es_reader r = reader_init(decoder->unit, FRAME_HEADER);
	uint8_t form = get_u8(&r);
	out->latency = get_le16(&r);
	out->type = get_u8(&r);
	size_t last = get_le16(&r);
	if (form != 1 || get_le16(&r) != 0 || last == 0 || last > per_shard) {
		return "frame header";
	}
	for (size_t i = size - per_shard + last; i < size; i++) {
		if (decoder->unit[i] != 0) {
			return "padding";
		}
	}
	out->unit = decoder->unit + FRAME_HEADER;
	out->size = size - per_shard + last - FRAME_HEADER;
	return NULL;
}

enum video_frame_result video_frame_decode(struct video_frame_decoder *decoder,
		const uint8_t *const *datagrams, size_t n_datagrams, struct video_frame *out) {
	memset(out, 0, sizeof(*out));
	memset(decoder->blocks, 0, sizeof(decoder->blocks));
	bool first = true;
	for (size_t i = 0; i < n_datagrams; i++) {
		const char *problem = NULL;
		if (datagrams[i] != NULL) {
			problem = take(decoder, datagrams[i], first, out);
			first = false;
		}
		if (problem != NULL) {
			return wrong(out, problem);
		}
	}
	out->n_blocks = first ? 0 : decoder->n_blocks;
	bool all = !first;
	for (size_t i = 0; i < out->n_blocks; i++) {
		bool whole = false;
		out->n_data[i] = decoder->blocks[i].n_data;
		out->n_parity[i] = decoder->blocks[i].n_parity;
		out->n_arrived[i] = decoder->blocks[i].n_arrived;
		const char *problem = repair(decoder, i, &whole);
		if (problem != NULL) {
			return wrong(out, problem);
		}
		all = all && whole;
	}
	if (!all) {
		return VIDEO_FRAME_LOST;
	}
	const char *problem = check_order(decoder, out);
	problem = problem == NULL ? put_together(decoder, out) : problem;
	return problem == NULL ? VIDEO_FRAME_WHOLE : wrong(out, problem);
}
