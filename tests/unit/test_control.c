// The control connection against real ENet clients on loopback, good and bad ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <enet/enet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "protocol/control_msg.h"
#include "stream/control.h"

#define DATA UINT32_C(0xdeadbeef)
#define WAIT_NS (60 * ES_NS_PER_S)
#define N_CHANNELS 48

static const struct es_gamestream_start start = {
		.key = {1, 2, 3},
		.connect_data = DATA,
		.peer = "127.0.0.2",
		.encryption = ES_GAMESTREAM_ENCRYPT_CONTROL,
		.lost_ms = 10000,
};

struct host {
	struct es_control *control;
	uint16_t port;
	unsigned n_connected, n_messages, n_silent, n_left, n_lost;
	struct es_control_msg message; // the last one
};

struct client {
	ENetHost *host;
	ENetPeer *peer;
	struct es_control_crypt crypt;
	bool connected, disconnected;
	struct es_control_msg message;
	unsigned n_messages;
};

static void host_create(struct host *host, const struct es_gamestream_start *with) {
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	char error[256];
	*host = (struct host){0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	host->port = ntohs(address.sin_port);
	host->control = control_create(fd, NULL, with, error, sizeof(error));
	assert_non_null(host->control);
}

static void host_serve(struct host *host) {
	enum es_control_event event;
	while ((event = control_next(host->control)) != ES_CONTROL_EVENT_NONE) {
		host->n_connected += event == ES_CONTROL_EVENT_CONNECTED;
		host->n_messages += event == ES_CONTROL_EVENT_MESSAGE;
		host->n_silent += event == ES_CONTROL_EVENT_SILENT;
		host->n_left += event == ES_CONTROL_EVENT_LEFT;
		host->n_lost += event == ES_CONTROL_EVENT_LOST;
		if (event == ES_CONTROL_EVENT_MESSAGE) {
			host->message = *control_message(host->control);
		}
	}
}

static void client_create(
		struct client *client, const struct host *host, const char *from, uint32_t data) {
	ENetAddress address = {0}, to = {.port = host->port};
	*client = (struct client){0};
	assert_int_equal(enet_address_set_host_ip(&address, from), 0);
	assert_int_equal(enet_address_set_host_ip(&to, "127.0.0.1"), 0);
	client->host = enet_host_create(&address, 1, 0, 0, 0);
	assert_non_null(client->host);
	client->peer = enet_host_connect(client->host, &to, N_CHANNELS, data);
	assert_non_null(client->peer);
	assert_true(control_crypt_init(&client->crypt, start.key, false, false));
	enet_host_flush(client->host);
}

static void client_destroy(struct client *client) {
	enet_host_destroy(client->host);
	control_crypt_finish(&client->crypt);
}

static void client_serve(struct client *client) {
	ENetEvent event;
	while (enet_host_service(client->host, &event, 0) > 0) {
		client->connected |= event.type == ENET_EVENT_TYPE_CONNECT;
		client->disconnected |= event.type == ENET_EVENT_TYPE_DISCONNECT;
		if (event.type == ENET_EVENT_TYPE_RECEIVE) {
			assert_int_equal(control_open(&client->crypt, &client->message, event.packet->data,
									 event.packet->dataLength),
					ES_CONTROL_OPENED);
			client->n_messages++;
			enet_packet_destroy(event.packet);
		}
	}
}

// Lets both do what is due and waits for something to happen; false when nothing will for too long.
static bool step(struct host *host, struct client *client, int64_t begin_ns) {
	struct pollfd pollfds[] = {
			{.fd = control_fd(host->control), .events = POLLIN},
			{.fd = client != NULL ? client->host->socket : -1, .events = POLLIN},
	};
	poll(pollfds, 2, 5);
	host_serve(host);
	if (client != NULL) {
		client_serve(client);
	}
	return clock_now_ns() - begin_ns < WAIT_NS;
}

#define until(host, client, condition) \
	do { \
		int64_t until_begin_ns = clock_now_ns(); \
		while (!(condition)) { \
			assert_true(step(host, client, until_begin_ns)); \
		} \
	} while (0)

static void client_send_bytes(
		struct client *client, uint8_t channel, const void *data, size_t size, uint32_t flags) {
	ENetPacket *packet = enet_packet_create(data, size, flags);
	assert_int_equal(enet_peer_send(client->peer, channel, packet), 0);
	enet_host_flush(client->host);
}

static size_t client_seal(struct client *client, uint8_t *data, size_t cap) {
	size_t size = control_seal(&client->crypt, ES_CONTROL_IDR, "\0\0", 2, data, cap);
	assert_true(size > 0);
	return size;
}

static void client_send(struct client *client) {
	uint8_t data[64];
	size_t size = client_seal(client, data, sizeof(data));
	client_send_bytes(client, 1, data, size, ENET_PACKET_FLAG_RELIABLE);
}

static void connect_client(struct host *host, struct client *client) {
	client_create(client, host, "127.0.0.2", DATA);
	until(host, client, client->connected && host->n_connected == 1);
}

static void check_alive(struct host *host, struct client *client) {
	unsigned before = host->n_messages;
	client_send(client);
	until(host, client, host->n_messages == before + 1);
	assert_int_equal(host->message.type, ES_CONTROL_IDR);
	assert_false(client->disconnected);
}

static void test_messages_both_ways(void **state) {
	struct host host;
	struct client client;
	host_create(&host, &start);
	assert_false(control_send(host.control, ES_CONTROL_RUMBLE, "", 0));
	connect_client(&host, &client);
	assert_int_equal(client.peer->channelCount, N_CHANNELS);
	check_alive(&host, &client);
	uint8_t payload[32];
	size_t size = control_put_rumble(payload, 1, 2, 3);
	assert_true(control_send(host.control, ES_CONTROL_RUMBLE, payload, size));
	until(&host, &client, client.n_messages == 1);
	assert_int_equal(client.message.type, ES_CONTROL_RUMBLE);
	assert_memory_equal(client.message.payload, payload, size);
	assert_int_equal(control_refused(host.control), 0);
	// It sleeps while there is nothing to do.
	until(&host, &client, control_wake_ns(host.control) > clock_now_ns() + 300 * ES_NS_PER_MS);
	enet_peer_disconnect(client.peer, 0);
	until(&host, &client, host.n_left == 1);
	until(&host, &client, client.disconnected);
	assert_true(control_wake_ns(host.control) == INT64_MAX);
	client_destroy(&client);
	control_destroy(host.control);
}

// Nobody gets an answer, or a place that the right client needs.
static void test_strangers_meet_silence(void **state) {
	struct host host;
	struct client wrong[20], stranger, right;
	host_create(&host, &start);
	client_create(&stranger, &host, "127.0.0.3", DATA);
	for (uint32_t i = 0; i < 20; i++) {
		client_create(&wrong[i], &host, "127.0.0.2", i == 0 ? 0 : DATA ^ (1u << i));
	}
	until(&host, &stranger, control_refused(host.control) >= 21);
	connect_client(&host, &right);
	check_alive(&host, &right);
	client_serve(&stranger);
	assert_int_equal(stranger.host->totalReceivedPackets, 0);
	for (int i = 0; i < 20; i++) {
		client_serve(&wrong[i]);
		assert_int_equal(wrong[i].host->totalReceivedPackets, 0);
		client_destroy(&wrong[i]);
	}
	assert_int_equal(host.n_connected, 1);
	client_destroy(&stranger);
	client_destroy(&right);
	control_destroy(host.control);
}

static void test_garbage_before_the_connection(void **state) {
	struct host host;
	struct client client;
	host_create(&host, &start);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(host.port)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &to.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &from.sin_addr), 1);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	uint8_t data[64];
	for (int i = 0; i < 600; i++) {
		for (size_t k = 0; k < sizeof(data); k++) {
			data[k] = (uint8_t)((size_t)i * 31 + k * 17);
		}
		if (i % 2 == 0) {
			data[0] = data[1] = 0xff;
		}
		ssize_t size = i % (int)sizeof(data);
		assert_int_equal(
				sendto(fd, data, (size_t)size, 0, (struct sockaddr *)&to, sizeof(to)), size);
		host_serve(&host);
	}
	assert_true(control_refused(host.control) >= 300);
	assert_int_equal(recv(fd, data, sizeof(data), MSG_DONTWAIT), -1);
	connect_client(&host, &client);
	check_alive(&host, &client);
	close(fd);
	client_destroy(&client);
	control_destroy(host.control);
}

static void test_a_second_connection_is_refused(void **state) {
	struct host host;
	struct client first, second;
	host_create(&host, &start);
	connect_client(&host, &first);
	client_create(&second, &host, "127.0.0.2", DATA);
	until(&host, &second, second.disconnected);
	assert_int_equal(host.n_connected, 1);
	check_alive(&host, &first);
	client_destroy(&first);
	client_destroy(&second);
	control_destroy(host.control);
}

static void test_forged_messages_are_dropped(void **state) {
	struct host host;
	struct client client;
	uint8_t data[64], changed[64];
	host_create(&host, &start);
	connect_client(&host, &client);
	size_t size = client_seal(&client, data, sizeof(data));
	unsigned n = 0;
	for (size_t bit = 0; bit < size * 8; bit++) {
		memcpy(changed, data, size);
		changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		client_send_bytes(&client, 1, changed, size, ENET_PACKET_FLAG_RELIABLE);
		n++;
	}
	for (size_t cut = 0; cut < size; cut++) {
		client_send_bytes(&client, 1, data, cut, ENET_PACKET_FLAG_RELIABLE);
		n++;
	}
	until(&host, &client, control_refused(host.control) == n);
	assert_int_equal(host.n_messages, 0);
	// The original is still good, once.
	client_send_bytes(&client, 1, data, size, ENET_PACKET_FLAG_RELIABLE);
	until(&host, &client, host.n_messages == 1);
	client_send_bytes(&client, 1, data, size, ENET_PACKET_FLAG_RELIABLE);
	client_send_bytes(&client, 2, data, size, 0);
	until(&host, &client, control_refused(host.control) == n + 2);
	assert_int_equal(host.n_messages, 1);
	check_alive(&host, &client);
	client_destroy(&client);
	control_destroy(host.control);
}

static size_t allocated(void) {
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

// What is announced is not allocated.
static void test_a_message_of_32_mib(void **state) {
	struct host host;
	struct client client;
	uint8_t data[64];
	host_create(&host, &start);
	connect_client(&host, &client);
	ENetPacket *packet = enet_packet_create(NULL, 32 << 20, ENET_PACKET_FLAG_RELIABLE);
	assert_non_null(packet);
	assert_int_equal(enet_peer_send(client.peer, 0, packet), 0);
	size_t before = allocated();
	for (int i = 0; i < 20; i++) {
		enet_host_flush(client.host);
		host_serve(&host);
	}
	assert_true(allocated() < before + (64 << 10));
	// Its own reliable messages wait behind it, others get through.
	size_t size = client_seal(&client, data, sizeof(data));
	client_send_bytes(&client, 1, data, size, 0);
	until(&host, &client, host.n_messages == 1);
	client_destroy(&client);
	control_destroy(host.control);
}

static void test_a_client_that_never_comes(void **state) {
	struct host host;
	struct es_gamestream_start soon = start;
	soon.lost_ms = 200;
	host_create(&host, &soon);
	int64_t begin_ns = clock_now_ns();
	assert_true(control_wake_ns(host.control) <= begin_ns + 200 * ES_NS_PER_MS);
	until(&host, NULL, host.n_lost == 1);
	assert_true(clock_now_ns() - begin_ns >= 190 * ES_NS_PER_MS);
	assert_int_equal(host.n_silent, 0);
	control_destroy(host.control);
}

static void test_a_client_that_vanishes(void **state) {
	struct host host;
	struct client client;
	struct es_gamestream_start soon = start;
	soon.lost_ms = 1300;
	host_create(&host, &soon);
	connect_client(&host, &client);
	check_alive(&host, &client);
	int64_t begin_ns = clock_now_ns();
	until(&host, NULL, host.n_silent == 1);
	assert_true(clock_now_ns() - begin_ns >= 200 * ES_NS_PER_MS);
	assert_int_equal(host.n_lost, 0);
	until(&host, NULL, host.n_lost == 1);
	assert_true(clock_now_ns() - begin_ns >= 1100 * ES_NS_PER_MS);
	assert_int_equal(host.n_silent, 1);
	assert_int_equal(host.n_left, 0);
	client_destroy(&client);
	control_destroy(host.control);
}

// One that is quiet for a while and comes back stays.
static void test_a_client_that_comes_back(void **state) {
	struct host host;
	struct client client;
	struct es_gamestream_start soon = start;
	soon.lost_ms = 1300;
	host_create(&host, &soon);
	connect_client(&host, &client);
	for (unsigned i = 1; i <= 3; i++) {
		until(&host, NULL, host.n_silent == i);
		check_alive(&host, &client);
	}
	assert_int_equal(host.n_lost, 0);
	client_destroy(&client);
	control_destroy(host.control);
}

static void test_termination_is_heard(void **state) {
	struct host host;
	struct client client;
	host_create(&host, &start);
	connect_client(&host, &client);
	control_terminate(host.control, ES_TERMINATE_PROTECTED);
	assert_false(control_terminated(host.control));
	until(&host, &client, control_terminated(host.control));
	until(&host, &client, client.disconnected);
	assert_int_equal(client.n_messages, 1);
	assert_int_equal(client.message.type, ES_CONTROL_TERMINATION);
	assert_memory_equal(client.message.payload, "\x80\x0e\x93\x02", 4);
	client_destroy(&client);
	control_destroy(host.control);
}

static void test_termination_of_the_deaf_and_the_absent(void **state) {
	struct host host;
	struct client client;
	host_create(&host, &start);
	control_terminate(host.control, ES_TERMINATE_GRACEFUL);
	assert_true(control_terminated(host.control));
	control_destroy(host.control);
	host_create(&host, &start);
	connect_client(&host, &client);
	int64_t begin_ns = clock_now_ns();
	control_terminate(host.control, ES_TERMINATE_GRACEFUL);
	until(&host, NULL, control_terminated(host.control));
	assert_true(clock_now_ns() - begin_ns < 5 * ES_NS_PER_S); // ENet's own patience is longer
	client_destroy(&client);
	control_destroy(host.control);
}

static void test_a_client_without_connect_data(void **state) {
	struct host host;
	struct client client;
	struct es_gamestream_start legacy = start;
	legacy.legacy_ping = true;
	host_create(&host, &legacy);
	client_create(&client, &host, "127.0.0.2", 0);
	until(&host, &client, client.connected && host.n_connected == 1);
	check_alive(&host, &client);
	client_destroy(&client);
	control_destroy(host.control);
}

static void test_addresses_that_enet_does_not_speak(void **state) {
	struct es_gamestream_start v6 = start;
	char error[256];
	memcpy(v6.peer, "fe80::1", 8);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_null(control_create(fd, control_host_create(), &v6, error, sizeof(error)));
	assert_non_null(strstr(error, "fe80::1"));
	assert_non_null(strstr(error, "IPv4"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_messages_both_ways),
			cmocka_unit_test(test_strangers_meet_silence),
			cmocka_unit_test(test_garbage_before_the_connection),
			cmocka_unit_test(test_a_second_connection_is_refused),
			cmocka_unit_test(test_forged_messages_are_dropped),
			cmocka_unit_test(test_a_message_of_32_mib),
			cmocka_unit_test(test_a_client_that_never_comes),
			cmocka_unit_test(test_a_client_that_vanishes),
			cmocka_unit_test(test_a_client_that_comes_back),
			cmocka_unit_test(test_termination_is_heard),
			cmocka_unit_test(test_termination_of_the_deaf_and_the_absent),
			cmocka_unit_test(test_a_client_without_connect_data),
			cmocka_unit_test(test_addresses_that_enet_does_not_speak),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
