// The GameStream host's doors for clients: HTTP, HTTPS and RTSP listeners and all that is answered
// there. Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/clients.h"
#include "host/settings.h"
#include "host/pairing_desk.h"
#include "host/play.h"
#include "protocol/crypto.h"

// Listening sockets, bound and listening before anything else starts: all or none.
struct es_ports {
	int http_fd, https_fd, rtsp_fd, console_fd; // console_fd -1: there is no console
	uint16_t http, https, rtsp, console; // as bound
};
// From the configured base port (HTTP base, HTTPS base-5, RTSP base+21, the console's base+1 if it has
// none of its own), or by the kernel's choice if it is 0. console NULL: none. False with a message that names port, its owner if it can be found, and the remedy.
bool ports_open(struct es_ports *ports, const char *address, uint16_t base,
		const struct es_console_settings *console, char *error, size_t cap);
void ports_close(struct es_ports *ports);
// One more, bound and listening; the port as bound in *bound. -1 with errno.
int ports_listen(const char *address, uint16_t port, uint16_t *bound);

struct es_gamestream;
struct es_gamestream_params {
	sd_event *event;
	const struct es_settings *settings;
	const struct es_identity *identity;
	const char *unique_id; // of the host
	struct es_clients *clients;
	struct es_pairing_desk *desk;
	struct es_plays *plays;
	const struct es_ports *ports; // fds are taken over
};
// NULL after a logged error. All borrowed.
struct es_gamestream *gamestream_create(const struct es_gamestream_params *params);
void gamestream_destroy(struct es_gamestream *gamestream); // NULL is fine
void gamestream_set_settings(struct es_gamestream *gamestream, const struct es_settings *settings);
// A client was revoked: its connections are closed.
void gamestream_revoke(struct es_gamestream *gamestream);
