#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/device_msg.h"
#include "protocol/frame_msg.h"
#include "protocol/player_msg.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

union any_msg {
	struct es_frame_msg frame;
	struct es_unit_msg unit;
	struct es_device_msg device;
	struct es_session_msg session;
	struct es_player_msg player;
};

static void fail(const struct es_family *family, const char *what) {
	fprintf(stderr, "%s message: %s\n", family->name, what);
	abort();
}

static bool try(const struct es_family *family, const uint8_t *data, size_t size, size_t n_fds) {
	union any_msg msg;
	uint8_t encoded[ES_VECTOR_MAX_SIZE];
	if (!family->decode(&msg, data, size, n_fds)) {
		return false;
	}
	if (family->n_fds(&msg) != n_fds) {
		fail(family, "taken with a wrong number of fds");
	}
	if (family->encode(&msg, encoded, sizeof(encoded)) != size ||
			memcmp(encoded, data, size) != 0) {
		fail(family, "encodes to other bytes than it was decoded from");
	}
	return true;
}

int fuzz_family(const struct es_family *family, const uint8_t *data, size_t size) {
	int n_taken = 0;
	for (size_t n_fds = 0; n_fds <= family->max_fds + 1; n_fds++) {
		n_taken += try(family, data, size, n_fds);
	}
	if (n_taken > 1) {
		fail(family, "taken with two numbers of fds");
	}
	return 0;
}

size_t fuzz_family_seed(const struct es_family *family, size_t index, uint8_t *out, size_t cap) {
	return index < family->n_vectors ? family->encode(family->vectors[index].msg, out, cap) : 0;
}
