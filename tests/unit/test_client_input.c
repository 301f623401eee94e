// What a client does, and what the display is told: the test is the display.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/input-event-codes.h>

#include "base/fd.h"
#include "base/link.h"
#include "stream/client_input.h"

static struct es_client_input input;
static int display = -1;
static struct es_link_packet packet;

static int setup(void **state) {
	int ends[2];
	assert_true(link_pair(ends));
	client_input_init(&input);
	client_input_attach(&input, ends[0]);
	display = ends[1];
	return 0;
}

static int teardown(void **state) {
	client_input_finish(&input);
	fd_close(&display);
	return 0;
}

static bool next(struct es_device_msg *msg) {
	if (link_recv(display, &packet) != ES_LINK_OK) {
		return false;
	}
	assert_true(device_msg_decode(msg, packet.data, packet.size, packet.n_fds));
	return true;
}

static void expect_nothing(void) {
	struct es_device_msg msg;
	assert_false(next(&msg));
}

static void expect_key(uint32_t code, bool pressed) {
	struct es_device_msg msg;
	assert_true(next(&msg));
	assert_int_equal(msg.type, ES_DEVICE_KEY);
	assert_int_equal(msg.key.code, code);
	assert_int_equal(msg.key.pressed, pressed);
}

static struct es_device_msg expect(enum es_device_msg_type type) {
	struct es_device_msg msg;
	assert_true(next(&msg));
	assert_int_equal(msg.type, type);
	return msg;
}

static void key(uint8_t vk, bool pressed, uint8_t modifiers) {
	client_input_put(&input,
			&(struct es_input){.type = ES_INPUT_KEY,
					.key = {.vk = vk, .pressed = pressed, .modifiers = modifiers}});
}

static void touch(enum es_input_type type, enum es_input_touch_event event, uint32_t id, float x,
		float y, float pressure) {
	client_input_put(&input,
			&(struct es_input){.type = type,
					.touch = {.event = event,
							.id = id,
							.x = x,
							.y = y,
							.pressure = pressure,
							.rotation = 0xffff,
							.tilt = 0xff}});
}

static void test_keys(void **state) {
	key('A', true, 0);
	key('A', true, 0);
	key('A', false, 0);
	key('A', false, 0);
	key(0xff, true, 0);
	expect_key(KEY_A, true);
	expect_key(KEY_A, false);
	expect_nothing();
}

static void test_modifiers_are_kept_in_step(void **state) {
	key('A', true, ES_INPUT_SHIFT | ES_INPUT_CTRL);
	expect_key(KEY_LEFTSHIFT, true);
	expect_key(KEY_LEFTCTRL, true);
	expect_key(KEY_A, true);
	expect_key(KEY_LEFTSHIFT, false);
	expect_key(KEY_LEFTCTRL, false);
	key('A', false, 0);
	expect_key(KEY_A, false);
	// The right one does as well, and one that is held is left alone.
	key(0xa1, true, ES_INPUT_SHIFT);
	expect_key(KEY_RIGHTSHIFT, true);
	key('B', true, ES_INPUT_SHIFT);
	expect_key(KEY_B, true);
	key('C', true, 0);
	expect_key(KEY_C, true);
	expect_nothing();
}

static void test_pointer(void **state) {
	client_input_put(&input, &(struct es_input){.type = ES_INPUT_MOUSE_MOVE, .move = {5, -7}});
	struct es_device_msg msg = expect(ES_DEVICE_POINTER_MOVE);
	assert_int_equal(msg.pointer_move.dx, 5 * 256);
	assert_int_equal(msg.pointer_move.dy, -7 * 256);
	client_input_put(
			&input, &(struct es_input){.type = ES_INPUT_MOUSE_MOVE, .move = {-32768, 32767}});
	msg = expect(ES_DEVICE_POINTER_MOVE);
	assert_int_equal(msg.pointer_move.dx, -32768 * 256);
	client_input_put(
			&input, &(struct es_input){.type = ES_INPUT_MOUSE_PLACE, .place = {1000, 65535}});
	msg = expect(ES_DEVICE_POINTER_PLACE);
	assert_int_equal(msg.pointer_place.x, 1000);
	assert_int_equal(msg.pointer_place.y, 65535);
	// Up is positive there and negative here.
	client_input_put(&input, &(struct es_input){.type = ES_INPUT_WHEEL, .wheel = {120}});
	assert_int_equal(expect(ES_DEVICE_POINTER_WHEEL).pointer_wheel.y120, -120);
	client_input_put(&input, &(struct es_input){.type = ES_INPUT_WHEEL, .wheel = {-32768}});
	assert_int_equal(expect(ES_DEVICE_POINTER_WHEEL).pointer_wheel.y120, 32768);
	client_input_put(&input, &(struct es_input){.type = ES_INPUT_HWHEEL, .wheel = {60}});
	assert_int_equal(expect(ES_DEVICE_POINTER_WHEEL).pointer_wheel.x120, 60);
	expect_nothing();
}

static void test_buttons(void **state) {
	static const uint32_t codes[] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};
	for (uint8_t i = 0; i < 5; i++) {
		for (int press = 1; press >= 0; press--) {
			struct es_input event = {.type = ES_INPUT_MOUSE_BUTTON,
					.button = {.button = (uint8_t)(i + 1), .pressed = press}};
			client_input_put(&input, &event);
			client_input_put(&input, &event);
			struct es_device_msg msg = expect(ES_DEVICE_POINTER_BUTTON);
			assert_int_equal(msg.pointer_button.code, codes[i]);
			assert_int_equal(msg.pointer_button.pressed, press);
		}
	}
	expect_nothing();
}

static void test_text(void **state) {
	client_input_put(&input, &(struct es_input){.type = ES_INPUT_TEXT, .text = {"\xc3\xa9"}});
	assert_string_equal(expect(ES_DEVICE_TEXT).text.utf8, "\xc3\xa9");
	key('A', true, 0);
	expect_key(KEY_A, true);
	// What is no UTF-8 is left out, and changes nothing else.
	client_input_put(&input, &(struct es_input){.type = ES_INPUT_TEXT, .text = {"\xc3"}});
	client_input_put(&input, &(struct es_input){.type = ES_INPUT_TEXT, .text = {""}});
	expect_nothing();
	key('A', false, 0);
	expect_key(KEY_A, false);
}

static void test_touch(void **state) {
	touch(ES_INPUT_TOUCH, ES_INPUT_HOVER, 7, 0.5f, 0.5f, 0);
	touch(ES_INPUT_TOUCH, ES_INPUT_MOVE, 7, 0.5f, 0.5f, 0);
	touch(ES_INPUT_TOUCH, ES_INPUT_UP, 7, 0.5f, 0.5f, 0);
	expect_nothing();
	touch(ES_INPUT_TOUCH, ES_INPUT_DOWN, 7, 0.25f, 1, 1);
	struct es_device_msg msg = expect(ES_DEVICE_TOUCH);
	assert_int_equal(msg.touch.phase, ES_TOUCH_DOWN);
	assert_int_equal(msg.touch.id, 7);
	assert_int_equal(msg.touch.x, 16384);
	assert_int_equal(msg.touch.y, 65535);
	touch(ES_INPUT_TOUCH, ES_INPUT_MOVE, 7, 0, 0, 1);
	assert_int_equal(expect(ES_DEVICE_TOUCH).touch.phase, ES_TOUCH_MOTION);
	// Sixteen at most.
	for (uint32_t i = 100; i < 120; i++) {
		touch(ES_INPUT_TOUCH, ES_INPUT_DOWN, i, 0, 0, 1);
	}
	for (uint32_t i = 100; i < 115; i++) {
		assert_int_equal(expect(ES_DEVICE_TOUCH).touch.id, i);
	}
	expect_nothing();
	touch(ES_INPUT_TOUCH, ES_INPUT_CANCEL, 7, 0, 0, 1);
	assert_int_equal(expect(ES_DEVICE_TOUCH).touch.phase, ES_TOUCH_CANCEL);
	touch(ES_INPUT_TOUCH, ES_INPUT_CANCEL_ALL, 0, 0, 0, 0);
	for (int i = 0; i < 15; i++) {
		assert_int_equal(expect(ES_DEVICE_TOUCH).touch.phase, ES_TOUCH_CANCEL);
	}
	expect_nothing();
}

static void test_pen(void **state) {
	touch(ES_INPUT_PEN, ES_INPUT_HOVER, 0, 0.5f, 0.5f, 0.5f);
	struct es_device_msg msg = expect(ES_DEVICE_PEN);
	assert_int_equal(msg.pen.phase, ES_PEN_HOVER);
	assert_int_equal(msg.pen.tool, ES_PEN_TIP);
	assert_int_equal(msg.pen.pressure, ES_PEN_UNKNOWN);
	assert_int_equal(msg.pen.distance, 32767);
	assert_int_equal(msg.pen.rotation, ES_PEN_UNKNOWN);
	assert_int_equal(msg.pen.tilt, ES_PEN_UNKNOWN);
	struct es_input down = {.type = ES_INPUT_PEN,
			.touch = {.event = ES_INPUT_DOWN,
					.tool = 2,
					.buttons = 1,
					.x = 0.5f,
					.y = 0.5f,
					.pressure = 1,
					.rotation = 90,
					.tilt = 30}};
	client_input_put(&input, &down);
	msg = expect(ES_DEVICE_PEN);
	assert_int_equal(msg.pen.phase, ES_PEN_DOWN);
	assert_int_equal(msg.pen.tool, ES_PEN_ERASER);
	assert_int_equal(msg.pen.buttons, 1);
	assert_int_equal(msg.pen.pressure, 65534);
	assert_int_equal(msg.pen.rotation, 90);
	assert_int_equal(msg.pen.tilt, 30);
	// A button comes without a place.
	client_input_put(&input,
			&(struct es_input){
					.type = ES_INPUT_PEN, .touch = {.event = ES_INPUT_BUTTON_ONLY, .buttons = 3}});
	msg = expect(ES_DEVICE_PEN);
	assert_int_equal(msg.pen.phase, ES_PEN_MOTION);
	assert_int_equal(msg.pen.buttons, 3);
	assert_int_equal(msg.pen.x, 32768);
	touch(ES_INPUT_PEN, ES_INPUT_HOVER_LEAVE, 0, 0, 0, 0);
	assert_int_equal(expect(ES_DEVICE_PEN).pen.phase, ES_PEN_UP);
	assert_int_equal(expect(ES_DEVICE_PEN).pen.phase, ES_PEN_AWAY);
	touch(ES_INPUT_PEN, ES_INPUT_HOVER_LEAVE, 0, 0, 0, 0);
	expect_nothing();
}

static void test_release_all_forgets(void **state) {
	key('A', true, 0);
	expect_key(KEY_A, true);
	client_input_release_all(&input);
	expect(ES_DEVICE_RELEASE_ALL);
	key('A', false, 0);
	expect_nothing();
	key('A', true, 0);
	expect_key(KEY_A, true);
}

static void fill_link(void) {
	for (int i = 0; input.queue.n == 0; i++) {
		key('A', i % 2 == 0, 0);
	}
}

static void test_motion_is_merged_while_the_link_is_full(void **state) {
	fill_link();
	for (int i = 0; i < 100000; i++) {
		client_input_put(&input, &(struct es_input){.type = ES_INPUT_MOUSE_MOVE, .move = {1, -1}});
	}
	for (int i = 0; i < 1000; i++) {
		client_input_put(&input, &(struct es_input){.type = ES_INPUT_WHEEL, .wheel = {120}});
	}
	assert_int_equal(input.queue.n, 3);
	assert_true(device_queue_waits(&input.queue));
	int64_t dx = 0, wheel = 0;
	struct es_device_msg msg;
	bool more = true;
	while (more) {
		more = false;
		while (next(&msg)) {
			more = true;
			dx += msg.type == ES_DEVICE_POINTER_MOVE ? msg.pointer_move.dx : 0;
			wheel += msg.type == ES_DEVICE_POINTER_WHEEL ? msg.pointer_wheel.y120 : 0;
		}
		device_queue_dispatch(&input.queue);
	}
	assert_int_equal(dx, ES_DEVICE_MAX_MOVE); // as much as one message says
	assert_int_equal(wheel, -120000);
	assert_false(device_queue_waits(&input.queue));
}

// Every random course of presses and releases over a link that is read now and then leaves nothing down.
static void test_nothing_stays_down(void **state) {
	bool down[ES_INPUT_N_KEYS] = {false};
	unsigned n_releases = 0;
	uint32_t seed = 12345;
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525u + 1013904223u;
		key((uint8_t)('A' + (seed >> 24) % 26), (seed >> 16) % 2, (uint8_t)((seed >> 8) % 16));
		if (i % 2000 < 1000 && i < 199000) {
			continue; // not read: the link and the queue run full
		}
		device_queue_dispatch(&input.queue);
		struct es_device_msg msg;
		while (next(&msg)) {
			if (msg.type == ES_DEVICE_RELEASE_ALL) {
				memset(down, 0, sizeof(down));
				n_releases++;
			} else {
				assert_int_not_equal(down[msg.key.code], msg.key.pressed);
				down[msg.key.code] = msg.key.pressed;
			}
			device_queue_dispatch(&input.queue);
		}
	}
	assert_true(n_releases > 0);
	// Both agree on what is held.
	assert_memory_equal(down, input.keys, sizeof(down));
	client_input_release_all(&input);
	expect(ES_DEVICE_RELEASE_ALL);
}

static void test_a_display_that_goes(void **state) {
	key('A', true, 0);
	fd_close(&display);
	key('A', false, 0);
	device_queue_dispatch(&input.queue);
	assert_int_equal(input.queue.fd, -1);
	key('B', true, 0);
	client_input_release_all(&input);
	assert_false(input.keys[KEY_B]);
	assert_false(device_queue_waits(&input.queue));
}

static void put_pad(uint16_t pad, uint16_t mask, uint32_t buttons) {
	client_input_put(&input,
			&(struct es_input){.type = ES_INPUT_PAD_STATE,
					.pad_state = {.pad = pad, .active_mask = mask, .buttons = buttons}});
}

static void test_pads_come_and_go(void **state) {
	client_input_put(
			&input, &(struct es_input){.type = ES_INPUT_PAD_ARRIVAL, .pad_arrival = {2, 1, 3, 0}});
	assert_int_equal(expect(ES_DEVICE_PAD_ARRIVAL).pad_arrival.type, ES_PAD_TYPE_XBOX);
	put_pad(2, 4, ES_PAD_A);
	assert_int_equal(expect(ES_DEVICE_PAD_STATE).pad_state.buttons, ES_PAD_A);
	put_pad(15, 0x8004, ES_PAD_B); // without an arrival
	assert_int_equal(expect(ES_DEVICE_PAD_ARRIVAL).pad_arrival.type, ES_PAD_TYPE_UNKNOWN);
	assert_int_equal(expect(ES_DEVICE_PAD_STATE).pad_state.pad, 15);
	put_pad(15, 4, 0); // it has gone, and takes nothing more
	assert_int_equal(expect(ES_DEVICE_PAD_REMOVAL).pad_removal.pad, 15);
	client_input_put(&input,
			&(struct es_input){.type = ES_INPUT_PAD_MOTION, .pad_motion = {15, 1, 0, 0, 0}});
	put_pad(15, 4, ES_PAD_A);
	expect_nothing();
	// Another display is told of what is there.
	client_input_attach(&input, -1);
	int ends[2];
	assert_true(link_pair(ends));
	client_input_attach(&input, ends[0]);
	fd_close(&display);
	display = ends[1];
	put_pad(2, 4, 0);
	assert_int_equal(expect(ES_DEVICE_PAD_ARRIVAL).pad_arrival.type, ES_PAD_TYPE_XBOX);
	expect(ES_DEVICE_PAD_STATE);
	expect_nothing();
}

static void test_pad_values(void **state) {
	put_pad(0, 1, 0);
	expect(ES_DEVICE_PAD_ARRIVAL);
	expect(ES_DEVICE_PAD_STATE);
	client_input_put(&input,
			&(struct es_input){
					.type = ES_INPUT_PAD_MOTION, .pad_motion = {0, 2, -1.5f, 100000, -100000}});
	struct es_device_msg msg = expect(ES_DEVICE_PAD_MOTION);
	assert_int_equal(msg.pad_motion.sensor, ES_PAD_GYROSCOPE);
	assert_int_equal(msg.pad_motion.x, -1500);
	assert_int_equal(msg.pad_motion.y, 100000000);
	assert_int_equal(msg.pad_motion.z, -100000000);
	client_input_put(&input,
			&(struct es_input){
					.type = ES_INPUT_PAD_TOUCH, .pad_touch = {0, ES_INPUT_DOWN, 1, 5, 0.5f, 1, 1}});
	msg = expect(ES_DEVICE_PAD_TOUCH);
	assert_int_equal(msg.pad_touch.touchpad, 1);
	assert_int_equal(msg.pad_touch.x, 32768);
	assert_int_equal(msg.pad_touch.y, 65535);
	client_input_put(
			&input, &(struct es_input){.type = ES_INPUT_PAD_BATTERY, .pad_battery = {0, 3, 77}});
	assert_int_equal(expect(ES_DEVICE_PAD_BATTERY).pad_battery.percent, 77);
}

// While the link is full, sticks move on in place, and no press is lost.
static void test_pads_wait_together(void **state) {
	put_pad(0, 1, 0);
	for (int i = 0; i < 100000; i++) {
		client_input_put(&input,
				&(struct es_input){.type = ES_INPUT_PAD_STATE,
						.pad_state = {.active_mask = 1, .lx = (int16_t)(i % 30000)}});
		client_input_put(&input,
				&(struct es_input){.type = ES_INPUT_PAD_MOTION, .pad_motion = {0, 1, 1, 2, 3}});
	}
	put_pad(0, 1, ES_PAD_A);
	put_pad(0, 1, 0);
	put_pad(0, 1, ES_PAD_A);
	put_pad(0, 1, 0);
	assert_true(device_queue_waits(&input.queue));
	struct es_device_msg msg;
	int presses = 0;
	int16_t lx = 0;
	uint32_t buttons = 0;
	for (;;) {
		if (!next(&msg)) {
			if (!device_queue_waits(&input.queue)) {
				break;
			}
			device_queue_dispatch(&input.queue);
			continue;
		}
		assert_int_not_equal(msg.type, ES_DEVICE_RELEASE_ALL);
		if (msg.type == ES_DEVICE_PAD_STATE) {
			presses += msg.pad_state.buttons != 0 && buttons == 0;
			lx = buttons == 0 && msg.pad_state.buttons == 0 && presses == 0 ? msg.pad_state.lx : lx;
			buttons = msg.pad_state.buttons;
		}
	}
	assert_int_equal(presses, 2);
	assert_int_equal(lx, 99999 % 30000);
	assert_int_equal(buttons, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
			cmocka_unit_test_setup_teardown(test_modifiers_are_kept_in_step, setup, teardown),
			cmocka_unit_test_setup_teardown(test_pointer, setup, teardown),
			cmocka_unit_test_setup_teardown(test_buttons, setup, teardown),
			cmocka_unit_test_setup_teardown(test_text, setup, teardown),
			cmocka_unit_test_setup_teardown(test_touch, setup, teardown),
			cmocka_unit_test_setup_teardown(test_pen, setup, teardown),
			cmocka_unit_test_setup_teardown(test_release_all_forgets, setup, teardown),
			cmocka_unit_test_setup_teardown(
					test_motion_is_merged_while_the_link_is_full, setup, teardown),
			cmocka_unit_test_setup_teardown(test_nothing_stays_down, setup, teardown),
			cmocka_unit_test_setup_teardown(test_a_display_that_goes, setup, teardown),
			cmocka_unit_test_setup_teardown(test_pads_come_and_go, setup, teardown),
			cmocka_unit_test_setup_teardown(test_pad_values, setup, teardown),
			cmocka_unit_test_setup_teardown(test_pads_wait_together, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
