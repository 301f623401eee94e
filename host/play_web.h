// Sessions that are played in a browser: launched over the API, and attached to by a WebSocket that a
// login with the role `play` has opened. They are sessions like all others: one that was left can be
// resumed by Moonlight, and the other way round. Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/play.h"
#include "protocol/mode.h"

struct es_web_launch {
	const struct es_app *app;
	struct es_mode mode;
	enum es_codec codec; // H.264 or AV1
	const char *client_name; // shown to the operator
	bool clipboard; // pages may read the text that the app copies, and set it
};

// Starts display and app. 200 and *play is PENDING, for as long as a page may take to come; or 400/503 with
// the reason in error[cap].
int plays_launch_web(struct es_plays *plays, const struct es_web_launch *launch,
		struct es_play **play, char *error, size_t cap);

// A page has come to that session: fd, which is taken over in any case and shut down in the end, is its
// WebSocket, the handshake done. A page that played there before gives way. 200, or 403, 404, 409 or 503
// with the reason in error[cap].
int plays_attach_web(struct es_plays *plays, uint32_t id, int fd, const char *client_name,
		char *error, size_t cap);

// For a web server, whose data are the sessions: whether that one can be attached to, and a page that has
// come. See web_server.h.
bool play_web_admit(void *plays, uint32_t session, char *error, size_t cap);
void play_web_open(void *plays, uint32_t session, int fd, const char *client_name);

// The page wants another mode of the screen; one that the host does not allow is refused, logged.
void play_web_resize(struct es_play *play, const struct es_mode *mode);
