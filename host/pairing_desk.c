#define _GNU_SOURCE
#include "host/pairing_desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/pairing_limit.h"
#include "host/safe_text.h"
#include "protocol/pair.h"

#define MAX_PENDING 4
#define PIN_NS (180 * ES_NS_PER_S)
// For phases 2 to 4 together: the client makes them within a second.
#define FINISH_NS (30 * ES_NS_PER_S)
// Requests may come and go quickly; the log shall not.
#define LOG_EVERY_NS (2 * ES_NS_PER_S)
#define UNIQUE_ID_MAX 65

struct request {
	uint32_t id; // 0: free
	char unique_id[UNIQUE_ID_MAX], address[ES_PAIRING_ADDRESS_SIZE];
	char name[ES_CLIENT_NAME_MAX];
	struct es_pair pair;
	int64_t deadline_ns;
	bool guesses; // a PIN was entered, and it is not known yet to be the right one
	es_pairing_answer answer; // while it is held
	void *answer_data;
	es_pairing_done done; // of the operator who entered the PIN
	void *done_data;
};

struct es_pairing_desk {
	sd_event *event; // borrowed
	struct es_clients *clients; // borrowed
	const struct es_identity *identity; // borrowed
	sd_event_source *timer;
	struct request requests[MAX_PENDING];
	struct es_pairing_limit limit;
	char refused[128]; // what an address is told that has failed too often
	uint32_t last_id;
	int64_t logged_ns;
	void (*changed)(void *data);
	void *changed_data;
};

static bool waits(const struct request *request) {
	return request->id != 0 && request->pair.state == ES_PAIR_NEEDS_PIN;
}

static struct es_pairing_reply refusal(const char *message) {
	return (struct es_pairing_reply){.status = 400, .message = message};
}

// --- time

// After each change.
static void arm(struct es_pairing_desk *desk) {
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < MAX_PENDING; i++) {
		const struct request *r = &desk->requests[i];
		next = r->id != 0 && r->deadline_ns < next ? r->deadline_ns : next;
	}
	sd_event_source_set_time(desk->timer, (uint64_t)(next / ES_NS_PER_US) + 1);
	sd_event_source_set_enabled(desk->timer, next != INT64_MAX ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (desk->changed != NULL) {
		desk->changed(desk->changed_data);
	}
}

// Each PIN that was entered is one guess of it; without one there was nothing to guess.
static void count_failure(struct es_pairing_desk *desk, const struct request *request) {
	uint32_t minutes = pairing_limit_fail(&desk->limit, request->address, clock_now_ns());
	if (minutes > 0) {
		es_log(ES_LOG_WARN,
				"%d pairings with %s have failed within an hour: no other one is taken from there for %" PRIu32
				" minutes",
				ES_PAIRING_LIMIT, request->address, minutes);
	}
}

// Frees the place, answers what is held, then tells the operator. Callbacks may call the desk.
static void finish(struct es_pairing_desk *desk, struct request *request, const char *held_message,
		enum es_pairing_result result, const char *text) {
	struct request was = *request;
	if (was.guesses && result != ES_PAIRING_PAIRED) {
		count_failure(desk, &was);
	}
	pair_kill(&request->pair);
	pair_kill(&was.pair);
	*request = (struct request){0};
	arm(desk);
	if (was.answer != NULL) {
		struct es_pairing_reply reply = refusal(held_message);
		was.answer(was.answer_data, &reply);
	}
	if (was.done != NULL) {
		was.done(was.done_data, result, text);
	}
}

static void expire(struct es_pairing_desk *desk, struct request *request) {
	if (request->pair.state == ES_PAIR_SECRET) {
		finish(desk, request, NULL, ES_PAIRING_WRONG_PIN,
				"the device stopped: it shows another PIN");
		return;
	}
	finish(desk, request, "The PIN was not entered in time", ES_PAIRING_EXPIRED,
			"the device did not go on in time; let it ask again");
}

void pairing_desk_expire(struct es_pairing_desk *desk, int64_t now_ns) {
	for (size_t i = 0; i < MAX_PENDING; i++) {
		if (desk->requests[i].id != 0 && desk->requests[i].deadline_ns <= now_ns) {
			expire(desk, &desk->requests[i]);
		}
	}
	arm(desk);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data) {
	pairing_desk_expire(data, clock_now_ns());
	return 0;
}

// --- life

struct es_pairing_desk *pairing_desk_create(
		sd_event *event, struct es_clients *clients, const struct es_identity *identity) {
	struct es_pairing_desk *desk = calloc(1, sizeof(*desk));
	if (desk == NULL) {
		return NULL;
	}
	desk->event = event;
	desk->clients = clients;
	desk->identity = identity;
	desk->logged_ns = INT64_MIN / 2;
	if (sd_event_add_time(event, &desk->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_timer, desk) <
					0 ||
			sd_event_source_set_enabled(desk->timer, SD_EVENT_OFF) < 0) {
		pairing_desk_destroy(desk);
		return NULL;
	}
	return desk;
}

void pairing_desk_destroy(struct es_pairing_desk *desk) {
	if (desk == NULL) {
		return;
	}
	for (size_t i = 0; i < MAX_PENDING; i++) {
		if (desk->requests[i].id != 0) {
			finish(desk, &desk->requests[i], "The host is shutting down", ES_PAIRING_FAILED,
					"the host is shutting down");
		}
	}
	sd_event_source_disable_unref(desk->timer);
	free(desk);
}

void pairing_desk_on_change(struct es_pairing_desk *desk, void (*changed)(void *data), void *data) {
	desk->changed = changed;
	desk->changed_data = data;
}

// --- the operator's side

static struct es_pairing_info describe(const struct request *request, int64_t now_ns) {
	struct es_pairing_info info = {.id = request->id, .waits_for_pin = waits(request)};
	int64_t left = request->deadline_ns - now_ns;
	snprintf(info.name, sizeof(info.name), "%s", request->name);
	snprintf(info.address, sizeof(info.address), "%s", request->address);
	info.seconds_left = left > 0 ? (uint32_t)((left + ES_NS_PER_S - 1) / ES_NS_PER_S) : 0;
	return info;
}

size_t pairing_desk_list(
		const struct es_pairing_desk *desk, struct es_pairing_info *out, size_t cap) {
	size_t n = 0;
	int64_t now = clock_now_ns();
	for (size_t i = 0; i < MAX_PENDING && n < cap; i++) {
		if (desk->requests[i].id == 0) {
			continue;
		}
		size_t at = n++;
		for (; at > 0 && out[at - 1].id > desk->requests[i].id; at--) {
			out[at] = out[at - 1];
		}
		out[at] = describe(&desk->requests[i], now);
	}
	return n;
}

static struct request *find_waiting(
		struct es_pairing_desk *desk, uint32_t id, char *error, size_t cap) {
	struct request *found = NULL;
	size_t n = 0;
	for (size_t i = 0; i < MAX_PENDING; i++) {
		struct request *r = &desk->requests[i];
		if (waits(r) && (id == 0 || r->id == id)) {
			found = r;
			n++;
		}
	}
	if (n == 1) {
		return found;
	}
	if (n > 1) {
		snprintf(error, cap,
				"%zu devices wait to be paired: name one, `earthshine pair REQUEST PIN`", n);
	} else if (id != 0) {
		snprintf(error, cap, "no request %" PRIu32 " waits for a PIN", id);
	} else {
		snprintf(error, cap, "no device waits to be paired; choose this host on the device first");
	}
	return NULL;
}

bool pairing_desk_enter_pin(struct es_pairing_desk *desk, uint32_t id, const char *pin,
		es_pairing_done done, void *data, char *error, size_t cap) {
	struct request *request = find_waiting(desk, id, error, cap);
	if (request == NULL) {
		return false;
	}
	if (!pair_take_pin(&request->pair, pin)) {
		snprintf(error, cap, "the PIN is the four digits that the device shows");
		return false;
	}
	request->deadline_ns = clock_now_ns() + FINISH_NS;
	request->guesses = true;
	request->done = done;
	request->done_data = data;
	arm(desk);
	struct es_pairing_reply reply = {.status = 200, .paired = true, .name = "plaincert"};
	const char *pem = desk->identity->cert_pem;
	hex_encode(pem, strlen(pem), reply.value);
	es_pairing_answer answer = request->answer;
	request->answer = NULL;
	answer(request->answer_data, &reply);
	return true;
}

bool pairing_desk_refuse(struct es_pairing_desk *desk, uint32_t id) {
	for (size_t i = 0; i < MAX_PENDING; i++) {
		if (id != 0 && desk->requests[i].id == id) {
			finish(desk, &desk->requests[i], "The host's user has refused", ES_PAIRING_FAILED,
					"the request was refused");
			return true;
		}
	}
	return false;
}

void pairing_desk_forget(struct es_pairing_desk *desk, void *data) {
	for (size_t i = 0; i < MAX_PENDING; i++) {
		if (desk->requests[i].done_data == data) {
			desk->requests[i].done = NULL;
		}
	}
}

// --- the client's side

static struct request *find(struct es_pairing_desk *desk, const struct es_pairing_asker *asker) {
	for (size_t i = 0; i < MAX_PENDING; i++) {
		struct request *r = &desk->requests[i];
		if (r->id != 0 && strcmp(r->unique_id, asker->unique_id) == 0 &&
				strcmp(r->address, asker->address) == 0) {
			return r;
		}
	}
	return NULL;
}

// A place for a new request, or NULL with the reason. Who asks again replaces what he asked before;
// nobody can push out another.
static struct request *find_place(
		struct es_pairing_desk *desk, const struct es_pairing_asker *asker, const char **why) {
	struct request *before = find(desk, asker);
	if (before != NULL) {
		finish(desk, before, "The device has asked again", ES_PAIRING_FAILED,
				"the device has asked anew, with another PIN");
		return before;
	}
	struct request *place = NULL;
	for (size_t i = 0; i < MAX_PENDING; i++) {
		struct request *r = &desk->requests[i];
		if (r->id == 0) {
			place = place != NULL ? place : r;
		} else if (strcmp(r->address, asker->address) == 0) {
			*why = "Another device at your address is being paired: finish that or wait";
			return NULL;
		}
	}
	*why = "Too many devices wait to be paired: try again in a few minutes";
	return place;
}

static void choose_name(struct request *request, const struct es_pairing_asker *asker) {
	// What every official client sends for its name.
	if (asker->name != NULL && asker->name[0] != '\0' && strcmp(asker->name, "roth") != 0) {
		safe_text(request->name, sizeof(request->name), asker->name);
	} else {
		snprintf(request->name, sizeof(request->name), "Moonlight at %.40s", request->address);
	}
}

static void log_request(struct es_pairing_desk *desk, const struct request *request) {
	int64_t now = clock_now_ns();
	if (now - desk->logged_ns >= LOG_EVERY_NS) {
		desk->logged_ns = now;
		es_log(ES_LOG_INFO,
				"'%s' (%s) asks to be paired: enter the PIN that it shows with `earthshine pair PIN`",
				request->name, request->address);
	}
}

void pairing_desk_begin(struct es_pairing_desk *desk, const struct es_pairing_asker *asker,
		const char *salt_hex, const char *cert_hex, es_pairing_answer answer, void *data) {
	struct es_pair pair;
	const char *why = NULL;
	struct request *request = NULL;
	uint32_t minutes = pairing_limit_left(&desk->limit, asker->address, clock_now_ns());
	if (minutes > 0) {
		snprintf(desk->refused, sizeof(desk->refused),
				"Too many failed pairings from your address: try again in %" PRIu32 " minutes",
				minutes);
		why = desk->refused;
	} else if (strlen(asker->unique_id) >= UNIQUE_ID_MAX ||
			strlen(asker->address) >= ES_PAIRING_ADDRESS_SIZE) {
		why = "Invalid uniqueid";
	} else if (pair_begin(&pair, salt_hex, cert_hex, &why)) {
		request = find_place(desk, asker, &why);
	}
	if (request == NULL) {
		struct es_pairing_reply reply = refusal(why);
		answer(data, &reply);
		return;
	}
	*request = (struct request){
			.id = ++desk->last_id,
			.pair = pair,
			.deadline_ns = clock_now_ns() + PIN_NS,
			.answer = answer,
			.answer_data = data,
	};
	snprintf(request->unique_id, sizeof(request->unique_id), "%s", asker->unique_id);
	snprintf(request->address, sizeof(request->address), "%s", asker->address);
	choose_name(request, asker);
	arm(desk);
	log_request(desk, request);
}

void pairing_desk_hung_up(struct es_pairing_desk *desk, void *data) {
	for (size_t i = 0; i < MAX_PENDING; i++) {
		struct request *r = &desk->requests[i];
		if (r->id != 0 && r->answer != NULL && r->answer_data == data) {
			r->answer = NULL;
			finish(desk, r, NULL, ES_PAIRING_FAILED, "the device has gone");
		}
	}
}

// The proof is complete: what remains is the list.
static void store(
		struct es_pairing_desk *desk, struct request *request, struct es_pairing_reply *reply) {
	char error[512];
	uint32_t client_id;
	request->guesses = false; // what may fail now is ours
	if (!clients_add(desk->clients, &request->pair.client, request->name, &client_id, error,
				sizeof(error))) {
		es_log(ES_LOG_ERROR, "'%s' (%s) was not paired: %s", request->name, request->address,
				error);
		finish(desk, request, NULL, ES_PAIRING_FAILED, error);
		return;
	}
	es_log(ES_LOG_INFO, "'%s' (%s) is paired now, as client %" PRIu32, request->name,
			request->address, client_id);
	reply->paired = true;
	finish(desk, request, NULL, ES_PAIRING_PAIRED, "");
}

void pairing_desk_continue(struct es_pairing_desk *desk, const struct es_pairing_asker *asker,
		enum es_pairing_phase phase, const char *hex, struct es_pairing_reply *reply) {
	struct request *request = find(desk, asker);
	if (request == NULL) {
		*reply = refusal("Invalid uniqueid");
		return;
	}
	*reply = (struct es_pairing_reply){.status = 200, .paired = true};
	const char *why = NULL;
	bool ok = false;
	switch (phase) {
	case ES_PAIRING_CHALLENGE:
		reply->name = "challengeresponse";
		ok = pair_challenge(
				&request->pair, desk->identity, hex, reply->value, sizeof(reply->value), &why);
		break;
	case ES_PAIRING_RESPONSE:
		reply->name = "pairingsecret";
		ok = pair_response(
				&request->pair, desk->identity, hex, reply->value, sizeof(reply->value), &why);
		break;
	case ES_PAIRING_SECRET:
		reply->paired = false;
		// A proof that fails is answered with "not paired", everything else with what was wrong.
		bool in_order = request->pair.state == ES_PAIR_SECRET;
		ok = pair_secret(&request->pair, hex, &why);
		if (ok) {
			store(desk, request, reply);
			return;
		}
		if (in_order) {
			finish(desk, request, NULL, ES_PAIRING_FAILED, why);
			return;
		}
		break;
	}
	if (!ok) {
		*reply = refusal(why);
		finish(desk, request, "Out of order", ES_PAIRING_FAILED, why);
	}
}

void pairing_desk_give_up(struct es_pairing_desk *desk, const struct es_pairing_asker *asker) {
	struct request *request = find(desk, asker);
	if (request == NULL) {
		return;
	}
	if (request->pair.state == ES_PAIR_SECRET) {
		finish(desk, request, NULL, ES_PAIRING_WRONG_PIN,
				"the device stopped: it shows another PIN");
	} else {
		finish(desk, request, "The device gave up", ES_PAIRING_FAILED, "the device gave up");
	}
}
