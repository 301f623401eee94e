// What WebCodecs (and MIME types) call a stream, read from its parameter sets. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

#define ES_CODEC_STRING_SIZE 32

// "avc1.64002a", "av01.0.08M.08": from the first parameter set in an access unit or a codec's headers.
// False: there is none, or it is not known what to call that codec's.
bool codec_string_read(
		char out[ES_CODEC_STRING_SIZE], enum es_codec codec, const uint8_t *data, size_t size);
