#define _GNU_SOURCE // F_DUPFD_CLOEXEC
#include "base/link.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "tests/unit/count_fds.h"

struct fixture {
	int ends[2];
	size_t n_fds_before;
	struct es_link_packet packet;
};

static int setup(void **state) {
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (fixture == NULL) {
		return -1;
	}
	fixture->n_fds_before = count_fds();
	*state = fixture;
	return link_pair(fixture->ends) ? 0 : -1;
}

// Nothing may be left open, whatever the test did.
static int teardown(void **state) {
	struct fixture *fixture = *state;
	fd_close(&fixture->ends[0]);
	fd_close(&fixture->ends[1]);
	bool leaked = count_fds() != fixture->n_fds_before;
	free(fixture);
	return leaked ? -1 : 0;
}

static void test_pair(void **state) {
	struct fixture *fixture = *state;
	for (size_t i = 0; i < 2; i++) {
		assert_true(fcntl(fixture->ends[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fixture->ends[i], F_GETFL) & O_NONBLOCK);
	}
}

static void test_messages_stay_whole(void **state) {
	struct fixture *fixture = *state;
	assert_int_equal(ES_LINK_AGAIN, link_recv(fixture->ends[1], &fixture->packet));
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[0], "one", 3, NULL, 0));
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[0], "three", 5, NULL, 0));
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[1], "back", 4, NULL, 0));
	assert_int_equal(ES_LINK_OK, link_recv(fixture->ends[1], &fixture->packet));
	assert_int_equal(3, fixture->packet.size);
	assert_memory_equal("one", fixture->packet.data, 3);
	assert_int_equal(ES_LINK_OK, link_recv(fixture->ends[1], &fixture->packet));
	assert_int_equal(5, fixture->packet.size);
	assert_int_equal(0, fixture->packet.n_fds);
	assert_int_equal(-1, link_packet_take_fd(&fixture->packet, 0));
	assert_int_equal(ES_LINK_OK, link_recv(fixture->ends[0], &fixture->packet));
	assert_memory_equal("back", fixture->packet.data, 4);
}

static bool same_file(int a, int b) {
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void test_fds_travel(void **state) {
	struct fixture *fixture = *state;
	int sent[ES_LINK_MAX_FDS];
	for (size_t i = 0; i < ES_LINK_MAX_FDS; i++) {
		sent[i] = fd_create_sealed_memfd("test", 10 + i);
		assert_true(sent[i] >= 0);
	}
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[0], "x", 1, sent, ES_LINK_MAX_FDS));
	assert_int_equal(ES_LINK_OK, link_recv(fixture->ends[1], &fixture->packet));
	assert_int_equal(ES_LINK_MAX_FDS, fixture->packet.n_fds);
	for (size_t i = 0; i < ES_LINK_MAX_FDS; i++) {
		assert_true(same_file(sent[i], fixture->packet.fds[i]));
		assert_true(fcntl(fixture->packet.fds[i], F_GETFD) & FD_CLOEXEC);
	}
	int taken = link_packet_take_fd(&fixture->packet, 2);
	assert_true(same_file(sent[2], taken));
	assert_int_equal(-1, link_packet_take_fd(&fixture->packet, 2));
	assert_int_equal(-1, link_packet_take_fd(&fixture->packet, ES_LINK_MAX_FDS));
	link_packet_finish(&fixture->packet);
	assert_true(fcntl(taken, F_GETFD) >= 0); // ours, not the packet's
	link_packet_finish(&fixture->packet); // again: nothing
	fd_close(&taken);
	for (size_t i = 0; i < ES_LINK_MAX_FDS; i++) {
		fd_close(&sent[i]);
	}
}

static void test_limits_when_sending(void **state) {
	struct fixture *fixture = *state;
	uint8_t *data = calloc(1, ES_LINK_MAX_SIZE + 1);
	assert_non_null(data);
	int fds[ES_LINK_MAX_FDS + 1] = {0};
	assert_int_equal(ES_LINK_BROKEN, link_send(fixture->ends[0], data, 0, NULL, 0));
	assert_int_equal(
			ES_LINK_BROKEN, link_send(fixture->ends[0], data, ES_LINK_MAX_SIZE + 1, NULL, 0));
	assert_int_equal(
			ES_LINK_BROKEN, link_send(fixture->ends[0], data, 1, fds, ES_LINK_MAX_FDS + 1));
	int bad = -1;
	assert_int_equal(ES_LINK_BROKEN, link_send(fixture->ends[0], data, 1, &bad, 1));
	assert_int_equal(ES_LINK_AGAIN, link_recv(fixture->ends[1], &fixture->packet));
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[0], data, ES_LINK_MAX_SIZE, NULL, 0));
	assert_int_equal(ES_LINK_OK, link_recv(fixture->ends[1], &fixture->packet));
	assert_int_equal(ES_LINK_MAX_SIZE, fixture->packet.size);
	free(data);
}

// What a peer sends that does not keep to the limits.
static void send_raw(int end, size_t size, size_t n_fds) {
	static uint8_t data[2 * ES_LINK_MAX_SIZE];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	if (n_fds > 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *item = CMSG_FIRSTHDR(&header);
		*item = (struct cmsghdr){
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
		};
		for (size_t i = 0; i < n_fds; i++) {
			int fd = STDERR_FILENO;
			memcpy(CMSG_DATA(item) + i * sizeof(int), &fd, sizeof(fd));
		}
	}
	assert_int_equal(size, sendmsg(end, &header, 0));
}

static void test_limits_when_receiving(void **state) {
	struct fixture *fixture = *state;
	size_t n_fds = count_fds();
	static const struct {
		size_t size, n_fds;
		enum es_link_result result;
	} cases[] = {
			{ES_LINK_MAX_SIZE + 1, 0, ES_LINK_BROKEN},
			{2 * ES_LINK_MAX_SIZE, 0, ES_LINK_BROKEN},
			{ES_LINK_MAX_SIZE + 1, 3, ES_LINK_BROKEN},
			{1, ES_LINK_MAX_FDS + 1, ES_LINK_BROKEN},
			{1, 64, ES_LINK_BROKEN},
			{0, 2, ES_LINK_CLOSED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		send_raw(fixture->ends[0], cases[i].size, cases[i].n_fds);
		assert_int_equal(cases[i].result, link_recv(fixture->ends[1], &fixture->packet));
		assert_int_equal(0, fixture->packet.n_fds);
		assert_int_equal(0, fixture->packet.size);
		assert_int_equal(-1, link_packet_take_fd(&fixture->packet, 0));
		assert_int_equal(n_fds, count_fds());
	}
}

// The process has no fd to spare: the message is lost, nothing else.
static void test_no_fds_left(void **state) {
	struct fixture *fixture = *state;
	int sent[2] = {STDERR_FILENO, STDERR_FILENO};
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[0], "x", 1, sent, 2));
	size_t n_fds = count_fds();
	struct rlimit before;
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
	int first_free = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	assert_true(first_free >= 0);
	close(first_free);
	struct rlimit none = {.rlim_cur = (rlim_t)first_free + 1, .rlim_max = before.rlim_max};
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &none));
	enum es_link_result result = link_recv(fixture->ends[1], &fixture->packet);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
	assert_int_equal(ES_LINK_BROKEN, result);
	assert_int_equal(0, fixture->packet.n_fds);
	assert_int_equal(n_fds, count_fds());
}

static void test_closed(void **state) {
	struct fixture *fixture = *state;
	signal(SIGPIPE, SIG_DFL); // must not come
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[0], "last", 4, NULL, 0));
	fd_close(&fixture->ends[0]);
	assert_int_equal(ES_LINK_CLOSED, link_send(fixture->ends[1], "x", 1, NULL, 0));
	assert_int_equal(ES_LINK_OK, link_recv(fixture->ends[1], &fixture->packet));
	assert_memory_equal("last", fixture->packet.data, 4);
	assert_int_equal(ES_LINK_CLOSED, link_recv(fixture->ends[1], &fixture->packet));
	assert_int_equal(ES_LINK_CLOSED, link_recv(fixture->ends[1], &fixture->packet));
}

// The peer went without reading: its fds in flight are closed by the kernel.
static void test_closed_unread(void **state) {
	struct fixture *fixture = *state;
	int memory = fd_create_sealed_memfd("test", 1);
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[1], "x", 1, &memory, 1));
	fd_close(&memory);
	fd_close(&fixture->ends[0]);
	assert_int_equal(ES_LINK_CLOSED, link_recv(fixture->ends[1], &fixture->packet));
}

static void test_full(void **state) {
	struct fixture *fixture = *state;
	static const uint8_t data[4096];
	size_t sent = 0;
	enum es_link_result result;
	while ((result = link_send(fixture->ends[0], data, sizeof(data), NULL, 0)) == ES_LINK_OK) {
		assert_true(++sent < 100000);
	}
	assert_int_equal(ES_LINK_AGAIN, result);
	assert_true(sent > 0);
	size_t received = 0;
	while ((result = link_recv(fixture->ends[1], &fixture->packet)) == ES_LINK_OK) {
		assert_int_equal(sizeof(data), fixture->packet.size);
		received++;
	}
	assert_int_equal(ES_LINK_AGAIN, result);
	assert_int_equal(sent, received);
	assert_int_equal(ES_LINK_OK, link_send(fixture->ends[0], data, sizeof(data), NULL, 0));
}

static void test_not_a_socket(void **state) {
	struct fixture *fixture = *state;
	int memory = fd_create_sealed_memfd("test", 1);
	assert_int_equal(ES_LINK_BROKEN, link_recv(memory, &fixture->packet));
	assert_int_equal(ES_LINK_BROKEN, link_send(memory, "x", 1, NULL, 0));
	assert_int_equal(ES_LINK_BROKEN, link_recv(-1, &fixture->packet));
	fd_close(&memory);
}

#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
			LINK_TEST(test_pair),
			LINK_TEST(test_messages_stay_whole),
			LINK_TEST(test_fds_travel),
			LINK_TEST(test_limits_when_sending),
			LINK_TEST(test_limits_when_receiving),
			LINK_TEST(test_no_fds_left),
			LINK_TEST(test_closed),
			LINK_TEST(test_closed_unread),
			LINK_TEST(test_full),
			LINK_TEST(test_not_a_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
