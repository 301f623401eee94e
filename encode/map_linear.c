#include "encode/map_linear.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// What the buffer spans in its memory, or 0 with a reason.
static uint64_t needed_size(const struct es_frame_buffer *buffer, const char **why) {
	uint32_t bytes_per_pixel = convert_bytes_per_pixel(buffer->fourcc);
	if (bytes_per_pixel == 0) {
		*why = "its pixel format cannot be converted";
	} else if (buffer->n_planes != 1) {
		*why = "it has more than one plane";
	} else if (buffer->stride[0] < buffer->width * bytes_per_pixel ||
			buffer->stride[0] > ES_FRAME_MAX_STRIDE) {
		*why = "its stride is out of range";
	} else {
		// The last row may end with its last pixel.
		return (uint64_t)buffer->offset[0] + (uint64_t)buffer->stride[0] * (buffer->height - 1) +
				(uint64_t)buffer->width * bytes_per_pixel;
	}
	return 0;
}

static uint64_t memory_size(int fd, enum es_buffer_kind kind) {
	if (kind == ES_BUFFER_DMABUF) {
		off_t end = lseek(fd, 0, SEEK_END);
		return end > 0 ? (uint64_t)end : 0;
	}
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

bool map_linear(const int *fds, struct es_import *import, const char **why) {
	const struct es_frame_buffer *buffer = &import->buffer;
	uint64_t needed = needed_size(buffer, why);
	if (needed == 0) {
		return false;
	}
	if (memory_size(fds[0], buffer->kind) < needed) {
		*why = "its memory is too small";
		return false;
	}
	void *map = mmap(NULL, (size_t)needed, PROT_READ, MAP_SHARED, fds[0], 0);
	if (map == MAP_FAILED) {
		*why = "it cannot be mapped";
		return false;
	}
	import->map = map;
	import->map_size = (size_t)needed;
	import->pixels = (struct es_pixels){
			.data = (const uint8_t *)map + buffer->offset[0],
			.stride = buffer->stride[0],
			.width = buffer->width,
			.height = buffer->height,
			.fourcc = buffer->fourcc,
	};
	return true;
}

void map_linear_undo(struct es_import *import) {
	if (import->map != NULL) {
		munmap(import->map, import->map_size);
		import->map = NULL;
	}
}
