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

// --- the operator's side

struct es_pairing_info {
	uint32_t id; // of the request, 1..
	char name[ES_CLIENT_NAME_MAX]; // as the device calls itself; may be forged
	char address[64];
	uint32_t seconds_left;
	bool waits_for_pin; // else its later phases are under way
};
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
// The asker has gone: done is not called.
void pairing_desk_forget(struct es_pairing_desk *desk, void *data);
