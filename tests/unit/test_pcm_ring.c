#include "compositor/pcm_ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOTAL 200000 // frames

static void test_blocks(void **state) {
	int16_t samples[2 * 600];
	struct es_pcm_block block;
	struct es_pcm_ring *ring = pcm_ring_create(2);
	assert_non_null(ring);
	assert_false(pcm_ring_peek(ring, &block));
	for (int i = 0; i < 1200; i++) {
		samples[i] = (int16_t)i;
	}
	pcm_ring_put(ring, samples, 600, 1000000000);
	static const uint16_t sizes[] = {240, 240, 120};
	for (int i = 0; i < 3; i++) {
		assert_true(pcm_ring_peek(ring, &block));
		assert_int_equal(sizes[i], block.n_frames);
		assert_int_equal(1000000000 + i * 5000000, block.time_ns);
		assert_int_equal(480 * i, block.samples[0]);
		assert_int_equal(480 * i + 2 * sizes[i] - 1, block.samples[2 * sizes[i] - 1]);
		pcm_ring_done(ring);
	}
	assert_false(pcm_ring_peek(ring, &block));
	assert_int_equal(0, pcm_ring_lost(ring));
	pcm_ring_destroy(ring);
	pcm_ring_destroy(NULL);
}

static void test_full(void **state) {
	static const int16_t samples[240];
	struct es_pcm_block block;
	struct es_pcm_ring *ring = pcm_ring_create(1);
	assert_non_null(ring);
	for (int i = 0; i < ES_PCM_RING_BLOCKS + 3; i++) {
		pcm_ring_put(ring, samples, 240, i);
	}
	assert_int_equal(3, pcm_ring_lost(ring));
	for (int i = 0; i < ES_PCM_RING_BLOCKS; i++) {
		assert_true(pcm_ring_peek(ring, &block));
		assert_int_equal(i, block.time_ns);
		pcm_ring_done(ring);
	}
	assert_false(pcm_ring_peek(ring, &block));
	pcm_ring_destroy(ring);
}

static void *put_all(void *data) {
	struct es_pcm_ring *ring = data;
	int16_t samples[8 * 100];
	for (int at = 0; at < TOTAL; at += 100) {
		for (int i = 0; i < 800; i++) {
			samples[i] = (int16_t)(at + i / 8);
		}
		uint64_t lost = pcm_ring_lost(ring);
		pcm_ring_put(ring, samples, 100, at);
		while (pcm_ring_lost(ring) != lost) { // no room: this one again, once there is some
			lost = pcm_ring_lost(ring);
			sched_yield();
			pcm_ring_put(ring, samples, 100, at);
		}
	}
	return NULL;
}

// All that one thread puts the other takes, whole and in order.
static void test_threads(void **state) {
	struct es_pcm_ring *ring = pcm_ring_create(8);
	pthread_t thread;
	assert_non_null(ring);
	assert_int_equal(0, pthread_create(&thread, NULL, put_all, ring));
	for (int at = 0; at < TOTAL;) {
		struct es_pcm_block block;
		if (!pcm_ring_peek(ring, &block)) {
			sched_yield();
			continue;
		}
		assert_int_equal(at, block.time_ns);
		for (int i = 0; i < 8 * block.n_frames; i++) {
			assert_int_equal((int16_t)(at + i / 8), block.samples[i]);
		}
		at += block.n_frames;
		pcm_ring_done(ring);
	}
	pthread_join(thread, NULL);
	pcm_ring_destroy(ring);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_blocks),
			cmocka_unit_test(test_full),
			cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
