#define _GNU_SOURCE // sigset_t in sd-event.h
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/event_timer.h"
#include "host/play.h"
#include "host/play_state.h"
#include "protocol/nvhttp.h"

#define ORPHANS_NS (2 * ES_NS_PER_S) // what a dead display leaves behind, between TERM and KILL
#define MAX_LEAVING 4 // connections of a session whose rooms are still ending

// --- the sweep: calls nobody expects from within, and frees what is over

static void call_waiters(struct es_play *play) {
	while (play->waiters != NULL) {
		struct es_play_waiter *waiter = play->waiters;
		play->waiters = waiter->next;
		waiter->done(waiter->data, true);
		free(waiter);
	}
}

static void remove_at(struct es_plays *plays, size_t index) {
	struct es_play *play = plays->items[index];
	plays->n--;
	memmove(&plays->items[index], &plays->items[index + 1],
			(plays->n - index) * sizeof(plays->items[0]));
	es_log(ES_LOG_INFO, "session %u is over", play->id);
	call_waiters(play);
	play_destroy(play);
	plays->changes = true;
}

static void remove_gone(struct es_plays *plays) {
	for (size_t i = 0; i < plays->n;) {
		struct es_play *play = plays->items[i];
		if (play_is_gone(play)) {
			play_display_after(play); // then it is not gone
		}
		if (play_is_gone(play)) {
			remove_at(plays, i);
		} else {
			i++;
		}
	}
}

static int handle_sweep(sd_event_source *source, uint64_t usec, void *data) {
	struct es_plays *plays = data;
	event_timer_clear(&plays->sweep);
	remove_gone(plays);
	codec_probe_pause(plays->probe, plays->n > 0);
	if (plays->changes && plays->changed != NULL) {
		plays->changes = false;
		plays->changed(plays->changed_data);
	}
	if (plays->draining && plays->n == 0 && plays->drained != NULL) {
		void (*drained)(void *data) = plays->drained;
		plays->drained = NULL;
		drained(plays->drained_data); // may destroy the table
	}
	return 0;
}

void plays_touch(struct es_plays *plays, bool changed) {
	plays->changes = plays->changes || changed;
	if (plays->sweep == NULL) {
		event_timer_set(plays->event, &plays->sweep, 0, handle_sweep, plays);
	}
}

// --- orphans

static int handle_orphans_time(sd_event_source *source, uint64_t usec, void *data) {
	struct es_plays *plays = data;
	event_timer_clear(&plays->orphans_timer);
	children_kill_strangers(plays->children);
	for (size_t i = 0; i < plays->n; i++) {
		plays->items[i]->orphans = false;
	}
	plays_touch(plays, false);
	return 0;
}

void plays_end_orphans(struct es_play *play) {
	struct es_plays *plays = play->plays;
	size_t n = children_signal_strangers(plays->children, SIGTERM);
	play->orphans = n > 0 &&
			(plays->orphans_timer != NULL ||
					event_timer_set(plays->event, &plays->orphans_timer, ORPHANS_NS,
							handle_orphans_time, plays));
}

// --- made and freed

static void on_probed(void *data) {
	((struct es_plays *)data)->probed = true;
}

bool plays_probed(const struct es_plays *plays) {
	return plays->probed || !codec_probe_running(plays->probe);
}

// GPUs and encoders as the settings want them; what is not known of them is found out.
static bool look_at_encoders(struct es_plays *plays) {
	struct es_ladder_facts *facts = plays->facts;
	codec_probe_destroy(plays->probe);
	ladder_facts_init(facts, plays->settings->gpu, "", NULL);
	bool any = strcmp(facts->choice, "auto") == 0;
	for (size_t i = 0; i < facts->n_gpus; i++) {
		any = any || gpu_matches(&facts->gpus[i], facts->choice);
	}
	if (!any) {
		es_log(ES_LOG_WARN, "no GPU of this machine is '%s' (gpu in the settings): %s",
				facts->choice, "encoding in software");
	}
	plays->probe = codec_probe_create(&(struct es_codec_probe_params){
			.event = plays->event,
			.children = plays->children,
			.facts = facts,
			.word = plays->settings->encoder,
			.finished = on_probed,
			.data = plays,
	});
	if (plays->probe != NULL) {
		codec_probe_pause(plays->probe, plays->n > 0);
	}
	return plays->probe != NULL;
}

struct es_plays *plays_create(sd_event *event, const struct es_settings *settings) {
	struct es_plays *plays = calloc(1, sizeof(*plays));
	if (plays == NULL) {
		es_log(ES_LOG_ERROR, "cannot keep sessions: out of memory");
		return NULL;
	}
	plays->event = event;
	plays->settings = settings;
	plays->children = children_create(event);
	if (plays->children == NULL) {
		plays_destroy(plays);
		return NULL;
	}
	plays->facts = calloc(1, sizeof(*plays->facts));
	if (plays->facts == NULL || !look_at_encoders(plays)) {
		plays_destroy(plays);
		return NULL;
	}
	return plays;
}

void plays_destroy(struct es_plays *plays) {
	if (plays == NULL) {
		return;
	}
	for (size_t i = 0; i < plays->n; i++) {
		play_destroy(plays->items[i]);
	}
	codec_probe_destroy(plays->probe);
	free(plays->facts);
	if (plays->children != NULL) {
		children_kill_strangers(plays->children);
	}
	children_destroy(plays->children);
	event_timer_clear(&plays->sweep);
	event_timer_clear(&plays->orphans_timer);
	used_keys_finish(&plays->keys);
	free(plays->items);
	free(plays);
}

void plays_contain(struct es_plays *plays, const struct es_containment *containment) {
	plays->containment = containment;
}

void plays_set_settings(struct es_plays *plays, const struct es_settings *settings) {
	bool same = strcmp(plays->settings->gpu, settings->gpu) == 0 &&
			strcmp(plays->settings->encoder, settings->encoder) == 0;
	plays->settings = settings;
	if (!same) {
		look_at_encoders(plays);
	}
	for (size_t i = 0; i < plays->n; i++) {
		play_arm_idle(plays->items[i]);
	}
}

struct es_children *plays_children(const struct es_plays *plays) {
	return plays->children;
}

void plays_on_change(struct es_plays *plays, void (*changed)(void *data), void *data) {
	plays->changed = changed;
	plays->changed_data = data;
}

void plays_watch(struct es_plays *plays, const struct es_plays_watch *watch) {
	plays->watch = *watch;
}

void plays_want_frames(struct es_plays *plays, bool wanted) {
	if (plays->wants_frames == wanted) {
		return;
	}
	plays->wants_frames = wanted;
	for (size_t i = 0; i < plays->n; i++) {
		if (plays->items[i]->viewer != NULL) {
			play_viewer_tell_wants(plays->items[i]->viewer);
		}
	}
}

void plays_drain(struct es_plays *plays, void (*done)(void *data), void *data) {
	plays->draining = true;
	plays->drained = done;
	plays->drained_data = data;
	for (size_t i = 0; i < plays->n; i++) {
		play_end(plays->items[i], ES_TERMINATE_GRACEFUL);
	}
	plays_touch(plays, false);
}

// --- codecs

bool plays_make_ladder(const struct es_plays *plays, enum es_codec codec, const char *render_node,
		struct es_ladder *ladder, char *error, size_t cap) {
	const char *word = plays->settings->encoder;
	if (ladder_make(ladder, plays->facts, word, codec, render_node, error, cap)) {
		return true;
	}
	// A session in software is better than none.
	return strcmp(word, "software") != 0 &&
			ladder_make(ladder, plays->facts, "software", codec, render_node, error, cap);
}

// Whether the best encoder is fast enough: hardware as its self-test has shown.
static bool is_fast_enough(
		const struct es_plays *plays, const struct es_ladder *ladder, const struct es_mode *mode) {
	const struct es_rung *rung = ladder->items[0];
	if (!rung->hardware) {
		return codec_speeds_offer(codec_probe_speeds(plays->probe), rung->name, mode);
	}
	struct es_codec_speeds speeds = {0};
	double fps = ladder_fps(plays->facts, ladder, rung);
	codec_speeds_set(&speeds, rung->name, ES_PROOF_WIDTH, ES_PROOF_HEIGHT, fps);
	return codec_speeds_offer(&speeds, rung->name, mode);
}

bool plays_offers(const struct es_plays *plays, enum es_codec codec, const struct es_mode *mode) {
	char error[256];
	struct es_ladder ladder;
	if (!plays_make_ladder(plays, codec, NULL, &ladder, error, sizeof(error))) {
		return false;
	}
	// The first that is built is offered in any case: without one there would be no session.
	bool first = true;
	for (int i = 0; i < (int)codec; i++) {
		struct es_ladder before;
		first = first &&
				!plays_make_ladder(plays, (enum es_codec)i, NULL, &before, error, sizeof(error));
	}
	return first || is_fast_enough(plays, &ladder, mode);
}

uint32_t plays_codec_support(const struct es_plays *plays) {
	static const uint32_t bits[ES_CODEC_COUNT] = {
			[ES_CODEC_H264] = ES_CODEC_SUPPORT_H264,
			[ES_CODEC_HEVC] = ES_CODEC_SUPPORT_HEVC,
			[ES_CODEC_AV1] = ES_CODEC_SUPPORT_AV1,
	};
	uint32_t support = 0;
	for (int i = 0; i < ES_CODEC_COUNT; i++) {
		support |= plays_offers(plays, (enum es_codec)i, NULL) ? bits[i] : 0;
	}
	return support;
}

// --- what a client sees

static bool may_see(const struct es_play *play, const struct es_client *client) {
	if (play->state == ES_PLAY_ENDING) {
		return false;
	}
	return play->client_id == client->id ||
			(play->state == ES_PLAY_DETACHED && !play->app.is_private);
}

// Higher is better: its own before others', an attached one before a detached one.
static int rank(const struct es_play *play, const struct es_client *client) {
	return (play->client_id == client->id ? 2 : 0) + (play->state != ES_PLAY_DETACHED ? 1 : 0);
}

struct es_play *plays_current(const struct es_plays *plays, const struct es_client *client) {
	struct es_play *best = NULL;
	for (size_t i = 0; i < plays->n; i++) {
		struct es_play *play = plays->items[i];
		// Of equals the newest.
		if (may_see(play, client) && (best == NULL || rank(play, client) >= rank(best, client))) {
			best = play;
		}
	}
	return best;
}

static const struct es_play *find_attached(const struct es_plays *plays) {
	for (size_t i = 0; i < plays->n; i++) {
		enum es_play_state state = plays->items[i]->state;
		if (state != ES_PLAY_ENDING && state != ES_PLAY_DETACHED) {
			return plays->items[i];
		}
	}
	return NULL;
}

// --- launch and resume

int plays_check_mode(
		const struct es_plays *plays, const struct es_mode *mode, char *error, size_t cap) {
	if (!mode_valid(mode)) {
		snprintf(error, cap, "mode %ux%u at %d mHz is out of range: %d to %d pixels, 1 to 1000 Hz",
				mode->width, mode->height, mode->refresh_mhz, ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE);
		return 400;
	}
	uint64_t rate = (uint64_t)mode->width * mode->height * (uint64_t)mode->refresh_mhz / 1000;
	uint64_t limit = plays->settings->max_pixel_rate;
	if (rate > limit) {
		snprintf(error, cap,
				"%ux%u at %d.%02d Hz is %" PRIu64
				" pixels per second, the limit of this host is %" PRIu64
				": choose a smaller resolution or rate",
				mode->width, mode->height, mode->refresh_mhz / 1000, mode->refresh_mhz % 1000 / 10,
				rate, limit);
		return 400;
	}
	return 200;
}

static int check_draining(const struct es_plays *plays, char *error, size_t cap) {
	if (plays->draining) {
		snprintf(error, cap, "the host is shutting down");
		return 503;
	}
	return 200;
}

static int check_request(const struct es_plays *plays, const struct es_play_request *request,
		char *error, size_t cap) {
	if (check_draining(plays, error, cap) != 200) {
		return 503;
	}
	if (request->corever < 1 && !request->client->legacy) {
		snprintf(error, cap,
				"this client cannot encrypt RTSP (corever %u): update it, or allow that for it on the "
				"host (earthshine clients legacy)",
				request->corever);
		return 403;
	}
	return plays_check_mode(plays, &request->mode, error, cap);
}

static int take_key(
		struct es_plays *plays, const struct es_play_request *request, char *error, size_t cap) {
	if (!used_keys_take(&plays->keys, request->key)) {
		snprintf(error, cap, "this session key was used before: start again with a new one");
		return 400;
	}
	return 200;
}

static bool make_room(struct es_plays *plays) {
	if (plays->n < plays->cap) {
		return true;
	}
	size_t cap = plays->cap > 0 ? 2 * plays->cap : 8;
	struct es_play **items = realloc(plays->items, cap * sizeof(*items));
	if (items == NULL) {
		return false;
	}
	plays->items = items;
	plays->cap = cap;
	return true;
}

static int check_count(const struct es_plays *plays, char *error, size_t cap) {
	if (plays->n >= plays->settings->max_sessions) {
		snprintf(error, cap, "%zu sessions run on this host, the limit is %u: end one first",
				plays->n, plays->settings->max_sessions);
		return 503;
	}
	return 200;
}

int plays_check_new(
		const struct es_plays *plays, const struct es_mode *mode, char *error, size_t cap) {
	int status = check_draining(plays, error, cap);
	status = status == 200 ? check_count(plays, error, cap) : status;
	return status == 200 ? plays_check_mode(plays, mode, error, cap) : status;
}

static int check_launch(const struct es_plays *plays, const struct es_play_request *request,
		char *error, size_t cap) {
	const struct es_play *current = plays_current(plays, request->client);
	if (current != NULL) {
		snprintf(error, cap,
				"An app is already running on this host: '%s'; resume or quit it first",
				current->app.title);
		return 400;
	}
	int status = check_count(plays, error, cap);
	return status == 200 ? check_request(plays, request, error, cap) : status;
}

static int begin_play(struct es_plays *plays, struct es_play *play,
		const struct es_play_request *request, char *error, size_t cap) {
	if (request->key == NULL) {
		play->mode = request->mode;
		play_admit_web(play, request->client->name);
	} else {
		int status = play_admit(play, request, error, cap);
		if (status != 200) {
			return status;
		}
	}
	if (!play_display_begin(play)) {
		snprintf(error, cap, "'%s' could not be started: see the host's log", play->app.title);
		return 503;
	}
	plays->items[plays->n++] = play;
	return 200;
}

int plays_add(struct es_plays *plays, const struct es_play_request *request, struct es_play **play,
		char *error, size_t cap) {
	struct es_play *made =
			make_room(plays) ? play_create(plays, plays->last_id + 1, request) : NULL;
	if (made == NULL) {
		snprintf(error, cap, "out of memory");
		return 503;
	}
	plays->last_id++;
	int status = begin_play(plays, made, request, error, cap);
	if (status != 200) {
		play_destroy(made);
		return status;
	}
	es_log(ES_LOG_INFO, "session %u: '%s' launches '%s' at %ux%u", made->id, made->client_name,
			made->app.title, made->mode.width, made->mode.height);
	*play = made;
	return 200;
}

int plays_launch(struct es_plays *plays, const struct es_play_request *request,
		struct es_play **play, char *error, size_t cap) {
	*play = NULL;
	int status = check_launch(plays, request, error, cap);
	status = status == 200 ? take_key(plays, request, error, cap) : status;
	return status == 200 ? plays_add(plays, request, play, error, cap) : status;
}

bool play_is_hasty(const struct es_play *play, char *error, size_t cap) {
	size_t n = 0;
	for (const struct es_play_viewer *v = play->leaving; v != NULL; v = play_viewer_next(v)) {
		n++;
	}
	if (n >= MAX_LEAVING) {
		snprintf(error, cap, "the connections before this one are still ending: try again");
	}
	return n >= MAX_LEAVING;
}

int plays_resume(struct es_plays *plays, const struct es_play_request *request,
		struct es_play **play, char *error, size_t cap) {
	*play = NULL;
	struct es_play *found = plays_current(plays, request->client);
	if (found == NULL) {
		const struct es_play *attached = find_attached(plays);
		if (attached == NULL) {
			snprintf(error, cap, "nothing runs here that could be resumed: launch an app");
			return 503;
		}
		snprintf(error, cap, "another client plays '%s': it must leave first", attached->app.title);
		return 400;
	}
	int status = check_request(plays, request, error, cap);
	status = status == 200 && play_is_hasty(found, error, cap) ? 503 : status;
	status = status == 200 ? take_key(plays, request, error, cap) : status;
	status = status == 200 ? play_admit(found, request, error, cap) : status;
	if (status == 200) {
		es_log(ES_LOG_INFO, "session %u: '%s' resumes '%s'", found->id, found->client_name,
				found->app.title);
		*play = found;
	}
	return status;
}

// --- the end

static void end_and_tell(struct es_play *play, void (*done)(void *data, bool ended), void *data) {
	bool waits = play_add_waiter(play, done, data);
	play_end(play, ES_TERMINATE_GRACEFUL);
	if (!waits) {
		done(data, false);
	}
}

void plays_cancel(struct es_plays *plays, const struct es_client *client,
		void (*done)(void *data, bool ended), void *data) {
	struct es_play *play = plays_current(plays, client);
	// One that is ending already still runs for the client that asks.
	for (size_t i = 0; i < plays->n && play == NULL; i++) {
		play = plays->items[i]->client_id == client->id ? plays->items[i] : NULL;
	}
	if (play == NULL) {
		done(data, false);
		return;
	}
	end_and_tell(play, done, data);
}

void plays_forget(struct es_plays *plays, void *data) {
	for (size_t i = 0; i < plays->n; i++) {
		struct es_play_waiter **link = &plays->items[i]->waiters;
		while (*link != NULL) {
			struct es_play_waiter *waiter = *link;
			if (waiter->data == data) {
				*link = waiter->next;
				free(waiter);
			} else {
				link = &waiter->next;
			}
		}
	}
}

static struct es_play_viewer *find_viewer(const struct es_plays *plays, uint32_t id) {
	for (size_t i = 0; i < plays->n; i++) {
		if (plays->items[i]->id == id) {
			return plays->items[i]->viewer;
		}
	}
	return NULL;
}

bool plays_ask_idr(struct es_plays *plays, uint32_t id) {
	struct es_play_viewer *viewer = find_viewer(plays, id);
	return viewer != NULL && play_viewer_ask_idr(viewer);
}

bool plays_set_bitrate(struct es_plays *plays, uint32_t id, uint32_t kbps) {
	struct es_play_viewer *viewer = find_viewer(plays, id);
	return viewer != NULL && play_viewer_set_bitrate(viewer, kbps);
}

bool plays_stop(struct es_plays *plays, uint32_t id, void (*done)(void *data, bool ended),
		void *data, char *error, size_t cap) {
	if (id == 0 && plays->n != 1) {
		snprintf(error, cap,
				plays->n == 0 ? "no session runs" : "%zu sessions run: name one by its number",
				plays->n);
		return false;
	}
	for (size_t i = 0; i < plays->n; i++) {
		if (id == 0 || plays->items[i]->id == id) {
			end_and_tell(plays->items[i], done, data);
			return true;
		}
	}
	snprintf(error, cap, "there is no session %u", id);
	return false;
}

void plays_revoke(struct es_plays *plays, uint32_t client_id) {
	for (size_t i = 0; i < plays->n; i++) {
		struct es_play *play = plays->items[i];
		if (play->client_id != client_id) {
			continue;
		}
		if (play->app.is_private) {
			play_end(play, ES_TERMINATE_GRACEFUL);
		} else {
			play_disconnect(play, ES_TERMINATE_GRACEFUL);
		}
	}
}

void plays_set_keyboard(struct es_plays *plays, uint32_t client_id, const char *layout) {
	for (size_t i = 0; i < plays->n; i++) {
		struct es_play *play = plays->items[i];
		if (play->client_id == client_id) {
			play_set_keyboard(play, layout);
			play_display_tell_keyboard(play);
		}
	}
}

void plays_set_clipboard(struct es_plays *plays, uint32_t client_id, bool clipboard) {
	for (size_t i = 0; i < plays->n; i++) {
		struct es_play *play = plays->items[i];
		if (play->client_id == client_id && play->clipboard != clipboard) {
			play->clipboard = clipboard;
			if (play->viewer != NULL) {
				play_viewer_tell_clipboard(play->viewer);
			}
		}
	}
}

// --- looking around

struct es_play *plays_next_pending(
		const struct es_plays *plays, const struct es_play *previous, const char *peer) {
	bool past = previous == NULL;
	for (size_t i = 0; i < plays->n; i++) {
		struct es_play *play = plays->items[i];
		bool expects = play->state == ES_PLAY_PENDING || play->state == ES_PLAY_NEGOTIATED;
		if (past && expects && strcmp(play->ticket.peer, peer) == 0) {
			return play;
		}
		past = past || play == previous;
	}
	return NULL;
}

size_t plays_count(const struct es_plays *plays) {
	return plays->n;
}

struct es_play *plays_at(const struct es_plays *plays, size_t index) {
	return index < plays->n ? plays->items[index] : NULL;
}
