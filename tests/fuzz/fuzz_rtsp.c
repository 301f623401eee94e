// RTSP requests: in clear, as an encrypted frame that came so, or in one that is sealed here, so
// that what lies within is looked at too.
//
// Input: a byte that says which, then the request.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/rtsp.h"
#include "tests/vectors/control_vectors.h"
#include "tests/vectors/rtsp_vectors.h"

enum way { CLEAR, FRAME, SEALED, N_WAYS };

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "rtsp: %s\n", what);
		abort();
	}
}

static enum es_rtsp_parsed parse_start(const char *text, size_t size) {
	struct es_rtsp_request request;
	return rtsp_parse(&request, text, size);
}

static void check_request(const char *text, size_t size) {
	struct es_rtsp_request request;
	enum es_rtsp_parsed parsed = rtsp_parse(&request, text, size);
	if (parsed == ES_RTSP_COMPLETE) {
		require(request.body + request.body_size == text + size && request.body_size < size,
				"the body");
		require(memchr(request.session, '\0', sizeof(request.session)) != NULL &&
						memchr(request.host, '\0', sizeof(request.host)) != NULL,
				"a text without end");
	}
	// What has come so far is judged the same however the rest will arrive.
	for (size_t cut = size; cut > 0; cut /= 2) {
		enum es_rtsp_parsed start = parse_start(text, cut - 1);
		require(start == ES_RTSP_INCOMPLETE || parsed == ES_RTSP_BAD, "a start is judged else");
	}
}

static void check_frame(struct es_gcm *gcm, const uint8_t *data, size_t size) {
	uint8_t *plain = malloc(size + (size == 0));
	size_t plain_size = 0;
	uint32_t sequence;
	require(plain != NULL, "no memory");
	if (rtsp_open(gcm, 'C', data, size, plain, &plain_size, &sequence) == ES_RTSP_COMPLETE) {
		require(plain_size + ES_RTSP_FRAME_OVERHEAD == size, "another size");
		check_request((const char *)plain, plain_size);
	}
	free(plain);
}

static void check_sealed(struct es_gcm *gcm, const uint8_t *data, size_t size) {
	size_t cap = size + ES_RTSP_FRAME_OVERHEAD;
	uint8_t *wire = malloc(cap), *plain = malloc(cap);
	require(wire != NULL && plain != NULL, "no memory");
	size_t wire_size = rtsp_seal(gcm, 'C', (uint32_t)size, data, size, wire, cap);
	require((wire_size > 0) == (size > 0 && cap <= ES_RTSP_MAX_REQUEST), "sealed or not");
	if (wire_size > 0) {
		size_t plain_size;
		uint32_t sequence;
		require(rtsp_open(gcm, 'C', wire, wire_size - 1, plain, &plain_size, &sequence) ==
						ES_RTSP_INCOMPLETE,
				"a start of a frame");
		check_frame(gcm, wire, wire_size);
		require(rtsp_open(gcm, 'C', wire, wire_size, plain, &plain_size, &sequence) ==
								ES_RTSP_COMPLETE &&
						plain_size == size && sequence == size && memcmp(plain, data, size) == 0,
				"another one");
		wire[wire_size - 1] ^= 1;
		require(rtsp_open(gcm, 'C', wire, wire_size, plain, &plain_size, &sequence) == ES_RTSP_BAD,
				"a forged one");
	}
	free(wire);
	free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0) {
		return 0;
	}
	enum way way = (enum way)(data[0] % N_WAYS);
	if (way == CLEAR) {
		check_request((const char *)data + 1, size - 1);
		return 0;
	}
	struct es_gcm *gcm = gcm_create(vector_key);
	require(gcm != NULL, "no memory");
	if (way == FRAME) {
		check_frame(gcm, data + 1, size - 1);
	} else {
		check_sealed(gcm, data + 1, size - 1);
	}
	gcm_destroy(gcm);
	return 0;
}

static size_t seed(uint8_t *out, size_t cap, enum way way, const void *text, size_t size) {
	if (size + 1 > cap) {
		return 0;
	}
	out[0] = (uint8_t)way;
	memcpy(out + 1, text, size);
	return size + 1;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char small[] =
			"ANNOUNCE streamid=control/13/0 RTSP/1.0\r\nCSeq: 6\r\n"
			"Session: DEADBEEFCAFE;timeout = 90\r\nContent-length: 3\r\n\r\nabc";
	if (index < 2) {
		return seed(out, cap, index == 0 ? CLEAR : SEALED, small, sizeof(small) - 1);
	}
	index -= 2;
	if (index < 2 * n_rtsp_vectors) {
		const struct es_rtsp_vector *vector = &rtsp_vectors[index / 2];
		return seed(out, cap, index % 2 == 0 ? CLEAR : SEALED, vector->text, vector->size);
	}
	index -= 2 * n_rtsp_vectors;
	if (index < n_rtsp_frame_vectors) {
		uint8_t bytes[ES_VECTOR_MAX_SIZE];
		size_t size = hex_bytes(rtsp_frame_vectors[index].wire, bytes);
		return seed(out, cap, FRAME, bytes, size);
	}
	return 0;
}
