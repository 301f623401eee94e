// From the display's blocks of sound to Opus packets of one length, in the layout that the viewer has.
//
// The blocks' own times lead: where they run away from the count of samples, 5 ms of silence go in or 5 ms of
// samples are left out, never more at a time. After a pause the count begins anew. Once the
// sound stops, what is left of it follows, with silence until the encoder and a block of parity are
// through; then nothing. One thread, no clock of its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/device_msg.h"

#define ES_AUDIO_RATE 48000
#define ES_AUDIO_NEVER INT64_MAX

struct es_audio;

struct es_audio_packet {
	const uint8_t *data; // for the call
	size_t size;
	int64_t time_ns; // of the first sample
	uint32_t n_frames;
};

struct es_audio_params {
	uint8_t channels; // 2, 6 or 8
	uint8_t packet_ms; // 5, 10 or 20
	bool high_quality;
	// A file's: packets of any size, channels in Vorbis' order. Else all packets are of one size, in the
	// order FL FR FC LFE RL RR SL SR.
	bool file;
	uint8_t block; // packets: a tail of silence ends with a multiple of them
	void (*packet)(void *data, const struct es_audio_packet *packet);
	void *data;
};

struct es_audio *audio_create(const struct es_audio_params *params); // NULL after a logged error
void audio_destroy(struct es_audio *audio); // NULL is fine

// A block of at most 5 ms; calls `packet` for each that is full now.
void audio_put(struct es_audio *audio, const struct es_device_msg *pcm, int64_t now_ns);
// The sound has stopped, or it is to end here: calls `packet` for the tail, if there is one.
void audio_flush(struct es_audio *audio);
// When to flush, unless more comes before; ES_AUDIO_NEVER.
int64_t audio_wake_ns(const struct es_audio *audio);

struct es_audio_counts {
	uint64_t packets, inserted,
			dropped; // packets made; how often silence went in, or samples were left out
};
struct es_audio_counts audio_counts(const struct es_audio *audio);
// OpusHead of the encoder (RFC 7845), as containers want it; returns its size.
size_t audio_head(const struct es_audio *audio, uint8_t out[64]);
