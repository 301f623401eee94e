// Buffers of the display, mapped once and found by id for every later frame in them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/convert.h"
#include "protocol/frame_msg.h"

struct es_import_cache;

struct es_import {
	uint64_t id;
	struct es_pixels pixels; // of the mapping; read only under sigbus_guard_run
	int sync_fd; // DMA-BUF: fenced around reads; else -1. Owned.
	void *map;
	size_t map_size;
	uint64_t last_used;
};

struct es_import_stats {
	uint64_t hits, misses, evictions;
};

struct es_import_cache *import_cache_create(void);
void import_cache_destroy(struct es_import_cache *cache); // unmaps all; NULL is fine

// Maps a buffer, read-only. `fd` (of its first plane) stays the caller's. False with a reason in *why
// (a constant) if it is smaller than its description says, of a format or modifier that cannot be
// read, or already there. When the cache is full, the buffer unused for longest goes.
bool import_cache_add(struct es_import_cache *cache, const struct es_frame_buffer *buffer, int fd,
		const char **why);

// NULL if unknown, borrowed until the next add or forget. The first use counts as a miss, later
// ones as hits.
const struct es_import *import_cache_find(struct es_import_cache *cache, uint64_t id);

// Unmaps; counted. False if unknown.
bool import_cache_forget(struct es_import_cache *cache, uint64_t id);

struct es_import_stats import_cache_stats(const struct es_import_cache *cache);

// Around reading: waits for the writer's caches where the kernel asks for it.
bool import_begin_read(const struct es_import *import);
void import_end_read(const struct es_import *import);
