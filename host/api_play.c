// Sessions for browsers, and what can be done with one that is played.
#include "host/api_route.h"
#include "host/play_web.h"
#include "host/settings.h"

#define DEFAULT_REFRESH_MHZ 60000

static const char *const codec_words[] = {"h264", "av1", NULL};

static const struct es_api_field launch_fields[] = {
		{"app", ES_API_NUMBER, true, 1, UINT32_MAX, .help = "the app's id"},
		{"width", ES_API_NUMBER, true, ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE,
				.help = "of the screen, in pixels"},
		{"height", ES_API_NUMBER, true, ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE, .help = "the same"},
		{"refresh_mhz", ES_API_NUMBER, false, ES_MODE_MIN_REFRESH_MHZ, ES_MODE_MAX_REFRESH_MHZ,
				.help = "in thousandths of a hertz; 60000 unless given"},
		{"codec", ES_API_TEXT, false, 1, 8, codec_words, .help = "h264 unless given"},
		{NULL},
};
static const struct es_api_field launched_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "of the session: its player is to come within 10 s"},
		{NULL},
};
static const struct es_api_schema launched_schema = {"Launched", launched_fields};

static const struct es_app *find_app(const struct es_settings *settings, int64_t id) {
	for (size_t i = 0; i < settings->n_apps; i++) {
		if (settings->apps[i].id == id) {
			return &settings->apps[i];
		}
	}
	return NULL;
}

static enum es_api_outcome launch(struct es_api_request *request) {
	char error[256];
	struct es_play *play;
	int64_t id = api_number(request, "app");
	struct es_web_launch wanted = {
			.app = find_app(request->host->settings, id),
			.mode = {(uint32_t)api_number(request, "width") & ~1u,
					(uint32_t)api_number(request, "height") & ~1u, DEFAULT_REFRESH_MHZ},
			.client_name = "console",
	};
	if (wanted.app == NULL) {
		return api_refuse(request, 404, "there is no app %lld", (long long)id);
	}
	if (api_has(request, "refresh_mhz")) {
		wanted.mode.refresh_mhz = (int32_t)api_number(request, "refresh_mhz");
	}
	if (api_has(request, "codec")) {
		codec_parse(api_text(request, "codec"), &wanted.codec);
	}
	int status = plays_launch_web(request->host->plays, &wanted, &play, error, sizeof(error));
	if (status != 200) {
		return api_refuse(request, (unsigned)status, "%s", error);
	}
	struct es_play_info info;
	play_info(play, &info);
	yyjson_mut_obj_add_uint(request->doc, request->root, "id", info.id);
	return ES_API_DONE;
}

static const struct es_api_field change_fields[] = {
		{"bitrate_kbps", ES_API_NUMBER, true, ES_MIN_KBPS, ES_MAX_KBPS,
				.help = "of video, at most, from now on"},
		{NULL},
};

static enum es_api_outcome refuse_idle(struct es_api_request *request) {
	return api_refuse(request, 409,
			"nobody plays session %u now: it is not there, or was left by its client", request->id);
}

static enum es_api_outcome change(struct es_api_request *request) {
	uint32_t kbps = (uint32_t)api_number(request, "bitrate_kbps");
	return plays_limit_kbps(request->host->plays, request->id, kbps) ? ES_API_DONE
																	 : refuse_idle(request);
}

static enum es_api_outcome ask_idr(struct es_api_request *request) {
	return plays_ask_idr(request->host->plays, request->id) ? ES_API_DONE : refuse_idle(request);
}

const struct es_route api_play_routes[] = {
		{"POST", "/sessions", ES_ROLE_PLAY, .fields = launch_fields, .answer = &launched_schema,
				.handle = launch, .help = "Starts an app for a browser's player"},
		{"GET", "/sessions/{id}/player", ES_ROLE_PLAY,
				.help = "A WebSocket that plays a session: see protocol/player_msg.h"},
		{"PATCH", "/sessions/{id}", ES_ROLE_PLAY, .fields = change_fields, .handle = change,
				.help = "Limits the bitrate of one that is played"},
		{"POST", "/sessions/{id}/idr", ES_ROLE_PLAY, .handle = ask_idr,
				.help = "Asks its encoder for a whole picture"},
		{NULL},
};
