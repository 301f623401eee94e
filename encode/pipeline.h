// A picture's way through the encoder: imported pixels -> converted picture -> cursor blended over it ->
// access unit; here for devices that map, by the encoder on its device for others. The very same for a session and for the self-test. No I/O.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/cursor_blend.h"
#include "encode/encoder.h"
#include "encode/import_cache.h"

struct es_pipeline;

enum es_pipeline_purpose {
	ES_PIPELINE_CHANGE, // what was converted, and the cursor, since the picture before
	ES_PIPELINE_REPEAT, // the same again, to make it sharper, or because it is asked for
};

// `device`, the impl's, is borrowed and outlives the pipeline. NULL after a logged error.
struct es_pipeline *pipeline_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params);
void pipeline_destroy(struct es_pipeline *pipeline); // NULL is fine

// Converts the damaged pixels of a buffer (everything, when nothing was converted or the conversion
// before failed). The buffer is not needed any more when *release_fd, the caller's then, is readable;
// -1: now. False, with a reason (a constant): the buffer is not of the screen's size, or could not be
// read to its end.
bool pipeline_convert(struct es_pipeline *pipeline, const struct es_convert_request *request,
		int *release_fd, const char **why);

// A frame could not be had: the next conversion takes everything.
void pipeline_lost(struct es_pipeline *pipeline);

// There is a picture that can be encoded.
bool pipeline_has_picture(const struct es_pipeline *pipeline);

// Blends the cursor (NULL: none) over the picture, encodes it into out[cap] and takes the cursor away
// again. The first unit, and the next one after force_idr, is an IDR. False: the encoder is unusable.
bool pipeline_encode(struct es_pipeline *pipeline, struct es_cursor_blend *cursor,
		enum es_pipeline_purpose purpose, const struct es_encode_request *request, uint8_t *out,
		size_t cap, struct es_encoded *encoded);

// Units first..last are lost. False: only an IDR helps.
bool pipeline_invalidate(struct es_pipeline *pipeline, uint64_t first, uint64_t last);

// Where the encoder cannot change its rate, another one takes its place and begins with an IDR. False:
// there is no usable encoder any more.
bool pipeline_set_bitrate(struct es_pipeline *pipeline, uint32_t kbps);

size_t pipeline_headers(struct es_pipeline *pipeline, uint8_t *out, size_t cap);
uint64_t pipeline_converted_px(const struct es_pipeline *pipeline);
