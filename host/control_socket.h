// The operator's door: a unix socket in the runtime directory (0700), whose peers must have our uid.
// One line of JSON in, one line of JSON out, through one route table; the CLI commands `pair`,
// `clients`, `apps`, `sessions` and `stop` speak to it. Single-threaded, on the host's event loop.
#pragma once

#include <systemd/sd-event.h>

#include "host/clients.h"
#include "host/settings.h"
#include "host/gamestream.h"
#include "host/pairing_desk.h"
#include "host/play.h"

struct es_control_socket;
struct es_control_params {
	sd_event *event;
	const struct es_settings *settings;
	struct es_clients *clients;
	struct es_pairing_desk *desk;
	struct es_plays *plays;
	struct es_gamestream *gamestream;
};
// NULL after a logged error; another host that already listens there is one. All borrowed.
struct es_control_socket *control_socket_create(const struct es_control_params *params);
void control_socket_destroy(struct es_control_socket *socket); // NULL is fine; removes the socket
void control_socket_set_settings(
		struct es_control_socket *socket, const struct es_settings *settings);
