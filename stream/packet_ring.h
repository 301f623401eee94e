// The hand-over of frames, cut into datagrams, from the streamer's thread to the send thread: bounded,
// in order, each frame's datagrams side by side in memory. Full: the newest frame is refused.
//
// A frame goes round: reserved and written by the streamer's thread (the producer); put: the send
// thread's (the consumer); done: the producer's again, but its memory is free; taken: forgotten.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_RING_FRAMES 64 // that may be on their round at a time

struct es_packet_ring_params {
	uint32_t datagram_size;
	uint32_t max_frame; // datagrams of a frame; an empty ring always takes one
	uint32_t max_waiting; // a frame is refused behind more datagrams than these
};

struct es_ring_frame {
	uint32_t index; // 0..ES_RING_FRAMES - 1, this frame's alone while it is on its round
	uint32_t n_datagrams;
	uint8_t *data;
};

struct es_packet_ring;

struct es_packet_ring *packet_ring_create(
		const struct es_packet_ring_params *params); // NULL: no memory
void packet_ring_destroy(struct es_packet_ring *ring); // no thread uses it; NULL is fine

// --- producer

// Memory for a frame of 1..max_frame datagrams. False: full. A frame reserved and not put is reserved
// again by the next call.
bool packet_ring_reserve(
		struct es_packet_ring *ring, uint32_t n_datagrams, struct es_ring_frame *frame);
// The frame just reserved is the consumer's from here on.
void packet_ring_put(struct es_packet_ring *ring);
// The oldest frame that is done, in the order of put. Its index may come again with the next reserve;
// its data is gone. False: none.
bool packet_ring_take(struct es_packet_ring *ring, struct es_ring_frame *frame);
// The consumer's calls return false from here on.
void packet_ring_stop(struct es_packet_ring *ring);

// --- consumer

// Waits for the next frame, which is the consumer's until packet_ring_done. False: stopped.
bool packet_ring_next(struct es_packet_ring *ring, struct es_ring_frame *frame);
// Waits until that time. False: stopped.
bool packet_ring_wait_until(struct es_packet_ring *ring, int64_t time_ns);
// n datagrams of the frame wait no longer.
void packet_ring_advance(struct es_packet_ring *ring, uint32_t n_datagrams);
// The frame is the producer's again.
void packet_ring_done(struct es_packet_ring *ring);
