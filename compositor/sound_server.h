// A PipeWire of the session's own, for where none runs: the daemon (which serves PulseAudio clients, too) and
// its session manager, in a folder of their own. They know no sound hardware, no D-Bus and no user's
// settings. Whichever dies is started again; both end with this object, or with the display.
#pragma once

#include <stdbool.h>
#include <wayland-server-core.h>

struct es_sound_server;
struct es_spawner;

// Starts the daemon; does not wait for it. NULL after a logged reason: not installed, no folder, no memory.
struct es_sound_server *sound_server_create(struct wl_event_loop *loop, struct es_spawner *spawner);
void sound_server_destroy(
		struct es_sound_server *server); // waits until they are gone; NULL is fine

// The daemon takes connections: the session manager, which ends without it, follows.
void sound_server_answers(struct es_sound_server *server);
// Where its sockets are or soon will be: "pipewire-0" and "pulse/native".
const char *sound_server_folder(const struct es_sound_server *server);
