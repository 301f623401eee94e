#include "compositor/pcm_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

struct slot {
	int64_t time_ns;
	uint16_t n_frames;
};

struct es_pcm_ring {
	// immutable
	uint8_t channels;
	int16_t *samples; // owned; a block of ES_PCM_BLOCK_FRAMES for each slot

	// Free running. From `taken` up to `put` the slots are the taker's, all others the putter's.
	atomic_uint put, taken;
	atomic_ullong lost;
	struct slot slots[ES_PCM_RING_BLOCKS];
};

struct es_pcm_ring *pcm_ring_create(uint8_t channels) {
	struct es_pcm_ring *ring = calloc(1, sizeof(*ring));
	if (ring == NULL) {
		return NULL;
	}
	ring->channels = channels;
	ring->samples = calloc(
			(size_t)ES_PCM_RING_BLOCKS * ES_PCM_BLOCK_FRAMES * channels, sizeof(*ring->samples));
	if (ring->samples == NULL) {
		pcm_ring_destroy(ring);
		return NULL;
	}
	return ring;
}

void pcm_ring_destroy(struct es_pcm_ring *ring) {
	if (ring != NULL) {
		free(ring->samples);
		free(ring);
	}
}

static int16_t *samples_of(const struct es_pcm_ring *ring, unsigned index) {
	return ring->samples +
			(size_t)(index % ES_PCM_RING_BLOCKS) * ES_PCM_BLOCK_FRAMES * ring->channels;
}

void pcm_ring_put(
		struct es_pcm_ring *ring, const int16_t *samples, size_t n_frames, int64_t time_ns) {
	unsigned put = atomic_load_explicit(&ring->put, memory_order_relaxed);
	for (size_t at = 0; at < n_frames;) {
		size_t n = n_frames - at < ES_PCM_BLOCK_FRAMES ? n_frames - at : ES_PCM_BLOCK_FRAMES;
		unsigned taken = atomic_load_explicit(&ring->taken, memory_order_acquire);
		if (put - taken == ES_PCM_RING_BLOCKS) {
			atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
		} else {
			memcpy(samples_of(ring, put), samples + at * ring->channels,
					n * ring->channels * sizeof(*samples));
			ring->slots[put % ES_PCM_RING_BLOCKS] =
					(struct slot){time_ns + (int64_t)at * NS_PER_S / ES_PCM_RATE, (uint16_t)n};
			put++; // the taker has the slot from here on
			atomic_store_explicit(&ring->put, put, memory_order_release);
		}
		at += n;
	}
}

bool pcm_ring_peek(struct es_pcm_ring *ring, struct es_pcm_block *block) {
	unsigned taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
	if (taken == atomic_load_explicit(&ring->put, memory_order_acquire)) {
		return false;
	}
	const struct slot *slot = &ring->slots[taken % ES_PCM_RING_BLOCKS];
	*block = (struct es_pcm_block){slot->time_ns, slot->n_frames, samples_of(ring, taken)};
	return true;
}

void pcm_ring_done(struct es_pcm_ring *ring) {
	atomic_fetch_add_explicit(&ring->taken, 1, memory_order_release);
}

uint64_t pcm_ring_lost(const struct es_pcm_ring *ring) {
	return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}
