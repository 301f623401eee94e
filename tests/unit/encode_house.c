#define _GNU_SOURCE // memfd_create
#include "tests/unit/encode_house.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "base/clock.h"
#include "base/fd.h"
#include "encode/session.h"
#include "encode/sigbus_guard.h"

static void *run_session(void *data) {
	struct house *house = data;
	house->exit_status = session_run(house->session_fd, NULL);
	return NULL;
}

bool wait_readable(int fd, int timeout_ms) {
	struct pollfd item = {.fd = fd, .events = POLLIN};
	return poll(&item, 1, timeout_ms) == 1;
}

void receive(struct house *house, int fd) {
	assert_true(wait_readable(fd, PATIENCE_MS));
	assert_int_equal(link_recv(fd, &house->packet), ES_LINK_OK);
}

void to_host(struct house *house, const struct es_session_msg *msg, const int *fd) {
	uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, bytes, sizeof(bytes));
	assert_true(size > 0);
	assert_int_equal(link_send(house->host, bytes, size, fd, session_msg_n_fds(msg)), ES_LINK_OK);
}

struct es_session_msg from_host(struct house *house) {
	struct es_session_msg msg;
	receive(house, house->host);
	assert_true(
			session_msg_decode(&msg, house->packet.data, house->packet.size, house->packet.n_fds));
	return msg;
}

void to_display(struct house *house, const struct es_frame_msg *msg, const int *fd) {
	uint8_t bytes[ES_FRAME_MSG_MAX];
	size_t size = frame_msg_encode(msg, bytes, sizeof(bytes));
	assert_true(size > 0);
	assert_int_equal(link_send(house->display, bytes, size, fd, frame_msg_n_fds(msg)), ES_LINK_OK);
}

struct es_frame_msg expect_frame_msg(struct house *house, enum es_frame_msg_type type) {
	struct es_frame_msg msg;
	receive(house, house->display);
	assert_true(
			frame_msg_decode(&msg, house->packet.data, house->packet.size, house->packet.n_fds));
	assert_int_equal(msg.type, type);
	return msg;
}

void to_streamer(struct house *house, const struct es_unit_msg *msg) {
	uint8_t bytes[ES_UNIT_MSG_MAX];
	size_t size = unit_msg_encode(msg, bytes, sizeof(bytes));
	assert_true(size > 0);
	assert_int_equal(link_send(house->streamer, bytes, size, NULL, 0), ES_LINK_OK);
}

struct es_unit_msg expect_unit_msg(struct house *house, enum es_unit_msg_type type) {
	struct es_unit_msg msg;
	receive(house, house->streamer);
	assert_true(unit_msg_decode(&msg, house->packet.data, house->packet.size, house->packet.n_fds));
	assert_int_equal(msg.type, type);
	return msg;
}

void done(struct house *house, uint32_t slot) {
	to_streamer(house, &(struct es_unit_msg){.type = ES_UNIT_DONE, .done = {slot}});
}

struct es_unit expect_unit(struct house *house, enum es_unit_kind kind) {
	struct es_unit unit = expect_unit_msg(house, ES_UNIT_UNIT).unit;
	while (kind != ES_UNIT_REPEAT && unit.kind == ES_UNIT_REPEAT) {
		// The machine was so slow that a refinement was due.
		done(house, unit.slot);
		unit = expect_unit_msg(house, ES_UNIT_UNIT).unit;
	}
	assert_int_equal(unit.kind, kind);
	assert_true(unit.times.commit_ns <= unit.times.compose_ns &&
			unit.times.compose_ns <= unit.times.put_ns &&
			unit.times.put_ns <= unit.times.taken_ns &&
			unit.times.taken_ns <= unit.times.converted_ns &&
			unit.times.converted_ns <= unit.times.encoded_ns);
	return unit;
}

void expect_stream(struct house *house) {
	house->codec = expect_unit_msg(house, ES_UNIT_CODEC);
	struct es_unit_msg msg = expect_unit_msg(house, ES_UNIT_RING);
	int fd = link_packet_take_fd(&house->packet, 0);
	house->slot_size = msg.ring.slot_size;
	house->ring_size = (size_t)msg.ring.n_slots * msg.ring.slot_size;
	void *map = mmap(NULL, house->ring_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	house->ring = map;
	close(fd);
}

void expect_silence(struct house *house) {
	assert_false(wait_readable(house->streamer, SILENCE_MS));
	assert_false(wait_readable(house->display, 0));
	assert_false(wait_readable(house->host, 0));
}

int attach(struct house *house, enum es_attach_kind kind) {
	int fds[2];
	assert_true(link_pair(fds));
	to_host(house,
			&(struct es_session_msg){.type = ES_SESSION_ATTACH,
					.attach = {kind, 1, true, kind == ES_ATTACH_FRAME ? 1000 : 0}},
			&fds[0]);
	close(fds[0]);
	return fds[1];
}

void send_mode(struct house *house, uint32_t width, uint32_t height) {
	struct es_frame_msg msg = {.type = ES_FRAME_MODE};
	msg.mode.mode = (struct es_mode){width, height, REFRESH_MHZ};
	msg.mode.colour = house->colour;
	to_display(house, &msg, NULL);
}

struct house *open_house(const char *encoder, enum es_codec codec) {
	int fds[2];
	assert_true(sigbus_guard_install()); // after cmocka's own handler
	struct house *house = calloc(1, sizeof(*house));
	assert_true(link_pair(fds));
	house->session_fd = fds[0];
	house->host = fds[1];
	house->display = house->streamer = -1;
	house->colour = colour_sdr();
	assert_int_equal(pthread_create(&house->thread, NULL, run_session, house), 0);
	struct es_session_msg msg = {.type = ES_SESSION_START_ENCODE};
	msg.start_encode.codec = codec;
	msg.start_encode.bitrate_kbps = 5000;
	snprintf(msg.start_encode.encoder, sizeof(msg.start_encode.encoder), "%s", encoder);
	to_host(house, &msg, NULL);
	return house;
}

struct house *start(const struct es_encoder_impl *impl) {
	struct house *house = open_house(impl->name, impl->codec);
	assert_int_equal(from_host(house).type, ES_SESSION_READY);
	return house;
}

struct house *start_attached(const struct es_encoder_impl *impl) {
	struct es_colour colour = colour_sdr();
	return start_attached_as(impl, &colour);
}

struct house *start_attached_as(
		const struct es_encoder_impl *impl, const struct es_colour *colour) {
	struct house *house = start(impl);
	house->colour = *colour;
	house->display = attach(house, ES_ATTACH_FRAME);
	house->streamer = attach(house, ES_ATTACH_UNIT);
	house->formats = expect_frame_msg(house, ES_FRAME_FORMATS);
	send_mode(house, WIDTH, HEIGHT);
	expect_stream(house);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	return house;
}

void finish(struct house *house, int exit_status) {
	pthread_join(house->thread, NULL);
	assert_int_equal(house->exit_status, exit_status);
	if (house->ring != NULL) {
		munmap((void *)house->ring, house->ring_size);
	}
	fd_close(&house->host);
	fd_close(&house->display);
	fd_close(&house->streamer);
	free(house);
}

struct es_encode_stats expect_end(struct house *house, enum es_end_code code) {
	struct es_session_msg stats = from_host(house), end = from_host(house);
	assert_int_equal(stats.type, ES_SESSION_ENCODE_STATS);
	assert_int_equal(end.type, ES_SESSION_END);
	assert_int_equal(end.end.code, code);
	assert_int_equal(strlen(end.end.text) > 0, code == ES_END_FAILED);
	snprintf(house->end_text, sizeof(house->end_text), "%s", end.end.text);
	return stats.encode_stats;
}

void drain(struct house *house, bool picture) {
	to_host(house, &(struct es_session_msg){.type = ES_SESSION_DRAIN}, NULL);
	if (picture) {
		expect_unit(house, ES_UNIT_REPEAT);
	}
	expect_unit_msg(house, ES_UNIT_END);
	expect_end(house, ES_END_DRAINED);
	finish(house, 0);
}

int announce(struct house *house, uint64_t id, uint32_t width, uint32_t height) {
	size_t size = (size_t)width * 4 * height;
	int fd = memfd_create("buffer", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_return_code(ftruncate(fd, (off_t)size), 0);
	struct es_frame_msg msg = {.type = ES_FRAME_BUFFER};
	msg.buffer = (struct es_frame_buffer){
			.id = id,
			.kind = ES_BUFFER_MEMORY,
			.width = width,
			.height = height,
			.fourcc = DRM_FORMAT_XRGB8888,
			.modifier = DRM_FORMAT_MOD_LINEAR,
			.n_planes = 1,
			.stride = {width * 4},
	};
	to_display(house, &msg, &fd);
	return fd;
}

void paint(int fd, uint32_t width, uint32_t height, uint32_t colour) {
	size_t size = (size_t)width * 4 * height;
	uint32_t *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(pixels, MAP_FAILED);
	for (size_t i = 0; i < size / 4; i++) {
		pixels[i] = colour;
	}
	munmap(pixels, size);
}

void send_fenced_frame(struct house *house, uint64_t buffer_id, int fence) {
	int64_t now = clock_now_ns();
	struct es_frame_msg msg = {.type = ES_FRAME_FRAME};
	msg.frame = (struct es_frame){
			.buffer_id = buffer_id,
			.sequence = ++house->frame_sequence,
			.commit_ns = now - 1, // equal times would say that no app drew it
			.compose_ns = now,
			.put_ns = now,
			.has_fence = fence >= 0,
	};
	if (buffer_id != 0) {
		msg.frame.n_rects = 1;
		msg.frame.rects[0] = (struct es_rect){0, 0, 16, 16};
	}
	to_display(house, &msg, &fence);
}

void send_frame(struct house *house, uint64_t buffer_id) {
	send_fenced_frame(house, buffer_id, -1);
}

struct es_unit show(struct house *house, uint64_t buffer_id, enum es_unit_kind kind) {
	send_frame(house, buffer_id);
	struct es_frame_msg release = expect_frame_msg(house, ES_FRAME_RELEASE);
	assert_int_equal(release.release.buffer_id, buffer_id);
	assert_int_equal(release.release.sequence, house->frame_sequence);
	struct es_unit unit = expect_unit(house, kind);
	assert_int_equal(unit.frame_sequence, house->frame_sequence);
	assert_true(unit.slot * house->slot_size + unit.size <= house->ring_size);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	return unit;
}

uint32_t let_it_settle(struct house *house) {
	uint32_t n = 0;
	while (wait_readable(house->streamer, SILENCE_MS)) {
		done(house, expect_unit(house, ES_UNIT_REPEAT).slot);
		n++;
	}
	return n;
}

struct es_encode_stats ask_stats(struct house *house) {
	to_host(house, &(struct es_session_msg){.type = ES_SESSION_STATS}, NULL);
	struct es_session_msg msg = from_host(house);
	assert_int_equal(msg.type, ES_SESSION_ENCODE_STATS);
	return msg.encode_stats;
}

uint32_t decoded_luma(struct house *house, struct es_decode_back *decoder, struct es_unit unit) {
	struct es_decoded decoded;
	assert_true(decode_back_unit(
			decoder, house->ring + (size_t)unit.slot * house->slot_size, unit.size, &decoded));
	return decoded.plane[0][(size_t)(decoded.height / 2) * decoded.stride[0] + decoded.width / 2];
}
