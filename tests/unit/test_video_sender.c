#define _GNU_SOURCE // SO_NO_CHECK
#include "stream/video_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "stream/udp_sender.h"
#include "tests/tools/video_frame.h"
#include "tests/unit/count_fds.h"

#define PACKET_SIZE 256
#define MAX_DATAGRAM (ES_VIDEO_PREFIX + PACKET_SIZE + 16)
#define MAX_DATAGRAMS 150 // of a frame: few enough to lie in a socket's buffer
#define WAIT_MS 60000

struct fixture {
	size_t n_fds_before;
	int sender_fd, receiver_fd;
	struct sockaddr_in peer;
	struct es_video_sender *sender;
	struct video_frame_decoder *decoder;
	uint8_t unit[MAX_DATAGRAMS * PACKET_SIZE];
	uint8_t datagrams[MAX_DATAGRAMS][MAX_DATAGRAM + 1];
};

static const uint8_t key[ES_KEY_SIZE] = "0123456789abcde";

static int open_socket(struct sockaddr_in *address) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(*address);
	*address = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	assert_true(fd >= 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)address, size));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)address, &size));
	return fd;
}

static int setup(void **state) {
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (fixture == NULL) {
		return -1;
	}
	struct sockaddr_in own;
	fixture->n_fds_before = count_fds();
	fixture->sender_fd = open_socket(&own);
	fixture->receiver_fd = open_socket(&fixture->peer);
	fixture->decoder = video_frame_decoder_create(PACKET_SIZE);
	for (size_t i = 0; i < sizeof(fixture->unit); i++) {
		fixture->unit[i] = (uint8_t)(i * i / 3 + i);
	}
	*state = fixture;
	return fixture->decoder != NULL ? 0 : -1;
}

static int teardown(void **state) {
	struct fixture *fixture = *state;
	video_sender_destroy(fixture->sender);
	video_frame_decoder_destroy(fixture->decoder);
	fd_close(&fixture->sender_fd);
	fd_close(&fixture->receiver_fd);
	bool leaked = count_fds() != fixture->n_fds_before;
	free(fixture);
	return leaked ? -1 : 0;
}

static void start(struct fixture *fixture, const uint8_t *with_key) {
	struct es_video_sender_params params = {
			.fd = fixture->sender_fd,
			.packet_size = PACKET_SIZE,
			.min_parity = 2,
			.key = with_key,
			.refresh_mhz = 60000,
	};
	fixture->sender = video_sender_create(&params);
	assert_non_null(fixture->sender);
}

static void set_peer(struct fixture *fixture) {
	video_sender_set_peer(
			fixture->sender, (const struct sockaddr *)&fixture->peer, sizeof(fixture->peer));
}

static bool put(struct fixture *fixture, uint64_t sequence, uint32_t size, uint32_t *frame) {
	struct es_unit unit = {
			.size = size,
			.sequence = sequence,
			.kind = ES_UNIT_NEW,
			.times = {.commit_ns = clock_now_ns()},
	};
	struct es_put_frame one = {.unit = &unit, .data = fixture->unit, .type = ES_FRAME_P};
	return video_sender_put(fixture->sender, &one, frame);
}

static void wait_readable(int fd) {
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	assert_int_equal(1, poll(&pollfd, 1, WAIT_MS));
}

static struct es_sent_frame wait_sent(struct fixture *fixture) {
	struct es_sent_frame sent;
	while (!video_sender_take_sent(fixture->sender, &sent)) {
		wait_readable(video_sender_fd(fixture->sender));
	}
	return sent;
}

static void receive(struct fixture *fixture, size_t n, size_t size) {
	for (size_t i = 0; i < n; i++) {
		wait_readable(fixture->receiver_fd);
		ssize_t got = recv(fixture->receiver_fd, fixture->datagrams[i], MAX_DATAGRAM + 1, 0);
		assert_int_equal(size, got);
	}
}

static void check_nothing_there(struct fixture *fixture) {
	assert_int_equal(-1, recv(fixture->receiver_fd, fixture->datagrams[0], MAX_DATAGRAM, 0));
}

// What arrived, in the order of arrival, is the frame.
static void check_frame(
		struct fixture *fixture, size_t n, uint32_t number, size_t size, bool encrypted) {
	const uint8_t *at[MAX_DATAGRAMS];
	struct es_gcm *gcm = encrypted ? gcm_create(key) : NULL;
	for (size_t i = 0; i < n; i++) {
		uint8_t *data = fixture->datagrams[i];
		at[i] = data;
		if (encrypted) {
			at[i] = data + ES_VIDEO_PREFIX;
			assert_true(gcm_open(gcm, data, ES_GCM_IV_SIZE, at[i], PACKET_SIZE + 16, data + 16,
					data + ES_VIDEO_PREFIX));
		}
		// in the order of their sequence numbers
		assert_int_equal(at[i][3], (uint8_t)(at[0][3] + i));
	}
	gcm_destroy(gcm);
	struct video_frame frame;
	assert_int_equal(VIDEO_FRAME_WHOLE, video_frame_decode(fixture->decoder, at, n, &frame));
	assert_int_equal(number, frame.frame);
	assert_int_equal(size, frame.size);
	assert_int_not_equal(0, frame.timestamp);
	assert_memory_equal(fixture->unit, frame.unit, size);
}

// Frames of one datagram to ten bursts: the bytes, in order, and what is told of them.
static void run_frames(struct fixture *fixture, bool encrypted) {
	start(fixture, encrypted ? key : NULL);
	set_peer(fixture);
	size_t datagram_size = PACKET_SIZE + 16 + (encrypted ? ES_VIDEO_PREFIX : 0);
	for (uint32_t i = 1; i <= 30; i++) {
		uint32_t size = i % 10 == 0 ? 28000 : i * i * 23, frame;
		assert_true(put(fixture, i + 100, size, &frame));
		struct es_sent_frame sent = wait_sent(fixture);
		assert_int_equal(i, frame);
		assert_int_equal(i, sent.frame);
		assert_int_equal(i + 100, sent.unit.sequence);
		assert_false(sent.failed);
		assert_true(sent.n_parity >= 2 && sent.n_parity < sent.n_datagrams);
		assert_int_equal(sent.n_datagrams * datagram_size, sent.n_bytes);
		assert_true(sent.unit.times.commit_ns <= sent.packetized_ns);
		assert_true(sent.packetized_ns <= sent.sent_ns);
		receive(fixture, sent.n_datagrams, datagram_size);
		check_frame(fixture, sent.n_datagrams, frame, size, encrypted);
		check_nothing_there(fixture);
	}
}

static void test_clear(void **state) {
	run_frames(*state, false);
}

static void test_encrypted(void **state) {
	run_frames(*state, true);
}

static void test_nothing_before_there_is_a_peer(void **state) {
	struct fixture *fixture = *state;
	uint32_t frame;
	start(fixture, NULL);
	assert_false(put(fixture, 1, 100, &frame));
	assert_false(put(fixture, 2, 100, &frame));
	set_peer(fixture);
	assert_true(put(fixture, 3, 100, &frame));
	assert_int_equal(1, frame); // the first one for the client
	struct es_sent_frame sent = wait_sent(fixture);
	assert_int_equal(3, sent.unit.sequence);
	receive(fixture, sent.n_datagrams, PACKET_SIZE + 16);
	check_frame(fixture, sent.n_datagrams, 1, 100, false);
	check_nothing_there(fixture);
}

// The newest is refused, whole, and takes no frame number; what was there before still goes out.
static void test_full(void **state) {
	struct fixture *fixture = *state;
	start(fixture, NULL);
	set_peer(fixture);
	uint32_t n = 0, frame;
	while (put(fixture, n + 1, 50, &frame)) {
		n++;
		assert_int_equal(n, frame);
	}
	assert_false(put(fixture, n + 1, 50, &frame));
	assert_true(n >= 32);
	for (uint32_t i = 1; i <= n; i++) {
		struct es_sent_frame sent = wait_sent(fixture);
		assert_int_equal(i, sent.frame);
		receive(fixture, sent.n_datagrams, PACKET_SIZE + 16);
		check_frame(fixture, sent.n_datagrams, i, 50, false);
	}
	assert_true(put(fixture, n + 5, 50, &frame));
	assert_int_equal(n + 1, frame);
	assert_int_equal(n + 5, wait_sent(fixture).unit.sequence);
}

static void test_too_large(void **state) {
	struct fixture *fixture = *state;
	start(fixture, NULL);
	set_peer(fixture);
	uint32_t frame;
	assert_false(put(fixture, 1, 4092 * (PACKET_SIZE - 16) - 7, &frame));
	assert_true(put(fixture, 2, 10, &frame));
	assert_int_equal(1, frame);
}

static void test_fec_percentage(void **state) {
	struct fixture *fixture = *state;
	start(fixture, NULL);
	set_peer(fixture);
	static const uint32_t expected[][2] = {{0, 0}, {10, 3}, {50, 13}, {100, 25}, {255, 64}};
	for (size_t i = 0; i < 5; i++) {
		uint32_t frame;
		video_sender_set_fec(fixture->sender, (uint8_t)expected[i][0]);
		assert_true(put(fixture, i, 25 * (PACKET_SIZE - 16) - 8, &frame));
		struct es_sent_frame sent = wait_sent(fixture);
		assert_int_equal(expected[i][1], sent.n_parity);
		assert_int_equal(25 + expected[i][1], sent.n_datagrams);
		receive(fixture, sent.n_datagrams, PACKET_SIZE + 16);
	}
}

// What the kernel does not send is told; the next frame has its chance.
static void test_refused_by_the_kernel(void **state) {
	struct fixture *fixture = *state;
	start(fixture, NULL);
	struct sockaddr_in everyone = fixture->peer;
	everyone.sin_addr.s_addr = htonl(INADDR_BROADCAST); // not without SO_BROADCAST
	video_sender_set_peer(fixture->sender, (const struct sockaddr *)&everyone, sizeof(everyone));
	uint32_t frame;
	assert_true(put(fixture, 1, 5000, &frame));
	assert_true(wait_sent(fixture).failed);
	set_peer(fixture);
	assert_true(put(fixture, 2, 5000, &frame));
	struct es_sent_frame sent = wait_sent(fixture);
	assert_false(sent.failed);
	assert_int_equal(2, sent.frame);
	receive(fixture, sent.n_datagrams, PACKET_SIZE + 16);
	check_frame(fixture, sent.n_datagrams, 2, 5000, false);
}

static void test_ends_with_frames_on_their_way(void **state) {
	struct fixture *fixture = *state;
	start(fixture, NULL);
	set_peer(fixture);
	uint32_t frame;
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(put(fixture, i, 28000, &frame));
	}
	video_sender_destroy(fixture->sender);
	fixture->sender = NULL;
}

static void check_group(struct fixture *fixture, struct es_udp_sender *udp) {
	uint8_t data[16][64];
	for (size_t i = 0; i < 16; i++) {
		memset(data[i], (int)i + 1, sizeof(data[i]));
	}
	const struct sockaddr *peer = (const struct sockaddr *)&fixture->peer;
	for (uint32_t n = 1; n <= 16; n++) {
		assert_int_equal(n, udp_sender_send(udp, peer, sizeof(fixture->peer), data[0], n, 64));
		receive(fixture, n, 64);
		for (uint32_t i = 0; i < n; i++) {
			assert_memory_equal(data[i], fixture->datagrams[i], 64);
		}
	}
	check_nothing_there(fixture);
}

// With UDP_SEGMENT where there is one, without it, and where the kernel refuses it for this socket.
static void test_ways_to_send(void **state) {
	struct fixture *fixture = *state;
	struct es_udp_sender udp;
	udp_sender_init(&udp, fixture->sender_fd);
	check_group(fixture, &udp);
	udp.segments = false;
	check_group(fixture, &udp);
	udp_sender_init(&udp, fixture->sender_fd);
	assert_int_equal(
			0, setsockopt(fixture->sender_fd, SOL_SOCKET, SO_NO_CHECK, &(int){1}, sizeof(int)));
	check_group(fixture, &udp);
	assert_false(udp.segments);
}

static void test_dscp(void **state) {
	struct fixture *fixture = *state;
	struct es_video_sender_params params = {
			.fd = fixture->sender_fd, .packet_size = PACKET_SIZE, .dscp = 40, .refresh_mhz = 60000};
	fixture->sender = video_sender_create(&params);
	assert_non_null(fixture->sender);
	int value = 0;
	socklen_t size = sizeof(value);
	assert_int_equal(0, getsockopt(fixture->sender_fd, IPPROTO_IP, IP_TOS, &value, &size));
	assert_int_equal(160, value);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_clear, setup, teardown),
			cmocka_unit_test_setup_teardown(test_encrypted, setup, teardown),
			cmocka_unit_test_setup_teardown(test_nothing_before_there_is_a_peer, setup, teardown),
			cmocka_unit_test_setup_teardown(test_full, setup, teardown),
			cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
			cmocka_unit_test_setup_teardown(test_fec_percentage, setup, teardown),
			cmocka_unit_test_setup_teardown(test_refused_by_the_kernel, setup, teardown),
			cmocka_unit_test_setup_teardown(test_ends_with_frames_on_their_way, setup, teardown),
			cmocka_unit_test_setup_teardown(test_ways_to_send, setup, teardown),
			cmocka_unit_test_setup_teardown(test_dscp, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
