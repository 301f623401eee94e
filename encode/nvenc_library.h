// NVENC's library, loaded when it is wanted; and what of it fits.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ffnvcodec/nvEncodeAPI.h>

struct NvencFunctions;

struct es_nvenc_library {
	struct NvencFunctions *functions; // owned
	NV_ENCODE_API_FUNCTION_LIST api;
};

// False with the reason in `why`; close is legal then too, and after all zeros.
bool nvenc_library_open(struct es_nvenc_library *library, char *why, size_t cap);
void nvenc_library_close(struct es_nvenc_library *library);

// Whether a library whose newest API is `newest`, as it says so, knows the one that this was built for.
bool nvenc_library_fits(uint32_t newest);

const char *nvenc_error(NVENCSTATUS status);
