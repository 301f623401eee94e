// Buffers of the display, imported on the device once and found by id for every later frame in them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/device.h"
#include "protocol/frame_msg.h"

struct es_import_cache;

struct es_import_stats {
	uint64_t hits, misses, evictions;
};

// `device` is borrowed and outlives the cache.
struct es_import_cache *import_cache_create(struct es_device *device);
void import_cache_destroy(struct es_import_cache *cache); // drops all; NULL is fine

// Imports a buffer. `fds`, one for memory and one for each plane of a DMA-BUF, stay the caller's. False
// with a reason in *why (a constant) if it is malformed, already there, or nothing that the device can
// read. When the cache is full, the buffer unused for longest goes.
bool import_cache_add(struct es_import_cache *cache, const struct es_frame_buffer *buffer,
		const int *fds, const char **why);

// NULL if unknown, borrowed until the next add or forget. The first use counts as a miss, later
// ones as hits.
const struct es_import *import_cache_find(struct es_import_cache *cache, uint64_t id);

// Drops the import; counted. False if unknown.
bool import_cache_forget(struct es_import_cache *cache, uint64_t id);

struct es_import_stats import_cache_stats(const struct es_import_cache *cache);
