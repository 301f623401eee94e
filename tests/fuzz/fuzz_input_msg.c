// Input packets: what is taken is in range, and says the same when it is written again.
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/input_msg.h"
#include "tests/vectors/control_vectors.h"

#define REFERENCE 32768

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "input: %s\n", what);
		abort();
	}
}

static bool unit(float v) {
	return isfinite(v) && v >= 0 && v <= 1;
}

static void check_touch(const struct es_input *in) {
	require(in->touch.event <= ES_INPUT_CANCEL_ALL, "event");
	require(in->touch.tool <= 2 && in->touch.buttons <= 7, "tool");
	require(unit(in->touch.x) && unit(in->touch.y) && unit(in->touch.pressure) &&
					unit(in->touch.major) && unit(in->touch.minor),
			"float of a touch");
	require(in->touch.rotation < 360 || in->touch.rotation == 0xffff, "rotation");
	require(in->touch.tilt <= 90 || in->touch.tilt == 0xff, "tilt");
}

static void check_pad(const struct es_input *in) {
	switch (in->type) {
	case ES_INPUT_PAD_STATE:
		require(in->pad_state.pad < 16, "pad");
		break;
	case ES_INPUT_PAD_ARRIVAL:
		require(in->pad_arrival.pad < 16 && in->pad_arrival.type <= 4, "arrival");
		break;
	case ES_INPUT_PAD_TOUCH:
		require(in->pad_touch.pad < 16 && unit(in->pad_touch.x) && unit(in->pad_touch.y) &&
						unit(in->pad_touch.pressure),
				"touch of a pad");
		break;
	case ES_INPUT_PAD_MOTION:
		require(in->pad_motion.pad < 16 && fabsf(in->pad_motion.x) <= 1e5f &&
						fabsf(in->pad_motion.y) <= 1e5f && fabsf(in->pad_motion.z) <= 1e5f,
				"motion");
		break;
	case ES_INPUT_PAD_BATTERY:
		require(in->pad_battery.pad < 16 &&
						(in->pad_battery.percent <= 100 || in->pad_battery.percent == 0xff),
				"battery");
		break;
	default:
		break;
	}
}

static void check_ranges(const struct es_input *in) {
	switch (in->type) {
	case ES_INPUT_MOUSE_BUTTON:
		require(in->button.button >= 1 && in->button.button <= 5, "button");
		break;
	case ES_INPUT_TEXT:
		require(in->text.utf8[0] != '\0' &&
						memchr(in->text.utf8, '\0', sizeof(in->text.utf8)) != NULL,
				"text");
		break;
	case ES_INPUT_TOUCH:
	case ES_INPUT_PEN:
		check_touch(in);
		break;
	default:
		check_pad(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct es_input in, again;
	if (!input_parse(&in, data, size)) {
		require(in.type == 0, "something is left of a refused one");
		return 0;
	}
	check_ranges(&in);
	uint8_t first[ES_INPUT_MAX_SIZE], second[ES_INPUT_MAX_SIZE];
	require(input_put(first, &in, REFERENCE, REFERENCE) == size, "another size");
	require(input_parse(&again, first, size), "not taken when written again");
	require(input_put(second, &again, REFERENCE, REFERENCE) == size &&
					memcmp(first, second, size) == 0,
			"another one when written again");
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	uint8_t bytes[ES_VECTOR_MAX_SIZE];
	if (index >= n_input_vectors) {
		return 0;
	}
	size_t size = hex_bytes(input_vectors[index].hex, bytes);
	if (size > cap) {
		return 0;
	}
	memcpy(out, bytes, size);
	return size;
}
