#include "stream/client_input.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "protocol/keymap.h"

void client_input_init(struct es_client_input *input) {
	memset(input, 0, sizeof(*input));
	device_queue_init(&input->queue);
}

void client_input_finish(struct es_client_input *input) {
	client_input_release_all(input);
	device_queue_finish(&input->queue);
}

static void forget(struct es_client_input *input) {
	memset(input->keys, 0, sizeof(input->keys));
	memset(input->buttons, 0, sizeof(input->buttons));
	memset(input->finger_down, 0, sizeof(input->finger_down));
	input->pen_near = input->pen_down = false;
	client_pads_forget(&input->pads);
}

void client_input_attach(struct es_client_input *input, int fd) {
	forget(input);
	device_queue_attach(&input->queue, fd);
}

static bool put(struct es_client_input *input, const struct es_device_msg *msg) {
	bool ok = device_queue_put(&input->queue, msg);
	if (!ok) {
		forget(input);
	}
	return ok;
}

void client_input_release_all(struct es_client_input *input) {
	forget(input);
	put(input, &(struct es_device_msg){.type = ES_DEVICE_RELEASE_ALL});
}

static void put_key(struct es_client_input *input, uint32_t code, bool pressed) {
	if (input->keys[code] != pressed &&
			put(input, &(struct es_device_msg){.type = ES_DEVICE_KEY, .key = {code, pressed}})) {
		input->keys[code] = pressed;
	}
}

static const struct {
	uint8_t bit;
	uint32_t left, right;
} modifiers[] = {
		{ES_INPUT_SHIFT, KEY_LEFTSHIFT, KEY_RIGHTSHIFT},
		{ES_INPUT_CTRL, KEY_LEFTCTRL, KEY_RIGHTCTRL},
		{ES_INPUT_ALT, KEY_LEFTALT, KEY_RIGHTALT},
		{ES_INPUT_META, KEY_LEFTMETA, KEY_RIGHTMETA},
};
#define N_MODIFIERS (sizeof(modifiers) / sizeof(modifiers[0]))

static bool is_modifier(uint32_t code) {
	for (size_t i = 0; i < N_MODIFIERS; i++) {
		if (code == modifiers[i].left || code == modifiers[i].right) {
			return true;
		}
	}
	return false;
}

// Some clients tell of modifiers only beside a key. None is released that the client does not name:
// others never name any.
static void press_with_modifiers(struct es_client_input *input, uint32_t code, uint8_t wanted) {
	bool added[N_MODIFIERS] = {false};
	for (size_t i = 0; i < N_MODIFIERS; i++) {
		bool held = input->keys[modifiers[i].left] || input->keys[modifiers[i].right];
		if ((wanted & modifiers[i].bit) != 0 && !held) {
			added[i] = true;
			put_key(input, modifiers[i].left, true);
		}
	}
	put_key(input, code, true);
	for (size_t i = 0; i < N_MODIFIERS; i++) {
		if (added[i]) {
			put_key(input, modifiers[i].left, false);
		}
	}
}

static void take_key(struct es_client_input *input, const struct es_input *event) {
	uint32_t code = keymap_evdev(event->key.vk);
	if (code == 0 || code >= ES_INPUT_N_KEYS) {
		return;
	}
	if (event->key.pressed && !input->keys[code] && !is_modifier(code)) {
		press_with_modifiers(input, code, event->key.modifiers);
	} else {
		put_key(input, code, event->key.pressed);
	}
}

static void take_button(struct es_client_input *input, const struct es_input *event) {
	static const uint32_t codes[] = {0, BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};
	if (event->button.button == 0 || event->button.button >= sizeof(codes) / sizeof(codes[0])) {
		return;
	}
	uint32_t code = codes[event->button.button];
	bool *held = &input->buttons[code - BTN_LEFT];
	bool pressed = event->button.pressed;
	if (*held != pressed &&
			put(input,
					&(struct es_device_msg){
							.type = ES_DEVICE_POINTER_BUTTON, .pointer_button = {code, pressed}})) {
		*held = pressed;
	}
}

static void take_wheel(struct es_client_input *input, int32_t x120, int32_t y120) {
	if (x120 != 0 || y120 != 0) {
		put(input,
				&(struct es_device_msg){
						.type = ES_DEVICE_POINTER_WHEEL, .pointer_wheel = {x120, y120}});
	}
}

static void take_text(struct es_client_input *input, const struct es_input *event) {
	struct es_device_msg msg = {.type = ES_DEVICE_TEXT};
	memcpy(msg.text.utf8, event->text.utf8, sizeof(event->text.utf8));
	put(input, &msg);
}

static uint16_t to_u16(float unit, uint16_t max) {
	return (uint16_t)(unit * max + 0.5f);
}

static int find_finger(const struct es_client_input *input, bool down, uint32_t id) {
	for (int i = 0; i < ES_INPUT_MAX_FINGERS; i++) {
		if (input->finger_down[i] == down && (!down || input->finger_ids[i] == id)) {
			return i;
		}
	}
	return -1;
}

static bool put_touch(struct es_client_input *input, enum es_touch_phase phase, uint32_t id,
		const struct es_input *event) {
	struct es_device_msg msg = {.type = ES_DEVICE_TOUCH,
			.touch = {phase, id, to_u16(event->touch.x, UINT16_MAX),
					to_u16(event->touch.y, UINT16_MAX)}};
	return put(input, &msg);
}

static void finger_down(struct es_client_input *input, const struct es_input *event) {
	uint32_t id = event->touch.id;
	int slot = find_finger(input, false, 0);
	if (slot < 0 || find_finger(input, true, id) >= 0) {
		return;
	}
	if (put_touch(input, ES_TOUCH_DOWN, id, event)) {
		input->finger_down[slot] = true;
		input->finger_ids[slot] = id;
	}
}

static void finger_goes(
		struct es_client_input *input, enum es_touch_phase phase, const struct es_input *event) {
	int slot = find_finger(input, true, event->touch.id);
	if (slot >= 0) {
		input->finger_down[slot] = false;
		put_touch(input, phase, event->touch.id, event);
	}
}

static void cancel_fingers(struct es_client_input *input, const struct es_input *event) {
	for (int i = 0; i < ES_INPUT_MAX_FINGERS; i++) {
		if (input->finger_down[i]) {
			input->finger_down[i] = false;
			put_touch(input, ES_TOUCH_CANCEL, input->finger_ids[i], event);
		}
	}
}

// Fingers do not hover here.
static void take_touch(struct es_client_input *input, const struct es_input *event) {
	switch (event->touch.event) {
	case ES_INPUT_DOWN:
		finger_down(input, event);
		return;
	case ES_INPUT_MOVE:
		if (find_finger(input, true, event->touch.id) >= 0) {
			put_touch(input, ES_TOUCH_MOTION, event->touch.id, event);
		}
		return;
	case ES_INPUT_UP:
		finger_goes(input, ES_TOUCH_UP, event);
		return;
	case ES_INPUT_CANCEL:
		finger_goes(input, ES_TOUCH_CANCEL, event);
		return;
	case ES_INPUT_CANCEL_ALL:
		cancel_fingers(input, event);
		return;
	default:
		return;
	}
}

// Where it is and how it is held; a button alone comes without.
static void place_pen(struct es_device_msg *pen, const struct es_input *event) {
	bool hovers = event->touch.event == ES_INPUT_HOVER;
	uint16_t force = to_u16(event->touch.pressure, ES_PEN_UNKNOWN - 1);
	pen->pen.tool = event->touch.tool == 2 ? ES_PEN_ERASER : ES_PEN_TIP;
	pen->pen.x = to_u16(event->touch.x, UINT16_MAX);
	pen->pen.y = to_u16(event->touch.y, UINT16_MAX);
	pen->pen.pressure = hovers || event->touch.pressure == 0 ? ES_PEN_UNKNOWN : force;
	pen->pen.distance = hovers ? force : ES_PEN_UNKNOWN;
	pen->pen.rotation = event->touch.rotation < 360 ? event->touch.rotation : ES_PEN_UNKNOWN;
	pen->pen.tilt = event->touch.tilt <= 90 ? event->touch.tilt : ES_PEN_UNKNOWN;
}

static void put_pen(struct es_client_input *input, enum es_pen_phase phase) {
	input->pen.type = ES_DEVICE_PEN;
	input->pen.pen.phase = phase;
	if (put(input, &input->pen)) {
		input->pen_near = phase != ES_PEN_AWAY;
		input->pen_down = phase == ES_PEN_DOWN || (phase == ES_PEN_MOTION && input->pen_down);
	}
}

static void pen_leaves(struct es_client_input *input) {
	input->pen.pen.buttons = 0;
	if (input->pen_down) {
		put_pen(input, ES_PEN_UP);
	}
	if (input->pen_near) {
		put_pen(input, ES_PEN_AWAY);
	}
}

static void take_pen(struct es_client_input *input, const struct es_input *event) {
	switch (event->touch.event) {
	case ES_INPUT_HOVER:
	case ES_INPUT_DOWN:
	case ES_INPUT_MOVE:
	case ES_INPUT_UP:
		place_pen(&input->pen, event);
		break;
	case ES_INPUT_BUTTON_ONLY:
		break;
	default:
		pen_leaves(input);
		return;
	}
	input->pen.pen.buttons = event->touch.buttons & 7;
	switch (event->touch.event) {
	case ES_INPUT_DOWN:
		put_pen(input, input->pen_down ? ES_PEN_MOTION : ES_PEN_DOWN);
		return;
	case ES_INPUT_UP:
		if (input->pen_down) {
			put_pen(input, ES_PEN_UP);
		}
		return;
	case ES_INPUT_BUTTON_ONLY:
		if (input->pen_near) {
			put_pen(input, input->pen_down ? ES_PEN_MOTION : ES_PEN_HOVER);
		}
		return;
	default:
		put_pen(input, input->pen_down ? ES_PEN_MOTION : ES_PEN_HOVER);
		return;
	}
}

static void take_pad(struct es_client_input *input, const struct es_input *event) {
	if (!client_pads_put(&input->pads, &input->queue, event)) {
		forget(input);
	}
}

void client_input_put(struct es_client_input *input, const struct es_input *event) {
	switch (event->type) {
	case ES_INPUT_KEY:
		take_key(input, event);
		return;
	case ES_INPUT_MOUSE_MOVE:
		put(input,
				&(struct es_device_msg){.type = ES_DEVICE_POINTER_MOVE,
						.pointer_move = {event->move.dx * 256, event->move.dy * 256}});
		return;
	case ES_INPUT_MOUSE_PLACE:
		put(input,
				&(struct es_device_msg){.type = ES_DEVICE_POINTER_PLACE,
						.pointer_place = {event->place.x, event->place.y}});
		return;
	case ES_INPUT_MOUSE_BUTTON:
		take_button(input, event);
		return;
	case ES_INPUT_WHEEL:
		take_wheel(input, 0, -event->wheel.amount);
		return;
	case ES_INPUT_HWHEEL:
		take_wheel(input, event->wheel.amount, 0);
		return;
	case ES_INPUT_TEXT:
		take_text(input, event);
		return;
	case ES_INPUT_TOUCH:
		take_touch(input, event);
		return;
	case ES_INPUT_PEN:
		take_pen(input, event);
		return;
	case ES_INPUT_PAD_STATE:
	case ES_INPUT_PAD_ARRIVAL:
	case ES_INPUT_PAD_TOUCH:
	case ES_INPUT_PAD_MOTION:
	case ES_INPUT_PAD_BATTERY:
		take_pad(input, event);
		return;
	case ES_INPUT_HAPTICS:
		return;
	}
}
