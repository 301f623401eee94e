// What holds for the messages of every link.
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

// Tests with a family as their first state. Each vector encodes to its bytes, decodes to its struct,
// and says its number of fds.
void check_vectors(void **state);
// Cut short anywhere, with bytes behind it, with any other number of fds: refused.
void check_sizes(void **state);
// No room for the encoded message: 0.
void check_room(void **state);
// Any single byte changed to anything: refused, or encodes to the same bytes again.
void check_mutations(void **state);
// Another letter, version or type.
void check_headers(void **state);
// All of them, within an array of tests.
#define CHECK_FAMILY(family) \
	cmocka_unit_test_prestate(check_vectors, (void *)(family)), \
			cmocka_unit_test_prestate(check_sizes, (void *)(family)), \
			cmocka_unit_test_prestate(check_room, (void *)(family)), \
			cmocka_unit_test_prestate(check_mutations, (void *)(family)), \
			cmocka_unit_test_prestate(check_headers, (void *)(family))

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
