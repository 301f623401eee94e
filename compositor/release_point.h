// Points on the scene's timeline that say "this picture's buffer has been read": explicit sync tells
// the app by them. A point signals when nobody holds its picture any more, however that came about.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct wlr_drm_syncobj_timeline;

// Points not yet signalled, in the order of their numbers: one that signals takes all before it
// along, so they wait for each other.
struct es_release_points {
	struct wl_list list; // es_release_point.link
};

struct es_release_point;

void release_points_init(struct es_release_points *points);

// One reference for the caller. NULL if there is no timeline.
struct es_release_point *release_points_add(struct es_release_points *points,
		struct wlr_drm_syncobj_timeline *timeline, uint64_t point);

// NULL is fine. The point is signalled after its last reference and those of all before it.
struct es_release_point *release_point_ref(struct es_release_point *point);
void release_point_unref(struct es_release_point *point);

// The reader will be done when this sync_file (borrowed) signals: the point waits for that, so the
// reader's reference may go now. False: it cannot, keep the reference until then.
bool release_point_add_fence(struct es_release_point *point, int sync_file);
