// Pairings that are under way: who waits for a PIN, and the clock and the limits around
// protocol/pair.h. Single-threaded, on the host's event loop.
//
// A request is held (its HTTP answer is not sent) until the operator enters the PIN for it, it
// expires, or it is replaced. At most 4 at once and one per remote address; 3 minutes for the PIN,
// 30 s for each later phase.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/clients.h"
#include "protocol/crypto.h"

struct es_pairing_desk;

// All borrowed for the life of the desk.
struct es_pairing_desk *pairing_desk_create(
		sd_event *event, struct es_clients *clients, const struct es_identity *identity);
// Answers what is held with an error. NULL is fine.
void pairing_desk_destroy(struct es_pairing_desk *desk);

// Called whenever what pairing_desk_list tells has changed, but for the time. NULL: not any more.
void pairing_desk_on_change(struct es_pairing_desk *desk, void (*changed)(void *data), void *data);

// --- the operator's side

struct es_pairing_info {
	uint32_t id; // of the request, 1..
	char name[ES_CLIENT_NAME_MAX]; // as the device calls itself; may be forged
	char address[64];
	uint32_t seconds_left;
	bool waits_for_pin; // else its later phases are under way
};
// In order of id; how many there are, up to cap.
size_t pairing_desk_list(
		const struct es_pairing_desk *desk, struct es_pairing_info *out, size_t cap);

enum es_pairing_result {
	ES_PAIRING_PAIRED,
	ES_PAIRING_WRONG_PIN, // the client gave up: it saw another PIN
	ES_PAIRING_FAILED, // text says why
	ES_PAIRING_EXPIRED,
};
typedef void (*es_pairing_done)(void *data, enum es_pairing_result result, const char *text);

// Takes the PIN for request `id` (0: the only one that waits) and calls done once the client has
// finished all phases, or not; at the latest after 30 s. False, done is not called, with the reason in
// error[cap]: no such request, several wait, or not four digits.
bool pairing_desk_enter_pin(struct es_pairing_desk *desk, uint32_t id, const char *pin,
		es_pairing_done done, void *data, char *error, size_t cap);
// Ends request `id`, whose device is told so. False: there is no such one.
bool pairing_desk_refuse(struct es_pairing_desk *desk, uint32_t id);
// The asker has gone: done is not called.
void pairing_desk_forget(struct es_pairing_desk *desk, void *data);

// --- the client's side: what its requests say, and what is answered

struct es_pairing_asker {
	const char *unique_id; // as query_unique_id
	const char *address; // numeric
	const char *name; // as the device calls itself, NULL: it does not
};

#define ES_PAIRING_VALUE_MAX 8256

struct es_pairing_reply {
	int status; // of the XML: 200, or 400 with a message
	const char *message;
	bool paired;
	const char *name; // of a tag with the value, NULL: none
	char value[ES_PAIRING_VALUE_MAX];
};
typedef void (*es_pairing_answer)(void *data, const struct es_pairing_reply *reply);

// Phase 1. `answer` is called once: at once if it is refused, else when the PIN is there or the
// request has ended.
void pairing_desk_begin(struct es_pairing_desk *desk, const struct es_pairing_asker *asker,
		const char *salt_hex, const char *cert_hex, es_pairing_answer answer, void *data);
// Whose answer is held has hung up: `answer` is not called.
void pairing_desk_hung_up(struct es_pairing_desk *desk, void *data);

enum es_pairing_phase { ES_PAIRING_CHALLENGE, ES_PAIRING_RESPONSE, ES_PAIRING_SECRET };
// Phases 2 to 4. Anything but the one legal next message ends the request. After the last one the
// client is on the list, and on disk, before this returns.
void pairing_desk_continue(struct es_pairing_desk *desk, const struct es_pairing_asker *asker,
		enum es_pairing_phase phase, const char *hex, struct es_pairing_reply *reply);
// /unpair: the client gives up. Never touches who is paired.
void pairing_desk_give_up(struct es_pairing_desk *desk, const struct es_pairing_asker *asker);

// Ends what is past its time at `now_ns`; the desk's own timer calls it.
void pairing_desk_expire(struct es_pairing_desk *desk, int64_t now_ns);
