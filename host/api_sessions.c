#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "host/api_route.h"
#include "host/play.h"
#include "host/play_web.h"
#include "host/settings.h"
#include "protocol/mode.h"

static const char *const codec_words[] = {"h264", "av1", NULL};

static const char *const state_names[] = {
		[ES_PLAY_PENDING] = "pending",
		[ES_PLAY_NEGOTIATED] = "negotiated",
		[ES_PLAY_PLAYING] = "playing",
		[ES_PLAY_DETACHED] = "detached",
		[ES_PLAY_ENDING] = "ending",
		NULL,
};

static const char *const stage_names[] = {
		[ES_STAGE_WAIT] = "wait",
		[ES_STAGE_COMPOSE] = "compose",
		[ES_STAGE_QUEUE] = "queue",
		[ES_STAGE_CONVERT] = "convert",
		[ES_STAGE_ENCODE] = "encode",
		[ES_STAGE_PACKETIZE] = "packetize",
		[ES_STAGE_SEND] = "send",
		[ES_STAGE_TOTAL] = "total",
		[ES_STAGE_COUNT] = NULL,
};

static const struct es_api_field stage_fields[] = {
		{"name", ES_API_TEXT, true, .words = stage_names,
				.help = "of a picture's way, in its order"},
		{"p50_us", ES_API_NUMBER, true, .help = "median, of late"},
		{"p99_us", ES_API_NUMBER, true, .help = "99 of 100 are below, of late"},
		{NULL},
};
static const struct es_api_schema stage_schema = {"Stage", stage_fields};

static const struct es_api_field figures_fields[] = {
		{"committed", ES_API_NUMBER, true, .help = "changes of the picture by the app"},
		{"superseded", ES_API_NUMBER, true, .help = "of these, replaced before they were sent"},
		{"frames_new", ES_API_NUMBER, true, .help = "pictures that were sent"},
		{"frames_repeated", ES_API_NUMBER, true, .help = "repeats of a still picture"},
		{"frames_dropped", ES_API_NUMBER, true, .help = "pictures given up by the streamer"},
		{"bytes", ES_API_NUMBER, true, .help = "of video"},
		{"latency_p50_us", ES_API_NUMBER, true,
				.help = "from the change to the last datagram, of late: median"},
		{"latency_p99_us", ES_API_NUMBER, true, .help = "the same: 99 of 100 are below"},
		{"idr_made", ES_API_NUMBER, true, .help = "whole pictures"},
		{"datagrams", ES_API_NUMBER, true, .help = "of video"},
		{"datagrams_lost", ES_API_NUMBER, true, .help = "as the client reports"},
		{"datagrams_refused", ES_API_NUMBER, true, .help = "of strangers, forged or replayed"},
		{"fec_percent", ES_API_NUMBER, true, .help = "of parity, now"},
		{"rtt_us", ES_API_NUMBER, true, .help = "smoothed; 0: unknown"},
		{"bitrate_kbps", ES_API_NUMBER, true, .help = "now"},
		{"sound_packets", ES_API_NUMBER, true, .help = "that went out"},
		{"sound_dropped", ES_API_NUMBER, true, .help = "too late, or no room"},
		{"sound_inserted", ES_API_NUMBER, true, .help = "of silence, where clocks part"},
		{"sound_p50_us", ES_API_NUMBER, true, .help = "from sample to datagram: median"},
		{"sound_p99_us", ES_API_NUMBER, true, .help = "the same: 99 of 100 are below"},
		{"stages", ES_API_OBJECTS, true, .of = &stage_schema,
				.help = "where the latency comes from; `total` is from the change to the last datagram"},
		{NULL},
};
static const struct es_api_schema figures_schema = {"Figures", figures_fields};

static const struct es_api_field session_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "never used again"},
		{"state", ES_API_TEXT, true, .words = state_names, .help = "how far it has come"},
		{"app", ES_API_NUMBER, true, .help = "the app's id"},
		{"title", ES_API_TEXT, true, .help = "the app's"},
		{"client", ES_API_TEXT, true, .help = "who plays, or played last"},
		{"width", ES_API_NUMBER, true, .help = "of the screen, in pixels"},
		{"height", ES_API_NUMBER, true, .help = "the same"},
		{"refresh_mhz", ES_API_NUMBER, true, .help = "in thousandths of a hertz"},
		{"encoder", ES_API_TEXT, true, .help = "empty while nobody is attached"},
		{"codec", ES_API_TEXT, true, .help = "the same"},
		{"seconds", ES_API_NUMBER, true, .help = "since its launch"},
		{"clipboard", ES_API_BOOL, true,
				.help = "whether pages may read the text that the app copies, and set it"},
		{"stats", ES_API_OBJECT, true, .of = &figures_schema,
				.help = "since its launch, but what is of late"},
		{NULL},
};
static const struct es_api_schema session_schema = {"Session", session_fields};

static const struct es_api_field sessions_fields[] = {
		{"sessions", ES_API_OBJECTS, true, .of = &session_schema, .help = "in order of id"},
		{NULL},
};
static const struct es_api_schema sessions_schema = {"Sessions", sessions_fields};

static void add_stages(
		yyjson_mut_doc *doc, yyjson_mut_val *stats, const struct es_stream_stats *stream) {
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, stats, "stages");
	for (int i = 0; i < ES_STAGE_COUNT; i++) {
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
		yyjson_mut_obj_add_str(doc, item, "name", stage_names[i]);
		yyjson_mut_obj_add_uint(doc, item, "p50_us", stream->recent[i].p50_us);
		yyjson_mut_obj_add_uint(doc, item, "p99_us", stream->recent[i].p99_us);
	}
}

static void add_figures(
		yyjson_mut_doc *doc, yyjson_mut_val *stats, const struct es_play_info *info) {
	const struct es_display_stats *display = info->display_stats;
	const struct es_encode_stats *encode = info->encode_stats;
	const struct es_stream_stats *stream = info->stream_stats;
	const struct {
		const char *key;
		uint64_t value;
	} figures[] = {
			{"committed", display->committed},
			{"superseded", display->superseded},
			{"frames_new", stream->units_new},
			{"frames_repeated", stream->units_repeated},
			{"frames_dropped", stream->dropped},
			{"bytes", stream->bytes},
			{"latency_p50_us", stream->recent[ES_STAGE_TOTAL].p50_us},
			{"latency_p99_us", stream->recent[ES_STAGE_TOTAL].p99_us},
			{"idr_made", encode->idr_made},
			{"datagrams", stream->net.datagrams},
			{"datagrams_lost", stream->net.lost},
			{"datagrams_refused", stream->net.refused},
			{"fec_percent", stream->net.fec_percent},
			{"rtt_us", stream->net.rtt_us},
			{"bitrate_kbps", stream->net.bitrate_kbps},
			{"sound_packets", stream->sound.packets},
			{"sound_dropped", stream->sound.dropped + display->sound_dropped},
			{"sound_inserted", stream->sound.inserted},
			{"sound_p50_us", stream->sound.p50_us},
			{"sound_p99_us", stream->sound.p99_us},
	};
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		yyjson_mut_obj_add_uint(doc, stats, figures[i].key, figures[i].value);
	}
	add_stages(doc, stats, stream);
}

static void add_session(yyjson_mut_doc *doc, yyjson_mut_val *item, const struct es_play *play) {
	struct es_play_info info;
	play_info(play, &info);
	yyjson_mut_obj_add_uint(doc, item, "id", info.id);
	yyjson_mut_obj_add_str(doc, item, "state", state_names[info.state]);
	yyjson_mut_obj_add_uint(doc, item, "app", info.app_id);
	api_add_text(doc, item, "title", info.app_title);
	api_add_text(doc, item, "client", info.client_name);
	yyjson_mut_obj_add_uint(doc, item, "width", info.mode.width);
	yyjson_mut_obj_add_uint(doc, item, "height", info.mode.height);
	yyjson_mut_obj_add_sint(doc, item, "refresh_mhz", info.mode.refresh_mhz);
	api_add_text(doc, item, "encoder", info.encoder);
	const char *codec = codec_name(info.codec);
	api_add_text(doc, item, "codec", info.encoder[0] != '\0' && codec != NULL ? codec : "");
	yyjson_mut_obj_add_sint(doc, item, "seconds", (clock_now_ns() - info.since_ns) / ES_NS_PER_S);
	yyjson_mut_obj_add_bool(doc, item, "clipboard", info.web_clipboard);
	add_figures(doc, yyjson_mut_obj_add_obj(doc, item, "stats"), &info);
}

static enum es_api_outcome list_sessions(struct es_api_request *request) {
	const struct es_plays *plays = request->host->plays;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "sessions");
	for (size_t i = 0; i < plays_count(plays); i++) {
		add_session(request->doc, yyjson_mut_arr_add_obj(request->doc, items), plays_at(plays, i));
	}
	return ES_API_DONE;
}

static struct es_play *find_play(const struct es_api_request *request) {
	const struct es_plays *plays = request->host->plays;
	for (size_t i = 0; i < plays_count(plays); i++) {
		struct es_play_info info;
		play_info(plays_at(plays, i), &info);
		if (info.id == request->id) {
			return plays_at(plays, i);
		}
	}
	return NULL;
}

static enum es_api_outcome refuse_unknown(struct es_api_request *request) {
	return api_refuse(request, 404, "there is no session %u; it may be over", request->id);
}

static enum es_api_outcome tell_session(struct es_api_request *request) {
	const struct es_play *play = find_play(request);
	if (play == NULL) {
		return refuse_unknown(request);
	}
	add_session(request->doc, request->root, play);
	return ES_API_DONE;
}

static enum es_api_outcome tell_figures(struct es_api_request *request) {
	const struct es_play *play = find_play(request);
	if (play == NULL) {
		return refuse_unknown(request);
	}
	struct es_play_info info;
	play_info(play, &info);
	add_figures(request->doc, request->root, &info);
	return ES_API_DONE;
}

static void on_stopped(void *data, bool ended) {
	yyjson_mut_val *root;
	if (ended) {
		api_end(data, 200, api_begin(&root));
	} else {
		api_end_error(data, 500, "the session could not be ended");
	}
}

static void forget(struct es_api_call *call) {
	plays_forget(call->host->plays, call);
}

// With an id, or the one that runs alone.
static enum es_api_outcome stop_session(struct es_api_request *request) {
	char error[256];
	struct es_api_call *call = request->call;
	call->waits = true; // it may be answered before this returns
	call->forget = forget;
	if (plays_stop(request->host->plays, request->id, on_stopped, call, error, sizeof(error))) {
		return ES_API_LATER;
	}
	call->waits = false;
	return api_refuse(request, request->id != 0 ? 404 : 409, "%s", error);
}

// --- what is launched for a browser

static const struct es_api_field launch_fields[] = {
		{"app", ES_API_NUMBER, true, 1, INT32_MAX, .help = "the app's id"},
		{"width", ES_API_NUMBER, true, ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE,
				.help = "of the screen, in pixels"},
		{"height", ES_API_NUMBER, true, ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE, .help = "the same"},
		{"refresh_mhz", ES_API_NUMBER, false, 1000, 1000000,
				.help = "in thousandths of a hertz (60000)"},
		{"codec", ES_API_TEXT, false, .max = 8, .words = codec_words,
				.help = "that the browser decodes (h264)"},
		{"clipboard", ES_API_BOOL, false,
				.help = "whether pages may read the text that the app copies, and set it (false)"},
		{NULL},
};

static enum es_api_outcome launch(struct es_api_request *request) {
	const struct es_api_host *host = request->host;
	const char *codec = api_text(request, "codec");
	bool rated = api_has(request, "refresh_mhz");
	char error[512];
	struct es_web_launch asked = {
			.app = settings_find_app(host->settings, (uint32_t)api_number(request, "app")),
			// Even, as the codecs want it.
			.mode = {.width = (uint32_t)api_number(request, "width") & ~1U,
					.height = (uint32_t)api_number(request, "height") & ~1U,
					.refresh_mhz = rated ? (int32_t)api_number(request, "refresh_mhz") : 60000},
			.codec = codec != NULL && strcmp(codec, "av1") == 0 ? ES_CODEC_AV1 : ES_CODEC_H264,
			.client_name = "Browser",
			.clipboard = api_has(request, "clipboard") && api_bool(request, "clipboard"),
	};
	if (asked.app == NULL) {
		return api_refuse(request, 404, "there is no app %u", (unsigned)api_number(request, "app"));
	}
	struct es_play *play;
	int status = plays_launch_web(host->plays, &asked, &play, error, sizeof(error));
	if (status != 200) {
		return api_refuse(request, (unsigned)status, "%s", error);
	}
	add_session(request->doc, request->root, play);
	return ES_API_DONE;
}

// --- while one runs

static const struct es_api_field change_fields[] = {
		{"bitrate_kbps", ES_API_NUMBER, true, ES_MIN_KBPS, ES_MAX_KBPS,
				.help = "the most that the encoder makes; the network may allow less"},
		{NULL},
};

static enum es_api_outcome refuse_detached(struct es_api_request *request) {
	return find_play(request) == NULL
			? refuse_unknown(request)
			: api_refuse(request, 409, "nobody plays session %u now", request->id);
}

static enum es_api_outcome change_session(struct es_api_request *request) {
	uint32_t kbps = (uint32_t)api_number(request, "bitrate_kbps");
	uint32_t limit = request->host->settings->max_kbps;
	if (kbps > limit) {
		return api_refuse(
				request, 400, "'bitrate_kbps' is above %u, the limit of this host", limit);
	}
	return plays_set_bitrate(request->host->plays, request->id, kbps) ? ES_API_DONE
																	  : refuse_detached(request);
}

static enum es_api_outcome ask_idr(struct es_api_request *request) {
	return plays_ask_idr(request->host->plays, request->id) ? ES_API_DONE
															: refuse_detached(request);
}

const struct es_route api_sessions_routes[] = {
		{"GET", "/sessions", ES_ROLE_VIEW, .answer = &sessions_schema, .handle = list_sessions,
				.help = "What runs"},
		{"GET", "/sessions/{id}", ES_ROLE_VIEW, .answer = &session_schema, .handle = tell_session,
				.help = "One that runs"},
		{"GET", "/sessions/{id}/stats", ES_ROLE_VIEW, .answer = &figures_schema,
				.handle = tell_figures,
				.help = "Its figures, which are new about once a second; the event stats has them as "
						"they come"},
		{"POST", "/sessions", ES_ROLE_PLAY, .fields = launch_fields, .answer = &session_schema,
				.handle = launch,
				.help = "Launches an app for a browser, which then opens the player"},
		{"GET", "/sessions/{id}/player", ES_ROLE_PLAY, .produces = "application/octet-stream",
				.help = "A WebSocket: picture, sound and input of a session that a browser plays"},
		{"PATCH", "/sessions/{id}", ES_ROLE_PLAY, .fields = change_fields, .handle = change_session,
				.help = "Changes one that is played"},
		{"POST", "/sessions/{id}/idr", ES_ROLE_PLAY, .handle = ask_idr,
				.help = "Asks its encoder for a whole picture"},
		{"DELETE", "/sessions/{id}", ES_ROLE_PLAY, .handle = stop_session,
				.help = "Ends one and its app; answered when both are gone"},
		{"DELETE", "/sessions", ES_ROLE_PLAY, .handle = stop_session,
				.help = "Ends the one that runs alone"},
		{NULL},
};
