// The certificate that a browser is shown, if it is not the host's own.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/http_server.h"
#include "host/settings.h"

// Reads the files anew; with none configured, nothing happens. False with the reason in error[cap]: the
// server has what it had.
bool web_certificate_load(struct es_http_server *server, const struct es_console_settings *console,
		char *error, size_t cap);
