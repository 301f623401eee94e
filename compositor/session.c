#include "compositor/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "compositor/app.h"
#include "compositor/clipboard.h"
#include "compositor/commit_ledger.h"
#include "compositor/display.h"
#include "compositor/gamepad.h"
#include "compositor/remote_input.h"
#include "compositor/render_device.h"
#include "compositor/repaint.h"
#include "compositor/screen_source.h"
#include "compositor/seat.h"
#include "compositor/session_link.h"
#include "compositor/sound_card.h"
#include "compositor/viewers.h"
#include "compositor/virtual_output.h"
#include "compositor/xwayland.h"

// An app that ends at once leaves at least a first picture; an encoder gets this long to start for it.
#define FIRST_FRAME_MS 2000
// After the host's death the app gets this long to end by itself.
#define ORPHAN_GRACE_MS 1500

enum phase {
	WAITING, // no viewer yet, so no app
	RUNNING,
	APP_FLED, // before there was any picture: END waits for the first one
	APP_GONE, // END was sent; the encoders finish what they have
	DRAINING, // the app is being ended
};

struct es_session {
	struct es_display *display;
	char *const *argv; // borrowed
	int fd; // borrowed
	struct es_session_link link;
	struct wl_event_source *sigterm, *sigint;
	struct wl_event_source *grace; // armed when the host is gone
	struct wl_event_source *first_frame; // armed in APP_FLED
	enum phase phase;
	int status; // of the app, as from waitpid
	uint32_t input_viewer; // whose device link is attached
	bool start_waits; // the app is to start as soon as it can be heard
	bool over; // session_run returns
};

static void report_stats(struct es_session *session) {
	struct es_display *display = session->display;
	struct es_session_msg msg = {.type = ES_SESSION_DISPLAY_STATS, .display_stats = display->stats};
	struct es_display_stats *stats = &msg.display_stats;
	stats->committed = display->commits->committed;
	// What is neither sent nor still on its way was replaced. Nothing is on its way once the app is gone.
	uint64_t waiting = display->commits->pending + viewers_waiting_commits(display->viewers);
	waiting = session->phase == APP_GONE ? 0 : waiting;
	stats->superseded = stats->committed - stats->sent - waiting;
	struct es_process_usage usage = process_usage();
	stats->usage.cpu_us = (uint64_t)usage.cpu_us;
	stats->usage.peak_rss_kib = (uint64_t)usage.peak_rss_kib;
	stats->sound_dropped =
			display->sound_card != NULL ? sound_card_dropped(display->sound_card) : 0;
	session_link_send(session->fd, &msg);
}

static void report_end(struct es_session *session, enum es_end_code code, int status) {
	// The last word on the figures.
	report_stats(session);
	struct es_session_msg msg = {.type = ES_SESSION_END, .end = {.code = code, .status = status}};
	session_link_send(session->fd, &msg);
}

static void report_ready(struct es_session *session) {
	struct es_display *display = session->display;
	struct es_session_msg msg = {.type = ES_SESSION_READY};
	const char *x11 = xwayland_display_name(display->xwayland);
	snprintf(msg.ready.wayland_display, sizeof(msg.ready.wayland_display), "%s",
			display->wayland_socket);
	snprintf(msg.ready.x11_display, sizeof(msg.ready.x11_display), "%s", x11 != NULL ? x11 : "");
	snprintf(msg.ready.renderer, sizeof(msg.ready.renderer), "%s",
			render_device_name(display->renderer));
	session_link_send(session->fd, &msg);
}

static void end_composing(struct es_session *session) {
	repaint_stop(session->display->repaint);
	session->phase = APP_GONE;
}

static void start_app(struct es_session *session) {
	struct es_display *display = session->display;
	int error = 0;
	session->start_waits = display->sound_card != NULL && !sound_card_settled(display->sound_card);
	if (session->start_waits) {
		return; // for on_sound_settled: many apps look for their sound only once
	}
	display->app_env = display->sound_card != NULL ? sound_card_env(display->sound_card) : NULL;
	session->phase = RUNNING;
	display->app = app_start(display, &error);
	if (display->app == NULL) {
		es_log(ES_LOG_ERROR, "cannot start %s: %s", session->argv[0], strerror(error));
		end_composing(session);
		report_end(session, ES_END_APP_NOT_STARTED, error);
		return;
	}
	report_ready(session);
}

static void quit(struct es_session *session) {
	session->over = true;
}

// Encoders may still read what they have: the screen stays until the host hangs up or drains again.
static void on_app_ended(void *data) {
	struct es_session *session = data;
	if (session->phase != DRAINING) {
		quit(session);
		return;
	}
	end_composing(session);
	report_end(session, ES_END_DRAINED, session->status);
	if (session->link.source == NULL) {
		quit(session);
	}
}

static void drain(struct es_session *session) {
	if (session->display->app == NULL) {
		if (session->phase == WAITING) {
			end_composing(session);
			report_end(session, ES_END_DRAINED, 0);
		} else {
			quit(session);
		}
		return;
	}
	// What the app left behind is ended too, if it has gone before.
	if (session->phase == RUNNING || session->phase == APP_FLED) {
		session->phase = DRAINING;
	}
	app_stop(session->display->app, on_app_ended, session);
}

static void on_attach(void *data, const struct es_attach *attach, int fd) {
	struct es_session *session = data;
	struct es_display *display = session->display;
	switch (attach->kind) {
	case ES_ATTACH_FRAME:
		if (viewers_attach(display->viewers, fd, attach) && session->phase == WAITING) {
			start_app(session);
		}
		return;
	case ES_ATTACH_DEVICE:
		remote_input_destroy(display->remote_input);
		display->remote_input = remote_input_create(display, fd);
		session->input_viewer = attach->viewer;
		clipboard_allow(display->clipboard, attach->clipboard && display->remote_input != NULL);
		return;
	case ES_ATTACH_UNIT:
		break;
	}
	es_log(ES_LOG_WARN, "the host attached a link that is not for a display, closing it");
	fd_close(&fd);
}

static void on_detach(void *data, uint32_t viewer) {
	struct es_session *session = data;
	struct es_display *display = session->display;
	viewers_detach(display->viewers, viewer);
	if (display->remote_input != NULL && session->input_viewer == viewer) {
		remote_input_destroy(display->remote_input);
		display->remote_input = NULL;
	}
}

static void on_mode(void *data, const struct es_mode *mode) {
	struct es_session *session = data;
	display_set_mode(session->display, mode);
}

static void on_keyboard(void *data, const char *layout) {
	struct es_session *session = data;
	seat_set_keyboard(session->display->seat, layout);
}

static void on_stats(void *data) {
	report_stats(data);
}

static void on_drain(void *data) {
	drain(data);
}

static void on_closed(void *data) {
	struct es_session *session = data;
	if (session->display->app == NULL) {
		quit(session);
		return;
	}
	repaint_stop(session->display->repaint);
	app_stop(session->display->app, on_app_ended, session);
	wl_event_source_timer_update(session->grace, ORPHAN_GRACE_MS);
}

static const struct es_session_orders orders = {
		.attach = on_attach,
		.detach = on_detach,
		.mode = on_mode,
		.keyboard = on_keyboard,
		.stats = on_stats,
		.drain = on_drain,
		.closed = on_closed,
};

static int handle_signal(int number, void *data) {
	drain(data);
	return 0;
}

static void finish_app(struct es_session *session) {
	end_composing(session);
	report_end(session, ES_END_APP_EXITED, session->status);
}

static int handle_first_frame(void *data) {
	struct es_session *session = data;
	if (session->phase == APP_FLED) {
		finish_app(session); // there is no encoder to wait for
	}
	return 0;
}

static int handle_grace(void *data) {
	quit(data); // display_destroy kills what is left
	return 0;
}

struct es_session *session_create(struct es_display *display, int fd, char *const argv[]) {
	struct es_session *session = calloc(1, sizeof(*session));
	if (session == NULL) {
		es_log(ES_LOG_ERROR, "cannot run the session: out of memory");
		return NULL;
	}
	session->display = display;
	session->argv = argv;
	session->fd = fd;
	display->session = session;
	session->sigterm = wl_event_loop_add_signal(display->loop, SIGTERM, handle_signal, session);
	session->sigint = wl_event_loop_add_signal(display->loop, SIGINT, handle_signal, session);
	session->grace = wl_event_loop_add_timer(display->loop, handle_grace, session);
	session->first_frame = wl_event_loop_add_timer(display->loop, handle_first_frame, session);
	if (session->sigterm == NULL || session->sigint == NULL || session->grace == NULL ||
			session->first_frame == NULL ||
			!session_link_init(&session->link, fd, display->loop, &orders, session)) {
		es_log(ES_LOG_ERROR, "cannot run the session: out of memory");
		session_destroy(session);
		return NULL;
	}
	return session;
}

static void remove_source(struct wl_event_source *source) {
	if (source != NULL) {
		wl_event_source_remove(source);
	}
}

void session_destroy(struct es_session *session) {
	if (session == NULL) {
		return;
	}
	session_link_finish(&session->link);
	remove_source(session->sigterm);
	remove_source(session->sigint);
	remove_source(session->grace);
	remove_source(session->first_frame);
	session->display->session = NULL;
	free(session);
}

// --- sound

static bool on_sound(void *data, const struct es_pcm_block *block, uint8_t channels) {
	struct es_session *session = data;
	struct es_remote_input *viewer = session->display->remote_input;
	if (viewer == NULL) {
		return true; // nobody listens
	}
	struct es_device_msg msg = {.type = ES_DEVICE_PCM};
	msg.pcm.time_ns = block->time_ns;
	msg.pcm.channels = channels;
	msg.pcm.n_samples = (uint16_t)(block->n_frames * channels);
	memcpy(msg.pcm.samples, block->samples, msg.pcm.n_samples * sizeof(*block->samples));
	return remote_input_send(viewer, &msg);
}

static void on_sound_settled(void *data) {
	struct es_session *session = data;
	if (session->start_waits && session->phase == WAITING) {
		start_app(session);
	}
}

void session_start_sound(struct es_session *session, uint8_t channels, const char *node,
		const char *title, bool microphone) {
	session->display->sound_card = sound_card_create(&(struct es_sound_card_params){
			.loop = session->display->loop,
			.spawner = session->display->spawner,
			.channels = channels,
			.node = node,
			.title = title,
			.microphone = microphone,
			.block = on_sound,
			.settled = on_sound_settled,
			.data = session,
	});
}

// --- the screen as a source

// What is scanned out directly cannot be mapped in general: it is composed while somebody looks.
static void on_screen_watched(void *data, bool watched) {
	struct es_session *session = data;
	struct es_display *display = session->display;
	wlr_output_lock_attach_render(&display->output->wlr_output, watched);
	if (watched) {
		repaint_damage_whole(display->repaint);
	}
}

void session_publish_screen(struct es_session *session, const char *node, const char *title) {
	struct es_display *display = session->display;
	char name[ES_SESSION_MAX_NODE + 16];
	snprintf(name, sizeof(name), "%s.screen", node[0] != '\0' ? node : "earthshine");
	display->screen_source = screen_source_create(
			&(struct es_screen_source_params){
					.loop = display->loop,
					.renderer = display->renderer,
					.cursor = &display->output->cursor,
					.node = name,
					.title = title,
					.watched = on_screen_watched,
					.data = session,
			},
			&display->mode);
}

// --- gamepads

static bool on_pad_feedback(void *data, const struct es_device_msg *msg) {
	struct es_session *session = data;
	struct es_remote_input *viewer = session->display->remote_input;
	return viewer == NULL || remote_input_send(viewer, msg);
}

void session_start_gamepads(struct es_session *session, enum es_gamepad setting) {
	session->display->gamepads = gamepads_create(&(struct es_gamepads_params){
			.loop = session->display->loop,
			.setting = setting,
			.send = on_pad_feedback,
			.data = session,
	});
}

void session_start_app(struct es_session *session) {
	if (session->phase == WAITING) {
		start_app(session);
	}
}

void session_run(struct es_session *session) {
	struct es_display *display = session->display;
	while (!session->over) {
		wl_display_flush_clients(display->wl_display);
		if (wl_event_loop_dispatch(display->loop, -1) < 0) {
			es_log(ES_LOG_ERROR, "the event loop fails, ending the session");
			return;
		}
	}
}

void session_report_stuck(struct es_session *session, uint32_t viewer) {
	if (session != NULL) {
		struct es_session_msg msg = {.type = ES_SESSION_STUCK, .stuck = {.viewer = viewer}};
		session_link_send(session->fd, &msg);
	}
}

void session_handle_app_exit(struct es_session *session, int status) {
	if (session == NULL) {
		return;
	}
	session->status = status;
	if (session->phase != RUNNING) {
		return; // being drained: the end is reported when the others have gone too
	}
	if (session->display->viewers->sent_any) {
		finish_app(session);
		return;
	}
	session->phase = APP_FLED;
	wl_event_source_timer_update(session->first_frame, FIRST_FRAME_MS);
}

void session_handle_gpu_lost(struct es_session *session) {
	if (session == NULL || session->over) {
		return;
	}
	session_link_send_failure(session->fd,
			"the GPU was reset (renderer %s), and the app's pictures with it: start it again; the "
			"kernel's log says why",
			render_device_name(session->display->renderer));
	repaint_stop(session->display->repaint);
	quit(session);
}

void session_handle_first_frame(struct es_session *session) {
	if (session != NULL && session->phase == APP_FLED) {
		wl_event_source_timer_update(session->first_frame, 1); // not from within composing
	}
}
