// A client's microphone: Opus packets in, blocks of at most 5 ms out, 48 kHz, one channel.
//
// Packets are put in order within 30 ms; what is missing then is concealed, up to five packets of it. More
// sound than there is time for it is dropped: of the two clocks the sender's is not to be trusted. What is
// left to do, jitter and drift, is done where the app's clock is: compositor/mic_ring.h. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_MICROPHONE_NEVER INT64_MAX
#define ES_MICROPHONE_MAX_PACKET 1275 // as of RFC 6716

struct es_microphone;

// False: the display does not take it now, which is counted.
typedef bool (*es_microphone_block)(void *data, const int16_t *samples, size_t n);

struct es_microphone *microphone_create(
		es_microphone_block block, void *data); // NULL after a logged error
void microphone_destroy(struct es_microphone *mic); // NULL is fine

// A packet of whatever length from the client, who counts them: index is one more each time, and wraps.
void microphone_packet(
		struct es_microphone *mic, uint32_t index, const void *opus, size_t size, int64_t now_ns);
// When to tick, unless a packet comes before; ES_MICROPHONE_NEVER.
int64_t microphone_wake_ns(const struct es_microphone *mic);
// What is missing is not waited for any longer.
void microphone_tick(struct es_microphone *mic, int64_t now_ns);

struct es_microphone_counts {
	uint64_t packets; // decoded
	uint64_t missing,
			concealed; // packets that did not come in time, and those of them that were made up for
	uint64_t late; // came after that, or twice
	uint64_t bad; // no Opus
	uint64_t dropped; // more than there was time for
	uint64_t refused; // blocks, by the display
};
struct es_microphone_counts microphone_counts(const struct es_microphone *mic);
