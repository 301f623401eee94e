#include "protocol/unit_msg.h"

#include <string.h>

#include "protocol/bytes.h"

#define LETTER 'U'

static bool codec_msg_valid(const struct es_unit_msg *msg) {
	return (unsigned)msg->codec.codec < ES_CODEC_COUNT &&
			msg->codec.headers_size <= ES_UNIT_MAX_HEADERS;
}

static void put_codec(struct es_writer *w, const struct es_unit_msg *msg) {
	put_u8(w, (uint8_t)msg->codec.codec);
	put_mode(w, &msg->codec.mode);
	put_colour(w, &msg->codec.colour);
	put_le16(w, (uint16_t)msg->codec.headers_size);
	put_bytes(w, msg->codec.headers, msg->codec.headers_size);
	put_text(w, msg->codec.encoder, sizeof(msg->codec.encoder));
}

static void get_codec(struct es_reader *r, struct es_unit_msg *msg) {
	msg->codec.codec = get_u8(r);
	get_mode(r, &msg->codec.mode);
	get_colour(r, &msg->codec.colour);
	msg->codec.headers_size = get_le16(r);
	if (msg->codec.headers_size > ES_UNIT_MAX_HEADERS) {
		r->ok = false;
		return;
	}
	get_bytes(r, msg->codec.headers, msg->codec.headers_size);
	get_text(r, msg->codec.encoder, sizeof(msg->codec.encoder));
}

static bool ring_valid(const struct es_unit_msg *msg) {
	return msg->ring.n_slots >= 1 && msg->ring.n_slots <= ES_UNIT_MAX_SLOTS &&
			msg->ring.slot_size >= 1 && msg->ring.slot_size <= ES_UNIT_MAX_SLOT_SIZE;
}

static void put_ring(struct es_writer *w, const struct es_unit_msg *msg) {
	put_le32(w, msg->ring.n_slots);
	put_le32(w, msg->ring.slot_size);
}

static void get_ring(struct es_reader *r, struct es_unit_msg *msg) {
	msg->ring.n_slots = get_le32(r);
	msg->ring.slot_size = get_le32(r);
}

static bool times_valid(const struct es_unit_times *times) {
	return times->commit_ns >= 0 && times->compose_ns >= times->commit_ns &&
			times->put_ns >= times->compose_ns && times->taken_ns >= times->put_ns &&
			times->converted_ns >= times->taken_ns && times->encoded_ns >= times->converted_ns;
}

static bool unit_valid(const struct es_unit_msg *msg) {
	const struct es_unit *unit = &msg->unit;
	return unit->slot < ES_UNIT_MAX_SLOTS && unit->size >= 1 &&
			unit->size <= ES_UNIT_MAX_SLOT_SIZE && unit->sequence > 0 && unit->frame_sequence > 0 &&
			unit->kind >= ES_UNIT_NEW && unit->kind <= ES_UNIT_CURSOR && times_valid(&unit->times);
}

static void put_unit(struct es_writer *w, const struct es_unit_msg *msg) {
	const struct es_unit *unit = &msg->unit;
	put_u8(w, (uint8_t)unit->slot);
	put_le32(w, unit->size);
	put_le64(w, unit->sequence);
	put_le64(w, unit->frame_sequence);
	put_u8(w, (uint8_t)unit->kind);
	put_bool(w, unit->idr);
	put_bool(w, unit->recovery);
	put_u8(w, unit->qp);
	put_le64s(w, unit->times.commit_ns);
	put_le64s(w, unit->times.compose_ns);
	put_le64s(w, unit->times.put_ns);
	put_le64s(w, unit->times.taken_ns);
	put_le64s(w, unit->times.converted_ns);
	put_le64s(w, unit->times.encoded_ns);
}

static void get_unit(struct es_reader *r, struct es_unit_msg *msg) {
	struct es_unit *unit = &msg->unit;
	unit->slot = get_u8(r);
	unit->size = get_le32(r);
	unit->sequence = get_le64(r);
	unit->frame_sequence = get_le64(r);
	unit->kind = get_u8(r);
	unit->idr = get_bool(r);
	unit->recovery = get_bool(r);
	unit->qp = get_u8(r);
	unit->times.commit_ns = get_le64s(r);
	unit->times.compose_ns = get_le64s(r);
	unit->times.put_ns = get_le64s(r);
	unit->times.taken_ns = get_le64s(r);
	unit->times.converted_ns = get_le64s(r);
	unit->times.encoded_ns = get_le64s(r);
}

static bool done_valid(const struct es_unit_msg *msg) {
	return msg->done.slot < ES_UNIT_MAX_SLOTS;
}

static void put_done(struct es_writer *w, const struct es_unit_msg *msg) {
	put_u8(w, (uint8_t)msg->done.slot);
}

static void get_done(struct es_reader *r, struct es_unit_msg *msg) {
	msg->done.slot = get_u8(r);
}

static bool invalidate_valid(const struct es_unit_msg *msg) {
	return msg->invalidate.first > 0 && msg->invalidate.last >= msg->invalidate.first;
}

static void put_invalidate(struct es_writer *w, const struct es_unit_msg *msg) {
	put_le64(w, msg->invalidate.first);
	put_le64(w, msg->invalidate.last);
}

static void get_invalidate(struct es_reader *r, struct es_unit_msg *msg) {
	msg->invalidate.first = get_le64(r);
	msg->invalidate.last = get_le64(r);
}

static bool bitrate_valid(const struct es_unit_msg *msg) {
	return msg->bitrate.kbps >= ES_MIN_KBPS && msg->bitrate.kbps <= ES_MAX_KBPS;
}

static void put_bitrate(struct es_writer *w, const struct es_unit_msg *msg) {
	put_le32(w, msg->bitrate.kbps);
}

static void get_bitrate(struct es_reader *r, struct es_unit_msg *msg) {
	msg->bitrate.kbps = get_le32(r);
}

static void put_hold(struct es_writer *w, const struct es_unit_msg *msg) {
	put_bool(w, msg->hold.held);
}

static void get_hold(struct es_reader *r, struct es_unit_msg *msg) {
	msg->hold.held = get_bool(r);
}

static void put_nothing(struct es_writer *w, const struct es_unit_msg *msg) {
}

static void get_nothing(struct es_reader *r, struct es_unit_msg *msg) {
}

// As in frame_msg.c.
static const struct kind {
	enum es_unit_msg_type type;
	void (*put)(struct es_writer *w, const struct es_unit_msg *msg);
	void (*get)(struct es_reader *r, struct es_unit_msg *msg);
	bool (*valid)(const struct es_unit_msg *msg); // optional
} kinds[] = {
		{ES_UNIT_CODEC, put_codec, get_codec, codec_msg_valid},
		{ES_UNIT_RING, put_ring, get_ring, ring_valid},
		{ES_UNIT_UNIT, put_unit, get_unit, unit_valid},
		{ES_UNIT_END, put_nothing, get_nothing, NULL},
		{ES_UNIT_DONE, put_done, get_done, done_valid},
		{ES_UNIT_IDR, put_nothing, get_nothing, NULL},
		{ES_UNIT_INVALIDATE, put_invalidate, get_invalidate, invalidate_valid},
		{ES_UNIT_BITRATE, put_bitrate, get_bitrate, bitrate_valid},
		{ES_UNIT_HOLD, put_hold, get_hold, NULL},
};

static const struct kind *find_kind(uint32_t type) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type) {
			return &kinds[i];
		}
	}
	return NULL;
}

size_t unit_msg_n_fds(const struct es_unit_msg *msg) {
	return msg->type == ES_UNIT_RING ? 1 : 0;
}

size_t unit_msg_encode(const struct es_unit_msg *msg, void *out, size_t cap) {
	const struct kind *kind = find_kind(msg->type);
	if (kind == NULL || (kind->valid != NULL && !kind->valid(msg))) {
		return 0;
	}
	struct es_writer w = writer_init(out, cap);
	put_header(&w, LETTER, ES_UNIT_VERSION, (uint16_t)kind->type);
	kind->put(&w, msg);
	return w.ok ? w.pos : 0;
}

bool unit_msg_decode(struct es_unit_msg *msg, const void *data, size_t size, size_t n_fds) {
	memset(msg, 0, sizeof(*msg));
	struct es_reader r = reader_init(data, size);
	const struct kind *kind = find_kind(get_header(&r, LETTER, ES_UNIT_VERSION));
	if (kind == NULL) {
		return false;
	}
	msg->type = kind->type;
	kind->get(&r, msg);
	return reader_done(&r) && (kind->valid == NULL || kind->valid(msg)) &&
			n_fds == unit_msg_n_fds(msg);
}
