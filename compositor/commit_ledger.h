// Counts the commits of apps that change what is seen, and when the newest of them came, so that
// each frame can say which commits it shows.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

struct es_display;

struct es_commit_ledger {
	uint64_t committed; // all
	uint32_t pending; // since commit_ledger_take
	int64_t newest_ns; // the newest pending one
	int64_t held_since_ns; // those that come now were made then (commit_hold.h); 0: now
	struct wl_list surfaces; // es_watched_surface.link
	struct wl_listener new_surface;
};

// Watches all surfaces of the display's compositor. NULL after a logged error.
struct es_commit_ledger *commit_ledger_create(struct es_display *display);
// NULL is fine.
void commit_ledger_destroy(struct es_commit_ledger *ledger);

// The commits since the last call: how many, and the time of the newest (unchanged if none).
uint32_t commit_ledger_take(struct es_commit_ledger *ledger, int64_t *newest_ns);
