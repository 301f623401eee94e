// The client's video: datagrams in, whole frames out. Checks every rule of the wire format as the real
// client does, repairs by FEC, and asks for what it needs after a loss as the real client does.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/control_msg.h"
#include "protocol/mode.h"

struct es_moon_frame {
	uint32_t number; // frameIndex
	uint8_t type;
	bool key; // by the bitstream
	const uint8_t *data; // the bitstream
	size_t size;
	uint32_t datagrams, recovered; // data datagrams, those of them that were repaired
	uint32_t timestamp; // 90 kHz
	uint16_t latency; // 0.1 ms
	int64_t first_ns, at_ns; // first datagram came, frame was whole
};

struct es_moon_video_calls {
	void *data;
	void (*frame)(void *data, const struct es_moon_frame *frame); // to be decoded
	void (*dropped)(void *data, const struct es_moon_frame *frame); // whole, but useless
	void (*lost)(void *data, uint32_t first, uint32_t last);
	void (*ask_idr)(void *data);
	void (*ask_invalidate)(void *data, uint32_t first, uint32_t last);
	void (*fec_status)(void *data, const struct es_fec_status *status);
	void (*whole)(void *data, const struct es_moon_frame *frame); // NULL or any, before all others
};

struct es_moon_video_params {
	enum es_codec codec;
	uint16_t packet_size;
	const uint8_t *key; // NULL: clear
	bool invalidate; // reference invalidation, else IDRs
	uint32_t lose_first, lose_every; // frames that count as lost though they came; 0: none, once
	struct es_moon_video_calls calls;
};

struct es_moon_video_stats {
	uint64_t datagrams, bytes; // that came
	uint64_t forged; // of bad tag
	uint64_t late, duplicate, surplus; // of old blocks; twice; parity that was not needed
	uint64_t parity;
	uint64_t frames, dropped, lost, recovered_frames, recovered;
	uint64_t violations;
	uint64_t idr_asked, invalidations_asked;
	uint64_t idr_frames, recovery_frames; // types 2 and 5 that came whole
};

struct es_moon_video;
struct es_moon_video *video_create(const struct es_moon_video_params *params); // NULL: no memory
void video_destroy(struct es_moon_video *video); // NULL is fine
// One datagram from the host, which may be changed.
void video_take(struct es_moon_video *video, uint8_t *data, size_t size, int64_t now_ns);
const struct es_moon_video_stats *video_stats(const struct es_moon_video *video);
