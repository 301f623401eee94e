// Properties of the frame slot under random sequences of put, take and drop, against a model that
// remembers every pixel; and of merging rectangles.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <wlr/interfaces/wlr_buffer.h>

#include "compositor/frame_slot.h"

#define SIZE 64
#define N_BUFFERS 4
#define ROUNDS 20000

static uint32_t random_below(uint32_t *seed, uint32_t n) {
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return (*seed >> 8) % n;
}

static void buffer_destroy(struct wlr_buffer *buffer) {
	wlr_buffer_finish(buffer);
}

static const struct wlr_buffer_impl buffer_impl = {.destroy = buffer_destroy};

struct model {
	struct wlr_buffer buffers[N_BUFFERS];
	bool damaged[SIZE][SIZE]; // since the frame taken last
	size_t in_slot; // index of the buffer, N_BUFFERS: none
	size_t taken; // the one that an encoder reads
	uint32_t n_commits;
	int64_t commit_ns;
	uint64_t sequence;
};

static void random_region(uint32_t *seed, pixman_region32_t *region, uint32_t n) {
	pixman_region32_init(region);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t x = random_below(seed, SIZE), y = random_below(seed, SIZE);
		pixman_region32_union_rect(region, region, (int)x, (int)y, 1 + random_below(seed, SIZE - x),
				1 + random_below(seed, (SIZE - y + 7) / 8));
	}
}

static void check_locks(const struct model *model) {
	for (size_t i = 0; i < N_BUFFERS; i++) {
		assert_int_equal(model->buffers[i].n_locks, (i == model->in_slot) + (i == model->taken));
	}
}

static void mark(struct model *model, const pixman_region32_t *region) {
	for (int y = 0; y < SIZE; y++) {
		for (int x = 0; x < SIZE; x++) {
			model->damaged[y][x] |=
					pixman_region32_contains_point((pixman_region32_t *)region, x, y, NULL);
		}
	}
}

static void put(struct model *model, struct es_frame_slot *slot, uint32_t *seed) {
	size_t index = random_below(seed, N_BUFFERS);
	pixman_region32_t damage;
	random_region(seed, &damage, random_below(seed, 30));
	struct es_slot_frame frame = {
			.buffer = &model->buffers[index],
			.sequence = ++model->sequence,
			.commit_ns = (int64_t)model->sequence * 10,
			.n_commits = random_below(seed, 3),
			.commit_seq = (uint32_t)model->sequence,
	};
	struct es_slot_frame displaced = {0};
	bool was_full = model->in_slot < N_BUFFERS;
	assert_int_equal(frame_slot_put(slot, &frame, &damage, &displaced), was_full);
	if (was_full) {
		assert_int_equal(displaced.sequence, model->sequence - 1);
		assert_null(displaced.buffer);
		assert_int_equal(displaced.n_commits, model->n_commits);
	} else {
		model->n_commits = 0;
	}
	if (frame.n_commits > 0 || model->n_commits == 0) {
		model->commit_ns = frame.commit_ns;
	}
	model->n_commits += frame.n_commits;
	model->in_slot = index;
	mark(model, &damage);
	pixman_region32_fini(&damage);
}

static void take(struct model *model, struct es_frame_slot *slot) {
	struct es_slot_frame frame;
	struct es_rect rects[ES_FRAME_MAX_RECTS];
	uint32_t n;
	bool full = model->in_slot < N_BUFFERS;
	assert_int_equal(frame_slot_take(slot, &frame, rects, &n), full);
	if (!full) {
		return;
	}
	assert_ptr_equal(frame.buffer, &model->buffers[model->in_slot]);
	assert_int_equal(frame.sequence, model->sequence); // always the newest
	assert_int_equal(frame.n_commits, model->n_commits);
	assert_int_equal(frame.commit_ns, model->commit_ns);
	assert_true(n <= ES_FRAME_MAX_RECTS);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(rects[i].width > 0 && rects[i].height > 0);
		assert_true(rects[i].x + rects[i].width <= SIZE && rects[i].y + rects[i].height <= SIZE);
		for (uint32_t y = 0; y < rects[i].height; y++) {
			memset(&model->damaged[rects[i].y + y][rects[i].x], 0, rects[i].width);
		}
	}
	static const bool nothing[SIZE][SIZE];
	assert_memory_equal(model->damaged, nothing, sizeof(nothing)); // no pixel was left behind
	if (model->taken < N_BUFFERS) {
		wlr_buffer_unlock(&model->buffers[model->taken]);
	}
	model->taken = model->in_slot;
	model->in_slot = N_BUFFERS;
	model->n_commits = 0;
}

static void drop(struct model *model, struct es_frame_slot *slot) {
	struct es_slot_frame dropped;
	bool full = model->in_slot < N_BUFFERS;
	assert_int_equal(frame_slot_drop(slot, &dropped), full);
	if (full) {
		assert_int_equal(dropped.sequence, model->sequence);
		assert_int_equal(dropped.n_commits, model->n_commits);
	}
	model->in_slot = N_BUFFERS;
	model->n_commits = 0;
}

static void test_random_sequences(void **state) {
	static struct model model;
	struct es_frame_slot slot;
	uint32_t seed = 1;
	model.in_slot = model.taken = N_BUFFERS;
	frame_slot_init(&slot);
	for (size_t i = 0; i < N_BUFFERS; i++) {
		wlr_buffer_init(&model.buffers[i], &buffer_impl, SIZE, SIZE);
	}
	for (int i = 0; i < ROUNDS; i++) {
		switch (random_below(&seed, 8)) {
		case 0:
			drop(&model, &slot);
			break;
		case 1:
		case 2:
		case 3:
			take(&model, &slot);
			break;
		default:
			put(&model, &slot, &seed);
			break;
		}
		assert_int_equal(frame_slot_full(&slot), model.in_slot < N_BUFFERS);
		check_locks(&model);
	}
	frame_slot_finish(&slot);
	model.in_slot = N_BUFFERS;
	check_locks(&model);
	if (model.taken < N_BUFFERS) {
		wlr_buffer_unlock(&model.buffers[model.taken]);
	}
	for (size_t i = 0; i < N_BUFFERS; i++) {
		wlr_buffer_drop(&model.buffers[i]);
	}
}

static void test_whole_screen_of_a_new_viewer(void **state) {
	struct es_frame_slot slot;
	struct wlr_buffer buffer;
	struct es_rect rects[ES_FRAME_MAX_RECTS];
	struct es_slot_frame frame = {.buffer = &buffer};
	pixman_region32_t damage;
	uint32_t n;
	wlr_buffer_init(&buffer, &buffer_impl, SIZE, SIZE);
	pixman_region32_init_rect(&damage, 5, 5, 1, 1);
	frame_slot_init(&slot);
	frame_slot_damage_whole(&slot, SIZE, SIZE);
	frame_slot_put(&slot, &frame, &damage, NULL);
	assert_true(frame_slot_take(&slot, &frame, rects, &n));
	assert_int_equal(n, 1);
	assert_int_equal(rects[0].width, SIZE);
	assert_int_equal(rects[0].height, SIZE);
	wlr_buffer_unlock(&buffer);
	frame_slot_finish(&slot);
	pixman_region32_fini(&damage);
	wlr_buffer_drop(&buffer);
}

static void test_few_rectangles_stay_as_they_are(void **state) {
	pixman_region32_t region;
	struct es_rect rects[ES_FRAME_MAX_RECTS];
	pixman_region32_init(&region);
	for (int i = 0; i < ES_FRAME_MAX_RECTS; i++) {
		pixman_region32_union_rect(&region, &region, i * 4, i * 4, 2, 2);
	}
	assert_int_equal(
			frame_slot_merge_rects(&region, rects, ES_FRAME_MAX_RECTS), ES_FRAME_MAX_RECTS);
	for (uint32_t i = 0; i < ES_FRAME_MAX_RECTS; i++) {
		assert_int_equal(rects[i].x, i * 4);
		assert_int_equal(rects[i].width, 2);
	}
	pixman_region32_fini(&region);
}

static void test_a_thousand_rectangles_become_few(void **state) {
	pixman_region32_t region;
	struct es_rect rects[ES_FRAME_MAX_RECTS];
	pixman_region32_init(&region);
	for (int i = 0; i < 1000; i++) {
		pixman_region32_union_rect(&region, &region, i % 40 * 10 + 3, i / 40 * 10 + 4, 2, 2);
	}
	uint32_t n = frame_slot_merge_rects(&region, rects, ES_FRAME_MAX_RECTS);
	assert_int_equal(n, 1);
	assert_int_equal(rects[0].x, 3);
	assert_int_equal(rects[0].y, 4);
	assert_int_equal(rects[0].width, 392);
	assert_int_equal(rects[0].height, 242);
	pixman_region32_fini(&region);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_random_sequences),
			cmocka_unit_test(test_whole_screen_of_a_new_viewer),
			cmocka_unit_test(test_few_rectangles_stay_as_they_are),
			cmocka_unit_test(test_a_thousand_rectangles_become_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
