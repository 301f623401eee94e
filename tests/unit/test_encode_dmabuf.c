// DMA-BUFs on their way through the encode process, with the rung for tests: what is announced, fences,
// boxes, and everything that a display could do wrong. Memory stands in for DMA-BUFs where the kernel
// makes none.
#define _GNU_SOURCE // memfd_create
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <drm_fourcc.h>

#include "base/clock.h"
#include "base/fd.h"
#include "encode/fake_commands.h"
#include "tests/unit/count_fds.h"
#include "tests/unit/encode_house.h"

#define STRIDE (WIDTH * 4 + 192)
#define OFFSET 4096
#define SIZE (OFFSET + STRIDE * HEIGHT)

static struct house *start_fake(const char *commands) {
	setenv(ES_FAKE_COMMANDS, commands, 1);
	return start_attached(encoder_find("fake", ES_CODEC_H264));
}

static struct es_frame_buffer describe(uint64_t id) {
	return (struct es_frame_buffer){
			.id = id,
			.kind = ES_BUFFER_DMABUF,
			.width = WIDTH,
			.height = HEIGHT,
			.fourcc = DRM_FORMAT_XRGB8888,
			.modifier = DRM_FORMAT_MOD_LINEAR,
			.n_planes = 1,
			.offset = {OFFSET},
			.stride = {STRIDE},
	};
}

static int make_memory(size_t size) {
	int fd = memfd_create("dmabuf", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_return_code(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void announce_as(struct house *house, const struct es_frame_buffer *buffer, const int *fds) {
	to_display(house, &(struct es_frame_msg){.type = ES_FRAME_BUFFER, .buffer = *buffer}, fds);
}

// Returns its memory.
static int announce_good(struct house *house, uint64_t id) {
	struct es_frame_buffer buffer = describe(id);
	int fd = make_memory(SIZE);
	announce_as(house, &buffer, &fd);
	return fd;
}

// A box of pixels as they lie there.
static void fill(int fd, struct es_rect r, uint32_t pixel) {
	uint8_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	for (uint32_t y = r.y; y < r.y + r.height; y++) {
		for (uint32_t x = r.x; x < r.x + r.width; x++) {
			memcpy(map + OFFSET + (size_t)y * STRIDE + (size_t)x * 4, &pixel, 4);
		}
	}
	munmap(map, SIZE);
}

static const struct es_rect whole = {0, 0, WIDTH, HEIGHT};

static struct es_decoded decode(
		struct house *house, struct es_decode_back *decoder, struct es_unit unit) {
	struct es_decoded decoded;
	assert_true(decode_back_unit(
			decoder, house->ring + (size_t)unit.slot * house->slot_size, unit.size, &decoded));
	done(house, unit.slot);
	return decoded;
}

static void assert_yuv(
		const struct es_decoded *picture, uint32_t x, uint32_t y, int luma, int u, int v) {
	uint32_t shift = picture->yuv444 ? 0 : 1;
	int scale = 1 << (picture->depth - 8);
	int found[3] = {(int)decoded_sample(picture, 0, x, y),
			(int)decoded_sample(picture, 1, x >> shift, y >> shift),
			(int)decoded_sample(picture, 2, x >> shift, y >> shift)};
	int wanted[3] = {luma * scale, u * scale, v * scale};
	for (int i = 0; i < 3; i++) {
		if (abs(found[i] - wanted[i]) > 2 * scale) {
			fail_msg("%u,%u: %d %d %d instead of %d %d %d", x, y, found[0], found[1], found[2],
					wanted[0], wanted[1], wanted[2]);
		}
	}
}

static bool offers(const struct house *house, uint32_t fourcc, uint64_t modifier) {
	for (uint32_t i = 0; i < house->formats.formats.n; i++) {
		const struct es_frame_format *entry = &house->formats.formats.entries[i];
		if (entry->fourcc == fourcc && entry->modifier == modifier) {
			return true;
		}
	}
	return false;
}

static void test_says_what_it_can(void **state) {
	struct house *house = start_fake("");
	assert_true(offers(house, DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR));
	assert_true(offers(house, DRM_FORMAT_XBGR8888, DRM_FORMAT_MOD_INVALID));
	assert_true(offers(house, DRM_FORMAT_XRGB2101010, DRM_FORMAT_MOD_LINEAR));
	assert_true(house->formats.formats.blends_cursor && house->formats.formats.scales &&
			house->formats.formats.takes_fences);
	drain(house, false);
	house = start_fake("no-cursor no-scaling no-fences no-formats");
	assert_int_equal(house->formats.formats.n, 0);
	assert_false(house->formats.formats.blends_cursor || house->formats.formats.scales ||
			house->formats.formats.takes_fences);
	drain(house, false);
}

// Red in any format that is offered, with rows that are padded and pixels that do not begin at 0.
static void test_formats(void **state) {
	static const struct {
		uint32_t fourcc, red;
		uint64_t modifier;
	} formats[] = {
			{DRM_FORMAT_XRGB8888, 0xffff0000, DRM_FORMAT_MOD_LINEAR},
			{DRM_FORMAT_ARGB8888, 0xffff0000, DRM_FORMAT_MOD_INVALID},
			{DRM_FORMAT_XBGR8888, 0x000000ff, DRM_FORMAT_MOD_INVALID},
			{DRM_FORMAT_XRGB2101010, 0x3ff00000, DRM_FORMAT_MOD_LINEAR},
			{DRM_FORMAT_ABGR2101010, 0xc00003ff, DRM_FORMAT_MOD_LINEAR},
	};
	struct house *house = start_fake("");
	struct es_decode_back *decoder = decode_back_create(ES_CODEC_H264);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct es_frame_buffer buffer = describe(i + 1);
		buffer.fourcc = formats[i].fourcc;
		buffer.modifier = formats[i].modifier;
		int fd = make_memory(SIZE);
		fill(fd, whole, formats[i].red);
		announce_as(house, &buffer, &fd);
		close(fd);
		to_streamer(house, &(struct es_unit_msg){.type = ES_UNIT_IDR});
		struct es_unit unit = show(house, buffer.id, ES_UNIT_NEW);
		struct es_decoded picture = decode(house, decoder, unit);
		assert_yuv(&picture, WIDTH / 2, HEIGHT / 2, 63, 102, 240);
		assert_yuv(&picture, 8, 8, 63, 102, 240);
	}
	assert_int_equal(ask_stats(house).import_failures, 0);
	decode_back_destroy(decoder);
	let_it_settle(house);
	drain(house, true);
}

static void test_ten_bits_all_the_way(void **state) {
	setenv(ES_FAKE_COMMANDS, "", 1);
	for (int yuv444 = 0; yuv444 < 2; yuv444++) {
		struct es_colour colour = colour_sdr();
		colour.depth = 10;
		colour.yuv444 = yuv444 != 0;
		struct house *house = start_attached_as(encoder_find("fake", ES_CODEC_H264), &colour);
		assert_memory_equal(&house->codec.codec.colour, &colour, sizeof(colour));
		struct es_decode_back *decoder = decode_back_create(ES_CODEC_H264);
		struct es_frame_buffer buffer = describe(1);
		buffer.fourcc = DRM_FORMAT_XRGB2101010;
		int fd = make_memory(SIZE);
		fill(fd, whole, 0x1ff | 0x1ff << 10 | 0x1ff << 20);
		announce_as(house, &buffer, &fd);
		close(fd);
		struct es_decoded picture = decode(house, decoder, show(house, 1, ES_UNIT_NEW));
		assert_int_equal(picture.depth, 10);
		assert_int_equal(picture.yuv444, yuv444);
		assert_uint_in_range(decoded_sample(&picture, 0, WIDTH / 2, HEIGHT / 2), 500, 504);
		decode_back_destroy(decoder);
		let_it_settle(house);
		drain(house, true);
	}
}

static void test_takes_fences_early(void **state) {
	struct house *house = start_fake("");
	close(announce_good(house, 1));
	int fence = eventfd(0, EFD_CLOEXEC);
	send_fenced_frame(house, 1, fence);
	expect_silence(house);
	assert_return_code(eventfd_write(fence, 1), 0);
	expect_frame_msg(house, ES_FRAME_RELEASE);
	done(house, expect_unit(house, ES_UNIT_NEW).slot);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	close(fence);
	let_it_settle(house);

	fence = eventfd(0, EFD_CLOEXEC); // never signals
	send_fenced_frame(house, 1, fence);
	expect_frame_msg(house, ES_FRAME_RELEASE);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	close(fence);
	assert_int_equal(ask_stats(house).import_failures, 1);
	done(house, show(house, 1, ES_UNIT_NEW).slot); // nothing is wrong with the buffer
	let_it_settle(house);
	drain(house, true);
}

// The buffer is the app's again once it has been read, and not before, however long that takes; that
// is told before the first packet could go out.
static void test_release_lies_between_read_and_unit(void **state) {
	struct house *house = start_fake("slow-read=100");
	struct es_decode_back *decoder = decode_back_create(ES_CODEC_H264);
	int fd = announce_good(house, 1);
	for (int i = 0; i < 3; i++) {
		fill(fd, whole, 0x000000);
		send_frame(house, 1);
		expect_frame_msg(house, ES_FRAME_RELEASE);
		fill(fd, whole, 0xffffff); // as an app does that draws in any buffer it gets
		struct es_decoded picture = decode(house, decoder, expect_unit(house, ES_UNIT_NEW));
		assert_yuv(&picture, WIDTH / 2, HEIGHT / 2, 16, 128, 128);
		expect_frame_msg(house, ES_FRAME_CREDIT);
	}
	for (int i = 0; i < 3; i++) {
		send_frame(house, 1);
		struct es_unit unit = expect_unit(house, ES_UNIT_NEW);
		assert_true(wait_readable(house->display, 0)); // it has been there already
		assert_int_equal(
				expect_frame_msg(house, ES_FRAME_RELEASE).release.sequence, house->frame_sequence);
		done(house, unit.slot);
		expect_frame_msg(house, ES_FRAME_CREDIT);
	}
	close(fd);
	decode_back_destroy(decoder);
	let_it_settle(house);
	drain(house, true);
}

static void send_boxed(struct house *house, uint64_t id, struct es_box src, struct es_rect dst) {
	int64_t now = clock_now_ns();
	struct es_frame_msg msg = {.type = ES_FRAME_FRAME};
	msg.frame = (struct es_frame){
			.buffer_id = id,
			.sequence = ++house->frame_sequence,
			.commit_ns = now - 1,
			.compose_ns = now,
			.put_ns = now,
			.direct = true,
			.src = src,
			.dst = dst,
			.n_rects = 1,
			.rects = {whole},
	};
	to_display(house, &msg, NULL);
	expect_frame_msg(house, ES_FRAME_RELEASE);
}

// The right half of a buffer, whose left is red, in the middle of the screen.
static void test_boxes(void **state) {
	struct house *house = start_fake("");
	struct es_decode_back *decoder = decode_back_create(ES_CODEC_H264);
	int fd = announce_good(house, 1);
	fill(fd, whole, 0xff0000);
	fill(fd, (struct es_rect){WIDTH / 2, 0, WIDTH / 2, HEIGHT}, 0xffffff);
	struct es_box right = {
			WIDTH / 2 * ES_BOX_UNIT, 0, WIDTH / 2 * ES_BOX_UNIT, HEIGHT * ES_BOX_UNIT};
	struct es_rect middle = {WIDTH / 4, HEIGHT / 4, WIDTH / 2, HEIGHT / 2};
	send_boxed(house, 1, right, middle);
	struct es_decoded picture = decode(house, decoder, expect_unit(house, ES_UNIT_NEW));
	expect_frame_msg(house, ES_FRAME_CREDIT);
	assert_yuv(&picture, WIDTH / 2, HEIGHT / 2, 235, 128, 128);
	assert_yuv(&picture, WIDTH / 4 + 16, HEIGHT / 2, 235, 128, 128);
	assert_yuv(&picture, WIDTH / 8, HEIGHT / 2, 16, 128, 128);
	assert_yuv(&picture, WIDTH / 2, HEIGHT - 16, 16, 128, 128);

	struct es_box outside = {WIDTH / 2 * ES_BOX_UNIT, 0, WIDTH * ES_BOX_UNIT, HEIGHT * ES_BOX_UNIT};
	send_boxed(house, 1, outside, middle);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	assert_int_equal(ask_stats(house).import_failures, 1);
	close(fd);
	decode_back_destroy(decoder);
	drain(house, false);
}

static void lose(struct house *house, uint64_t id) {
	send_frame(house, id);
	assert_int_equal(expect_frame_msg(house, ES_FRAME_RELEASE).release.buffer_id, id);
	expect_frame_msg(house, ES_FRAME_CREDIT);
}

static void announce_bad(struct house *house) {
	int fds[2] = {make_memory(SIZE), make_memory(SIZE)};
	struct es_frame_buffer foreign = describe(11);
	foreign.modifier = UINT64_C(0x0100000000000002); // tiled, Intel's
	announce_as(house, &foreign, fds);
	struct es_frame_buffer planes = describe(12);
	planes.n_planes = 2;
	planes.stride[1] = STRIDE;
	announce_as(house, &planes, fds); // of two objects
	planes.id = 13;
	announce_as(house, &planes, (int[]){fds[0], fds[0]}); // two where the format has one
	struct es_frame_buffer format = describe(14);
	format.fourcc = DRM_FORMAT_RGB565;
	announce_as(house, &format, fds);
	struct es_frame_buffer large = describe(15);
	large.height++;
	announce_as(house, &large, fds); // truncated
	struct es_frame_buffer far = describe(16);
	far.offset[0] = ES_FRAME_MAX_OFFSET;
	announce_as(house, &far, fds);
	close(fds[0]);
	close(fds[1]);
	int null = eventfd(0, EFD_CLOEXEC);
	struct es_frame_buffer nothing = describe(17);
	announce_as(house, &nothing, &null);
	close(null);
}

// Each frame is lost, counted and given back; the next good one is whole.
static void test_bad_buffers(void **state) {
	struct house *house = start_fake("");
	struct es_decode_back *decoder = decode_back_create(ES_CODEC_H264);
	int fd = announce_good(house, 1);
	decode(house, decoder, show(house, 1, ES_UNIT_NEW));
	announce_bad(house);
	for (uint64_t id = 11; id <= 17; id++) {
		lose(house, id);
	}
	struct es_frame_buffer taken = describe(1);
	int other = make_memory(SIZE);
	announce_as(house, &taken, &other); // its id is in use
	close(other);
	fill(fd, whole, 0xffffff);
	struct es_decoded picture = decode(house, decoder, show(house, 1, ES_UNIT_NEW));
	assert_yuv(&picture, WIDTH / 2, HEIGHT / 2, 235, 128, 128);
	assert_int_equal(ask_stats(house).import_failures, 7);

	assert_return_code(ftruncate(fd, OFFSET), 0); // in use
	lose(house, 1);
	assert_int_equal(ask_stats(house).import_failures, 8);
	close(fd);
	decode_back_destroy(decoder);
	drain(house, false);
}

static void test_thousand_buffers(void **state) {
	struct house *house = start_fake("");
	for (uint64_t id = 1; id <= 1000; id++) {
		close(announce_good(house, id));
		if (id % 100 == 0) {
			done(house, show(house, id, ES_UNIT_NEW).slot);
		}
	}
	lose(house, 1);
	done(house, show(house, 1000, ES_UNIT_NEW).slot);
	struct es_encode_stats stats = ask_stats(house);
	assert_true(stats.cache_evictions >= 900);
	assert_int_equal(stats.cache_misses, 10);
	assert_int_equal(stats.import_failures, 1);
	let_it_settle(house);
	drain(house, true);
}

// Destroyed while it waits for its fence, resized while a frame is on its way.
static void test_gone_in_flight(void **state) {
	struct house *house = start_fake("no-fences");
	close(announce_good(house, 1));
	int fence = eventfd(0, EFD_CLOEXEC);
	send_fenced_frame(house, 1, fence);
	to_display(house, &(struct es_frame_msg){.type = ES_FRAME_FORGET, .forget = {1}}, NULL);
	assert_return_code(eventfd_write(fence, 1), 0);
	expect_frame_msg(house, ES_FRAME_RELEASE);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	close(fence);

	close(announce_good(house, 2));
	fence = eventfd(0, EFD_CLOEXEC);
	send_fenced_frame(house, 2, fence);
	send_mode(house, WIDTH / 2, HEIGHT / 2);
	expect_frame_msg(house, ES_FRAME_RELEASE); // of the mode before: not read
	munmap((void *)house->ring, house->ring_size);
	expect_stream(house);
	expect_frame_msg(house, ES_FRAME_CREDIT);
	close(fence);
	done(house, show(house, 2, ES_UNIT_NEW).slot); // scaled: the import is still there
	struct es_encode_stats stats = ask_stats(house);
	assert_int_equal(stats.import_failures, 1);
	assert_int_equal(stats.cache_misses, 1);
	let_it_settle(house);
	drain(house, true);
}

// A cursor of the device's, over the picture and nowhere else.
static void test_cursor(void **state) {
	struct house *house = start_fake("");
	struct es_decode_back *decoder = decode_back_create(ES_CODEC_H264);
	close(announce_good(house, 1));
	decode(house, decoder, show(house, 1, ES_UNIT_NEW));
	enum { size = 32 };
	int image = make_memory(size * size * 4);
	paint(image, size, size, 0xffffffff);
	struct es_frame_msg msg = {.type = ES_FRAME_CURSOR_IMAGE};
	msg.cursor_image = (struct es_frame_cursor_image){size, size, 0, 0};
	to_display(house, &msg, &image);
	close(image);
	for (int32_t x = 32; x < 200; x += 64) {
		msg = (struct es_frame_msg){.type = ES_FRAME_CURSOR_MOVE, .cursor_move = {x, 64}};
		to_display(house, &msg, NULL);
		struct es_decoded picture = decode(house, decoder, show(house, 0, ES_UNIT_CURSOR));
		assert_uint_in_range(decoded_sample(&picture, 0, (uint32_t)x + 16, 80), 215, 245);
		assert_uint_in_range(decoded_sample(&picture, 0, (uint32_t)x + 48, 80), 10, 30);
		assert_uint_in_range(decoded_sample(&picture, 0, (uint32_t)x - 16, 80), 10, 30);
	}
	assert_int_equal(ask_stats(house).frames_cursor, 3);
	decode_back_destroy(decoder);
	let_it_settle(house);
	drain(house, true);
}

static uint32_t random_state = 7;

static uint32_t random_below(uint32_t n) {
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static void reattach(struct house *house) {
	fd_close(&house->display);
	house->display = attach(house, ES_ATTACH_FRAME);
	send_mode(house, WIDTH, HEIGHT);
}

// One thing that a display may do at any time.
static void do_anything(struct house *house) {
	uint64_t id = 1 + random_below(6);
	int fence = -1;
	switch (random_below(8)) {
	case 0:
	case 1:
		close(announce_good(house, id));
		return;
	case 2:
		to_display(house, &(struct es_frame_msg){.type = ES_FRAME_FORGET, .forget = {id}}, NULL);
		return;
	case 3:
		send_mode(house, random_below(2) ? WIDTH : WIDTH / 2, HEIGHT);
		return;
	case 4:
		fence = eventfd(random_below(2), EFD_CLOEXEC);
		send_fenced_frame(house, id, fence);
		close(fence);
		return;
	case 5:
		reattach(house);
		return;
	default:
		send_frame(house, id);
	}
}

// What comes back is not looked at; slots are given back at once.
static void swallow(struct house *house) {
	while (link_recv(house->display, &house->packet) == ES_LINK_OK) {
		link_packet_finish(&house->packet);
	}
	while (link_recv(house->streamer, &house->packet) == ES_LINK_OK) {
		struct es_unit_msg msg;
		if (unit_msg_decode(&msg, house->packet.data, house->packet.size, house->packet.n_fds) &&
				msg.type == ES_UNIT_UNIT) {
			done(house, msg.unit.slot);
		}
		link_packet_finish(&house->packet);
	}
}

static void test_random_lives(void **state) {
	size_t before = count_fds();
	for (int life = 0; life < 30; life++) {
		struct house *house = start_fake(life % 2 ? "no-fences release-fence" : "no-fences");
		for (uint32_t i = 0, n = random_below(60); i < n; i++) {
			do_anything(house);
			swallow(house);
		}
		fd_close(&house->host);
		finish(house, 0);
	}
	assert_int_equal(count_fds(), before);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_says_what_it_can),
			cmocka_unit_test(test_formats),
			cmocka_unit_test(test_ten_bits_all_the_way),
			cmocka_unit_test(test_takes_fences_early),
			cmocka_unit_test(test_release_lies_between_read_and_unit),
			cmocka_unit_test(test_boxes),
			cmocka_unit_test(test_bad_buffers),
			cmocka_unit_test(test_thousand_buffers),
			cmocka_unit_test(test_gone_in_flight),
			cmocka_unit_test(test_cursor),
			cmocka_unit_test(test_random_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
