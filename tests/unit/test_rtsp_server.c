#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/rtsp_exchange.h"
#include "host/rtsp_server.h"
#include "tests/tools/fake_plays.h"
#include "tests/unit/count_fds.h"
#include "tests/vectors/rtsp_vectors.h"

static const char home[] = "127.0.0.1";

static struct es_play *launch(struct es_plays *plays, uint32_t client_id, const char *peer,
		uint8_t key, uint32_t corever) {
	struct es_client client = {.id = client_id, .legacy = true};
	struct es_app app = {.id = 1};
	uint8_t bytes[ES_KEY_SIZE];
	struct es_play *play = NULL;
	char error[128];
	memset(bytes, key, sizeof(bytes));
	struct es_play_request request = {.client = &client,
			.app = &app,
			.mode = {1280, 720, 60000},
			.key = bytes,
			.corever = corever,
			.peer = peer};
	assert_int_equal(plays_launch(plays, &request, &play, error, sizeof(error)), 200);
	return play;
}

struct talk {
	struct es_plays *plays;
	uint8_t out[ES_RTSP_EXCHANGE_OUT];
	size_t size;
};

static enum es_rtsp_exchanged say(
		struct talk *talk, const char *peer, const void *data, size_t size) {
	talk->size = 0;
	enum es_rtsp_exchanged result =
			rtsp_exchange(talk->plays, peer, data, size, talk->out, &talk->size);
	if (result == ES_RTSP_ANSWER && talk->size < sizeof(talk->out)) {
		talk->out[talk->size] = '\0';
	}
	return result;
}

static size_t seal(uint8_t key, uint32_t sequence, const char *text, size_t size, uint8_t *out) {
	uint8_t bytes[ES_KEY_SIZE];
	memset(bytes, key, sizeof(bytes));
	struct es_gcm *gcm = gcm_create(bytes);
	size_t n = rtsp_seal(gcm, 'C', sequence, text, size, out, ES_RTSP_EXCHANGE_IN);
	gcm_destroy(gcm);
	assert_true(n > 0);
	return n;
}

static const char options[] = "OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 3\r\n\r\n";

static int status_of(const struct talk *talk) {
	int status = 0;
	assert_int_equal(sscanf((const char *)talk->out, "RTSP/1.0 %d ", &status), 1);
	return status;
}

// What a real client has sent, in one piece and byte by byte.
static void test_real_client(void **state) {
	struct talk talk = {.plays = plays_create(NULL, NULL)};
	launch(talk.plays, 1, home, 7, 0);
	for (size_t i = 0; i < n_rtsp_vectors; i++) {
		const struct es_rtsp_vector *v = &rtsp_vectors[i];
		size_t size = strlen(v->text);
		for (size_t part = 0; part < size; part++) {
			assert_int_equal(say(&talk, home, v->text, part), ES_RTSP_MORE);
		}
		assert_int_equal(say(&talk, home, v->text, size), ES_RTSP_ANSWER);
		const char *answer = (const char *)talk.out;
		assert_int_equal(status_of(&talk), 200);
		char cseq[32];
		snprintf(cseq, sizeof(cseq), "CSeq: %u\r\n", v->cseq);
		assert_non_null(strstr(answer, cseq));
		if (v->method == ES_RTSP_SETUP) {
			assert_non_null(strstr(answer, "Session: DEADBEEFCAFE;timeout = 90\r\n"));
			assert_non_null(strstr(answer,
					v->target == ES_RTSP_CONTROL ? "X-SS-Connect-Data: 4000000000\r\n"
							: v->target == ES_RTSP_AUDIO
							? "server_port=48000\r\nX-SS-Ping-Payload: 0123456789abcdef\r\n"
							: "server_port=47998\r\nX-SS-Ping-Payload: 0123456789abcdef\r\n"));
		}
		if (v->method == ES_RTSP_ANNOUNCE) { // once only
			assert_int_equal(say(&talk, home, v->text, size), ES_RTSP_ANSWER);
			assert_int_equal(status_of(&talk), 400);
		}
	}
	plays_destroy(talk.plays);
}

static void test_encrypted(void **state) {
	struct talk talk = {.plays = plays_create(NULL, NULL)};
	uint8_t frame[ES_RTSP_EXCHANGE_IN], plain[ES_RTSP_EXCHANGE_IN];
	launch(talk.plays, 1, home, 7, 1);
	launch(talk.plays, 2, home, 8, 1);
	launch(talk.plays, 3, "192.0.2.9", 9, 1);
	for (uint32_t sequence = 1; sequence <= 3; sequence++) {
		for (uint8_t key = 7; key <= 8; key++) {
			size_t size = seal(key, sequence, options, strlen(options), frame);
			for (size_t part = 0; part < size; part++) {
				assert_int_equal(say(&talk, home, frame, part), ES_RTSP_MORE);
			}
			assert_int_equal(say(&talk, home, frame, size), ES_RTSP_ANSWER);
			uint8_t bytes[ES_KEY_SIZE];
			size_t plain_size;
			uint32_t answered;
			memset(bytes, key, sizeof(bytes));
			struct es_gcm *gcm = gcm_create(bytes);
			assert_int_equal(
					rtsp_open(gcm, 'H', talk.out, talk.size, plain, &plain_size, &answered),
					ES_RTSP_COMPLETE);
			gcm_destroy(gcm);
			assert_int_equal(answered, sequence);
			assert_memory_equal(plain, "RTSP/1.0 200 ", 13);
			// Once is enough, and older ones are past.
			assert_int_equal(say(&talk, home, frame, size), ES_RTSP_CLOSE);
		}
	}
	// In clear; with nobody's key; with that of another address; damaged; followed by more.
	assert_int_equal(say(&talk, home, options, strlen(options)), ES_RTSP_CLOSE);
	size_t size = seal(1, 9, options, strlen(options), frame);
	assert_int_equal(say(&talk, home, frame, size), ES_RTSP_CLOSE);
	size = seal(9, 9, options, strlen(options), frame);
	assert_int_equal(say(&talk, home, frame, size), ES_RTSP_CLOSE);
	assert_int_equal(say(&talk, "192.0.2.9", frame, size), ES_RTSP_ANSWER);
	size = seal(7, 9, options, strlen(options), frame);
	for (size_t at = 4; at < size; at++) { // the length has its own ways to be wrong
		frame[at] ^= 0x10;
		assert_int_equal(say(&talk, home, frame, size), ES_RTSP_CLOSE);
		frame[at] ^= 0x10;
	}
	frame[size] = 0;
	assert_int_equal(say(&talk, home, frame, size + 1), ES_RTSP_CLOSE);
	assert_int_equal(say(&talk, home, frame, size), ES_RTSP_ANSWER); // all that has cost it nothing
	static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 20};
	assert_int_equal(say(&talk, home, huge, sizeof(huge)), ES_RTSP_CLOSE);
	// Half a request in a whole frame.
	size = seal(7, 20, options, strlen(options) - 2, frame);
	assert_int_equal(say(&talk, home, frame, size), ES_RTSP_ANSWER);
	plays_destroy(talk.plays);
}

static void test_refused(void **state) {
	static const struct {
		int status;
		const char *text;
	} cases[] = {
			{404, "TEARDOWN rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n"},
			{404, "SETUP streamid=mic/0/0 RTSP/1.0\r\nCSeq: 1\r\n\r\n"},
			{404, "SETUP / RTSP/1.0\r\nCSeq: 1\r\n\r\n"},
			{454, "SETUP streamid=video/0/0 RTSP/1.0\r\nCSeq: 1\r\nSession: FEED\r\n\r\n"},
			{400, "ANNOUNCE streamid=control/13/0 RTSP/1.0\r\nCSeq: 1\r\n\r\n"},
			{400, "ANNOUNCE streamid=control/13/0 RTSP/1.0\r\nCSeq: 1\r\nContent-length: 9\r\n\r\na=b:c \r\n\r\n"},
			{400, "what is this\r\n\r\n"},
	};
	struct talk talk = {.plays = plays_create(NULL, NULL)};
	assert_int_equal(say(&talk, home, options, strlen(options)), ES_RTSP_CLOSE);
	launch(talk.plays, 1, home, 7, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(say(&talk, home, cases[i].text, strlen(cases[i].text)), ES_RTSP_ANSWER);
		assert_int_equal(status_of(&talk), cases[i].status);
	}
	assert_int_equal(say(&talk, "192.0.2.1", options, strlen(options)), ES_RTSP_CLOSE);
	plays_destroy(talk.plays);
}

// --- over sockets

struct server {
	sd_event *event;
	struct es_plays *plays;
	struct es_rtsp_server *rtsp;
	struct sockaddr_in address;
	int fds_before;
};

static int set_up(void **state) {
	struct server *s = calloc(1, sizeof(*s));
	socklen_t size = sizeof(s->address);
	s->fds_before = count_fds();
	assert_true(sd_event_new(&s->event) >= 0);
	s->plays = plays_create(s->event, NULL);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->address =
			(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)&s->address, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&s->address, &size), 0);
	s->rtsp = rtsp_server_create(s->event, fd, s->plays);
	assert_non_null(s->rtsp);
	*state = s;
	return 0;
}

static int tear_down(void **state) {
	struct server *s = *state;
	rtsp_server_destroy(s->rtsp);
	plays_destroy(s->plays);
	sd_event_unref(s->event);
	assert_int_equal(count_fds(), s->fds_before);
	free(s);
	return 0;
}

static int dial_from(const struct server *s, const char *address) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in own = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, address, &own.sin_addr), 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&s->address, sizeof(s->address)), 0);
	return fd;
}

static int dial(const struct server *s) {
	return dial_from(s, home);
}

// Lets the server work until it has closed its side; what it said is in text[cap].
static void read_end(struct server *s, int fd, char *text, size_t cap) {
	size_t size = 0;
	for (int rounds = 0; rounds < 2000; rounds++) {
		assert_true(sd_event_run(s->event, 5000) >= 0);
		ssize_t n = recv(fd, text + size, cap - 1 - size, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			break;
		}
		assert_true(n > 0 || errno == EAGAIN);
		size += n > 0 ? (size_t)n : 0;
	}
	text[size] = '\0';
	close(fd);
}

static void test_closed_without_launch(void **state) {
	struct server *s = *state;
	char text[256];
	int fd = dial(s);
	assert_int_equal(send(fd, options, strlen(options), MSG_NOSIGNAL), strlen(options));
	read_end(s, fd, text, sizeof(text));
	assert_string_equal(text, "");
}

static void test_answers(void **state) {
	struct server *s = *state;
	char text[8192];
	launch(s->plays, 1, home, 7, 0);
	close(dial(s)); // only looks whether somebody is there
	for (size_t i = 0; i < n_rtsp_vectors; i++) {
		int fd = dial(s);
		size_t size = strlen(rtsp_vectors[i].text);
		assert_int_equal(send(fd, rtsp_vectors[i].text, 10, MSG_NOSIGNAL), 10);
		assert_true(sd_event_run(s->event, 5000) >= 0);
		assert_int_equal(send(fd, rtsp_vectors[i].text + 10, size - 10, MSG_NOSIGNAL), size - 10);
		read_end(s, fd, text, sizeof(text));
		assert_memory_equal(text, "RTSP/1.0 200 ", 13);
	}
}

static void test_connections(void **state) {
	struct server *s = *state;
	int fds[40], n_closed = 0;
	static const char other[] = "127.0.0.2";
	launch(s->plays, 1, home, 7, 0);
	launch(s->plays, 2, other, 8, 0);
	for (int i = 0; i < 40; i++) {
		fds[i] = dial(s);
		assert_true(sd_event_run(s->event, 5000) >= 0);
	}
	for (int i = 0; i < 40; i++) {
		char byte;
		n_closed += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 0;
	}
	assert_int_equal(n_closed, 36);
	// Another client does not notice.
	char text[512];
	int elsewhere = dial_from(s, other);
	assert_int_equal(send(elsewhere, options, strlen(options), MSG_NOSIGNAL), strlen(options));
	read_end(s, elsewhere, text, sizeof(text));
	assert_memory_equal(text, "RTSP/1.0 200 ", 13);
	// One hangs up: there is a place again.
	for (int i = 0; i < 40; i++) {
		close(fds[i]);
	}
	while (sd_event_run(s->event, 0) > 0) {
	}
	int fd = dial(s);
	assert_int_equal(send(fd, options, strlen(options), MSG_NOSIGNAL), strlen(options));
	read_end(s, fd, text, sizeof(text));
	assert_memory_equal(text, "RTSP/1.0 200 ", 13);
}

static void test_endless(void **state) {
	struct server *s = *state;
	char text[64], line[1000];
	launch(s->plays, 1, home, 7, 0);
	memset(line, 'a', sizeof(line));
	int fd = dial(s);
	for (int i = 0; i < 40; i++) {
		send(fd, line, sizeof(line), MSG_NOSIGNAL);
	}
	read_end(s, fd, text, sizeof(text));
	assert_null(strstr(text, "200"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_real_client),
			cmocka_unit_test(test_encrypted),
			cmocka_unit_test(test_refused),
			cmocka_unit_test_setup_teardown(test_closed_without_launch, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_connections, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_endless, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
