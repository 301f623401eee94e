// What NVENC is told for a stream. No calls into it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <ffnvcodec/nvEncodeAPI.h>

#include "encode/encoder.h"

// Of a GPU's encoder for one codec.
struct es_nvenc_caps {
	uint32_t min_width, min_height, max_width, max_height;
	bool ten_bits;
	bool custom_vbv;
	bool multiple_refs; // can keep more than one and choose
	bool invalidation;
	bool live_bitrate;
};

GUID nvenc_codec_guid(enum es_codec codec);
NV_ENC_BUFFER_FORMAT nvenc_buffer_format(const struct es_colour *colour);

// Pictures that may be referred to.
uint32_t nvenc_dpb_frames(const struct es_encoder_params *params, const struct es_nvenc_caps *caps);

// NULL, or why the stream is not for that encoder, a constant.
const char *nvenc_refuses(const struct es_encoder_params *params, const struct es_nvenc_caps *caps);

// Over what the driver's preset has: constant rate, least delay, no IDR by itself.
void nvenc_fill_config(NV_ENC_CONFIG *config, const struct es_encoder_params *params,
		const struct es_nvenc_caps *caps);
void nvenc_fill_rate(NV_ENC_CONFIG *config, uint32_t kbps, int32_t refresh_mhz,
		const struct es_nvenc_caps *caps);
// `config` is borrowed by what is filled.
void nvenc_fill_initialize(NV_ENC_INITIALIZE_PARAMS *initialize, NV_ENC_CONFIG *config,
		const struct es_encoder_params *params);
