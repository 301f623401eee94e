// The list of paired clients as it lies on disk: JSON, with each certificate in PEM. Text in, text
// out; a file that is not wholly right is refused, since half a list of trust is none.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/clients.h"

#define ES_CLIENTS_FILE "clients.json"
#define ES_MAX_CLIENTS 1024

struct es_client_list {
	struct es_client *items; // in order of id
	size_t n;
	uint32_t next_id; // never used before
};

// The caller's to free; NULL: no memory.
char *clients_file_text(const struct es_client_list *list, size_t *size);
// On success the caller finishes the list; false with the reason in error[cap].
bool clients_file_parse(
		struct es_client_list *list, const char *text, size_t size, char *error, size_t cap);
void client_list_finish(struct es_client_list *list);
