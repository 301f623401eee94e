// Gamepads, as far as they need no kernel: which kind is shown, what its reports say byte for byte, what is
// read from its driver, and how effects add up.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "compositor/gamepad.h"
#include "compositor/pad_effects.h"
#include "compositor/pad_feedback.h"
#include "compositor/pad_model.h"

#define ALL_SENSORS (ES_PAD_HAS_TOUCHPAD | ES_PAD_HAS_ACCELEROMETER | ES_PAD_HAS_GYROSCOPE)

static void test_kinds(void **state) {
	assert_int_equal(gamepad_choose(ES_GAMEPAD_AUTO, ES_PAD_TYPE_UNKNOWN, 3), ES_GAMEPAD_XBOX);
	assert_int_equal(
			gamepad_choose(ES_GAMEPAD_AUTO, ES_PAD_TYPE_XBOX, ALL_SENSORS), ES_GAMEPAD_XBOX);
	assert_int_equal(
			gamepad_choose(ES_GAMEPAD_AUTO, ES_PAD_TYPE_PLAYSTATION, 0), ES_GAMEPAD_DUALSENSE);
	assert_int_equal(gamepad_choose(ES_GAMEPAD_AUTO, ES_PAD_TYPE_NINTENDO, 0), ES_GAMEPAD_SWITCH);
	assert_int_equal(
			gamepad_choose(ES_GAMEPAD_AUTO, ES_PAD_TYPE_STEAM, ALL_SENSORS), ES_GAMEPAD_DUALSENSE);
	assert_int_equal(gamepad_choose(ES_GAMEPAD_AUTO, ES_PAD_TYPE_STEAM, ES_PAD_HAS_TOUCHPAD),
			ES_GAMEPAD_XBOX);
	assert_int_equal(
			gamepad_choose(ES_GAMEPAD_DUALSHOCK4, ES_PAD_TYPE_XBOX, 0), ES_GAMEPAD_DUALSHOCK4);
}

// Each field has a value of its own.
static const struct es_pad_report full = {
		.buttons = ES_PAD_UP | ES_PAD_RIGHT | ES_PAD_A | ES_PAD_Y | ES_PAD_START |
				ES_PAD_LEFT_STICK | ES_PAD_RIGHT_SHOULDER | ES_PAD_GUIDE | ES_PAD_TOUCHPAD |
				ES_PAD_MISC,
		.left_trigger = 255,
		.right_trigger = 0,
		.lx = -32768,
		.ly = 32767,
		.rx = 32767,
		.ry = -32768,
		.acceleration = {9807, -9807, 1000000},
		.rotation = {1000, -2000, 3000},
		.contacts = {{true, 9, 1, 65535, 0}, {false, 9, 2, 0, 65535}},
		.battery = ES_PAD_BATTERY_CHARGING,
		.percent = 42,
		.time_us = 0x10000,
		.sequence = 0x2a,
		.address = {1, 2, 3, 4, 5, 6},
		.streams = true,
};

static void assert_bytes(const uint8_t *data, const char *hex) {
	size_t at = 0;
	for (const char *p = hex; *p != '\0'; p++) {
		if (*p == ' ') {
			continue;
		}
		const char digits[3] = {p[0], p[1], '\0'};
		unsigned long value = strtoul(digits, NULL, 16);
		if (data[at] != value) {
			fail_msg("byte %zu is %02x, not %02lx", at, data[at], value);
		}
		at++;
		p++;
	}
}

static void test_dualsense(void **state) {
	uint8_t out[ES_PAD_REPORT_SIZE];
	assert_int_equal(pad_model_dualsense.pack(&full, out), 64);
	assert_bytes(out,
			"01 00 00 ff ff ff 00 2a a1 66 07 00 00 00 00 00" // up to the buttons
			"1000 e0ff 3000 0020 00e0 ff7f 00000300 00" // rotation, acceleration, time
			"01 7f 07 00 82 00 70 43" // contacts
			"00 00 00 00 00 00 00 00 00 00 00 00 14"); // battery
	assert_int_equal(pad_model_dualsense.feature(&full, 0x09, out), 20);
	assert_bytes(out, "09 06 05 04 03 02 01");
	assert_int_equal(pad_model_dualsense.feature(&full, 0x05, out), 41);
	assert_bytes(out, "05 0000 0000 0000 c021 40de c021 40de c021 40de 1c02 1c02 0020 00e0");
	assert_int_equal(pad_model_dualsense.feature(&full, 0x20, out), 64);
	assert_int_equal(pad_model_dualsense.feature(&full, 0x21, out), 0);
}

static void test_dualsense_output(void **state) {
	struct es_pad_report report = {0};
	struct es_pad_answers answers = {0};
	uint8_t data[48] = {2, 0x03 | 0x08, 0x04, 0x10, 0x20, [22] = 0x26, 1, [32] = 9, [45] = 7, 8, 9};
	pad_model_dualsense.output(&report, data, sizeof(data), &answers);
	assert_int_equal(answers.n_feedback, 3);
	assert_int_equal(answers.feedback[0].type, ES_DEVICE_RUMBLE);
	assert_int_equal(answers.feedback[0].rumble.high, 0x1010);
	assert_int_equal(answers.feedback[0].rumble.low, 0x2020);
	assert_int_equal(answers.feedback[1].led.green, 8);
	assert_int_equal(answers.feedback[2].trigger_effect.sides, ES_PAD_EFFECT_LEFT);
	assert_int_equal(answers.feedback[2].trigger_effect.left_type, 0x26);
	assert_int_equal(answers.feedback[2].trigger_effect.left[9], 9);
	answers.n_feedback = 0;
	pad_model_dualsense.output(&report, (const uint8_t[48]){2}, 48, &answers);
	assert_int_equal(answers.n_feedback, 1);
	assert_int_equal(answers.feedback[0].type, ES_DEVICE_RUMBLE);
	assert_int_equal(answers.feedback[0].rumble.low, 0);
	for (size_t size = 0; size < sizeof(data); size++) {
		answers.n_feedback = 0;
		pad_model_dualsense.output(&report, data, size, &answers);
		assert_int_equal(answers.n_feedback, 0);
	}
}

static void test_dualshock4(void **state) {
	uint8_t out[ES_PAD_REPORT_SIZE];
	assert_int_equal(pad_model_dualshock4.pack(&full, out), 64);
	assert_bytes(out,
			"01 00 00 ff ff a1 66 ab ff 00 0030 00" // up to the temperature
			"1000 e0ff 3000 0020 00e0 ff7f 00 00 00 00 00 14 00 00" // up to the battery
			"01 2a 01 7f 07 00 82 00 d0 3a"); // contacts
	assert_int_equal(pad_model_dualshock4.feature(&full, 0x12, out), 16);
	assert_bytes(out, "12 06 05 04 03 02 01");
	struct es_pad_report report = {0};
	struct es_pad_answers answers = {0};
	const uint8_t data[32] = {5, 3, 0, 0, 1, 2, 3, 4, 5};
	pad_model_dualshock4.output(&report, data, sizeof(data), &answers);
	assert_int_equal(answers.n_feedback, 2);
	assert_int_equal(answers.feedback[0].rumble.low, 0x202);
	assert_int_equal(answers.feedback[0].rumble.high, 0x101);
	assert_int_equal(answers.feedback[1].led.blue, 5);
}

static void test_switch(void **state) {
	uint8_t out[ES_PAD_REPORT_SIZE];
	struct es_pad_report report = full;
	report.streams = false;
	assert_int_equal(pad_model_switch.pack(&report, out), 0);
	assert_int_equal(pad_model_switch.pack(&full, out), 49);
	assert_bytes(out,
			"30 2a 50 46 3a 86 00f0ff ff0f00 70" // up to the motors
			"0080 00f0 00f0 d6ff f2ff e4ff"); // forward, left, up
}

static void ask_switch(struct es_pad_report *report, struct es_pad_answers *answers,
		const uint8_t *command, size_t size) {
	uint8_t data[64] = {1, 0, 0, 1, 0x40, 0x40, 0, 1, 0x40, 0x40};
	memcpy(data + 10, command, size);
	answers->reply_size = answers->n_feedback = 0;
	pad_model_switch.output(report, data, 10 + size, answers);
}

static void test_switch_subcommands(void **state) {
	struct es_pad_report report = full;
	struct es_pad_answers answers;
	report.streams = false;
	ask_switch(&report, &answers, (const uint8_t[]){0x02}, 1);
	assert_int_equal(answers.reply_size, 49);
	assert_int_equal(answers.reply[0], 0x21);
	assert_bytes(answers.reply + 13, "82 02 04 33 03 02 01 02 03 04 05 06");
	ask_switch(&report, &answers, (const uint8_t[]){0x10, 0x3d, 0x60, 0, 0, 9}, 6);
	assert_bytes(answers.reply + 13, "90 10 3d600000 09 fff77f 000880 000880");
	// What is not there, and more than there is.
	ask_switch(&report, &answers, (const uint8_t[]){0x10, 0xff, 0xff, 0xff, 0xff, 255}, 6);
	assert_bytes(answers.reply + 13, "90 10 ffffffff 1d ff ff ff");
	ask_switch(&report, &answers, (const uint8_t[]){0x10, 1}, 2);
	assert_false(report.streams);
	ask_switch(&report, &answers, (const uint8_t[]){0x03, 0x30}, 2);
	assert_true(report.streams);
	ask_switch(&report, &answers, (const uint8_t[]){0x03, 0x3f}, 2); // by another
	assert_true(report.streams);
	const uint8_t rumble[10] = {0x10, 0, 0x28, 0xc8, 0x40, 0x72, 0, 0x03, 0x40, 0x40};
	answers.reply_size = answers.n_feedback = 0;
	pad_model_switch.output(&report, rumble, sizeof(rumble), &answers);
	assert_int_equal(answers.reply_size, 0);
	assert_int_equal(answers.n_feedback, 1);
	assert_true(answers.feedback[0].rumble.low >= 65400);
	assert_int_equal(answers.feedback[0].rumble.high / 100, 6);
}

static void test_effects(void **state) {
	struct es_pad_effects effects;
	uint16_t strong, weak;
	pad_effects_init(&effects);
	struct ff_effect a = {.type = FF_RUMBLE, .id = 0, .replay = {.length = 100, .delay = 10}};
	a.u.rumble.strong_magnitude = 40000;
	struct ff_effect b = {.type = FF_RUMBLE, .id = 15};
	b.u.rumble.strong_magnitude = 30000;
	b.u.rumble.weak_magnitude = 100;
	assert_int_equal(pad_effects_upload(&effects, &a), 0);
	assert_int_equal(pad_effects_upload(&effects, &b), 0);
	b.id = 16;
	assert_true(pad_effects_upload(&effects, &b) < 0);
	b.id = -1;
	assert_true(pad_effects_upload(&effects, &b) < 0);
	assert_true(pad_effects_mix(&effects, 0, &strong, &weak) == ES_PAD_NEVER && strong == 0);

	pad_effects_event(&effects, 0, 2, 0); // twice
	assert_int_equal(pad_effects_mix(&effects, 0, &strong, &weak), 10 * ES_NS_PER_MS);
	assert_int_equal(strong, 0);
	assert_int_equal(
			pad_effects_mix(&effects, 10 * ES_NS_PER_MS, &strong, &weak), 210 * ES_NS_PER_MS);
	assert_int_equal(strong, 40000);
	pad_effects_event(&effects, 15, 1, 20 * ES_NS_PER_MS);
	pad_effects_mix(&effects, 20 * ES_NS_PER_MS, &strong, &weak);
	assert_int_equal(strong, 65535);
	assert_int_equal(weak, 100);
	pad_effects_event(&effects, FF_GAIN, 0x8000, 20 * ES_NS_PER_MS);
	assert_true(pad_effects_mix(&effects, 210 * ES_NS_PER_MS, &strong, &weak) == ES_PAD_NEVER);
	assert_int_equal(strong, 15000);
	pad_effects_erase(&effects, 15);
	pad_effects_mix(&effects, 300 * ES_NS_PER_MS, &strong, &weak);
	assert_int_equal(strong, 0);
	pad_effects_event(&effects, 15, 1, 0); // it is no longer there
	pad_effects_event(&effects, 200, 1, 0);
	pad_effects_mix(&effects, 1, &strong, &weak);
	assert_int_equal(strong, 0);
}

static void test_feedback(void **state) {
	struct es_pad_feedback feedback = {0};
	struct es_device_msg msg;
	size_t slot;
	assert_false(pad_feedback_next(&feedback, &msg, &slot));
	for (uint16_t i = 1; i <= 1000; i++) {
		msg = (struct es_device_msg){.type = ES_DEVICE_RUMBLE, .rumble = {3, i, 0}};
		pad_feedback_put(&feedback, &msg);
	}
	assert_true(pad_feedback_next(&feedback, &msg, &slot));
	assert_int_equal(msg.rumble.low, 1000);
	pad_feedback_sent(&feedback, slot);
	pad_feedback_put(&feedback, &msg); // nothing new
	assert_false(pad_feedback_next(&feedback, &msg, &slot));
	pad_feedback_repeat(&feedback);
	assert_true(pad_feedback_next(&feedback, &msg, &slot));
	pad_feedback_sent(&feedback, slot);

	msg = (struct es_device_msg){
			.type = ES_DEVICE_TRIGGER_EFFECT, .trigger_effect = {3, ES_PAD_EFFECT_LEFT, 1, 0, {7}}};
	pad_feedback_put(&feedback, &msg);
	msg = (struct es_device_msg){.type = ES_DEVICE_TRIGGER_EFFECT,
			.trigger_effect = {3, ES_PAD_EFFECT_RIGHT, 0, 2, {0}, {8}}};
	pad_feedback_put(&feedback, &msg);
	assert_true(pad_feedback_next(&feedback, &msg, &slot));
	assert_int_equal(msg.trigger_effect.sides, ES_PAD_EFFECT_LEFT | ES_PAD_EFFECT_RIGHT);
	assert_int_equal(msg.trigger_effect.left[0], 7);
	assert_int_equal(msg.trigger_effect.right[0], 8);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_kinds),
			cmocka_unit_test(test_dualsense),
			cmocka_unit_test(test_dualsense_output),
			cmocka_unit_test(test_dualshock4),
			cmocka_unit_test(test_switch),
			cmocka_unit_test(test_switch_subcommands),
			cmocka_unit_test(test_effects),
			cmocka_unit_test(test_feedback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
