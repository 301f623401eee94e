// What the operator can ask of a running host: one table of routes, a line of JSON in, a line out.
//
//   {"route": "pair", "pin": "1234"}  ->  {"ok": true, "result": "paired"}
//   anything that did not work        ->  {"ok": false, "error": "..."}
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/clients.h"
#include "host/gamestream.h"
#include "host/pairing_desk.h"
#include "host/play.h"
#include "host/settings.h"

struct es_control_host { // all borrowed
	const struct es_settings *settings;
	struct es_clients *clients;
	struct es_pairing_desk *desk;
	struct es_plays *plays;
	struct es_gamestream *gamestream;
};

// One request under way; the caller's memory, which must stay where it is until it is answered or
// forgotten.
struct es_control_call {
	const struct es_control_host *host;
	// Gets one line with its line end; called exactly once, now or later. The text is the callee's to
	// free; NULL: no memory.
	void (*answer)(void *data, char *text, size_t size);
	void *data;
	bool waits; // for the pairing desk or for a session's end
};

void control_routes_handle(struct es_control_call *call, const char *line, size_t size);
// The asker has gone: answer is not called any more.
void control_routes_forget(struct es_control_call *call);
