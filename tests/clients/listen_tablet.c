#include <stdlib.h>

#include "tablet-v2-client-protocol.h"
#include "tests/clients/listen.h"

struct tool {
	struct es_listen *listen;
	uint32_t type;
};

static void handle_type(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t type) {
	((struct tool *)data)->type = type;
}

static void handle_serial(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t hi, uint32_t lo) {
}

static void handle_wacom(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t hi, uint32_t lo) {
}

static void handle_capability(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t capability) {
}

static void handle_tool_done(void *data, struct zwp_tablet_tool_v2 *v2) {
}

static void handle_removed(void *data, struct zwp_tablet_tool_v2 *v2) {
}

static void handle_proximity_in(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t serial,
		struct zwp_tablet_v2 *tablet, struct wl_surface *surface) {
	struct tool *tool = data;
	const char *name = tool->type == ZWP_TABLET_TOOL_V2_TYPE_ERASER ? "eraser" : "pen";
	listen_note(tool->listen, "{\"event\":\"pen\",\"what\":\"near\",\"tool\":\"%s\"}", name);
}

static void note(void *data, const char *what) {
	listen_note(((struct tool *)data)->listen, "{\"event\":\"pen\",\"what\":\"%s\"}", what);
}

static void note_value(void *data, const char *what, double value) {
	listen_note(((struct tool *)data)->listen, "{\"event\":\"pen\",\"what\":\"%s\",\"value\":%.3f}",
			what, value);
}

static void note_pair(void *data, const char *what, wl_fixed_t x, wl_fixed_t y) {
	listen_note(((struct tool *)data)->listen,
			"{\"event\":\"pen\",\"what\":\"%s\",\"x\":%.3f,\"y\":%.3f}", what,
			wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void handle_proximity_out(void *data, struct zwp_tablet_tool_v2 *v2) {
	note(data, "away");
}

static void handle_down(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t serial) {
	note(data, "down");
}

static void handle_up(void *data, struct zwp_tablet_tool_v2 *v2) {
	note(data, "up");
}

static void handle_motion(void *data, struct zwp_tablet_tool_v2 *v2, wl_fixed_t x, wl_fixed_t y) {
	note_pair(data, "motion", x, y);
}

static void handle_pressure(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t pressure) {
	note_value(data, "pressure", pressure / 65535.0);
}

static void handle_distance(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t distance) {
	note_value(data, "distance", distance / 65535.0);
}

static void handle_tilt(void *data, struct zwp_tablet_tool_v2 *v2, wl_fixed_t x, wl_fixed_t y) {
	note_pair(data, "tilt", x, y);
}

static void handle_rotation(void *data, struct zwp_tablet_tool_v2 *v2, wl_fixed_t degrees) {
	note_value(data, "rotation", wl_fixed_to_double(degrees));
}

static void handle_slider(void *data, struct zwp_tablet_tool_v2 *v2, int32_t position) {
}

static void handle_wheel(
		void *data, struct zwp_tablet_tool_v2 *v2, wl_fixed_t degrees, int32_t clicks) {
}

static void handle_button(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t serial,
		uint32_t button, uint32_t state) {
	listen_note(((struct tool *)data)->listen,
			"{\"event\":\"pen\",\"what\":\"button\",\"code\":%u,\"pressed\":%s}", button,
			state == ZWP_TABLET_TOOL_V2_BUTTON_STATE_PRESSED ? "true" : "false");
}

static void handle_frame(void *data, struct zwp_tablet_tool_v2 *v2, uint32_t time) {
	note(data, "frame");
}

static const struct zwp_tablet_tool_v2_listener tool_listener = {
		.type = handle_type,
		.hardware_serial = handle_serial,
		.hardware_id_wacom = handle_wacom,
		.capability = handle_capability,
		.done = handle_tool_done,
		.removed = handle_removed,
		.proximity_in = handle_proximity_in,
		.proximity_out = handle_proximity_out,
		.down = handle_down,
		.up = handle_up,
		.motion = handle_motion,
		.pressure = handle_pressure,
		.distance = handle_distance,
		.tilt = handle_tilt,
		.rotation = handle_rotation,
		.slider = handle_slider,
		.wheel = handle_wheel,
		.button = handle_button,
		.frame = handle_frame,
};

static void handle_tablet_added(
		void *data, struct zwp_tablet_seat_v2 *seat, struct zwp_tablet_v2 *tablet) {
}

static void handle_tool_added(
		void *data, struct zwp_tablet_seat_v2 *seat, struct zwp_tablet_tool_v2 *v2) {
	struct tool *tool = calloc(1, sizeof(*tool)); // as long as the connection
	if (tool != NULL) {
		tool->listen = data;
		zwp_tablet_tool_v2_add_listener(v2, &tool_listener, tool);
	}
}

static void handle_pad_added(
		void *data, struct zwp_tablet_seat_v2 *seat, struct zwp_tablet_pad_v2 *pad) {
}

static const struct zwp_tablet_seat_v2_listener seat_listener = {
		.tablet_added = handle_tablet_added,
		.tool_added = handle_tool_added,
		.pad_added = handle_pad_added,
};

void listen_to_tablets(struct es_listen *listen) {
	if (listen->tablet_manager != NULL) {
		zwp_tablet_seat_v2_add_listener(
				zwp_tablet_manager_v2_get_tablet_seat(listen->tablet_manager, listen->seat),
				&seat_listener, listen);
	}
}
