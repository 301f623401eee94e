#include "host/play_viewer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/process.h"
#include "host/encoder_slot.h"
#include "host/event_timer.h"
#include "host/play_state.h"
#include "host/play_web.h"
#include "host/starvation.h"

#define READY_NS (15 * ES_NS_PER_S) // of an encoder, from its start
#define LEAVE_NS (2 * ES_NS_PER_S) // from hanging up to the end of a room
#define TERMINATE_NS (3 * ES_NS_PER_S) // from TERMINATE to the end of the streamer

struct es_play_viewer {
	struct es_play *play; // borrowed
	struct es_play_viewer *next; // in play->leaving
	uint32_t number;
	struct es_session_msg start_encode; // as every encoder is started
	struct es_room_process *encoder, *streamer; // NULL: gone
	struct es_encoder_slot slot;
	struct es_starvation starvation; // of the encoder
	int socket; // a page's, -1: none; to be shut down, which is all that its owner looks at
	sd_event_source *ready_timer;
	bool attached; // to the display
	bool left, streamer_ended;
};

// --- the links

static bool attach(struct es_play_viewer *viewer, enum es_attach_kind kind,
		struct es_room_process *a, struct es_room_process *b) {
	int ends[2];
	if (!link_pair(ends)) {
		es_log(ES_LOG_ERROR, "cannot link %s and %s: %s", room_label(a), room_label(b),
				strerror(errno));
		return false;
	}
	struct es_session_msg msg = {.type = ES_SESSION_ATTACH,
			.attach = {.kind = kind, .viewer = viewer->number, .primary = true}};
	msg.attach.stuck_ms = kind == ES_ATTACH_FRAME ? encoder_slot_stuck_ms(&viewer->slot, true) : 0;
	msg.attach.clipboard = kind == ES_ATTACH_DEVICE && viewer->play->clipboard;
	room_send(a, &msg, &ends[0], 1);
	room_send(b, &msg, &ends[1], 1);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return true;
}

static struct es_room_process *usable_display(const struct es_play_viewer *viewer) {
	return viewer->play->display_ended ? NULL : viewer->play->display;
}

static void fail(struct es_play_viewer *viewer) {
	play_disconnect(viewer->play, ES_TERMINATE_ENCODER);
}

void play_viewer_attach_display(struct es_play_viewer *viewer) {
	struct es_room_process *display = usable_display(viewer);
	if (display == NULL || viewer->encoder == NULL || viewer->streamer == NULL) {
		return;
	}
	bool ok = true;
	if (!viewer->attached) {
		play_display_set_mode(viewer->play, &viewer->play->mode);
		play_display_tell_keyboard(viewer->play);
		viewer->attached = true;
		ok = attach(viewer, ES_ATTACH_DEVICE, viewer->streamer, display);
	}
	// The same number again replaces the link of an encoder that was lost.
	if (!ok || !attach(viewer, ES_ATTACH_FRAME, display, viewer->encoder)) {
		fail(viewer);
	}
}

// The right is that of the device link, which is made anew.
void play_viewer_tell_clipboard(struct es_play_viewer *viewer) {
	struct es_room_process *display = usable_display(viewer);
	if (viewer->attached && display != NULL && viewer->streamer != NULL &&
			!attach(viewer, ES_ATTACH_DEVICE, viewer->streamer, display)) {
		fail(viewer);
	}
}

// --- the encoder

static int handle_ready_time(sd_event_source *source, uint64_t usec, void *data) {
	struct es_play_viewer *viewer = data;
	event_timer_clear(&viewer->ready_timer);
	if (viewer->encoder != NULL) {
		es_log(ES_LOG_ERROR, "the %s did not get ready in time: killing it",
				room_label(viewer->encoder));
		encoder_slot_blame(&viewer->slot, "did not get ready in time");
		room_kill(viewer->encoder);
	}
	return 0;
}

static void lose_encoder(struct es_play_viewer *viewer, const char *why) {
	if (!viewer->left && viewer->encoder != NULL) {
		es_log(ES_LOG_WARN, "the %s %s: killing it", room_label(viewer->encoder), why);
		room_kill(viewer->encoder);
	}
}

static bool encoder_starves(struct es_play_viewer *viewer) {
	struct es_run_time at;
	int64_t patience_ns = encoder_slot_stuck_ms(&viewer->slot, true) * ES_NS_PER_MS;
	if (viewer->left || viewer->encoder == NULL || !run_time_read(room_pid(viewer->encoder), &at) ||
			!starvation_judge(&viewer->starvation, &at, patience_ns, clock_now_ns())) {
		return false;
	}
	es_log(viewer->starvation.n_grants == 1 ? ES_LOG_WARN : ES_LOG_DEBUG,
			"the %s gets no processor, the machine is overloaded: waiting on",
			room_label(viewer->encoder));
	return true;
}

void play_viewer_encoder_stuck(struct es_play_viewer *viewer, uint32_t number) {
	if (number == viewer->number && !encoder_starves(viewer)) {
		encoder_slot_blame(&viewer->slot, "did not answer any more");
		lose_encoder(viewer, "does not answer any more");
	}
}

static void encoder_ended(struct es_play_viewer *viewer, const struct es_session_msg *msg) {
	event_timer_clear(&viewer->ready_timer);
	room_must_end(viewer->encoder, LEAVE_NS);
	if (msg->end.code != ES_END_FAILED || viewer->left) {
		return;
	}
	es_log(ES_LOG_ERROR, "%s: %s", room_label(viewer->encoder), msg->end.text);
	encoder_slot_failed(&viewer->slot, msg->end.text, clock_now_ns());
}

static void on_encoder_message(
		void *data, struct es_room_process *room, const struct es_session_msg *msg) {
	struct es_play_viewer *viewer = data;
	switch (msg->type) {
	case ES_SESSION_READY:
		event_timer_clear(&viewer->ready_timer);
		return;
	case ES_SESSION_ENCODE_STATS:
		if (!viewer->left) {
			viewer->play->encode_stats = msg->encode_stats;
		}
		return;
	case ES_SESSION_END:
		encoder_ended(viewer, msg);
		return;
	default:
		return;
	}
}

static void on_encoder_gone(void *data, struct es_room_process *room, int status);

static const struct es_room_listener encoder_listener = {
		.message = on_encoder_message, .gone = on_encoder_gone};

static bool start_encoder(struct es_play_viewer *viewer) {
	char name[] = "earthshine-encode", label[64];
	char *argv[] = {name, NULL};
	struct es_plays *plays = viewer->play->plays;
	snprintf(label, sizeof(label), "encoder of session %u", viewer->play->id);
	viewer->encoder = room_create(plays->event, plays->children,
			&(struct es_room_start){.program = name, .label = label, .argv = argv},
			&encoder_listener, viewer);
	if (viewer->encoder == NULL) {
		return false;
	}
	encoder_slot_fill(&viewer->slot, &viewer->start_encode);
	room_send(viewer->encoder, &viewer->start_encode, NULL, 0);
	encoder_slot_started(&viewer->slot, clock_now_ns());
	viewer->starvation = (struct es_starvation){0};
	event_timer_set(plays->event, &viewer->ready_timer, READY_NS, handle_ready_time, viewer);
	return attach(viewer, ES_ATTACH_UNIT, viewer->encoder, viewer->streamer);
}

static void give_up(struct es_play_viewer *viewer, const char *what) {
	if (!viewer->slot.broken) {
		es_log(ES_LOG_ERROR,
				"session %u: the encoder %s, the %dth time within a minute: disconnecting the client; "
				"look at `earthshine doctor`",
				viewer->play->id, what, ES_RESTART_MAX + 1);
	}
	fail(viewer);
}

static void replace_encoder(struct es_play_viewer *viewer, const char *what) {
	const char *name = encoder_slot_rung(&viewer->slot)->name;
	switch (encoder_slot_lost(&viewer->slot, viewer->play->plays->facts, what, clock_now_ns())) {
	case ES_SLOT_GIVE_UP:
		give_up(viewer, what);
		return;
	case ES_SLOT_NEXT:
		es_log(ES_LOG_WARN, "session %u: encoder %s has failed (%s): the session goes on with %s",
				viewer->play->id, name, viewer->slot.blame, encoder_slot_rung(&viewer->slot)->name);
		break;
	case ES_SLOT_AGAIN:
		es_log(ES_LOG_WARN, "session %u: the encoder %s: starting another, the session goes on",
				viewer->play->id, what);
		break;
	}
	if (!start_encoder(viewer)) {
		fail(viewer);
		return;
	}
	play_viewer_attach_display(viewer);
}

static void check_gone(struct es_play_viewer *viewer) {
	struct es_play *play = viewer->play;
	if (viewer->encoder != NULL || viewer->streamer != NULL) {
		return;
	}
	struct es_play_viewer **link = &play->leaving;
	while (*link != NULL && *link != viewer) {
		link = &(*link)->next;
	}
	if (*link == viewer) {
		*link = viewer->next;
	}
	play_viewer_destroy(viewer);
	plays_touch(play->plays, false);
}

static void on_encoder_gone(void *data, struct es_room_process *room, int status) {
	struct es_play_viewer *viewer = data;
	char what[96];
	event_timer_clear(&viewer->ready_timer);
	viewer->encoder = NULL;
	room_destroy(room);
	if (viewer->left) {
		check_gone(viewer);
	} else {
		replace_encoder(viewer, process_describe_status(status, what, sizeof(what)));
	}
}

// --- the streamer

static void streamer_ended(struct es_play_viewer *viewer, const struct es_session_msg *msg) {
	struct es_play *play = viewer->play;
	viewer->streamer_ended = true;
	room_must_end(viewer->streamer, LEAVE_NS);
	if (viewer->left) {
		return;
	}
	switch (msg->end.code) {
	case ES_END_CLIENT_LEFT:
		es_log(ES_LOG_INFO, "session %u: '%s' has left", play->id, play->client_name);
		break;
	case ES_END_CLIENT_LOST:
		es_log(ES_LOG_INFO, "session %u: '%s' is lost: %s", play->id, play->client_name,
				msg->end.text[0] != '\0' ? msg->end.text : "it does not answer");
		break;
	default:
		es_log(ES_LOG_ERROR, "session %u: the streamer ended: %s", play->id, msg->end.text);
		break;
	}
	play_disconnect(play, 0);
}

static void tell_figures(const struct es_play *play) {
	const struct es_plays_watch *watch = &play->plays->watch;
	if (watch->figures != NULL) {
		watch->figures(watch->data, play);
	}
}

static void tell_frames(const struct es_play_viewer *viewer, const struct es_session_msg *msg) {
	const struct es_plays_watch *watch = &viewer->play->plays->watch;
	if (watch->frames != NULL && viewer->play->plays->wants_frames && !viewer->left) {
		watch->frames(
				watch->data, viewer->play, msg->frames.rows, msg->frames.n, msg->frames.dropped);
	}
}

static void on_streamer_message(
		void *data, struct es_room_process *room, const struct es_session_msg *msg) {
	struct es_play_viewer *viewer = data;
	switch (msg->type) {
	case ES_SESSION_CLIENT:
		if (!viewer->left) {
			play_connected(viewer->play);
		}
		return;
	case ES_SESSION_NEED_ENCODER:
		// An encoder's death tells both of us; only one that has hung up and lives on is news.
		if (encoder_slot_settled(&viewer->slot, clock_now_ns())) {
			lose_encoder(viewer, "has let go of the streamer");
		}
		return;
	case ES_SESSION_STREAM_STATS:
		if (!viewer->left) {
			viewer->play->stream_stats = msg->stream_stats;
			tell_figures(viewer->play);
		}
		return;
	case ES_SESSION_FRAMES:
		tell_frames(viewer, msg);
		return;
	case ES_SESSION_RESIZE:
		if (!viewer->left) {
			play_web_resize(viewer->play, &msg->mode);
		}
		return;
	case ES_SESSION_END:
		streamer_ended(viewer, msg);
		return;
	default:
		return;
	}
}

static void close_socket(struct es_play_viewer *viewer) {
	if (viewer->socket >= 0) {
		shutdown(viewer->socket, SHUT_RDWR);
		fd_close(&viewer->socket);
	}
}

static void on_streamer_gone(void *data, struct es_room_process *room, int status) {
	struct es_play_viewer *viewer = data;
	char what[96];
	viewer->streamer = NULL;
	room_destroy(room);
	close_socket(viewer);
	if (!viewer->left) {
		es_log(ES_LOG_ERROR, "session %u: the streamer %s: '%s' is disconnected", viewer->play->id,
				process_describe_status(status, what, sizeof(what)), viewer->play->client_name);
		play_disconnect(viewer->play, 0);
	}
	check_gone(viewer);
}

static const struct es_room_listener streamer_listener = {
		.message = on_streamer_message, .gone = on_streamer_gone};

static bool start_streamer(
		struct es_play_viewer *viewer, const struct es_play_viewer_setup *setup) {
	char name[] = "earthshine-stream", label[64];
	char *argv[] = {name, NULL};
	struct es_plays *plays = viewer->play->plays;
	snprintf(label, sizeof(label), "streamer of session %u", viewer->play->id);
	viewer->streamer = room_create(plays->event, plays->children,
			&(struct es_room_start){.program = name, .label = label, .argv = argv},
			&streamer_listener, viewer);
	if (viewer->streamer == NULL) {
		return false;
	}
	room_send(viewer->streamer, setup->start, setup->fds, setup->n_fds);
	if (plays->wants_frames) {
		play_viewer_tell_wants(viewer);
	}
	return true;
}

// --- all of it

bool play_viewer_start(struct es_play *play, const struct es_play_viewer_setup *setup) {
	struct es_play_viewer *viewer = calloc(1, sizeof(*viewer));
	if (viewer == NULL) {
		es_log(ES_LOG_ERROR, "session %u: cannot attach a client: out of memory", play->id);
		return false;
	}
	viewer->play = play;
	viewer->socket = -1;
	viewer->number = ++play->last_viewer;
	viewer->start_encode = (struct es_session_msg){
			.type = ES_SESSION_START_ENCODE,
			.start_encode =
					{
							.codec = setup->codec,
							.bitrate_kbps = setup->kbps,
							.slices = setup->slices,
							.max_refs = setup->max_refs,
							.keepalive_ms = setup->keepalive_ms,
							.strict = true,
					},
	};
	encoder_slot_init(&viewer->slot, setup->ladder);
	if (!start_streamer(viewer, setup) || !start_encoder(viewer)) {
		play_viewer_destroy(viewer);
		return false;
	}
	play->encode_stats = (struct es_encode_stats){0};
	play->stream_stats = (struct es_stream_stats){0};
	play->viewer = viewer;
	play->viewer_ns = clock_now_ns();
	if (setup->socket != NULL) {
		viewer->socket = *setup->socket;
		*setup->socket = -1;
	}
	play_viewer_attach_display(viewer);
	return play->viewer == viewer;
}

void play_viewer_destroy(struct es_play_viewer *viewer) {
	if (viewer == NULL) {
		return;
	}
	event_timer_clear(&viewer->ready_timer);
	room_destroy(viewer->encoder);
	room_destroy(viewer->streamer);
	close_socket(viewer);
	free(viewer);
}

void play_viewer_destroy_all(struct es_play_viewer *leaving) {
	while (leaving != NULL) {
		struct es_play_viewer *next = leaving->next;
		play_viewer_destroy(leaving);
		leaving = next;
	}
}

const struct es_play_viewer *play_viewer_next(const struct es_play_viewer *viewer) {
	return viewer->next;
}

static void end_streamer(struct es_play_viewer *viewer, uint32_t code) {
	if (code == 0 || viewer->streamer_ended) {
		room_hang_up(viewer->streamer, LEAVE_NS);
		return;
	}
	struct es_session_msg msg = {.type = ES_SESSION_TERMINATE, .terminate = {.code = code}};
	room_send(viewer->streamer, &msg, NULL, 0);
	room_must_end(viewer->streamer, TERMINATE_NS);
}

void play_viewer_leave(struct es_play_viewer *viewer, uint32_t code) {
	struct es_play *play = viewer->play;
	viewer->left = true;
	play->viewer = NULL;
	viewer->next = play->leaving;
	play->leaving = viewer;
	event_timer_clear(&viewer->ready_timer);
	if (viewer->attached) {
		play_display_detach(play, viewer->number);
	}
	if (viewer->encoder != NULL) {
		room_hang_up(viewer->encoder, LEAVE_NS);
	}
	if (viewer->streamer != NULL) {
		end_streamer(viewer, code);
	}
	plays_touch(play->plays, true);
}

bool play_viewer_ask_idr(struct es_play_viewer *viewer) {
	const struct es_session_msg msg = {.type = ES_SESSION_IDR};
	if (viewer->encoder == NULL) {
		return false;
	}
	room_send(viewer->encoder, &msg, NULL, 0);
	return true;
}

// The streamer knows what the way takes, and tells the encoder.
bool play_viewer_set_bitrate(struct es_play_viewer *viewer, uint32_t kbps) {
	const struct es_session_msg msg = {.type = ES_SESSION_BITRATE, .bitrate = {.kbps = kbps}};
	if (viewer->streamer == NULL) {
		return false;
	}
	viewer->start_encode.start_encode.bitrate_kbps = kbps;
	room_send(viewer->streamer, &msg, NULL, 0);
	return true;
}

void play_viewer_tell_wants(struct es_play_viewer *viewer) {
	struct es_session_msg msg = {
			.type = ES_SESSION_ROWS, .rows = {.on = viewer->play->plays->wants_frames}};
	if (viewer->streamer != NULL) {
		room_send(viewer->streamer, &msg, NULL, 0);
	}
}

void play_viewer_poll_stats(struct es_play_viewer *viewer) {
	struct es_run_time at;
	if (viewer->encoder != NULL) {
		if (run_time_read(room_pid(viewer->encoder), &at)) {
			starvation_note(&viewer->starvation, &at, clock_now_ns());
		}
		room_poll_stats(viewer->encoder);
	}
	if (viewer->streamer != NULL) {
		room_poll_stats(viewer->streamer);
	}
}

pid_t play_viewer_encoder_pid(const struct es_play_viewer *viewer) {
	return viewer->encoder != NULL ? room_pid(viewer->encoder) : -1;
}

pid_t play_viewer_streamer_pid(const struct es_play_viewer *viewer) {
	return viewer->streamer != NULL ? room_pid(viewer->streamer) : -1;
}

const char *play_viewer_encoder(const struct es_play_viewer *viewer) {
	return encoder_slot_rung(&viewer->slot)->name;
}

enum es_codec play_viewer_codec(const struct es_play_viewer *viewer) {
	return viewer->start_encode.start_encode.codec;
}
