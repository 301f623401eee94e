// The paired clients: the one list of certificates that are let in, kept in a state file. A client is
// in it only after the last phase of a pairing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "host/api.h"
#include "protocol/crypto.h"
#include "protocol/keymap.h"

#define ES_CLIENT_NAME_MAX 64

struct es_client {
	uint32_t id; // 1.., never used again
	char name[ES_CLIENT_NAME_MAX]; // shown and renamed by the operator
	uint8_t fingerprint[ES_SHA256_SIZE]; // of the certificate's DER: what identifies it
	struct es_cert cert;
	time_t paired_at;
	char keyboard[ES_LAYOUT_SIZE]; // layout of its keys; "": the app's or the host's
	bool clipboard; // may read the text that the app copies, and set it
	bool legacy; // may use the old control encryption and unencrypted RTSP
	enum es_role role; // ES_ROLE_PLAY, or ES_ROLE_VIEW: it may see what there is, not play it
};

// NULL: stays as it is.
struct es_client_change {
	const char *name; // plain text
	const char *keyboard; // "": none of its own
	const bool *legacy, *clipboard;
	const enum es_role *role; // ES_ROLE_VIEW or ES_ROLE_PLAY
};

struct es_clients;

// Reads the list from a file in the state folder `dir_fd` (borrowed, kept). NULL with the reason in
// error[cap] if it is there but cannot be read: nobody is let in then.
struct es_clients *clients_load(int dir_fd, char *error, size_t cap);
void clients_destroy(struct es_clients *clients); // NULL is fine

// Called after each change. NULL: not any more.
void clients_on_change(struct es_clients *clients, void (*changed)(void *data), void *data);

// The one with exactly this DER certificate, or NULL. Valid until the list changes.
const struct es_client *clients_find_der(
		const struct es_clients *clients, const void *der, size_t size);
const struct es_client *clients_find(const struct es_clients *clients, uint32_t id);
// In order of id.
size_t clients_count(const struct es_clients *clients);
const struct es_client *clients_at(const struct es_clients *clients, size_t index);

// Each change is on disk (written, synced, renamed) before it returns true; false: the list is as
// before, with the reason in error[cap]. A certificate that is there already keeps its id.
bool clients_add(struct es_clients *clients, const struct es_cert *cert, const char *name,
		uint32_t *id, char *error, size_t cap);
// All of it or nothing.
bool clients_change(struct es_clients *clients, uint32_t id, const struct es_client_change *change,
		char *error, size_t cap);
bool clients_revoke(struct es_clients *clients, uint32_t id, char *error, size_t cap);
