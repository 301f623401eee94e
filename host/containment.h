// What an app of a session is started in: a namespace of its own, made by bubblewrap. There it sees its
// session's runtime directory in place of the user's, neither the host's state (keys, devices, logins)
// nor the control socket, no process but its own, and a private D-Bus session; all else is as for any
// program of the user. On the host's event loop.
#pragma once

#include <stdbool.h>

struct es_containment;

// Tries it out, which may take some 100 ms. NULL: no memory.
struct es_containment *containment_create(void);
void containment_destroy(struct es_containment *containment); // NULL is fine

// Why apps cannot be contained here; NULL: they can.
const char *containment_missing(const struct es_containment *containment);

// What to start in place of argv, for env_list_free; session_dir is the session's runtime directory. NULL:
// no memory. Only if nothing is missing.
char **containment_wrap(
		const struct es_containment *containment, const char *session_dir, char *const *argv);
