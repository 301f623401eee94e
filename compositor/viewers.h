// All encoders that look at this screen: one frame slot each over the same newest buffer. The
// primary one owns the clock; the others never delay it.
#pragma once

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "compositor/frame_link.h"
#include "compositor/release_point.h"

struct es_display;

struct es_viewers {
	struct es_display *display;
	struct wl_list links; // es_frame_link.link
	struct es_frame_link *primary; // borrowed from links; NULL: no encoder
	struct wl_event_source *watchdog; // armed while the primary or another owes a credit
	uint64_t sequence; // of the newest frame
	struct es_release_points released; // explicit sync: those that apps still wait for
	bool sent_any; // to a primary viewer
	uint64_t slots_emptied; // slow viewers that lost a frame to the primary
};

// NULL after a logged error.
struct es_viewers *viewers_create(struct es_display *display);
void viewers_destroy(struct es_viewers *viewers);

// Takes the display's end of a frame link (owned from here on). A link of the same viewer, or the
// primary one if this is primary, is replaced. A whole frame follows.
bool viewers_attach(struct es_viewers *viewers, int fd, const struct es_attach *attach);
void viewers_detach(struct es_viewers *viewers, uint32_t viewer);

// Puts a frame into all slots, or before them until its buffer can be read, and sends it where there
// is a credit. The sequence is given here.
void viewers_put(struct es_viewers *viewers, const struct es_slot_frame *frame,
		const pixman_region32_t *damage);
// For frames' fences (es_fence_settled; data is the viewers).
void viewers_handle_fence(struct es_acquire_fence *fence, void *data);
// Whether all encoders wait for fences themselves, and there is one.
bool viewers_take_fences(const struct es_viewers *viewers);
// Sends the primary viewer a frame that only moves the cursor.
void viewers_send_cursor(struct es_viewers *viewers);

// Empties slow viewers' slots if the screen would run out of buffers. False: even so there is none.
bool viewers_make_room(struct es_viewers *viewers);

// The screen has another size or refresh.
void viewers_set_mode(struct es_viewers *viewers, const struct es_mode *mode);

// Commits in the primary's slot and before it that are not sent yet.
uint32_t viewers_waiting_commits(const struct es_viewers *viewers);
