// The encode process's loop between a host, a display and a streamer played by the test: who sends what
// when, and that nothing happens when nothing changes.
#define _GNU_SOURCE // memfd_create
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tests/unit/encode_house.h"

// Others need a device, and convert as it does.
static bool on_cpu(const struct es_encoder_impl *impl) {
	return impl->device->maps;
}

static const struct es_encoder_impl *first_encoder(void) {
	size_t i = 0;
	while (encoder_impls[i] != NULL && !on_cpu(encoder_impls[i])) {
		i++;
	}
	return encoder_impls[i];
}

static void test_frames_to_units(void **state) {
	for (size_t i = 0; encoder_impls[i] != NULL; i++) {
		if (!on_cpu(encoder_impls[i])) {
			continue;
		}
		struct house *house = start_attached(encoder_impls[i]);
		struct es_decode_back *decoder = decode_back_create(encoder_impls[i]->codec);
		int a = announce(house, 1, WIDTH, HEIGHT), b = announce(house, 2, WIDTH, HEIGHT);
		paint(a, WIDTH, HEIGHT, 0xffffff);
		paint(b, WIDTH, HEIGHT, 0xffffff);
		for (uint32_t frame = 0; frame < 10; frame++) {
			struct es_unit unit = show(house, 1 + frame % 2, ES_UNIT_NEW);
			assert_true(unit.sequence >= frame + 1);
			assert_int_equal(unit.idr, frame == 0);
			assert_uint_in_range(decoded_luma(house, decoder, unit), 228, 240);
			done(house, unit.slot);
		}
		assert_true(let_it_settle(house) <= 6);
		expect_silence(house);
		struct es_encode_stats stats = ask_stats(house);
		assert_int_equal(stats.frames_new, 10);
		assert_int_equal(stats.cache_misses, 2);
		assert_int_equal(stats.cache_hits, 8);
		assert_int_equal(stats.converted_px, WIDTH * HEIGHT + 9 * 18 * 16);
		close(a);
		close(b);
		decode_back_destroy(decoder);
		drain(house, true);
	}
}

// With no slot free no frame is asked for: a slow sink holds the display back.
static void test_credit_needs_a_slot(void **state) {
	struct house *house = start_attached(first_encoder());
	close(announce(house, 1, WIDTH, HEIGHT));
	uint32_t n_slots = (uint32_t)(house->ring_size / house->slot_size);
	for (uint32_t i = 0; i < n_slots; i++) {
		send_frame(house, 1);
		expect_frame_msg(house, ES_FRAME_RELEASE);
		expect_unit(house, ES_UNIT_NEW);
		// 0: encoded, but waiting for the streamer; the display's watchdog must know.
		assert_int_equal(expect_frame_msg(house, ES_FRAME_CREDIT).credit.n, i + 1 < n_slots);
	}
	expect_silence(house);
	done(house, 2);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	expect_silence(house); // the one slot is for the frame, not for refinement
	send_frame(house, 1);
	expect_frame_msg(house, ES_FRAME_RELEASE);
	assert_int_equal(expect_unit(house, ES_UNIT_NEW).slot, 2);
	assert_int_equal(expect_frame_msg(house, ES_FRAME_CREDIT).credit.n, 0);
	for (uint32_t i = 0; i < n_slots; i++) {
		done(house, i);
	}
	expect_frame_msg(house, ES_FRAME_CREDIT);
	let_it_settle(house);
	drain(house, true);
}

// A frame that waits while the streamer wants none gives way to each newer one.
static void test_held(void **state) {
	struct house *house = start_attached(first_encoder());
	struct es_unit_msg hold = {.type = ES_UNIT_HOLD, .hold = {true}};
	close(announce(house, 1, WIDTH, HEIGHT));
	done(house, show(house, 1, ES_UNIT_NEW).slot);
	let_it_settle(house);
	to_streamer(house, &hold);
	for (int i = 0; i < 3; i++) {
		send_frame(house, 1);
		if (i > 0) {
			expect_frame_msg(house, ES_FRAME_RELEASE);
		}
		assert_int_equal(expect_frame_msg(house, ES_FRAME_CREDIT).credit.n, 1);
	}
	expect_silence(house);
	hold.hold.held = false;
	to_streamer(house, &hold);
	expect_frame_msg(house, ES_FRAME_RELEASE);
	struct es_unit unit = expect_unit(house, ES_UNIT_NEW);
	assert_int_equal(unit.frame_sequence, house->frame_sequence);
	done(house, unit.slot);
	let_it_settle(house);
	hold.hold.held = true;
	to_streamer(house, &hold);
	drain(house, true); // the last one is made nevertheless
}

static void test_asked_while_still(void **state) {
	struct house *house = start_attached(first_encoder());
	close(announce(house, 1, WIDTH, HEIGHT));
	done(house, show(house, 1, ES_UNIT_NEW).slot);
	let_it_settle(house);

	to_streamer(house, &(struct es_unit_msg){.type = ES_UNIT_IDR});
	struct es_unit unit = expect_unit(house, ES_UNIT_REPEAT);
	assert_true(unit.idr && unit.recovery);
	done(house, unit.slot);

	to_host(house, &(struct es_session_msg){.type = ES_SESSION_IDR}, NULL);
	unit = expect_unit(house, ES_UNIT_REPEAT);
	assert_true(unit.idr);
	done(house, unit.slot);

	unit = show(house, 1, ES_UNIT_NEW);
	assert_false(unit.idr || unit.recovery);
	done(house, unit.slot);
	let_it_settle(house);
	struct es_encode_stats stats = ask_stats(house);
	uint64_t last = stats.frames_new + stats.frames_repeated;
	to_streamer(
			house, &(struct es_unit_msg){.type = ES_UNIT_INVALIDATE, .invalidate = {last, last}});
	unit = expect_unit(house, ES_UNIT_REPEAT);
	assert_true(unit.recovery);
	done(house, unit.slot);
	to_streamer(house, &(struct es_unit_msg){.type = ES_UNIT_BITRATE, .bitrate = {1000}});
	let_it_settle(house);

	stats = ask_stats(house);
	assert_int_equal(stats.idr_asked, 2);
	assert_int_equal(stats.invalidations_asked, 1);
	drain(house, true);
}

static void test_cursor_only(void **state) {
	struct house *house = start_attached(first_encoder());
	struct es_decode_back *decoder = decode_back_create(first_encoder()->codec);
	close(announce(house, 1, WIDTH, HEIGHT)); // black
	struct es_unit unit = show(house, 1, ES_UNIT_NEW);
	decoded_luma(house, decoder, unit);
	done(house, unit.slot);

	enum { size = 64 };
	int image = memfd_create("cursor", MFD_CLOEXEC);
	assert_return_code(ftruncate(image, size * size * 4), 0);
	paint(image, size, size, 0xffffffff);
	struct es_frame_msg msg = {.type = ES_FRAME_CURSOR_IMAGE};
	msg.cursor_image = (struct es_frame_cursor_image){size, size, size / 2, size / 2};
	to_display(house, &msg, &image);
	close(image);
	msg = (struct es_frame_msg){
			.type = ES_FRAME_CURSOR_MOVE, .cursor_move = {WIDTH / 2, HEIGHT / 2}};
	to_display(house, &msg, NULL);
	unit = show(house, 0, ES_UNIT_CURSOR);
	assert_uint_in_range(decoded_luma(house, decoder, unit), 215, 245);
	done(house, unit.slot);

	msg = (struct es_frame_msg){.type = ES_FRAME_CURSOR_MOVE, .cursor_move = {-500, 0}};
	to_display(house, &msg, NULL);
	unit = show(house, 0, ES_UNIT_CURSOR);
	assert_uint_in_range(decoded_luma(house, decoder, unit), 10, 30); // the clean picture is back
	done(house, unit.slot);
	struct es_encode_stats stats = ask_stats(house);
	assert_int_equal(stats.frames_cursor, 2);
	assert_int_equal(stats.converted_px, WIDTH * HEIGHT);
	decode_back_destroy(decoder);
	let_it_settle(house);
	drain(house, true);
}

static void test_new_mode(void **state) {
	struct house *house = start_attached(first_encoder());
	close(announce(house, 1, WIDTH, HEIGHT));
	struct es_unit unit = show(house, 1, ES_UNIT_NEW); // its slot is kept
	send_mode(house, 401, 303);
	assert_false(
			wait_readable(house->streamer, SILENCE_MS)); // until the old ring is not read any more
	done(house, unit.slot);
	munmap((void *)house->ring, house->ring_size);
	expect_stream(house);
	assert_int_equal(house->codec.codec.mode.width, 401);
	to_display(house, &(struct es_frame_msg){.type = ES_FRAME_FORGET, .forget = {1}}, NULL);
	close(announce(house, 2, 401, 303));
	uint64_t before = unit.sequence;
	unit = show(house, 2, ES_UNIT_NEW);
	assert_true(unit.idr);
	assert_true(unit.sequence > before);
	done(house, unit.slot);
	let_it_settle(house);
	drain(house, true);
}

// Buffers that were never announced, are of another size, or lost their memory: the frame is lost,
// counted and released; the next good one is whole.
static void test_bad_buffers(void **state) {
	struct house *house = start_attached(first_encoder());
	struct es_decode_back *decoder = decode_back_create(first_encoder()->codec);
	int good = announce(house, 1, WIDTH, HEIGHT), cut = announce(house, 2, WIDTH, HEIGHT);
	close(announce(house, 3, WIDTH / 2, HEIGHT));
	decoded_luma(house, decoder, show(house, 1, ES_UNIT_NEW));
	assert_return_code(ftruncate(cut, 1000), 0);
	static const uint64_t bad[] = {99, 3, 2};
	for (size_t i = 0; i < 3; i++) {
		send_frame(house, bad[i]);
		assert_int_equal(expect_frame_msg(house, ES_FRAME_RELEASE).release.buffer_id, bad[i]);
		expect_frame_msg(house, ES_FRAME_CREDIT);
	}
	paint(good, WIDTH, HEIGHT, 0xffffff);
	struct es_unit unit = show(house, 1, ES_UNIT_NEW); // its damage is 16x16 only
	assert_uint_in_range(decoded_luma(house, decoder, unit), 228, 240);
	assert_int_equal(ask_stats(house).import_failures, 3);
	close(good);
	close(cut);
	decode_back_destroy(decoder);
	for (uint32_t i = 0; i < 2; i++) {
		done(house, i);
	}
	let_it_settle(house);
	drain(house, true);
}

// A frame whose fence has not signalled is not read; one whose fence never does is given up.
static void test_fences(void **state) {
	struct house *house = start_attached(first_encoder());
	close(announce(house, 1, WIDTH, HEIGHT));
	int fence = eventfd(0, EFD_CLOEXEC);
	assert_true(fence >= 0);
	send_fenced_frame(house, 1, fence);
	expect_silence(house);
	assert_return_code(eventfd_write(fence, 1), 0);
	expect_frame_msg(house, ES_FRAME_RELEASE);
	done(house, expect_unit(house, ES_UNIT_NEW).slot);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	close(fence);
	let_it_settle(house);

	fence = eventfd(0, EFD_CLOEXEC);
	send_fenced_frame(house, 1, fence);
	expect_silence(house);
	expect_frame_msg(house, ES_FRAME_RELEASE);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	assert_false(wait_readable(house->streamer, SILENCE_MS));
	assert_int_equal(ask_stats(house).import_failures, 1);
	close(fence);
	done(house, show(house, 1, ES_UNIT_NEW).slot);
	let_it_settle(house);
	drain(house, true);
}

static void test_drain_before_anything(void **state) {
	struct house *house = start_attached(first_encoder());
	drain(house, false);
	house = start(first_encoder());
	to_host(house, &(struct es_session_msg){.type = ES_SESSION_DRAIN}, NULL);
	expect_end(house, ES_END_DRAINED);
	finish(house, 0);
}

// What the display has sent before the drain is in the stream.
static void test_drain_takes_the_last_frame(void **state) {
	struct house *house = start_attached(first_encoder());
	close(announce(house, 1, WIDTH, HEIGHT));
	send_frame(house, 1);
	to_host(house, &(struct es_session_msg){.type = ES_SESSION_DRAIN}, NULL);
	expect_unit(house, ES_UNIT_NEW);
	expect_unit(house, ES_UNIT_REPEAT);
	expect_unit_msg(house, ES_UNIT_END);
	struct es_encode_stats stats = expect_end(house, ES_END_DRAINED);
	assert_int_equal(stats.frames_new, 1);
	assert_int_equal(stats.frames_repeated, 1); // the closing one, which nobody could ask about
	finish(house, 0);
}

static void test_peers_go(void **state) {
	struct house *house = start_attached(first_encoder());
	fd_close(&house->display);
	fd_close(&house->streamer);
	ask_stats(house); // still there
	fd_close(&house->host);
	finish(house, 0);
}

static void test_garbage(void **state) {
	for (int link = 0; link < 3; link++) {
		struct house *house = start_attached(first_encoder());
		int fd = link == 0 ? house->host : link == 1 ? house->display : house->streamer;
		assert_int_equal(link_send(fd, "Fgarbage", 8, NULL, 0), ES_LINK_OK);
		expect_end(house, ES_END_FAILED);
		finish(house, 1);
	}
}

static void test_unknown_encoder(void **state) {
	struct house *house = open_house("nothing", ES_CODEC_H264);
	expect_end(house, ES_END_FAILED);
	assert_non_null(strstr(house->end_text, "nothing"));
	finish(house, 1);
}

// A size that the encoder does not take: the reason names both, and what to do.
static void test_too_small(void **state) {
	for (size_t i = 0; encoder_impls[i] != NULL; i++) {
		if (encoder_impls[i]->min_size <= 32 || !on_cpu(encoder_impls[i])) {
			continue;
		}
		struct house *house = start(encoder_impls[i]);
		house->display = attach(house, ES_ATTACH_FRAME);
		house->streamer = attach(house, ES_ATTACH_UNIT);
		send_mode(house, 32, 32);
		expect_end(house, ES_END_FAILED);
		assert_non_null(strstr(house->end_text, encoder_impls[i]->name));
		assert_non_null(strstr(house->end_text, "32x32"));
		assert_non_null(strstr(house->end_text, "-s"));
		finish(house, 1);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_frames_to_units),
			cmocka_unit_test(test_credit_needs_a_slot),
			cmocka_unit_test(test_held),
			cmocka_unit_test(test_asked_while_still),
			cmocka_unit_test(test_cursor_only),
			cmocka_unit_test(test_new_mode),
			cmocka_unit_test(test_bad_buffers),
			cmocka_unit_test(test_fences),
			cmocka_unit_test(test_drain_before_anything),
			cmocka_unit_test(test_drain_takes_the_last_frame),
			cmocka_unit_test(test_peers_go),
			cmocka_unit_test(test_garbage),
			cmocka_unit_test(test_unknown_encoder),
			cmocka_unit_test(test_too_small),
	};
	return first_encoder() == NULL ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
