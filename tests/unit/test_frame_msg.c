#include "protocol/frame_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/check_family.h"

#define FAMILY (&frame_family)
#define REFUSE(name, change) REFUSED(FAMILY, struct es_frame_msg, name, change)

static const struct es_bad_field bad_fields[] = {
		{"mode", 4, 4, 15}, // width
		{"mode", 4, 4, 8193},
		{"mode", 8, 4, 15}, // height
		{"mode", 8, 4, 0xffffffff},
		{"mode", 12, 4, 999}, // refresh
		{"mode", 12, 4, 1000001},
		{"mode", 12, 4, 0x80000000},
		{"mode", 16, 1, 2}, // primaries
		{"mode", 17, 1, 0}, // transfer
		{"mode", 18, 1, 255}, // matrix
		{"mode", 19, 1, 2}, // full range
		{"mode", 20, 1, 9}, // depth
		{"mode", 21, 1, 2}, // 4:4:4
		{"memory", 4, 8, 0}, // id
		{"memory", 12, 1, 0}, // kind
		{"memory", 12, 1, 3},
		{"memory", 13, 4, 0}, // width
		{"memory", 13, 4, 8193},
		{"memory", 17, 4, 0}, // height
		{"memory", 17, 4, 8193},
		{"memory", 21, 4, 0}, // fourcc
		{"memory", 25, 8, 1}, // modifier
		{"memory", 33, 1, 0}, // planes
		{"memory", 34, 4, 0x80000001}, // offset
		{"memory", 38, 4, 0}, // stride
		{"memory", 38, 4, (1 << 20) + 1},
		{"dmabuf", 12, 1, 1}, // memory of two planes
		{"dmabuf", 33, 1, 5}, // planes
		{"dmabuf", 33, 1, 255},
		{"dmabuf", 46, 4, 0}, // stride of the second plane
		{"forget", 4, 8, 0}, // id
		{"frame", 4, 8, 0}, // damage and fence without a buffer
		{"frame", 12, 8, 0}, // sequence
		{"frame", 20, 8, UINT64_MAX}, // commit, negative
		{"frame", 20, 8, 1000000003}, // commit after compose
		{"frame", 28, 8, 1000000004}, // compose after put
		{"frame", 36, 8, 0}, // put
		{"frame", 44, 1, 2}, // direct
		{"frame", 45, 1, 2}, // fence
		{"frame", 54, 4, 0}, // width of the source box
		{"frame", 46, 4, 0xffffffff}, // x of the source box
		{"frame", 58, 4, 2097153}, // height of the source box
		{"frame", 66, 2, 0}, // width of the destination
		{"frame", 62, 2, 8000}, // x + width of the destination
		{"frame", 70, 1, 17}, // number of rectangles
		{"frame", 70, 1, 255},
		{"frame", 71, 2, 8192}, // x
		{"frame", 71, 2, 6913}, // x + width
		{"frame", 73, 2, 8192}, // y
		{"frame", 75, 2, 0}, // width
		{"frame", 75, 2, 8193},
		{"frame", 77, 2, 0}, // height
		{"frame", 77, 2, 65535},
		{"frame", 83, 2, 2}, // second: x + width
		{"frame", 85, 2, 2}, // second: y + height
		{"cursor_frame", 44, 1, 1}, // direct without a buffer
		{"cursor_frame", 45, 1, 1}, // fence without a buffer
		{"cursor_frame", 46, 4, 1}, // box without a buffer
		{"cursor_image", 4, 4, 0}, // width
		{"cursor_image", 4, 4, 513},
		{"cursor_image", 8, 4, 0}, // height
		{"cursor_image", 8, 4, 513},
		{"cursor_image", 12, 4, 16385}, // hotspot
		{"cursor_image", 16, 4, 0x80000000},
		{"cursor_hidden", 12, 4, 1}, // hotspot of nothing
		{"cursor_hidden", 16, 4, 1},
		{"cursor_move", 4, 4, 16385}, // x
		{"cursor_move", 8, 4, 0x7fffffff}, // y
		{"formats", 4, 1, 2}, // blends
		{"formats", 7, 2, 3}, // more than there are
		{"formats", 7, 2, 257},
		{"formats", 9, 4, 0}, // fourcc
		{"credit", 4, 1, 3},
		{"release", 4, 8, 0}, // fence without a buffer
		{"release", 12, 8, 0}, // sequence
		{"release", 20, 8, UINT64_MAX}, // taken, negative
		{"release", 28, 1, 2}, // fence
};

static void test_decode_refuses(void **state) {
	check_bad_fields(FAMILY, bad_fields, sizeof(bad_fields) / sizeof(bad_fields[0]));
}

static void test_encode_refuses_screen(void **state) {
	REFUSE("mode", msg.type = (enum es_frame_msg_type)999);
	REFUSE("mode", msg.mode.mode.width = 15);
	REFUSE("mode", msg.mode.mode.height = 8193);
	REFUSE("mode", msg.mode.mode.refresh_mhz = -1);
	REFUSE("mode", msg.mode.colour.depth = 12);
	REFUSE("cursor_image", msg.cursor_image.width = 513);
	REFUSE("cursor_image", msg.cursor_image.height = 0);
	REFUSE("cursor_image", msg.cursor_image.hotspot_y = 16385);
	REFUSE("cursor_hidden", msg.cursor_image.hotspot_x = 1);
	REFUSE("cursor_move", msg.cursor_move.x = INT32_MIN);
	REFUSE("formats", msg.formats.n = ES_FRAME_MAX_FORMATS + 1);
	REFUSE("formats", msg.formats.entries[1].fourcc = 0);
}

static void test_encode_refuses_buffers(void **state) {
	REFUSE("memory", msg.buffer.id = 0);
	REFUSE("memory", msg.buffer.kind = (enum es_buffer_kind)257);
	REFUSE("memory", msg.buffer.width = 0);
	REFUSE("memory", msg.buffer.height = 8193);
	REFUSE("memory", msg.buffer.fourcc = 0);
	REFUSE("memory", msg.buffer.modifier = 1);
	REFUSE("memory", msg.buffer.n_planes = 2);
	REFUSE("memory", msg.buffer.stride[0] = 0);
	REFUSE("dmabuf", msg.buffer.n_planes = 5);
	REFUSE("dmabuf", msg.buffer.n_planes = 0x101);
	REFUSE("dmabuf", msg.buffer.offset[1] = UINT32_MAX);
	REFUSE("forget", msg.forget.id = 0);
}

static void test_encode_refuses_frames(void **state) {
	REFUSE("frame", msg.frame.buffer_id = 0);
	REFUSE("frame", msg.frame.sequence = 0);
	REFUSE("frame", msg.frame.commit_ns = -1);
	REFUSE("frame", msg.frame.compose_ns = 0);
	REFUSE("frame", msg.frame.put_ns = 0);
	REFUSE("frame", msg.frame.n_rects = ES_FRAME_MAX_RECTS + 1);
	REFUSE("frame", msg.frame.rects[0].width = 65536 + 1);
	REFUSE("frame", msg.frame.rects[0].height = 0);
	REFUSE("frame", msg.frame.rects[1].x = UINT32_MAX);
	REFUSE("frame", msg.frame.rects[1].height = 2);
	REFUSE("credit", msg.credit.n = 257);
	REFUSE("release", msg.release.buffer_id = 0);
	REFUSE("release", msg.release.sequence = 0);
	REFUSE("release", msg.release.taken_ns = -1);
}

// The largest of everything fits into what the rooms give for a message.
static void test_largest(void **state) {
	struct es_frame_msg msg = {.type = ES_FRAME_FORMATS, .formats = {.n = ES_FRAME_MAX_FORMATS}};
	for (size_t i = 0; i < ES_FRAME_MAX_FORMATS; i++) {
		msg.formats.entries[i] = (struct es_frame_format){1, UINT64_MAX};
	}
	uint8_t bytes[ES_FRAME_MSG_MAX];
	assert_int_equal(
			4 + 5 + 12 * ES_FRAME_MAX_FORMATS, frame_msg_encode(&msg, bytes, sizeof(bytes)));
	struct es_frame_msg frame = *(const struct es_frame_msg *)family_find(FAMILY, "frame")->msg;
	frame.frame.n_rects = ES_FRAME_MAX_RECTS;
	for (size_t i = 0; i < ES_FRAME_MAX_RECTS; i++) {
		frame.frame.rects[i] = (struct es_rect){0, 0, ES_MODE_MAX_SIZE, ES_MODE_MAX_SIZE};
	}
	size_t size = frame_msg_encode(&frame, bytes, sizeof(bytes));
	assert_int_equal(71 + 8 * ES_FRAME_MAX_RECTS, size);
	struct es_frame_msg decoded;
	assert_true(frame_msg_decode(&decoded, bytes, size, 1));
	assert_memory_equal(&decoded, &frame, sizeof(frame));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			CHECK_FAMILY(FAMILY),
			cmocka_unit_test(test_decode_refuses),
			cmocka_unit_test(test_encode_refuses_screen),
			cmocka_unit_test(test_encode_refuses_buffers),
			cmocka_unit_test(test_encode_refuses_frames),
			cmocka_unit_test(test_largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
