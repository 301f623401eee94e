#include "encode/unit_ring.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "protocol/unit_msg.h"

// Two in flight and two more for a sink that stutters; more would only be delay.
#define N_SLOTS 4
// Room for parameter sets and for what a codec adds to pixels it cannot compress.
#define SLOT_EXTRA (UINT32_C(64) << 10)
#define PAGE UINT32_C(4096)

struct es_unit_ring {
	int fd;
	uint8_t *map;
	uint32_t slot_size;
	bool theirs[N_SLOTS];
};

static size_t ring_size(const struct es_unit_ring *ring) {
	return (size_t)N_SLOTS * ring->slot_size;
}

// Uncompressed 4:2:0 and a bit; pages that are never written cost nothing.
static uint32_t slot_size_for(const struct es_mode *mode) {
	uint64_t size = (uint64_t)mode->width * mode->height * 3 / 2 + SLOT_EXTRA;
	size = (size + PAGE - 1) / PAGE * PAGE;
	return (uint32_t)(size < ES_UNIT_MAX_SLOT_SIZE ? size : ES_UNIT_MAX_SLOT_SIZE);
}

struct es_unit_ring *unit_ring_create(const struct es_mode *mode) {
	struct es_unit_ring *ring = calloc(1, sizeof(*ring));
	if (ring == NULL) {
		return NULL;
	}
	ring->slot_size = slot_size_for(mode);
	ring->fd = fd_create_sealed_memfd("earthshine-units", ring_size(ring));
	if (ring->fd < 0) {
		goto fail;
	}
	void *map = mmap(NULL, ring_size(ring), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (map == MAP_FAILED) {
		goto fail;
	}
	ring->map = map;
	return ring;

fail:
	unit_ring_destroy(ring);
	return NULL;
}

void unit_ring_destroy(struct es_unit_ring *ring) {
	if (ring == NULL) {
		return;
	}
	if (ring->map != NULL) {
		munmap(ring->map, ring_size(ring));
	}
	fd_close(&ring->fd);
	free(ring);
}

int unit_ring_fd(const struct es_unit_ring *ring) {
	return ring->fd;
}

uint32_t unit_ring_n_slots(const struct es_unit_ring *ring) {
	return N_SLOTS;
}

uint32_t unit_ring_slot_size(const struct es_unit_ring *ring) {
	return ring->slot_size;
}

bool unit_ring_free_slot(const struct es_unit_ring *ring, uint32_t *slot, uint8_t **data) {
	for (uint32_t i = 0; i < N_SLOTS; i++) {
		if (!ring->theirs[i]) {
			*slot = i;
			*data = ring->map + (size_t)i * ring->slot_size;
			return true;
		}
	}
	return false;
}

void unit_ring_put(struct es_unit_ring *ring, uint32_t slot) {
	assert(slot < N_SLOTS && !ring->theirs[slot]);
	ring->theirs[slot] = true;
}

bool unit_ring_done(struct es_unit_ring *ring, uint32_t slot) {
	if (slot >= N_SLOTS || !ring->theirs[slot]) {
		return false;
	}
	ring->theirs[slot] = false;
	return true;
}

uint32_t unit_ring_n_free(const struct es_unit_ring *ring) {
	uint32_t n = 0;
	for (uint32_t i = 0; i < N_SLOTS; i++) {
		n += !ring->theirs[i];
	}
	return n;
}
