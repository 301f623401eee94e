// The writer's side of the access-unit ring: equal slots in one sealed memfd. A slot is the
// encoder's until unit_ring_put, the streamer's until unit_ring_done.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

struct es_unit_ring;

// Slots that hold any access unit of that mode. NULL with errno.
struct es_unit_ring *unit_ring_create(const struct es_mode *mode);
void unit_ring_destroy(struct es_unit_ring *ring); // NULL is fine

int unit_ring_fd(const struct es_unit_ring *ring); // borrowed
uint32_t unit_ring_n_slots(const struct es_unit_ring *ring);
uint32_t unit_ring_slot_size(const struct es_unit_ring *ring);

// A slot to write into: its number and its memory (unit_ring_slot_size bytes). False: all are the
// streamer's. The same slot is offered until it is put.
bool unit_ring_free_slot(const struct es_unit_ring *ring, uint32_t *slot, uint8_t **data);
// The slot is the streamer's from here on.
void unit_ring_put(struct es_unit_ring *ring, uint32_t slot);
// The streamer gives it back. False: it did not have it.
bool unit_ring_done(struct es_unit_ring *ring, uint32_t slot);
uint32_t unit_ring_n_free(const struct es_unit_ring *ring);
