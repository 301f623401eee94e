// What happens to one datagram on a bad network, by seeded random numbers: the same seed and the same
// datagrams give the same fates. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct es_impair_params {
	uint64_t seed;
	double loss; // 0..1, each datagram by itself
	// Gilbert-Elliott: a good and a bad state; in the bad one datagrams are lost with bad_loss.
	double to_bad, to_good, bad_loss; // chances per datagram; to_bad 0: never bad
	double duplicate, reorder, corrupt; // chances per datagram
	double delay_ms, jitter_ms; // each is late by delay +- jitter, which may reorder
	double reorder_ms; // one that is reordered is late by so much more
	double rate_kbps; // 0: no limit; beyond a queue of queue_ms datagrams are dropped
	double queue_ms;
};

struct es_impair_model {
	struct es_impair_params params;
	uint64_t state; // of the random numbers
	bool bad; // Gilbert-Elliott
	int64_t line_free_ns; // when the last byte under the rate limit has gone
};

#define ES_IMPAIR_LOST (-1)
struct es_impair_fate {
	int64_t at_ns; // when to send it on; ES_IMPAIR_LOST
	int64_t copy_at_ns; // of the duplicate; ES_IMPAIR_LOST: there is none
	bool corrupt; // flip the bit at corrupt_at % (8 * size)
	uint32_t corrupt_at;
};

void impair_init(struct es_impair_model *model, const struct es_impair_params *params);
struct es_impair_fate impair_decide(struct es_impair_model *model, int64_t now_ns, size_t size);
// Parameters of Gilbert-Elliott for a mean share of lost datagrams and a mean length of bursts.
void impair_bursts(struct es_impair_params *params, double loss, double mean_burst);

// One "name=value" as in --loss=0.1 or "loss=0.1" without the dashes; false if unknown or out of range.
bool impair_parse(struct es_impair_params *params, const char *text);
// 0..1, evenly.
double impair_random(struct es_impair_model *model);
