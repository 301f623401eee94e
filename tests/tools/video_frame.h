// What a client makes of the datagrams of one video frame: reads their headers, repairs blocks, puts
// the access unit together; strict about everything that a client relies on. For tests: written from
// the reference, shares nothing with protocol/video_packet.c. Clear datagrams; one thread per object.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct video_frame_decoder;

enum video_frame_result {
	VIDEO_FRAME_WHOLE,
	VIDEO_FRAME_LOST, // too little of some block arrived
	VIDEO_FRAME_WRONG, // no client would take it: `problem` says why
};

struct video_frame {
	uint32_t frame, timestamp;
	uint16_t first_sequence; // of the frame's first datagram
	uint32_t first_index; // of the frame's first packet, 24 bits
	uint8_t type;
	uint16_t latency;
	const uint8_t *unit; // without the padding; until the next decode
	size_t size;
	size_t n_blocks;
	size_t n_data[4], n_parity[4], n_arrived[4]; // of each block
	const char *problem;
};

// packet_size: P of the reference. NULL: no memory.
struct video_frame_decoder *video_frame_decoder_create(size_t packet_size);
void video_frame_decoder_destroy(struct video_frame_decoder *decoder); // NULL is fine

// datagrams[i]: P + 16 bytes, or NULL if it was lost; at least one arrived. In *out only what the
// datagrams that arrived tell is set; type, latency, unit and size only for a whole frame.
enum video_frame_result video_frame_decode(struct video_frame_decoder *decoder,
		const uint8_t *const *datagrams, size_t n_datagrams, struct video_frame *out);
