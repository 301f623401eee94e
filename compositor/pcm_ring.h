// Sound on its way from PipeWire's data thread to the display's loop: blocks of at most 5 ms, without locks.
// One thread puts, one takes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_PCM_RATE 48000
#define ES_PCM_BLOCK_FRAMES 240 // 5 ms
#define ES_PCM_RING_BLOCKS 128 // a power of two: indices wrap

struct es_pcm_block {
	int64_t time_ns; // of the first sample
	uint16_t n_frames;
	const int16_t *samples; // interleaved
};

struct es_pcm_ring;
struct es_pcm_ring *pcm_ring_create(uint8_t channels); // NULL: no memory
void pcm_ring_destroy(struct es_pcm_ring *ring); // NULL is fine

// Cuts it into blocks. What finds no room, because nothing was taken for half a second, is lost and counted.
// Never blocks or allocates.
void pcm_ring_put(
		struct es_pcm_ring *ring, const int16_t *samples, size_t n_frames, int64_t time_ns);

// The oldest block, whose samples stay until pcm_ring_done. False: there is none.
bool pcm_ring_peek(struct es_pcm_ring *ring, struct es_pcm_block *block);
void pcm_ring_done(struct es_pcm_ring *ring);
uint64_t pcm_ring_lost(const struct es_pcm_ring *ring); // blocks; any thread
