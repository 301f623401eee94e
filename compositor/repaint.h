// Does what the output clock allows: composes, moves the cursor, sends frame callbacks, and keeps
// the one timer of the frame path. It sleeps while nobody waits for anything.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct es_display;
struct es_repaint;
struct wlr_surface;

// Needs the scene and the viewers; becomes the output's sink. detached_mhz: rate of frame callbacks
// with no encoder, 0 for the mode's. NULL after a logged error.
struct es_repaint *repaint_create(struct es_display *display, int32_t detached_mhz);
// Before viewers, scene and output. NULL is fine.
void repaint_destroy(struct es_repaint *repaint);

// Something has changed that may allow the next step: looks again once the event at hand is done.
void repaint_wake(struct es_repaint *repaint);
// Whether the newest frame is this surface's own buffer.
bool repaint_shows_directly(const struct es_repaint *repaint, const struct wlr_surface *surface);
// All of the screen is sent anew.
void repaint_damage_whole(struct es_repaint *repaint);
// The mode has changed.
void repaint_set_refresh(struct es_repaint *repaint, int32_t refresh_mhz);
void repaint_set_detached(struct es_repaint *repaint, int32_t detached_mhz);
// Nothing is composed and no app is called any more.
void repaint_stop(struct es_repaint *repaint);
