#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/gamestream_routes.h"

static const struct es_mode default_mode = {.width = 1280, .height = 720, .refresh_mhz = 60000};

// Where the client finds RTSP: the address that it has reached us at.
static void answer_launched(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_launch_params *params, bool resumed) {
	const char *address = http_request_local(request);
	bool brackets = strchr(address, ':') != NULL;
	char url[128], data[1024];
	snprintf(url, sizeof(url), "%s://%s%s%s:%u", params->corever >= 1 ? "rtspenc" : "rtsp",
			brackets ? "[" : "", address, brackets ? "]" : "", gamestream->rtsp_port);
	struct es_xml xml = {.data = data, .cap = sizeof(data)};
	xml.ok = xml_launched(&xml, url, resumed);
	answer_xml(request, &xml);
}

static struct es_play_request play_request(const struct es_http_request *request,
		const struct es_client *client, const struct es_launch_params *params) {
	return (struct es_play_request){
			.client = client,
			.mode = params->has_mode ? params->mode : default_mode,
			.key = params->key,
			.key_id = params->key_id,
			.corever = params->corever,
			.peer = http_request_peer(request),
			.audio_channels = params->surround_channels,
	};
}

// False, refused: the operator lets it look, not play.
static bool may_play(
		struct es_http_request *request, const struct es_client *client, const char *tag) {
	if (client->role >= ES_ROLE_PLAY) {
		return true;
	}
	answer_error(request, 403, "This device may not play here: change its role on the host", tag);
	return false;
}

void route_launch(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	struct es_launch_params params;
	char error[512] = "";
	if (!may_play(request, client, "gamesession")) {
		return;
	}
	if (!launch_params_parse(&params, http_request_query(request), true, error, sizeof(error))) {
		answer_error(request, 400, error, "resume");
		crypto_wipe(&params, sizeof(params));
		return;
	}
	struct es_play_request asked = play_request(request, client, &params);
	asked.app = settings_find_app(gamestream->settings, params.app_id);
	struct es_play *play = NULL;
	int status = 404;
	if (asked.app == NULL) {
		snprintf(error, sizeof(error), "This host has no such app; reload its list");
	} else {
		status = plays_launch(gamestream->plays, &asked, &play, error, sizeof(error));
	}
	if (status == 200) {
		answer_launched(gamestream, request, &params, false);
	} else {
		es_log(ES_LOG_WARN, "client '%s' could not launch '%s': %s", client->name,
				asked.app != NULL ? asked.app->title : "an app that is not there", error);
		answer_error(request, status, error, status == 400 ? "resume" : "gamesession");
	}
	crypto_wipe(&params, sizeof(params));
}

void route_resume(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	struct es_launch_params params;
	char error[512] = "";
	if (!may_play(request, client, "resume")) {
		return;
	}
	if (!launch_params_parse(&params, http_request_query(request), false, error, sizeof(error))) {
		answer_error(request, 400, error, "resume");
		crypto_wipe(&params, sizeof(params));
		return;
	}
	struct es_play_request asked = play_request(request, client, &params);
	struct es_play *play = plays_current(gamestream->plays, client);
	if (!params.has_mode && play != NULL) {
		struct es_play_info info;
		play_info(play, &info);
		asked.mode = info.mode;
	}
	int status = plays_resume(gamestream->plays, &asked, &play, error, sizeof(error));
	if (status == 200) {
		answer_launched(gamestream, request, &params, true);
	} else {
		es_log(ES_LOG_WARN, "client '%s' could not resume: %s", client->name, error);
		answer_error(request, status, error, "resume");
	}
	crypto_wipe(&params, sizeof(params));
}

// --- cancel: answered when the app is gone, as the client then looks whether it is

struct wait {
	struct es_plays *plays;
	struct es_http_request *request;
	bool answered, held;
};

static void on_ended(void *data, bool ended) {
	struct wait *wait = data;
	char text[512];
	struct es_xml xml = {.data = text, .cap = sizeof(text)};
	xml.ok = xml_cancelled(&xml);
	answer_xml(wait->request, &xml);
	wait->answered = true;
	if (wait->held) {
		free(wait);
	}
}

static void on_gone(void *data) {
	struct wait *wait = data;
	plays_forget(wait->plays, wait);
	free(wait);
}

void route_cancel(struct es_gamestream *gamestream, struct es_http_request *request,
		const struct es_client *client) {
	if (!may_play(request, client, "cancel")) {
		return;
	}
	struct wait *wait = calloc(1, sizeof(*wait));
	if (wait == NULL) {
		answer_error(request, 503, "Out of memory", "cancel");
		return;
	}
	wait->plays = gamestream->plays;
	wait->request = request;
	plays_cancel(gamestream->plays, client, on_ended, wait);
	if (wait->answered) {
		free(wait);
		return;
	}
	wait->held = true;
	http_hold(request, on_gone, wait);
}
