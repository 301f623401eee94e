#include "encode/nvenc_library.h"

#include <stdio.h>
#include <stdlib.h>

#include <ffnvcodec/dynlink_cuda.h>

// Absence is not an error.
#define FFNV_LOG_FUNC(context, ...)
#define FFNV_DEBUG_LOG_FUNC(context, ...)
#include <ffnvcodec/dynlink_loader.h>

bool nvenc_library_fits(uint32_t newest) {
	return newest >= (NVENCAPI_MAJOR_VERSION << 4 | NVENCAPI_MINOR_VERSION);
}

bool nvenc_library_open(struct es_nvenc_library *library, char *why, size_t cap) {
	uint32_t newest;
	*library = (struct es_nvenc_library){.api.version = NV_ENCODE_API_FUNCTION_LIST_VER};
	if (nvenc_load_functions(&library->functions, NULL) != 0) {
		snprintf(why, cap, "libnvidia-encode.so.1 cannot be loaded");
		return false;
	}
	if (library->functions->NvEncodeAPIGetMaxSupportedVersion(&newest) != NV_ENC_SUCCESS) {
		snprintf(why, cap, "libnvidia-encode.so.1 does not tell its version");
		return false;
	}
	if (!nvenc_library_fits(newest)) {
		snprintf(why, cap, "the driver knows NVENC up to %u.%u, not %u.%u: a newer one is needed",
				newest >> 4, newest & 15, NVENCAPI_MAJOR_VERSION, NVENCAPI_MINOR_VERSION);
		return false;
	}
	NVENCSTATUS status = library->functions->NvEncodeAPICreateInstance(&library->api);
	if (status != NV_ENC_SUCCESS) {
		snprintf(why, cap, "NVENC does not start: %s", nvenc_error(status));
		return false;
	}
	return true;
}

void nvenc_library_close(struct es_nvenc_library *library) {
	nvenc_free_functions(&library->functions);
	*library = (struct es_nvenc_library){0};
}

const char *nvenc_error(NVENCSTATUS status) {
	switch (status) {
	case NV_ENC_SUCCESS:
		return "no error";
	case NV_ENC_ERR_NO_ENCODE_DEVICE:
	case NV_ENC_ERR_UNSUPPORTED_DEVICE:
		return "this GPU has no encoder";
	case NV_ENC_ERR_OUT_OF_MEMORY:
		return "no memory on the GPU, or too many encoders at work";
	case NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY:
		return "too many encoders at work";
	case NV_ENC_ERR_INVALID_VERSION:
		return "the driver is of another version";
	case NV_ENC_ERR_UNSUPPORTED_PARAM:
	case NV_ENC_ERR_INVALID_PARAM:
		return "the encoder refuses its settings";
	case NV_ENC_ERR_ENCODER_BUSY:
	case NV_ENC_ERR_LOCK_BUSY:
		return "the encoder is busy";
	case NV_ENC_ERR_DEVICE_NOT_EXIST:
		return "the GPU is gone";
	default:
		return "an error of the driver";
	}
}
