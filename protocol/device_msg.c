#include "protocol/device_msg.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/device_msg_pad.h"
#include "protocol/utf8.h"

#define LETTER 'D'
#define KEY_LAST 0x2ff
#define BUTTON_FIRST 0x110
#define BUTTON_LAST 0x117

static bool within(int32_t v, int32_t limit) {
	return v >= -limit && v <= limit;
}

static bool key_valid(const struct es_device_msg *msg) {
	return msg->key.code >= 1 && msg->key.code <= KEY_LAST;
}

static void put_key(struct es_writer *w, const struct es_device_msg *msg) {
	put_le16(w, (uint16_t)msg->key.code);
	put_bool(w, msg->key.pressed);
}

static void get_key(struct es_reader *r, struct es_device_msg *msg) {
	msg->key.code = get_le16(r);
	msg->key.pressed = get_bool(r);
}

static bool pointer_move_valid(const struct es_device_msg *msg) {
	return within(msg->pointer_move.dx, ES_DEVICE_MAX_MOVE) &&
			within(msg->pointer_move.dy, ES_DEVICE_MAX_MOVE);
}

static void put_pointer_move(struct es_writer *w, const struct es_device_msg *msg) {
	put_le32s(w, msg->pointer_move.dx);
	put_le32s(w, msg->pointer_move.dy);
}

static void get_pointer_move(struct es_reader *r, struct es_device_msg *msg) {
	msg->pointer_move.dx = get_le32s(r);
	msg->pointer_move.dy = get_le32s(r);
}

static void put_pointer_place(struct es_writer *w, const struct es_device_msg *msg) {
	put_le16(w, msg->pointer_place.x);
	put_le16(w, msg->pointer_place.y);
}

static void get_pointer_place(struct es_reader *r, struct es_device_msg *msg) {
	msg->pointer_place.x = get_le16(r);
	msg->pointer_place.y = get_le16(r);
}

static bool pointer_button_valid(const struct es_device_msg *msg) {
	return msg->pointer_button.code >= BUTTON_FIRST && msg->pointer_button.code <= BUTTON_LAST;
}

static void put_pointer_button(struct es_writer *w, const struct es_device_msg *msg) {
	put_le16(w, (uint16_t)msg->pointer_button.code);
	put_bool(w, msg->pointer_button.pressed);
}

static void get_pointer_button(struct es_reader *r, struct es_device_msg *msg) {
	msg->pointer_button.code = get_le16(r);
	msg->pointer_button.pressed = get_bool(r);
}

static bool pointer_wheel_valid(const struct es_device_msg *msg) {
	return within(msg->pointer_wheel.x120, ES_DEVICE_MAX_WHEEL) &&
			within(msg->pointer_wheel.y120, ES_DEVICE_MAX_WHEEL);
}

static void put_pointer_wheel(struct es_writer *w, const struct es_device_msg *msg) {
	put_le32s(w, msg->pointer_wheel.x120);
	put_le32s(w, msg->pointer_wheel.y120);
}

static void get_pointer_wheel(struct es_reader *r, struct es_device_msg *msg) {
	msg->pointer_wheel.x120 = get_le32s(r);
	msg->pointer_wheel.y120 = get_le32s(r);
}

static bool touch_valid(const struct es_device_msg *msg) {
	return msg->touch.phase >= ES_TOUCH_DOWN && msg->touch.phase <= ES_TOUCH_CANCEL;
}

static void put_touch(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, (uint8_t)msg->touch.phase);
	put_le32(w, msg->touch.id);
	put_le16(w, msg->touch.x);
	put_le16(w, msg->touch.y);
}

static void get_touch(struct es_reader *r, struct es_device_msg *msg) {
	msg->touch.phase = get_u8(r);
	msg->touch.id = get_le32(r);
	msg->touch.x = get_le16(r);
	msg->touch.y = get_le16(r);
}

static bool text_valid(const struct es_device_msg *msg) {
	const char *text = msg->text.utf8;
	const char *end = memchr(text, '\0', sizeof(msg->text.utf8));
	return end != NULL && end > text && utf8_valid(text, (size_t)(end - text));
}

static void put_text_msg(struct es_writer *w, const struct es_device_msg *msg) {
	put_text(w, msg->text.utf8, sizeof(msg->text.utf8));
}

static void get_text_msg(struct es_reader *r, struct es_device_msg *msg) {
	get_text(r, msg->text.utf8, sizeof(msg->text.utf8));
}

static bool pen_valid(const struct es_device_msg *msg) {
	return msg->pen.phase >= ES_PEN_HOVER && msg->pen.phase <= ES_PEN_AWAY &&
			msg->pen.tool >= ES_PEN_TIP && msg->pen.tool <= ES_PEN_ERASER && msg->pen.buttons < 8 &&
			(msg->pen.rotation < 360 || msg->pen.rotation == ES_PEN_UNKNOWN) &&
			(msg->pen.tilt <= 90 || msg->pen.tilt == ES_PEN_UNKNOWN);
}

static void put_pen(struct es_writer *w, const struct es_device_msg *msg) {
	put_u8(w, (uint8_t)msg->pen.phase);
	put_u8(w, (uint8_t)msg->pen.tool);
	put_u8(w, msg->pen.buttons);
	put_le16(w, msg->pen.x);
	put_le16(w, msg->pen.y);
	put_le16(w, msg->pen.pressure);
	put_le16(w, msg->pen.distance);
	put_le16(w, msg->pen.rotation);
	put_le16(w, msg->pen.tilt);
}

static void get_pen(struct es_reader *r, struct es_device_msg *msg) {
	msg->pen.phase = get_u8(r);
	msg->pen.tool = get_u8(r);
	msg->pen.buttons = get_u8(r);
	msg->pen.x = get_le16(r);
	msg->pen.y = get_le16(r);
	msg->pen.pressure = get_le16(r);
	msg->pen.distance = get_le16(r);
	msg->pen.rotation = get_le16(r);
	msg->pen.tilt = get_le16(r);
}

static void put_nothing(struct es_writer *w, const struct es_device_msg *msg) {
}

static void get_nothing(struct es_reader *r, struct es_device_msg *msg) {
}

static bool pcm_valid(const struct es_device_msg *msg) {
	return msg->pcm.time_ns >= 0 && msg->pcm.channels >= 1 && msg->pcm.channels <= 8 &&
			msg->pcm.n_samples >= 1 && msg->pcm.n_samples <= ES_DEVICE_MAX_PCM_SAMPLES &&
			msg->pcm.n_samples % msg->pcm.channels == 0;
}

static void put_pcm(struct es_writer *w, const struct es_device_msg *msg) {
	put_le64s(w, msg->pcm.time_ns);
	put_u8(w, msg->pcm.channels);
	put_le16(w, msg->pcm.n_samples);
	for (size_t i = 0; i < msg->pcm.n_samples; i++) {
		put_le16(w, (uint16_t)msg->pcm.samples[i]);
	}
}

static void get_pcm(struct es_reader *r, struct es_device_msg *msg) {
	msg->pcm.time_ns = get_le64s(r);
	msg->pcm.channels = get_u8(r);
	msg->pcm.n_samples = get_le16(r);
	for (size_t i = 0; i < msg->pcm.n_samples && i < ES_DEVICE_MAX_PCM_SAMPLES; i++) {
		msg->pcm.samples[i] = (int16_t)get_le16(r);
	}
}

static bool mic_pcm_valid(const struct es_device_msg *msg) {
	return msg->mic_pcm.n_samples >= 1 && msg->mic_pcm.n_samples <= ES_DEVICE_MAX_MIC_SAMPLES;
}

static void put_mic_pcm(struct es_writer *w, const struct es_device_msg *msg) {
	put_le16(w, msg->mic_pcm.n_samples);
	for (size_t i = 0; i < msg->mic_pcm.n_samples; i++) {
		put_le16(w, (uint16_t)msg->mic_pcm.samples[i]);
	}
}

static void get_mic_pcm(struct es_reader *r, struct es_device_msg *msg) {
	msg->mic_pcm.n_samples = get_le16(r);
	for (size_t i = 0; i < msg->mic_pcm.n_samples && i < ES_DEVICE_MAX_MIC_SAMPLES; i++) {
		msg->mic_pcm.samples[i] = (int16_t)get_le16(r);
	}
}

static bool clipboard_valid(const struct es_device_msg *msg) {
	uint32_t size = msg->clipboard.size, offset = msg->clipboard.offset;
	return size >= 1 && size <= ES_DEVICE_MAX_CLIPBOARD && offset < size && msg->clipboard.n >= 1 &&
			msg->clipboard.n <= ES_DEVICE_CLIPBOARD_PART && msg->clipboard.n <= size - offset;
}

static void put_clipboard(struct es_writer *w, const struct es_device_msg *msg) {
	put_le32(w, msg->clipboard.size);
	put_le32(w, msg->clipboard.offset);
	put_le16(w, msg->clipboard.n);
	put_bytes(w, msg->clipboard.bytes, msg->clipboard.n);
}

static void get_clipboard(struct es_reader *r, struct es_device_msg *msg) {
	msg->clipboard.size = get_le32(r);
	msg->clipboard.offset = get_le32(r);
	msg->clipboard.n = get_le16(r);
	if (msg->clipboard.n <= ES_DEVICE_CLIPBOARD_PART) {
		get_bytes(r, msg->clipboard.bytes, msg->clipboard.n);
	}
}

// As in frame_msg.c.
static const struct kind {
	enum es_device_msg_type type;
	void (*put)(struct es_writer *w, const struct es_device_msg *msg);
	void (*get)(struct es_reader *r, struct es_device_msg *msg);
	bool (*valid)(const struct es_device_msg *msg); // optional
} kinds[] = {
		{ES_DEVICE_KEY, put_key, get_key, key_valid},
		{ES_DEVICE_POINTER_MOVE, put_pointer_move, get_pointer_move, pointer_move_valid},
		{ES_DEVICE_POINTER_PLACE, put_pointer_place, get_pointer_place, NULL},
		{ES_DEVICE_POINTER_BUTTON, put_pointer_button, get_pointer_button, pointer_button_valid},
		{ES_DEVICE_POINTER_WHEEL, put_pointer_wheel, get_pointer_wheel, pointer_wheel_valid},
		{ES_DEVICE_TOUCH, put_touch, get_touch, touch_valid},
		{ES_DEVICE_TEXT, put_text_msg, get_text_msg, text_valid},
		{ES_DEVICE_RELEASE_ALL, put_nothing, get_nothing, NULL},
		{ES_DEVICE_PEN, put_pen, get_pen, pen_valid},
		{ES_DEVICE_PAD_ARRIVAL, put_pad_arrival, get_pad_arrival, pad_arrival_valid},
		{ES_DEVICE_PAD_REMOVAL, put_pad_removal, get_pad_removal, pad_removal_valid},
		{ES_DEVICE_PAD_STATE, put_pad_state, get_pad_state, pad_state_valid},
		{ES_DEVICE_PAD_TOUCH, put_pad_touch, get_pad_touch, pad_touch_valid},
		{ES_DEVICE_PAD_MOTION, put_pad_motion, get_pad_motion, pad_motion_valid},
		{ES_DEVICE_PAD_BATTERY, put_pad_battery, get_pad_battery, pad_battery_valid},
		{ES_DEVICE_RUMBLE, put_rumble, get_rumble, rumble_valid},
		{ES_DEVICE_LED, put_led, get_led, led_valid},
		{ES_DEVICE_MOTION_REQUEST, put_motion_request, get_motion_request, motion_request_valid},
		{ES_DEVICE_PCM, put_pcm, get_pcm, pcm_valid},
		{ES_DEVICE_TRIGGER_RUMBLE, put_trigger_rumble, get_trigger_rumble, trigger_rumble_valid},
		{ES_DEVICE_TRIGGER_EFFECT, put_trigger_effect, get_trigger_effect, trigger_effect_valid},
		{ES_DEVICE_MIC_PCM, put_mic_pcm, get_mic_pcm, mic_pcm_valid},
		{ES_DEVICE_CLIPBOARD, put_clipboard, get_clipboard, clipboard_valid},
};

static const struct kind *find_kind(uint32_t type) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type) {
			return &kinds[i];
		}
	}
	return NULL;
}

size_t device_msg_encode(const struct es_device_msg *msg, void *out, size_t cap) {
	const struct kind *kind = find_kind(msg->type);
	if (kind == NULL || (kind->valid != NULL && !kind->valid(msg))) {
		return 0;
	}
	struct es_writer w = writer_init(out, cap);
	put_header(&w, LETTER, ES_DEVICE_VERSION, (uint16_t)kind->type);
	kind->put(&w, msg);
	return w.ok ? w.pos : 0;
}

bool device_msg_decode(struct es_device_msg *msg, const void *data, size_t size, size_t n_fds) {
	memset(msg, 0, sizeof(*msg));
	struct es_reader r = reader_init(data, size);
	const struct kind *kind = find_kind(get_header(&r, LETTER, ES_DEVICE_VERSION));
	if (kind == NULL) {
		return false;
	}
	msg->type = kind->type;
	kind->get(&r, msg);
	return reader_done(&r) && (kind->valid == NULL || kind->valid(msg)) && n_fds == 0;
}
