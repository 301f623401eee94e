#include "protocol/rtsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/vectors/control_vectors.h"
#include "tests/vectors/family.h"
#include "tests/vectors/rtsp_vectors.h"

// Each piece of its own size on the heap, so that a sanitizer sees what is read beyond.
static enum es_rtsp_parsed parse(struct es_rtsp_request *request, const char *text, size_t size) {
	char *exact = malloc(size + (size == 0));
	assert_non_null(exact);
	memcpy(exact, text, size);
	enum es_rtsp_parsed parsed = rtsp_parse(request, exact, size);
	if (parsed == ES_RTSP_COMPLETE) {
		assert_true(request->body >= exact && request->body + request->body_size == exact + size);
	}
	free(exact);
	return parsed;
}

static enum es_rtsp_parsed parse_text(struct es_rtsp_request *request, const char *text) {
	return parse(request, text, strlen(text));
}

static void assert_prefixes_incomplete(const char *text, size_t size) {
	struct es_rtsp_request request;
	for (size_t cut = 0; cut < size; cut++) {
		if (parse(&request, text, cut) != ES_RTSP_INCOMPLETE) {
			fail_msg("%zu bytes of %.40s", cut, text);
		}
	}
}

static void test_vectors(void **state) {
	for (size_t i = 0; i < n_rtsp_vectors; i++) {
		const struct es_rtsp_vector *vector = &rtsp_vectors[i];
		assert_int_equal(vector->size, strlen(vector->text));
		struct es_rtsp_request request;
		assert_int_equal(ES_RTSP_COMPLETE, rtsp_parse(&request, vector->text, vector->size));
		assert_int_equal(vector->method, request.method);
		assert_int_equal(vector->target, request.target);
		assert_int_equal(vector->cseq, request.cseq);
		assert_string_equal(vector->session, request.session);
		assert_string_equal("127.0.0.1", request.host);
		assert_int_equal(vector->body_size, request.body_size);
		assert_ptr_equal(vector->text + vector->size - vector->body_size, request.body);
		assert_prefixes_incomplete(vector->text, vector->size);
		char *longer = malloc(vector->size + 1); // one request a connection
		assert_non_null(longer);
		memcpy(longer, vector->text, vector->size);
		longer[vector->size] = 'x';
		assert_int_equal(ES_RTSP_BAD, parse(&request, longer, vector->size + 1));
		free(longer);
	}
}

static void test_headers(void **state) {
	struct es_rtsp_request request;
	assert_int_equal(ES_RTSP_COMPLETE,
			parse_text(&request,
					"ANNOUNCE streamid=control RTSP/1.0\r\ncSEQ:4294967295\r\n"
					"SESSION: \t abc ;timeout = 90\r\nhost:0.0.0.0\r\nx-other: \r\n"
					"CONTENT-LENGTH: 3\t\r\n\r\nabc"));
	assert_int_equal(ES_RTSP_ANNOUNCE, request.method);
	assert_int_equal(ES_RTSP_CONTROL, request.target);
	assert_true(request.cseq == UINT32_MAX);
	assert_string_equal("abc", request.session);
	assert_string_equal("0.0.0.0", request.host);
}

static void test_headers_with_nul_in_body(void **state) {
	static const char text[] = "ANNOUNCE streamid=video/0/0 RTSP/1.0\nCSeq: 1\n"
							   "Content-Length: 3\n\na\0b"; // bare ends of line are fine too
	struct es_rtsp_request request;
	assert_int_equal(ES_RTSP_COMPLETE, parse(&request, text, sizeof(text) - 1));
	assert_int_equal(ES_RTSP_VIDEO, request.target);
	assert_int_equal(3, request.body_size);
	assert_string_equal("", request.session);
	assert_string_equal("", request.host);
}

static void assert_kind(const char *line, enum es_rtsp_method method, enum es_rtsp_target target) {
	char text[256];
	snprintf(text, sizeof(text), "%s RTSP/1.0\r\nCSeq: 1\r\n\r\n", line);
	struct es_rtsp_request request;
	assert_int_equal(ES_RTSP_COMPLETE, parse_text(&request, text));
	assert_int_equal(method, request.method);
	assert_int_equal(target, request.target);
}

static void test_kinds(void **state) {
	assert_kind("TEARDOWN /", ES_RTSP_UNKNOWN, ES_RTSP_OTHER);
	assert_kind("setup streamid=audio/0/0", ES_RTSP_UNKNOWN, ES_RTSP_AUDIO);
	assert_kind("SETUP streamid=audio", ES_RTSP_SETUP, ES_RTSP_AUDIO);
	assert_kind("SETUP streamid=video/", ES_RTSP_SETUP, ES_RTSP_VIDEO);
	assert_kind("SETUP streamid=videos/0/0", ES_RTSP_SETUP, ES_RTSP_OTHER);
	assert_kind("SETUP streamid=", ES_RTSP_SETUP, ES_RTSP_OTHER);
	assert_kind("SETUP xstreamid=video", ES_RTSP_SETUP, ES_RTSP_OTHER);
	assert_kind("SETUP mic/0/0", ES_RTSP_SETUP, ES_RTSP_OTHER);
	assert_kind("OPTIONS rtspenc://[::1]:48010", ES_RTSP_OPTIONS, ES_RTSP_OTHER);
}

static void test_bad(void **state) {
	static const char *const texts[] = {
			"\r\n",
			"\n",
			"GET / HTTP/1.1\r\n",
			"OPTIONS / RTSP/2.0\r\n",
			"OPTIONS / RTSP/1.0 \r\n",
			"OPTIONS /  RTSP/1.0\r\n",
			"OPTIONS  / RTSP/1.0\r\n",
			" OPTIONS / RTSP/1.0\r\n",
			"OPTIONS RTSP/1.0\r\n",
			"OPTIONS\r\n",
			"ABCDEFGHIJKLMNOPQ / RTSP/1.0\r\n",
			"OPTIONS / RTSP/1.0\r\n\r\n", // no CSeq
			"OPTIONS / RTSP/1.0\r\nCSeq\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq:\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq: -1\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq: +1\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq: 0x1\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq: 4294967296\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq: 99999999999999999999999\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq: 1\r\nCSeq: 1\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq : 1\r\n",
			"OPTIONS / RTSP/1.0\r\n CSeq: 1\r\n",
			"OPTIONS / RTSP/1.0\r\n: 1\r\n",
			"OPTIONS / RTSP/1.0\r\nContent-length: -1\r\n",
			"OPTIONS / RTSP/1.0\r\nContent-length: 16385\r\n",
			"OPTIONS / RTSP/1.0\r\nContent-length: 1\r\ncontent-LENGTH: 2\r\n",
			"OPTIONS / RTSP/1.0\r\nCSeq: 1\r\nContent-length: 16384\r\n\r\n",
			"OPTIONS / RTSP/1.0\r\nHost: a\r\nHost: b\r\n",
			"OPTIONS / RTSP/1.0\r\nSession: a\r\nSession: b\r\n",
			"OPTIONS / RTSP/1.0\r\nHost: a\rb\r\n",
			"OPTIONS / RTSP/1.0\r\nHost: a\x01\r\n",
			"OPTIONS / RTSP/1.0\r\nHost: a\x7f\r\n",
			"OPTIONS / RTSP/1.0\r\nHost: a\xc3\xa9\r\n",
			"\x80", // the start of an encrypted one
			"OPT\x1b",
			"OPT\r\r",
	};
	struct es_rtsp_request request;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (parse_text(&request, texts[i]) != ES_RTSP_BAD) {
			fail_msg("\"%s\" is taken", texts[i]);
		}
	}
	assert_int_equal(ES_RTSP_BAD, parse(&request, "OPTIONS /\0 RTSP/1.0\r\n", 21));
}

// A header whose value has `size` bytes.
static enum es_rtsp_parsed parse_long(const char *name, size_t size) {
	char *text = malloc(size + 256);
	assert_non_null(text);
	int head = snprintf(text, 256, "PLAY / RTSP/1.0\r\nCSeq: 1\r\n%s: ", name);
	memset(text + head, 'x', size);
	memcpy(text + (size_t)head + size, "\r\n\r\n", 4);
	struct es_rtsp_request request;
	enum es_rtsp_parsed parsed = parse(&request, text, (size_t)head + size + 4);
	free(text);
	return parsed;
}

static void test_limits(void **state) {
	assert_int_equal(ES_RTSP_COMPLETE, parse_long("Session", 63));
	assert_int_equal(ES_RTSP_BAD, parse_long("Session", 64));
	assert_int_equal(ES_RTSP_COMPLETE, parse_long("Host", 127));
	assert_int_equal(ES_RTSP_BAD, parse_long("Host", 128));
	size_t fixed = strlen("PLAY / RTSP/1.0\r\nCSeq: 1\r\nOther: \r\n\r\n");
	assert_int_equal(ES_RTSP_COMPLETE, parse_long("Other", ES_RTSP_MAX_REQUEST - fixed));
	assert_int_equal(ES_RTSP_BAD, parse_long("Other", ES_RTSP_MAX_REQUEST - fixed + 1));

	// no end of it in sight
	static char text[ES_RTSP_MAX_REQUEST];
	memset(text, 'A', sizeof(text));
	struct es_rtsp_request request;
	assert_int_equal(ES_RTSP_INCOMPLETE, parse(&request, text, sizeof(text) - 1));
	assert_int_equal(ES_RTSP_BAD, parse(&request, text, sizeof(text)));

	size_t size = (size_t)snprintf(text, sizeof(text), "PLAY / RTSP/1.0\r\nCSeq: 1\r\n");
	for (size_t i = 0; i < 63; i++) {
		memcpy(text + size, "a:b\r\n", 5);
		size += 5;
	}
	memcpy(text + size, "\r\na:b\r\n\r\n", 9);
	assert_int_equal(ES_RTSP_COMPLETE, parse(&request, text, size + 2));
	memcpy(text + size, "a:b\r\n\r\n", 7);
	assert_int_equal(ES_RTSP_BAD, parse(&request, text, size + 7)); // 65 of them
}

// The longest request of all, body and head.
static void test_longest_body(void **state) {
	static char text[ES_RTSP_MAX_REQUEST + 1];
	const char *head = "ANNOUNCE / RTSP/1.0\r\nCSeq: 1\r\nContent-length: 16332\r\n\r\n";
	size_t head_size = strlen(head);
	assert_int_equal(ES_RTSP_MAX_REQUEST, head_size + 16332 - 3);
	memset(text, 'b', sizeof(text));
	memcpy(text, head, head_size);
	struct es_rtsp_request request;
	assert_int_equal(ES_RTSP_BAD, parse(&request, text, 100));
	memcpy(text, "ANNOUNCE / RTSP/1.0\r\nCSeq: 1\r\nContent-length: 16329\r\n\r\n", head_size);
	assert_int_equal(ES_RTSP_INCOMPLETE, parse(&request, text, ES_RTSP_MAX_REQUEST - 1));
	assert_int_equal(ES_RTSP_COMPLETE, parse(&request, text, ES_RTSP_MAX_REQUEST));
	assert_int_equal(16329, request.body_size);
}

// --- responses

static void assert_formatted(const char *expected, int code, uint32_t cseq,
		const struct es_rtsp_header *headers, size_t n_headers, const char *body) {
	char out[512];
	memset(out, '#', sizeof(out));
	size_t size = strlen(expected);
	assert_int_equal(size, rtsp_format(out, size, code, cseq, headers, n_headers, body));
	assert_memory_equal(expected, out, size);
	assert_int_equal('#', out[size]);
	for (size_t cap = 0; cap < size; cap++) {
		assert_int_equal(0, rtsp_format(out, cap, code, cseq, headers, n_headers, body));
	}
}

static void test_format(void **state) {
	static const struct es_rtsp_header headers[] = {
			{"Session", "DEADBEEFCAFE;timeout = 90"},
			{"Transport", "server_port=47998"},
	};
	assert_formatted("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 200, 1, NULL, 0, NULL);
	assert_formatted("RTSP/1.0 200 OK\r\nCSeq: 4294967295\r\n"
					 "Session: DEADBEEFCAFE;timeout = 90\r\nTransport: server_port=47998\r\n\r\n"
					 "a=b\n",
			200, UINT32_MAX, headers, 2, "a=b\n");
	assert_formatted("RTSP/1.0 400 Bad Request\r\nCSeq: 0\r\n\r\n", 400, 0, NULL, 0, "");
	assert_formatted("RTSP/1.0 403 Forbidden\r\nCSeq: 0\r\n\r\n", 403, 0, NULL, 0, NULL);
	assert_formatted("RTSP/1.0 404 Not Found\r\nCSeq: 0\r\n\r\n", 404, 0, NULL, 0, NULL);
	assert_formatted(
			"RTSP/1.0 500 Internal Server Error\r\nCSeq: 0\r\n\r\n", 500, 0, NULL, 0, NULL);
	assert_formatted("RTSP/1.0 503 Service Unavailable\r\nCSeq: 0\r\n\r\n", 503, 0, NULL, 0, NULL);
	assert_formatted("RTSP/1.0 599 Error\r\nCSeq: 0\r\n\r\n", 599, 0, NULL, 0, NULL);
	char out[256];
	assert_int_equal(0,
			rtsp_format(out, sizeof(out), 200, 1,
					&(struct es_rtsp_header){"Session", "a\r\nEvil: b"}, 1, NULL));
}

// --- encrypted frames

static int setup_gcm(void **state) {
	*state = gcm_create(vector_key);
	return *state != NULL ? 0 : -1;
}

static int teardown_gcm(void **state) {
	gcm_destroy(*state);
	return 0;
}

static void assert_frame(struct es_gcm *gcm, const struct es_rtsp_frame_vector *vector) {
	uint8_t wire[ES_VECTOR_MAX_SIZE], out[ES_VECTOR_MAX_SIZE];
	size_t size = hex_bytes(vector->wire, wire), plain_size = strlen(vector->plain);
	assert_int_equal(size,
			rtsp_seal(gcm, vector->direction, vector->sequence, vector->plain, plain_size, out,
					size));
	assert_memory_equal(wire, out, size);
	assert_int_equal(0,
			rtsp_seal(gcm, vector->direction, vector->sequence, vector->plain, plain_size, out,
					size - 1));
	uint32_t sequence = 0;
	for (size_t cut = 0; cut < size; cut++) {
		assert_int_equal(ES_RTSP_INCOMPLETE,
				rtsp_open(gcm, vector->direction, wire, cut, out, &plain_size, &sequence));
	}
	assert_int_equal(ES_RTSP_BAD,
			rtsp_open(gcm, vector->direction, wire, size + 1, out, &plain_size, &sequence));
	assert_int_equal(ES_RTSP_BAD, // the other one's
			rtsp_open(gcm, vector->direction == 'C' ? 'H' : 'C', wire, size, out, &plain_size,
					&sequence));
	assert_int_equal(ES_RTSP_COMPLETE,
			rtsp_open(gcm, vector->direction, wire, size, out, &plain_size, &sequence));
	assert_int_equal(vector->sequence, sequence);
	assert_int_equal(strlen(vector->plain), plain_size);
	assert_memory_equal(vector->plain, out, plain_size);
	for (size_t bit = 0; bit < size * 8; bit++) {
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (rtsp_open(gcm, vector->direction, wire, size, out, &plain_size, &sequence) ==
				ES_RTSP_COMPLETE) {
			fail_msg("bit %zu changed", bit);
		}
		wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_frames(void **state) {
	for (size_t i = 0; i < n_rtsp_frame_vectors; i++) {
		assert_frame(*state, &rtsp_frame_vectors[i]);
	}
	struct es_rtsp_request request;
	assert_int_equal(ES_RTSP_COMPLETE, parse_text(&request, rtsp_frame_vectors[0].plain));
	assert_int_equal(ES_RTSP_OPTIONS, request.method);
}

static enum es_rtsp_parsed open_start(struct es_gcm *gcm, const char *hex) {
	uint8_t wire[ES_VECTOR_MAX_SIZE], plain[ES_VECTOR_MAX_SIZE];
	size_t plain_size;
	uint32_t sequence;
	return rtsp_open(gcm, 'C', wire, hex_bytes(hex, wire), plain, &plain_size, &sequence);
}

static void test_frame_limits(void **state) {
	assert_int_equal(ES_RTSP_BAD, open_start(*state, "4f")); // clear
	assert_int_equal(ES_RTSP_BAD, open_start(*state, "7fffffff"));
	assert_int_equal(ES_RTSP_BAD, open_start(*state, "80000000"));
	assert_int_equal(ES_RTSP_BAD, open_start(*state, "ffffffff"));
	assert_int_equal(ES_RTSP_BAD, open_start(*state, "80003fe9"));
	assert_int_equal(ES_RTSP_INCOMPLETE, open_start(*state, "80003fe8"));

	static uint8_t plain[ES_RTSP_MAX_REQUEST], wire[ES_RTSP_MAX_REQUEST + 1],
			out[ES_RTSP_MAX_REQUEST];
	size_t most = ES_RTSP_MAX_REQUEST - ES_RTSP_FRAME_OVERHEAD, size = 0;
	memset(plain, 'x', sizeof(plain));
	assert_int_equal(0, rtsp_seal(*state, 'C', 1, plain, most + 1, wire, sizeof(wire)));
	assert_int_equal(0, rtsp_seal(*state, 'C', 1, plain, 0, wire, sizeof(wire)));
	assert_int_equal(ES_RTSP_MAX_REQUEST,
			rtsp_seal(*state, 'C', UINT32_MAX, plain, most, wire, sizeof(wire)));
	uint32_t sequence = 0;
	assert_int_equal(ES_RTSP_COMPLETE,
			rtsp_open(*state, 'C', wire, ES_RTSP_MAX_REQUEST, out, &size, &sequence));
	assert_int_equal(most, size);
	assert_true(sequence == UINT32_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_vectors),
			cmocka_unit_test(test_headers),
			cmocka_unit_test(test_headers_with_nul_in_body),
			cmocka_unit_test(test_kinds),
			cmocka_unit_test(test_bad),
			cmocka_unit_test(test_limits),
			cmocka_unit_test(test_longest_body),
			cmocka_unit_test(test_format),
			cmocka_unit_test_setup_teardown(test_frames, setup_gcm, teardown_gcm),
			cmocka_unit_test_setup_teardown(test_frame_limits, setup_gcm, teardown_gcm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
