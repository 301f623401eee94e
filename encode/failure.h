// Why the process cannot go on, in words for the person who runs it, remedy included. Whoever fails
// writes it down; the session tells the host.
#pragma once

#include <stdbool.h>

#include "protocol/session_msg.h"

// All zero at first.
struct es_failure {
	bool happened;
	char text[ES_SESSION_MAX_TEXT / 2];
};

// The first reason stands.
void failure_set(struct es_failure *failure, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
