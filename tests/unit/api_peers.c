#include "tests/unit/api_peers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "host/gamestream.h"
#include "host/news.h"
#include "host/play_web.h"

struct es_fake_desk desk;
struct es_fake_plays plays;

size_t pairing_desk_list(
		const struct es_pairing_desk *unused, struct es_pairing_info *out, size_t cap) {
	assert_true(cap >= desk.n_infos);
	memcpy(out, desk.infos, desk.n_infos * sizeof(*out));
	return desk.n_infos;
}

bool pairing_desk_enter_pin(struct es_pairing_desk *unused, uint32_t id, const char *pin,
		es_pairing_done done, void *data, char *error, size_t cap) {
	desk.pin_id = id;
	snprintf(desk.pin, sizeof(desk.pin), "%s", pin);
	if (id == 99) {
		snprintf(error, cap, "no request 99");
		return false;
	}
	desk.done = done;
	desk.done_data = data;
	return true;
}

bool pairing_desk_refuse(struct es_pairing_desk *unused, uint32_t id) {
	desk.refused_id = id;
	return id != 99;
}

void pairing_desk_forget(struct es_pairing_desk *unused, void *data) {
	desk.forgotten = data;
}

size_t plays_count(const struct es_plays *unused) {
	return plays.n;
}

struct es_play *plays_at(const struct es_plays *unused, size_t index) {
	return (struct es_play *)(void *)&plays;
}

void play_info(const struct es_play *unused, struct es_play_info *info) {
	*info = plays.info;
}

bool plays_stop(struct es_plays *unused, uint32_t id, void (*done)(void *data, bool ended),
		void *data, char *error, size_t cap) {
	plays.stop_id = id;
	if (plays.n == 0) {
		snprintf(error, cap, "no session runs");
		return false;
	}
	if (plays.at_once) {
		done(data, true);
		return true;
	}
	plays.done = done;
	plays.done_data = data;
	return true;
}

struct es_children *plays_children(const struct es_plays *unused) {
	return NULL;
}

void plays_forget(struct es_plays *unused, void *data) {
	plays.forgotten = data;
}

void plays_revoke(struct es_plays *unused, uint32_t client_id) {
	plays.revoked = client_id;
}

void plays_set_keyboard(struct es_plays *unused, uint32_t client_id, const char *layout) {
	plays.layout_of = client_id;
}

void plays_set_clipboard(struct es_plays *unused, uint32_t client_id, bool clipboard) {
	plays.clipboard_of = clipboard ? client_id : 0;
}

void news_tell(struct es_news *unused, enum es_event_type type) {
	plays.told |= 1U << type;
}

void gamestream_revoke(struct es_gamestream *unused) {
	plays.doors_closed++;
}

int plays_launch_web(struct es_plays *unused, const struct es_web_launch *launch,
		struct es_play **play, char *error, size_t cap) {
	*play = (struct es_play *)(void *)&plays;
	snprintf(error, cap, "no room");
	return plays.n > 0 ? 200 : 503;
}

bool plays_ask_idr(struct es_plays *unused, uint32_t id) {
	plays.idr_of = id;
	return plays.n > 0;
}

bool plays_set_bitrate(struct es_plays *unused, uint32_t id, uint32_t kbps) {
	plays.kbps = kbps;
	return plays.n > 0;
}
