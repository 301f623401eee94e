// The virtual screen as a PipeWire source of video, for what records or shares it on the same machine: OBS,
// portals. Pictures go there when the app has committed something and while somebody looks, from the newest
// buffer, after it went to the encoder; a consumer that is slow loses pictures, never the encoder.
//
// On the display's loop. Without the user's PipeWire nobody could see it: then it waits for one.
#pragma once

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "compositor/cursor_plane.h"
#include "protocol/mode.h"

struct es_screen_source;
struct wlr_buffer;
struct wlr_renderer;

struct es_screen_source_params {
	struct wl_event_loop *loop; // borrowed
	struct wlr_renderer *renderer; // borrowed
	const struct es_cursor_plane *cursor; // borrowed
	const char *node; // node.name
	const char *title; // of the session
	// Somebody looks from now on, or nobody any more: apps' own buffers are composed meanwhile, and the next
	// picture is to be a whole one. Never from within create or destroy.
	void (*watched)(void *data, bool watched);
	void *data;
};

struct es_screen_source_counts {
	uint64_t sent, dropped; // pictures; dropped: the consumer still had all others
};

// NULL after a logged error.
struct es_screen_source *screen_source_create(
		const struct es_screen_source_params *params, const struct es_mode *mode);
void screen_source_destroy(struct es_screen_source *source); // NULL is fine

void screen_source_set_mode(struct es_screen_source *source, const struct es_mode *mode);
// A picture of the screen's size, of our own allocator, and what is new in it. Copied later, from idle.
void screen_source_frame(struct es_screen_source *source, struct wlr_buffer *buffer,
		const pixman_region32_t *damage);
// The cursor has moved or looks different.
void screen_source_cursor(struct es_screen_source *source);
struct es_screen_source_counts screen_source_counts(const struct es_screen_source *source);
