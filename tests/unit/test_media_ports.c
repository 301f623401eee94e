#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "host/media_ports.h"
#include "tests/unit/count_fds.h"

static const char address[] = "127.0.0.1";

// A base port for which the first session's ports are free now.
static uint16_t find_base(void) {
	for (uint16_t base = 20000; base < 30000; base += 100) {
		struct es_media_ports ports;
		char error[256];
		bool opened = media_ports_open(&ports, address, base, error, sizeof(error));
		bool first = opened && ports.ports[ES_MEDIA_VIDEO] == base + 9;
		media_ports_close(&ports);
		if (first) {
			return base;
		}
	}
	fail_msg("no free ports at all");
	return 0;
}

static void test_kernel_chooses(void **state) {
	struct es_media_ports ports;
	char error[256];
	size_t n_fds = count_fds();
	assert_true(media_ports_open(&ports, address, 0, error, sizeof(error)));
	for (size_t i = 0; i < ES_MEDIA_COUNT; i++) {
		struct sockaddr_in bound;
		socklen_t size = sizeof(bound);
		assert_true(ports.fds[i] >= 0);
		assert_int_equal(getsockname(ports.fds[i], (struct sockaddr *)&bound, &size), 0);
		assert_int_equal(ntohs(bound.sin_port), ports.ports[i]);
		assert_int_equal(bound.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	}
	assert_int_equal(count_fds(), n_fds + 3);
	media_ports_close(&ports);
	media_ports_close(&ports);
	assert_int_equal(count_fds(), n_fds);
}

static void test_ports_of_sessions(void **state) {
	uint16_t base = find_base();
	struct es_media_ports first, second, third;
	char error[256];
	assert_true(media_ports_open(&first, address, base, error, sizeof(error)));
	assert_int_equal(first.ports[ES_MEDIA_VIDEO], base + 9);
	assert_int_equal(first.ports[ES_MEDIA_CONTROL], base + 10);
	assert_int_equal(first.ports[ES_MEDIA_AUDIO], base + 11);
	assert_true(media_ports_open(&second, address, base, error, sizeof(error)));
	assert_true(second.ports[ES_MEDIA_VIDEO] >= base + 29);
	assert_int_equal((second.ports[ES_MEDIA_VIDEO] - base - 9) % 20, 0);
	media_ports_close(&first);
	assert_true(media_ports_open(&third, address, base, error, sizeof(error))); // free again
	assert_int_equal(third.ports[ES_MEDIA_VIDEO], base + 9);
	media_ports_close(&second);
	media_ports_close(&third);
}

// One of the three is taken: all three are skipped, and none is held.
static void test_one_in_use(void **state) {
	uint16_t base = find_base();
	struct sockaddr_in taken = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)(base + 11)),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	size_t n_fds = count_fds();
	struct es_media_ports blocker = {.fds = {socket(AF_INET, SOCK_DGRAM, 0), -1, -1}}, ports;
	char error[256];
	assert_int_equal(bind(blocker.fds[0], (struct sockaddr *)&taken, sizeof(taken)), 0);
	assert_true(media_ports_open(&ports, address, base, error, sizeof(error)));
	assert_true(ports.ports[ES_MEDIA_VIDEO] > base + 11);
	assert_int_equal(count_fds(), n_fds + 4);
	media_ports_close(&ports);
	media_ports_close(&blocker);
	assert_int_equal(count_fds(), n_fds);
}

static void test_errors(void **state) {
	struct es_media_ports ports;
	char error[256];
	size_t n_fds = count_fds();
	assert_false(media_ports_open(&ports, "localhost", 0, error, sizeof(error)));
	assert_non_null(strstr(error, "localhost"));
	assert_false(media_ports_open(&ports, "192.0.2.1", 20000, error, sizeof(error)));
	assert_non_null(strstr(error, "192.0.2.1"));
	assert_false(media_ports_open(&ports, address, 65530, error, sizeof(error))); // past the end
	assert_int_equal(count_fds(), n_fds);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_kernel_chooses),
			cmocka_unit_test(test_ports_of_sessions),
			cmocka_unit_test(test_one_in_use),
			cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
