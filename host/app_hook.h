// A command that runs to its end before or after an app: by its argv, never through a shell, and
// never for longer than ES_APP_HOOK_NS.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/children.h"

#define ES_APP_HOOK_NS INT64_C(10000000000) // then it is asked to end, and killed 2 s later

struct es_app_hook;

// Starts it; `what` is for messages ("the command before 'Steam'"), copied. `done` is called once
// from the event loop, after which only app_hook_destroy may follow (from within it, too); ok: it
// exited with 0 in time. NULL after a logged error.
struct es_app_hook *app_hook_start(sd_event *event, struct es_children *children, const char *what,
		char *const *argv, char *const *env, void (*done)(void *data, bool ok), void *data);
// Kills it with its process group if it still runs. NULL is fine.
void app_hook_destroy(struct es_app_hook *hook);
