#include "compositor/mic_ring.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MS (ES_MIC_RATE / 1000)
#define LEAST_START (20 * MS) // what has to wait at a beginning
#define MOST_START (80 * MS)
#define START_STEP (10 * MS) // more after it ran dry
// After so many good windows it is the clocks that part, and no more in hand would help.
#define LONG 10
#define MARGIN (15 * MS) // may always wait
#define DROP (5 * MS)
#define WINDOW (1000 * MS) // over which the least that waits is looked for
// After a stall much comes at once: it is not worked off in small steps.
#define MOST_WAITING (200 * MS)

struct es_mic_ring {
	// Free running. From `taken` up to `put` the samples are the taker's, all others the putter's.
	atomic_uint put, taken;
	atomic_ullong lost, dropped, gaps;
	atomic_bool forget;
	int16_t samples[ES_MIC_RING_SAMPLES];

	// the taker's only
	bool running;
	unsigned start; // samples to wait for
	unsigned n_windows; // since the beginning
	unsigned least, window; // least that waited after a take in the last `window` samples
};

struct es_mic_ring *mic_ring_create(void) {
	struct es_mic_ring *ring = calloc(1, sizeof(*ring));
	if (ring != NULL) {
		ring->start = LEAST_START;
	}
	return ring;
}

void mic_ring_destroy(struct es_mic_ring *ring) {
	free(ring);
}

void mic_ring_put(struct es_mic_ring *ring, const int16_t *samples, size_t n) {
	unsigned put = atomic_load_explicit(&ring->put, memory_order_relaxed);
	unsigned taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
	size_t room = ES_MIC_RING_SAMPLES - (put - taken);
	if (n > room) {
		atomic_fetch_add_explicit(&ring->lost, n - room, memory_order_relaxed);
		n = room;
	}
	for (size_t i = 0; i < n; i++) {
		ring->samples[(put + i) % ES_MIC_RING_SAMPLES] = samples[i];
	}
	// The taker has them from here on.
	atomic_store_explicit(&ring->put, put + (unsigned)n, memory_order_release);
}

static unsigned waiting(const struct es_mic_ring *ring) {
	return atomic_load_explicit(&ring->put, memory_order_acquire) -
			atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

static void skip(struct es_mic_ring *ring, unsigned n) {
	atomic_fetch_add_explicit(&ring->taken, n, memory_order_release);
}

static void drop(struct es_mic_ring *ring, unsigned n) {
	skip(ring, n);
	atomic_fetch_add_explicit(&ring->dropped, n, memory_order_relaxed);
}

static void begin_window(struct es_mic_ring *ring) {
	ring->least = ES_MIC_RING_SAMPLES;
	ring->window = 0;
}

// What waited in vain all the time is left out; then less need wait at the next beginning, too.
static void watch(struct es_mic_ring *ring, unsigned left, unsigned n) {
	ring->least = left < ring->least ? left : ring->least;
	ring->window += n;
	if (ring->window < WINDOW) {
		return;
	}
	if (ring->least > MARGIN + DROP) {
		drop(ring, DROP);
		ring->start = ring->start > LEAST_START + DROP ? ring->start - DROP : LEAST_START;
	}
	ring->n_windows++;
	begin_window(ring);
}

void mic_ring_forget(struct es_mic_ring *ring) {
	atomic_store(&ring->forget, true);
}

static void run_dry(struct es_mic_ring *ring) {
	ring->running = false;
	if (ring->n_windows < LONG) {
		ring->start = ring->start + START_STEP < MOST_START ? ring->start + START_STEP : MOST_START;
	}
	atomic_fetch_add_explicit(&ring->gaps, 1, memory_order_relaxed);
}

static bool begin(struct es_mic_ring *ring, unsigned there, size_t n) {
	if (there < n || there - n < ring->start) {
		return false;
	}
	ring->n_windows = 0;
	begin_window(ring);
	return true;
}

void mic_ring_take(struct es_mic_ring *ring, int16_t *samples, size_t n) {
	unsigned there = waiting(ring);
	if (atomic_exchange(&ring->forget, false)) {
		skip(ring, there);
		there = 0;
		ring->running = false;
	}
	if (there > MOST_WAITING + n) {
		drop(ring, there - (unsigned)n - ring->start);
		there = (unsigned)n + ring->start;
	}
	ring->running = ring->running || begin(ring, there, n);
	size_t take = !ring->running ? 0 : there < n ? there : n;
	unsigned taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
	for (size_t i = 0; i < take; i++) {
		samples[i] = ring->samples[(taken + i) % ES_MIC_RING_SAMPLES];
	}
	skip(ring, (unsigned)take);
	memset(samples + take, 0, (n - take) * sizeof(*samples));
	if (ring->running && take < n) {
		run_dry(ring);
	} else if (ring->running) {
		watch(ring, there - (unsigned)take, (unsigned)n);
	}
}

struct es_mic_counts mic_ring_counts(const struct es_mic_ring *ring) {
	return (struct es_mic_counts){
			.lost = atomic_load_explicit(&ring->lost, memory_order_relaxed),
			.dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed),
			.gaps = atomic_load_explicit(&ring->gaps, memory_order_relaxed),
	};
}
