// The pairing desk, the sessions and the doors of a host as stand-ins that note what was asked of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/pairing_desk.h"
#include "host/play.h"

struct es_fake_desk {
	struct es_pairing_info infos[2];
	size_t n_infos;
	uint32_t pin_id, refused_id;
	char pin[32];
	es_pairing_done done;
	void *done_data;
	void *forgotten;
};
extern struct es_fake_desk desk;

struct es_fake_plays {
	struct es_play_info info;
	size_t n;
	uint32_t stop_id, revoked, layout_of, clipboard_of;
	void (*done)(void *data, bool ended);
	void *done_data;
	void *forgotten;
	bool at_once;
	unsigned doors_closed;
	unsigned told; // news
	uint32_t kbps, idr_of;
};
extern struct es_fake_plays plays;
