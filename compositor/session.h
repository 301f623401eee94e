// The life of the display: waits for the first viewer, starts the app, reports its end, drains when
// asked, and ends the event loop.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/session_msg.h"

struct es_display;
struct es_session;

// fd: the session link, stays the caller's. argv: the app's, borrowed until session_destroy.
// Sets display->session. NULL after a logged error.
struct es_session *session_create(struct es_display *display, int fd, char *const argv[]);
// Before the display. NULL is fine.
void session_destroy(struct es_session *session);

// Gives the app a sound card, before it starts. Without one, after a logged reason, it starts all the same.
void session_start_sound(struct es_session *session, uint8_t channels, const char *node,
		const char *title, bool microphone);
// Publishes the screen to the user's PipeWire, as a node beside that of the sound card.
void session_publish_screen(struct es_session *session, const char *node, const char *title);
// What the app is shown of the viewers' gamepads.
void session_start_gamepads(struct es_session *session, enum es_gamepad setting);
// Starts the app now, not with the first viewer.
void session_start_app(struct es_session *session);

// Runs until there is nothing left to do.
void session_run(struct es_session *session);

// This viewer's encoder has not answered for too long. NULL is fine.
void session_report_stuck(struct es_session *session, uint32_t viewer);
// The app's main process is gone: status as from waitpid. NULL is fine.
void session_handle_app_exit(struct es_session *session, int status);
// The GPU was reset, what apps and we had on it is gone: the session ends. NULL is fine.
void session_handle_gpu_lost(struct es_session *session);
// The primary viewer got its first frame. NULL is fine.
void session_handle_first_frame(struct es_session *session);
