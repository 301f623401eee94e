// Bounds-checked cursors over wire bytes. Reading past the end or writing past the
// capacity sets `ok` to false and yields zeros; check `ok` once at the end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct es_reader {
	const uint8_t *data;
	size_t size;
	size_t pos;
	bool ok;
};

struct es_writer {
	uint8_t *data;
	size_t size;
	size_t pos;
	bool ok;
};

struct es_reader reader_init(const void *data, size_t size);
uint8_t get_u8(struct es_reader *r);
bool get_bool(struct es_reader *r); // one byte; not ok unless 0 or 1
uint16_t get_le16(struct es_reader *r);
uint32_t get_le32(struct es_reader *r);
uint64_t get_le64(struct es_reader *r);
int32_t get_le32s(struct es_reader *r);
int64_t get_le64s(struct es_reader *r);
uint16_t get_be16(struct es_reader *r);
uint32_t get_be32(struct es_reader *r);
void get_bytes(struct es_reader *r, void *out, size_t size);
// A 16-bit length and that many bytes into out[cap], always NUL-terminated;
// too long for cap or an embedded NUL: not ok.
void get_text(struct es_reader *r, char *out, size_t cap);
// True if everything was read, exactly.
bool reader_done(const struct es_reader *r);

struct es_writer writer_init(void *data, size_t size);
void put_u8(struct es_writer *w, uint8_t v);
void put_bool(struct es_writer *w, bool v);
void put_le16(struct es_writer *w, uint16_t v);
void put_le32(struct es_writer *w, uint32_t v);
void put_le64(struct es_writer *w, uint64_t v);
void put_le32s(struct es_writer *w, int32_t v);
void put_le64s(struct es_writer *w, int64_t v);
void put_be16(struct es_writer *w, uint16_t v);
void put_be32(struct es_writer *w, uint32_t v);
void put_bytes(struct es_writer *w, const void *data, size_t size);
// The text in field[cap]; without a NUL in it: not ok.
void put_text(struct es_writer *w, const char *field, size_t cap);

// How every message begins: the link's letter, its version, the type. get_header returns the
// type; another letter or version: not ok.
void put_header(struct es_writer *w, char letter, uint8_t version, uint16_t type);
uint16_t get_header(struct es_reader *r, char letter, uint8_t version);
