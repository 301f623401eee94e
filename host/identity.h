// Who this host is: key, certificate and unique id, made at the first start and kept for good. Clients
// pin the certificate, so a host that lost it has lost its pairings, too.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/crypto.h"

#define ES_UNIQUE_ID_SIZE 37 // a UUID in text and its NUL
#define ES_IDENTITY_FILE "identity.json"

// Reads the identity from the state folder; makes one only if there is none and nobody was paired with
// an earlier one. The folder should be locked. False with the reason in error[cap].
bool identity_open(int dir_fd, struct es_identity *identity, char unique_id[ES_UNIQUE_ID_SIZE],
		char *error, size_t cap);
