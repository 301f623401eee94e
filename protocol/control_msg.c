#include "protocol/control_msg.h"

#include <string.h>

#include "protocol/bytes.h"

#define ENVELOPE 0x0001 // the only type that is seen on the wire
#define ENVELOPE_SIZE 8
#define INNER_SIZE 4
#define LEGACY_IV_SIZE 16
#define MAX_PLAIN (INNER_SIZE + ES_CONTROL_MAX_PAYLOAD)

#define RUMBLE_FILLER 0x00c0ffee // as the common host has it; not looked at
#define MAX_SHARDS 1023 // ten bits in a video packet
#define MAX_BLOCKS 4

bool control_crypt_init(
		struct es_control_crypt *crypt, const uint8_t key[ES_KEY_SIZE], bool legacy, bool is_host) {
	*crypt = (struct es_control_crypt){
			.gcm = gcm_create(key),
			.legacy = legacy,
			.sends = is_host ? 'H' : 'C',
			.receives = is_host ? 'C' : 'H',
	};
	return crypt->gcm != NULL;
}

void control_crypt_finish(struct es_control_crypt *crypt) {
	gcm_destroy(crypt->gcm);
	*crypt = (struct es_control_crypt){0};
}

// Returns the size of the IV. The legacy one knows the lowest byte of the sequence and no direction,
// so it repeats: nothing on this side can mend that, which is why it is off by default.
static size_t make_iv(
		uint8_t iv[LEGACY_IV_SIZE], const struct es_control_crypt *crypt, char from, uint32_t seq) {
	memset(iv, 0, LEGACY_IV_SIZE);
	iv[0] = (uint8_t)seq;
	if (crypt->legacy) {
		return LEGACY_IV_SIZE;
	}
	iv[1] = (uint8_t)(seq >> 8);
	iv[2] = (uint8_t)(seq >> 16);
	iv[3] = (uint8_t)(seq >> 24);
	iv[10] = (uint8_t)from;
	iv[11] = 'C';
	return ES_GCM_IV_SIZE;
}

size_t control_seal(struct es_control_crypt *crypt, uint16_t type, const void *payload, size_t size,
		void *out, size_t cap) {
	if (size > ES_CONTROL_MAX_PAYLOAD || cap < size + ES_CONTROL_OVERHEAD ||
			crypt->next_sequence > UINT32_MAX) {
		return 0;
	}
	uint32_t sequence = (uint32_t)crypt->next_sequence++;
	uint8_t *tag = (uint8_t *)out + ENVELOPE_SIZE;
	uint8_t *inner = tag + ES_TAG_SIZE;
	struct es_writer w = writer_init(out, ENVELOPE_SIZE);
	put_le16(&w, ENVELOPE);
	put_le16(&w, (uint16_t)(4 + ES_TAG_SIZE + INNER_SIZE + size));
	put_le32(&w, sequence);
	w = writer_init(inner, INNER_SIZE + size);
	put_le16(&w, type);
	put_le16(&w, (uint16_t)size);
	put_bytes(&w, payload, size);

	uint8_t iv[LEGACY_IV_SIZE];
	size_t iv_size = make_iv(iv, crypt, crypt->sends, sequence);
	gcm_seal(crypt->gcm, iv, iv_size, inner, INNER_SIZE + size, inner, tag);
	return size + ES_CONTROL_OVERHEAD;
}

// --- the replay window: bit s % 1024 tells that s was seen, for the 1024 sequences up to the newest

static bool window_bit(const struct es_control_crypt *crypt, uint32_t sequence) {
	uint32_t bit = sequence % ES_CONTROL_WINDOW;
	return (crypt->window[bit / 64] >> (bit % 64) & 1) != 0;
}

static void window_set(struct es_control_crypt *crypt, uint32_t sequence, bool seen) {
	uint32_t bit = sequence % ES_CONTROL_WINDOW;
	uint64_t mask = UINT64_C(1) << (bit % 64);
	crypt->window[bit / 64] =
			seen ? crypt->window[bit / 64] | mask : crypt->window[bit / 64] & ~mask;
}

static void window_advance(struct es_control_crypt *crypt, uint32_t newest) {
	if (!crypt->received_any || newest - crypt->newest >= ES_CONTROL_WINDOW) {
		memset(crypt->window, 0, sizeof(crypt->window));
	} else {
		for (uint32_t s = crypt->newest; s != newest;) {
			window_set(crypt, ++s, false);
		}
	}
	crypt->received_any = true;
	crypt->newest = newest;
}

// False if it was taken before, or is so old that nobody knows.
static bool window_take(struct es_control_crypt *crypt, uint32_t sequence) {
	if (!crypt->received_any || sequence > crypt->newest) {
		window_advance(crypt, sequence);
	} else if (crypt->newest - sequence >= ES_CONTROL_WINDOW || window_bit(crypt, sequence)) {
		return false;
	}
	window_set(crypt, sequence, true);
	return true;
}

// The type and payload of an authentic message.
static bool read_inner(struct es_control_msg *msg, const uint8_t *plain, size_t size) {
	struct es_reader r = reader_init(plain, size);
	msg->type = get_le16(&r);
	msg->size = get_le16(&r);
	if (msg->size != size - INNER_SIZE || msg->type == ENVELOPE) {
		return false;
	}
	get_bytes(&r, msg->payload, msg->size);
	return reader_done(&r);
}

enum es_control_opened control_open(
		struct es_control_crypt *crypt, struct es_control_msg *msg, const void *data, size_t size) {
	*msg = (struct es_control_msg){0};
	if (size < ES_CONTROL_OVERHEAD || size > ES_CONTROL_OVERHEAD + ES_CONTROL_MAX_PAYLOAD) {
		return ES_CONTROL_MALFORMED;
	}
	struct es_reader r = reader_init(data, size);
	uint16_t type = get_le16(&r);
	uint16_t length = get_le16(&r);
	uint32_t sequence = get_le32(&r);
	if (type != ENVELOPE || (size_t)length + 4 != size) {
		return ES_CONTROL_MALFORMED;
	}
	const uint8_t *tag = (const uint8_t *)data + ENVELOPE_SIZE;
	size_t plain_size = size - ENVELOPE_SIZE - ES_TAG_SIZE;
	uint8_t plain[MAX_PLAIN], iv[LEGACY_IV_SIZE];
	size_t iv_size = make_iv(iv, crypt, crypt->receives, sequence);
	if (!gcm_open(crypt->gcm, iv, iv_size, tag + ES_TAG_SIZE, plain_size, tag, plain)) {
		return ES_CONTROL_FORGED;
	}
	if (!window_take(crypt, sequence)) {
		return ES_CONTROL_REPLAYED;
	}
	if (!read_inner(msg, plain, plain_size)) {
		*msg = (struct es_control_msg){0};
		return ES_CONTROL_MALFORMED;
	}
	msg->sequence = sequence;
	return ES_CONTROL_OPENED;
}

// --- payloads

bool control_parse_fec_status(struct es_fec_status *status, const struct es_control_msg *msg) {
	if (msg->type != ES_CONTROL_FEC_STATUS) {
		return false;
	}
	struct es_reader r = reader_init(msg->payload, msg->size);
	struct es_fec_status s = {.frame = get_be32(&r)};
	s.highest_sequence = get_be16(&r);
	s.next_contiguous = get_be16(&r);
	s.missing_before_highest = get_be16(&r);
	s.total_data = get_be16(&r);
	s.total_parity = get_be16(&r);
	s.received_data = get_be16(&r);
	s.received_parity = get_be16(&r);
	s.percent = get_u8(&r);
	s.block_index = get_u8(&r);
	s.block_count = get_u8(&r);
	// Shares of what was sent are computed from it, so nothing may be more than all.
	if (!reader_done(&r) || s.total_data == 0 || s.total_data > MAX_SHARDS ||
			s.total_parity > MAX_SHARDS || s.received_data > s.total_data ||
			s.received_parity > s.total_parity || s.block_count > MAX_BLOCKS ||
			s.block_index >= s.block_count) {
		return false;
	}
	*status = s;
	return true;
}

bool control_parse_invalidate(uint32_t *first, uint32_t *last, const struct es_control_msg *msg) {
	if (msg->type != ES_CONTROL_INVALIDATE) {
		return false;
	}
	// Two 64-bit numbers and a rest that means nothing; frames are counted in 32 bits.
	struct es_reader r = reader_init(msg->payload, msg->size);
	uint64_t from = get_le64(&r);
	uint64_t to = get_le64(&r);
	get_le64(&r);
	if (!reader_done(&r) || from > to || to > UINT32_MAX) {
		return false;
	}
	*first = (uint32_t)from;
	*last = (uint32_t)to;
	return true;
}

#define TRIGGER_EFFECT_SIZE 10
#define PAYLOAD_ROOM 32

size_t control_put_termination(uint8_t *out, uint32_t code) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_be32(&w, code);
	return w.pos;
}

size_t control_put_rumble(uint8_t *out, uint16_t pad, uint16_t low, uint16_t high) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_le32(&w, RUMBLE_FILLER);
	put_le16(&w, pad);
	put_le16(&w, low);
	put_le16(&w, high);
	return w.pos;
}

size_t control_put_trigger_rumble(uint8_t *out, uint16_t pad, uint16_t left, uint16_t right) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_le16(&w, pad);
	put_le16(&w, left);
	put_le16(&w, right);
	return w.pos;
}

size_t control_put_motion_request(uint8_t *out, uint16_t pad, uint16_t rate_hz, uint8_t type) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_le16(&w, pad);
	put_le16(&w, rate_hz);
	put_u8(&w, type);
	return w.pos;
}

size_t control_put_led(uint8_t *out, uint16_t pad, uint8_t red, uint8_t green, uint8_t blue) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_le16(&w, pad);
	put_u8(&w, red);
	put_u8(&w, green);
	put_u8(&w, blue);
	return w.pos;
}

size_t control_put_trigger_effect(uint8_t *out, uint16_t pad, uint8_t sides, uint8_t left_type,
		uint8_t right_type, const uint8_t *left, const uint8_t *right) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_le16(&w, pad);
	put_u8(&w, sides);
	put_u8(&w, left_type);
	put_u8(&w, right_type);
	put_bytes(&w, left, TRIGGER_EFFECT_SIZE);
	put_bytes(&w, right, TRIGGER_EFFECT_SIZE);
	return w.pos;
}

size_t control_put_fec_status(uint8_t *out, const struct es_fec_status *status) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_be32(&w, status->frame);
	put_be16(&w, status->highest_sequence);
	put_be16(&w, status->next_contiguous);
	put_be16(&w, status->missing_before_highest);
	put_be16(&w, status->total_data);
	put_be16(&w, status->total_parity);
	put_be16(&w, status->received_data);
	put_be16(&w, status->received_parity);
	put_u8(&w, status->percent);
	put_u8(&w, status->block_index);
	put_u8(&w, status->block_count);
	return w.pos;
}

size_t control_put_invalidate(uint8_t *out, uint32_t first, uint32_t last) {
	struct es_writer w = writer_init(out, PAYLOAD_ROOM);
	put_le64(&w, first);
	put_le64(&w, last);
	put_le64(&w, 0);
	return w.pos;
}
