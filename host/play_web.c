#include "host/play_web.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/play_state.h"

#define LOST_MS 10000 // a page that says nothing for so long is lost
#define AUDIO_PACKET_MS 10
// Bits for a pixel: text stays sharp, and twice as much is rarely told apart.
#define BITS_PER_1000_PIXELS 150
#define LEAST_KBPS 2000

// --- launch

static int check_codec(
		struct es_plays *plays, const struct es_web_launch *launch, char *error, size_t cap) {
	const char *name = codec_name(launch->codec);
	if (launch->codec != ES_CODEC_H264 && launch->codec != ES_CODEC_AV1) {
		snprintf(error, cap, "no browser plays %s here: use h264 or av1",
				name != NULL ? name : "this codec");
		return 400;
	}
	if (!plays_offers(plays, launch->codec, &launch->mode)) {
		snprintf(error, cap, "this host does not sustain %ux%u in %s: use %s", launch->mode.width,
				launch->mode.height, name,
				launch->codec == ES_CODEC_AV1 ? "h264" : "a smaller size");
		return 400;
	}
	return 200;
}

int plays_launch_web(struct es_plays *plays, const struct es_web_launch *launch,
		struct es_play **play, char *error, size_t cap) {
	struct es_client client = {0};
	snprintf(client.name, sizeof(client.name), "%s", launch->client_name);
	struct es_play_request request = {
			.client = &client, .app = launch->app, .mode = launch->mode, .audio_channels = 2};
	*play = NULL;
	int status = plays_check_new(plays, &launch->mode, error, cap);
	status = status == 200 ? check_codec(plays, launch, error, cap) : status;
	status = status == 200 ? plays_add(plays, &request, play, error, cap) : status;
	if (status == 200) {
		(*play)->web_codec = launch->codec;
		(*play)->web_clipboard = launch->clipboard;
	}
	return status;
}

// --- attach

static struct es_play *find(const struct es_plays *plays, uint32_t id) {
	for (size_t i = 0; i < plays->n; i++) {
		if (plays->items[i]->id == id && plays->items[i]->state != ES_PLAY_ENDING) {
			return plays->items[i];
		}
	}
	return NULL;
}

static int check_attach(const struct es_play *play, char *error, size_t cap) {
	if (play->client_id != 0 && play->state != ES_PLAY_DETACHED) {
		snprintf(error, cap, "'%s' plays there: it must leave first", play->client_name);
		return 409;
	}
	if (play->client_id != 0 && play->app.is_private) {
		snprintf(error, cap, "this session of '%s' is private", play->client_name);
		return 403;
	}
	return play_is_hasty(play, error, cap) ? 503 : 200;
}

static uint32_t choose_kbps(const struct es_play *play) {
	uint64_t pixels = (uint64_t)play->mode.width * play->mode.height;
	uint64_t kbps =
			pixels * (uint64_t)play->mode.refresh_mhz / 1000 * BITS_PER_1000_PIXELS / 1000000;
	kbps = kbps > LEAST_KBPS ? kbps : LEAST_KBPS;
	uint32_t limit = play->plays->settings->max_kbps;
	limit = limit < ES_MIN_KBPS ? ES_MIN_KBPS : limit < ES_MAX_KBPS ? limit : ES_MAX_KBPS;
	return kbps < limit ? (uint32_t)kbps : limit;
}

static int start_viewer(struct es_play *play, int *fd, char *error, size_t cap) {
	struct es_ladder ladder;
	enum es_codec codec = play->web_codec;
	if (codec != ES_CODEC_H264 && !plays_offers(play->plays, codec, &play->mode)) {
		codec = ES_CODEC_H264;
	}
	ladder_facts_reload(play->plays->facts); // what others have found out
	if (!plays_make_ladder(play->plays, codec, play->render_node, &ladder, error, cap)) {
		return 503;
	}
	struct es_session_msg start = {.type = ES_SESSION_START_PLAYER};
	start.start_player.refresh_mhz = play->mode.refresh_mhz;
	start.start_player.bitrate_kbps = choose_kbps(play);
	start.start_player.lost_ms = LOST_MS;
	start.start_player.audio_channels = play->audio_channels > 0 ? 2 : 0;
	start.start_player.audio_packet_ms = AUDIO_PACKET_MS;
	struct es_play_viewer_setup setup = {
			.start = &start,
			.fds = fd,
			.n_fds = 1,
			.codec = codec,
			.kbps = start.start_player.bitrate_kbps,
			.keepalive_ms = play->plays->settings->keepalive_ms,
			.ladder = &ladder,
			.socket = fd,
	};
	return play_view(play, &setup, error, cap);
}

static int check(
		const struct es_plays *plays, uint32_t id, struct es_play **play, char *error, size_t cap) {
	*play = find(plays, id);
	if (*play == NULL) {
		snprintf(error, cap, "there is no session %u; it may be over", id);
		return 404;
	}
	return check_attach(*play, error, cap);
}

int plays_attach_web(struct es_plays *plays, uint32_t id, int fd, const char *client_name,
		char *error, size_t cap) {
	struct es_play *play;
	int status = check(plays, id, &play, error, cap);
	if (status == 200) {
		play_admit_web(play, client_name);
		status = start_viewer(play, &fd, error, cap);
	}
	if (fd >= 0) {
		shutdown(fd, SHUT_RDWR);
		fd_close(&fd);
	}
	return status;
}

bool play_web_admit(void *data, uint32_t session, char *error, size_t cap) {
	struct es_play *play;
	return check(data, session, &play, error, cap) == 200;
}

void play_web_open(void *data, uint32_t session, int fd, const char *client_name) {
	char error[256];
	if (plays_attach_web(data, session, fd, client_name, error, sizeof(error)) != 200) {
		es_log(ES_LOG_WARN, "session %u: '%s' cannot play there: %s", session, client_name, error);
	}
}

// --- while it is played

void play_web_resize(struct es_play *play, const struct es_mode *mode) {
	char error[256];
	// Chroma has half the size.
	struct es_mode even = {mode->width & ~1u, mode->height & ~1u, mode->refresh_mhz};
	if (plays_check_mode(play->plays, &even, error, sizeof(error)) != 200) {
		es_log(ES_LOG_WARN, "session %u: the screen keeps its size: %s", play->id, error);
		return;
	}
	play_display_set_mode(play, &even);
}
