#include "protocol/input_msg.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/vectors/control_vectors.h"
#include "tests/vectors/family.h"

static uint32_t next_random(void) {
	static uint32_t state = 1;
	state = state * 1664525 + 1013904223;
	return state >> 8 ^ state << 16;
}

static bool near(uint16_t a, uint16_t b, uint32_t width) {
	return (uint32_t)abs(a - b) <= 65535 / (width - 1) / 2 + 1;
}

static bool same_touch(const struct es_input *a, const struct es_input *b) {
	bool pen = a->type != ES_INPUT_PEN ||
			(a->touch.tool == b->touch.tool && a->touch.buttons == b->touch.buttons &&
					a->touch.tilt == b->touch.tilt);
	bool touch = a->type != ES_INPUT_TOUCH || a->touch.id == b->touch.id;
	return pen && touch && a->touch.event == b->touch.event && a->touch.x == b->touch.x &&
			a->touch.y == b->touch.y && a->touch.pressure == b->touch.pressure &&
			a->touch.major == b->touch.major && a->touch.minor == b->touch.minor &&
			a->touch.rotation == b->touch.rotation;
}

static bool same_pad(const struct es_input *a, const struct es_input *b) {
	return a->pad_state.pad == b->pad_state.pad &&
			a->pad_state.active_mask == b->pad_state.active_mask &&
			a->pad_state.buttons == b->pad_state.buttons &&
			a->pad_state.left_trigger == b->pad_state.left_trigger &&
			a->pad_state.right_trigger == b->pad_state.right_trigger &&
			a->pad_state.lx == b->pad_state.lx && a->pad_state.ly == b->pad_state.ly &&
			a->pad_state.rx == b->pad_state.rx && a->pad_state.ry == b->pad_state.ry;
}

static bool same(const struct es_input *a, const struct es_input *b, uint16_t width) {
	if (a->type != b->type) {
		return false;
	}
	switch (a->type) {
	case ES_INPUT_KEY:
		return a->key.pressed == b->key.pressed && a->key.by_character == b->key.by_character &&
				a->key.vk == b->key.vk && a->key.modifiers == b->key.modifiers;
	case ES_INPUT_MOUSE_MOVE:
		return a->move.dx == b->move.dx && a->move.dy == b->move.dy;
	case ES_INPUT_MOUSE_PLACE:
		return near(a->place.x, b->place.x, width) && near(a->place.y, b->place.y, width);
	case ES_INPUT_MOUSE_BUTTON:
		return a->button.button == b->button.button && a->button.pressed == b->button.pressed;
	case ES_INPUT_WHEEL:
	case ES_INPUT_HWHEEL:
		return a->wheel.amount == b->wheel.amount;
	case ES_INPUT_TEXT:
		return strcmp(a->text.utf8, b->text.utf8) == 0;
	case ES_INPUT_TOUCH:
	case ES_INPUT_PEN:
		return same_touch(a, b);
	case ES_INPUT_HAPTICS:
		return true;
	case ES_INPUT_PAD_STATE:
		return same_pad(a, b);
	case ES_INPUT_PAD_ARRIVAL:
		return a->pad_arrival.pad == b->pad_arrival.pad &&
				a->pad_arrival.type == b->pad_arrival.type &&
				a->pad_arrival.capabilities == b->pad_arrival.capabilities &&
				a->pad_arrival.buttons == b->pad_arrival.buttons;
	case ES_INPUT_PAD_TOUCH:
		return a->pad_touch.pad == b->pad_touch.pad && a->pad_touch.event == b->pad_touch.event &&
				a->pad_touch.touchpad == b->pad_touch.touchpad &&
				a->pad_touch.id == b->pad_touch.id && a->pad_touch.x == b->pad_touch.x &&
				a->pad_touch.y == b->pad_touch.y && a->pad_touch.pressure == b->pad_touch.pressure;
	case ES_INPUT_PAD_MOTION:
		return a->pad_motion.pad == b->pad_motion.pad && a->pad_motion.type == b->pad_motion.type &&
				a->pad_motion.x == b->pad_motion.x && a->pad_motion.y == b->pad_motion.y &&
				a->pad_motion.z == b->pad_motion.z;
	case ES_INPUT_PAD_BATTERY:
		return a->pad_battery.pad == b->pad_battery.pad &&
				a->pad_battery.state == b->pad_battery.state &&
				a->pad_battery.percent == b->pad_battery.percent;
	}
	return false;
}

static bool parse_hex(struct es_input *input, const char *hex) {
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	return input_parse(input, bytes, hex_bytes(hex, bytes));
}

static void test_vectors(void **state) {
	for (size_t i = 0; i < n_input_vectors; i++) {
		const struct es_input_vector *vector = &input_vectors[i];
		uint8_t bytes[ES_VECTOR_MAX_SIZE], out[ES_INPUT_MAX_SIZE];
		size_t size = hex_bytes(vector->hex, bytes);
		struct es_input input;
		if (!input_parse(&input, bytes, size) || !same(&input, &vector->input, UINT16_MAX)) {
			fail_msg("%s", vector->name);
		}
		assert_int_equal(size, input_put(out, &vector->input, vector->width, vector->height));
		if (vector->input.type == ES_INPUT_KEY && !vector->input.key.pressed) {
			continue; // made up beside the caught ones
		}
		assert_memory_equal(bytes, out, size);
	}
}

// One byte more or less, another number in front of it, or a length that lies: refused.
static void test_exact_sizes(void **state) {
	for (size_t i = 0; i < n_input_vectors; i++) {
		uint8_t bytes[ES_VECTOR_MAX_SIZE] = {0};
		size_t size = hex_bytes(input_vectors[i].hex, bytes);
		struct es_input input;
		bool any_size = input_vectors[i].input.type == ES_INPUT_TEXT;
		for (size_t other = 0; other < 2 * size; other++) {
			bool wrong = other != size;
			assert_int_equal(!wrong, input_parse(&input, bytes, other));
			uint8_t length = bytes[3];
			bytes[3] = (uint8_t)(other - 4);
			if (wrong && other >= 4 && !any_size && input_parse(&input, bytes, other)) {
				fail_msg("%s of %zu bytes", input_vectors[i].name, other);
			}
			bytes[3] = length;
		}
		bytes[0] = 1;
		assert_false(input_parse(&input, bytes, size));
	}
}

static float random_unit(void) {
	return (float)(next_random() % 65537) / 65536;
}

static void random_touch(struct es_input *in) {
	in->touch.event = (enum es_input_touch_event)(next_random() % 8);
	if (in->type == ES_INPUT_TOUCH && in->touch.event == ES_INPUT_BUTTON_ONLY) {
		in->touch.event = ES_INPUT_DOWN;
	}
	in->touch.tool = next_random() % 3;
	in->touch.buttons = next_random() % 8;
	in->touch.id = next_random();
	in->touch.x = random_unit();
	in->touch.y = random_unit();
	in->touch.pressure = random_unit();
	in->touch.major = random_unit();
	in->touch.minor = random_unit();
	in->touch.rotation = next_random() % 8 ? next_random() % 360 : 0xffff;
	in->touch.tilt = next_random() % 8 ? next_random() % 91 : 0xff;
}

static void random_pad_state(struct es_input *in) {
	in->pad_state.pad = next_random() % 16;
	in->pad_state.active_mask = (uint16_t)next_random();
	in->pad_state.buttons = next_random();
	in->pad_state.left_trigger = (uint8_t)next_random();
	in->pad_state.right_trigger = (uint8_t)next_random();
	in->pad_state.lx = (int16_t)next_random();
	in->pad_state.ly = (int16_t)next_random();
	in->pad_state.rx = (int16_t)next_random();
	in->pad_state.ry = (int16_t)next_random();
}

static void random_pad(struct es_input *in) {
	uint8_t pad = next_random() % 16;
	if (in->type == ES_INPUT_PAD_ARRIVAL) {
		in->pad_arrival.pad = pad;
		in->pad_arrival.type = next_random() % 5;
		in->pad_arrival.capabilities = (uint16_t)next_random();
		in->pad_arrival.buttons = next_random();
	} else if (in->type == ES_INPUT_PAD_TOUCH) {
		in->pad_touch.pad = pad;
		in->pad_touch.event = next_random() % 8;
		in->pad_touch.touchpad = next_random() % 2;
		in->pad_touch.id = next_random();
		in->pad_touch.x = random_unit();
		in->pad_touch.y = random_unit();
		in->pad_touch.pressure = random_unit();
	} else if (in->type == ES_INPUT_PAD_MOTION) {
		in->pad_motion.pad = pad;
		in->pad_motion.type = (uint8_t)(1 + next_random() % 2);
		in->pad_motion.x = (random_unit() - 0.5f) * 4000;
		in->pad_motion.y = (random_unit() - 0.5f) * 4000;
		in->pad_motion.z = (random_unit() - 0.5f) * 4000;
	} else {
		in->pad_battery.pad = pad;
		in->pad_battery.state = next_random() % 6;
		in->pad_battery.percent = next_random() % 8 ? next_random() % 101 : 0xff;
	}
}

static void random_text(struct es_input *in) {
	size_t size = 1 + next_random() % ES_INPUT_MAX_TEXT;
	for (size_t i = 0; i < size; i++) {
		in->text.utf8[i] = (char)(1 + next_random() % 255);
	}
}

static struct es_input random_input(enum es_input_type type) {
	struct es_input in = {.type = type};
	switch (type) {
	case ES_INPUT_KEY:
		in.key.pressed = next_random() & 1;
		in.key.by_character = next_random() & 1;
		in.key.vk = (uint8_t)next_random();
		in.key.modifiers = next_random() & 15;
		break;
	case ES_INPUT_MOUSE_MOVE:
		in.move.dx = (int16_t)next_random();
		in.move.dy = (int16_t)next_random();
		break;
	case ES_INPUT_MOUSE_PLACE:
		in.place.x = (uint16_t)next_random();
		in.place.y = (uint16_t)next_random();
		break;
	case ES_INPUT_MOUSE_BUTTON:
		in.button.button = (uint8_t)(1 + next_random() % 5);
		in.button.pressed = next_random() & 1;
		break;
	case ES_INPUT_WHEEL:
	case ES_INPUT_HWHEEL:
		in.wheel.amount = (int16_t)next_random();
		break;
	case ES_INPUT_TEXT:
		random_text(&in);
		break;
	case ES_INPUT_TOUCH:
	case ES_INPUT_PEN:
		random_touch(&in);
		break;
	case ES_INPUT_PAD_STATE:
		random_pad_state(&in);
		break;
	case ES_INPUT_HAPTICS:
		break;
	default:
		random_pad(&in);
	}
	return in;
}

static void test_round_trip(void **state) {
	for (int type = ES_INPUT_KEY; type <= ES_INPUT_PAD_BATTERY; type++) {
		for (size_t i = 0; i < 500; i++) {
			struct es_input in = random_input((enum es_input_type)type), again;
			uint16_t width = (uint16_t)(2 + next_random() % 32767);
			uint8_t bytes[ES_INPUT_MAX_SIZE];
			size_t size = input_put(bytes, &in, width, width);
			assert_true(size > 0);
			if (!input_parse(&again, bytes, size) || !same(&in, &again, width)) {
				fail_msg("type %d, round %zu", type, i);
			}
		}
	}
}

static void assert_place(const char *hex, uint16_t x, uint16_t y) {
	struct es_input input;
	assert_true(parse_hex(&input, hex));
	assert_int_equal(ES_INPUT_MOUSE_PLACE, input.type);
	assert_int_equal(x, input.place.x);
	assert_int_equal(y, input.place.y);
}

static void test_place(void **state) {
	assert_place("0000000e 05000000 0000 0000 0000 04ff 02cf", 0, 0);
	assert_place("0000000e 05000000 04ff 02cf 0000 04ff 02cf", 65535, 65535); // the far edges
	assert_place("0000000e 05000000 04fe 02ce 0000 04ff 02cf", 65484, 65444);
	assert_place("0000000e 05000000 0500 7fff 0000 04ff 02cf", 65535, 65535); // clamped
	assert_place("0000000e 05000000 ffff 8000 0000 04ff 02cf", 0, 0);
	assert_place("0000000e 05000000 7fff 4000 0000 7fff 7fff", 65535, 32769);
	assert_place("0000000e 05000000 0001 0000 0000 0001 0001", 65535, 0);
	struct es_input input;
	assert_false(parse_hex(&input, "0000000e 05000000 0000 0000 0000 0000 02cf"));
	assert_false(parse_hex(&input, "0000000e 05000000 0000 0000 0000 04ff 0000"));
	assert_false(parse_hex(&input, "0000000e 05000000 0000 0000 0000 ffff 02cf"));
	assert_false(parse_hex(&input, "0000000e 05000000 0000 0000 0000 04ff 8000"));
	uint8_t out[ES_INPUT_MAX_SIZE];
	struct es_input place = {.type = ES_INPUT_MOUSE_PLACE};
	assert_int_equal(0, input_put(out, &place, 1, 720)); // no two pixels, no far edge
	assert_int_equal(0, input_put(out, &place, 1280, 0));
	assert_int_equal(0, input_put(out, &place, 32769, 720));
	assert_int_equal(18, input_put(out, &place, 32768, 2));
}

#define NAN_LE "0000c07f"
#define INF_LE "0000807f"
#define MINUS_INF_LE "000080ff"
#define TWO_LE "00000040"
#define MINUS_ONE_LE "000080bf"

static void test_floats(void **state) {
	static const char *const bad[] = {NAN_LE, INF_LE, MINUS_INF_LE, "010080ff"};
	struct es_input input;
	for (size_t i = 0; i < n_input_vectors; i++) {
		const struct es_input_vector *vector = &input_vectors[i];
		size_t first = vector->input.type == ES_INPUT_TOUCH ? 16
				: vector->input.type == ES_INPUT_PEN || vector->input.type == ES_INPUT_PAD_MOTION
				? 12
				: vector->input.type == ES_INPUT_PAD_TOUCH ? 16
														   : 0;
		uint8_t bytes[ES_VECTOR_MAX_SIZE], value[ES_VECTOR_MAX_SIZE];
		size_t size = hex_bytes(vector->hex, bytes);
		for (size_t at = first; first > 0 && at < size; at += 4) {
			if (vector->input.type == ES_INPUT_PEN && at == 24) {
				continue; // rotation and tilt
			}
			for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
				hex_bytes(bad[k], value);
				uint8_t changed[ES_VECTOR_MAX_SIZE];
				memcpy(changed, bytes, size);
				memcpy(changed + at, value, 4);
				if (input_parse(&input, changed, size)) {
					fail_msg("%s: %s at %zu", vector->name, bad[k], at);
				}
			}
		}
	}
	assert_true(parse_hex(&input,
			"00000020 02000055 01 00 ffff 07000000 " TWO_LE MINUS_ONE_LE TWO_LE MINUS_ONE_LE
			"ffff7f7f"));
	assert_true(input.touch.x == 1 && input.touch.y == 0 && input.touch.pressure == 1);
	assert_true(input.touch.major == 0 && input.touch.minor == 1);
	assert_true(parse_hex(&input, "00000014 06000055 00 02 0000 ffff7f7f ffff7fff 01000000"));
	assert_true(input.pad_motion.x == 100000 && input.pad_motion.y == -100000);
	assert_true(isfinite(input.pad_motion.z));
}

static void refuse(const char *hex) {
	struct es_input input;
	if (parse_hex(&input, hex)) {
		fail_msg("\"%s\" is taken", hex);
	}
	assert_int_equal(0, input.type);
}

static void test_ranges(void **state) {
	refuse("");
	refuse("00000004");
	refuse("00000004 ff000000");
	refuse("00000004 17000000"); // no text
	refuse("00000007 17000000 610062"); // NUL in it
	refuse("00000025 17000000 6161616161616161616161616161616161616161616161616161616161616161 61");
	refuse("00000005 08000000 00");
	refuse("00000005 09000000 06");
	refuse("0000001e 0c000000 1a00 1000 0100 1400 0010 0a c8 0080 ff7f 0100 ffff 9c00 0100 5500");
	refuse("0000001e 0c000000 1a00 0001 0100 1400 0010 0a c8 0080 ff7f 0100 ffff 9c00 0100 5500");
	refuse("0000000c 04000055 10 01 0300 ffff0000");
	refuse("00000014 06000055 10 02 0000 0000c03f 000020c0 00000000");
	refuse("00000014 06000055 00 00 0000 0000c03f 000020c0 00000000");
	refuse("00000014 06000055 00 03 0000 0000c03f 000020c0 00000000");
	refuse("00000018 05000055 10 01 00 00 00000000 cdcccc3d 6666663f 0000803f");
	refuse("00000018 05000055 00 08 00 00 00000000 cdcccc3d 6666663f 0000803f");
	refuse("00000008 07000055 ff 02 37 00");
	refuse("00000020 02000055 08 00 ffff 07000000 0000803e 0000003f 0000803f 00000000 00000000");
	refuse("00000020 02000055 05 00 ffff 07000000 0000803e 0000003f 0000803f 00000000 00000000");
	refuse("00000020 03000055 08 01 01 00 0000003f 0000003f 0000403f 5a00 1e 00 00000000 00000000");

	// unknown, not refused
	struct es_input input;
	assert_true(parse_hex(&input,
			"00000020 03000055 03 03 ff 00 0000003f 0000003f 0000403f 6801 5b 00 00000000 00000000"));
	assert_int_equal(0, input.touch.tool);
	assert_int_equal(7, input.touch.buttons);
	assert_int_equal(0xffff, input.touch.rotation);
	assert_int_equal(0xff, input.touch.tilt);
	assert_true(parse_hex(&input, "0000000c 04000055 0f 05 ffff ffffffff"));
	assert_int_equal(0, input.pad_arrival.type);
	assert_int_equal(15, input.pad_arrival.pad);
	assert_true(parse_hex(&input, "00000008 07000055 00 06 65 00"));
	assert_int_equal(0, input.pad_battery.state);
	assert_int_equal(0xff, input.pad_battery.percent);
	assert_true(parse_hex(&input, "0000000a 03000000 ff 41ff ff 0000"));
	assert_true(input.key.pressed && input.key.by_character);
	assert_int_equal('A', input.key.vk);
	assert_int_equal(15, input.key.modifiers);
	assert_true(parse_hex(&input,
			"00000024 17000000 6161616161616161616161616161616161616161616161616161616161616161"));
	assert_int_equal(32, strlen(input.text.utf8));
}

static void test_put_refuses(void **state) {
	uint8_t out[ES_INPUT_MAX_SIZE];
	struct es_input input = {0};
	assert_int_equal(0, input_put(out, &input, 1280, 720));
	input.type = (enum es_input_type)99;
	assert_int_equal(0, input_put(out, &input, 1280, 720));
	input.type = ES_INPUT_TEXT; // without text
	assert_int_equal(0, input_put(out, &input, 1280, 720));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_vectors),
			cmocka_unit_test(test_exact_sizes),
			cmocka_unit_test(test_round_trip),
			cmocka_unit_test(test_place),
			cmocka_unit_test(test_floats),
			cmocka_unit_test(test_ranges),
			cmocka_unit_test(test_put_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
