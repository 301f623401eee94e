// A GameStream session from end to end on loopback: the streamer is a process, the test is its host, its
// encoders, its display and its client.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <enet/enet.h>
#include <linux/input-event-codes.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "protocol/control_msg.h"
#include "protocol/device_msg.h"
#include "protocol/input_msg.h"
#include "tests/tools/video_frame.h"
#include "tests/unit/streamer_peers.h"

#define DATA UINT32_C(0x1234567)
#define PACKET_SIZE 1024
#define DATAGRAM_SIZE (PACKET_SIZE + 16)
#define MAX_DATAGRAMS 200
#define CLIENT "127.0.0.2"

static const struct es_gamestream_start start = {
		.key = {1, 2, 3, 4},
		.ping = {'a', ' ', 'p', 'i', 'n', 'g', '\'', 's', ' ', 'p', 'a', 'y', 'l', 'o', 'a', 'd'},
		.connect_data = DATA,
		.peer = CLIENT,
		.encryption = ES_GAMESTREAM_ENCRYPT_CONTROL,
		.packet_size = PACKET_SIZE,
		.fec_percent = 20,
		.min_parity = 2,
		.refresh_mhz = 60000,
		.bitrate_kbps = 10000,
		.lost_ms = 10000,
};

struct session {
	struct host host;
	struct encoder encoder;
	int display;
	struct sockaddr_in video, audio, control; // the streamer's
	struct es_link_packet packet;
	unsigned n_idr_asked; // beside those that a test expects

	// the client
	ENetHost *enet;
	ENetPeer *peer;
	bool connected, disconnected;
	struct es_control_crypt crypt;
	struct es_control_msg message;
	unsigned n_messages;
	int video_fd;
	struct video_frame_decoder *decoder;
	struct video_frame frame;
	uint8_t datagrams[MAX_DATAGRAMS][DATAGRAM_SIZE];
	uint8_t sent[SLOT_SIZE];
};

static int bound(const char *host, struct sockaddr_in *address) {
	*address = (struct sockaddr_in){.sin_family = AF_INET};
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(inet_pton(AF_INET, host, &address->sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static void send_start(struct session *session, const struct es_gamestream_start *with) {
	struct es_session_msg message = {
			.type = ES_SESSION_START_GAMESTREAM, .start_gamestream = *with};
	uint8_t data[ES_SESSION_MSG_MAX];
	int fds[] = {bound("127.0.0.1", &session->video), bound("127.0.0.1", &session->audio),
			bound("127.0.0.1", &session->control)};
	size_t size = session_msg_encode(&message, data, sizeof(data));
	assert_true(size > 0);
	assert_int_equal(link_send(session->host.fd, data, size, fds, 3), ES_LINK_OK);
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
	host_expect(&session->host, ES_SESSION_READY);
}

static void attach_display(struct session *session) {
	int ends[2];
	assert_true(link_pair(ends));
	host_send(&session->host,
			&(struct es_session_msg){
					.type = ES_SESSION_ATTACH, .attach = {.kind = ES_ATTACH_DEVICE, .viewer = 1}},
			ends[1]);
	close(ends[1]);
	session->display = ends[0];
}

static struct session *session_create(const struct es_gamestream_start *with) {
	struct session *session = calloc(1, sizeof(*session));
	struct sockaddr_in address;
	assert_non_null(session);
	host_create(&session->host);
	send_start(session, with);
	attach_display(session);
	encoder_start(&session->encoder, &session->host);
	session->video_fd = bound(CLIENT, &address);
	session->decoder = video_frame_decoder_create(PACKET_SIZE);
	assert_non_null(session->decoder);
	assert_true(control_crypt_init(&session->crypt, start.key, false, false));
	return session;
}

static int session_finish(struct session *session) {
	if (session->enet != NULL) {
		enet_host_destroy(session->enet);
	}
	control_crypt_finish(&session->crypt);
	video_frame_decoder_destroy(session->decoder);
	encoder_finish(&session->encoder);
	fd_close(&session->display);
	fd_close(&session->video_fd);
	int status = host_finish(&session->host);
	free(session);
	return status;
}

// --- the client

static void client_serve(struct session *session) {
	ENetEvent event;
	while (enet_host_service(session->enet, &event, 0) > 0) {
		session->connected |= event.type == ENET_EVENT_TYPE_CONNECT;
		session->disconnected |= event.type == ENET_EVENT_TYPE_DISCONNECT;
		if (event.type == ENET_EVENT_TYPE_RECEIVE) {
			assert_int_equal(control_open(&session->crypt, &session->message, event.packet->data,
									 event.packet->dataLength),
					ES_CONTROL_OPENED);
			session->n_messages++;
			enet_packet_destroy(event.packet);
		}
	}
}

#define until(session, condition) \
	do { \
		int64_t until_begin_ns = clock_now_ns(); \
		while (!(condition)) { \
			struct pollfd pollfd = {.fd = (session)->enet->socket, .events = POLLIN}; \
			poll(&pollfd, 1, 5); \
			client_serve(session); \
			assert_true(clock_now_ns() - until_begin_ns < WAIT_MS * ES_NS_PER_MS); \
		} \
	} while (0)

static void client_connect(struct session *session) {
	ENetAddress address = {0}, to = {.port = ntohs(session->control.sin_port)};
	assert_int_equal(enet_address_set_host_ip(&address, CLIENT), 0);
	assert_int_equal(enet_address_set_host_ip(&to, "127.0.0.1"), 0);
	session->enet = enet_host_create(&address, 1, 0, 0, 0);
	assert_non_null(session->enet);
	session->peer = enet_host_connect(session->enet, &to, 48, DATA);
	until(session, session->connected);
	assert_int_equal(
			host_expect(&session->host, ES_SESSION_CLIENT)->client.phase, ES_CLIENT_CONNECTED);
}

static void client_send(
		struct session *session, enum es_control_type type, const void *payload, size_t size) {
	uint8_t data[256];
	size_t sealed =
			control_seal(&session->crypt, (uint16_t)type, payload, size, data, sizeof(data));
	assert_true(sealed > 0);
	ENetPacket *packet = enet_packet_create(data, sealed, ENET_PACKET_FLAG_RELIABLE);
	assert_int_equal(enet_peer_send(session->peer, 1, packet), 0);
	enet_host_flush(session->enet);
}

static void client_input(struct session *session, const struct es_input *input) {
	uint8_t data[ES_INPUT_MAX_SIZE];
	client_send(session, ES_CONTROL_INPUT, data, input_put(data, input, 1280, 720));
}

static void client_ping_from(struct session *session, int fd, const char *payload) {
	uint8_t data[20] = {0};
	memcpy(data, payload, 16);
	assert_int_equal(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&session->video,
							 sizeof(session->video)),
			sizeof(data));
}

static void client_ping(struct session *session) {
	client_ping_from(session, session->video_fd, (const char *)start.ping);
}

// On a slow machine an IDR that has not come for 250 ms is asked for again.
static void expect_done(struct session *session) {
	struct es_unit_msg message = {.type = ES_UNIT_IDR};
	struct encoder *encoder = &session->encoder;
	while (message.type == ES_UNIT_IDR) {
		assert_true(wait_readable(encoder->fd));
		assert_int_equal(link_recv(encoder->fd, &encoder->packet), ES_LINK_OK);
		assert_true(unit_msg_decode(
				&message, encoder->packet.data, encoder->packet.size, encoder->packet.n_fds));
		session->n_idr_asked += message.type == ES_UNIT_IDR;
	}
	assert_int_equal(message.type, ES_UNIT_DONE);
}

// One unit from the encoder, as the client sees it.
static void play_unit(struct session *session, uint32_t size, bool idr, bool recovery,
		uint32_t frame, uint8_t type) {
	struct es_unit_msg message = make_unit(&session->encoder, size, idr);
	message.unit.recovery = recovery;
	for (uint32_t i = 0; i < size; i++) {
		session->sent[i] = (uint8_t)(i * i / 7 + i + message.unit.sequence);
	}
	memcpy(session->encoder.ring + message.unit.slot * SLOT_SIZE, session->sent, size);
	encoder_send(&session->encoder, &message, -1);
	const uint8_t *at[MAX_DATAGRAMS];
	size_t n = 0;
	enum video_frame_result result = VIDEO_FRAME_LOST;
	while (result == VIDEO_FRAME_LOST ||
			n < session->frame.n_data[0] + session->frame.n_parity[0]) {
		assert_true(wait_readable(session->video_fd));
		assert_true(n < MAX_DATAGRAMS);
		assert_int_equal(
				recv(session->video_fd, session->datagrams[n], DATAGRAM_SIZE, 0), DATAGRAM_SIZE);
		at[n] = session->datagrams[n];
		n++;
		result = video_frame_decode(session->decoder, at, n, &session->frame);
		assert_int_not_equal(result, VIDEO_FRAME_WRONG);
	}
	assert_int_equal(session->frame.frame, frame);
	assert_int_equal(session->frame.type, type);
	assert_true(session->frame.size >= size);
	assert_memory_equal(session->frame.unit, session->sent, size);
	expect_done(session);
}

static void expect_silence(int fd) {
	uint8_t data[DATAGRAM_SIZE];
	assert_int_equal(recv(fd, data, sizeof(data), MSG_DONTWAIT), -1);
}

// What the streamer has been sent before is done when it answers.
static const struct es_stream_stats *get_stats(struct session *session) {
	host_send(&session->host, &(struct es_session_msg){.type = ES_SESSION_STATS}, -1);
	host_expect(&session->host, ES_SESSION_STREAM_STATS);
	return &session->host.stats;
}

// Up to the first picture.
static struct session *session_play(const struct es_gamestream_start *with) {
	struct session *session = session_create(with);
	// The encoder has begun before there was anybody to see it.
	encoder_unit(&session->encoder, 2000, true);
	encoder_expect(&session->encoder, ES_UNIT_DONE);
	client_connect(session);
	client_ping(session);
	encoder_expect(&session->encoder, ES_UNIT_IDR);
	play_unit(session, 3000, true, false, 1, 2);
	assert_int_equal(
			host_expect(&session->host, ES_SESSION_CLIENT)->client.phase, ES_CLIENT_PLAYING);
	// "Start A", late: asks for what has just been sent. No test expects the encoder to hear of it.
	client_send(session, ES_CONTROL_IDR, "\0\0", 2);
	return session;
}

static struct es_device_msg display_expect(struct session *session, enum es_device_msg_type type) {
	struct es_device_msg msg;
	assert_true(wait_readable(session->display));
	assert_int_equal(link_recv(session->display, &session->packet), ES_LINK_OK);
	assert_true(device_msg_decode(
			&msg, session->packet.data, session->packet.size, session->packet.n_fds));
	assert_int_equal(msg.type, type);
	return msg;
}

static void test_nothing_is_sent_before_the_address_is_proved(void **state) {
	struct session *session = session_create(&start);
	struct sockaddr_in address;
	int stranger = bound("127.0.0.3", &address);
	// Units of before are of no use to anybody.
	encoder_unit(&session->encoder, 2000, true);
	encoder_expect(&session->encoder, ES_UNIT_DONE);
	client_ping_from(session, stranger, (const char *)start.ping);
	client_ping_from(session, session->video_fd, "another payload.");
	client_ping(session); // right, but there is no control connection yet
	encoder_unit(&session->encoder, 2000, false);
	encoder_expect(&session->encoder, ES_UNIT_DONE);
	const struct es_stream_stats *stats = get_stats(session);
	assert_int_equal(stats->net.datagrams, 0);
	assert_int_equal(stats->net.refused, 2);
	assert_int_equal(stats->dropped, 0);
	client_connect(session);
	encoder_expect(&session->encoder, ES_UNIT_IDR);
	play_unit(session, 3000, true, false, 1, 2);
	expect_silence(stranger);
	close(stranger);
	assert_int_equal(session_finish(session), 0);
}

static void test_frames_arrive_as_they_were_encoded(void **state) {
	struct session *session = session_play(&start);
	for (uint32_t i = 2; i <= 40; i++) {
		play_unit(session, 100 + i * 997, false, false, i, 1);
	}
	// The client may have seen the last one before the streamer hears that it is out.
	until(session, get_stats(session)->units_new == 40);
	const struct es_stream_stats *stats = &session->host.stats;
	assert_int_equal(stats->dropped, 0);
	assert_true(stats->net.datagrams > stats->net.parity && stats->net.parity > 0);
	assert_int_equal(stats->net.fec_percent, 20);
	assert_int_equal(stats->net.bitrate_kbps, 10000);
	assert_true(stats->session[ES_STAGE_PACKETIZE].sum_ns > 0);
	assert_true(stats->session[ES_STAGE_SEND].sum_ns > 0);
	assert_int_equal(session_finish(session), 0);
}

static void test_the_client_moves_to_another_port(void **state) {
	struct session *session = session_play(&start);
	struct sockaddr_in address;
	int before = session->video_fd;
	session->video_fd = bound(CLIENT, &address);
	client_ping(session);
	get_stats(session);
	// The session link was read before the video socket; the round after has read both.
	get_stats(session);
	play_unit(session, 3000, false, false, 2, 1);
	expect_silence(before);
	close(before);
	assert_int_equal(session_finish(session), 0);
}

static void test_losses_are_made_good(void **state) {
	struct session *session = session_play(&start);
	uint8_t payload[32];
	for (uint32_t i = 2; i <= 10; i++) {
		play_unit(session, 2000, false, false, i, 1);
	}
	// Frame n is unit n + 1 here. The same range, growing, is one question.
	client_send(session, ES_CONTROL_INVALIDATE, payload, control_put_invalidate(payload, 8, 9));
	client_send(session, ES_CONTROL_INVALIDATE, payload, control_put_invalidate(payload, 8, 10));
	struct es_unit_msg asked = encoder_expect(&session->encoder, ES_UNIT_INVALIDATE);
	assert_int_equal(asked.invalidate.first, 9);
	assert_true(asked.invalidate.last >= 10 && asked.invalidate.last <= 11);
	play_unit(session, 2000, false, true, 11, 5);
	// So are a hundred requests for an IDR. (The first one of all is 250 ms ago or not.)
	int64_t begin_ns = clock_now_ns();
	for (int i = 0; i < 100; i++) {
		client_send(session, ES_CONTROL_IDR, "\0\0", 2);
	}
	until(session, get_stats(session)->net.idr_asked == 100);
	assert_int_equal(session->host.stats.net.invalidations_asked, 2);
	encoder_expect(&session->encoder, ES_UNIT_IDR);
	play_unit(session, 2000, true, false, 12, 2);
	play_unit(session, 2000, false, false, 13, 1);
	int64_t most = (clock_now_ns() - begin_ns) / (250 * ES_NS_PER_MS);
	assert_true(session->n_idr_asked <= most);
	// Nonsense is counted and does no harm.
	client_send(session, ES_CONTROL_INVALIDATE, payload, control_put_invalidate(payload, 900, 901));
	client_send(session, ES_CONTROL_INVALIDATE, "x", 1);
	client_send(session, ES_CONTROL_FEC_STATUS, "x", 1);
	client_send(session, ES_CONTROL_INPUT, "x", 1);
	client_send(session, 0x7777, "x", 1);
	until(session, get_stats(session)->net.refused == 4);
	play_unit(session, 2000, false, false, 14, 1);
	assert_int_equal(session_finish(session), 0);
}

static void test_a_new_encoder_goes_on(void **state) {
	struct session *session = session_play(&start);
	play_unit(session, 2000, false, false, 2, 1);
	encoder_finish(&session->encoder);
	host_expect(&session->host, ES_SESSION_NEED_ENCODER);
	encoder_start(&session->encoder, &session->host);
	play_unit(session, 2000, true, false, 3, 2);
	play_unit(session, 2000, false, false, 4, 1);
	// Frames of the old one cannot be invalidated by this one, whose IDR has answered for them.
	uint8_t payload[32];
	client_send(session, ES_CONTROL_INVALIDATE, payload, control_put_invalidate(payload, 2, 4));
	encoder_expect(&session->encoder, ES_UNIT_IDR);
	play_unit(session, 2000, true, false, 5, 2);
	// One that says END is followed by another that the host knows of.
	encoder_send(&session->encoder, &(struct es_unit_msg){.type = ES_UNIT_END}, -1);
	encoder_finish(&session->encoder);
	encoder_start(&session->encoder, &session->host);
	play_unit(session, 2000, true, false, 6, 2);
	assert_int_equal(session_finish(session), 0);
}

// More than can be on its way: whole units are dropped, and what refers to them is held back.
static void test_units_without_room_are_made_good(void **state) {
	struct session *session = session_play(&start);
	struct es_unit_msg message = {.type = ES_UNIT_DONE};
	for (int i = 0; i < 1000 && message.type == ES_UNIT_DONE; i++) {
		encoder_unit(&session->encoder, SLOT_SIZE, false);
		assert_true(wait_readable(session->encoder.fd));
		assert_int_equal(link_recv(session->encoder.fd, &session->encoder.packet), ES_LINK_OK);
		assert_true(unit_msg_decode(&message, session->encoder.packet.data,
				session->encoder.packet.size, session->encoder.packet.n_fds));
		if (message.type == ES_UNIT_DONE && get_stats(session)->dropped > 0) {
			message = encoder_expect(&session->encoder, ES_UNIT_INVALIDATE);
		}
	}
	assert_int_equal(message.type, ES_UNIT_INVALIDATE);
	assert_int_equal(message.invalidate.first, session->encoder.sequence);
	unsigned dropped = (unsigned)get_stats(session)->dropped;
	encoder_unit(&session->encoder, 1000, false);
	expect_done(session);
	assert_int_equal(get_stats(session)->dropped, dropped + 1);
	// All that is on its way has gone when the frames are counted.
	uint64_t sent = session->encoder.sequence - 1 - dropped - 1; // the first was not for anybody
	until(session, get_stats(session)->units_new == sent);
	uint8_t data[DATAGRAM_SIZE];
	while (recv(session->video_fd, data, sizeof(data), MSG_DONTWAIT) > 0) {
	}
	play_unit(session, 2000, false, true, (uint32_t)sent + 1, 5);
	play_unit(session, 2000, false, false, (uint32_t)sent + 2, 1);
	assert_int_equal(session_finish(session), 0);
}

static void test_input_reaches_the_display(void **state) {
	struct session *session = session_play(&start);
	client_input(
			session, &(struct es_input){.type = ES_INPUT_KEY, .key = {.vk = 'A', .pressed = true}});
	struct es_device_msg msg = display_expect(session, ES_DEVICE_KEY);
	assert_int_equal(msg.key.code, KEY_A);
	client_input(session, &(struct es_input){.type = ES_INPUT_MOUSE_MOVE, .move = {5, -7}});
	msg = display_expect(session, ES_DEVICE_POINTER_MOVE);
	assert_int_equal(msg.pointer_move.dx, 5 * 256);
	// Rumble and sound are read away.
	uint8_t data[64];
	struct es_device_msg rumble = {.type = ES_DEVICE_RUMBLE};
	size_t size = device_msg_encode(&rumble, data, sizeof(data));
	for (int i = 0; i < 2000; i++) {
		enum es_link_result result = link_send(session->display, data, size, NULL, 0);
		assert_true(result == ES_LINK_OK || result == ES_LINK_AGAIN);
	}
	client_input(session, &(struct es_input){.type = ES_INPUT_WHEEL, .wheel = {120}});
	msg = display_expect(session, ES_DEVICE_POINTER_WHEEL);
	assert_int_equal(msg.pointer_wheel.y120, -120);
	enet_peer_disconnect(session->peer, 0);
	enet_host_flush(session->enet);
	display_expect(session, ES_DEVICE_RELEASE_ALL);
	assert_int_equal(host_expect(&session->host, ES_SESSION_END)->end.code, ES_END_CLIENT_LEFT);
	assert_int_equal(session_finish(session), 0);
}

static void test_loss_raises_parity_and_lowers_the_bitrate(void **state) {
	struct session *session = session_play(&start);
	uint8_t payload[32];
	uint32_t frame = 2;
	struct es_unit_msg message = {.type = ES_UNIT_DONE};
	int64_t begin_ns = clock_now_ns();
	// Every frame lacks a third of its datagrams.
	while (message.type == ES_UNIT_DONE) {
		assert_true(clock_now_ns() - begin_ns < WAIT_MS * ES_NS_PER_MS);
		struct es_fec_status status = {.frame = frame,
				.missing_before_highest = 10,
				.total_data = 20,
				.total_parity = 10,
				.received_data = 20,
				.block_count = 1};
		client_send(
				session, ES_CONTROL_FEC_STATUS, payload, control_put_fec_status(payload, &status));
		encoder_unit(&session->encoder, 20000, false);
		frame++;
		do {
			assert_true(wait_readable(session->encoder.fd));
			assert_int_equal(link_recv(session->encoder.fd, &session->encoder.packet), ES_LINK_OK);
			assert_true(unit_msg_decode(&message, session->encoder.packet.data,
					session->encoder.packet.size, session->encoder.packet.n_fds));
		} while (message.type == ES_UNIT_IDR || message.type == ES_UNIT_INVALIDATE);
		client_serve(session);
		struct pollfd pause = {.fd = -1};
		poll(&pause, 1, 5); // a frame's time, more or less
	}
	assert_int_equal(message.type, ES_UNIT_BITRATE);
	assert_true(message.bitrate.kbps < 9000);
	const struct es_stream_stats *stats = get_stats(session);
	assert_true(stats->net.lost > 0);
	assert_int_equal(stats->net.bitrate_kbps, message.bitrate.kbps);
	// The next encoder is told, too.
	encoder_finish(&session->encoder);
	host_expect(&session->host, ES_SESSION_NEED_ENCODER);
	encoder_start(&session->encoder, &session->host);
	message = encoder_expect(&session->encoder, ES_UNIT_BITRATE);
	assert_true(message.bitrate.kbps < 9000);
	assert_int_equal(session_finish(session), 0);
}

static void expect_termination(struct session *session, const char *code) {
	until(session, session->disconnected);
	assert_int_equal(session->n_messages, 1);
	assert_int_equal(session->message.type, ES_CONTROL_TERMINATION);
	assert_memory_equal(session->message.payload, code, 4);
}

static void test_the_host_ends_it(void **state) {
	for (int drain = 0; drain < 2; drain++) {
		struct session *session = session_play(&start);
		struct es_session_msg message = {.type = drain ? ES_SESSION_DRAIN : ES_SESSION_TERMINATE};
		if (!drain) {
			message.terminate.code = ES_TERMINATE_PROTECTED;
		}
		host_send(&session->host, &message, -1);
		display_expect(session, ES_DEVICE_RELEASE_ALL);
		expect_termination(session, drain ? "\x80\x03\x00\x23" : "\x80\x0e\x93\x02");
		assert_int_equal(host_expect(&session->host, ES_SESSION_END)->end.code, ES_END_DRAINED);
		assert_int_equal(session_finish(session), 0);
	}
}

static void test_the_host_dies(void **state) {
	struct session *session = session_play(&start);
	fd_close(&session->host.fd);
	expect_termination(session, "\x80\x03\x00\x23");
	int64_t begin_ns = clock_now_ns();
	assert_int_equal(session_finish(session), 0);
	assert_true(clock_now_ns() - begin_ns < 5 * ES_NS_PER_S);
}

static void test_a_client_that_does_not_listen(void **state) {
	struct session *session = session_play(&start);
	int64_t begin_ns = clock_now_ns();
	host_send(&session->host, &(struct es_session_msg){.type = ES_SESSION_TERMINATE}, -1);
	assert_int_equal(host_expect(&session->host, ES_SESSION_END)->end.code, ES_END_DRAINED);
	assert_true(clock_now_ns() - begin_ns < 5 * ES_NS_PER_S); // ENet's own patience is longer
	assert_int_equal(session_finish(session), 0);
}

static void test_a_client_that_vanishes(void **state) {
	struct es_gamestream_start soon = start;
	soon.lost_ms = 1300;
	struct session *session = session_play(&soon);
	int64_t begin_ns = clock_now_ns();
	display_expect(session, ES_DEVICE_RELEASE_ALL);
	const struct es_session_msg *end = host_expect(&session->host, ES_SESSION_END);
	assert_int_equal(end->end.code, ES_END_CLIENT_LOST);
	assert_true(clock_now_ns() - begin_ns >= 1000 * ES_NS_PER_MS);
	assert_int_equal(session_finish(session), 0);
}

static void test_a_client_that_never_comes(void **state) {
	struct es_gamestream_start soon = start;
	soon.lost_ms = 200;
	struct session *session = session_create(&soon);
	const struct es_session_msg *end = host_expect(&session->host, ES_SESSION_END);
	assert_int_equal(end->end.code, ES_END_CLIENT_LOST);
	assert_non_null(strstr(end->end.text, CLIENT));
	assert_int_equal(session_finish(session), 0);
}

static void test_a_peer_that_is_no_address(void **state) {
	struct es_gamestream_start bad = start;
	memcpy(bad.peer, "deck.local", 11);
	struct session session = {0};
	struct es_session_msg message = {.type = ES_SESSION_START_GAMESTREAM, .start_gamestream = bad};
	uint8_t data[ES_SESSION_MSG_MAX];
	host_create(&session.host);
	int fds[] = {bound("127.0.0.1", &session.video), bound("127.0.0.1", &session.audio),
			bound("127.0.0.1", &session.control)};
	size_t size = session_msg_encode(&message, data, sizeof(data));
	assert_int_equal(link_send(session.host.fd, data, size, fds, 3), ES_LINK_OK);
	const struct es_session_msg *end = host_expect(&session.host, ES_SESSION_END);
	assert_int_equal(end->end.code, ES_END_FAILED);
	assert_non_null(strstr(end->end.text, "deck.local"));
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
	assert_int_equal(host_finish(&session.host), 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_nothing_is_sent_before_the_address_is_proved),
			cmocka_unit_test(test_frames_arrive_as_they_were_encoded),
			cmocka_unit_test(test_the_client_moves_to_another_port),
			cmocka_unit_test(test_losses_are_made_good),
			cmocka_unit_test(test_a_new_encoder_goes_on),
			cmocka_unit_test(test_units_without_room_are_made_good),
			cmocka_unit_test(test_input_reaches_the_display),
			cmocka_unit_test(test_loss_raises_parity_and_lowers_the_bitrate),
			cmocka_unit_test(test_the_host_ends_it),
			cmocka_unit_test(test_the_host_dies),
			cmocka_unit_test(test_a_client_that_does_not_listen),
			cmocka_unit_test(test_a_client_that_vanishes),
			cmocka_unit_test(test_a_client_that_never_comes),
			cmocka_unit_test(test_a_peer_that_is_no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
