#include "compositor/gamepad.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/pad.h"
#include "compositor/pad_feedback.h"

#define FEEDBACK_MS 8 // between two of a kind to a pad
// A device costs the kernel and udev some work, which a viewer that plugs in and out all the time
// must not be able to keep busy: so many at once, and one more every so often.
#define MAX_DEVICES ES_DEVICE_MAX_PADS
#define DEVICE_NS (ES_NS_PER_S / 4)
#define PLACE_SIZE 64

struct slot {
	struct es_gamepads *gamepads;
	uint8_t number;
	bool wanted; // the client has it
	bool refused; // no device can be made for it
	enum es_gamepad kind;
	enum es_pad_type type;
	uint16_t capabilities;
	struct es_pad *pad; // owned; NULL: not there, or not yet
	struct es_pad_feedback feedback;
};

struct es_gamepads {
	struct es_gamepads_params params;
	struct slot slots[ES_DEVICE_MAX_PADS];
	struct wl_event_source *timer; // for feedback; armed while some waits that was too early
	struct wl_event_source *retry; // for pads; the same
	int64_t sent_ns; // feedback
	int64_t allowed_ns; // devices: a bucket that is full when this lies MAX_DEVICES * DEVICE_NS back
	bool uhid_logged, limit_logged;
};

static bool is_dual(uint16_t capabilities) {
	const uint16_t motion = ES_PAD_HAS_ACCELEROMETER | ES_PAD_HAS_GYROSCOPE;
	return (capabilities & motion) == motion && (capabilities & ES_PAD_HAS_TOUCHPAD) != 0;
}

enum es_gamepad gamepad_choose(
		enum es_gamepad setting, enum es_pad_type type, uint16_t capabilities) {
	if (setting != ES_GAMEPAD_AUTO) {
		return setting;
	}
	switch (type) {
	case ES_PAD_TYPE_PLAYSTATION:
		return ES_GAMEPAD_DUALSENSE;
	case ES_PAD_TYPE_NINTENDO:
		return ES_GAMEPAD_SWITCH;
	case ES_PAD_TYPE_STEAM:
	case ES_PAD_TYPE_UNKNOWN:
		// What an Xbox pad has no room for.
		return is_dual(capabilities) ? ES_GAMEPAD_DUALSENSE : ES_GAMEPAD_XBOX;
	case ES_PAD_TYPE_XBOX:
		break;
	}
	return ES_GAMEPAD_XBOX;
}

// --- to the viewer

// False: it takes no more now.
static bool send_waiting(struct slot *slot) {
	struct es_device_msg msg;
	size_t which;
	while (pad_feedback_next(&slot->feedback, &msg, &which)) {
		if (!slot->gamepads->params.send(slot->gamepads->params.data, &msg)) {
			return false;
		}
		pad_feedback_sent(&slot->feedback, which);
	}
	return true;
}

static void send_all(struct es_gamepads *gamepads) {
	gamepads->sent_ns = clock_now_ns();
	for (size_t i = 0; i < ES_DEVICE_MAX_PADS; i++) {
		if (!send_waiting(&gamepads->slots[i])) {
			wl_event_source_timer_update(gamepads->timer, FEEDBACK_MS);
			return;
		}
	}
}

static void send_soon(struct es_gamepads *gamepads) {
	if (clock_now_ns() - gamepads->sent_ns >= FEEDBACK_MS * ES_NS_PER_MS) {
		send_all(gamepads);
	} else {
		wl_event_source_timer_update(gamepads->timer, FEEDBACK_MS);
	}
}

static int handle_timer(void *data) {
	send_all(data);
	return 0;
}

static void on_feedback(void *data, const struct es_device_msg *msg) {
	struct slot *slot = data;
	pad_feedback_put(&slot->feedback, msg);
	send_soon(slot->gamepads);
}

// --- pads

static bool may_make(struct es_gamepads *gamepads) {
	int64_t now_ns = clock_now_ns();
	int64_t full_ns = now_ns - MAX_DEVICES * DEVICE_NS;
	if (gamepads->allowed_ns < full_ns) {
		gamepads->allowed_ns = full_ns;
	}
	if (gamepads->allowed_ns > now_ns - DEVICE_NS) {
		return false;
	}
	gamepads->allowed_ns += DEVICE_NS;
	return true;
}

static struct es_pad *make_device(struct slot *slot) {
	struct es_gamepads *gamepads = slot->gamepads;
	char place[PLACE_SIZE];
	uint32_t pid = (uint32_t)getpid();
	// udev's rule reads the user there.
	snprintf(place, sizeof(place), "earthshine/%lu/%u/pad%u", (unsigned long)getuid(), pid,
			slot->number);
	struct es_pad_params params = {
			.loop = gamepads->params.loop,
			.number = slot->number,
			.capabilities = slot->capabilities,
			.place = place,
			// Administered locally, as of network cards.
			.address = {0x02, 0xe5, (uint8_t)(pid >> 16), (uint8_t)(pid >> 8), (uint8_t)pid,
					slot->number},
			.feedback = on_feedback,
			.data = slot,
	};
	struct es_pad *pad = NULL;
	if (pad_uhid_has(slot->kind)) {
		pad = pad_uhid_create(&params, slot->kind);
		if (pad == NULL && !gamepads->uhid_logged) {
			es_log(ES_LOG_INFO, "gamepads are shown as those of an Xbox instead");
			gamepads->uhid_logged = true;
		}
	}
	return pad != NULL ? pad
					   : pad_uinput_create(&params,
								 slot->kind == ES_GAMEPAD_GENERIC ? slot->kind : ES_GAMEPAD_XBOX);
}

static void make(struct slot *slot) {
	struct es_gamepads *gamepads = slot->gamepads;
	if (slot->pad != NULL || slot->refused) {
		return;
	}
	if (!may_make(gamepads)) {
		if (!gamepads->limit_logged) {
			gamepads->limit_logged = true;
			es_log(ES_LOG_WARN, "gamepads come and go too often: some come late");
		}
		wl_event_source_timer_update(gamepads->retry, DEVICE_NS / ES_NS_PER_MS);
		return;
	}
	slot->pad = make_device(slot);
	slot->refused = slot->pad == NULL;
}

static int handle_retry(void *data) {
	struct es_gamepads *gamepads = data;
	for (size_t i = 0; i < ES_DEVICE_MAX_PADS; i++) {
		if (gamepads->slots[i].wanted) {
			make(&gamepads->slots[i]);
		}
	}
	return 0;
}

static void remove_pad(struct slot *slot) {
	if (slot->pad != NULL) {
		slot->pad->impl->destroy(slot->pad);
	}
	slot->pad = NULL;
	slot->wanted = slot->refused = false;
	slot->feedback = (struct es_pad_feedback){0};
}

// Once more after a reconnect: the app keeps the device that it has.
static void arrive(struct slot *slot, const struct es_device_msg *msg) {
	enum es_gamepad kind = gamepad_choose(
			slot->gamepads->params.setting, msg->pad_arrival.type, msg->pad_arrival.capabilities);
	if (slot->wanted && slot->kind != kind) {
		remove_pad(slot);
	}
	slot->wanted = true;
	slot->kind = kind;
	slot->type = msg->pad_arrival.type;
	slot->capabilities = msg->pad_arrival.capabilities;
	make(slot);
	pad_feedback_repeat(&slot->feedback);
	send_soon(slot->gamepads);
}

static uint8_t number_of(const struct es_device_msg *msg) {
	switch (msg->type) {
	case ES_DEVICE_PAD_ARRIVAL:
		return msg->pad_arrival.pad;
	case ES_DEVICE_PAD_REMOVAL:
		return msg->pad_removal.pad;
	case ES_DEVICE_PAD_STATE:
		return msg->pad_state.pad;
	case ES_DEVICE_PAD_TOUCH:
		return msg->pad_touch.pad;
	case ES_DEVICE_PAD_MOTION:
		return msg->pad_motion.pad;
	case ES_DEVICE_PAD_BATTERY:
		return msg->pad_battery.pad;
	default:
		return ES_DEVICE_MAX_PADS;
	}
}

void gamepads_put(struct es_gamepads *gamepads, const struct es_device_msg *msg) {
	uint8_t number = number_of(msg);
	if (number >= ES_DEVICE_MAX_PADS) {
		return;
	}
	struct slot *slot = &gamepads->slots[number];
	if (msg->type == ES_DEVICE_PAD_ARRIVAL) {
		arrive(slot, msg);
		return;
	}
	if (msg->type == ES_DEVICE_PAD_REMOVAL) {
		remove_pad(slot);
		return;
	}
	if (!slot->wanted) {
		return;
	}
	make(slot);
	if (slot->pad != NULL) {
		slot->pad->impl->put(slot->pad, msg);
	}
}

static void rest(struct slot *slot) {
	struct es_device_msg state = {.type = ES_DEVICE_PAD_STATE, .pad_state = {.pad = slot->number}};
	struct es_device_msg lift = {.type = ES_DEVICE_PAD_TOUCH,
			.pad_touch = {.pad = slot->number, .phase = ES_TOUCH_CANCEL}};
	slot->pad->impl->put(slot->pad, &state);
	slot->pad->impl->put(slot->pad, &lift);
}

void gamepads_release(struct es_gamepads *gamepads) {
	for (size_t i = 0; i < ES_DEVICE_MAX_PADS; i++) {
		if (gamepads->slots[i].pad != NULL) {
			rest(&gamepads->slots[i]);
		}
	}
}

struct es_gamepads *gamepads_create(const struct es_gamepads_params *params) {
	struct es_gamepads *gamepads = calloc(1, sizeof(*gamepads));
	if (gamepads == NULL) {
		es_log(ES_LOG_WARN, "no gamepads: out of memory");
		return NULL;
	}
	gamepads->params = *params;
	for (uint8_t i = 0; i < ES_DEVICE_MAX_PADS; i++) {
		gamepads->slots[i].gamepads = gamepads;
		gamepads->slots[i].number = i;
	}
	gamepads->timer = wl_event_loop_add_timer(params->loop, handle_timer, gamepads);
	gamepads->retry = wl_event_loop_add_timer(params->loop, handle_retry, gamepads);
	if (gamepads->timer == NULL || gamepads->retry == NULL) {
		es_log(ES_LOG_WARN, "no gamepads: out of memory");
		gamepads_destroy(gamepads);
		return NULL;
	}
	return gamepads;
}

void gamepads_destroy(struct es_gamepads *gamepads) {
	if (gamepads == NULL) {
		return;
	}
	for (size_t i = 0; i < ES_DEVICE_MAX_PADS; i++) {
		remove_pad(&gamepads->slots[i]);
	}
	if (gamepads->timer != NULL) {
		wl_event_source_remove(gamepads->timer);
	}
	if (gamepads->retry != NULL) {
		wl_event_source_remove(gamepads->retry);
	}
	free(gamepads);
}
