// A microphone's samples on their way from the display's loop to PipeWire's data thread, without locks. One
// thread puts, one takes.
//
// The taker's clock leads. It begins once some sound waits, so that what comes unevenly does not tear; if it
// soon runs dry it waits for more the next time, up to a limit. What always waits in vain, because the
// sender's clock is faster or the line has become better, is left out 5 ms at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ES_MIC_RATE 48000
#define ES_MIC_RING_SAMPLES 16384 // a power of two: indices wrap; 341 ms

struct es_mic_ring;
struct es_mic_ring *mic_ring_create(void); // NULL: no memory
void mic_ring_destroy(struct es_mic_ring *ring); // NULL is fine

// What finds no room is lost and counted. Never blocks or allocates.
void mic_ring_put(struct es_mic_ring *ring, const int16_t *samples, size_t n);
// What waits now is not wanted any more; any thread.
void mic_ring_forget(struct es_mic_ring *ring);
// Always n samples: silence where there is nothing. Never blocks or allocates.
void mic_ring_take(struct es_mic_ring *ring, int16_t *samples, size_t n);

struct es_mic_counts {
	uint64_t lost; // samples that found no room
	uint64_t dropped; // samples left out
	uint64_t gaps; // times that it ran dry
};
struct es_mic_counts mic_ring_counts(const struct es_mic_ring *ring); // any thread
