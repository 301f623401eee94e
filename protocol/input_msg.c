#include "protocol/input_msg.h"

#include <math.h>
#include <string.h>

#include "protocol/bytes.h"

#define HEADER_SIZE 8
#define N_PADS 16
#define N_BUTTONS 5
#define FULL_TURN 360
#define ROTATION_UNKNOWN 0xffff
#define MAX_TILT 90
#define TILT_UNKNOWN 0xff
#define MAX_PERCENT 100
#define PERCENT_UNKNOWN 0xff
#define KEY_BY_CHARACTER 0x01
#define MODIFIERS 0x0f
#define MAX_TOOL 2
#define PEN_BUTTONS 0x07
#define MAX_PAD_TYPE 4
#define MAX_PAD_STATE 5 // of the battery
#define MAX_SENSOR 100000.0f // in m/s^2 or degrees/s; no real one comes near

static int16_t get_be16s(struct es_reader *r) {
	return (int16_t)get_be16(r);
}

static int16_t get_le16s(struct es_reader *r) {
	return (int16_t)get_le16(r);
}

static void put_zeros(struct es_writer *w, size_t size) {
	for (size_t i = 0; i < size; i++) {
		put_u8(w, 0);
	}
}

// Clamped; not a finite number: not ok.
static float get_float(struct es_reader *r, float min, float max) {
	uint32_t bits = get_le32(r);
	float v;
	memcpy(&v, &bits, sizeof(v));
	if (!isfinite(v)) {
		r->ok = false;
		return 0;
	}
	return v < min ? min : v > max ? max : v;
}

static float get_unit(struct es_reader *r) {
	return get_float(r, 0, 1);
}

static void put_float(struct es_writer *w, float v) {
	uint32_t bits;
	memcpy(&bits, &v, sizeof(bits));
	put_le32(w, bits);
}

static uint8_t get_pad(struct es_reader *r) {
	uint8_t pad = get_u8(r);
	r->ok = r->ok && pad < N_PADS;
	return pad;
}

// What a newer client may name and nobody here knows is taken as unknown, not refused: losing the
// rest of the packet would leave a finger or a button pressed.
static uint8_t known_or(uint8_t v, uint8_t max, uint8_t unknown) {
	return v <= max ? v : unknown;
}

static uint16_t get_rotation(struct es_reader *r) {
	uint16_t rotation = get_le16(r);
	return rotation < FULL_TURN ? rotation : ROTATION_UNKNOWN;
}

// --- bodies, in the reference's order

static void get_key(struct es_reader *r, struct es_input *in) {
	in->key.by_character = (get_u8(r) & KEY_BY_CHARACTER) != 0;
	in->key.vk = (uint8_t)get_le16(r); // clients set bit 15
	in->key.modifiers = get_u8(r) & MODIFIERS;
	get_le16(r);
}

static void put_key(struct es_writer *w, const struct es_input *in) {
	put_u8(w, in->key.by_character ? KEY_BY_CHARACTER : 0);
	put_le16(w, 0x8000 | in->key.vk);
	put_u8(w, in->key.modifiers);
	put_le16(w, 0);
}

// 0..last -> 0..65535, rounded.
static uint16_t scale_place(int16_t at, int16_t last) {
	uint32_t v = at < 0 ? 0 : at > last ? (uint32_t)last : (uint32_t)at;
	return (uint16_t)((v * 65535 + (uint32_t)last / 2) / (uint32_t)last);
}

static void get_place(struct es_reader *r, struct es_input *in) {
	int16_t x = get_be16s(r);
	int16_t y = get_be16s(r);
	get_be16(r);
	int16_t last_x = get_be16s(r);
	int16_t last_y = get_be16s(r);
	if (!r->ok || last_x <= 0 || last_y <= 0) {
		r->ok = false;
		return;
	}
	in->place.x = scale_place(x, last_x);
	in->place.y = scale_place(y, last_y);
}

static void put_place(
		struct es_writer *w, const struct es_input *in, uint16_t width, uint16_t height) {
	uint32_t last_x = width - 1u, last_y = height - 1u;
	w->ok = w->ok && width >= 2 && height >= 2 && last_x <= INT16_MAX && last_y <= INT16_MAX;
	put_be16(w, (uint16_t)((in->place.x * (uint64_t)last_x + 32767) / 65535));
	put_be16(w, (uint16_t)((in->place.y * (uint64_t)last_y + 32767) / 65535));
	put_be16(w, 0);
	put_be16(w, (uint16_t)last_x);
	put_be16(w, (uint16_t)last_y);
}

static void get_move(struct es_reader *r, struct es_input *in) {
	in->move.dx = get_be16s(r);
	in->move.dy = get_be16s(r);
}

static void put_move(struct es_writer *w, const struct es_input *in) {
	put_be16(w, (uint16_t)in->move.dx);
	put_be16(w, (uint16_t)in->move.dy);
}

static void get_button(struct es_reader *r, struct es_input *in) {
	in->button.button = get_u8(r);
	r->ok = r->ok && in->button.button >= 1 && in->button.button <= N_BUTTONS;
}

static void put_button(struct es_writer *w, const struct es_input *in) {
	put_u8(w, in->button.button);
}

static void get_wheel(struct es_reader *r, struct es_input *in) {
	in->wheel.amount = get_be16s(r);
	get_be16(r); // the same again
	get_be16(r);
}

static void put_wheel(struct es_writer *w, const struct es_input *in) {
	put_be16(w, (uint16_t)in->wheel.amount);
	put_be16(w, (uint16_t)in->wheel.amount);
	put_be16(w, 0);
}

static void get_hwheel(struct es_reader *r, struct es_input *in) {
	in->wheel.amount = get_be16s(r);
}

static void put_hwheel(struct es_writer *w, const struct es_input *in) {
	put_be16(w, (uint16_t)in->wheel.amount);
}

static void get_pad_state(struct es_reader *r, struct es_input *in) {
	get_le16(r); // a constant, as the two below
	in->pad_state.pad = get_le16(r);
	r->ok = r->ok && in->pad_state.pad < N_PADS;
	in->pad_state.active_mask = get_le16(r);
	get_le16(r);
	in->pad_state.buttons = get_le16(r);
	in->pad_state.left_trigger = get_u8(r);
	in->pad_state.right_trigger = get_u8(r);
	in->pad_state.lx = get_le16s(r);
	in->pad_state.ly = get_le16s(r);
	in->pad_state.rx = get_le16s(r);
	in->pad_state.ry = get_le16s(r);
	get_le16(r);
	in->pad_state.buttons |= (uint32_t)get_le16(r) << 16;
	get_le16(r);
}

static void put_pad_state(struct es_writer *w, const struct es_input *in) {
	put_le16(w, 0x1a);
	put_le16(w, in->pad_state.pad);
	put_le16(w, in->pad_state.active_mask);
	put_le16(w, 0x14);
	put_le16(w, (uint16_t)in->pad_state.buttons);
	put_u8(w, in->pad_state.left_trigger);
	put_u8(w, in->pad_state.right_trigger);
	put_le16(w, (uint16_t)in->pad_state.lx);
	put_le16(w, (uint16_t)in->pad_state.ly);
	put_le16(w, (uint16_t)in->pad_state.rx);
	put_le16(w, (uint16_t)in->pad_state.ry);
	put_le16(w, 0x9c);
	put_le16(w, (uint16_t)(in->pad_state.buttons >> 16));
	put_le16(w, 0x55);
}

static void get_haptics(struct es_reader *r, struct es_input *in) {
	(void)in;
	get_le16(r);
}

static void put_haptics(struct es_writer *w, const struct es_input *in) {
	(void)in;
	put_le16(w, 1);
}

static void get_text_body(struct es_reader *r, struct es_input *in) {
	size_t size = r->size - r->pos;
	if (size == 0 || size > ES_INPUT_MAX_TEXT) {
		r->ok = false;
		return;
	}
	get_bytes(r, in->text.utf8, size);
	in->text.utf8[size] = '\0';
	r->ok = r->ok && memchr(in->text.utf8, '\0', size) == NULL;
}

static void put_text_body(struct es_writer *w, const struct es_input *in) {
	const char *end = memchr(in->text.utf8, '\0', sizeof(in->text.utf8));
	if (end == NULL || end == in->text.utf8) {
		w->ok = false;
		return;
	}
	put_bytes(w, in->text.utf8, (size_t)(end - in->text.utf8));
}

static void get_touch(struct es_reader *r, struct es_input *in) {
	uint8_t event = get_u8(r);
	r->ok = r->ok && event <= ES_INPUT_CANCEL_ALL && event != ES_INPUT_BUTTON_ONLY;
	in->touch.event = (enum es_input_touch_event)event;
	get_u8(r);
	in->touch.rotation = get_rotation(r);
	in->touch.id = get_le32(r);
	in->touch.x = get_unit(r);
	in->touch.y = get_unit(r);
	in->touch.pressure = get_unit(r);
	in->touch.major = get_unit(r);
	in->touch.minor = get_unit(r);
	in->touch.tilt = TILT_UNKNOWN;
}

static void put_touch(struct es_writer *w, const struct es_input *in) {
	put_u8(w, (uint8_t)in->touch.event);
	put_u8(w, 0);
	put_le16(w, in->touch.rotation);
	put_le32(w, in->touch.id);
	put_float(w, in->touch.x);
	put_float(w, in->touch.y);
	put_float(w, in->touch.pressure);
	put_float(w, in->touch.major);
	put_float(w, in->touch.minor);
}

static void get_pen(struct es_reader *r, struct es_input *in) {
	uint8_t event = get_u8(r);
	r->ok = r->ok && event <= ES_INPUT_CANCEL_ALL;
	in->touch.event = (enum es_input_touch_event)event;
	in->touch.tool = known_or(get_u8(r), MAX_TOOL, 0);
	in->touch.buttons = get_u8(r) & PEN_BUTTONS;
	get_u8(r);
	in->touch.x = get_unit(r);
	in->touch.y = get_unit(r);
	in->touch.pressure = get_unit(r);
	in->touch.rotation = get_rotation(r);
	in->touch.tilt = known_or(get_u8(r), MAX_TILT, TILT_UNKNOWN);
	get_u8(r);
	in->touch.major = get_unit(r);
	in->touch.minor = get_unit(r);
}

static void put_pen(struct es_writer *w, const struct es_input *in) {
	put_u8(w, (uint8_t)in->touch.event);
	put_u8(w, in->touch.tool);
	put_u8(w, in->touch.buttons);
	put_u8(w, 0);
	put_float(w, in->touch.x);
	put_float(w, in->touch.y);
	put_float(w, in->touch.pressure);
	put_le16(w, in->touch.rotation);
	put_u8(w, in->touch.tilt);
	put_u8(w, 0);
	put_float(w, in->touch.major);
	put_float(w, in->touch.minor);
}

static void get_pad_arrival(struct es_reader *r, struct es_input *in) {
	in->pad_arrival.pad = get_pad(r);
	in->pad_arrival.type = known_or(get_u8(r), MAX_PAD_TYPE, 0);
	in->pad_arrival.capabilities = get_le16(r);
	in->pad_arrival.buttons = get_le32(r);
}

static void put_pad_arrival(struct es_writer *w, const struct es_input *in) {
	put_u8(w, in->pad_arrival.pad);
	put_u8(w, in->pad_arrival.type);
	put_le16(w, in->pad_arrival.capabilities);
	put_le32(w, in->pad_arrival.buttons);
}

static void get_pad_touch(struct es_reader *r, struct es_input *in) {
	in->pad_touch.pad = get_pad(r);
	in->pad_touch.event = get_u8(r);
	r->ok = r->ok && in->pad_touch.event <= ES_INPUT_CANCEL_ALL;
	get_u8(r);
	in->pad_touch.touchpad = get_u8(r);
	in->pad_touch.id = get_le32(r);
	in->pad_touch.x = get_unit(r);
	in->pad_touch.y = get_unit(r);
	in->pad_touch.pressure = get_unit(r);
}

static void put_pad_touch(struct es_writer *w, const struct es_input *in) {
	put_u8(w, in->pad_touch.pad);
	put_u8(w, in->pad_touch.event);
	put_u8(w, 0);
	put_u8(w, in->pad_touch.touchpad);
	put_le32(w, in->pad_touch.id);
	put_float(w, in->pad_touch.x);
	put_float(w, in->pad_touch.y);
	put_float(w, in->pad_touch.pressure);
}

static void get_pad_motion(struct es_reader *r, struct es_input *in) {
	in->pad_motion.pad = get_pad(r);
	in->pad_motion.type = get_u8(r);
	r->ok = r->ok && (in->pad_motion.type == 1 || in->pad_motion.type == 2);
	get_le16(r);
	in->pad_motion.x = get_float(r, -MAX_SENSOR, MAX_SENSOR);
	in->pad_motion.y = get_float(r, -MAX_SENSOR, MAX_SENSOR);
	in->pad_motion.z = get_float(r, -MAX_SENSOR, MAX_SENSOR);
}

static void put_pad_motion(struct es_writer *w, const struct es_input *in) {
	put_u8(w, in->pad_motion.pad);
	put_u8(w, in->pad_motion.type);
	put_le16(w, 0);
	put_float(w, in->pad_motion.x);
	put_float(w, in->pad_motion.y);
	put_float(w, in->pad_motion.z);
}

static void get_pad_battery(struct es_reader *r, struct es_input *in) {
	in->pad_battery.pad = get_pad(r);
	in->pad_battery.state = known_or(get_u8(r), MAX_PAD_STATE, 0);
	in->pad_battery.percent = known_or(get_u8(r), MAX_PERCENT, PERCENT_UNKNOWN);
	get_u8(r);
}

static void put_pad_battery(struct es_writer *w, const struct es_input *in) {
	put_u8(w, in->pad_battery.pad);
	put_u8(w, in->pad_battery.state);
	put_u8(w, in->pad_battery.percent);
	put_u8(w, 0);
}

// --- the packets

struct kind {
	uint32_t magic;
	size_t size; // of the packet; 0: any
	enum es_input_type type;
	bool pressed; // of keys and buttons
	void (*get)(struct es_reader *r, struct es_input *in);
	void (*put)(struct es_writer *w, const struct es_input *in); // NULL: needs the reference
};

static const struct kind kinds[] = {
		{0x03, 14, ES_INPUT_KEY, true, get_key, put_key},
		{0x04, 14, ES_INPUT_KEY, false, get_key, put_key},
		{0x05, 18, ES_INPUT_MOUSE_PLACE, false, get_place, NULL},
		{0x07, 12, ES_INPUT_MOUSE_MOVE, false, get_move, put_move},
		{0x08, 9, ES_INPUT_MOUSE_BUTTON, true, get_button, put_button},
		{0x09, 9, ES_INPUT_MOUSE_BUTTON, false, get_button, put_button},
		{0x0a, 14, ES_INPUT_WHEEL, false, get_wheel, put_wheel},
		{0x0c, 34, ES_INPUT_PAD_STATE, false, get_pad_state, put_pad_state},
		{0x0d, 10, ES_INPUT_HAPTICS, false, get_haptics, put_haptics},
		{0x17, 0, ES_INPUT_TEXT, false, get_text_body, put_text_body},
		{0x55000001, 10, ES_INPUT_HWHEEL, false, get_hwheel, put_hwheel},
		{0x55000002, 36, ES_INPUT_TOUCH, false, get_touch, put_touch},
		{0x55000003, 36, ES_INPUT_PEN, false, get_pen, put_pen},
		{0x55000004, 16, ES_INPUT_PAD_ARRIVAL, false, get_pad_arrival, put_pad_arrival},
		{0x55000005, 28, ES_INPUT_PAD_TOUCH, false, get_pad_touch, put_pad_touch},
		{0x55000006, 24, ES_INPUT_PAD_MOTION, false, get_pad_motion, put_pad_motion},
		{0x55000007, 12, ES_INPUT_PAD_BATTERY, false, get_pad_battery, put_pad_battery},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of_magic(uint32_t magic) {
	for (size_t i = 0; i < N_KINDS; i++) {
		if (kinds[i].magic == magic) {
			return &kinds[i];
		}
	}
	return NULL;
}

static const struct kind *kind_of_input(const struct es_input *input) {
	bool pressed = input->type == ES_INPUT_KEY
			? input->key.pressed
			: input->type == ES_INPUT_MOUSE_BUTTON && input->button.pressed;
	for (size_t i = 0; i < N_KINDS; i++) {
		if (kinds[i].type == input->type && kinds[i].pressed == pressed) {
			return &kinds[i];
		}
	}
	return NULL;
}

bool input_parse(struct es_input *input, const void *data, size_t size) {
	*input = (struct es_input){0};
	struct es_reader r = reader_init(data, size);
	uint32_t rest = get_be32(&r);
	const struct kind *kind = kind_of_magic(get_le32(&r));
	if (!r.ok || kind == NULL || (size_t)rest + 4 != size ||
			(kind->size != 0 && kind->size != size)) {
		return false;
	}
	struct es_input in = {.type = kind->type};
	kind->get(&r, &in);
	if (kind->type == ES_INPUT_KEY) {
		in.key.pressed = kind->pressed;
	} else if (kind->type == ES_INPUT_MOUSE_BUTTON) {
		in.button.pressed = kind->pressed;
	}
	if (!reader_done(&r)) {
		return false;
	}
	*input = in;
	return true;
}

size_t input_put(uint8_t *out, const struct es_input *input, uint16_t width, uint16_t height) {
	const struct kind *kind = kind_of_input(input);
	if (kind == NULL) {
		return 0;
	}
	struct es_writer w = writer_init(out, ES_INPUT_MAX_SIZE);
	put_zeros(&w, 4);
	put_le32(&w, kind->magic);
	if (kind->put != NULL) {
		kind->put(&w, input);
	} else {
		put_place(&w, input, width, height);
	}
	if (!w.ok) {
		return 0;
	}
	struct es_writer size = writer_init(out, 4);
	put_be32(&size, (uint32_t)w.pos - 4);
	return w.pos;
}
