#include "compositor/pad_effects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define FULL_GAIN 0xffff
#define MAX_TIMES 10000

void pad_effects_init(struct es_pad_effects *effects) {
	memset(effects, 0, sizeof(*effects));
	effects->gain = FULL_GAIN;
}

int pad_effects_upload(struct es_pad_effects *effects, const struct ff_effect *effect) {
	if (effect->id < 0 || effect->id >= ES_PAD_MAX_EFFECTS) {
		return -EINVAL;
	}
	uint16_t strong, weak;
	if (effect->type == FF_RUMBLE) {
		strong = effect->u.rumble.strong_magnitude;
		weak = effect->u.rumble.weak_magnitude;
	} else if (effect->type == FF_PERIODIC) {
		// As drivers of pads do that know no waves.
		strong = weak = (uint16_t)(abs(effect->u.periodic.magnitude) * 2 > FULL_GAIN
						? FULL_GAIN
						: abs(effect->u.periodic.magnitude) * 2);
	} else {
		return -EINVAL;
	}
	// One that is playing changes without a break.
	effects->effects[effect->id].there = true;
	effects->effects[effect->id].strong = strong;
	effects->effects[effect->id].weak = weak;
	effects->effects[effect->id].delay_ns = effect->replay.delay * ES_NS_PER_MS;
	effects->effects[effect->id].length_ns = effect->replay.length * ES_NS_PER_MS;
	return 0;
}

void pad_effects_erase(struct es_pad_effects *effects, uint32_t id) {
	if (id < ES_PAD_MAX_EFFECTS) {
		effects->effects[id].there = effects->effects[id].playing = false;
	}
}

void pad_effects_event(
		struct es_pad_effects *effects, uint16_t code, int32_t value, int64_t now_ns) {
	if (code == FF_GAIN) {
		effects->gain = value < 0 ? 0 : value > FULL_GAIN ? FULL_GAIN : (uint32_t)value;
		return;
	}
	if (code >= ES_PAD_MAX_EFFECTS || !effects->effects[code].there) {
		return;
	}
	effects->effects[code].playing = value > 0;
	if (value > 0) {
		int64_t times = value > MAX_TIMES ? MAX_TIMES : value;
		int64_t length_ns = effects->effects[code].length_ns;
		int64_t start_ns = now_ns + effects->effects[code].delay_ns;
		effects->effects[code].start_ns = start_ns;
		effects->effects[code].end_ns =
				length_ns == 0 ? ES_PAD_NEVER : start_ns + times * length_ns;
	}
}

static uint16_t with_gain(uint32_t sum, uint32_t gain) {
	uint64_t v = (uint64_t)sum * gain / FULL_GAIN;
	return (uint16_t)(v > FULL_GAIN ? FULL_GAIN : v);
}

int64_t pad_effects_mix(
		struct es_pad_effects *effects, int64_t now_ns, uint16_t *strong, uint16_t *weak) {
	uint32_t strong_sum = 0, weak_sum = 0;
	int64_t next_ns = ES_PAD_NEVER;
	for (size_t i = 0; i < ES_PAD_MAX_EFFECTS; i++) {
		if (!effects->effects[i].playing) {
			continue;
		}
		if (now_ns >= effects->effects[i].end_ns) {
			effects->effects[i].playing = false;
			continue;
		}
		bool started = now_ns >= effects->effects[i].start_ns;
		int64_t change_ns = started ? effects->effects[i].end_ns : effects->effects[i].start_ns;
		next_ns = change_ns < next_ns ? change_ns : next_ns;
		strong_sum += started ? effects->effects[i].strong : 0;
		weak_sum += started ? effects->effects[i].weak : 0;
	}
	*strong = with_gain(strong_sum, effects->gain);
	*weak = with_gain(weak_sum, effects->gain);
	return next_ns;
}
