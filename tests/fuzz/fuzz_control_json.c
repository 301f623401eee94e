// A line at the operator's door. Whatever it is, there is exactly one answer: a line of printable
// ASCII that is JSON and says whether it is ok. What stands behind the routes are stand-ins.
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "host/control_routes.h"

static void require(bool holds, const char *what) {
	if (!holds) {
		fprintf(stderr, "control: %s\n", what);
		abort();
	}
}

// --- stand-ins

size_t pairing_desk_list(
		const struct es_pairing_desk *desk, struct es_pairing_info *out, size_t cap) {
	out[0] = (struct es_pairing_info){.id = 1, .name = "\x1b\xff", .address = "192.0.2.1"};
	return 1;
}

bool pairing_desk_enter_pin(struct es_pairing_desk *desk, uint32_t id, const char *pin,
		es_pairing_done done, void *data, char *error, size_t cap) {
	if (strlen(pin) != 4) {
		snprintf(error, cap, "'%s' is no PIN", pin);
		return false;
	}
	done(data, id % 4, pin);
	return true;
}

void pairing_desk_forget(struct es_pairing_desk *desk, void *data) {
}

size_t plays_count(const struct es_plays *plays) {
	return 0;
}

struct es_play *plays_at(const struct es_plays *plays, size_t index) {
	return NULL;
}

void play_info(const struct es_play *play, struct es_play_info *info) {
}

bool plays_stop(struct es_plays *plays, uint32_t id, void (*done)(void *data, bool ended),
		void *data, char *error, size_t cap) {
	done(data, id % 2 == 0);
	return true;
}

void plays_forget(struct es_plays *plays, void *data) {
}

void plays_revoke(struct es_plays *plays, uint32_t client_id) {
}

void gamestream_revoke(struct es_gamestream *gamestream) {
}

size_t clients_count(const struct es_clients *clients) {
	return 0;
}

const struct es_client *clients_at(const struct es_clients *clients, size_t index) {
	return NULL;
}

bool clients_rename(
		struct es_clients *clients, uint32_t id, const char *name, char *error, size_t cap) {
	snprintf(error, cap, "'%s' cannot be", name);
	return false;
}

bool clients_set_legacy(
		struct es_clients *clients, uint32_t id, bool legacy, char *error, size_t cap) {
	return true;
}

bool clients_set_keyboard(
		struct es_clients *clients, uint32_t id, const char *layout, char *error, size_t cap) {
	return layout[0] == '\0';
}

void plays_set_keyboard(struct es_plays *plays, uint32_t client_id, const char *layout) {
}

bool clients_revoke(struct es_clients *clients, uint32_t id, char *error, size_t cap) {
	return true;
}

// --- the check

static void on_answer(void *data, char *text, size_t size) {
	++*(unsigned *)data;
	require(text != NULL && size > 0 && text[size - 1] == '\n', "no line");
	for (size_t i = 0; i + 1 < size; i++) {
		require(text[i] >= ' ' && text[i] <= '~', "not printable");
	}
	yyjson_doc *doc = yyjson_read(text, size, 0);
	require(yyjson_is_bool(yyjson_obj_get(yyjson_doc_get_root(doc), "ok")), "no JSON");
	yyjson_doc_free(doc);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const struct es_settings settings = {.name = (char *)"box"};
	const struct es_control_host host = {.settings = &settings};
	char *line = malloc(size > 0 ? size : 1);
	unsigned answers = 0;
	if (line == NULL) {
		return 0;
	}
	if (size > 0) {
		memcpy(line, data, size);
	}
	struct es_control_call call = {.host = &host, .answer = on_answer, .data = &answers};
	control_routes_handle(&call, line, size);
	free(line);
	require(answers == 1 && !call.waits, "not one answer");
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const char *const seeds[] = {
			"{\"route\":\"pair\",\"pin\":\"1234\",\"request\":2}",
			"{\"route\":\"client-rename\",\"id\":1,\"name\":\"a\\u001bb\"}",
			"{\"route\":\"client-legacy\",\"id\":1,\"legacy\":true}",
			"{\"route\":\"client-keyboard\",\"id\":1,\"keyboard\":\"\"}",
			"{\"route\":\"client-revoke\",\"id\":1}",
			"{\"route\":\"stop\",\"session\":7}",
			"{\"route\":\"pairings\"}",
			"{\"route\":\"apps\"}",
			"{\"route\":\"status\"}",
			"{\"route\":\"help\"}",
	};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[index]) > cap) {
		return 0;
	}
	memcpy(out, seeds[index], strlen(seeds[index]));
	return strlen(seeds[index]);
}
