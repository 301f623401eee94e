#include "encode/cuda_bridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Absence is not an error.
#define FFNV_LOG_FUNC(context, ...)
#define FFNV_DEBUG_LOG_FUNC(context, ...)
#include <ffnvcodec/dynlink_loader.h>

#include "base/fd.h"

// Of cuda.h, which the loader's headers leave out: the allocation has no other buffer.
#define EXTERNAL_MEMORY_DEDICATED 1

static bool has_functions(const CudaFunctions *functions) {
	return functions->cuDeviceGetUuid != NULL && functions->cuImportExternalMemory != NULL &&
			functions->cuDestroyExternalMemory != NULL &&
			functions->cuExternalMemoryGetMappedBuffer != NULL &&
			functions->cuImportExternalSemaphore != NULL &&
			functions->cuDestroyExternalSemaphore != NULL &&
			functions->cuWaitExternalSemaphoresAsync != NULL;
}

static bool find_device(struct es_cuda *cuda, const uint8_t uuid[16]) {
	int n = 0;
	if (cuda->functions->cuDeviceGetCount(&n) != CUDA_SUCCESS) {
		return false;
	}
	for (int i = 0; i < n; i++) {
		CUuuid found;
		if (cuda->functions->cuDeviceGet(&cuda->device, i) == CUDA_SUCCESS &&
				cuda->functions->cuDeviceGetUuid(&found, cuda->device) == CUDA_SUCCESS &&
				memcmp(found.bytes, uuid, sizeof(found.bytes)) == 0) {
			return true;
		}
	}
	return false;
}

static bool create_stream(struct es_cuda *cuda) {
	if (!cuda_enter(cuda)) {
		return false;
	}
	bool ok =
			cuda->functions->cuStreamCreate(&cuda->stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS;
	cuda_leave(cuda);
	return ok;
}

bool cuda_open(struct es_cuda *cuda, const uint8_t uuid[16], char *why, size_t cap) {
	*cuda = (struct es_cuda){0};
	if (cuda_load_functions(&cuda->functions, NULL) != 0) {
		snprintf(why, cap, "libcuda.so.1 cannot be loaded, or is too old");
		return false;
	}
	if (!has_functions(cuda->functions)) {
		snprintf(why, cap, "libcuda.so.1 is too old: it imports nothing of Vulkan");
		return false;
	}
	if (cuda->functions->cuInit(0) != CUDA_SUCCESS || !find_device(cuda, uuid)) {
		snprintf(why, cap, "CUDA does not know this GPU");
		return false;
	}
	if (cuda->functions->cuDevicePrimaryCtxRetain(&cuda->context, cuda->device) != CUDA_SUCCESS) {
		cuda->context = NULL;
	}
	if (cuda->context == NULL || !create_stream(cuda)) {
		snprintf(why, cap, "CUDA does not start on this GPU");
		return false;
	}
	return true;
}

void cuda_close(struct es_cuda *cuda) {
	if (cuda->stream != NULL && cuda_enter(cuda)) {
		cuda->functions->cuStreamDestroy(cuda->stream);
		cuda_leave(cuda);
	}
	if (cuda->context != NULL) {
		cuda->functions->cuDevicePrimaryCtxRelease(cuda->device);
	}
	cuda_free_functions(&cuda->functions);
	*cuda = (struct es_cuda){0};
}

bool cuda_enter(const struct es_cuda *cuda) {
	return cuda->functions->cuCtxPushCurrent(cuda->context) == CUDA_SUCCESS;
}

void cuda_leave(const struct es_cuda *cuda) {
	CUcontext context;
	cuda->functions->cuCtxPopCurrent(&context);
}

bool cuda_import_memory(
		const struct es_cuda *cuda, int fd, uint64_t size, struct es_cuda_memory *memory) {
	const CudaFunctions *cu = cuda->functions;
	CUDA_EXTERNAL_MEMORY_HANDLE_DESC handle = {
			.type = CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD,
			.handle.fd = fd,
			.size = size,
			.flags = EXTERNAL_MEMORY_DEDICATED,
	};
	CUDA_EXTERNAL_MEMORY_BUFFER_DESC buffer = {.size = size};
	*memory = (struct es_cuda_memory){0};
	if (cu->cuImportExternalMemory(&memory->memory, &handle) != CUDA_SUCCESS) {
		memory->memory = NULL;
		fd_close(&fd); // CUDA's only if it took it
		return false;
	}
	if (cu->cuExternalMemoryGetMappedBuffer(&memory->address, memory->memory, &buffer) !=
			CUDA_SUCCESS) {
		memory->address = 0;
		cuda_drop_memory(cuda, memory);
		return false;
	}
	return true;
}

void cuda_drop_memory(const struct es_cuda *cuda, struct es_cuda_memory *memory) {
	if (memory->address != 0) {
		cuda->functions->cuMemFree(memory->address);
	}
	if (memory->memory != NULL) {
		cuda->functions->cuDestroyExternalMemory(memory->memory);
	}
	*memory = (struct es_cuda_memory){0};
}

CUexternalSemaphore cuda_import_timeline(const struct es_cuda *cuda, int fd) {
	CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC handle = {
			.type = CU_EXTERNAL_SEMAPHORE_HANDLE_TYPE_TIMELINE_SEMAPHORE_FD,
			.handle.fd = fd,
	};
	CUexternalSemaphore semaphore;
	if (cuda->functions->cuImportExternalSemaphore(&semaphore, &handle) != CUDA_SUCCESS) {
		fd_close(&fd);
		return NULL;
	}
	return semaphore;
}

void cuda_drop_semaphore(const struct es_cuda *cuda, CUexternalSemaphore semaphore) {
	if (semaphore != NULL) {
		cuda->functions->cuDestroyExternalSemaphore(semaphore);
	}
}

bool cuda_wait_for(const struct es_cuda *cuda, CUexternalSemaphore semaphore, uint64_t value) {
	CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS wait = {.params.fence.value = value};
	return cuda->functions->cuWaitExternalSemaphoresAsync(&semaphore, &wait, 1, cuda->stream) ==
			CUDA_SUCCESS;
}
