#include "compositor/seat.h"

#include <stdlib.h>
#include <string.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_data_device.h>
#include <wlr/types/wlr_idle_notify_v1.h>
#include <wlr/types/wlr_primary_selection.h>
#include <wlr/types/wlr_scene.h>
#include <wlr/types/wlr_seat.h>
#include <xkbcommon/xkbcommon.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/local_devices.h"
#include "compositor/text_input.h"
#include "protocol/session_msg.h"

#define REPEAT_RATE_HZ 25
#define REPEAT_DELAY_MS 600

static void handle_leds(struct wlr_keyboard *keyboard, uint32_t leds) {
	struct es_seat *seat = wl_container_of(keyboard, seat, keyboard);
	local_devices_set_leds(seat->display->local_devices, leds);
}

static const struct wlr_keyboard_impl keyboard_impl = {
		.name = "earthshine-keyboard", .led_update = handle_leds};
static const struct wlr_pointer_impl pointer_impl = {.name = "earthshine-pointer"};
static const struct wlr_touch_impl touch_impl = {.name = "earthshine-touch"};

static void handle_key(struct wl_listener *listener, void *data) {
	struct es_seat *seat = wl_container_of(listener, seat, key);
	struct wlr_keyboard_key_event *event = data;
	wlr_seat_set_keyboard(seat->wlr_seat, &seat->keyboard);
	wlr_seat_keyboard_notify_key(seat->wlr_seat, event->time_msec, event->keycode, event->state);
	seat_notify_activity(seat);
}

static void handle_modifiers(struct wl_listener *listener, void *data) {
	struct es_seat *seat = wl_container_of(listener, seat, modifiers);
	wlr_seat_set_keyboard(seat->wlr_seat, &seat->keyboard);
	wlr_seat_keyboard_notify_modifiers(seat->wlr_seat, &seat->keyboard.modifiers);
}

static void handle_request_set_selection(struct wl_listener *listener, void *data) {
	struct es_seat *seat = wl_container_of(listener, seat, request_set_selection);
	struct wlr_seat_request_set_selection_event *event = data;
	wlr_seat_set_selection(seat->wlr_seat, event->source, event->serial);
}

static void handle_request_set_primary_selection(struct wl_listener *listener, void *data) {
	struct es_seat *seat = wl_container_of(listener, seat, request_set_primary_selection);
	struct wlr_seat_request_set_primary_selection_event *event = data;
	wlr_seat_set_primary_selection(seat->wlr_seat, event->source, event->serial);
}

static void handle_request_start_drag(struct wl_listener *listener, void *data) {
	struct es_seat *seat = wl_container_of(listener, seat, request_start_drag);
	struct wlr_seat_request_start_drag_event *event = data;
	struct wlr_touch_point *point;
	if (wlr_seat_validate_pointer_grab_serial(seat->wlr_seat, event->origin, event->serial)) {
		wlr_seat_start_pointer_drag(seat->wlr_seat, event->drag, event->serial);
	} else if (wlr_seat_validate_touch_grab_serial(
					   seat->wlr_seat, event->origin, event->serial, &point)) {
		wlr_seat_start_touch_drag(seat->wlr_seat, event->drag, event->serial, point);
	} else {
		wlr_data_source_destroy(event->drag->source);
	}
}

static void forget_drag_icon(struct es_seat *seat) {
	wl_list_remove(&seat->drag_icon_destroy.link);
	wl_list_init(&seat->drag_icon_destroy.link);
	seat->drag_icon = NULL;
}

static void handle_drag_icon_destroy(struct wl_listener *listener, void *data) {
	struct es_seat *seat = wl_container_of(listener, seat, drag_icon_destroy);
	forget_drag_icon(seat);
}

static void handle_start_drag(struct wl_listener *listener, void *data) {
	struct es_seat *seat = wl_container_of(listener, seat, start_drag);
	struct wlr_drag *drag = data;
	forget_drag_icon(seat);
	if (drag->icon == NULL) {
		return;
	}
	seat->drag_icon = wlr_scene_drag_icon_create(seat->display->layer_overlay, drag->icon);
	if (seat->drag_icon != NULL) {
		wlr_scene_node_set_position(&seat->drag_icon->node, seat->drag_lx, seat->drag_ly);
		wl_signal_add(&seat->drag_icon->node.events.destroy, &seat->drag_icon_destroy);
	}
}

// "layout(variant)" taken apart. False: it is neither that nor "layout".
static bool split_layout(const char *text, char *layout, char *variant, size_t cap) {
	size_t length = strcspn(text, "("), rest = strlen(text) - length;
	if (length >= cap || (rest > 0 && (rest < 3 || text[length + rest - 1] != ')'))) {
		return false;
	}
	memcpy(layout, text, length);
	layout[length] = '\0';
	variant[0] = '\0';
	if (rest > 0) {
		memcpy(variant, text + length + 1, rest - 2);
		variant[rest - 2] = '\0';
	}
	return true;
}

static struct xkb_keymap *compile_keymap(const char *text) {
	char layout[ES_SESSION_MAX_KEYBOARD], variant[ES_SESSION_MAX_KEYBOARD];
	struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	if (context == NULL || strlen(text) >= sizeof(layout) ||
			!split_layout(text, layout, variant, sizeof(layout))) {
		xkb_context_unref(context);
		return NULL;
	}
	// What is not named comes from XKB_DEFAULT_* if set, else it is the library's.
	struct xkb_rule_names names = {.layout = layout, .variant = variant};
	struct xkb_keymap *keymap = xkb_keymap_new_from_names(
			context, layout[0] != '\0' ? &names : NULL, XKB_KEYMAP_COMPILE_NO_FLAGS);
	xkb_context_unref(context);
	return keymap;
}

static bool set_keymap(struct wlr_keyboard *keyboard, const char *layout) {
	struct xkb_keymap *keymap = compile_keymap(layout);
	bool ok = keymap != NULL && wlr_keyboard_set_keymap(keyboard, keymap);
	xkb_keymap_unref(keymap);
	return ok;
}

bool seat_set_keyboard(struct es_seat *seat, const char *layout) {
	if (set_keymap(&seat->keyboard, layout)) {
		return true;
	}
	es_log(ES_LOG_WARN,
			"keeping the keyboard as it is: there is no layout '%s'; it is written like 'de' or "
			"'us(intl)'",
			layout);
	return false;
}

static bool make_devices(struct es_seat *seat) {
	wlr_keyboard_init(&seat->keyboard, &keyboard_impl, keyboard_impl.name);
	seat->keyboard_ready = true;
	wl_signal_add(&seat->keyboard.events.key, &seat->key);
	wl_signal_add(&seat->keyboard.events.modifiers, &seat->modifiers);
	if (!set_keymap(&seat->keyboard, "")) {
		es_log(ES_LOG_ERROR,
				"cannot make a keyboard: no keymap could be compiled; are the data of "
				"xkeyboard-config installed and XKB_DEFAULT_* right?");
		return false;
	}
	wlr_keyboard_set_repeat_info(&seat->keyboard, REPEAT_RATE_HZ, REPEAT_DELAY_MS);
	wlr_pointer_init(&seat->pointer, &pointer_impl, pointer_impl.name);
	seat->pointer_ready = true;
	wlr_touch_init(&seat->touch, &touch_impl, touch_impl.name);
	seat->touch_ready = true;
	wlr_seat_set_keyboard(seat->wlr_seat, &seat->keyboard);
	wlr_seat_set_capabilities(seat->wlr_seat,
			WL_SEAT_CAPABILITY_KEYBOARD | WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_TOUCH);
	return true;
}

static void listen(struct es_seat *seat) {
	struct wlr_seat *wlr_seat = seat->wlr_seat;
	wl_signal_add(&wlr_seat->events.request_set_selection, &seat->request_set_selection);
	wl_signal_add(
			&wlr_seat->events.request_set_primary_selection, &seat->request_set_primary_selection);
	wl_signal_add(&wlr_seat->events.request_start_drag, &seat->request_start_drag);
	wl_signal_add(&wlr_seat->events.start_drag, &seat->start_drag);
}

struct es_seat *seat_create(struct es_display *display) {
	struct es_seat *seat = calloc(1, sizeof(*seat));
	if (seat == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the seat: out of memory");
		return NULL;
	}
	seat->display = display;
	struct {
		struct wl_listener *listener;
		wl_notify_func_t notify;
	} listeners[] = {
			{&seat->key, handle_key},
			{&seat->modifiers, handle_modifiers},
			{&seat->request_set_selection, handle_request_set_selection},
			{&seat->request_set_primary_selection, handle_request_set_primary_selection},
			{&seat->request_start_drag, handle_request_start_drag},
			{&seat->start_drag, handle_start_drag},
			{&seat->drag_icon_destroy, handle_drag_icon_destroy},
	};
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++) {
		wl_list_init(&listeners[i].listener->link);
		listeners[i].listener->notify = listeners[i].notify;
	}
	seat->wlr_seat = wlr_seat_create(display->wl_display, "seat0");
	if (seat->wlr_seat == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the seat: out of memory");
		goto fail;
	}
	listen(seat);
	seat->text_input = text_input_create(seat);
	if (seat->text_input == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the seat: out of memory");
		goto fail;
	}
	if (!make_devices(seat)) {
		goto fail;
	}
	return seat;
fail:
	seat_destroy(seat);
	return NULL;
}

void seat_destroy(struct es_seat *seat) {
	if (seat == NULL) {
		return;
	}
	wl_list_remove(&seat->key.link);
	wl_list_remove(&seat->modifiers.link);
	wl_list_remove(&seat->request_set_selection.link);
	wl_list_remove(&seat->request_set_primary_selection.link);
	wl_list_remove(&seat->request_start_drag.link);
	wl_list_remove(&seat->start_drag.link);
	wl_list_remove(&seat->drag_icon_destroy.link);
	text_input_destroy(seat->text_input);
	if (seat->touch_ready) {
		wlr_touch_finish(&seat->touch);
	}
	if (seat->pointer_ready) {
		wlr_pointer_finish(&seat->pointer);
	}
	if (seat->keyboard_ready) {
		wlr_keyboard_finish(&seat->keyboard);
	}
	if (seat->wlr_seat != NULL) {
		wlr_seat_destroy(seat->wlr_seat);
	}
	free(seat);
}

// True: it goes down with its first holder, or up with its last.
static bool count_holder(struct es_seat *seat, uint32_t code, bool pressed) {
	uint8_t before = seat->holders[code];
	if (pressed ? before == UINT8_MAX : before == 0) {
		return false;
	}
	seat->holders[code] = (uint8_t)(pressed ? before + 1 : before - 1);
	return before == (pressed ? 0 : 1);
}

static uint32_t now_ms(void) {
	return (uint32_t)(clock_now_ns() / ES_NS_PER_MS);
}

void seat_put_key(struct es_seat *seat, uint32_t code, bool pressed) {
	if (!count_holder(seat, code, pressed)) {
		return;
	}
	struct wlr_keyboard_key_event event = {
			.time_msec = now_ms(),
			.keycode = code,
			.update_state = true,
			.state = pressed ? WL_KEYBOARD_KEY_STATE_PRESSED : WL_KEYBOARD_KEY_STATE_RELEASED,
	};
	wlr_keyboard_notify_key(&seat->keyboard, &event);
}

void seat_put_button(struct es_seat *seat, uint32_t code, bool pressed) {
	if (!count_holder(seat, code, pressed)) {
		return;
	}
	struct wlr_pointer_button_event event = {
			.pointer = &seat->pointer,
			.time_msec = now_ms(),
			.button = code,
			.state = pressed ? WL_POINTER_BUTTON_STATE_PRESSED : WL_POINTER_BUTTON_STATE_RELEASED,
	};
	wlr_pointer_notify_button(&seat->pointer, &event);
	wl_signal_emit_mutable(&seat->pointer.events.frame, &seat->pointer);
}

void seat_focus(struct es_seat *seat, struct wlr_surface *surface) {
	if (surface == NULL) {
		wlr_seat_keyboard_notify_clear_focus(seat->wlr_seat);
		return;
	}
	struct wlr_keyboard *keyboard = &seat->keyboard;
	wlr_seat_set_keyboard(seat->wlr_seat, keyboard);
	wlr_seat_keyboard_notify_enter(seat->wlr_seat, surface, keyboard->keycodes,
			keyboard->num_keycodes, &keyboard->modifiers);
}

void seat_notify_activity(struct es_seat *seat) {
	wlr_idle_notifier_v1_notify_activity(seat->display->globals->idle_notifier, seat->wlr_seat);
}

void seat_move_drag_icon(struct es_seat *seat, double lx, double ly) {
	seat->drag_lx = (int)lx;
	seat->drag_ly = (int)ly;
	if (seat->drag_icon != NULL) {
		wlr_scene_node_set_position(&seat->drag_icon->node, seat->drag_lx, seat->drag_ly);
	}
}
