// One question to the host that runs: the other end of host/control_socket.h.
#pragma once

#include <stdbool.h>
#include <yyjson.h>

// Sends the request (an object as in control_socket.h; stays the caller's) and waits for the answer, at most
// that long. NULL after a logged error with its remedy: no host runs, or it does not answer. The
// caller frees the document, whose root is an object.
yyjson_doc *control_client_ask(const yyjson_mut_doc *request, int timeout_s);
