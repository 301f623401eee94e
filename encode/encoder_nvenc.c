// Encoders of NVIDIA's GPUs by NVENC's own interface, because libavcodec's hides what streaming needs:
// invalidation, and another rate without an IDR. Vulkan converts, CUDA hands over.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "encode/device_vulkan.h"
#include "encode/encoder_impls.h"
#include "encode/nvenc_input.h"
#include "encode/nvenc_library.h"
#include "encode/nvenc_refs.h"
#include "encode/nvenc_settings.h"
#include "encode/vulkan_take.h"

#define MAX_CODECS 16

struct nvenc_encoder {
	struct es_encoder base;
	struct es_vulkan_gpu *gpu; // borrowed
	struct es_encoder_params params;
	struct es_nvenc_caps caps;
	struct es_nvenc_refs refs;
	struct es_vulkan_converter *converter; // owned
	struct es_cuda cuda; // owned
	struct es_nvenc_library library; // owned
	void *session; // owned
	NV_ENC_CONFIG config;
	NV_ENC_INITIALIZE_PARAMS initialize; // refers to config
	struct es_nvenc_input input; // owned
	NV_ENC_REGISTERED_PTR registered; // owned: the input
	NV_ENC_OUTPUT_PTR output; // owned
};

static void nvenc_destroy(struct es_encoder *base) {
	struct nvenc_encoder *encoder = (struct nvenc_encoder *)base;
	if (encoder == NULL) {
		return;
	}
	const NV_ENCODE_API_FUNCTION_LIST *api = &encoder->library.api;
	vulkan_converter_destroy(encoder->converter);
	if (encoder->cuda.context != NULL && cuda_enter(&encoder->cuda)) {
		if (encoder->output != NULL) {
			api->nvEncDestroyBitstreamBuffer(encoder->session, encoder->output);
		}
		if (encoder->registered != NULL) {
			api->nvEncUnregisterResource(encoder->session, encoder->registered);
		}
		if (encoder->session != NULL) {
			api->nvEncDestroyEncoder(encoder->session);
		}
		nvenc_input_finish(&encoder->input, encoder->gpu, &encoder->cuda);
		cuda_leave(&encoder->cuda);
	}
	nvenc_library_close(&encoder->library);
	cuda_close(&encoder->cuda);
	free(encoder);
}

// --- what the GPU has

static bool open_session(struct nvenc_encoder *encoder, char *why, size_t cap) {
	NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS params = {
			.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER,
			.deviceType = NV_ENC_DEVICE_TYPE_CUDA,
			.device = encoder->cuda.context,
			.apiVersion = NVENCAPI_VERSION,
	};
	NVENCSTATUS status = encoder->library.api.nvEncOpenEncodeSessionEx(&params, &encoder->session);
	if (status != NV_ENC_SUCCESS) {
		snprintf(why, cap, "%s", nvenc_error(status));
	}
	return status == NV_ENC_SUCCESS; // else to be destroyed all the same, if there is one
}

static bool same_guid(const GUID *a, const GUID *b) {
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool has_codec(const struct nvenc_encoder *encoder, const GUID *codec) {
	GUID found[MAX_CODECS];
	uint32_t n = 0;
	if (encoder->library.api.nvEncGetEncodeGUIDs(encoder->session, found, MAX_CODECS, &n) !=
			NV_ENC_SUCCESS) {
		return false;
	}
	for (uint32_t i = 0; i < n && i < MAX_CODECS; i++) {
		if (same_guid(&found[i], codec)) {
			return true;
		}
	}
	return false;
}

static uint32_t get_cap(const struct nvenc_encoder *encoder, GUID codec, NV_ENC_CAPS cap) {
	NV_ENC_CAPS_PARAM param = {.version = NV_ENC_CAPS_PARAM_VER, .capsToQuery = cap};
	int value = 0;
	if (encoder->library.api.nvEncGetEncodeCaps(encoder->session, codec, &param, &value) !=
			NV_ENC_SUCCESS) {
		return 0;
	}
	return value > 0 ? (uint32_t)value : 0;
}

static void get_caps(struct nvenc_encoder *encoder, GUID codec) {
	encoder->caps = (struct es_nvenc_caps){
			.min_width = get_cap(encoder, codec, NV_ENC_CAPS_WIDTH_MIN),
			.min_height = get_cap(encoder, codec, NV_ENC_CAPS_HEIGHT_MIN),
			.max_width = get_cap(encoder, codec, NV_ENC_CAPS_WIDTH_MAX),
			.max_height = get_cap(encoder, codec, NV_ENC_CAPS_HEIGHT_MAX),
			.ten_bits = get_cap(encoder, codec, NV_ENC_CAPS_SUPPORT_10BIT_ENCODE) != 0,
			.custom_vbv = get_cap(encoder, codec, NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE) != 0,
			.multiple_refs = get_cap(encoder, codec, NV_ENC_CAPS_SUPPORT_MULTIPLE_REF_FRAMES) != 0,
			.invalidation = get_cap(encoder, codec, NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION) != 0,
			.live_bitrate = get_cap(encoder, codec, NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE) != 0,
	};
}

// --- set-up

static bool initialize(struct nvenc_encoder *encoder, char *why, size_t cap) {
	const NV_ENCODE_API_FUNCTION_LIST *api = &encoder->library.api;
	GUID codec = nvenc_codec_guid(encoder->params.codec);
	if (!has_codec(encoder, &codec)) {
		snprintf(why, cap, "the GPU does not encode %s", codec_name(encoder->params.codec));
		return false;
	}
	get_caps(encoder, codec);
	const char *refusal = nvenc_refuses(&encoder->params, &encoder->caps);
	if (refusal != NULL) {
		snprintf(why, cap, "%s", refusal);
		return false;
	}
	NV_ENC_PRESET_CONFIG preset = {
			.version = NV_ENC_PRESET_CONFIG_VER,
			.presetCfg.version = NV_ENC_CONFIG_VER,
	};
	nvenc_fill_initialize(&encoder->initialize, &encoder->config, &encoder->params);
	NVENCSTATUS status = api->nvEncGetEncodePresetConfigEx(encoder->session, codec,
			encoder->initialize.presetGUID, encoder->initialize.tuningInfo, &preset);
	if (status == NV_ENC_SUCCESS) {
		encoder->config = preset.presetCfg;
		nvenc_fill_config(&encoder->config, &encoder->params, &encoder->caps);
		status = api->nvEncInitializeEncoder(encoder->session, &encoder->initialize);
	}
	if (status != NV_ENC_SUCCESS) {
		snprintf(why, cap, "%s", nvenc_error(status));
	}
	return status == NV_ENC_SUCCESS;
}

static bool register_input(struct nvenc_encoder *encoder) {
	NV_ENC_REGISTER_RESOURCE resource = {
			.version = NV_ENC_REGISTER_RESOURCE_VER,
			.resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR,
			.width = encoder->initialize.encodeWidth,
			.height = encoder->initialize.encodeHeight,
			.pitch = encoder->input.pitch,
			.resourceToRegister = (void *)(uintptr_t)encoder->input.memory.address,
			.bufferFormat = nvenc_buffer_format(&encoder->params.colour),
			.bufferUsage = NV_ENC_INPUT_IMAGE,
	};
	if (encoder->library.api.nvEncRegisterResource(encoder->session, &resource) != NV_ENC_SUCCESS) {
		return false;
	}
	encoder->registered = resource.registeredResource;
	return true;
}

static bool create_buffers(struct nvenc_encoder *encoder, char *why, size_t cap) {
	const NV_ENCODE_API_FUNCTION_LIST *api = &encoder->library.api;
	if (!nvenc_input_init(&encoder->input, encoder->gpu, &encoder->cuda, &encoder->params.mode,
				&encoder->params.colour)) {
		snprintf(why, cap, "Vulkan and CUDA do not share memory here");
		return false;
	}
	NV_ENC_CUSTREAM_PTR stream = &encoder->cuda.stream;
	NV_ENC_CREATE_BITSTREAM_BUFFER output = {.version = NV_ENC_CREATE_BITSTREAM_BUFFER_VER};
	if (!register_input(encoder) ||
			api->nvEncSetIOCudaStreams(encoder->session, stream, stream) != NV_ENC_SUCCESS ||
			api->nvEncCreateBitstreamBuffer(encoder->session, &output) != NV_ENC_SUCCESS) {
		snprintf(why, cap, "NVENC does not take the buffers");
		return false;
	}
	encoder->output = output.bitstreamBuffer;
	return true;
}

static bool set_up(struct nvenc_encoder *encoder, char *why, size_t cap) {
	const char *reason;
	if (!cuda_open(&encoder->cuda, encoder->gpu->uuid, why, cap) ||
			!nvenc_library_open(&encoder->library, why, cap)) {
		return false;
	}
	encoder->converter = vulkan_converter_create(
			encoder->gpu, &encoder->params.mode, &encoder->params.colour, &reason);
	if (encoder->converter == NULL) {
		snprintf(why, cap, "%s", reason);
		return false;
	}
	if (!cuda_enter(&encoder->cuda)) {
		snprintf(why, cap, "CUDA does not start on this GPU");
		return false;
	}
	bool ok = open_session(encoder, why, cap) && initialize(encoder, why, cap) &&
			create_buffers(encoder, why, cap);
	cuda_leave(&encoder->cuda);
	return ok;
}

static struct es_encoder *nvenc_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct nvenc_encoder *encoder = calloc(1, sizeof(*encoder));
	char why[160];
	if (encoder == NULL) {
		return NULL;
	}
	encoder->base.impl = impl;
	encoder->gpu = device_vulkan_gpu(device);
	encoder->params = *params;
	if (!set_up(encoder, why, sizeof(why))) {
		es_log(ES_LOG_ERROR, "cannot open NVENC for %s at %ux%u on %s: %s", codec_name(impl->codec),
				params->mode.width, params->mode.height, encoder->gpu->name, why);
		nvenc_destroy(&encoder->base);
		return NULL;
	}
	nvenc_refs_init(&encoder->refs, nvenc_dpb_frames(params, &encoder->caps));
	return &encoder->base;
}

// --- pictures

static bool nvenc_convert(struct es_encoder *base, const struct es_convert_request *request,
		int *release_fd, const char **why) {
	struct nvenc_encoder *encoder = (struct nvenc_encoder *)base;
	return vulkan_take(encoder->gpu, encoder->converter, request, release_fd, why);
}

static NVENCSTATUS submit(struct nvenc_encoder *encoder, NV_ENC_INPUT_PTR input,
		NV_ENC_BUFFER_FORMAT format, const struct es_encode_request *request, bool idr) {
	NV_ENC_PIC_PARAMS picture = {
			.version = NV_ENC_PIC_PARAMS_VER,
			.inputWidth = encoder->initialize.encodeWidth,
			.inputHeight = encoder->initialize.encodeHeight,
			.inputPitch = encoder->input.pitch,
			.encodePicFlags = idr ? NV_ENC_PIC_FLAG_FORCEIDR | NV_ENC_PIC_FLAG_OUTPUT_SPSPPS : 0,
			.frameIdx = (uint32_t)request->sequence,
			.inputTimeStamp = request->sequence,
			.inputBuffer = input,
			.outputBitstream = encoder->output,
			.bufferFmt = format,
			.pictureStruct = NV_ENC_PIC_STRUCT_FRAME,
	};
	return encoder->library.api.nvEncEncodePicture(encoder->session, &picture);
}

static bool copy_unit(
		const NV_ENC_LOCK_BITSTREAM *lock, uint8_t *out, size_t cap, struct es_encoded *encoded) {
	if (lock->bitstreamSizeInBytes > cap) {
		es_log(ES_LOG_ERROR, "access unit of %u bytes is too long for %zu",
				lock->bitstreamSizeInBytes, cap);
		return false;
	}
	memcpy(out, lock->bitstreamBufferPtr, lock->bitstreamSizeInBytes);
	*encoded = (struct es_encoded){
			.size = lock->bitstreamSizeInBytes,
			.idr = lock->pictureType == NV_ENC_PIC_TYPE_IDR,
			.qp = (uint8_t)(lock->frameAvgQP < UINT8_MAX ? lock->frameAvgQP : UINT8_MAX),
	};
	return true;
}

// The encoder itself is waited for without an end: what watches this process has one.
static bool read_unit(
		struct nvenc_encoder *encoder, uint8_t *out, size_t cap, struct es_encoded *encoded) {
	const NV_ENCODE_API_FUNCTION_LIST *api = &encoder->library.api;
	NV_ENC_LOCK_BITSTREAM lock = {
			.version = NV_ENC_LOCK_BITSTREAM_VER,
			.outputBitstream = encoder->output,
	};
	NVENCSTATUS status = api->nvEncLockBitstream(encoder->session, &lock);
	if (status != NV_ENC_SUCCESS) {
		es_log(ES_LOG_ERROR, "NVENC gave no access unit for a picture: %s", nvenc_error(status));
		return false;
	}
	bool ok = copy_unit(&lock, out, cap, encoded);
	return api->nvEncUnlockBitstream(encoder->session, encoder->output) == NV_ENC_SUCCESS && ok;
}

static bool encode_inside(struct nvenc_encoder *encoder, const struct es_encode_request *request,
		uint8_t *out, size_t cap, struct es_encoded *encoded) {
	const NV_ENCODE_API_FUNCTION_LIST *api = &encoder->library.api;
	struct es_cursor_view cursor = vulkan_take_cursor(request);
	NV_ENC_MAP_INPUT_RESOURCE map = {
			.version = NV_ENC_MAP_INPUT_RESOURCE_VER,
			.registeredResource = encoder->registered,
	};
	if (!nvenc_input_write(&encoder->input, encoder->converter, &encoder->cuda, &cursor)) {
		es_log(ES_LOG_ERROR, "the picture does not reach NVENC%s",
				encoder->gpu->lost ? ": the GPU is lost" : "");
		return false;
	}
	NVENCSTATUS status = api->nvEncMapInputResource(encoder->session, &map);
	if (status != NV_ENC_SUCCESS) {
		es_log(ES_LOG_ERROR, "NVENC does not take the picture: %s", nvenc_error(status));
		return false;
	}
	bool idr = request->force_idr || encoder->refs.last == 0;
	status = submit(encoder, map.mappedResource, map.mappedBufferFmt, request, idr);
	bool ok = status == NV_ENC_SUCCESS;
	if (!ok) {
		es_log(ES_LOG_ERROR, "NVENC refuses a picture: %s", nvenc_error(status));
	} else if (!vulkan_gpu_wait(encoder->gpu, encoder->gpu->submitted)) {
		es_log(ES_LOG_ERROR, "the GPU does not finish the conversion");
		ok = false;
	}
	ok = ok && read_unit(encoder, out, cap, encoded);
	api->nvEncUnmapInputResource(encoder->session, map.mappedResource);
	return ok;
}

static bool nvenc_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct nvenc_encoder *encoder = (struct nvenc_encoder *)base;
	if (!cuda_enter(&encoder->cuda)) {
		es_log(ES_LOG_ERROR, "CUDA has lost the GPU");
		return false;
	}
	bool ok = encode_inside(encoder, request, out, cap, encoded);
	cuda_leave(&encoder->cuda);
	if (ok) {
		nvenc_refs_encoded(&encoder->refs, request->sequence, encoded->idr);
	}
	return ok;
}

static size_t nvenc_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	struct nvenc_encoder *encoder = (struct nvenc_encoder *)base;
	uint32_t size = 0;
	NV_ENC_SEQUENCE_PARAM_PAYLOAD payload = {
			.version = NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER,
			.inBufferSize = (uint32_t)(cap < UINT32_MAX ? cap : UINT32_MAX),
			.spsppsBuffer = out,
			.outSPSPPSPayloadSize = &size,
	};
	if (!cuda_enter(&encoder->cuda)) {
		return 0;
	}
	NVENCSTATUS status = encoder->library.api.nvEncGetSequenceParams(encoder->session, &payload);
	cuda_leave(&encoder->cuda);
	return status == NV_ENC_SUCCESS && size <= cap ? size : 0;
}

static bool nvenc_invalidate(struct es_encoder *base, uint64_t first, uint64_t last) {
	struct nvenc_encoder *encoder = (struct nvenc_encoder *)base;
	uint64_t from, to;
	if (!encoder->caps.invalidation || !nvenc_refs_lost(&encoder->refs, first, last, &from, &to) ||
			!cuda_enter(&encoder->cuda)) {
		return false;
	}
	bool ok = true;
	for (uint64_t sequence = from; sequence <= to && ok; sequence++) {
		ok = encoder->library.api.nvEncInvalidateRefFrames(encoder->session, sequence) ==
				NV_ENC_SUCCESS;
	}
	cuda_leave(&encoder->cuda);
	return ok;
}

static bool nvenc_set_bitrate(struct es_encoder *base, uint32_t kbps) {
	struct nvenc_encoder *encoder = (struct nvenc_encoder *)base;
	if (!encoder->caps.live_bitrate || !cuda_enter(&encoder->cuda)) {
		return false;
	}
	nvenc_fill_rate(&encoder->config, kbps, encoder->params.mode.refresh_mhz, &encoder->caps);
	NV_ENC_RECONFIGURE_PARAMS params = {
			.version = NV_ENC_RECONFIGURE_PARAMS_VER,
			.reInitEncodeParams = encoder->initialize,
	};
	NVENCSTATUS status = encoder->library.api.nvEncReconfigureEncoder(encoder->session, &params);
	cuda_leave(&encoder->cuda);
	return status == NV_ENC_SUCCESS;
}

// --- the families

const struct es_encoder_impl encoder_nvenc_h264 = {
		.name = "nvenc",
		.codec = ES_CODEC_H264,
		.device = &device_vulkan,
		.takes = gpu_takes_8_bits,
		.good_qp = 18,
		.create = nvenc_create,
		.destroy = nvenc_destroy,
		.convert = nvenc_convert,
		.encode = nvenc_encode,
		.headers = nvenc_headers,
		.invalidate = nvenc_invalidate,
		.set_bitrate = nvenc_set_bitrate,
};

const struct es_encoder_impl encoder_nvenc_hevc = {
		.name = "nvenc",
		.codec = ES_CODEC_HEVC,
		.device = &device_vulkan,
		.takes = gpu_takes_10_bits,
		.good_qp = 20,
		.create = nvenc_create,
		.destroy = nvenc_destroy,
		.convert = nvenc_convert,
		.encode = nvenc_encode,
		.headers = nvenc_headers,
		.invalidate = nvenc_invalidate,
		.set_bitrate = nvenc_set_bitrate,
};

const struct es_encoder_impl encoder_nvenc_av1 = {
		.name = "nvenc",
		.codec = ES_CODEC_AV1,
		.device = &device_vulkan,
		.takes = gpu_takes_10_bits,
		.create = nvenc_create,
		.destroy = nvenc_destroy,
		.convert = nvenc_convert,
		.encode = nvenc_encode,
		.headers = nvenc_headers,
		.invalidate = nvenc_invalidate,
		.set_bitrate = nvenc_set_bitrate,
};
