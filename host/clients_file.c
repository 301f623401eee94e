#include "host/clients_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "host/safe_text.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define PEM_END "-----END CERTIFICATE-----\n"
#define PEM_LINE 48 // bytes in a line of 64 digits

static bool put_pem(char *out, size_t cap, const struct es_cert *cert) {
	size_t digits = (cert->der_size + 2) / 3 * 4;
	size_t lines = (cert->der_size + PEM_LINE - 1) / PEM_LINE;
	if (strlen(PEM_BEGIN) + digits + lines + strlen(PEM_END) >= cap) {
		return false;
	}
	size_t at = strlen(PEM_BEGIN);
	memcpy(out, PEM_BEGIN, at);
	for (size_t i = 0; i < cert->der_size; i += PEM_LINE) {
		size_t n = cert->der_size - i < PEM_LINE ? cert->der_size - i : PEM_LINE;
		at += base64_encode(cert->der + i, n, out + at);
		out[at++] = '\n';
	}
	memcpy(out + at, PEM_END, sizeof(PEM_END));
	return true;
}

static bool put_client(yyjson_mut_doc *doc, yyjson_mut_val *items, const struct es_client *client) {
	char pem[ES_CERT_MAX_DER / 3 * 4 + ES_CERT_MAX_DER / PEM_LINE + 128];
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
	return item != NULL && put_pem(pem, sizeof(pem), &client->cert) &&
			yyjson_mut_obj_add_uint(doc, item, "id", client->id) &&
			yyjson_mut_obj_add_strcpy(doc, item, "name", client->name) &&
			yyjson_mut_obj_add_sint(doc, item, "paired_at", client->paired_at) &&
			yyjson_mut_obj_add_bool(doc, item, "legacy", client->legacy) &&
			(!client->clipboard || yyjson_mut_obj_add_bool(doc, item, "clipboard", true)) &&
			(client->keyboard[0] == '\0' ||
					yyjson_mut_obj_add_strcpy(doc, item, "keyboard", client->keyboard)) &&
			(client->role == ES_ROLE_PLAY || yyjson_mut_obj_add_str(doc, item, "role", "view")) &&
			yyjson_mut_obj_add_strcpy(doc, item, "certificate", pem);
}

char *clients_file_text(const struct es_client_list *list, size_t *size) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	bool ok = root != NULL && yyjson_mut_obj_add_uint(doc, root, "version", 1) &&
			yyjson_mut_obj_add_uint(doc, root, "next_id", list->next_id);
	yyjson_mut_val *items = ok ? yyjson_mut_obj_add_arr(doc, root, "clients") : NULL;
	ok = items != NULL;
	for (size_t i = 0; ok && i < list->n; i++) {
		ok = put_client(doc, items, &list->items[i]);
	}
	yyjson_mut_doc_set_root(doc, root);
	char *text = ok ? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, size)
					: NULL;
	yyjson_mut_doc_free(doc);
	return text;
}

// Missing: it has none of its own.
static bool take_keyboard(struct es_client *client, yyjson_val *keyboard) {
	const char *layout = yyjson_get_str(keyboard);
	if (keyboard == NULL) {
		return true;
	}
	if (layout == NULL || strlen(layout) != yyjson_get_len(keyboard) || !keymap_is_layout(layout)) {
		return false;
	}
	memcpy(client->keyboard, layout, strlen(layout) + 1);
	return true;
}

// Missing: it may play.
static bool take_role(struct es_client *client, yyjson_val *role) {
	client->role = yyjson_equals_str(role, "view") ? ES_ROLE_VIEW : ES_ROLE_PLAY;
	return role == NULL || client->role == ES_ROLE_VIEW;
}

static bool take_client(struct es_client *client, yyjson_val *item, uint32_t last_id,
		uint32_t next_id, const char **why) {
	yyjson_val *id = yyjson_obj_get(item, "id"), *name = yyjson_obj_get(item, "name");
	yyjson_val *paired_at = yyjson_obj_get(item, "paired_at");
	yyjson_val *legacy = yyjson_obj_get(item, "legacy");
	yyjson_val *clipboard = yyjson_obj_get(item, "clipboard"); // missing: no
	yyjson_val *certificate = yyjson_obj_get(item, "certificate");
	if (!yyjson_is_uint(id) || yyjson_get_uint(id) <= last_id || yyjson_get_uint(id) >= next_id) {
		*why = "its id is missing, not above the one before, or not below next_id";
	} else if (!yyjson_is_str(name) || yyjson_get_len(name) >= ES_CLIENT_NAME_MAX ||
			strlen(yyjson_get_str(name)) != yyjson_get_len(name) ||
			!safe_text_is(yyjson_get_str(name))) {
		*why = "its name is missing, too long or not plain text";
	} else if (!yyjson_is_int(paired_at) || !yyjson_is_bool(legacy)) {
		*why = "its paired_at or legacy is missing";
	} else if (clipboard != NULL && !yyjson_is_bool(clipboard)) {
		*why = "its clipboard is neither true nor false";
	} else if (!take_keyboard(client, yyjson_obj_get(item, "keyboard"))) {
		*why = "its keyboard is not an xkb layout";
	} else if (!take_role(client, yyjson_obj_get(item, "role"))) {
		*why = "its role is not view";
	} else if (!yyjson_is_str(certificate)) {
		*why = "its certificate is missing";
	} else if (cert_parse_client(&client->cert, yyjson_get_str(certificate),
					   yyjson_get_len(certificate), why)) {
		client->id = (uint32_t)yyjson_get_uint(id);
		memcpy(client->name, yyjson_get_str(name), yyjson_get_len(name) + 1);
		memcpy(client->fingerprint, client->cert.fingerprint, sizeof(client->fingerprint));
		client->paired_at = (time_t)yyjson_get_sint(paired_at);
		client->legacy = yyjson_get_bool(legacy);
		client->clipboard = yyjson_get_bool(clipboard);
		return true;
	}
	return false;
}

static bool take_clients(struct es_client_list *list, yyjson_val *items, char *error, size_t cap) {
	size_t n = yyjson_arr_size(items);
	list->items = calloc(n > 0 ? n : 1, sizeof(*list->items));
	if (list->items == NULL) {
		snprintf(error, cap, "out of memory");
		return false;
	}
	for (; list->n < n; list->n++) {
		const char *why = "";
		uint32_t last_id = list->n > 0 ? list->items[list->n - 1].id : 0;
		if (!take_client(&list->items[list->n], yyjson_arr_get(items, list->n), last_id,
					list->next_id, &why)) {
			snprintf(error, cap, "client %zu of the list: %s", list->n + 1, why);
			return false;
		}
	}
	return true;
}

static bool take_root(struct es_client_list *list, yyjson_val *root, char *error, size_t cap) {
	yyjson_val *next_id = yyjson_obj_get(root, "next_id");
	yyjson_val *items = yyjson_obj_get(root, "clients");
	if (!yyjson_is_obj(root)) {
		snprintf(error, cap, "it is not the JSON object that was written");
	} else if (yyjson_get_uint(yyjson_obj_get(root, "version")) != 1) {
		snprintf(error, cap, "it is of another version of earthshine");
	} else if (!yyjson_is_uint(next_id) || yyjson_get_uint(next_id) < 1 ||
			yyjson_get_uint(next_id) > UINT32_MAX) {
		snprintf(error, cap, "next_id is missing or out of range");
	} else if (!yyjson_is_arr(items) || yyjson_arr_size(items) > ES_MAX_CLIENTS) {
		snprintf(error, cap, "the list of clients is missing or has more than %d entries",
				ES_MAX_CLIENTS);
	} else {
		list->next_id = (uint32_t)yyjson_get_uint(next_id);
		return take_clients(list, items, error, cap);
	}
	return false;
}

bool clients_file_parse(
		struct es_client_list *list, const char *text, size_t size, char *error, size_t cap) {
	*list = (struct es_client_list){.next_id = 1};
	yyjson_read_err failure;
	yyjson_doc *doc = yyjson_read_opts((char *)text, size, 0, NULL, &failure);
	if (doc == NULL) {
		snprintf(error, cap, "byte %zu: %s", failure.pos, failure.msg);
		return false;
	}
	bool ok = take_root(list, yyjson_doc_get_root(doc), error, cap);
	yyjson_doc_free(doc);
	if (!ok) {
		client_list_finish(list);
	}
	return ok;
}

void client_list_finish(struct es_client_list *list) {
	free(list->items);
	*list = (struct es_client_list){.next_id = 1};
}
