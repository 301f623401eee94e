#include "compositor/mic_ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BLOCK 240

// Samples that count up from 1, so that each tells where it belongs.
struct course {
	struct es_mic_ring *ring;
	int16_t said; // the next one
	int16_t heard; // the last one that was not silence
	unsigned silent, jumps; // samples, and where heard ones did not follow one another
};

static struct course begin(void) {
	struct course course = {.ring = mic_ring_create(), .said = 1};
	assert_non_null(course.ring);
	return course;
}

static int16_t after(int16_t sample) {
	return sample == 20000 ? 1 : (int16_t)(sample + 1);
}

static void say(struct course *c, size_t n) {
	for (size_t i = 0; i < n; i++) {
		mic_ring_put(c->ring, &c->said, 1);
		c->said = after(c->said);
	}
}

static void hear(struct course *c, size_t n) {
	int16_t samples[1024];
	assert_true(n <= 1024);
	memset(samples, 0x55, sizeof(samples));
	mic_ring_take(c->ring, samples, n);
	for (size_t i = 0; i < n; i++) {
		if (samples[i] == 0) {
			c->silent++;
			continue;
		}
		c->jumps += c->heard != 0 && samples[i] != after(c->heard);
		c->heard = samples[i];
	}
}

static unsigned waiting(const struct course *c) {
	return (unsigned)((c->said - after(c->heard) + 20000) % 20000);
}

static void test_steady(void **state) {
	struct course c = begin();
	hear(&c, 256);
	assert_int_equal(256, c.silent);
	for (int i = 0; i < 1000; i++) {
		say(&c, BLOCK);
		hear(&c, BLOCK);
	}
	assert_int_equal(256 + 4 * BLOCK, c.silent); // 20 ms wait before it begins
	assert_int_equal(4 * BLOCK, waiting(&c));
	assert_int_equal(0, mic_ring_counts(c.ring).gaps);
	mic_ring_destroy(c.ring);
	mic_ring_destroy(NULL);
}

// Blocks come 40 ms late, all at once: after two gaps there is enough in hand, and nothing tears any more.
static void test_jitter(void **state) {
	struct course c = begin();
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < 8; j++) {
			hear(&c, BLOCK);
		}
		say(&c, 8 * BLOCK);
	}
	struct es_mic_counts counts = mic_ring_counts(c.ring);
	assert_uint_in_range(counts.gaps, 0, 3);
	assert_int_equal(0, counts.lost);
	unsigned silent = c.silent;
	for (int i = 0; i < 20; i++) {
		for (int j = 0; j < 8; j++) {
			hear(&c, BLOCK);
		}
		say(&c, 8 * BLOCK);
	}
	assert_int_equal(silent, c.silent);
	mic_ring_destroy(c.ring);
}

// The sender's clock is faster or slower by a thousandth: what waits stays bounded, in steps of 5 ms.
static void test_clocks(void **state) {
	struct course c = begin();
	for (int i = 0; i < 20000; i++) {
		say(&c, BLOCK + (i % 4 == 0)); // 100 s
		hear(&c, BLOCK);
		assert_true(waiting(&c) < 48 * 60);
	}
	struct es_mic_counts counts = mic_ring_counts(c.ring);
	assert_int_equal(0, counts.gaps);
	assert_uint_in_range(counts.dropped, 3000, 5500); // 5000 came too many
	assert_int_equal(counts.dropped / BLOCK, c.jumps);
	mic_ring_destroy(c.ring);

	c = begin();
	for (int i = 0; i < 20000; i++) {
		say(&c, BLOCK - (i % 4 == 0));
		hear(&c, BLOCK);
	}
	counts = mic_ring_counts(c.ring);
	assert_uint_in_range(counts.gaps, 3, 8); // 5000 came too few: 104 ms in steps of 20
	assert_int_equal(counts.dropped / BLOCK, c.jumps); // after a gap more waits than it takes
	assert_uint_in_range(c.jumps, 0, 2 * counts.gaps);
	mic_ring_destroy(c.ring);
}

// Nobody takes for a while, or the sender floods: what is old goes, and the delay is as before.
static void test_flood(void **state) {
	struct course c = begin();
	say(&c, ES_MIC_RING_SAMPLES + 5);
	assert_int_equal(5, mic_ring_counts(c.ring).lost);
	hear(&c, BLOCK);
	assert_uint_in_range(ES_MIC_RING_SAMPLES - c.heard, 48 * 20, 48 * 20);
	mic_ring_forget(c.ring);
	c.heard = 0;
	unsigned silent = c.silent;
	hear(&c, BLOCK);
	assert_int_equal(silent + BLOCK, c.silent);
	mic_ring_destroy(c.ring);
}

static void *say_all(void *data) {
	struct es_mic_ring *ring = data;
	int16_t block[BLOCK];
	for (int i = 0; i < 2000; i++) {
		for (int j = 0; j < BLOCK; j++) {
			block[j] = (int16_t)(1 + i % 1000);
		}
		mic_ring_put(ring, block, BLOCK);
		sched_yield();
	}
	return NULL;
}

static void test_threads(void **state) {
	struct es_mic_ring *ring = mic_ring_create();
	pthread_t thread;
	int16_t block[BLOCK];
	assert_non_null(ring);
	assert_int_equal(pthread_create(&thread, NULL, say_all, ring), 0);
	for (int i = 0; i < 2000; i++) {
		mic_ring_take(ring, block, BLOCK);
		for (int j = 0; j < BLOCK; j++) {
			assert_uint_in_range(block[j], 0, 1000);
		}
		sched_yield();
	}
	pthread_join(thread, NULL);
	mic_ring_destroy(ring);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_steady),
			cmocka_unit_test(test_jitter),
			cmocka_unit_test(test_clocks),
			cmocka_unit_test(test_flood),
			cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
