#include "tests/clients/impair_model.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1e6
#define MAX_MS 60000.0
#define MAX_KBPS 1e8

// splitmix64
static uint64_t next_random(struct es_impair_model *model) {
	uint64_t z = model->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

double impair_random(struct es_impair_model *model) {
	return (double)(next_random(model) >> 11) * 0x1p-53;
}

void impair_init(struct es_impair_model *model, const struct es_impair_params *params) {
	*model = (struct es_impair_model){.params = *params, .state = params->seed};
}

static bool happens(struct es_impair_model *model, double chance) {
	return impair_random(model) < chance;
}

static bool is_lost(struct es_impair_model *model) {
	const struct es_impair_params *params = &model->params;
	bool lost = happens(model, params->loss);
	double turn = impair_random(model), in_bad = impair_random(model);
	if (model->bad) {
		model->bad = turn >= params->to_good;
	} else {
		model->bad = turn < params->to_bad;
	}
	return lost || (model->bad && in_bad < params->bad_loss);
}

// When its last byte has passed the line; ES_IMPAIR_LOST if the queue before it is full.
static int64_t pass_line(struct es_impair_model *model, int64_t now_ns, size_t size) {
	const struct es_impair_params *params = &model->params;
	if (params->rate_kbps <= 0) {
		return now_ns;
	}
	int64_t start = model->line_free_ns > now_ns ? model->line_free_ns : now_ns;
	if ((double)(start - now_ns) > params->queue_ms * NS_PER_MS) {
		return ES_IMPAIR_LOST;
	}
	model->line_free_ns = start + (int64_t)((double)size * 8.0 / params->rate_kbps * NS_PER_MS);
	return model->line_free_ns;
}

static int64_t delay_ns(struct es_impair_model *model) {
	const struct es_impair_params *params = &model->params;
	double ms = params->delay_ms + (2 * impair_random(model) - 1) * params->jitter_ms;
	if (happens(model, params->reorder)) {
		ms += params->reorder_ms;
	}
	return ms > 0 ? (int64_t)(ms * NS_PER_MS) : 0;
}

struct es_impair_fate impair_decide(struct es_impair_model *model, int64_t now_ns, size_t size) {
	// Each datagram takes the same number of random numbers, whatever becomes of it: so one
	// parameter changes nothing about what another one does.
	struct es_impair_fate fate = {.at_ns = ES_IMPAIR_LOST, .copy_at_ns = ES_IMPAIR_LOST};
	bool lost = is_lost(model);
	int64_t delay = delay_ns(model), copy_delay = delay_ns(model);
	bool copied = happens(model, model->params.duplicate);
	fate.corrupt = happens(model, model->params.corrupt);
	fate.corrupt_at = (uint32_t)next_random(model);
	if (lost) {
		return fate;
	}
	int64_t passed = pass_line(model, now_ns, size);
	if (passed != ES_IMPAIR_LOST) {
		fate.at_ns = passed + delay;
		fate.copy_at_ns = copied ? passed + copy_delay : ES_IMPAIR_LOST;
	}
	return fate;
}

void impair_bursts(struct es_impair_params *params, double loss, double mean_burst) {
	params->bad_loss = 1;
	params->to_good = 1 / mean_burst;
	params->to_bad = loss < 1 ? loss * params->to_good / (1 - loss) : 1;
}

static bool parse_double(const char *text, double min, double max, double *value) {
	char *end;
	*value = strtod(text, &end);
	return end != text && *end == '\0' && *value >= min && *value <= max;
}

// "loss:length"
static bool parse_bursts(struct es_impair_params *params, const char *text) {
	char *end;
	double loss = strtod(text, &end), length;
	if (end == text || *end != ':' || !(loss >= 0 && loss < 1) ||
			!parse_double(end + 1, 1, 1000, &length)) {
		return false;
	}
	impair_bursts(params, loss, length);
	return true;
}

bool impair_parse(struct es_impair_params *params, const char *text) {
	const struct {
		const char *name;
		double *value;
		double max;
	} names[] = {
			{"loss=", &params->loss, 1},
			{"to-bad=", &params->to_bad, 1},
			{"to-good=", &params->to_good, 1},
			{"bad-loss=", &params->bad_loss, 1},
			{"duplicate=", &params->duplicate, 1},
			{"reorder=", &params->reorder, 1},
			{"corrupt=", &params->corrupt, 1},
			{"delay=", &params->delay_ms, MAX_MS},
			{"jitter=", &params->jitter_ms, MAX_MS},
			{"reorder-ms=", &params->reorder_ms, MAX_MS},
			{"rate=", &params->rate_kbps, MAX_KBPS},
			{"queue=", &params->queue_ms, MAX_MS},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i].name);
		if (strncmp(text, names[i].name, length) == 0) {
			return parse_double(text + length, 0, names[i].max, names[i].value);
		}
	}
	if (strncmp(text, "bursts=", 7) == 0) {
		return parse_bursts(params, text + 7);
	}
	char *end;
	if (strncmp(text, "seed=", 5) == 0) {
		params->seed = strtoull(text + 5, &end, 10);
		return end != text + 5 && *end == '\0';
	}
	return false;
}
