// Which buffers VA-API imports here: there is no question that a driver would answer, so one of each
// kind is made and imported.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/vaapi.h"
#include "protocol/frame_msg.h"

size_t vaapi_trial_formats(struct es_vaapi *vaapi, struct es_frame_format *out, size_t cap);

// Modifiers with a plane for the clear colour: drivers read the picture without it.
bool vaapi_has_clear_colour(uint64_t modifier);
