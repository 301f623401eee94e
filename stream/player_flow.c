#include "stream/player_flow.h"

#include <string.h>

#include "protocol/mode.h"

#define SKIPPED_SHARE 8 // one in so many is too many
#define QUEUE_NS INT64_C(100000000) // more than at best: something waits on the way
#define SLOW_NS INT64_C(25000000) // the same, where pictures are skipped besides
#define SMALL_SHARE 4 // pictures of less than this share of their bits would not get smaller
#define WINDOWS_UP 4
#define MIN_SHARE 8 // of the highest bitrate

void player_flow_init(struct es_player_flow *flow, uint32_t kbps, int32_t refresh_mhz) {
	memset(flow, 0, sizeof(*flow));
	flow->max_kbps = flow->kbps = kbps;
	flow->refresh_mhz = refresh_mhz;
}

bool player_flow_may_send(const struct es_player_flow *flow) {
	return flow->next - flow->acked < ES_PLAYER_CREDIT;
}

// Bytes of a picture that takes all of the bitrate.
static uint64_t budget_of(const struct es_player_flow *flow) {
	return (uint64_t)flow->kbps * 125 * 1000 / (uint64_t)flow->refresh_mhz;
}

bool player_flow_may_hold(const struct es_player_flow *flow, size_t size) {
	uint64_t bytes = size;
	for (uint32_t i = flow->acked; i != flow->next; i++) {
		bytes += flow->waiting[i % ES_PLAYER_CREDIT].size;
	}
	return bytes <= 2 * budget_of(flow);
}

uint32_t player_flow_sent(struct es_player_flow *flow, size_t size, int64_t now_ns) {
	flow->waiting[flow->next % ES_PLAYER_CREDIT].sent_ns = now_ns;
	flow->waiting[flow->next % ES_PLAYER_CREDIT].size = size;
	flow->n_sent++;
	flow->sent_bytes += size;
	return flow->next++;
}

void player_flow_skipped(struct es_player_flow *flow, bool stuck) {
	flow->n_skipped++;
	flow->n_stuck += stuck;
	flow->skipped++;
}

void player_flow_hold(struct es_player_flow *flow, bool held, bool stuck, int64_t now_ns) {
	if (flow->held_ns != 0) {
		int64_t ms = (now_ns - flow->held_ns) / 1000000;
		uint32_t missed = (uint32_t)(ms * flow->refresh_mhz / 1000000);
		flow->n_skipped += missed;
		flow->n_stuck += flow->held_stuck ? missed : 0;
	}
	flow->held_ns = held ? now_ns : 0;
	flow->held_stuck = stuck;
}

bool player_flow_acked(
		struct es_player_flow *flow, uint32_t frame, int64_t held_ns, int64_t now_ns) {
	if (frame - flow->acked >= flow->next - flow->acked) {
		return false;
	}
	int64_t delay_ns = now_ns - flow->waiting[frame % ES_PLAYER_CREDIT].sent_ns - held_ns;
	delay_ns = delay_ns > 1 ? delay_ns : 1; // the page's clock is its own
	for (; flow->acked != frame + 1; flow->acked++) {
		flow->acked_bytes += flow->waiting[flow->acked % ES_PLAYER_CREDIT].size;
	}
	flow->n_acked++;
	flow->delay_ns += delay_ns;
	if (flow->least_delay_ns == 0 || delay_ns < flow->least_delay_ns) {
		flow->least_delay_ns = delay_ns;
	}
	return true;
}

static uint32_t lowest(const struct es_player_flow *flow) {
	uint32_t kbps = flow->max_kbps / MIN_SHARE;
	return kbps > ES_MIN_KBPS ? kbps : ES_MIN_KBPS;
}

// To what has got through, but no step is too large: a quiet picture fills no line.
static uint32_t lower(const struct es_player_flow *flow, int64_t window_ns) {
	uint64_t got = flow->acked_bytes * 8 * 1000000 / (uint64_t)window_ns;
	uint32_t kbps = flow->kbps, least = kbps / 2, most = kbps / 5 * 4;
	uint64_t aim = got * 9 / 10;
	kbps = aim < least ? least : aim > most ? most : (uint32_t)aim;
	return kbps > lowest(flow) ? kbps : lowest(flow);
}

static bool is_bad(const struct es_player_flow *flow) {
	int64_t more_ns = flow->n_acked > 0 ? flow->delay_ns / flow->n_acked - flow->least_delay_ns : 0;
	bool skips = flow->n_skipped * SKIPPED_SHARE > flow->n_sent + flow->n_skipped;
	bool way = more_ns > SLOW_NS || flow->n_stuck * 2 > flow->n_skipped;
	return more_ns > QUEUE_NS || (skips && way);
}

static bool are_small(const struct es_player_flow *flow) {
	uint64_t budget = budget_of(flow);
	return flow->n_sent > 0 && flow->sent_bytes / flow->n_sent < budget / SMALL_SHARE;
}

static void judge(struct es_player_flow *flow, int64_t window_ns) {
	if (is_bad(flow)) {
		flow->n_good = 0;
		flow->kbps = are_small(flow) ? flow->kbps : lower(flow, window_ns);
		return;
	}
	if (++flow->n_good >= WINDOWS_UP) {
		flow->n_good = 0;
		flow->kbps += flow->kbps / 10;
	}
}

static bool clamp(struct es_player_flow *flow, uint32_t before) {
	flow->kbps = flow->kbps < flow->max_kbps ? flow->kbps : flow->max_kbps;
	return flow->kbps != before;
}

bool player_flow_limit(struct es_player_flow *flow, uint32_t kbps) {
	uint32_t before = flow->kbps;
	flow->kbps =
			flow->kbps < flow->max_kbps ? flow->kbps : kbps; // what was learnt of the way stays
	flow->max_kbps = kbps;
	return clamp(flow, before);
}

bool player_flow_tick(struct es_player_flow *flow, int64_t now_ns) {
	uint32_t before = flow->kbps;
	if (flow->window_ns == 0) {
		flow->window_ns = now_ns;
	}
	int64_t window_ns = now_ns - flow->window_ns;
	if (window_ns < ES_PLAYER_WINDOW_NS) {
		return false;
	}
	if (flow->n_sent + flow->n_skipped > 0) {
		judge(flow, window_ns);
	}
	flow->window_ns = now_ns;
	flow->n_sent = flow->n_skipped = flow->n_acked = flow->n_stuck = 0;
	flow->sent_bytes = flow->acked_bytes = 0;
	flow->delay_ns = 0;
	return clamp(flow, before);
}
