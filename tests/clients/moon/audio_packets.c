#include "tests/clients/moon/audio_packets.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"
#include "tests/tools/rs_decode.h"

#define N_DATA 4
#define N_PARITY 2
#define N_SHARDS (N_DATA + N_PARITY)
#define RTP_SIZE 12
#define TYPE_DATA 97
#define TYPE_PARITY 127

static const uint8_t matrix[N_PARITY][N_DATA] = {
		{0x77, 0x40, 0x38, 0x0e}, {0xc7, 0xa7, 0x0d, 0x6c}};

struct es_moon_audio_packets {
	struct es_moon_audio_packets_params params;
	uint8_t key[ES_KEY_SIZE];
	struct es_moon_audio_stats stats;
	bool seen, begun; // a datagram; the first block that counts
	uint16_t base; // of the block
	size_t delivered; // of its data packets
	bool present[N_SHARDS];
	size_t sizes[N_SHARDS];
	uint8_t shards[N_SHARDS][MOON_AUDIO_MAX_DATAGRAM];
	bool has_timestamp; // of the packet before
	uint16_t sequence;
	uint32_t timestamp;
};

struct rtp {
	uint8_t type;
	uint16_t sequence;
	uint32_t timestamp;
};

struct es_moon_audio_packets *audio_packets_create(
		const struct es_moon_audio_packets_params *params) {
	struct es_moon_audio_packets *packets = calloc(1, sizeof(*packets));
	if (packets != NULL) {
		packets->params = *params;
		if (params->key != NULL) {
			memcpy(packets->key, params->key, ES_KEY_SIZE);
		}
	}
	return packets;
}

void audio_packets_destroy(struct es_moon_audio_packets *packets) {
	free(packets);
}

const struct es_moon_audio_stats *audio_packets_stats(const struct es_moon_audio_packets *packets) {
	return &packets->stats;
}

static void violate(struct es_moon_audio_packets *packets, const char *what) {
	packets->stats.violations++;
	if (packets->params.violation != NULL) {
		packets->params.violation(packets->params.data, what);
	}
}

// The Opus packet's size, 0 if it is none: not of whole blocks, or of wrong padding.
static size_t open_sealed(const struct es_moon_audio_packets *packets, uint16_t sequence,
		const uint8_t *in, size_t size, uint8_t *out) {
	uint8_t chain[16] = {0};
	if (size == 0 || size % 16 != 0) {
		return 0;
	}
	struct es_writer w = writer_init(chain, sizeof(chain));
	put_be32(&w, packets->params.key_id + sequence);
	for (size_t at = 0; at < size; at += 16) {
		crypto_ecb_decrypt(packets->key, in + at, 16, out + at);
		for (size_t i = 0; i < 16; i++) {
			out[at + i] ^= chain[i];
		}
		memcpy(chain, in + at, sizeof(chain));
	}
	uint8_t padding = out[size - 1];
	if (padding == 0 || padding > 16) {
		return 0;
	}
	for (size_t i = size - padding; i < size; i++) {
		if (out[i] != padding) {
			return 0;
		}
	}
	return size - padding;
}

static void deliver(struct es_moon_audio_packets *packets, size_t index) {
	uint16_t sequence = (uint16_t)(packets->base + index);
	uint8_t opened[MOON_AUDIO_MAX_DATAGRAM];
	const uint8_t *opus = packets->shards[index];
	size_t size = packets->sizes[index];
	if (!packets->present[index]) {
		packets->stats.missing++;
		opus = NULL;
		size = 0;
	} else if (packets->params.key != NULL) {
		size = open_sealed(packets, sequence, opus, size, opened);
		opus = size > 0 ? opened : NULL;
	}
	if (opus != NULL && size > 0) {
		packets->stats.packets++;
	} else if (packets->present[index]) {
		packets->stats.forged++;
		opus = NULL;
	}
	packets->delivered++;
	packets->params.packet(packets->params.data, sequence, opus, size);
}

static void deliver_ready(struct es_moon_audio_packets *packets) {
	while (packets->delivered < N_DATA && packets->present[packets->delivered]) {
		deliver(packets, packets->delivered);
	}
}

// What a parity row knows of the missing ones: itself without those that are there.
static void reduce(struct es_moon_audio_packets *packets, size_t row, size_t size, uint8_t *sum) {
	memcpy(sum, packets->shards[N_DATA + row], size);
	for (size_t c = 0; c < N_DATA; c++) {
		for (size_t i = 0; packets->present[c] && i < size; i++) {
			sum[i] ^= rs_multiply(matrix[row][c], packets->shards[c][i]);
		}
	}
}

static void repair_one(struct es_moon_audio_packets *packets, size_t row, size_t a, size_t size) {
	uint8_t inverse = rs_inverse(matrix[row][a]);
	uint8_t sum[MOON_AUDIO_MAX_DATAGRAM];
	reduce(packets, row, size, sum);
	for (size_t i = 0; i < size; i++) {
		packets->shards[a][i] = rs_multiply(inverse, sum[i]);
	}
}

// Cramer's rule; minus is plus here.
static void repair_two(struct es_moon_audio_packets *packets, size_t a, size_t b, size_t size) {
	uint8_t determinant =
			rs_multiply(matrix[0][a], matrix[1][b]) ^ rs_multiply(matrix[0][b], matrix[1][a]);
	uint8_t inverse = rs_inverse(determinant);
	uint8_t sums[N_PARITY][MOON_AUDIO_MAX_DATAGRAM];
	reduce(packets, 0, size, sums[0]);
	reduce(packets, 1, size, sums[1]);
	for (size_t i = 0; i < size; i++) {
		uint8_t x = rs_multiply(sums[0][i], matrix[1][b]) ^ rs_multiply(sums[1][i], matrix[0][b]);
		uint8_t y = rs_multiply(matrix[0][a], sums[1][i]) ^ rs_multiply(matrix[1][a], sums[0][i]);
		packets->shards[a][i] = rs_multiply(inverse, x);
		packets->shards[b][i] = rs_multiply(inverse, y);
	}
}

// The one size of all that is there, 0 if there is none.
static size_t common_size(const struct es_moon_audio_packets *packets) {
	size_t size = 0;
	for (size_t i = 0; i < N_SHARDS; i++) {
		if (packets->present[i] && size != 0 && packets->sizes[i] != size) {
			return 0;
		}
		size = packets->present[i] ? packets->sizes[i] : size;
	}
	return size;
}

static void repair(struct es_moon_audio_packets *packets) {
	size_t missing[N_DATA], n = 0, rows[N_PARITY], n_rows = 0;
	for (size_t i = 0; i < N_DATA; i++) {
		if (!packets->present[i]) {
			missing[n++] = i;
		}
	}
	for (size_t i = 0; i < N_PARITY; i++) {
		if (packets->present[N_DATA + i]) {
			rows[n_rows++] = i;
		}
	}
	size_t size = common_size(packets);
	if (n == 0 || n > n_rows || size == 0) {
		return;
	}
	if (n == 1) {
		repair_one(packets, rows[0], missing[0], size);
	} else {
		repair_two(packets, missing[0], missing[1], size);
	}
	for (size_t i = 0; i < n; i++) {
		packets->present[missing[i]] = true;
		packets->sizes[missing[i]] = size;
		packets->stats.recovered++;
	}
	deliver_ready(packets);
}

static void begin_block(struct es_moon_audio_packets *packets, uint16_t base) {
	packets->base = base;
	packets->delivered = 0;
	memset(packets->present, 0, sizeof(packets->present));
}

static void finish_block(struct es_moon_audio_packets *packets) {
	while (packets->delivered < N_DATA) {
		deliver(packets, packets->delivered);
	}
}

// Turns to the block of a datagram. False: it is of no use.
static bool turn(struct es_moon_audio_packets *packets, uint16_t base) {
	if (!packets->seen) {
		packets->seen = true;
		packets->base = base;
	}
	int16_t ahead = (int16_t)(base - packets->base);
	if (!packets->begun) { // with the block after the first datagram
		packets->begun = ahead > 0;
		if (packets->begun) {
			begin_block(packets, base);
		}
		return packets->begun;
	}
	if (ahead < 0) {
		packets->stats.late++;
		return false;
	}
	while (packets->base != base) {
		finish_block(packets);
		begin_block(packets, (uint16_t)(packets->base + N_DATA));
	}
	return true;
}

static void add(struct es_moon_audio_packets *packets, uint16_t base, size_t index,
		const uint8_t *payload, size_t size) {
	if (!turn(packets, base)) {
		return;
	}
	if (packets->present[index]) {
		packets->stats.duplicate++;
		return;
	}
	memcpy(packets->shards[index], payload, size);
	packets->sizes[index] = size;
	packets->present[index] = true;
	deliver_ready(packets);
	repair(packets);
}

static void take_data(struct es_moon_audio_packets *packets, const struct rtp *rtp,
		const uint8_t *payload, size_t size) {
	uint32_t passed = (uint16_t)(rtp->sequence - packets->sequence);
	if (packets->has_timestamp && (int16_t)passed > 0 &&
			rtp->timestamp - packets->timestamp != passed * packets->params.packet_ms) {
		violate(packets, "a timestamp that does not go on with the sequence");
	}
	if (!packets->has_timestamp || (int16_t)passed > 0) {
		packets->has_timestamp = true;
		packets->sequence = rtp->sequence;
		packets->timestamp = rtp->timestamp;
	}
	add(packets, rtp->sequence & 0xfffc, rtp->sequence % N_DATA, payload, size);
}

static void take_parity(struct es_moon_audio_packets *packets, struct es_reader *r) {
	uint8_t index = get_u8(r), type = get_u8(r);
	uint16_t base = get_be16(r);
	uint32_t timestamp = get_be32(r), ssrc = get_be32(r);
	packets->stats.parity++;
	if (!r->ok || r->pos == r->size || index >= N_PARITY || type != TYPE_DATA ||
			base % N_DATA != 0 || ssrc != 0) {
		violate(packets, "parity with a wrong header");
		return;
	}
	uint32_t passed = (uint16_t)(packets->sequence - base);
	if (packets->has_timestamp && passed < N_DATA &&
			packets->timestamp - timestamp != passed * packets->params.packet_ms) {
		violate(packets, "parity with another base timestamp than its block's");
	}
	add(packets, base, (size_t)N_DATA + index, r->data + r->pos, r->size - r->pos);
}

void audio_packets_take(struct es_moon_audio_packets *packets, const uint8_t *data, size_t size) {
	struct es_reader r = reader_init(data, size);
	uint8_t version = get_u8(&r);
	struct rtp rtp = {.type = get_u8(&r)};
	rtp.sequence = get_be16(&r);
	rtp.timestamp = get_be32(&r);
	uint32_t ssrc = get_be32(&r);
	packets->stats.datagrams++;
	if (!r.ok || version != 0x80 || ssrc != 0 || size <= RTP_SIZE ||
			size > MOON_AUDIO_MAX_DATAGRAM) {
		violate(packets, "no audio datagram");
	} else if (rtp.type == TYPE_DATA) {
		take_data(packets, &rtp, data + RTP_SIZE, size - RTP_SIZE);
	} else if (rtp.type == TYPE_PARITY) {
		take_parity(packets, &r);
	} else {
		violate(packets, "of another payload type");
	}
}
