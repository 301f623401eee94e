#include "compositor/text_input.h"

#include <stdlib.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_seat.h>
#include <wlr/types/wlr_text_input_v3.h>

#include "compositor/display.h"
#include "compositor/globals.h"
#include "compositor/seat.h"

struct es_text_input {
	struct es_seat *seat; // borrowed
	struct wl_listener new_text_input;
	struct wl_listener focus_change;
};

static struct wlr_text_input_manager_v3 *manager_of(const struct es_text_input *text_input) {
	return text_input->seat->display->globals->text_input;
}

static void enter(const struct es_text_input *text_input, struct wlr_text_input_v3 *input,
		struct wlr_surface *surface) {
	if (input->seat != text_input->seat->wlr_seat || input->focused_surface == surface) {
		return;
	}
	if (input->focused_surface != NULL) {
		wlr_text_input_v3_send_leave(input);
	}
	if (surface != NULL &&
			wl_resource_get_client(input->resource) == wl_resource_get_client(surface->resource)) {
		wlr_text_input_v3_send_enter(input, surface);
	}
}

static void handle_new_text_input(struct wl_listener *listener, void *data) {
	struct es_text_input *text_input = wl_container_of(listener, text_input, new_text_input);
	enter(text_input, data, text_input->seat->wlr_seat->keyboard_state.focused_surface);
}

static void handle_focus_change(struct wl_listener *listener, void *data) {
	struct es_text_input *text_input = wl_container_of(listener, text_input, focus_change);
	const struct wlr_seat_keyboard_focus_change_event *event = data;
	struct wlr_text_input_v3 *input;
	wl_list_for_each (input, &manager_of(text_input)->text_inputs, link) {
		enter(text_input, input, event->new_surface);
	}
}

struct es_text_input *text_input_create(struct es_seat *seat) {
	struct es_text_input *text_input = calloc(1, sizeof(*text_input));
	if (text_input == NULL) {
		return NULL;
	}
	text_input->seat = seat;
	text_input->new_text_input.notify = handle_new_text_input;
	wl_signal_add(&manager_of(text_input)->events.new_text_input, &text_input->new_text_input);
	text_input->focus_change.notify = handle_focus_change;
	wl_signal_add(&seat->wlr_seat->keyboard_state.events.focus_change, &text_input->focus_change);
	return text_input;
}

void text_input_destroy(struct es_text_input *text_input) {
	if (text_input == NULL) {
		return;
	}
	wl_list_remove(&text_input->new_text_input.link);
	wl_list_remove(&text_input->focus_change.link);
	free(text_input);
}

bool text_input_commit(struct es_text_input *text_input, const char *utf8) {
	struct wlr_text_input_v3 *input;
	wl_list_for_each (input, &manager_of(text_input)->text_inputs, link) {
		if (input->focused_surface != NULL && input->current_enabled &&
				input->seat == text_input->seat->wlr_seat) {
			wlr_text_input_v3_send_commit_string(input, utf8);
			wlr_text_input_v3_send_done(input);
			return true;
		}
	}
	return false;
}
