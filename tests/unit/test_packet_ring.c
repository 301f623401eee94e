#include "stream/packet_ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define SIZE 24 // of a datagram
#define MAX_FRAME 40
#define MAX_WAITING 50

static uint64_t next_random(uint64_t *random) {
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static struct es_packet_ring *open_ring(void) {
	struct es_packet_ring_params params = {
			.datagram_size = SIZE, .max_frame = MAX_FRAME, .max_waiting = MAX_WAITING};
	struct es_packet_ring *ring = packet_ring_create(&params);
	assert_non_null(ring);
	return ring;
}

// Every datagram says of which frame it is and which one of that.
static void fill(const struct es_ring_frame *frame, uint32_t number) {
	for (uint32_t i = 0; i < frame->n_datagrams; i++) {
		memset(frame->data + (size_t)i * SIZE, (int)(number * 7 + i), SIZE);
	}
}

static bool is_intact(const struct es_ring_frame *frame, uint32_t number) {
	for (size_t i = 0; i < (size_t)frame->n_datagrams * SIZE; i++) {
		if (frame->data[i] != (uint8_t)(number * 7 + i / SIZE)) {
			return false;
		}
	}
	return true;
}

static bool put(struct es_packet_ring *ring, uint32_t n, uint32_t number) {
	struct es_ring_frame frame;
	if (!packet_ring_reserve(ring, n, &frame)) {
		return false;
	}
	assert_int_equal(n, frame.n_datagrams);
	fill(&frame, number);
	packet_ring_put(ring);
	return true;
}

static void get(struct es_packet_ring *ring, uint32_t n, uint32_t number) {
	struct es_ring_frame frame;
	assert_true(packet_ring_next(ring, &frame));
	assert_int_equal(n, frame.n_datagrams);
	assert_true(is_intact(&frame, number));
	packet_ring_done(ring);
}

static void test_full(void **state) {
	struct es_packet_ring *ring = open_ring();
	struct es_ring_frame frame;
	assert_false(packet_ring_take(ring, &frame));
	assert_true(put(ring, 20, 1)); // 20 wait
	assert_true(put(ring, 30, 2)); // 50: the limit
	assert_true(put(ring, 1, 3)); // behind 50, still
	assert_false(put(ring, 1, 4)); // behind 51
	assert_true(packet_ring_next(ring, &frame));
	packet_ring_advance(ring, 1); // not a whole frame is needed
	assert_true(put(ring, 5, 4));
	assert_false(put(ring, 1, 5));
	assert_true(is_intact(&frame, 1));
	packet_ring_done(ring);
	get(ring, 30, 2);
	get(ring, 1, 3);
	get(ring, 5, 4);
	for (int i = 0; i < 4; i++) {
		assert_true(packet_ring_take(ring, &frame));
	}
	assert_false(packet_ring_take(ring, &frame));
	packet_ring_destroy(ring);
	packet_ring_destroy(NULL);
}

// What was done and not taken holds its index: then the ring is full as well.
static void test_untaken_frames_fill_it(void **state) {
	struct es_packet_ring *ring = open_ring();
	struct es_ring_frame frame;
	for (uint32_t i = 0; i < ES_RING_FRAMES; i++) {
		assert_true(put(ring, 1, i));
		get(ring, 1, i);
	}
	assert_false(put(ring, 1, 0));
	assert_true(packet_ring_take(ring, &frame));
	assert_int_equal(0, frame.index);
	assert_true(put(ring, 1, 0));
	packet_ring_destroy(ring);
}

static void test_reserve_alone_keeps_nothing(void **state) {
	struct es_packet_ring *ring = open_ring();
	struct es_ring_frame frame;
	for (int i = 0; i < 1000; i++) {
		assert_true(packet_ring_reserve(ring, MAX_FRAME, &frame));
	}
	assert_true(put(ring, 3, 9));
	get(ring, 3, 9);
	packet_ring_destroy(ring);
}

// Any order of calls, against a plain account of what was put: nothing is lost, mixed up or written
// over, and a refusal is one that the limits ask for.
static void test_random_orders(void **state) {
	struct es_packet_ring *ring = open_ring();
	uint64_t random = 88172645463325252u;
	uint32_t sizes[ES_RING_FRAMES * 2] = {0}, put_n = 0, done_n = 0, taken_n = 0, waiting = 0;
	uint32_t n_refused = 0, n_fragmented = 0;
	for (int step = 0; step < 200000; step++) {
		uint64_t what = next_random(&random) % 10;
		struct es_ring_frame frame;
		if (what < 4) {
			uint32_t n = 1 + (uint32_t)(next_random(&random) % MAX_FRAME);
			bool room = put_n - taken_n < ES_RING_FRAMES && waiting <= MAX_WAITING;
			bool ok = put(ring, n, put_n);
			assert_true(room || !ok);
			assert_true(ok || !room || waiting > 0); // an empty ring takes any frame
			n_refused += !room;
			n_fragmented += room && !ok;
			if (ok) {
				sizes[put_n++ % (ES_RING_FRAMES * 2)] = n;
				waiting += n;
			}
		} else if (what < 8 && done_n < put_n) {
			uint32_t n = sizes[done_n % (ES_RING_FRAMES * 2)];
			assert_true(packet_ring_next(ring, &frame));
			assert_int_equal(n, frame.n_datagrams);
			assert_int_equal(done_n % ES_RING_FRAMES, frame.index);
			assert_true(is_intact(&frame, done_n));
			packet_ring_advance(ring, (uint32_t)(next_random(&random) % (n + 1)));
			packet_ring_done(ring);
			waiting -= n;
			done_n++;
		} else if (what >= 8) {
			bool ok = packet_ring_take(ring, &frame);
			assert_int_equal(ok, taken_n < done_n);
			if (ok) {
				assert_int_equal(taken_n % ES_RING_FRAMES, frame.index);
				taken_n++;
			}
		}
	}
	assert_true(put_n > 10000 && n_refused > 1000);
	assert_true(n_fragmented < put_n / 10);
	packet_ring_destroy(ring);
}

struct race {
	struct es_packet_ring *ring;
	uint32_t n_frames;
	bool intact;
	uint64_t n_got;
};

static void *consume(void *data) {
	struct race *race = data;
	struct es_ring_frame frame;
	uint32_t number = 0;
	while (packet_ring_next(race->ring, &frame)) {
		race->intact = race->intact && is_intact(&frame, number++);
		race->n_got += frame.n_datagrams;
		packet_ring_advance(race->ring, frame.n_datagrams / 2);
		packet_ring_done(race->ring);
	}
	return NULL;
}

// Two threads as fast as they can: all that was put arrives whole and in order. (With the thread
// sanitizer: without a race.)
static void test_two_threads(void **state) {
	struct race race = {.ring = open_ring(), .n_frames = 20000, .intact = true};
	pthread_t thread;
	assert_int_equal(0, pthread_create(&thread, NULL, consume, &race));
	uint64_t random = 1, n_put = 0;
	uint32_t n_taken = 0;
	struct es_ring_frame frame;
	for (uint32_t number = 0; number < race.n_frames;) {
		uint32_t n = 1 + (uint32_t)(next_random(&random) % MAX_FRAME);
		if (put(race.ring, n, number)) {
			number++;
			n_put += n;
		}
		while (packet_ring_take(race.ring, &frame)) {
			n_taken++;
		}
	}
	while (n_taken < race.n_frames) {
		n_taken += packet_ring_take(race.ring, &frame);
	}
	packet_ring_stop(race.ring);
	pthread_join(thread, NULL);
	assert_true(race.intact);
	assert_int_equal(n_put, race.n_got);
	packet_ring_destroy(race.ring);
}

static void *wait_long(void *data) {
	struct race *race = data;
	struct es_ring_frame frame;
	race->intact = packet_ring_next(race->ring, &frame);
	packet_ring_done(race->ring);
	race->intact = race->intact &&
			!packet_ring_wait_until(race->ring, clock_now_ns() + 3600 * ES_NS_PER_S) &&
			!packet_ring_next(race->ring, &frame);
	return NULL;
}

static void test_stop_ends_every_wait(void **state) {
	struct race race = {.ring = open_ring()};
	struct es_ring_frame frame;
	assert_true(packet_ring_wait_until(race.ring, INT64_MIN / 2));
	assert_true(packet_ring_wait_until(race.ring, clock_now_ns() + 1000));
	pthread_t thread;
	assert_int_equal(0, pthread_create(&thread, NULL, wait_long, &race));
	assert_true(put(race.ring, 1, 0));
	while (!packet_ring_take(race.ring, &frame)) {
	}
	assert_true(put(race.ring, 1, 1)); // disturbs the wait at most
	packet_ring_stop(race.ring);
	pthread_join(thread, NULL);
	assert_true(race.intact);
	packet_ring_destroy(race.ring);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_full),
			cmocka_unit_test(test_untaken_frames_fill_it),
			cmocka_unit_test(test_reserve_alone_keeps_nothing),
			cmocka_unit_test(test_random_orders),
			cmocka_unit_test(test_two_threads),
			cmocka_unit_test(test_stop_ends_every_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
