// The app: started with a clean environment in a session (setsid) of its own, watched, and ended
// with everything that it started.
#pragma once

struct es_app;
struct es_display;

// Starts what the display's spawner was given. NULL: *error is the errno of what failed, exec included. From
// here on this process reaps all its children. Calls display_handle_app_exit once when the main
// process is gone.
struct es_app *app_start(struct es_display *display, int *error);

// Asks all processes of the app to end (TERM), kills after 5 s those that have not, and calls
// `done` from the event loop, once, when none is left; never from inside this call. A second call
// replaces `done`.
void app_stop(struct es_app *app, void (*done)(void *data), void *data);

// Frees; kills at once what is still there. NULL is fine.
void app_destroy(struct es_app *app);
