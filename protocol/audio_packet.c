#include "protocol/audio_packet.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/erasure_code.h>

#include "protocol/bytes.h"

#define RTP_VERSION 0x80
#define TYPE_DATA 97
#define TYPE_PARITY 127
#define BYTES_PER_COEFFICIENT 32
#define MAX_PAYLOAD (ES_AUDIO_MAX_OPUS + 1)

struct es_audio_packetizer {
	uint8_t key[ES_KEY_SIZE];
	bool encrypted;
	uint32_t key_id;
	uint8_t packet_ms;
	struct es_audio_counters counters;

	// the block that is being filled
	size_t n; // payloads so far
	size_t size; // of each of them; 0: they differ
	uint16_t base_sequence;
	uint32_t base_timestamp;
	uint8_t payloads[ES_AUDIO_BLOCK][MAX_PAYLOAD];

	uint8_t tables[ES_AUDIO_BLOCK * ES_AUDIO_PARITY * BYTES_PER_COEFFICIENT];
};

// The clients' constant, by rows of parity.
static const uint8_t matrix[ES_AUDIO_PARITY * ES_AUDIO_BLOCK] = {
		0x77, 0x40, 0x38, 0x0e, 0xc7, 0xa7, 0x0d, 0x6c};

struct es_audio_packetizer *audio_packetizer_create(
		const struct es_audio_packetizer_params *params) {
	struct es_audio_packetizer *packetizer = calloc(1, sizeof(*packetizer));
	if (packetizer == NULL) {
		return NULL;
	}
	packetizer->encrypted = params->key != NULL;
	if (packetizer->encrypted) {
		memcpy(packetizer->key, params->key, ES_KEY_SIZE);
	}
	packetizer->key_id = params->key_id;
	packetizer->packet_ms = params->packet_ms;
	uint8_t coefficients[sizeof(matrix)];
	memcpy(coefficients, matrix, sizeof(matrix));
	ec_init_tables(ES_AUDIO_BLOCK, ES_AUDIO_PARITY, coefficients, packetizer->tables);
	return packetizer;
}

void audio_packetizer_destroy(struct es_audio_packetizer *packetizer) {
	if (packetizer != NULL) {
		crypto_wipe(packetizer->key, sizeof(packetizer->key));
		free(packetizer);
	}
}

struct es_audio_counters *audio_packetizer_counters(struct es_audio_packetizer *packetizer) {
	return &packetizer->counters;
}

static void put_rtp(struct es_writer *w, uint8_t type, uint16_t sequence, uint32_t timestamp) {
	put_u8(w, RTP_VERSION);
	put_u8(w, type);
	put_be16(w, sequence);
	put_be32(w, timestamp);
	put_be32(w, 0); // SSRC
}

static size_t seal(struct es_audio_packetizer *packetizer, const uint8_t *opus, size_t size,
		uint8_t out[MAX_PAYLOAD]) {
	if (!packetizer->encrypted) {
		memcpy(out, opus, size);
		return size;
	}
	uint8_t iv[16] = {0};
	struct es_writer w = writer_init(iv, sizeof(iv));
	put_be32(&w, packetizer->key_id + packetizer->counters.sequence);
	return crypto_cbc_encrypt(packetizer->key, iv, opus, size, out, MAX_PAYLOAD);
}

static void add_parity(struct es_audio_packetizer *packetizer, struct es_audio_datagrams *out) {
	uint8_t *data[ES_AUDIO_BLOCK], *parity[ES_AUDIO_PARITY];
	for (size_t i = 0; i < ES_AUDIO_BLOCK; i++) {
		data[i] = packetizer->payloads[i];
	}
	for (size_t i = 0; i < ES_AUDIO_PARITY; i++) {
		struct es_writer w = writer_init(out->data[out->n], ES_AUDIO_MAX_DATAGRAM);
		put_rtp(&w, TYPE_PARITY, (uint16_t)(packetizer->counters.sequence + 1 + i), 0);
		put_u8(&w, (uint8_t)i);
		put_u8(&w, TYPE_DATA);
		put_be16(&w, packetizer->base_sequence);
		put_be32(&w, packetizer->base_timestamp);
		put_be32(&w, 0); // SSRC
		parity[i] = w.data + w.pos;
		out->sizes[out->n++] = w.pos + packetizer->size;
	}
	ec_encode_data((int)packetizer->size, ES_AUDIO_BLOCK, ES_AUDIO_PARITY, packetizer->tables, data,
			parity);
}

// Into the block. A block that is not begun at its beginning (no session does) has no parity.
static void gather(struct es_audio_packetizer *packetizer, const uint8_t *payload, size_t size) {
	size_t at = packetizer->counters.sequence % ES_AUDIO_BLOCK;
	if (at == 0) {
		packetizer->n = 0;
		packetizer->size = size;
		packetizer->base_sequence = packetizer->counters.sequence;
		packetizer->base_timestamp = packetizer->counters.timestamp;
	}
	memcpy(packetizer->payloads[at], payload, size);
	packetizer->n++;
	if (packetizer->size != size) {
		packetizer->size = 0;
	}
}

bool audio_packetizer_put(struct es_audio_packetizer *packetizer, const uint8_t *opus, size_t size,
		struct es_audio_datagrams *out) {
	struct es_audio_counters *counters = &packetizer->counters;
	out->n = 0;
	if (size == 0 || size > ES_AUDIO_MAX_OPUS) {
		return false;
	}
	struct es_writer w = writer_init(out->data[0], ES_AUDIO_MAX_DATAGRAM);
	put_rtp(&w, TYPE_DATA, counters->sequence, counters->timestamp);
	uint8_t *payload = w.data + w.pos;
	size_t payload_size = seal(packetizer, opus, size, payload);
	out->sizes[out->n++] = w.pos + payload_size;
	gather(packetizer, payload, payload_size);
	if (counters->sequence % ES_AUDIO_BLOCK == ES_AUDIO_BLOCK - 1) {
		if (packetizer->n == ES_AUDIO_BLOCK && packetizer->size > 0) {
			add_parity(packetizer, out);
		}
		packetizer->n = 0;
	}
	counters->sequence++;
	counters->timestamp += packetizer->packet_ms;
	return true;
}
