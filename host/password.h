// Hashing a password (yescrypt), which takes a tenth of a second and 16 MiB on purpose: on threads of
// its own, so that the host's event loop does not wait for it. The callbacks come on the loop.
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#define ES_PASSWORD_HASH_MAX 256
#define ES_PASSWORD_MAX_JOBS 2

struct es_password_jobs;
// NULL: no memory. event is borrowed.
struct es_password_jobs *password_jobs_create(sd_event *event);
// Waits for those that are under way; their callbacks are not called. NULL is fine.
void password_jobs_destroy(struct es_password_jobs *jobs);

// `hash` is valid during the call, NULL: it could not be made.
typedef void (*es_password_done)(void *data, const char *hash);
// Hashes it with the salt and cost of `setting` (an earlier hash), or, if that is NULL, with new ones.
// Texts are copied. False: there are too many already, or no memory; `done` will not be called.
bool password_hash(struct es_password_jobs *jobs, const char *password, const char *setting,
		es_password_done done, void *data);
// The callbacks with this data are not called.
void password_forget(struct es_password_jobs *jobs, const void *data);
