// The operator's door: a unix socket in the runtime directory (0700), whose peers must have our uid.
// One line of JSON in, one line of JSON out, through the routes of host/api.h with the role of an admin;
// the CLI commands `pair`, `clients`, `apps`, `sessions` and `stop` speak to it.
//
//   {"method": "POST", "path": "/api/v1/pair", "body": {"pin": "1234"}}
//     ->  {"status": 200, "body": {"result": "paired"}}
//   anything that did not work
//     ->  {"status": 404, "body": {"error": "..."}}
//
// Single-threaded, on the host's event loop.
#pragma once

#include <systemd/sd-event.h>

#include "host/api_host.h"

struct es_control_socket;
// NULL after a logged error; another host that already listens there is one. Borrowed.
struct es_control_socket *control_socket_create(const struct es_api_host *host);
void control_socket_destroy(struct es_control_socket *socket); // NULL is fine; removes the socket
