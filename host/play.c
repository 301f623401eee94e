#include "host/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/env_list.h"
#include "host/event_timer.h"
#include "host/play_state.h"
#include "protocol/nvhttp.h"

#define CONNECT_NS \
	(10 * ES_NS_PER_S) // to RTSP's ANNOUNCE, and from there to the control connection
#define STATS_NS ES_NS_PER_S
#define ES_NS_PER_MINUTE (60 * ES_NS_PER_S)

// --- made and freed

static char *copy_text(const char *text) {
	return strdup(text != NULL ? text : "");
}

static bool copy_app(
		struct es_play_app *copy, const struct es_app *app, const struct es_settings *settings) {
	copy->id = app->id;
	copy->is_private = app->is_private;
	copy->is_free = app->is_free;
	copy->gamepad = app->gamepad;
	copy->title = copy_text(app->title);
	copy->keyboard = copy_text(app->keyboard != NULL ? app->keyboard : settings->keyboard);
	copy->seat =
			copy_text(app->local_devices != NULL ? app->local_devices : settings->local_devices);
	copy->command = env_list_copy(app->command);
	copy->env = env_list_copy(app->env);
	copy->before = app->before != NULL ? env_list_copy(app->before) : NULL;
	copy->after = app->after != NULL ? env_list_copy(app->after) : NULL;
	return copy->title != NULL && copy->keyboard != NULL && copy->seat != NULL &&
			copy->command != NULL && copy->env != NULL &&
			(app->before == NULL || copy->before != NULL) &&
			(app->after == NULL || copy->after != NULL);
}

static void free_app(struct es_play_app *app) {
	free(app->title);
	free(app->keyboard);
	free(app->seat);
	env_list_free(app->command);
	env_list_free(app->env);
	env_list_free(app->before);
	env_list_free(app->after);
}

static void finish_ticket(struct es_play_ticket *ticket) {
	media_ports_close(&ticket->ports);
	crypto_wipe(ticket, sizeof(*ticket));
	media_ports_init(&ticket->ports);
}

static uint8_t sound_layout(uint32_t channels) {
	return channels == 0 ? 0 : channels < 6 ? 2 : channels < 8 ? 6 : 8;
}

struct es_play *play_create(
		struct es_plays *plays, uint32_t id, const struct es_play_request *request) {
	struct es_play *play = calloc(1, sizeof(*play));
	if (play == NULL) {
		return NULL;
	}
	play->plays = plays;
	play->id = id;
	play->since_ns = clock_now_ns();
	play->state = ES_PLAY_PENDING;
	play->audio_channels = plays->settings->sound ? sound_layout(request->audio_channels) : 0;
	media_ports_init(&play->ticket.ports);
	if (!copy_app(&play->app, request->app, plays->settings)) {
		play_destroy(play);
		return NULL;
	}
	return play;
}

void play_destroy(struct es_play *play) {
	if (play == NULL) {
		return;
	}
	play_viewer_destroy(play->viewer);
	play_viewer_destroy_all(play->leaving);
	app_hook_destroy(play->hook);
	room_destroy(play->display);
	event_timer_clear(&play->timer);
	event_timer_clear(&play->stats_timer);
	event_timer_clear(&play->display_timer);
	finish_ticket(&play->ticket);
	runtime_dir_finish(&play->runtime_dir);
	while (play->waiters != NULL) {
		struct es_play_waiter *waiter = play->waiters;
		play->waiters = waiter->next;
		free(waiter);
	}
	free_app(&play->app);
	free(play);
}

bool play_add_waiter(struct es_play *play, void (*done)(void *data, bool ended), void *data) {
	struct es_play_waiter *waiter = calloc(1, sizeof(*waiter));
	if (waiter == NULL) {
		return false;
	}
	*waiter = (struct es_play_waiter){.done = done, .data = data, .next = play->waiters};
	play->waiters = waiter;
	return true;
}

// --- states

static void enter(struct es_play *play, enum es_play_state state, int64_t limit_ns,
		sd_event_time_handler_t late) {
	play->state = state;
	event_timer_clear(&play->timer);
	event_timer_clear(&play->stats_timer);
	if (late != NULL && !event_timer_set(play->plays->event, &play->timer, limit_ns, late, play)) {
		es_log(ES_LOG_ERROR, "session %u has no time limit now", play->id);
	}
	plays_touch(play->plays, true);
}

bool play_is_gone(const struct es_play *play) {
	return play->state == ES_PLAY_ENDING && play->viewer == NULL && play->leaving == NULL &&
			play_display_gone(play);
}

void play_end(struct es_play *play, uint32_t code) {
	if (play->state == ES_PLAY_ENDING) {
		return;
	}
	enter(play, ES_PLAY_ENDING, 0, NULL); // each of its rooms has a time limit of its own
	if (play->viewer != NULL) {
		play_viewer_leave(play->viewer, code);
	}
	finish_ticket(&play->ticket);
	play_display_end(play);
}

static int handle_idle(sd_event_source *source, uint64_t usec, void *data) {
	struct es_play *play = data;
	event_timer_clear(&play->timer);
	es_log(ES_LOG_INFO, "session %u: nobody has come back to '%s' for %u minutes: ending it",
			play->id, play->app.title, play->plays->settings->idle_minutes);
	play_end(play, ES_TERMINATE_GRACEFUL);
	return 0;
}

void play_arm_idle(struct es_play *play) {
	if (play->state != ES_PLAY_DETACHED) {
		return;
	}
	uint32_t minutes = play->plays->settings->idle_minutes;
	event_timer_clear(&play->timer);
	if (minutes > 0) {
		int64_t end_ns = play->detached_ns + minutes * ES_NS_PER_MINUTE;
		event_timer_set(
				play->plays->event, &play->timer, end_ns - clock_now_ns(), handle_idle, play);
	}
}

void play_disconnect(struct es_play *play, uint32_t code) {
	if (play->state == ES_PLAY_ENDING || play->state == ES_PLAY_DETACHED) {
		return;
	}
	if (!play->played) {
		play_end(play, code);
		return;
	}
	if (play->viewer != NULL) {
		play_viewer_leave(play->viewer, code);
	}
	finish_ticket(&play->ticket);
	play->detached_ns = clock_now_ns();
	enter(play, ES_PLAY_DETACHED, 0, NULL);
	play_arm_idle(play);
}

static int handle_connect_time(sd_event_source *source, uint64_t usec, void *data) {
	struct es_play *play = data;
	event_timer_clear(&play->timer);
	es_log(ES_LOG_WARN, "session %u: '%s' has not connected within %d s%s", play->id,
			play->client_name, (int)(CONNECT_NS / ES_NS_PER_S),
			play->played ? "" : ": ending the session");
	play_disconnect(play, ES_TERMINATE_GRACEFUL);
	return 0;
}

static void make_token(char *out, size_t length) {
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const size_t n = sizeof(alphabet) - 1;
	for (size_t i = 0; i < length;) {
		uint8_t byte;
		crypto_random(&byte, sizeof(byte));
		if (byte < 256 / n * n) { // else some would come more often
			out[i++] = alphabet[byte % n];
		}
	}
	out[length] = '\0';
}

static void fill_ticket(const struct es_play *play, struct es_play_ticket *ticket,
		const struct es_play_request *request) {
	memcpy(ticket->key, request->key, sizeof(ticket->key));
	ticket->key_id = request->key_id;
	ticket->legacy = request->client->legacy;
	ticket->encrypted = request->corever >= 1;
	snprintf(ticket->peer, sizeof(ticket->peer), "%s", request->peer);
	make_token(ticket->ping, ES_PLAY_PING_SIZE);
	make_token(ticket->token, ES_PLAY_TOKEN_SIZE);
	crypto_random(&ticket->connect_data, sizeof(ticket->connect_data));
	for (size_t i = 0; i < ES_CODEC_COUNT; i++) {
		ticket->codecs[i] = plays_offers(play->plays, (enum es_codec)i, &request->mode);
	}
}

void play_set_keyboard(struct es_play *play, const char *layout) {
	snprintf(play->keyboard, sizeof(play->keyboard), "%s",
			layout[0] != '\0' ? layout : play->app.keyboard);
}

void play_admit_web(struct es_play *play, const char *client_name) {
	if (play->viewer != NULL) {
		play_viewer_leave(play->viewer, ES_TERMINATE_GRACEFUL);
	}
	finish_ticket(&play->ticket);
	play->client_id = 0;
	play->clipboard = play->web_clipboard;
	snprintf(play->client_name, sizeof(play->client_name), "%s", client_name);
	play_set_keyboard(play, "");
	enter(play, ES_PLAY_PENDING, CONNECT_NS, handle_connect_time);
}

int play_admit(
		struct es_play *play, const struct es_play_request *request, char *error, size_t cap) {
	const struct es_settings *settings = play->plays->settings;
	struct es_play_ticket ticket = {0};
	if (!media_ports_open(&ticket.ports, settings->address, settings->port, error, cap)) {
		es_log(ES_LOG_ERROR, "session %u: %s", play->id, error);
		return 503;
	}
	fill_ticket(play, &ticket, request);
	if (play->viewer != NULL) {
		play_viewer_leave(play->viewer, ES_TERMINATE_GRACEFUL);
	}
	finish_ticket(&play->ticket);
	play->ticket = ticket;
	crypto_wipe(&ticket, sizeof(ticket));
	play->client_id = request->client->id;
	memcpy(play->client_name, request->client->name, sizeof(play->client_name));
	play->mode = request->mode;
	play_set_keyboard(play, request->client->keyboard);
	play->clipboard = request->client->clipboard;
	enter(play, ES_PLAY_PENDING, CONNECT_NS, handle_connect_time);
	return 200;
}

static int handle_stats_time(sd_event_source *source, uint64_t usec, void *data) {
	struct es_play *play = data;
	event_timer_set(play->plays->event, &play->stats_timer, STATS_NS, handle_stats_time, play);
	if (play->display != NULL) {
		room_poll_stats(play->display);
	}
	if (play->viewer != NULL) {
		play_viewer_poll_stats(play->viewer);
	}
	return 0;
}

void play_connected(struct es_play *play) {
	if (play->state != ES_PLAY_NEGOTIATED) {
		return;
	}
	es_log(ES_LOG_INFO, "session %u: '%s' plays '%s'", play->id, play->client_name,
			play->app.title);
	play->played = true;
	finish_ticket(&play->ticket); // its work is done, and its sockets are the streamer's
	enter(play, ES_PLAY_PLAYING, 0, NULL);
	event_timer_set(play->plays->event, &play->stats_timer, STATS_NS, handle_stats_time, play);
}

// --- RTSP

static uint32_t encryption_supported(const struct es_play *play) {
	bool off = play->plays->settings->encryption == ES_ENCRYPT_OFF;
	return off ? ES_GAMESTREAM_ENCRYPT_CONTROL
			   : ES_GAMESTREAM_ENCRYPT_CONTROL | ES_GAMESTREAM_ENCRYPT_VIDEO |
					ES_GAMESTREAM_ENCRYPT_AUDIO;
}

void play_offer(struct es_play *play, struct es_play_offer *offer) {
	struct es_play_ticket *ticket = &play->ticket;
	*offer = (struct es_play_offer){
			.key = ticket->key,
			.encrypted = ticket->encrypted,
			.video_port = ticket->ports.ports[ES_MEDIA_VIDEO],
			.audio_port = ticket->ports.ports[ES_MEDIA_AUDIO],
			.control_port = ticket->ports.ports[ES_MEDIA_CONTROL],
			.ping = ticket->ping,
			.connect_data = ticket->connect_data,
			.token = ticket->token,
			.client_sequence = &ticket->client_sequence,
			.host_sequence = &ticket->host_sequence,
	};
	// An encoder that cannot invalidate answers with an IDR.
	offer->sdp.invalidation = true;
	offer->sdp.encryption_supported = encryption_supported(play);
	offer->sdp.encryption_requested = offer->sdp.encryption_supported;
	offer->sdp.pen_touch = true;
	memcpy(offer->sdp.codecs, ticket->codecs, sizeof(offer->sdp.codecs));
}

static int refuse_encryption(
		const struct es_play *play, const struct es_announce *announce, char *error, size_t cap) {
	uint32_t all = ES_GAMESTREAM_ENCRYPT_CONTROL | ES_GAMESTREAM_ENCRYPT_VIDEO |
			ES_GAMESTREAM_ENCRYPT_AUDIO;
	if ((announce->encryption & ES_GAMESTREAM_ENCRYPT_CONTROL) == 0 && !play->ticket.legacy) {
		snprintf(error, cap,
				"encryption %u leaves the control stream to the old scheme: update the client, or allow "
				"that for it on the host (earthshine clients legacy)",
				announce->encryption);
		return 403;
	}
	if (play->plays->settings->encryption == ES_ENCRYPT_REQUIRED && announce->encryption != all) {
		snprintf(error, cap, "encryption %u: this host demands %u (control, video and audio)",
				announce->encryption, all);
		return 403;
	}
	// Audio may be encrypted by an older flag that knows nothing of our offer.
	if ((announce->encryption & ~(encryption_supported(play) | ES_GAMESTREAM_ENCRYPT_AUDIO)) != 0) {
		snprintf(error, cap, "encryption %u: the host has offered %u", announce->encryption,
				encryption_supported(play));
		return 400;
	}
	return 200;
}

static int refuse_picture(
		const struct es_play *play, const struct es_announce *announce, char *error, size_t cap) {
	if (announce->ten_bit || announce->yuv444) {
		snprintf(error, cap, "%s is not offered: no encoder of this host makes it",
				announce->yuv444 ? "4:4:4 chroma" : "10 bits per component (HDR)");
		return 400;
	}
	if ((unsigned)announce->codec >= ES_CODEC_COUNT || !play->ticket.codecs[announce->codec]) {
		const char *name = codec_name(announce->codec);
		snprintf(error, cap, "%s is not offered: this host does not sustain %ux%u in it",
				name != NULL ? name : "this codec", play->mode.width, play->mode.height);
		return 400;
	}
	return plays_check_mode(play->plays, &announce->mode, error, cap);
}

static uint32_t choose_kbps(const struct es_play *play, const struct es_announce *announce) {
	const struct es_settings *settings = play->plays->settings;
	uint32_t asked = announce_video_kbps(announce, settings->fec_percent);
	uint32_t limit = settings->max_kbps < ES_MAX_KBPS ? settings->max_kbps : ES_MAX_KBPS;
	limit = limit > ES_MIN_KBPS ? limit : ES_MIN_KBPS;
	if (asked > limit) {
		es_log(ES_LOG_INFO, "session %u: %u kbit/s asked for, the limit is %u", play->id, asked,
				limit);
	}
	uint32_t kbps = asked < limit ? asked : limit;
	return kbps > ES_MIN_KBPS ? kbps : ES_MIN_KBPS;
}

int play_view(
		struct es_play *play, const struct es_play_viewer_setup *setup, char *error, size_t cap) {
	if (!play_viewer_start(play, setup)) {
		snprintf(error, cap, "encoder or streamer could not be started: see the host's log");
		return 500;
	}
	enter(play, ES_PLAY_NEGOTIATED, CONNECT_NS, handle_connect_time);
	return 200;
}

// Wi-Fi queues for video and voice: CS4 (real-time interactive) and EF of RFC 4594.
#define DSCP_VIDEO 32
#define DSCP_AUDIO 46
#define LOST_MS 10000 // a client that says nothing for so long is lost

static struct es_session_msg make_start(
		const struct es_play *play, const struct es_announce *announce, uint32_t kbps) {
	const struct es_play_ticket *ticket = &play->ticket;
	struct es_session_msg msg = {.type = ES_SESSION_START_GAMESTREAM};
	struct es_gamestream_start *start = &msg.start_gamestream;
	memcpy(start->key, ticket->key, sizeof(start->key));
	start->key_id = ticket->key_id;
	memcpy(start->ping, ticket->ping, sizeof(start->ping));
	start->connect_data = ticket->connect_data;
	memcpy(start->peer, ticket->peer, sizeof(start->peer));
	start->encryption = announce->encryption;
	start->legacy_ping = !announce->session_id;
	start->packet_size = announce->packet_size;
	start->fec_percent = play->plays->settings->fec_percent;
	start->min_parity = announce->min_parity;
	start->dscp_video = announce->mark_video ? DSCP_VIDEO : 0;
	start->dscp_audio = announce->mark_audio ? DSCP_AUDIO : 0;
	start->refresh_mhz = announce->mode.refresh_mhz;
	start->bitrate_kbps = kbps;
	start->lost_ms = LOST_MS;
	start->audio_channels = play->audio_channels > 0 ? announce->audio_channels : 0;
	start->audio_packet_ms = announce->audio_packet_ms;
	start->audio_high_quality = announce->audio_high_quality;
	return msg;
}

int play_negotiate(
		struct es_play *play, const struct es_announce *announce, char *error, size_t cap) {
	if (play->state != ES_PLAY_PENDING) {
		snprintf(error, cap, "this session expects no ANNOUNCE now: launch or resume first");
		return 400;
	}
	int status = refuse_encryption(play, announce, error, cap);
	status = status == 200 ? refuse_picture(play, announce, error, cap) : status;
	if (status != 200) {
		es_log(ES_LOG_WARN, "session %u: '%s' is refused: %s", play->id, play->client_name, error);
		return status;
	}
	struct es_ladder ladder;
	ladder_facts_reload(play->plays->facts); // what others have found out
	if (!plays_make_ladder(play->plays, announce->codec, play->render_node, &ladder, error, cap)) {
		return 500;
	}
	const int *ports = play->ticket.ports.fds;
	const int fds[] = {ports[ES_MEDIA_VIDEO], ports[ES_MEDIA_AUDIO], ports[ES_MEDIA_CONTROL]};
	uint32_t kbps = choose_kbps(play, announce);
	struct es_session_msg start = make_start(play, announce, kbps);
	struct es_play_viewer_setup setup = {
			.start = &start,
			.fds = fds,
			.n_fds = sizeof(fds) / sizeof(fds[0]),
			.codec = announce->codec,
			.kbps = kbps,
			.slices = announce->slices,
			.max_refs = announce->max_refs,
			.keepalive_ms = play->plays->settings->keepalive_ms,
			.ladder = &ladder,
	};
	play->mode = announce->mode;
	status = play_view(play, &setup, error, cap);
	crypto_wipe(&start, sizeof(start));
	return status;
}

// --- what the operator sees

uint32_t play_app_id(const struct es_play *play) {
	return play->app.id;
}

void play_info(const struct es_play *play, struct es_play_info *info) {
	*info = (struct es_play_info){
			.id = play->id,
			.state = play->state,
			.app_id = play->app.id,
			.app_title = play->app.title,
			.client_name = play->client_name,
			.mode = play->mode,
			.encoder = play->viewer != NULL ? play_viewer_encoder(play->viewer) : "",
			.codec = play->viewer != NULL ? play_viewer_codec(play->viewer) : ES_CODEC_H264,
			.gpu = play->render_node,
			.web_clipboard = play->web_clipboard,
			.since_ns = play->since_ns,
			.viewer = play->last_viewer,
			.viewer_ns = play->viewer_ns,
			.display_stats = &play->display_stats,
			.encode_stats = &play->encode_stats,
			.stream_stats = &play->stream_stats,
	};
}
