// The families of encoders; each file exists in the build only with its feature.
#pragma once

#include "encode/encoder.h"

extern const struct es_encoder_impl encoder_x264;
extern const struct es_encoder_impl encoder_svtav1;
extern const struct es_encoder_impl encoder_x265;
