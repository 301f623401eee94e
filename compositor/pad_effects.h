// Force-feedback effects of one evdev pad, as apps upload and start them: how strongly its two motors
// turn at a time. The kernel plays nothing of that for uinput. Pure.
#pragma once

#include <linux/input.h>
#include <stdbool.h>
#include <stdint.h>

#define ES_PAD_MAX_EFFECTS 16
#define ES_PAD_NEVER INT64_MAX

struct es_pad_effects {
	struct {
		bool there, playing;
		uint16_t strong, weak;
		int64_t delay_ns, length_ns; // length 0: until stopped
		int64_t start_ns, end_ns; // while playing; end may be ES_PAD_NEVER
	} effects[ES_PAD_MAX_EFFECTS];
	uint32_t gain; // 0..65535
};

void pad_effects_init(struct es_pad_effects *effects);
// 0, or a negative errno for the app.
int pad_effects_upload(struct es_pad_effects *effects, const struct ff_effect *effect);
void pad_effects_erase(struct es_pad_effects *effects, uint32_t id);
// An EV_FF event: starts an effect so many times, stops it (0), or sets the gain.
void pad_effects_event(
		struct es_pad_effects *effects, uint16_t code, int32_t value, int64_t now_ns);
// What the motors do now; the time of the next change, or ES_PAD_NEVER.
int64_t pad_effects_mix(
		struct es_pad_effects *effects, int64_t now_ns, uint16_t *strong, uint16_t *weak);
