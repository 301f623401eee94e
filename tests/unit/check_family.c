#include "tests/unit/check_family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_FDS 6

// Decodes from memory of exactly that size, so that a sanitizer sees each byte read beyond.
static bool decode(const struct es_family *family, void *msg, const uint8_t *bytes, size_t size,
		size_t n_fds) {
	uint8_t *exact = malloc(size > 0 ? size : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, size);
	bool ok = family->decode(msg, exact, size, n_fds);
	free(exact);
	return ok;
}

static void *make_msg(const struct es_family *family) {
	void *msg = malloc(family->msg_size);
	assert_non_null(msg);
	memset(msg, 0xa5, family->msg_size); // decoding has to fill all of it
	return msg;
}

void check_vectors(void **state) {
	const struct es_family *family = *state;
	uint8_t bytes[ES_VECTOR_MAX_SIZE], encoded[ES_VECTOR_MAX_SIZE];
	for (size_t i = 0; i < family->n_vectors; i++) {
		const struct es_vector *vector = &family->vectors[i];
		size_t size = vector_bytes(vector, bytes);
		assert_true(size <= family->max_size);
		size_t encoded_size = family->encode(vector->msg, encoded, sizeof(encoded));
		if (encoded_size != size || memcmp(encoded, bytes, size) != 0) {
			fail_msg("%s: %s encodes to other bytes", family->name, vector->name);
		}
		void *msg = make_msg(family);
		if (!decode(family, msg, bytes, size, vector->n_fds)) {
			fail_msg("%s: %s is refused", family->name, vector->name);
		}
		assert_memory_equal(msg, vector->msg, family->msg_size);
		assert_int_equal(vector->n_fds, family->n_fds(msg));
		free(msg);
	}
}

void check_sizes(void **state) {
	const struct es_family *family = *state;
	uint8_t bytes[ES_VECTOR_MAX_SIZE + 1];
	void *msg = make_msg(family);
	for (size_t i = 0; i < family->n_vectors; i++) {
		const struct es_vector *vector = &family->vectors[i];
		size_t size = vector_bytes(vector, bytes);
		for (size_t cut = 0; cut < size; cut++) {
			assert_false(decode(family, msg, bytes, cut, vector->n_fds));
		}
		bytes[size] = 0;
		assert_false(decode(family, msg, bytes, size + 1, vector->n_fds));
		for (size_t n_fds = 0; n_fds <= MAX_FDS; n_fds++) {
			assert_int_equal(n_fds == vector->n_fds, decode(family, msg, bytes, size, n_fds));
		}
	}
	free(msg);
}

void check_room(void **state) {
	const struct es_family *family = *state;
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	for (size_t i = 0; i < family->n_vectors; i++) {
		size_t size = vector_bytes(&family->vectors[i], bytes);
		for (size_t cap = 0; cap < size; cap++) {
			uint8_t *out = malloc(cap > 0 ? cap : 1);
			assert_non_null(out);
			assert_int_equal(0, family->encode(family->vectors[i].msg, out, cap));
			free(out);
		}
	}
}

void check_mutations(void **state) {
	const struct es_family *family = *state;
	uint8_t bytes[ES_VECTOR_MAX_SIZE], encoded[ES_VECTOR_MAX_SIZE];
	void *msg = make_msg(family);
	for (size_t i = 0; i < family->n_vectors; i++) {
		size_t size = vector_bytes(&family->vectors[i], bytes);
		for (size_t place = 0; place < size; place++) {
			uint8_t saved = bytes[place];
			for (unsigned value = 0; value < 256; value++) {
				bytes[place] = (uint8_t)value;
				if (decode(family, msg, bytes, size, family->vectors[i].n_fds)) {
					assert_int_equal(size, family->encode(msg, encoded, sizeof(encoded)));
					assert_memory_equal(bytes, encoded, size);
				}
			}
			bytes[place] = saved;
		}
	}
	free(msg);
}

void check_headers(void **state) {
	const struct es_family *family = *state;
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	void *msg = make_msg(family);
	const struct es_vector *vector = &family->vectors[0];
	size_t size = vector_bytes(vector, bytes);
	for (size_t place = 0; place < 2; place++) {
		for (unsigned change = 1; change < 256; change++) {
			bytes[place] ^= (uint8_t)change;
			assert_false(decode(family, msg, bytes, size, vector->n_fds));
			bytes[place] ^= (uint8_t)change;
		}
	}
	static const uint16_t types[] = {0, 63, 128, 255, 257, 0xffff};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bytes[2] = (uint8_t)types[i];
		bytes[3] = (uint8_t)(types[i] >> 8);
		assert_false(decode(family, msg, bytes, size, vector->n_fds));
		assert_false(decode(family, msg, bytes, 4, 0));
	}
	memset(msg, 0, family->msg_size); // type 0
	assert_int_equal(0, family->encode(msg, bytes, sizeof(bytes)));
	free(msg);
}

void check_bad_fields(const struct es_family *family, const struct es_bad_field *fields, size_t n) {
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	void *msg = make_msg(family);
	for (size_t i = 0; i < n; i++) {
		const struct es_vector *vector = family_find(family, fields[i].vector);
		size_t size = vector_bytes(vector, bytes);
		assert_true(fields[i].offset + fields[i].size <= size);
		for (size_t k = 0; k < fields[i].size; k++) {
			bytes[fields[i].offset + k] = (uint8_t)(fields[i].value >> (8 * k));
		}
		for (size_t n_fds = 0; n_fds <= MAX_FDS; n_fds++) {
			if (decode(family, msg, bytes, size, n_fds)) {
				fail_msg("%s: %s with %#llx at %zu is taken", family->name, vector->name,
						(unsigned long long)fields[i].value, fields[i].offset);
			}
		}
	}
	free(msg);
}

void check_refused(const struct es_family *family, const void *copy, const char *change) {
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	if (family->encode(copy, bytes, sizeof(bytes)) != 0) {
		fail_msg("%s: encoded although %s", family->name, change);
	}
}
