// How much a browser's player is sent: no more pictures than it draws, and no more bits than get there.
// A picture is sent while fewer than three that were sent are not drawn yet; what cannot be sent is
// skipped, and where that goes on because of the way, not of a page that is slow itself, the bitrate goes
// down. Pure: time is passed in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_PLAYER_CREDIT 3
#define ES_PLAYER_WINDOW_NS INT64_C(500000000)

struct es_player_flow {
	int32_t refresh_mhz;
	uint32_t max_kbps; // as the host and the page allow
	uint32_t kbps; // asked for
	uint32_t next; // number of the next picture
	uint32_t acked; // those before it are done with
	struct {
		int64_t sent_ns;
		size_t size;
	} waiting[ES_PLAYER_CREDIT]; // by number
	int64_t held_ns; // since when the encoder makes none; 0: it does
	bool held_stuck;
	// of this window
	int64_t window_ns; // its beginning; 0: none yet
	uint32_t n_sent, n_skipped, n_acked;
	uint32_t n_stuck; // of the skipped: the socket was full
	uint64_t sent_bytes, acked_bytes;
	int64_t delay_ns; // from sent to acknowledged, without what the page took itself, summed up
	// of all
	int64_t least_delay_ns; // 0: none yet
	unsigned n_good; // windows in a row
	uint64_t skipped;
};

void player_flow_init(struct es_player_flow *flow, uint32_t kbps, int32_t refresh_mhz);

bool player_flow_may_send(const struct es_player_flow *flow);
// One more of that size may wait here for the first to be drawn: not where all of them are large, and the way
// is what is waited for.
bool player_flow_may_hold(const struct es_player_flow *flow, size_t size);
// A picture goes out; its number. Only if it may be sent.
uint32_t player_flow_sent(struct es_player_flow *flow, size_t size, int64_t now_ns);
void player_flow_skipped(struct es_player_flow *flow, bool stuck); // stuck: the socket is full
// The encoder makes none from here on, or again: what it would have made counts as skipped.
void player_flow_hold(struct es_player_flow *flow, bool held, bool stuck, int64_t now_ns);
// Drawn, after the page has had it for held_ns. False: none of that number is on its way.
bool player_flow_acked(
		struct es_player_flow *flow, uint32_t frame, int64_t held_ns, int64_t now_ns);

// Another limit from here on. True: the encoder is to make flow->kbps from now on.
bool player_flow_limit(struct es_player_flow *flow, uint32_t kbps);
// To be called with every picture. True: the same.
bool player_flow_tick(struct es_player_flow *flow, int64_t now_ns);
