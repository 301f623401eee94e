// The place of a viewer's encoder: which rung of the ladder fills it, and which one comes when it is
// lost. Hardware that fails gives way to the next rung; the last one, software, is started again as long
// as that helps.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/ladder.h"
#include "host/restart_limit.h"
#include "protocol/session_msg.h"

struct es_encoder_slot {
	struct es_ladder ladder;
	size_t at;
	struct es_restart_limit limit;
	int64_t started_ns;
	unsigned n_restarts; // of this rung
	bool broken; // it has failed before it worked: the same again would not help
	bool at_work; // what it is blamed for happened after it had worked
	char blame[192]; // "": nobody has said anything yet
};

enum es_slot_action {
	ES_SLOT_AGAIN, // the same rung
	ES_SLOT_NEXT, // another one
	ES_SLOT_GIVE_UP,
};

void encoder_slot_init(struct es_encoder_slot *slot, const struct es_ladder *ladder);
const struct es_rung *encoder_slot_rung(const struct es_encoder_slot *slot);
// The rung's name, GPU and what it gets wrong, into a START_ENCODE message.
void encoder_slot_fill(const struct es_encoder_slot *slot, struct es_session_msg *msg);
// How long it may not answer. `live`: somebody looks on.
uint32_t encoder_slot_stuck_ms(const struct es_encoder_slot *slot, bool live);

void encoder_slot_started(struct es_encoder_slot *slot, int64_t now_ns);
// It is old enough to have worked: what is said of a lost encoder is said of this one.
bool encoder_slot_settled(const struct es_encoder_slot *slot, int64_t now_ns);
// Why it is being ended; the first reason stands.
void encoder_slot_blame(struct es_encoder_slot *slot, const char *why);
// It has said END with a failure.
void encoder_slot_failed(struct es_encoder_slot *slot, const char *text, int64_t now_ns);
// Its process has ended ("was killed by ..."), unasked for: moves on. What is to be remembered of
// hardware that failed is written down in the facts.
enum es_slot_action encoder_slot_lost(struct es_encoder_slot *slot, struct es_ladder_facts *facts,
		const char *what, int64_t now_ns);
