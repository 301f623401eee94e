#include "encode/import_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm_fourcc.h>
#include <linux/dma-buf.h>

#include "base/fd.h"

// A swapchain has four buffers, an app that is scanned out directly a few more.
#define MAX_IMPORTS 64

struct es_import_cache {
	struct es_import entries[MAX_IMPORTS];
	size_t n;
	uint64_t clock; // counts uses
	struct es_import_stats stats;
};

static struct es_import *find_entry(struct es_import_cache *cache, uint64_t id) {
	for (size_t i = 0; i < cache->n; i++) {
		if (cache->entries[i].id == id) {
			return &cache->entries[i];
		}
	}
	return NULL;
}

static void import_finish(struct es_import *import) {
	if (import->map != NULL) {
		munmap(import->map, import->map_size);
	}
	fd_close(&import->sync_fd);
}

static void drop_entry(struct es_import_cache *cache, struct es_import *entry) {
	import_finish(entry);
	*entry = cache->entries[--cache->n];
	cache->stats.evictions++;
}

static void drop_oldest(struct es_import_cache *cache) {
	struct es_import *oldest = &cache->entries[0];
	for (size_t i = 1; i < cache->n; i++) {
		if (cache->entries[i].last_used < oldest->last_used) {
			oldest = &cache->entries[i];
		}
	}
	drop_entry(cache, oldest);
}

// What the buffer spans in its memory, or 0 with a reason.
static uint64_t needed_size(const struct es_frame_buffer *buffer, const char **why) {
	uint32_t bytes_per_pixel = convert_bytes_per_pixel(buffer->fourcc);
	if (bytes_per_pixel == 0) {
		*why = "its pixel format cannot be converted";
	} else if (buffer->n_planes != 1 || buffer->modifier != DRM_FORMAT_MOD_LINEAR) {
		*why = "its layout is not linear";
	} else if (buffer->width == 0 || buffer->height == 0 || buffer->width > ES_MODE_MAX_SIZE ||
			buffer->height > ES_MODE_MAX_SIZE) {
		*why = "its size is out of range";
	} else if (buffer->stride[0] < buffer->width * bytes_per_pixel ||
			buffer->stride[0] > UINT32_C(1) << 20) {
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

struct es_import_cache *import_cache_create(void) {
	return calloc(1, sizeof(struct es_import_cache));
}

void import_cache_destroy(struct es_import_cache *cache) {
	if (cache == NULL) {
		return;
	}
	for (size_t i = 0; i < cache->n; i++) {
		import_finish(&cache->entries[i]);
	}
	free(cache);
}

bool import_cache_add(struct es_import_cache *cache, const struct es_frame_buffer *buffer, int fd,
		const char **why) {
	uint64_t needed = needed_size(buffer, why);
	if (needed == 0) {
		return false;
	}
	if (find_entry(cache, buffer->id) != NULL) {
		*why = "its id is in use";
		return false;
	}
	if (memory_size(fd, buffer->kind) < needed) {
		*why = "its memory is too small";
		return false;
	}
	struct es_import import = {.id = buffer->id, .sync_fd = -1, .map_size = (size_t)needed};
	if (buffer->kind == ES_BUFFER_DMABUF && (import.sync_fd = fd_dup(fd)) < 0) {
		*why = "too many open files";
		return false;
	}
	void *map = mmap(NULL, import.map_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		fd_close(&import.sync_fd);
		*why = "it cannot be mapped";
		return false;
	}
	import.map = map;
	import.pixels = (struct es_pixels){
			.data = (const uint8_t *)map + buffer->offset[0],
			.stride = buffer->stride[0],
			.width = buffer->width,
			.height = buffer->height,
			.fourcc = buffer->fourcc,
	};
	if (cache->n == MAX_IMPORTS) {
		drop_oldest(cache);
	}
	cache->entries[cache->n++] = import;
	return true;
}

const struct es_import *import_cache_find(struct es_import_cache *cache, uint64_t id) {
	struct es_import *entry = find_entry(cache, id);
	if (entry == NULL) {
		return NULL;
	}
	if (entry->last_used == 0) {
		cache->stats.misses++;
	} else {
		cache->stats.hits++;
	}
	entry->last_used = ++cache->clock;
	return entry;
}

bool import_cache_forget(struct es_import_cache *cache, uint64_t id) {
	struct es_import *entry = find_entry(cache, id);
	if (entry == NULL) {
		return false;
	}
	drop_entry(cache, entry);
	return true;
}

struct es_import_stats import_cache_stats(const struct es_import_cache *cache) {
	return cache->stats;
}

static bool dma_buf_sync(int fd, uint64_t flags) {
	struct dma_buf_sync sync = {.flags = flags};
	int result;
	do {
		result = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
	} while (result != 0 && (errno == EINTR || errno == EAGAIN));
	return result == 0;
}

bool import_begin_read(const struct es_import *import) {
	return import->sync_fd < 0 ||
			dma_buf_sync(import->sync_fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
}

void import_end_read(const struct es_import *import) {
	if (import->sync_fd >= 0) {
		dma_buf_sync(import->sync_fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	}
}
