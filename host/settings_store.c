#include "host/settings_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/settings_parse.h"
#include "host/state_file.h"

#define MAX_PATH 4096

struct es_settings_store {
	int dir_fd; // borrowed
	yyjson_doc *doc, *before; // as the file: {"version": 1, "settings": {NAME: TEXT...}}
};

static yyjson_val *list(const yyjson_doc *doc) {
	return yyjson_obj_get(yyjson_doc_get_root((yyjson_doc *)doc), "settings");
}

static yyjson_doc *parse_file(const char *text, size_t size) {
	yyjson_doc *doc = yyjson_read(text, size, 0);
	if (yyjson_get_uint(yyjson_obj_get(yyjson_doc_get_root(doc), "version")) == 1 &&
			yyjson_is_obj(list(doc))) {
		return doc;
	}
	yyjson_doc_free(doc);
	return NULL;
}

struct es_settings_store *settings_store_load(int dir_fd, char *error, size_t cap) {
	static const char empty[] = "{\"version\":1,\"settings\":{}}";
	char *text = NULL, path[MAX_PATH];
	size_t size = 0;
	enum es_state_read result = state_file_read(dir_fd, ES_SETTINGS_FILE, &text, &size, error, cap);
	if (result == ES_STATE_UNREADABLE) {
		return NULL;
	}
	struct es_settings_store *store = calloc(1, sizeof(*store));
	if (store != NULL) {
		bool absent = result == ES_STATE_ABSENT;
		store->dir_fd = dir_fd;
		store->doc = parse_file(absent ? empty : text, absent ? strlen(empty) : size);
	}
	free(text);
	if (store == NULL || store->doc == NULL) {
		state_file_describe(dir_fd, ES_SETTINGS_FILE, path, sizeof(path));
		snprintf(error, cap,
				"cannot read the settings of the console in '%s': it is not what was written there; "
				"remove it",
				path);
		settings_store_destroy(store);
		return NULL;
	}
	return store;
}

void settings_store_destroy(struct es_settings_store *store) {
	if (store == NULL) {
		return;
	}
	yyjson_doc_free(store->doc);
	yyjson_doc_free(store->before);
	free(store);
}

bool settings_store_has(const struct es_settings_store *store, const char *name) {
	return yyjson_obj_get(list(store->doc), name) != NULL;
}

void settings_store_merge(const struct es_settings_store *store, struct es_settings *settings) {
	char error[ES_SETTINGS_ERROR_MAX];
	size_t index, n;
	yyjson_val *key, *value;
	yyjson_obj_foreach(list(store->doc), index, n, key, value) {
		const char *name = yyjson_get_str(key), *text = yyjson_get_str(value);
		if (settings_source(settings, name) == ES_SOURCE_DEFAULT &&
				!settings_set(settings, name, text != NULL ? text : "", error, sizeof(error))) {
			es_log(ES_LOG_ERROR, "a setting of the console does not count: %s", error);
		}
	}
}

static bool check(yyjson_val *change, char *error, size_t cap) {
	struct es_settings *scratch = settings_parse("", 0, "", error, cap);
	bool ok = scratch != NULL;
	size_t index, n;
	yyjson_val *key, *value;
	yyjson_obj_foreach(change, index, n, key, value) {
		ok = ok &&
				(yyjson_get_len(value) == 0 ||
						settings_set(
								scratch, yyjson_get_str(key), yyjson_get_str(value), error, cap));
	}
	settings_destroy(scratch);
	return ok;
}

static yyjson_mut_doc *edit(const struct es_settings_store *store, yyjson_val *change) {
	yyjson_mut_doc *doc = yyjson_doc_mut_copy(store->doc, NULL);
	yyjson_mut_val *settings = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "settings");
	size_t index, n;
	yyjson_val *key, *value;
	yyjson_obj_foreach(change, index, n, key, value) {
		yyjson_mut_obj_remove_key(settings, yyjson_get_str(key));
		if (yyjson_get_len(value) > 0) {
			yyjson_mut_obj_add(
					settings, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, value));
		}
	}
	return doc;
}

static bool write_doc(
		const struct es_settings_store *store, yyjson_doc *doc, char *error, size_t cap) {
	size_t size = 0;
	char *text = doc != NULL
			? yyjson_write(doc, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, &size)
			: NULL;
	if (text == NULL) {
		snprintf(error, cap, "out of memory");
		return false;
	}
	bool ok = state_file_write(store->dir_fd, ES_SETTINGS_FILE, text, size, error, cap);
	free(text);
	return ok;
}

bool settings_store_change(
		struct es_settings_store *store, yyjson_val *change, char *error, size_t cap) {
	if (!check(change, error, cap)) {
		return false;
	}
	yyjson_mut_doc *next = edit(store, change);
	yyjson_doc *doc = yyjson_mut_doc_imut_copy(next, NULL);
	yyjson_mut_doc_free(next);
	if (!write_doc(store, doc, error, cap)) {
		yyjson_doc_free(doc);
		return false;
	}
	yyjson_doc_free(store->before);
	store->before = store->doc;
	store->doc = doc;
	return true;
}

void settings_store_undo(struct es_settings_store *store) {
	char error[512];
	if (store->before == NULL) {
		return;
	}
	if (!write_doc(store, store->before, error, sizeof(error))) {
		es_log(ES_LOG_WARN, "%s; it holds settings that do not count", error);
	}
	yyjson_doc_free(store->doc);
	store->doc = store->before;
	store->before = NULL;
}
