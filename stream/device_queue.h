// Messages for the display on the device link: motion is merged while the link is full, nothing else is
// ever left out one by one. If even the queue is full, all of it is forgotten, and the display is
// told to release everything as soon as it listens again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/link.h"
#include "protocol/device_msg.h"

#define ES_DEVICE_QUEUE_LENGTH 256
#define ES_DEVICE_QUEUE_SIZE 128 // bytes of any message towards the display

struct es_device_queue_entry {
	enum es_device_msg_type type;
	uint8_t size;
	uint8_t data[ES_DEVICE_QUEUE_SIZE];
};

struct es_device_queue {
	int fd; // owned; -1: no display, everything is forgotten
	bool overflown; // nothing more is taken before the release is out
	bool overflow_logged;
	struct es_device_queue_entry entries[ES_DEVICE_QUEUE_LENGTH];
	size_t first, n;
	// What the display says; NULL: of no use. Set once, after init.
	void (*message)(void *data, const struct es_device_msg *msg);
	void *data;
	struct es_link_packet packet; // of what the display says
};

void device_queue_init(struct es_device_queue *queue);
void device_queue_finish(struct es_device_queue *queue); // sends what still goes out
// Takes fd over, in place of the one before. Nothing is held down there yet.
void device_queue_attach(struct es_device_queue *queue, int fd);

// False: the queue has forgotten everything, and the display holds nothing down (or soon will not). What
// cannot be said on the link is left out.
bool device_queue_put(struct es_device_queue *queue, const struct es_device_msg *msg);

// Of any size, before what waits in the queue: for what comes in a stream of its own. False: not taken, and
// not kept.
bool device_queue_send_now(struct es_device_queue *queue, const struct es_device_msg *msg);

// Whether to poll for room.
bool device_queue_waits(const struct es_device_queue *queue);
// After polling: sends, and reads away what the display says.
void device_queue_dispatch(struct es_device_queue *queue);
