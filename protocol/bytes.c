#include "protocol/bytes.h"

#include <string.h>

struct es_reader reader_init(const void *data, size_t size) {
	return (struct es_reader){.data = data, .size = size, .ok = true};
}

static uint64_t get_le(struct es_reader *r, size_t size) {
	uint8_t bytes[8] = {0};
	get_bytes(r, bytes, size);
	uint64_t v = 0;
	for (size_t i = 0; i < size; i++) {
		v |= (uint64_t)bytes[i] << (8 * i);
	}
	return v;
}

uint8_t get_u8(struct es_reader *r) {
	return (uint8_t)get_le(r, 1);
}

bool get_bool(struct es_reader *r) {
	uint8_t v = get_u8(r);
	r->ok = r->ok && v <= 1;
	return r->ok && v == 1;
}

uint16_t get_le16(struct es_reader *r) {
	return (uint16_t)get_le(r, 2);
}

uint32_t get_le32(struct es_reader *r) {
	return (uint32_t)get_le(r, 4);
}

uint64_t get_le64(struct es_reader *r) {
	return get_le(r, 8);
}

int32_t get_le32s(struct es_reader *r) {
	return (int32_t)get_le32(r);
}

int64_t get_le64s(struct es_reader *r) {
	return (int64_t)get_le64(r);
}

uint16_t get_be16(struct es_reader *r) {
	uint8_t bytes[2];
	get_bytes(r, bytes, sizeof(bytes));
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t get_be32(struct es_reader *r) {
	uint8_t bytes[4];
	get_bytes(r, bytes, sizeof(bytes));
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void get_bytes(struct es_reader *r, void *out, size_t size) {
	if (!r->ok || size > r->size - r->pos) {
		r->ok = false;
		memset(out, 0, size);
		return;
	}
	if (size > 0) {
		memcpy(out, r->data + r->pos, size);
	}
	r->pos += size;
}

void get_text(struct es_reader *r, char *out, size_t cap) {
	memset(out, 0, cap);
	size_t size = get_le16(r);
	if (size >= cap) {
		r->ok = false;
		return;
	}
	get_bytes(r, out, size);
	r->ok = r->ok && memchr(out, '\0', size) == NULL;
}

bool reader_done(const struct es_reader *r) {
	return r->ok && r->pos == r->size;
}

struct es_writer writer_init(void *data, size_t size) {
	return (struct es_writer){.data = data, .size = size, .ok = true};
}

static void put_le(struct es_writer *w, uint64_t v, size_t size) {
	uint8_t bytes[8];
	for (size_t i = 0; i < size; i++) {
		bytes[i] = (uint8_t)(v >> (8 * i));
	}
	put_bytes(w, bytes, size);
}

void put_u8(struct es_writer *w, uint8_t v) {
	put_le(w, v, 1);
}

void put_bool(struct es_writer *w, bool v) {
	put_u8(w, v ? 1 : 0);
}

void put_le16(struct es_writer *w, uint16_t v) {
	put_le(w, v, 2);
}

void put_le32(struct es_writer *w, uint32_t v) {
	put_le(w, v, 4);
}

void put_le64(struct es_writer *w, uint64_t v) {
	put_le(w, v, 8);
}

void put_le32s(struct es_writer *w, int32_t v) {
	put_le32(w, (uint32_t)v);
}

void put_le64s(struct es_writer *w, int64_t v) {
	put_le64(w, (uint64_t)v);
}

void put_be16(struct es_writer *w, uint16_t v) {
	put_u8(w, (uint8_t)(v >> 8));
	put_u8(w, (uint8_t)v);
}

void put_be32(struct es_writer *w, uint32_t v) {
	put_be16(w, (uint16_t)(v >> 16));
	put_be16(w, (uint16_t)v);
}

void put_bytes(struct es_writer *w, const void *data, size_t size) {
	if (!w->ok || size > w->size - w->pos) {
		w->ok = false;
		return;
	}
	if (size > 0) {
		memcpy(w->data + w->pos, data, size);
	}
	w->pos += size;
}

void put_text(struct es_writer *w, const char *field, size_t cap) {
	const char *end = memchr(field, '\0', cap);
	if (end == NULL || end - field > UINT16_MAX) {
		w->ok = false;
		return;
	}
	size_t size = (size_t)(end - field);
	put_le16(w, (uint16_t)size);
	put_bytes(w, field, size);
}

void put_header(struct es_writer *w, char letter, uint8_t version, uint16_t type) {
	put_u8(w, (uint8_t)letter);
	put_u8(w, version);
	put_le16(w, type);
}

uint16_t get_header(struct es_reader *r, char letter, uint8_t version) {
	uint8_t its_letter = get_u8(r);
	uint8_t its_version = get_u8(r);
	r->ok = r->ok && its_letter == (uint8_t)letter && its_version == version;
	return get_le16(r);
}
