// Release points are signalled in order, each once, when nobody holds its picture. The timelines are
// stand-ins: no machine of ours has a GPU that has them.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wlr/render/drm_syncobj.h>

#include "compositor/release_point.h"

static struct wlr_drm_syncobj_timeline timeline;
static int n_refs;
static uint64_t told[16];
static bool imported[16];
static size_t n_told;

struct wlr_drm_syncobj_timeline *__wrap_wlr_drm_syncobj_timeline_ref(
		struct wlr_drm_syncobj_timeline *ref);
void __wrap_wlr_drm_syncobj_timeline_unref(struct wlr_drm_syncobj_timeline *ref);
bool __wrap_wlr_drm_syncobj_timeline_signal(struct wlr_drm_syncobj_timeline *of, uint64_t point);
bool __wrap_wlr_drm_syncobj_timeline_import_sync_file(
		struct wlr_drm_syncobj_timeline *of, uint64_t point, int fd);

struct wlr_drm_syncobj_timeline *__wrap_wlr_drm_syncobj_timeline_ref(
		struct wlr_drm_syncobj_timeline *ref) {
	n_refs++;
	return ref;
}

void __wrap_wlr_drm_syncobj_timeline_unref(struct wlr_drm_syncobj_timeline *ref) {
	n_refs--;
}

bool __wrap_wlr_drm_syncobj_timeline_signal(struct wlr_drm_syncobj_timeline *of, uint64_t point) {
	assert_ptr_equal(of, &timeline);
	told[n_told++] = point;
	return true;
}

bool __wrap_wlr_drm_syncobj_timeline_import_sync_file(
		struct wlr_drm_syncobj_timeline *of, uint64_t point, int fd) {
	assert_true(fd >= 0);
	imported[n_told] = true;
	told[n_told++] = point;
	return true;
}

static int reset(void **state) {
	n_told = 0;
	n_refs = 0;
	for (size_t i = 0; i < 16; i++) {
		imported[i] = false;
	}
	return 0;
}

static void test_none_without_a_timeline(void **state) {
	struct es_release_points points;
	release_points_init(&points);
	assert_null(release_points_add(&points, NULL, 1));
	assert_null(release_point_ref(NULL));
	release_point_unref(NULL);
	assert_false(release_point_add_fence(NULL, 0));
}

static void test_one_that_is_read_out_of_order_waits(void **state) {
	struct es_release_points points;
	release_points_init(&points);
	struct es_release_point *a = release_points_add(&points, &timeline, 4);
	struct es_release_point *b = release_points_add(&points, &timeline, 7);
	struct es_release_point *c = release_points_add(&points, &timeline, 8);
	release_point_ref(a); // another encoder reads it, too
	release_point_unref(b);
	release_point_unref(a);
	assert_int_equal(n_told, 0);
	release_point_unref(a);
	assert_int_equal(n_told, 2);
	assert_int_equal(told[0], 4);
	assert_int_equal(told[1], 7);
	release_point_unref(c);
	assert_int_equal(told[2], 8);
	assert_int_equal(n_refs, 0);
	assert_true(wl_list_empty(&points.list));
}

static void test_a_reader_that_tells_when_by_a_fence(void **state) {
	struct es_release_points points;
	release_points_init(&points);
	struct es_release_point *point = release_points_add(&points, &timeline, 3);
	release_point_ref(point);
	int fence = eventfd(0, EFD_CLOEXEC);
	assert_true(release_point_add_fence(point, fence));
	assert_false(release_point_add_fence(point, fence)); // a second one keeps its reference
	close(fence);
	release_point_unref(point);
	assert_int_equal(n_told, 0);
	release_point_unref(point);
	assert_int_equal(n_told, 1);
	assert_true(imported[0]);
	assert_int_equal(n_refs, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup(test_none_without_a_timeline, reset),
			cmocka_unit_test_setup(test_one_that_is_read_out_of_order_waits, reset),
			cmocka_unit_test_setup(test_a_reader_that_tells_when_by_a_fence, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
