// Sound between a browser's page and the display: Opus packets to the page, and its microphone's the other
// way.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/player_msg.h"
#include "protocol/session_msg.h"
#include "stream/audio.h"
#include "stream/device_queue.h"
#include "stream/microphone.h"
#include "stream/stats.h"
#include "stream/websocket.h"

struct es_player_sound {
	struct es_websocket *socket; // borrowed, as queue
	struct es_device_queue *queue;
	struct es_audio *audio; // owned; NULL: no sound
	struct es_microphone *microphone; // owned; NULL: it has said nothing yet
	uint32_t index;
	uint64_t sent, dropped;
	bool flushing; // what goes out now has waited for nobody
	struct es_histogram latency;
};

// start: START_PLAYER. Without memory there is no sound, which is logged.
void player_sound_init(struct es_player_sound *sound, const struct es_session_msg *start,
		struct es_websocket *socket, struct es_device_queue *queue);
void player_sound_finish(struct es_player_sound *sound);

// A PCM message of the display's.
void player_sound_put(struct es_player_sound *sound, const struct es_device_msg *msg);
// A MIC message of the page's.
void player_sound_hear(
		struct es_player_sound *sound, const struct es_player_msg *msg, int64_t now_ns);
int64_t player_sound_wake_ns(const struct es_player_sound *sound); // INT64_MAX: never
void player_sound_tick(struct es_player_sound *sound, int64_t now_ns); // then, or whenever
void player_sound_fill(const struct es_player_sound *sound, struct es_sound_stats *stats);
