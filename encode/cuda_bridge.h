// An NVIDIA GPU through CUDA, as far as NVENC needs it: memory and semaphores that Vulkan exports. The
// library is loaded here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ffnvcodec/dynlink_cuda.h>

struct CudaFunctions;

struct es_cuda {
	struct CudaFunctions *functions; // owned
	CUdevice device;
	CUcontext context; // the device's own, retained
	CUstream stream; // owned
};

struct es_cuda_memory {
	CUexternalMemory memory;
	CUdeviceptr address;
};

// The GPU with that UUID. False with the reason in `why`; close is legal then too, and after all zeros.
bool cuda_open(struct es_cuda *cuda, const uint8_t uuid[16], char *why, size_t cap);
void cuda_close(struct es_cuda *cuda);

// Around all calls that use the GPU, also by NVENC.
bool cuda_enter(const struct es_cuda *cuda);
void cuda_leave(const struct es_cuda *cuda);

// Inside. `fd`, opaque, of an allocation for one buffer alone: taken, also on failure.
bool cuda_import_memory(
		const struct es_cuda *cuda, int fd, uint64_t size, struct es_cuda_memory *memory);
void cuda_drop_memory(const struct es_cuda *cuda, struct es_cuda_memory *memory); // zeros are fine

// Inside. `fd`, opaque, of a timeline: taken, also on failure. NULL if it cannot be used.
CUexternalSemaphore cuda_import_timeline(const struct es_cuda *cuda, int fd);
void cuda_drop_semaphore(const struct es_cuda *cuda, CUexternalSemaphore semaphore); // NULL is fine
// What comes after it in the stream waits for that value.
bool cuda_wait_for(const struct es_cuda *cuda, CUexternalSemaphore semaphore, uint64_t value);
