// What holds for the messages of every link; each function is a cmocka test body.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/vectors/family.h"

// A field of a vector's bytes set to a value that must be refused.
struct es_bad_field {
	const char *vector;
	size_t offset, size; // 1, 2, 4 or 8 bytes, little-endian
	uint64_t value;
};

// Each vector encodes to its bytes, decodes to its struct, and says its number of fds.
void check_vectors(const struct es_family *family);
// Cut short anywhere, with bytes behind it, with any other number of fds: refused.
void check_sizes(const struct es_family *family);
// No room for the encoded message: 0.
void check_room(const struct es_family *family);
// Any single byte changed to anything: refused, or encodes to the same bytes again.
void check_mutations(const struct es_family *family);
// Another letter, version or type.
void check_headers(const struct es_family *family);
void check_bad_fields(const struct es_family *family, const struct es_bad_field *fields, size_t n);

// Encoding *copy, a vector's message with one thing changed, must fail. See REFUSED.
void check_refused(const struct es_family *family, const void *copy, const char *change);

// REFUSED(&frame_family, struct es_frame_msg, "forget", msg.forget.id = 0)
#define REFUSED(family, type, name, change) \
	do { \
		type msg = *(const type *)family_find(family, name)->msg; \
		change; \
		check_refused(family, &msg, #change); \
	} while (0)
