#include "encode/nvenc_settings.h"

#define DPB_FRAMES 5
#define DPB_FRAMES_AV1 8
#define CHROMA_420 1
// Left, between two rows; as AV1 counts.
#define AV1_CHROMA_LEFT 1

GUID nvenc_codec_guid(enum es_codec codec) {
	switch (codec) {
	case ES_CODEC_H264:
		return NV_ENC_CODEC_H264_GUID;
	case ES_CODEC_HEVC:
		return NV_ENC_CODEC_HEVC_GUID;
	default:
		return NV_ENC_CODEC_AV1_GUID;
	}
}

static GUID profile_guid(const struct es_encoder_params *params) {
	switch (params->codec) {
	case ES_CODEC_H264:
		return NV_ENC_H264_PROFILE_HIGH_GUID;
	case ES_CODEC_HEVC:
		return params->colour.depth > 8 ? NV_ENC_HEVC_PROFILE_MAIN10_GUID
										: NV_ENC_HEVC_PROFILE_MAIN_GUID;
	default:
		return NV_ENC_AV1_PROFILE_MAIN_GUID;
	}
}

NV_ENC_BUFFER_FORMAT nvenc_buffer_format(const struct es_colour *colour) {
	return colour->depth > 8 ? NV_ENC_BUFFER_FORMAT_YUV420_10BIT : NV_ENC_BUFFER_FORMAT_NV12;
}

static uint32_t even_up(uint32_t v) {
	return (v + 1) & ~UINT32_C(1);
}

uint32_t nvenc_dpb_frames(
		const struct es_encoder_params *params, const struct es_nvenc_caps *caps) {
	uint32_t most = params->codec == ES_CODEC_AV1 ? DPB_FRAMES_AV1 : DPB_FRAMES;
	if (!caps->multiple_refs) {
		return 1;
	}
	return params->max_refs != 0 && params->max_refs < most ? params->max_refs : most;
}

const char *nvenc_refuses(
		const struct es_encoder_params *params, const struct es_nvenc_caps *caps) {
	uint32_t width = even_up(params->mode.width), height = even_up(params->mode.height);
	if (width > caps->max_width || height > caps->max_height) {
		return "pictures of that size are too large for it";
	}
	if (width < caps->min_width || height < caps->min_height) {
		return "pictures of that size are too small for it";
	}
	if (params->colour.depth > 8 && !caps->ten_bits) {
		return "it has no 10 bits";
	}
	return NULL;
}

void nvenc_fill_rate(NV_ENC_CONFIG *config, uint32_t kbps, int32_t refresh_mhz,
		const struct es_nvenc_caps *caps) {
	NV_ENC_RC_PARAMS *rate = &config->rcParams;
	uint64_t bits_per_second = (uint64_t)kbps * 1000;
	uint64_t one_frame = bits_per_second * 1000 / (uint64_t)refresh_mhz;
	rate->averageBitRate = (uint32_t)(bits_per_second < UINT32_MAX ? bits_per_second : UINT32_MAX);
	rate->maxBitRate = rate->averageBitRate;
	if (caps->custom_vbv) {
		rate->vbvBufferSize = (uint32_t)(one_frame < UINT32_MAX ? one_frame : UINT32_MAX);
		rate->vbvInitialDelay = rate->vbvBufferSize;
	}
}

static void fill_rate_control(NV_ENC_CONFIG *config) {
	NV_ENC_RC_PARAMS *rate = &config->rcParams;
	rate->rateControlMode = NV_ENC_PARAMS_RC_CBR;
	rate->multiPass = NV_ENC_TWO_PASS_QUARTER_RESOLUTION;
	rate->zeroReorderDelay = 1;
	rate->lowDelayKeyFrameScale = 1;
	rate->enableLookahead = 0;
	rate->enableNonRefP = 0; // a unit that nothing refers to would be named in invalidations, too
}

// The same for H.264 and HEVC.
static void fill_vui(NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui, const struct es_colour *colour) {
	vui->videoSignalTypePresentFlag = 1;
	vui->videoFormat = NV_ENC_VUI_VIDEO_FORMAT_UNSPECIFIED;
	vui->videoFullRangeFlag = colour->full_range;
	vui->colourDescriptionPresentFlag = 1;
	vui->colourPrimaries = (NV_ENC_VUI_COLOR_PRIMARIES)colour->primaries;
	vui->transferCharacteristics = (NV_ENC_VUI_TRANSFER_CHARACTERISTIC)colour->transfer;
	vui->colourMatrix = (NV_ENC_VUI_MATRIX_COEFFS)colour->matrix;
	vui->chromaSampleLocationFlag = 1; // left
	vui->chromaSampleLocationTop = 0;
	vui->chromaSampleLocationBot = 0;
	vui->bitstreamRestrictionFlag = 1; // decoders then know that nothing is reordered
}

static uint32_t n_slices(const struct es_encoder_params *params) {
	return params->slices > 1 ? params->slices : 1;
}

static void fill_h264(NV_ENC_CONFIG_H264 *h264, const struct es_encoder_params *params,
		const struct es_nvenc_caps *caps) {
	h264->repeatSPSPPS = 1;
	h264->outputAUD = 0;
	h264->idrPeriod = NVENC_INFINITE_GOPLENGTH;
	h264->enableFillerDataInsertion = 0;
	h264->entropyCodingMode = NV_ENC_H264_ENTROPY_CODING_MODE_CABAC;
	h264->chromaFormatIDC = CHROMA_420;
	h264->sliceMode = 3;
	h264->sliceModeData = n_slices(params);
	h264->maxNumRefFrames = nvenc_dpb_frames(params, caps);
	h264->numRefL0 = caps->multiple_refs ? NV_ENC_NUM_REF_FRAMES_1 : h264->numRefL0;
	fill_vui(&h264->h264VUIParameters, &params->colour);
}

static void fill_hevc(NV_ENC_CONFIG_HEVC *hevc, const struct es_encoder_params *params,
		const struct es_nvenc_caps *caps) {
	hevc->repeatSPSPPS = 1;
	hevc->outputAUD = 0;
	hevc->idrPeriod = NVENC_INFINITE_GOPLENGTH;
	hevc->enableFillerDataInsertion = 0;
	hevc->chromaFormatIDC = CHROMA_420;
	hevc->pixelBitDepthMinus8 = (uint32_t)(params->colour.depth - 8) & 7;
	hevc->sliceMode = 3;
	hevc->sliceModeData = n_slices(params);
	hevc->maxNumRefFramesInDPB = nvenc_dpb_frames(params, caps);
	hevc->numRefL0 = caps->multiple_refs ? NV_ENC_NUM_REF_FRAMES_1 : hevc->numRefL0;
	fill_vui(&hevc->hevcVUIParameters, &params->colour);
}

static void fill_av1(NV_ENC_CONFIG_AV1 *av1, const struct es_encoder_params *params,
		const struct es_nvenc_caps *caps) {
	uint32_t depth = (uint32_t)(params->colour.depth - 8) & 7;
	av1->repeatSeqHdr = 1;
	av1->outputAnnexBFormat = 0;
	av1->idrPeriod = NVENC_INFINITE_GOPLENGTH;
	av1->enableBitstreamPadding = 0;
	av1->chromaFormatIDC = CHROMA_420;
	av1->inputPixelBitDepthMinus8 = depth;
	av1->pixelBitDepthMinus8 = depth;
	av1->maxNumRefFramesInDPB = nvenc_dpb_frames(params, caps);
	av1->numFwdRefs = caps->multiple_refs ? NV_ENC_NUM_REF_FRAMES_1 : av1->numFwdRefs;
	av1->colorPrimaries = (NV_ENC_VUI_COLOR_PRIMARIES)params->colour.primaries;
	av1->transferCharacteristics = (NV_ENC_VUI_TRANSFER_CHARACTERISTIC)params->colour.transfer;
	av1->matrixCoefficients = (NV_ENC_VUI_MATRIX_COEFFS)params->colour.matrix;
	av1->colorRange = params->colour.full_range;
	av1->chromaSamplePosition = AV1_CHROMA_LEFT;
}

void nvenc_fill_config(NV_ENC_CONFIG *config, const struct es_encoder_params *params,
		const struct es_nvenc_caps *caps) {
	config->version = NV_ENC_CONFIG_VER;
	config->profileGUID = profile_guid(params);
	config->gopLength = NVENC_INFINITE_GOPLENGTH;
	config->frameIntervalP = 1;
	fill_rate_control(config);
	nvenc_fill_rate(config, params->bitrate_kbps, params->mode.refresh_mhz, caps);
	switch (params->codec) {
	case ES_CODEC_H264:
		fill_h264(&config->encodeCodecConfig.h264Config, params, caps);
		break;
	case ES_CODEC_HEVC:
		fill_hevc(&config->encodeCodecConfig.hevcConfig, params, caps);
		break;
	default:
		fill_av1(&config->encodeCodecConfig.av1Config, params, caps);
		break;
	}
}

void nvenc_fill_initialize(NV_ENC_INITIALIZE_PARAMS *initialize, NV_ENC_CONFIG *config,
		const struct es_encoder_params *params) {
	uint32_t width = even_up(params->mode.width), height = even_up(params->mode.height);
	*initialize = (NV_ENC_INITIALIZE_PARAMS){
			.version = NV_ENC_INITIALIZE_PARAMS_VER,
			.encodeGUID = nvenc_codec_guid(params->codec),
			.presetGUID = NV_ENC_PRESET_P1_GUID,
			.tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY,
			.encodeWidth = width,
			.encodeHeight = height,
			.darWidth = width,
			.darHeight = height,
			.frameRateNum = (uint32_t)params->mode.refresh_mhz,
			.frameRateDen = 1000,
			.enablePTD = 1,
			.encodeConfig = config,
	};
}
