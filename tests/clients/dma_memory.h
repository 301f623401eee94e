// Memory that the kernel shares as a DMA-BUF, without a GPU: pages of ours (udmabuf) or a buffer of a
// DRM device that has "dumb" ones (vgem).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct es_dma_memory {
	// owned; -1 and NULL when there is none
	int fd; // the DMA-BUF
	uint8_t *map;
	size_t size;
	uint64_t inode; // of the DMA-BUF: the same in every process
};

// `kind` is "udmabuf", "vgem" or the path of a DRM device. `stride` is what every row takes; with a
// device it has to be a multiple of 4. False after a message that names what failed.
bool dma_memory_init(struct es_dma_memory *memory, const char *kind, uint32_t stride, size_t size);
void dma_memory_finish(struct es_dma_memory *memory);

// Around what the CPU writes.
bool dma_memory_begin(struct es_dma_memory *memory);
bool dma_memory_end(struct es_dma_memory *memory);

// Opens the first DRM device whose driver has that name, or -1.
int dma_memory_open_driver(const char *name);
