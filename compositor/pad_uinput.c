// Gamepads by uinput: the one of an Xbox, as its driver in the kernel shows it, and one of no make.
#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "compositor/pad.h"
#include "compositor/pad_effects.h"

// Newer than some systems' headers; by any kernel they are handed on.
#ifndef BTN_GRIPL
#define BTN_GRIPL 0x224
#define BTN_GRIPR 0x225
#define BTN_GRIPL2 0x226
#define BTN_GRIPR2 0x227
#endif

#define MAX_READ 64 // events per wake-up

struct pad_uinput {
	struct es_pad base;
	int fd;
	struct wl_event_source *source, *timer;
	struct es_pad_effects effects;
	const struct model *model;
	struct es_device_msg last; // state
	uint8_t number;
	void (*feedback)(void *data, const struct es_device_msg *msg);
	void *data;
};

struct button {
	uint32_t bit;
	uint16_t code;
};

static const struct button xbox_buttons[] = {
		{ES_PAD_A, BTN_A},
		{ES_PAD_B, BTN_B},
		{ES_PAD_X, BTN_X},
		{ES_PAD_Y, BTN_Y},
		{ES_PAD_LEFT_SHOULDER, BTN_TL},
		{ES_PAD_RIGHT_SHOULDER, BTN_TR},
		{ES_PAD_BACK, BTN_SELECT},
		{ES_PAD_START, BTN_START},
		{ES_PAD_GUIDE, BTN_MODE},
		{ES_PAD_LEFT_STICK, BTN_THUMBL},
		{ES_PAD_RIGHT_STICK, BTN_THUMBR},
		// The other model's alone.
		{ES_PAD_MISC, KEY_RECORD},
		{ES_PAD_PADDLE_1, BTN_GRIPR},
		{ES_PAD_PADDLE_2, BTN_GRIPL},
		{ES_PAD_PADDLE_3, BTN_GRIPR2},
		{ES_PAD_PADDLE_4, BTN_GRIPL2},
};
#define N_XBOX_BUTTONS 11
#define N_BUTTONS (sizeof(xbox_buttons) / sizeof(xbox_buttons[0]))

static const struct model {
	struct uinput_setup setup;
	size_t n_buttons;
} xbox = {{{BUS_USB, 0x045e, 0x028e, 0x0110}, "Microsoft X-Box 360 pad", ES_PAD_MAX_EFFECTS},
		N_XBOX_BUTTONS},
  generic = {{{BUS_VIRTUAL, 0, 0, 1}, "Earthshine Gamepad", ES_PAD_MAX_EFFECTS}, N_BUTTONS};

static const struct uinput_abs_setup axes[] = {
		{.code = ABS_X, .absinfo = {0, -32768, 32767, 16, 128, 0}},
		{.code = ABS_Y, .absinfo = {0, -32768, 32767, 16, 128, 0}},
		{.code = ABS_RX, .absinfo = {0, -32768, 32767, 16, 128, 0}},
		{.code = ABS_RY, .absinfo = {0, -32768, 32767, 16, 128, 0}},
		{.code = ABS_Z, .absinfo = {0, 0, 255, 0, 0, 0}},
		{.code = ABS_RZ, .absinfo = {0, 0, 255, 0, 0, 0}},
		{.code = ABS_HAT0X, .absinfo = {0, -1, 1, 0, 0, 0}},
		{.code = ABS_HAT0Y, .absinfo = {0, -1, 1, 0, 0, 0}},
};

// --- from the viewer

struct batch {
	struct input_event events[N_BUTTONS + 9];
	size_t n;
};

static void add(struct batch *batch, uint16_t type, uint16_t code, int32_t value) {
	batch->events[batch->n++] = (struct input_event){.type = type, .code = code, .value = value};
}

static int32_t hat(uint32_t buttons, uint32_t less, uint32_t more) {
	return ((buttons & more) != 0) - ((buttons & less) != 0);
}

static void put_state(struct pad_uinput *pad, const struct es_device_msg *msg) {
	struct batch batch = {.n = 0};
	uint32_t buttons = msg->pad_state.buttons, before = pad->last.pad_state.buttons;
	for (size_t i = 0; i < pad->model->n_buttons; i++) {
		if (((buttons ^ before) & xbox_buttons[i].bit) != 0) {
			add(&batch, EV_KEY, xbox_buttons[i].code, (buttons & xbox_buttons[i].bit) != 0);
		}
	}
	// The kernel leaves out what is as before. Down is positive there.
	add(&batch, EV_ABS, ABS_X, msg->pad_state.lx);
	add(&batch, EV_ABS, ABS_Y, -1 - msg->pad_state.ly);
	add(&batch, EV_ABS, ABS_RX, msg->pad_state.rx);
	add(&batch, EV_ABS, ABS_RY, -1 - msg->pad_state.ry);
	add(&batch, EV_ABS, ABS_Z, msg->pad_state.left_trigger);
	add(&batch, EV_ABS, ABS_RZ, msg->pad_state.right_trigger);
	add(&batch, EV_ABS, ABS_HAT0X, hat(buttons, ES_PAD_LEFT, ES_PAD_RIGHT));
	add(&batch, EV_ABS, ABS_HAT0Y, hat(buttons, ES_PAD_UP, ES_PAD_DOWN));
	add(&batch, EV_SYN, SYN_REPORT, 0);
	pad->last = *msg;
	if (write(pad->fd, batch.events, batch.n * sizeof(batch.events[0])) < 0) {
		es_log(ES_LOG_DEBUG, "gamepad %u: %s", pad->number, strerror(errno));
	}
}

static void uinput_put(struct es_pad *base, const struct es_device_msg *msg) {
	if (msg->type == ES_DEVICE_PAD_STATE) {
		put_state((struct pad_uinput *)base, msg);
	}
}

// --- from apps

static void rumble(struct pad_uinput *pad) {
	struct es_device_msg msg = {.type = ES_DEVICE_RUMBLE, .rumble = {.pad = pad->number}};
	int64_t now_ns = clock_now_ns();
	int64_t next_ns = pad_effects_mix(&pad->effects, now_ns, &msg.rumble.low, &msg.rumble.high);
	pad->feedback(pad->data, &msg);
	// 0 disarms it.
	int64_t left_ms = next_ns == ES_PAD_NEVER ? 0 : (next_ns - now_ns) / ES_NS_PER_MS + 1;
	wl_event_source_timer_update(pad->timer, (int)(left_ms > INT32_MAX ? INT32_MAX : left_ms));
}

static int handle_timer(void *data) {
	rumble(data);
	return 0;
}

// The app waits in its ioctl until these two have ended.
static void upload(struct pad_uinput *pad, int32_t request) {
	struct uinput_ff_upload upload = {.request_id = (uint32_t)request};
	if (ioctl(pad->fd, UI_BEGIN_FF_UPLOAD, &upload) == 0) {
		upload.retval = pad_effects_upload(&pad->effects, &upload.effect);
		ioctl(pad->fd, UI_END_FF_UPLOAD, &upload);
	}
}

static void erase(struct pad_uinput *pad, int32_t request) {
	struct uinput_ff_erase erasure = {.request_id = (uint32_t)request};
	if (ioctl(pad->fd, UI_BEGIN_FF_ERASE, &erasure) == 0) {
		pad_effects_erase(&pad->effects, erasure.effect_id);
		erasure.retval = 0;
		ioctl(pad->fd, UI_END_FF_ERASE, &erasure);
	}
}

static void take_event(struct pad_uinput *pad, const struct input_event *event) {
	if (event->type == EV_UINPUT && event->code == UI_FF_UPLOAD) {
		upload(pad, event->value);
	} else if (event->type == EV_UINPUT && event->code == UI_FF_ERASE) {
		erase(pad, event->value);
	} else if (event->type == EV_FF) {
		pad_effects_event(&pad->effects, event->code, event->value, clock_now_ns());
	}
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct pad_uinput *pad = data;
	struct input_event event;
	for (int i = 0; i < MAX_READ && read(fd, &event, sizeof(event)) == sizeof(event); i++) {
		take_event(pad, &event);
	}
	if ((mask & (WL_EVENT_HANGUP | WL_EVENT_ERROR)) != 0) {
		wl_event_source_remove(pad->source);
		pad->source = NULL;
	}
	rumble(pad);
	return 0;
}

// --- the device

static bool declare(struct pad_uinput *pad, const char *place) {
	const int fd = pad->fd;
	bool ok = ioctl(fd, UI_SET_EVBIT, EV_KEY) == 0 && ioctl(fd, UI_SET_EVBIT, EV_ABS) == 0 &&
			ioctl(fd, UI_SET_EVBIT, EV_FF) == 0 && ioctl(fd, UI_SET_FFBIT, FF_RUMBLE) == 0 &&
			ioctl(fd, UI_SET_FFBIT, FF_PERIODIC) == 0 && ioctl(fd, UI_SET_FFBIT, FF_SINE) == 0 &&
			ioctl(fd, UI_SET_FFBIT, FF_SQUARE) == 0 && ioctl(fd, UI_SET_FFBIT, FF_TRIANGLE) == 0 &&
			ioctl(fd, UI_SET_FFBIT, FF_GAIN) == 0 && ioctl(fd, UI_SET_PHYS, place) == 0;
	for (size_t i = 0; ok && i < pad->model->n_buttons; i++) {
		ok = ioctl(fd, UI_SET_KEYBIT, xbox_buttons[i].code) == 0;
	}
	for (size_t i = 0; ok && i < sizeof(axes) / sizeof(axes[0]); i++) {
		ok = ioctl(fd, UI_ABS_SETUP, &axes[i]) == 0;
	}
	return ok && ioctl(fd, UI_DEV_SETUP, &pad->model->setup) == 0 && ioctl(fd, UI_DEV_CREATE) == 0;
}

static void uinput_destroy(struct es_pad *base) {
	struct pad_uinput *pad = (struct pad_uinput *)base;
	if (pad->source != NULL) {
		wl_event_source_remove(pad->source);
	}
	if (pad->timer != NULL) {
		wl_event_source_remove(pad->timer);
	}
	fd_close(&pad->fd); // and with it the device is gone
	free(pad);
}

static const struct es_pad_impl uinput_impl = {.destroy = uinput_destroy, .put = uinput_put};

static bool open_device(struct pad_uinput *pad, const struct es_pad_params *params) {
	pad->fd = open("/dev/uinput", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (pad->fd < 0 || !declare(pad, params->place)) {
		es_log(ES_LOG_INFO,
				"gamepad %u cannot be shown to the app: /dev/uinput: %s; earthshine "
				"doctor says how to change that",
				params->number, strerror(errno));
		return false;
	}
	pad->source =
			wl_event_loop_add_fd(params->loop, pad->fd, WL_EVENT_READABLE, handle_readable, pad);
	pad->timer = wl_event_loop_add_timer(params->loop, handle_timer, pad);
	return pad->source != NULL && pad->timer != NULL;
}

struct es_pad *pad_uinput_create(const struct es_pad_params *params, enum es_gamepad kind) {
	struct pad_uinput *pad = calloc(1, sizeof(*pad));
	if (pad == NULL) {
		es_log(ES_LOG_WARN, "no gamepad %u: out of memory", params->number);
		return NULL;
	}
	pad->base.impl = &uinput_impl;
	pad->fd = -1;
	pad->model = kind == ES_GAMEPAD_GENERIC ? &generic : &xbox;
	pad->number = params->number;
	pad->feedback = params->feedback;
	pad->data = params->data;
	pad_effects_init(&pad->effects);
	if (!open_device(pad, params)) {
		uinput_destroy(&pad->base);
		return NULL;
	}
	return &pad->base;
}
