#include "compositor/release_point.h"

#include <fcntl.h>
#include <stdlib.h>
#include <wlr/render/drm_syncobj.h>

#include "base/fd.h"
#include "base/log.h"

struct es_release_point {
	struct es_release_points *points; // borrowed
	struct wl_list link; // es_release_points.list
	uint32_t refs;
	struct wlr_drm_syncobj_timeline *timeline; // referenced
	uint64_t point;
	int fence; // owned sync_file; -1: none
};

void release_points_init(struct es_release_points *points) {
	wl_list_init(&points->list);
}

struct es_release_point *release_points_add(struct es_release_points *points,
		struct wlr_drm_syncobj_timeline *timeline, uint64_t number) {
	if (timeline == NULL) {
		return NULL;
	}
	struct es_release_point *point = calloc(1, sizeof(*point));
	if (point == NULL) {
		wlr_drm_syncobj_timeline_signal(timeline, number); // an app must not hang on it
		return NULL;
	}
	*point = (struct es_release_point){
			.points = points,
			.refs = 1,
			.timeline = wlr_drm_syncobj_timeline_ref(timeline),
			.point = number,
			.fence = -1,
	};
	wl_list_insert(points->list.prev, &point->link);
	return point;
}

struct es_release_point *release_point_ref(struct es_release_point *point) {
	if (point != NULL) {
		point->refs++;
	}
	return point;
}

static void signal_point(struct es_release_point *point) {
	if (point->fence < 0 ||
			!wlr_drm_syncobj_timeline_import_sync_file(
					point->timeline, point->point, point->fence)) {
		wlr_drm_syncobj_timeline_signal(point->timeline, point->point);
	}
	wlr_drm_syncobj_timeline_unref(point->timeline);
	fd_close(&point->fence);
	wl_list_remove(&point->link);
	free(point);
}

void release_point_unref(struct es_release_point *point) {
	if (point == NULL || --point->refs > 0) {
		return;
	}
	struct es_release_points *points = point->points;
	struct es_release_point *tmp;
	wl_list_for_each_safe (point, tmp, &points->list, link) {
		if (point->refs > 0) {
			return;
		}
		signal_point(point);
	}
}

bool release_point_add_fence(struct es_release_point *point, int sync_file) {
	if (point == NULL || point->fence >= 0) {
		return false;
	}
	point->fence = fcntl(sync_file, F_DUPFD_CLOEXEC, 0);
	return point->fence >= 0;
}
