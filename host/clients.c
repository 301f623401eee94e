#include "host/clients.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/clients_file.h"
#include "host/safe_text.h"
#include "host/state_file.h"

#define MAX_PATH 4096

struct es_clients {
	int dir_fd; // borrowed
	struct es_client_list list;
	void (*changed)(void *data);
	void *changed_data;
};

struct es_clients *clients_load(int dir_fd, char *error, size_t cap) {
	char *text = NULL, why[ES_CLIENT_NAME_MAX + 256] = "";
	size_t size = 0;
	enum es_state_read result = state_file_read(dir_fd, ES_CLIENTS_FILE, &text, &size, error, cap);
	if (result == ES_STATE_UNREADABLE) {
		return NULL;
	}
	struct es_clients *clients = calloc(1, sizeof(*clients));
	if (clients == NULL) {
		snprintf(error, cap, "cannot read the paired clients: out of memory");
		free(text);
		return NULL;
	}
	clients->dir_fd = dir_fd;
	clients->list.next_id = 1;
	if (result == ES_STATE_READ &&
			!clients_file_parse(&clients->list, text, size, why, sizeof(why))) {
		char path[MAX_PATH];
		state_file_describe(dir_fd, ES_CLIENTS_FILE, path, sizeof(path));
		snprintf(error, cap,
				"cannot read the paired clients from '%s': %s; put a backup back, or remove it and "
				"pair all clients again",
				path, why);
		clients_destroy(clients);
		clients = NULL;
	}
	free(text);
	return clients;
}

void clients_destroy(struct es_clients *clients) {
	if (clients == NULL) {
		return;
	}
	client_list_finish(&clients->list);
	free(clients);
}

void clients_on_change(struct es_clients *clients, void (*changed)(void *data), void *data) {
	clients->changed = changed;
	clients->changed_data = data;
}

const struct es_client *clients_find_der(
		const struct es_clients *clients, const void *der, size_t size) {
	for (size_t i = 0; i < clients->list.n; i++) {
		const struct es_cert *cert = &clients->list.items[i].cert;
		if (cert->der_size == size && memcmp(cert->der, der, size) == 0) {
			return &clients->list.items[i];
		}
	}
	return NULL;
}

static struct es_client *find(const struct es_client_list *list, uint32_t id) {
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].id == id) {
			return &list->items[i];
		}
	}
	return NULL;
}

const struct es_client *clients_find(const struct es_clients *clients, uint32_t id) {
	return find(&clients->list, id);
}

size_t clients_count(const struct es_clients *clients) {
	return clients->list.n;
}

const struct es_client *clients_at(const struct es_clients *clients, size_t index) {
	assert(index < clients->list.n);
	return &clients->list.items[index];
}

// A copy with room for one more: what is changed there counts only once it is on disk.
static bool begin_change(
		const struct es_clients *clients, struct es_client_list *next, char *error, size_t cap) {
	const struct es_client_list *list = &clients->list;
	next->items = calloc(list->n + 1, sizeof(*next->items));
	if (next->items == NULL) {
		snprintf(error, cap, "cannot change the paired clients: out of memory");
		return false;
	}
	if (list->n > 0) {
		memcpy(next->items, list->items, list->n * sizeof(*next->items));
	}
	next->n = list->n;
	next->next_id = list->next_id;
	return true;
}

// Takes the changed list over if it could be written, else drops it.
static bool finish_change(
		struct es_clients *clients, struct es_client_list *next, char *error, size_t cap) {
	size_t size = 0;
	char *text = clients_file_text(next, &size);
	bool ok = text != NULL &&
			state_file_write(clients->dir_fd, ES_CLIENTS_FILE, text, size, error, cap);
	if (text == NULL) {
		snprintf(error, cap, "cannot change the paired clients: out of memory");
	}
	free(text);
	struct es_client_list *gone = ok ? &clients->list : next;
	struct es_client_list old = *gone;
	if (ok) {
		clients->list = *next;
	}
	client_list_finish(&old);
	if (ok && clients->changed != NULL) {
		clients->changed(clients->changed_data);
	}
	return ok;
}

// A change of one client: a copy of the list and its entry there.
static struct es_client *begin_edit(const struct es_clients *clients, struct es_client_list *next,
		uint32_t id, char *error, size_t cap) {
	if (find(&clients->list, id) == NULL) {
		snprintf(error, cap, "there is no client %u; `earthshine clients` lists them", id);
		return NULL;
	}
	return begin_change(clients, next, error, cap) ? find(next, id) : NULL;
}

bool clients_add(struct es_clients *clients, const struct es_cert *cert, const char *name,
		uint32_t *id, char *error, size_t cap) {
	const struct es_client *known = clients_find_der(clients, cert->der, cert->der_size);
	struct es_client_list next;
	if (known == NULL &&
			(clients->list.n >= ES_MAX_CLIENTS || clients->list.next_id == UINT32_MAX)) {
		snprintf(error, cap,
				"%zu clients are paired, no more fit; revoke some with `earthshine "
				"clients revoke ID`",
				clients->list.n);
		return false;
	}
	if (!begin_change(clients, &next, error, cap)) {
		return false;
	}
	struct es_client *client = known != NULL ? find(&next, known->id) : &next.items[next.n++];
	if (known == NULL) {
		client->id = next.next_id++;
		client->role = ES_ROLE_PLAY;
		client->cert = *cert;
		memcpy(client->fingerprint, cert->fingerprint, sizeof(client->fingerprint));
		safe_text(client->name, sizeof(client->name), name);
	}
	client->paired_at = time(NULL);
	*id = client->id;
	return finish_change(clients, &next, error, cap);
}

static bool check_change(const struct es_client_change *change, char *error, size_t cap) {
	const char *name = change->name, *layout = change->keyboard;
	if (name != NULL &&
			(name[0] == '\0' || strlen(name) >= ES_CLIENT_NAME_MAX || !safe_text_is(name))) {
		snprintf(error, cap, "a client's name is plain text of 1 to %d bytes",
				ES_CLIENT_NAME_MAX - 1);
		return false;
	}
	if (layout != NULL && layout[0] != '\0' && !keymap_is_layout(layout)) {
		snprintf(error, cap, "'%.80s' is not an xkb layout (as us, or de(nodeadkeys))", layout);
		return false;
	}
	return true;
}

bool clients_change(struct es_clients *clients, uint32_t id, const struct es_client_change *change,
		char *error, size_t cap) {
	struct es_client_list next;
	struct es_client *client =
			check_change(change, error, cap) ? begin_edit(clients, &next, id, error, cap) : NULL;
	if (client == NULL) {
		return false;
	}
	if (change->name != NULL) {
		snprintf(client->name, sizeof(client->name), "%s", change->name);
	}
	if (change->keyboard != NULL) {
		snprintf(client->keyboard, sizeof(client->keyboard), "%s", change->keyboard);
	}
	client->legacy = change->legacy != NULL ? *change->legacy : client->legacy;
	client->clipboard = change->clipboard != NULL ? *change->clipboard : client->clipboard;
	client->role = change->role != NULL ? *change->role : client->role;
	return finish_change(clients, &next, error, cap);
}

bool clients_revoke(struct es_clients *clients, uint32_t id, char *error, size_t cap) {
	struct es_client_list next;
	struct es_client *client = begin_edit(clients, &next, id, error, cap);
	if (client == NULL) {
		return false;
	}
	size_t index = (size_t)(client - next.items);
	memmove(client, client + 1, (next.n - index - 1) * sizeof(*client));
	next.n--;
	return finish_change(clients, &next, error, cap);
}
