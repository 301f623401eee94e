// The browser's door: a listener of its own, HTTPS but on loopback, for the console's files, the API
// and what only a browser uses of it (a stream of events, the player's WebSocket). Single-threaded, on
// the host's event loop.
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/api.h"
#include "host/login.h"
#include "host/settings.h"
#include "protocol/crypto.h"

struct es_web_server;
struct es_web_params {
	sd_event *event;
	const struct es_settings *settings;
	const struct es_identity *identity;
	const struct es_api_host *api;
	struct es_login *login;
	int listen_fd; // taken over, also on failure
	const char *root; // folder of the console's files; NULL: the installed one
};
// NULL after a logged error. All borrowed.
struct es_web_server *web_server_create(const struct es_web_params *params);
void web_server_destroy(struct es_web_server *server); // NULL is fine
// The certificate is read again. server NULL is fine.
void web_server_set_settings(struct es_web_server *server, const struct es_settings *settings);

// Who lets browsers play.
struct es_web_player {
	// Whether there is such a session to play in; false with the reason, one line of plain text, in
	// error[cap].
	bool (*admit)(void *data, uint32_t session, char *error, size_t cap);
	// A browser has come: its WebSocket's bytes, after the handshake, are at fd (non-blocking), which is
	// taken over. Whoever is done with it shuts it down (closing alone is not noticed: the server keeps
	// its own duplicate); it is shut down if the browser hangs up or its login ends.
	void (*open)(void *data, uint32_t session, int fd, const char *client_name);
	void *data;
};
// NULL in server: there is no console.
void web_server_on_player(struct es_web_server *server, const struct es_web_player *player);
