#include "encode/vaapi_convert.h"

#include <stdlib.h>

#define BT709 1

struct es_vaapi_converter {
	struct es_vaapi *vaapi; // borrowed
	VAConfigID config;
	VAContextID context;
	VAProcPipelineParameterBuffer parameters; // but for the surface
};

// Primaries and transfer are those of the screen on both sides: only the matrix and the range change.
// Else drivers would convert between curves and darken the picture.
bool vaapi_fill_colour(VAProcPipelineParameterBuffer *parameters, const struct es_colour *colour,
		bool is_explicit) {
	VAProcColorProperties *in = &parameters->input_color_properties;
	VAProcColorProperties *out = &parameters->output_color_properties;
	in->color_range = VA_SOURCE_RANGE_FULL;
	out->color_range = colour->full_range ? VA_SOURCE_RANGE_FULL : VA_SOURCE_RANGE_REDUCED;
	out->chroma_sample_location =
			VA_CHROMA_SITING_HORIZONTAL_LEFT | VA_CHROMA_SITING_VERTICAL_CENTER;
	if (!is_explicit) {
		parameters->surface_color_standard = VAProcColorStandardBT709;
		parameters->output_color_standard = VAProcColorStandardBT709;
		return colour->primaries == BT709 && colour->transfer == BT709 && colour->matrix == BT709;
	}
	parameters->surface_color_standard = VAProcColorStandardExplicit;
	parameters->output_color_standard = VAProcColorStandardExplicit;
	in->colour_primaries = out->colour_primaries = colour->primaries;
	in->transfer_characteristics = out->transfer_characteristics = colour->transfer;
	in->matrix_coefficients = 0; // RGB
	out->matrix_coefficients = colour->matrix;
	return true;
}

static bool lists_explicit(const VAProcColorStandardType *standards, unsigned n) {
	for (unsigned i = 0; standards != NULL && i < n; i++) {
		if (standards[i] == VAProcColorStandardExplicit) {
			return true;
		}
	}
	return false;
}

static bool takes_explicit(struct es_vaapi_converter *converter) {
	VAProcPipelineCaps caps = {0};
	return vaQueryVideoProcPipelineCaps(converter->vaapi->display, converter->context, NULL, 0,
				   &caps) == VA_STATUS_SUCCESS &&
			lists_explicit(caps.input_color_standards, caps.num_input_color_standards) &&
			lists_explicit(caps.output_color_standards, caps.num_output_color_standards);
}

struct es_vaapi_converter *vaapi_converter_create(struct es_vaapi *vaapi,
		const struct es_mode *mode, const struct es_colour *colour, const char **why) {
	struct es_vaapi_converter *converter = calloc(1, sizeof(*converter));
	*why = "out of memory";
	if (converter == NULL) {
		return NULL;
	}
	converter->vaapi = vaapi;
	converter->config = VA_INVALID_ID;
	converter->context = VA_INVALID_ID;
	*why = "the driver has no video processor for this size";
	if (vaCreateConfig(vaapi->display, VAProfileNone, VAEntrypointVideoProc, NULL, 0,
				&converter->config) != VA_STATUS_SUCCESS ||
			vaCreateContext(vaapi->display, converter->config, (int)((mode->width + 1) & ~1u),
					(int)((mode->height + 1) & ~1u), VA_PROGRESSIVE, NULL, 0,
					&converter->context) != VA_STATUS_SUCCESS) {
		goto fail;
	}
	converter->parameters.output_background_color = 0xff000000;
	converter->parameters.filter_flags = VA_FILTER_SCALING_DEFAULT;
	if (!vaapi_fill_colour(&converter->parameters, colour, takes_explicit(converter))) {
		*why = "the driver converts to BT.709 alone";
		goto fail;
	}
	return converter;

fail:
	vaapi_converter_destroy(converter);
	return NULL;
}

void vaapi_converter_destroy(struct es_vaapi_converter *converter) {
	if (converter == NULL) {
		return;
	}
	if (converter->context != VA_INVALID_ID) {
		vaDestroyContext(converter->vaapi->display, converter->context);
	}
	if (converter->config != VA_INVALID_ID) {
		vaDestroyConfig(converter->vaapi->display, converter->config);
	}
	free(converter);
}

bool vaapi_converter_run(
		struct es_vaapi_converter *converter, VASurfaceID source, VASurfaceID target) {
	VADisplay display = converter->vaapi->display;
	VAProcPipelineParameterBuffer parameters = converter->parameters;
	VABufferID buffer;
	parameters.surface = source;
	if (vaCreateBuffer(display, converter->context, VAProcPipelineParameterBufferType,
				sizeof(parameters), 1, &parameters, &buffer) != VA_STATUS_SUCCESS) {
		return false;
	}
	bool begun = vaBeginPicture(display, converter->context, target) == VA_STATUS_SUCCESS;
	bool ok =
			begun && vaRenderPicture(display, converter->context, &buffer, 1) == VA_STATUS_SUCCESS;
	// What was begun is ended in any case.
	ok = begun && vaEndPicture(display, converter->context) == VA_STATUS_SUCCESS && ok;
	vaDestroyBuffer(display, buffer);
	return ok;
}
