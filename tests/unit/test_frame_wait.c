// Frames that wait for their fences: against a model that remembers every pixel and every reference,
// under random sequences of frames, fences that signal in any order and fences that never do.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wlr/interfaces/wlr_buffer.h>

#include "compositor/acquire_fence.h"
#include "compositor/frame_wait.h"

#define SIZE 32
#define N_FRAMES 64 // more than can be alive at a time
#define ROUNDS 20000

static uint32_t random_below(uint32_t *seed, uint32_t n) {
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return (*seed >> 8) % n;
}

static void buffer_destroy(struct wlr_buffer *buffer) {
	wlr_buffer_finish(buffer);
}

static const struct wlr_buffer_impl buffer_impl = {.destroy = buffer_destroy};

struct model_frame {
	struct wlr_buffer buffer;
	struct es_acquire_fence *fence; // ours; NULL: none
	int event; // what signals it
	bool ready, alive;
};

struct model {
	struct wl_event_loop *loop;
	struct es_frame_wait wait;
	struct model_frame frames[N_FRAMES];
	uint64_t newest, taken; // sequences
	uint64_t touched[SIZE][SIZE]; // the newest frame that damaged it
	uint32_t commits_in, commits_out;
	uint32_t settled;
	bool early;
};

static struct model_frame *frame_of(struct model *model, uint64_t sequence) {
	return &model->frames[sequence % N_FRAMES];
}

static void on_settled(struct es_acquire_fence *fence, void *data) {
	struct model *model = data;
	model->settled++;
}

static void forget(struct model_frame *frame) {
	acquire_fence_unref(frame->fence);
	frame->fence = NULL;
	if (frame->event >= 0) {
		close(frame->event);
		frame->event = -1;
	}
	frame->alive = false;
}

static void on_gone(void *data, const struct es_slot_frame *frame) {
	struct model *model = data;
	struct model_frame *gone = frame_of(model, frame->sequence);
	assert_true(gone->alive);
	assert_ptr_equal(frame->buffer, &gone->buffer); // still held
	forget(gone);
}

static void make_fence(struct model *model, struct model_frame *frame, uint32_t *seed) {
	frame->event = -1;
	frame->ready = random_below(seed, 3) == 0;
	if (frame->ready) {
		frame->fence = NULL;
		return;
	}
	frame->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int fd = dup(frame->event);
	assert_true(frame->event >= 0 && fd >= 0);
	frame->fence = acquire_fence_create(
			model->loop, &fd, 1, random_below(seed, 2) == 0, on_settled, model);
	assert_non_null(frame->fence);
	assert_int_equal(acquire_fence_state(frame->fence), ES_FENCE_PENDING);
}

static void add(struct model *model, uint32_t *seed) {
	uint64_t sequence = ++model->newest;
	struct model_frame *mine = frame_of(model, sequence);
	assert_false(mine->alive);
	mine->alive = true;
	make_fence(model, mine, seed);
	uint32_t x = random_below(seed, SIZE), y = random_below(seed, SIZE);
	uint32_t width = 1 + random_below(seed, SIZE - x), height = 1 + random_below(seed, SIZE - y);
	pixman_region32_t damage;
	pixman_region32_init_rect(&damage, (int)x, (int)y, width, height);
	for (uint32_t row = y; row < y + height; row++) {
		for (uint32_t column = x; column < x + width; column++) {
			model->touched[row][column] = sequence;
		}
	}
	struct es_slot_frame frame = {
			.buffer = &mine->buffer,
			.fence = mine->fence,
			.sequence = sequence,
			.n_commits = random_below(seed, 3),
	};
	model->commits_in += frame.n_commits;
	frame_wait_add(&model->wait, &frame, &damage);
	pixman_region32_fini(&damage);
}

// The newest that may go on, as the rule says; 0: none.
static uint64_t expected(const struct model *model) {
	for (size_t i = model->wait.n; i > 0; i--) {
		const struct es_slot_frame *frame = &model->wait.frames[i - 1].frame;
		const struct model_frame *mine = &model->frames[frame->sequence % N_FRAMES];
		bool early = model->early && acquire_fence_sync_file(mine->fence) >= 0;
		if (mine->ready || early) {
			return frame->sequence;
		}
	}
	return 0;
}

static void take(struct model *model) {
	struct es_slot_frame frame;
	pixman_region32_t damage;
	uint64_t sequence = expected(model);
	bool any = frame_wait_take(&model->wait, &frame, &damage);
	assert_int_equal(any, sequence != 0);
	if (!any) {
		return;
	}
	assert_int_equal(frame.sequence, sequence);
	assert_true(frame.sequence > model->taken);
	for (int y = 0; y < SIZE; y++) {
		for (int x = 0; x < SIZE; x++) {
			// What was touched after the one before and last by this one, or by one before it.
			bool owed = model->touched[y][x] > model->taken && model->touched[y][x] <= sequence;
			assert_true(!owed || pixman_region32_contains_point(&damage, x, y, NULL));
		}
	}
	model->taken = sequence;
	model->commits_out += frame.n_commits;
	slot_frame_let_go(&frame);
	pixman_region32_fini(&damage);
	forget(frame_of(model, sequence));
}

static void signal_one(struct model *model, uint32_t *seed) {
	if (model->wait.n == 0) {
		return;
	}
	size_t i = random_below(seed, (uint32_t)model->wait.n);
	struct model_frame *mine = frame_of(model, model->wait.frames[i].frame.sequence);
	if (mine->ready) {
		return;
	}
	uint64_t one = 1;
	uint32_t before = model->settled;
	assert_int_equal(write(mine->event, &one, sizeof(one)), sizeof(one));
	mine->ready = true;
	assert_int_equal(wl_event_loop_dispatch(model->loop, 0), 0);
	assert_int_equal(model->settled, before + 1);
	assert_int_equal(acquire_fence_state(mine->fence), ES_FENCE_SIGNALLED);
}

static void check(const struct model *model) {
	assert_true(model->wait.n <= ES_FRAME_WAIT_PLACES);
	uint32_t waiting = frame_wait_commits(&model->wait);
	assert_true(model->commits_out + waiting <= model->commits_in);
	for (size_t i = 0; i < N_FRAMES; i++) {
		bool inside = false;
		for (size_t k = 0; k < model->wait.n; k++) {
			inside |= model->wait.frames[k].frame.buffer == &model->frames[i].buffer;
		}
		assert_int_equal(model->frames[i].buffer.n_locks, inside);
		assert_int_equal(model->frames[i].alive, inside);
	}
}

static void run(bool early, uint32_t seed) {
	static struct model model;
	memset(&model, 0, sizeof(model));
	model.loop = wl_event_loop_create();
	assert_non_null(model.loop);
	frame_wait_init(&model.wait);
	model.wait.gone = on_gone;
	model.wait.data = &model;
	model.wait.early = model.early = early;
	for (size_t i = 0; i < N_FRAMES; i++) {
		wlr_buffer_init(&model.frames[i].buffer, &buffer_impl, SIZE, SIZE);
		model.frames[i].event = -1;
	}
	for (int i = 0; i < ROUNDS; i++) {
		switch (random_below(&seed, 6)) {
		case 0:
		case 1:
			add(&model, &seed);
			break;
		case 2:
			signal_one(&model, &seed);
			break;
		case 3:
			if (random_below(&seed, 20) == 0) {
				frame_wait_drop(&model.wait);
				assert_int_equal(model.wait.n, 0);
			}
			break;
		default:
			take(&model);
			break;
		}
		check(&model);
	}
	assert_true(model.taken > 0);
	// What waits goes without a word.
	frame_wait_finish(&model.wait);
	for (size_t i = 0; i < N_FRAMES; i++) {
		assert_int_equal(model.frames[i].buffer.n_locks, 0);
		forget(&model.frames[i]);
		wlr_buffer_drop(&model.frames[i].buffer);
	}
	wl_event_loop_destroy(model.loop);
}

static void test_random_sequences(void **state) {
	run(false, 1);
}

static void test_random_sequences_of_an_encoder_that_waits(void **state) {
	run(true, 2);
}

// Two pictures that are always late: the older one is seen nevertheless.
static void test_an_app_that_is_always_late_is_seen(void **state) {
	struct model *model = &(struct model){.loop = wl_event_loop_create()};
	uint32_t seed = 3;
	frame_wait_init(&model->wait);
	for (size_t i = 0; i < N_FRAMES; i++) {
		wlr_buffer_init(&model->frames[i].buffer, &buffer_impl, SIZE, SIZE);
		model->frames[i].event = -1;
	}
	model->wait.gone = on_gone;
	model->wait.data = model;
	for (int i = 0; i < 10;) {
		add(model, &seed);
		i += !frame_of(model, model->newest)->ready;
		if (model->wait.n == ES_FRAME_WAIT_PLACES) {
			uint64_t oldest = model->wait.frames[0].frame.sequence;
			add(model, &seed);
			assert_int_equal(model->wait.frames[0].frame.sequence, oldest);
			take(model);
		}
	}
	frame_wait_drop(&model->wait);
	frame_wait_finish(&model->wait);
	for (size_t i = 0; i < N_FRAMES; i++) {
		wlr_buffer_drop(&model->frames[i].buffer);
	}
	wl_event_loop_destroy(model->loop);
}

// Takes the second that such a fence is given.
static void test_a_fence_that_never_signals(void **state) {
	struct model *model = &(struct model){.loop = wl_event_loop_create()};
	struct wlr_buffer hostile, honest;
	wlr_buffer_init(&hostile, &buffer_impl, SIZE, SIZE);
	wlr_buffer_init(&honest, &buffer_impl, SIZE, SIZE);
	frame_wait_init(&model->wait);
	int event = eventfd(0, EFD_CLOEXEC);
	struct es_acquire_fence *fence =
			acquire_fence_create(model->loop, &event, 1, true, on_settled, model);
	struct es_slot_frame frame = {.buffer = &hostile, .fence = fence, .n_commits = 1}, out;
	pixman_region32_t left, right, damage;
	pixman_region32_init_rect(&left, 0, 0, 4, 4);
	pixman_region32_init_rect(&right, 8, 8, 4, 4);
	frame_wait_add(&model->wait, &frame, &left);
	assert_false(frame_wait_take(&model->wait, &out, &damage));
	// The next frame is not held up, and brings what the first one had changed.
	frame = (struct es_slot_frame){.buffer = &honest};
	frame_wait_add(&model->wait, &frame, &right);
	assert_true(frame_wait_take(&model->wait, &out, &damage));
	assert_ptr_equal(out.buffer, &honest);
	assert_int_equal(hostile.n_locks, 0);
	assert_int_equal(out.n_commits, 1);
	assert_true(pixman_region32_contains_point(&damage, 1, 1, NULL));
	assert_true(pixman_region32_contains_point(&damage, 9, 9, NULL));
	pixman_region32_fini(&damage);
	slot_frame_let_go(&out);
	// Alone it is given up; what it had changed comes with the next.
	frame = (struct es_slot_frame){.buffer = &hostile, .fence = fence};
	frame_wait_add(&model->wait, &frame, &left);
	while (model->settled == 0) {
		assert_int_equal(wl_event_loop_dispatch(model->loop, -1), 0);
	}
	assert_int_equal(acquire_fence_state(fence), ES_FENCE_EXPIRED);
	assert_false(frame_wait_take(&model->wait, &out, &damage));
	assert_int_equal(model->wait.n, 0);
	assert_int_equal(hostile.n_locks, 0);
	frame = (struct es_slot_frame){.buffer = &honest};
	frame_wait_add(&model->wait, &frame, &right);
	assert_true(frame_wait_take(&model->wait, &out, &damage));
	assert_true(pixman_region32_contains_point(&damage, 1, 1, NULL));
	pixman_region32_fini(&damage);
	slot_frame_let_go(&out);
	acquire_fence_unref(fence);
	frame_wait_finish(&model->wait);
	pixman_region32_fini(&left);
	pixman_region32_fini(&right);
	wlr_buffer_drop(&hostile);
	wlr_buffer_drop(&honest);
	wl_event_loop_destroy(model->loop);
}

static void test_several_planes_signal_in_any_order(void **state) {
	struct model *model = &(struct model){.loop = wl_event_loop_create()};
	int events[3], fds[3];
	for (size_t i = 0; i < 3; i++) {
		events[i] = eventfd(i == 1, EFD_CLOEXEC);
		fds[i] = dup(events[i]);
	}
	struct es_acquire_fence *fence =
			acquire_fence_create(model->loop, fds, 3, true, on_settled, model);
	assert_int_equal(acquire_fence_sync_file(fence), -1); // none of them alone
	for (size_t i = 3; i > 0; i--) {
		uint64_t one = 1;
		assert_int_equal(acquire_fence_state(fence), ES_FENCE_PENDING);
		assert_int_equal(write(events[i - 1], &one, sizeof(one)), sizeof(one));
		assert_int_equal(wl_event_loop_dispatch(model->loop, 0), 0);
		close(events[i - 1]);
	}
	assert_int_equal(acquire_fence_state(fence), ES_FENCE_SIGNALLED);
	assert_int_equal(model->settled, 1);
	acquire_fence_unref(fence);
	wl_event_loop_destroy(model->loop);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_random_sequences),
			cmocka_unit_test(test_random_sequences_of_an_encoder_that_waits),
			cmocka_unit_test(test_an_app_that_is_always_late_is_seen),
			cmocka_unit_test(test_a_fence_that_never_signals),
			cmocka_unit_test(test_several_planes_signal_in_any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
