// Buffers to test importing with, of the kind that the display sends: memory for what maps it, else
// DMA-BUFs of the GPU (GBM) or of the kernel (udmabuf, DMA heaps).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/frame_msg.h"

struct es_test_buffer_request {
	uint32_t width, height, fourcc;
	uint64_t modifier;
	bool dmabuf; // memory will not do
	const char *node; // render node to allocate on; "": none
};

struct es_test_buffer {
	struct es_frame_buffer description; // the id is the caller's to set
	int fds[ES_FRAME_MAX_PLANES]; // owned, one for each plane
	uint8_t *pixels; // between begin and end
	uint32_t pixel_stride; // bytes, of `pixels`
	void *map; // of memory and of DMA-BUFs of the kernel
	size_t map_size;
	void *bo, *gbm, *bo_map; // of GBM
	int node_fd; // -1: none
};

// False with a reason (a constant); test_buffer_finish is legal then, too.
bool test_buffer_init(struct es_test_buffer *buffer, const struct es_test_buffer_request *request,
		const char **why);
void test_buffer_finish(struct es_test_buffer *buffer);

// Around writing. False: it cannot be mapped.
bool test_buffer_begin(struct es_test_buffer *buffer);
void test_buffer_end(struct es_test_buffer *buffer);
// 0xRRGGBB, in whatever the buffer's format is.
void test_buffer_fill(struct es_test_buffer *buffer, const struct es_rect *rect, uint32_t rgb);
