#include "tests/clients/moon/video_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/clients/moon/say.h"

#define PREFIX 32 // of an encrypted datagram
#define RTP_HEADER 16

void video_violate(struct es_moon_video *video, const char *format, ...) {
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
	video->shards = calloc(MOON_MAX_SHARDS, video->datagram_size);
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

uint32_t video_le32(const uint8_t *p) {
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint16_t video_le16(const uint8_t *p) {
	return (uint16_t)(p[0] | p[1] << 8);
}

static bool parse(struct es_moon_video *video, const uint8_t *data, struct es_moon_fields *fields) {
	uint32_t fec = video_le32(data + 28);
	*fields = (struct es_moon_fields){
			.sequence = (uint16_t)(data[2] << 8 | data[3]),
			.timestamp = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 |
					(uint32_t)data[6] << 8 | data[7],
			.frame = video_le32(data + 20),
			.block = data[27] >> 4 & 3,
			.blocks = (data[27] >> 6) + 1u,
			.shard = fec >> 12 & 0x3ff,
			.n_data = fec >> 22,
			.percent = fec >> 4 & 0xff,
	};
	if (data[0] != 0x90 || memcmp(data + 8, "\0\0\0\0\0\0\0\0", 8) != 0) {
		video_violate(video, "RTP header %02x, SSRC and reserved must be zero", data[0]);
		return false;
	}
	if (fields->frame == 0 || (data[27] & 0xf) != 0 || (fec & 0xf) != 0 || fields->n_data == 0 ||
			fields->block >= fields->blocks) {
		video_violate(
				video, "frame %u, multiFecBlocks %#x, fecInfo %#x", fields->frame, data[27], fec);
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
		video_violate(
				video, "IV ends with %02x %02x %02x %02x", data[8], data[9], data[10], data[11]);
	}
	// Both count datagrams from zero.
	if (video_le16(data) != (uint16_t)(block[2] << 8 | block[3])) {
		video_violate(video, "IV %u at sequence %u", video_le16(data), block[2] << 8 | block[3]);
	}
	if (video_le32(data + 12) != 0 && video_le32(data + 12) != video_le32(block + 20)) {
		video_violate(video, "hint %u of frame %u", video_le32(data + 12), video_le32(block + 20));
	}
	return block;
}

void video_take(struct es_moon_video *video, uint8_t *data, size_t size, int64_t now) {
	size_t prefix = video->gcm != NULL ? PREFIX : 0;
	video->stats.datagrams++;
	video->stats.bytes += size;
	if (size != video->datagram_size + prefix) {
		video_violate(video, "datagram of %zu bytes, not %zu", size, video->datagram_size + prefix);
		return;
	}
	uint8_t *block = video->gcm != NULL ? decrypt(video, data, size) : data;
	struct es_moon_fields fields;
	if (block == NULL || !parse(video, block, &fields)) {
		return;
	}
	video->stats.parity += fields.shard >= fields.n_data;
	bool useful = video_frame_turn(video, &fields, now);
	bool whole = video->block.complete && video->block.n_data > 0 && fields.frame == video->frame &&
			fields.block == video->block.index;
	if (useful || whole) { // what comes when it is whole is counted
		video_frame_add(video, &fields, block, now);
	}
}
