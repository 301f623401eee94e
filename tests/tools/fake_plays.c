#include "tests/tools/fake_plays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PLAYS 4

struct es_play {
	uint32_t id; // 0: none
	enum es_play_state state;
	uint32_t client_id, app_id;
	char peer[64];
	struct es_mode mode;
	uint8_t key[ES_KEY_SIZE];
	bool encrypted;
	uint32_t client_sequence, host_sequence;
};

struct es_plays {
	struct es_play plays[MAX_PLAYS];
	uint32_t last_id;
	struct fake_plays_counts counts;
	struct es_play *cancelling;
	void (*done)(void *data, bool ended);
	void *data;
};

struct es_plays *plays_create(sd_event *event, const struct es_settings *settings) {
	return calloc(1, sizeof(struct es_plays));
}

void plays_destroy(struct es_plays *plays) {
	free(plays);
}

const struct fake_plays_counts *fake_plays_counts(const struct es_plays *plays) {
	return &plays->counts;
}

static void start(struct es_play *play, const struct es_play_request *request) {
	play->state = ES_PLAY_PENDING;
	play->client_id = request->client->id;
	play->mode = request->mode;
	play->encrypted = request->corever >= 1;
	play->client_sequence = 0;
	play->host_sequence = 0;
	memcpy(play->key, request->key, sizeof(play->key));
	snprintf(play->peer, sizeof(play->peer), "%s", request->peer);
}

int plays_launch(struct es_plays *plays, const struct es_play_request *request,
		struct es_play **play, char *error, size_t cap) {
	if (request->corever == 0 && !request->client->legacy) {
		snprintf(error, cap, "this client cannot encrypt RTSP");
		return 403;
	}
	if (plays_current(plays, request->client) != NULL) {
		snprintf(error, cap, "an app is running already");
		return 400;
	}
	for (size_t i = 0; i < MAX_PLAYS; i++) {
		if (plays->plays[i].id == 0) {
			plays->plays[i].id = ++plays->last_id;
			plays->plays[i].app_id = request->app->id;
			start(&plays->plays[i], request);
			plays->counts.launched++;
			*play = &plays->plays[i];
			return 200;
		}
	}
	snprintf(error, cap, "no room");
	return 503;
}

int plays_resume(struct es_plays *plays, const struct es_play_request *request,
		struct es_play **play, char *error, size_t cap) {
	*play = plays_current(plays, request->client);
	if (*play == NULL) {
		snprintf(error, cap, "nothing runs");
		return 503;
	}
	start(*play, request);
	plays->counts.resumed++;
	return 200;
}

void plays_cancel(struct es_plays *plays, const struct es_client *client,
		void (*done)(void *data, bool ended), void *data) {
	struct es_play *play = plays_current(plays, client);
	if (play == NULL) {
		done(data, false);
		return;
	}
	plays->cancelling = play;
	plays->done = done;
	plays->data = data;
}

bool fake_plays_finish_cancel(struct es_plays *plays) {
	if (plays->cancelling == NULL) {
		return false;
	}
	*plays->cancelling = (struct es_play){0};
	plays->cancelling = NULL;
	plays->counts.cancelled++;
	if (plays->done != NULL) {
		plays->done(plays->data, true);
	}
	return true;
}

void plays_forget(struct es_plays *plays, void *data) {
	if (plays->data == data) {
		plays->done = NULL;
	}
}

struct es_play *plays_current(const struct es_plays *plays, const struct es_client *client) {
	for (size_t i = 0; i < MAX_PLAYS; i++) {
		if (plays->plays[i].id != 0 && plays->plays[i].client_id == client->id) {
			return (struct es_play *)&plays->plays[i];
		}
	}
	return NULL;
}

struct es_play *plays_next_pending(
		const struct es_plays *plays, const struct es_play *previous, const char *peer) {
	size_t i = previous != NULL ? (size_t)(previous - plays->plays) + 1 : 0;
	for (; i < MAX_PLAYS; i++) {
		const struct es_play *play = &plays->plays[i];
		if (play->id != 0 && play->state <= ES_PLAY_NEGOTIATED && strcmp(play->peer, peer) == 0) {
			return (struct es_play *)play;
		}
	}
	return NULL;
}

void play_offer(struct es_play *play, struct es_play_offer *offer) {
	*offer = (struct es_play_offer){
			.key = play->key,
			.encrypted = play->encrypted,
			.video_port = 47998,
			.audio_port = 48000,
			.control_port = 47999,
			.ping = "0123456789abcdef",
			.connect_data = 4000000000,
			.token = "DEADBEEFCAFE",
			.sdp = {.codecs = {true, false, false}, .encryption_supported = 7},
			.client_sequence = &play->client_sequence,
			.host_sequence = &play->host_sequence,
	};
}

int play_negotiate(
		struct es_play *play, const struct es_announce *announce, char *error, size_t cap) {
	play->state = ES_PLAY_NEGOTIATED;
	return 200;
}

void play_info(const struct es_play *play, struct es_play_info *info) {
	*info = (struct es_play_info){
			.id = play->id, .state = play->state, .app_id = play->app_id, .mode = play->mode};
}

uint32_t play_app_id(const struct es_play *play) {
	return play->app_id;
}

uint32_t plays_codec_support(const struct es_plays *plays) {
	return 1;
}
