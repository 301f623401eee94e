#include "protocol/video_packet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"

#define SHARD_HEADER 32 // RTP and what GameStream adds; the payload follows
#define PACKET_HEADER 16 // the part of it that the packet size counts
#define FRAME_HEADER 8 // before the bitstream
#define MAX_SHARDS_PLAIN 1023 // of a block without parity: as fecInfo can say
#define MIN_PACKET_SIZE 32 // the frame header lies in the first packet
#define FLAG_PICTURE 0x01
#define FLAG_EOF 0x02
#define FLAG_SOF 0x04

struct es_packetizer {
	// immutable
	uint16_t packet_size;
	uint8_t min_parity;

	// owned
	struct es_fec *fec;
	struct es_gcm *gcm; // NULL: clear

	// state
	struct es_packet_counters counters;
	uint8_t *shards[ES_FEC_MAX_SHARDS]; // of the block at work
};

// How a frame is cut.
struct cut {
	size_t n_shards; // of data, of the whole frame
	size_t n_blocks;
	size_t per_block; // data shards; the last block has what remains
	uint8_t percent; // 0: no parity
};

struct block {
	size_t index;
	size_t first; // data shard of the frame
	size_t n_data, n_parity;
	uint8_t percent; // as the client is told
};

// What is cut: the frame header and the unit, as if they lay one after the other.
struct payload {
	uint8_t header[FRAME_HEADER];
	const uint8_t *unit;
	size_t size; // without padding
};

struct es_packetizer *packetizer_create(const struct es_packetizer_params *params) {
	assert(params->packet_size >= MIN_PACKET_SIZE);
	struct es_packetizer *packetizer = calloc(1, sizeof(*packetizer));
	if (packetizer == NULL) {
		return NULL;
	}
	packetizer->packet_size = params->packet_size;
	packetizer->min_parity = params->min_parity;
	packetizer->counters.frame = 1;
	packetizer->fec = fec_create();
	packetizer->gcm = params->key != NULL ? gcm_create(params->key) : NULL;
	if (packetizer->fec == NULL || (params->key != NULL && packetizer->gcm == NULL)) {
		packetizer_destroy(packetizer);
		return NULL;
	}
	return packetizer;
}

void packetizer_destroy(struct es_packetizer *packetizer) {
	if (packetizer == NULL) {
		return;
	}
	fec_destroy(packetizer->fec);
	gcm_destroy(packetizer->gcm);
	free(packetizer);
}

struct es_packet_counters *packetizer_counters(struct es_packetizer *packetizer) {
	return &packetizer->counters;
}

static size_t divide_up(size_t a, size_t b) {
	return (a + b - 1) / b;
}

static size_t payload_size(const struct es_packetizer *packetizer) {
	return packetizer->packet_size - PACKET_HEADER;
}

static size_t shard_size(const struct es_packetizer *packetizer) {
	return (size_t)packetizer->packet_size + SHARD_HEADER - PACKET_HEADER;
}

static size_t datagram_size(const struct es_packetizer *packetizer) {
	return (packetizer->gcm != NULL ? ES_VIDEO_PREFIX : 0) + shard_size(packetizer);
}

static struct cut cut_frame(const struct es_packetizer *packetizer, size_t size, uint8_t percent) {
	struct cut cut = {.percent = percent};
	size_t max_per_block = (size_t)ES_FEC_MAX_SHARDS * 100 / (100 + percent);
	cut.n_shards = divide_up(FRAME_HEADER + size, payload_size(packetizer));
	cut.n_blocks = divide_up(cut.n_shards, max_per_block);
	if (cut.n_blocks > ES_VIDEO_MAX_BLOCKS) {
		cut.n_blocks = ES_VIDEO_MAX_BLOCKS;
		cut.percent = 0;
	}
	cut.per_block = divide_up(cut.n_shards, cut.n_blocks);
	cut.n_blocks = divide_up(cut.n_shards, cut.per_block); // the last one is never empty
	return cut;
}

static struct block cut_block(
		const struct es_packetizer *packetizer, const struct cut *cut, size_t index) {
	struct block block = {.index = index, .first = index * cut->per_block, .percent = cut->percent};
	size_t rest = cut->n_shards - block.first;
	block.n_data = rest < cut->per_block ? rest : cut->per_block;
	block.n_parity = divide_up(block.n_data * cut->percent, 100);
	if (cut->percent > 0 && block.n_parity < packetizer->min_parity) {
		// From this percentage the client finds the same number again.
		block.n_parity = packetizer->min_parity;
		block.percent = (uint8_t)(100 * block.n_parity / block.n_data);
	}
	return block;
}

struct es_frame_shape packetizer_shape(
		const struct es_packetizer *packetizer, size_t size, uint8_t fec_percent) {
	struct es_frame_shape shape = {.datagram_size = (uint32_t)datagram_size(packetizer)};
	if (size > (size_t)ES_VIDEO_MAX_BLOCKS * MAX_SHARDS_PLAIN * payload_size(packetizer) -
					FRAME_HEADER) {
		return shape;
	}
	struct cut cut = cut_frame(packetizer, size, fec_percent);
	for (size_t i = 0; i < cut.n_blocks; i++) {
		shape.n_parity += (uint32_t)cut_block(packetizer, &cut, i).n_parity;
	}
	shape.n_datagrams = (uint32_t)cut.n_shards + shape.n_parity;
	shape.n_blocks = (uint32_t)cut.n_blocks;
	return shape;
}

static struct payload make_payload(const struct es_packetizer *packetizer,
		const struct es_frame_info *info, const uint8_t *unit, size_t size) {
	struct payload payload = {.unit = unit, .size = size};
	size_t last = (FRAME_HEADER + size + info->padding) % payload_size(packetizer);
	struct es_writer w = writer_init(payload.header, sizeof(payload.header));
	put_u8(&w, 1); // the short form
	put_le16(&w, info->latency);
	put_u8(&w, (uint8_t)info->type);
	put_le16(&w, (uint16_t)(last > 0 ? last : payload_size(packetizer)));
	put_le16(&w, 0);
	assert(w.ok);
	return payload;
}

// `size` bytes from `offset` on; zeros behind the end.
static void copy_payload(const struct payload *payload, size_t offset, uint8_t *out, size_t size) {
	if (offset == 0) {
		memcpy(out, payload->header, FRAME_HEADER);
		out += FRAME_HEADER;
		size -= FRAME_HEADER;
	} else {
		offset -= FRAME_HEADER;
	}
	size_t rest = offset < payload->size ? payload->size - offset : 0;
	size_t n = rest < size ? rest : size;
	if (n > 0) {
		memcpy(out, payload->unit + offset, n);
	}
	memset(out + n, 0, size - n);
}

static uint8_t blocks_byte(const struct cut *cut, const struct block *block) {
	return (uint8_t)(block->index << 4 | (cut->n_blocks - 1) << 6);
}

// As the code sees a data shard: without what is written over later, in data and parity alike.
static void write_data_shard(const struct es_packetizer *packetizer, const struct cut *cut,
		const struct block *block, size_t i, const struct payload *payload, uint8_t *shard) {
	uint8_t flags = FLAG_PICTURE;
	flags |= i == 0 ? FLAG_SOF : 0;
	flags |= i == block->n_data - 1 ? FLAG_EOF : 0;
	uint32_t index = packetizer->counters.packet_index + (uint32_t)i;
	memset(shard, 0, ES_VIDEO_HEADER);
	struct es_writer w = writer_init(shard + ES_VIDEO_HEADER, SHARD_HEADER - ES_VIDEO_HEADER);
	put_le32(&w, index << 8); // 24 bits count
	put_le32(&w, packetizer->counters.frame);
	put_u8(&w, flags);
	put_u8(&w, 0);
	put_u8(&w, 0x10);
	put_u8(&w, blocks_byte(cut, block));
	put_le32(&w, 0);
	assert(w.ok);
	copy_payload(payload, (block->first + i) * payload_size(packetizer), shard + SHARD_HEADER,
			payload_size(packetizer));
}

// What lies outside the code; a parity shard's other bytes are parity, also in its header.
static void write_shard_header(const struct es_packetizer *packetizer, const struct cut *cut,
		const struct block *block, size_t i, uint32_t timestamp, uint8_t *shard) {
	struct es_writer w = writer_init(shard, 8);
	put_u8(&w, 0x90);
	put_u8(&w, 0);
	put_be16(&w, (uint16_t)(packetizer->counters.sequence + i));
	put_be32(&w, timestamp);
	assert(w.ok);
	w = writer_init(shard + 20, 4);
	put_le32(&w, packetizer->counters.frame);
	w = writer_init(shard + 27, 5);
	put_u8(&w, blocks_byte(cut, block));
	put_le32(&w, (uint32_t)block->n_data << 22 | (uint32_t)i << 12 | (uint32_t)block->percent << 4);
	assert(w.ok);
}

static void encrypt(struct es_packetizer *packetizer, uint8_t *datagram) {
	struct es_writer w = writer_init(datagram, ES_VIDEO_PREFIX);
	put_le64(&w, packetizer->counters.iv++);
	put_bytes(&w, "\0\0\0V", 4);
	put_le32(&w, packetizer->counters.frame);
	assert(w.ok);
	uint8_t *shard = datagram + ES_VIDEO_PREFIX;
	gcm_seal(packetizer->gcm, datagram, ES_GCM_IV_SIZE, shard, shard_size(packetizer), shard,
			datagram + w.pos);
}

static void add_parity(struct es_packetizer *packetizer, const struct block *block, uint8_t *first,
		size_t stride) {
	for (size_t i = 0; i < block->n_data + block->n_parity; i++) {
		packetizer->shards[i] = first + i * stride;
	}
	bool ok = fec_encode(packetizer->fec, block->n_data, block->n_parity, shard_size(packetizer),
			(const uint8_t *const *)packetizer->shards, packetizer->shards + block->n_data);
	assert(ok); // as cut, a block is never too large
	(void)ok;
}

// Returns the place behind the block.
static uint8_t *make_block(struct es_packetizer *packetizer, const struct cut *cut,
		const struct block *block, const struct payload *payload, uint32_t timestamp,
		uint8_t *out) {
	size_t stride = datagram_size(packetizer);
	size_t n = block->n_data + block->n_parity;
	uint8_t *first = out + stride - shard_size(packetizer);
	for (size_t i = 0; i < block->n_data; i++) {
		write_data_shard(packetizer, cut, block, i, payload, first + i * stride);
	}
	if (block->n_parity > 0) {
		add_parity(packetizer, block, first, stride);
	}
	for (size_t i = 0; i < n; i++) {
		write_shard_header(packetizer, cut, block, i, timestamp, first + i * stride);
		if (packetizer->gcm != NULL) {
			encrypt(packetizer, out + i * stride);
		}
	}
	packetizer->counters.sequence = (uint16_t)(packetizer->counters.sequence + n);
	packetizer->counters.packet_index += (uint32_t)n;
	packetizer->counters.packet_index &= 0xffffff;
	return out + n * stride;
}

void packetizer_make(struct es_packetizer *packetizer, const struct es_frame_info *info,
		const uint8_t *unit, size_t size, uint8_t *out) {
	struct payload payload = make_payload(packetizer, info, unit, size);
	struct cut cut = cut_frame(packetizer, size + info->padding, info->fec_percent);
	assert(cut.per_block <= MAX_SHARDS_PLAIN);
	for (size_t i = 0; i < cut.n_blocks; i++) {
		struct block block = cut_block(packetizer, &cut, i);
		out = make_block(packetizer, &cut, &block, &payload, info->timestamp, out);
	}
	packetizer->counters.frame++;
}
