#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "stream/ping.h"

static const struct es_gamestream_start start = {
		.ping = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'},
		.peer = "127.0.0.2"};
static const char good[] = "0123456789abcdef\0\0\0\1";

static struct es_ping make(const char *peer, bool legacy) {
	struct es_gamestream_start changed = start;
	struct es_ping ping;
	changed.legacy_ping = legacy;
	memset(changed.peer, 0, sizeof(changed.peer));
	memcpy(changed.peer, peer, strlen(peer));
	assert_true(ping_init(&ping, &changed));
	return ping;
}

static bool take(struct es_ping *ping, const void *data, size_t size, const char *host, int port) {
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	assert_int_equal(inet_pton(AF_INET, host, &from.sin_addr), 1);
	return ping_take(ping, data, size, (struct sockaddr *)&from, sizeof(from));
}

static void test_the_right_ping_proves_its_address(void **state) {
	struct es_ping ping = make("127.0.0.2", false);
	assert_false(ping.known);
	assert_true(take(&ping, good, 20, "127.0.0.2", 5000));
	assert_true(ping.known);
	assert_int_equal(((struct sockaddr_in *)&ping.address)->sin_port, htons(5000));
	// The next one says nothing new.
	assert_false(take(&ping, good, 20, "127.0.0.2", 5000));
	assert_int_equal(ping.refused, 0);
	// Another port of the same host: its router has changed its mind.
	assert_true(take(&ping, good, 20, "127.0.0.2", 5001));
	assert_int_equal(((struct sockaddr_in *)&ping.address)->sin_port, htons(5001));
}

static void test_everything_else_is_refused(void **state) {
	struct es_ping ping = make("127.0.0.2", false);
	char data[64];
	assert_false(take(&ping, good, 20, "127.0.0.3", 5000));
	for (size_t i = 0; i < 16; i++) {
		memcpy(data, good, 20);
		data[i] ^= 1;
		assert_false(take(&ping, data, 20, "127.0.0.2", 5000));
	}
	memset(data, 0, sizeof(data));
	memcpy(data, good, 20);
	for (size_t size = 0; size <= sizeof(data); size++) {
		if (size != 20) {
			assert_false(take(&ping, data, size, "127.0.0.2", 5000));
		}
	}
	assert_false(take(&ping, "PING", 4, "127.0.0.2", 5000));
	assert_false(ping.known);
	assert_int_equal(ping.refused, 1 + 16 + 64 + 1);
	// Nor does a stranger move what is proved.
	assert_true(take(&ping, good, 20, "127.0.0.2", 5000));
	assert_false(take(&ping, good, 20, "127.0.0.3", 5001));
	assert_int_equal(((struct sockaddr_in *)&ping.address)->sin_port, htons(5000));
}

static void test_the_old_ping_only_where_it_is_allowed(void **state) {
	struct es_ping ping = make("127.0.0.2", true);
	assert_false(take(&ping, "PONG", 4, "127.0.0.2", 5000));
	assert_false(take(&ping, "PING", 4, "127.0.0.3", 5000));
	assert_true(take(&ping, "PING", 4, "127.0.0.2", 5000));
	struct es_ping both = make("127.0.0.2", true);
	assert_true(take(&both, good, 20, "127.0.0.2", 5000));
}

static void test_addresses(void **state) {
	struct es_ping mapped = make("::ffff:127.0.0.2", false);
	assert_true(take(&mapped, good, 20, "127.0.0.2", 5000));
	struct es_ping v6 = make("fe80::1", false);
	assert_false(take(&v6, good, 20, "127.0.0.2", 5000));
	struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_port = htons(5000)};
	assert_int_equal(inet_pton(AF_INET6, "fe80::1", &from.sin6_addr), 1);
	assert_true(ping_take(&v6, good, 20, (struct sockaddr *)&from, sizeof(from)));
	struct es_gamestream_start bad = start;
	memcpy(bad.peer, "deck.local", 11);
	struct es_ping none;
	assert_false(ping_init(&none, &bad));
}

static int bound(const char *host, struct sockaddr_in *address) {
	*address = (struct sockaddr_in){.sin_family = AF_INET};
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(inet_pton(AF_INET, host, &address->sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static void test_a_socket(void **state) {
	struct es_ping ping = make("127.0.0.2", false);
	struct sockaddr_in ours, theirs, strangers;
	int fd = bound("127.0.0.1", &ours);
	int client = bound("127.0.0.2", &theirs);
	int stranger = bound("127.0.0.3", &strangers);
	char large[2000] = {0};
	memcpy(large, good, 20);
	const struct sockaddr *to = (const struct sockaddr *)&ours;
	assert_int_equal(sendto(stranger, good, 20, 0, to, sizeof(ours)), 20);
	assert_int_equal(sendto(client, large, sizeof(large), 0, to, sizeof(ours)), sizeof(large));
	assert_false(ping_read(&ping, fd));
	assert_int_equal(ping.refused, 2);
	assert_int_equal(sendto(client, good, 20, 0, to, sizeof(ours)), 20);
	assert_int_equal(sendto(client, good, 20, 0, to, sizeof(ours)), 20);
	assert_true(ping_read(&ping, fd));
	assert_int_equal(((struct sockaddr_in *)&ping.address)->sin_port, theirs.sin_port);
	assert_false(ping_read(&ping, fd));
	// Nobody was answered.
	assert_int_equal(recv(client, large, sizeof(large), MSG_DONTWAIT), -1);
	assert_int_equal(recv(stranger, large, sizeof(large), MSG_DONTWAIT), -1);
	close(fd);
	close(client);
	close(stranger);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_the_right_ping_proves_its_address),
			cmocka_unit_test(test_everything_else_is_refused),
			cmocka_unit_test(test_the_old_ping_only_where_it_is_allowed),
			cmocka_unit_test(test_addresses),
			cmocka_unit_test(test_a_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
