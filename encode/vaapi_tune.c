#include "encode/vaapi_tune.h"

// One picture's share of the bitrate as the buffer bounds each picture, IDRs too. For H.264 and HEVC of
// AMD a constant rate with a second of it, as others have come to set them; not tried by us.
struct es_vaapi_tune vaapi_tune(
		const struct es_vaapi_driver *driver, const struct es_encoder_params *params) {
	int64_t bits = (int64_t)params->bitrate_kbps * 1000;
	bool constant = !driver->intel && params->codec != ES_CODEC_AV1;
	struct es_vaapi_tune tune = {
			.low_power = driver->low_power,
			.rc_mode = constant ? "CBR" : "VBR",
			.buffer_bits = constant ? bits : bits * 1000 / params->mode.refresh_mhz,
	};
	// Low power slices its pictures by rows of blocks or not at all, AV1 in tiles.
	if (params->codec != ES_CODEC_AV1) {
		unsigned wanted = params->slices > 0 ? params->slices : 1;
		unsigned most = driver->low_power || driver->max_slices == 0 ? 1 : driver->max_slices;
		tune.slices = wanted < most ? wanted : most;
	}
	return tune;
}

bool vaapi_profile(enum es_codec codec, const struct es_colour *colour, VAProfile *profile) {
	if (colour->yuv444) {
		return false;
	}
	switch (codec) {
	case ES_CODEC_H264:
		*profile = VAProfileH264High;
		return colour->depth == 8;
	case ES_CODEC_HEVC:
		*profile = colour->depth > 8 ? VAProfileHEVCMain10 : VAProfileHEVCMain;
		return true;
	case ES_CODEC_AV1:
		*profile = VAProfileAV1Profile0;
		return true;
	default:
		return false;
	}
}
