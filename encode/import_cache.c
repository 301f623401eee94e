#include "encode/import_cache.h"

#include <stdlib.h>

#include <drm_fourcc.h>

#include "base/fd.h"

// A swapchain has four buffers, an app that is scanned out directly a few more.
#define MAX_IMPORTS 64

struct es_import_cache {
	struct es_device *device; // borrowed
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

static void import_finish(struct es_import_cache *cache, struct es_import *import) {
	device_drop(cache->device, import);
	fd_close(&import->fd);
}

static void drop_entry(struct es_import_cache *cache, struct es_import *entry) {
	import_finish(cache, entry);
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

// NULL: nothing is wrong with the description in itself.
static const char *malformed(const struct es_frame_buffer *buffer) {
	if (buffer->width == 0 || buffer->height == 0 || buffer->width > ES_MODE_MAX_SIZE ||
			buffer->height > ES_MODE_MAX_SIZE) {
		return "its size is out of range";
	}
	if (buffer->n_planes == 0 || buffer->n_planes > ES_FRAME_MAX_PLANES) {
		return "it has too many planes";
	}
	if (buffer->kind == ES_BUFFER_MEMORY &&
			(buffer->n_planes != 1 || buffer->modifier != DRM_FORMAT_MOD_LINEAR)) {
		return "its layout is not linear";
	}
	return NULL;
}

struct es_import_cache *import_cache_create(struct es_device *device) {
	struct es_import_cache *cache = calloc(1, sizeof(*cache));
	if (cache != NULL) {
		cache->device = device;
	}
	return cache;
}

void import_cache_destroy(struct es_import_cache *cache) {
	if (cache == NULL) {
		return;
	}
	for (size_t i = 0; i < cache->n; i++) {
		import_finish(cache, &cache->entries[i]);
	}
	free(cache);
}

bool import_cache_add(struct es_import_cache *cache, const struct es_frame_buffer *buffer,
		const int *fds, const char **why) {
	const char *wrong = malformed(buffer);
	if (wrong != NULL) {
		*why = wrong;
		return false;
	}
	if (find_entry(cache, buffer->id) != NULL) {
		*why = "its id is in use";
		return false;
	}
	struct es_import import = {.id = buffer->id, .buffer = *buffer, .fd = -1};
	if (buffer->kind == ES_BUFFER_DMABUF && (import.fd = fd_dup(fds[0])) < 0) {
		*why = "too many open files";
		return false;
	}
	if (!device_import(cache->device, fds, &import, why)) {
		fd_close(&import.fd);
		return false;
	}
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
