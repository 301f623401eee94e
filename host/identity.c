#include "host/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yyjson.h>

#include "host/clients_file.h"
#include "host/state_file.h"

#define COMMON_NAME "Earthshine"
#define MAX_PATH 4096

static bool is_unique_id(const char *text) {
	for (int i = 0; i < ES_UNIQUE_ID_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'F');
		if (dash ? text[i] != '-' : !digit) {
			return false;
		}
	}
	return text[ES_UNIQUE_ID_SIZE - 1] == '\0';
}

// A random UUID (version 4).
static void make_unique_id(char out[ES_UNIQUE_ID_SIZE]) {
	uint8_t b[16];
	crypto_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, ES_UNIQUE_ID_SIZE,
			"%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", b[0], b[1],
			b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
			b[15]);
}

static const char *text_of(yyjson_val *root, const char *key) {
	const char *text = yyjson_get_str(yyjson_obj_get(root, key));
	return text != NULL ? text : "";
}

static bool take(yyjson_val *root, struct es_identity *identity, char unique_id[ES_UNIQUE_ID_SIZE],
		const char **why) {
	const char *id = text_of(root, "unique_id");
	if (!yyjson_is_obj(root)) {
		*why = "it is not the JSON object that was written";
	} else if (yyjson_get_uint(yyjson_obj_get(root, "version")) != 1) {
		*why = "it is of another version of earthshine";
	} else if (strlen(id) != ES_UNIQUE_ID_SIZE - 1 || !is_unique_id(id)) {
		*why = "its unique_id is not a UUID";
	} else if (identity_load(identity, text_of(root, "key"), text_of(root, "certificate"), why)) {
		memcpy(unique_id, id, ES_UNIQUE_ID_SIZE);
		return true;
	}
	return false;
}

static bool parse(int dir_fd, const char *text, size_t size, struct es_identity *identity,
		char unique_id[ES_UNIQUE_ID_SIZE], char *error, size_t cap) {
	const char *why = "it cannot be parsed";
	yyjson_doc *doc = yyjson_read(text, size, 0);
	bool ok = take(yyjson_doc_get_root(doc), identity, unique_id, &why);
	yyjson_doc_free(doc);
	if (!ok) {
		char path[MAX_PATH];
		state_file_describe(dir_fd, ES_IDENTITY_FILE, path, sizeof(path));
		snprintf(error, cap,
				"cannot use the host's identity in '%s': %s; put a backup back, or remove it and %s and "
				"pair all clients again",
				path, why, ES_CLIENTS_FILE);
	}
	return ok;
}

static bool save(int dir_fd, const struct es_identity *identity, const char *unique_id, char *error,
		size_t cap) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	bool made = root != NULL && yyjson_mut_obj_add_uint(doc, root, "version", 1) &&
			yyjson_mut_obj_add_str(doc, root, "unique_id", unique_id) &&
			yyjson_mut_obj_add_str(doc, root, "certificate", identity->cert_pem) &&
			yyjson_mut_obj_add_str(doc, root, "key", identity->key_pem);
	yyjson_mut_doc_set_root(doc, root);
	size_t size = 0;
	char *json = made
			? yyjson_mut_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, &size)
			: NULL;
	yyjson_mut_doc_free(doc);
	bool ok = json != NULL && state_file_write(dir_fd, ES_IDENTITY_FILE, json, size, error, cap);
	if (json == NULL) {
		snprintf(error, cap, "cannot save the host's identity: out of memory");
	} else {
		crypto_wipe(json, size);
	}
	free(json);
	return ok;
}

static bool make(int dir_fd, struct es_identity *identity, char unique_id[ES_UNIQUE_ID_SIZE],
		char *error, size_t cap) {
	struct stat st;
	if (fstatat(dir_fd, ES_CLIENTS_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		char path[MAX_PATH];
		state_file_describe(dir_fd, ES_IDENTITY_FILE, path, sizeof(path));
		snprintf(error, cap,
				"'%s', the host's key and certificate, is gone, but %s, the list of the clients that "
				"trust it, is there; put a backup back, or remove %s and pair all clients again",
				path, ES_CLIENTS_FILE, ES_CLIENTS_FILE);
		return false;
	}
	if (!identity_generate(identity, COMMON_NAME)) {
		snprintf(error, cap, "cannot make a key and a certificate for this host");
		return false;
	}
	make_unique_id(unique_id);
	if (!save(dir_fd, identity, unique_id, error, cap)) {
		identity_wipe(identity);
		return false;
	}
	return true;
}

bool identity_open(int dir_fd, struct es_identity *identity, char unique_id[ES_UNIQUE_ID_SIZE],
		char *error, size_t cap) {
	char *text = NULL;
	size_t size = 0;
	switch (state_file_read(dir_fd, ES_IDENTITY_FILE, &text, &size, error, cap)) {
	case ES_STATE_ABSENT:
		return make(dir_fd, identity, unique_id, error, cap);
	case ES_STATE_UNREADABLE:
		return false;
	case ES_STATE_READ:
		break;
	}
	bool ok = parse(dir_fd, text, size, identity, unique_id, error, cap);
	crypto_wipe(text, size);
	free(text);
	return ok;
}
