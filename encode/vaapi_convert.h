// From RGB to the encoder's layout, by the GPU's video processor.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <va/va.h>
#include <va/va_vpp.h>

#include "encode/vaapi.h"
#include "protocol/mode.h"

struct es_vaapi_converter;

// For pictures of that size, made even. NULL with a reason (a constant).
struct es_vaapi_converter *vaapi_converter_create(struct es_vaapi *vaapi,
		const struct es_mode *mode, const struct es_colour *colour, const char **why);
void vaapi_converter_destroy(struct es_vaapi_converter *converter); // NULL is fine

// Submits it; does not wait. A source of another size is scaled. False: the driver refuses.
bool vaapi_converter_run(
		struct es_vaapi_converter *converter, VASurfaceID source, VASurfaceID target);

// What the driver is told of colours: with `explicit`, which it must list, exactly; else by names.
// False: there is no name for it.
bool vaapi_fill_colour(VAProcPipelineParameterBuffer *parameters, const struct es_colour *colour,
		bool is_explicit);
