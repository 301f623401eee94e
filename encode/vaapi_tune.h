// How an encoder behind VA-API is set up, by what its driver says of itself.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <va/va.h>

#include "encode/encoder.h"

struct es_vaapi_driver {
	bool intel;
	bool low_power; // offers EncSliceLP for the profile
	unsigned max_slices; // 0: it does not say
};

struct es_vaapi_tune {
	bool low_power;
	const char *rc_mode; // as libavcodec names it
	int64_t buffer_bits; // of the rate control
	unsigned slices; // 0: as the driver likes
};

struct es_vaapi_tune vaapi_tune(
		const struct es_vaapi_driver *driver, const struct es_encoder_params *params);

// As libavcodec chooses it. False: VA-API has none for that.
bool vaapi_profile(enum es_codec codec, const struct es_colour *colour, VAProfile *profile);
