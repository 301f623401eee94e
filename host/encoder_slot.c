#include "host/encoder_slot.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define HARDWARE_STUCK_MS 1000
#define LIVE_STUCK_MS 1000 // a frozen picture is longer than wanted
#define SOFTWARE_STUCK_MS 5000 // it may only be slow

// One younger than this has not worked yet.
#define SETTLED_NS (2 * ES_NS_PER_S)

void encoder_slot_init(struct es_encoder_slot *slot, const struct es_ladder *ladder) {
	*slot = (struct es_encoder_slot){.ladder = *ladder};
}

const struct es_rung *encoder_slot_rung(const struct es_encoder_slot *slot) {
	return slot->ladder.items[slot->at];
}

void encoder_slot_fill(const struct es_encoder_slot *slot, struct es_session_msg *msg) {
	const struct es_rung *rung = encoder_slot_rung(slot);
	snprintf(msg->start_encode.encoder, sizeof(msg->start_encode.encoder), "%s", rung->name);
	snprintf(msg->start_encode.device, sizeof(msg->start_encode.device), "%s",
			rung->needs_gpu ? slot->ladder.node : "");
	snprintf(msg->start_encode.without, sizeof(msg->start_encode.without), "%s",
			slot->ladder.without[slot->at]);
}

uint32_t encoder_slot_stuck_ms(const struct es_encoder_slot *slot, bool live) {
	if (encoder_slot_rung(slot)->hardware) {
		return HARDWARE_STUCK_MS;
	}
	return live ? LIVE_STUCK_MS : SOFTWARE_STUCK_MS;
}

void encoder_slot_started(struct es_encoder_slot *slot, int64_t now_ns) {
	slot->started_ns = now_ns;
	slot->broken = slot->at_work = false;
	slot->blame[0] = '\0';
}

bool encoder_slot_settled(const struct es_encoder_slot *slot, int64_t now_ns) {
	return now_ns - slot->started_ns > SETTLED_NS;
}

void encoder_slot_blame(struct es_encoder_slot *slot, const char *why) {
	if (slot->blame[0] == '\0') {
		slot->at_work = true;
		snprintf(slot->blame, sizeof(slot->blame), "%s", why);
	}
}

void encoder_slot_failed(struct es_encoder_slot *slot, const char *text, int64_t now_ns) {
	bool settled = encoder_slot_settled(slot, now_ns);
	snprintf(slot->blame, sizeof(slot->blame), "%s", text); // it knows best
	// Of one that failed at once it may be this size or this session alone.
	slot->at_work = settled;
	slot->broken = slot->broken || (slot->n_restarts == 0 && !settled);
}

enum es_slot_action encoder_slot_lost(struct es_encoder_slot *slot, struct es_ladder_facts *facts,
		const char *what, int64_t now_ns) {
	const struct es_rung *rung = encoder_slot_rung(slot);
	encoder_slot_blame(slot, what);
	if (rung->hardware && slot->at_work) {
		ladder_mark_lost(facts, &slot->ladder, rung, slot->blame);
	}
	if (rung->hardware && slot->at + 1 < slot->ladder.n) {
		slot->at++;
		slot->n_restarts = 0;
		slot->limit = (struct es_restart_limit){0};
		return ES_SLOT_NEXT;
	}
	if (slot->broken || !restart_limit_allows(&slot->limit, now_ns)) {
		return ES_SLOT_GIVE_UP;
	}
	slot->n_restarts++;
	return ES_SLOT_AGAIN;
}
