// One valid message of each kind with its bytes as written by hand: what the tests of the
// messages check, and what the fuzzers start from.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_VECTOR_MAX_SIZE 8192

struct es_vector {
	const char *name;
	const void *msg; // the family's struct
	size_t n_fds;
	const char *hex; // spaces mean nothing
};

// The messages of one link.
struct es_family {
	const char *name;
	const struct es_vector *vectors;
	size_t n_vectors;
	size_t msg_size; // of the struct
	size_t max_size; // of an encoded message
	size_t max_fds; // that travel with one
	size_t (*encode)(const void *msg, void *out, size_t cap);
	bool (*decode)(void *msg, const void *data, size_t size, size_t n_fds);
	size_t (*n_fds)(const void *msg);
};

extern const struct es_family frame_family;
extern const struct es_family unit_family;
extern const struct es_family device_family;
extern const struct es_family session_family;
extern const struct es_family player_family;

// The bytes of a vector; returns how many. out has ES_VECTOR_MAX_SIZE bytes.
size_t vector_bytes(const struct es_vector *vector, uint8_t *out);
// Aborts if there is none of that name.
const struct es_vector *family_find(const struct es_family *family, const char *name);
