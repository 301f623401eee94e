#define _GNU_SOURCE // memfd_create, F_ADD_SEALS
#include "encode/test_buffer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "base/fd.h"
#include "config.h"
#include "encode/convert.h"
#include "encode/test_buffer_gbm.h"

// What GPUs want of linear rows, the widest of them.
#define ROW_ALIGN UINT32_C(256)

static size_t whole_pages(size_t size) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return (size + page - 1) / page * page;
}

// Pages of memory as a DMA-BUF; -1 without /dev/udmabuf.
static int create_udmabuf(size_t size) {
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd = -1;
	int memory = memfd_create("earthshine-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (device >= 0 && memory >= 0 && ftruncate(memory, (off_t)size) == 0 &&
			fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) == 0) {
		struct udmabuf_create create = {
				.memfd = (uint32_t)memory, .flags = UDMABUF_FLAGS_CLOEXEC, .size = size};
		fd = ioctl(device, UDMABUF_CREATE, &create);
	}
	fd_close(&device);
	fd_close(&memory);
	return fd;
}

static int create_from_heap(size_t size) {
	int device = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct dma_heap_allocation_data data = {.len = size, .fd_flags = O_RDWR | O_CLOEXEC};
	bool ok = device >= 0 && ioctl(device, DMA_HEAP_IOCTL_ALLOC, &data) == 0;
	fd_close(&device);
	return ok ? (int)data.fd : -1;
}

static bool init_linear(struct es_test_buffer *buffer, const struct es_test_buffer_request *request,
		const char **why) {
	uint32_t row = request->width * convert_bytes_per_pixel(request->fourcc);
	uint32_t stride = request->dmabuf ? (row + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN : row;
	buffer->map_size = (size_t)stride * request->height;
	if (request->dmabuf) {
		buffer->map_size = whole_pages(buffer->map_size);
		buffer->fds[0] = create_udmabuf(buffer->map_size);
		if (buffer->fds[0] < 0) {
			buffer->fds[0] = create_from_heap(buffer->map_size);
		}
	} else {
		buffer->fds[0] = fd_create_sealed_memfd("earthshine-test", buffer->map_size);
	}
	if (buffer->fds[0] < 0) {
		*why = request->dmabuf
				? "there are no DMA-BUFs to test with: neither of the GPU, nor /dev/udmabuf, nor "
				  "/dev/dma_heap/system can be used"
				: "no memory for a picture";
		return false;
	}
	void *map = mmap(NULL, buffer->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->fds[0], 0);
	if (map == MAP_FAILED) {
		*why = "no memory for a picture";
		return false;
	}
	buffer->map = map;
	buffer->pixel_stride = stride;
	buffer->description = (struct es_frame_buffer){
			.kind = request->dmabuf ? ES_BUFFER_DMABUF : ES_BUFFER_MEMORY,
			.width = request->width,
			.height = request->height,
			.fourcc = request->fourcc,
			.modifier = request->modifier,
			.n_planes = 1,
			.stride = {stride},
	};
	return true;
}

bool test_buffer_init(struct es_test_buffer *buffer, const struct es_test_buffer_request *request,
		const char **why) {
	*buffer = (struct es_test_buffer){.fds = {-1, -1, -1, -1}, .node_fd = -1};
	if (convert_bytes_per_pixel(request->fourcc) == 0) {
		*why = "its format cannot be drawn";
		return false;
	}
#if ES_HAVE_GBM
	if (request->dmabuf && request->node[0] != '\0') {
		if (test_buffer_gbm_init(buffer, request, why)) {
			return true;
		}
		test_buffer_finish(buffer);
	}
#endif
	// A buffer without a modifier is as its maker likes it: pages of memory are linear.
	if (request->modifier != DRM_FORMAT_MOD_LINEAR && request->modifier != DRM_FORMAT_MOD_INVALID) {
		*why = *why != NULL ? *why : "only a GPU makes buffers of that modifier";
		return false;
	}
	return init_linear(buffer, request, why);
}

void test_buffer_finish(struct es_test_buffer *buffer) {
	if (buffer->map != NULL) {
		munmap(buffer->map, buffer->map_size);
		buffer->map = NULL;
	}
	for (int i = 0; i < ES_FRAME_MAX_PLANES; i++) {
		fd_close(&buffer->fds[i]);
	}
#if ES_HAVE_GBM
	test_buffer_gbm_finish(buffer);
#endif
}

static void sync_writes(const struct es_test_buffer *buffer, uint64_t flags) {
	if (buffer->description.kind == ES_BUFFER_DMABUF) {
		struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_WRITE};
		(void)ioctl(buffer->fds[0], DMA_BUF_IOCTL_SYNC, &sync);
	}
}

bool test_buffer_begin(struct es_test_buffer *buffer) {
#if ES_HAVE_GBM
	if (buffer->bo != NULL) {
		return test_buffer_gbm_begin(buffer);
	}
#endif
	sync_writes(buffer, DMA_BUF_SYNC_START);
	buffer->pixels = buffer->map;
	return buffer->pixels != NULL;
}

void test_buffer_end(struct es_test_buffer *buffer) {
#if ES_HAVE_GBM
	if (buffer->bo != NULL) {
		test_buffer_gbm_end(buffer);
		return;
	}
#endif
	sync_writes(buffer, DMA_BUF_SYNC_END);
	buffer->pixels = NULL;
}

static uint32_t pack_component(uint32_t value, struct es_component at) {
	uint32_t max = (UINT32_C(1) << at.bits) - 1;
	return (value * max + 127) / 255 << at.shift;
}

void test_buffer_fill(struct es_test_buffer *buffer, const struct es_rect *rect, uint32_t rgb) {
	const struct es_pixel_format *format = convert_pixel_format(buffer->description.fourcc);
	uint32_t pixel = pack_component(rgb >> 16 & 255, format->r) |
			pack_component(rgb >> 8 & 255, format->g) | pack_component(rgb & 255, format->b);
	uint32_t size = format->bytes_per_pixel;
	for (uint32_t y = rect->y; y < rect->y + rect->height; y++) {
		uint8_t *row = buffer->pixels + (size_t)y * buffer->pixel_stride;
		for (uint32_t x = rect->x; x < rect->x + rect->width; x++) {
			for (uint32_t i = 0; i < size; i++) {
				row[(size_t)x * size + i] = (uint8_t)(pixel >> 8 * i);
			}
		}
	}
}
