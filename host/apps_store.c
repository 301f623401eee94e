#define _GNU_SOURCE // unlinkat
#include "host/apps_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/app_image.h"
#include "host/settings_parse.h"
#include "host/state_file.h"

#define MAX_PATH 4096
#define MAX_PARTS 16
#define MAX_STORED 200

struct es_apps_store {
	int dir_fd; // borrowed
	// As the file: {"version": 1, "next_id": N, "order": [ID...], "apps": [{"id": N, ...}...]}
	yyjson_doc *doc;
	struct es_settings *settings; // borrowed; NULL: not merged yet
};

// --- an app of the file, as a block of the configuration: what that refuses is refused here

static const struct part {
	const char *member, *directive;
	bool list;
} parts[] = {
		{"command", "command", true},
		{"env", "env", true},
		{"before", "before", true},
		{"after", "after", true},
		{"keyboard", "keyboard", false},
		{"gamepad", "gamepad", false},
		{"local_devices", "local-devices", false},
};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

struct block {
	struct scfg_directive app, children[MAX_PARTS];
	char *title[1], *id[1], *no[1];
	char id_text[16];
	char **words[MAX_PARTS];
};

// The words of a text or a list, borrowed; NULL with *n = 0: none, or no memory.
static char **list_words(yyjson_val *value, size_t *n) {
	bool list = yyjson_is_arr(value);
	*n = list ? yyjson_arr_size(value) : yyjson_get_len(value) > 0 ? 1 : 0;
	char **words = *n > 0 ? calloc(*n, sizeof(*words)) : NULL;
	*n = words != NULL ? *n : 0;
	for (size_t i = 0; i < *n; i++) {
		const char *word = yyjson_get_str(list ? yyjson_arr_get(value, i) : value);
		words[i] = (char *)(word != NULL ? word : "");
	}
	return words;
}

static void add_child(struct block *block, const char *name, char **params, size_t n) {
	block->children[block->app.children.directives_len++] = (struct scfg_directive){
			.name = (char *)name, .params = params, .params_len = n, .lineno = 1};
}

static void make_block(struct block *block, yyjson_val *app) {
	static char name[] = "app";
	const char *title = yyjson_get_str(yyjson_obj_get(app, "title"));
	static char no[] = "no";
	*block = (struct block){.title = {(char *)(title != NULL ? title : "")}, .no = {no}};
	block->app = (struct scfg_directive){
			.name = name, .params = block->title, .params_len = 1, .lineno = 1};
	block->app.children.directives = block->children;
	snprintf(block->id_text, sizeof(block->id_text), "%" PRIu64,
			yyjson_get_uint(yyjson_obj_get(app, "id")));
	block->id[0] = block->id_text;
	add_child(block, "id", block->id, 1);
	for (size_t i = 0; i < N_PARTS; i++) {
		size_t n;
		block->words[i] = list_words(yyjson_obj_get(app, parts[i].member), &n);
		if (n > 0) {
			add_child(block, parts[i].directive, block->words[i], n);
		}
	}
	if (yyjson_is_true(yyjson_obj_get(app, "private"))) {
		add_child(block, "private", NULL, 0);
	}
	if (yyjson_is_false(yyjson_obj_get(app, "contain"))) {
		add_child(block, "contain", block->no, 1);
	}
}

// Behind the settings' apps. False with the reason: nothing was added.
static bool add_to_settings(
		struct es_settings *settings, yyjson_val *app, char *error, size_t cap) {
	char why[ES_SETTINGS_ERROR_MAX];
	struct es_settings_parse parse = {
			.path = "app", .settings = settings, .error = why, .cap = sizeof(why)};
	size_t before = settings->n_apps;
	struct block block;
	make_block(&block, app);
	bool ok = settings_take_app(&parse, &block.app);
	for (size_t i = 0; i < N_PARTS; i++) {
		free(block.words[i]);
	}
	if (!ok) {
		const char *text = strstr(why, ": "); // behind the place, which is none
		snprintf(error, cap, "%s", text != NULL ? text + 2 : why);
		while (settings->n_apps > before) {
			settings_drop_app(settings, settings->n_apps - 1);
		}
		return false;
	}
	settings->apps[before].made_here = true;
	return true;
}

// --- the file

static yyjson_doc *parse_file(const char *text, size_t size, char *error, size_t cap) {
	yyjson_doc *doc = yyjson_read(text, size, 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *apps = yyjson_obj_get(root, "apps");
	uint64_t next_id = yyjson_get_uint(yyjson_obj_get(root, "next_id"));
	if (yyjson_get_uint(yyjson_obj_get(root, "version")) == 1 && yyjson_is_arr(apps) &&
			next_id >= ES_APPS_FIRST_ID && next_id < INT32_MAX &&
			yyjson_is_arr(yyjson_obj_get(root, "order"))) {
		return doc;
	}
	snprintf(error, cap, "it is not what was written there");
	yyjson_doc_free(doc);
	return NULL;
}

struct es_apps_store *apps_store_load(int dir_fd, char *error, size_t cap) {
	static const char empty[] = "{\"version\":1,\"next_id\":1000001,\"order\":[],\"apps\":[]}";
	char *text = NULL, path[MAX_PATH], why[128] = "out of memory";
	size_t size = 0;
	enum es_state_read result = state_file_read(dir_fd, ES_APPS_FILE, &text, &size, error, cap);
	if (result == ES_STATE_UNREADABLE) {
		return NULL;
	}
	struct es_apps_store *store = calloc(1, sizeof(*store));
	if (store != NULL) {
		bool absent = result == ES_STATE_ABSENT;
		store->dir_fd = dir_fd;
		store->doc =
				parse_file(absent ? empty : text, absent ? strlen(empty) : size, why, sizeof(why));
	}
	free(text);
	if (store == NULL || store->doc == NULL) {
		state_file_describe(dir_fd, ES_APPS_FILE, path, sizeof(path));
		snprintf(error, cap, "cannot read the apps in '%s': %s; put a backup back, or remove it",
				path, why);
		apps_store_destroy(store);
		return NULL;
	}
	return store;
}

void apps_store_destroy(struct es_apps_store *store) {
	if (store == NULL) {
		return;
	}
	yyjson_doc_free(store->doc);
	free(store);
}

static yyjson_val *list_apps(const struct es_apps_store *store) {
	return yyjson_obj_get(yyjson_doc_get_root(store->doc), "apps");
}

static yyjson_val *find_app(const struct es_apps_store *store, uint32_t id) {
	size_t index, n;
	yyjson_val *app;
	yyjson_arr_foreach(list_apps(store), index, n, app) {
		if (yyjson_get_uint(yyjson_obj_get(app, "id")) == id) {
			return app;
		}
	}
	return NULL;
}

bool apps_store_has(const struct es_apps_store *store, uint32_t id) {
	return find_app(store, id) != NULL;
}

// --- in the settings

static void cover_name(uint32_t id, char *out, size_t cap) {
	snprintf(out, cap, "cover-%" PRIu32, id);
}

static void settle_cover(const struct es_apps_store *store, struct es_app *app) {
	char name[32], path[MAX_PATH];
	cover_name(app->id, name, sizeof(name));
	if (faccessat(store->dir_fd, name, R_OK, 0) == 0) {
		state_file_describe(store->dir_fd, name, path, sizeof(path));
		app->image = strdup(path);
	}
}

// Its place in the order; behind all that are named there if it is not.
static size_t place_of(const struct es_apps_store *store, uint32_t id) {
	yyjson_val *order = yyjson_obj_get(yyjson_doc_get_root(store->doc), "order"), *item;
	size_t index, n;
	yyjson_arr_foreach(order, index, n, item) {
		if (yyjson_get_uint(item) == id) {
			return index;
		}
	}
	return SIZE_MAX;
}

// Stable: what has no place stays behind what was before it.
static void sort_apps(const struct es_apps_store *store, struct es_settings *settings) {
	for (size_t i = 1; i < settings->n_apps; i++) {
		struct es_app app = settings->apps[i];
		size_t place = place_of(store, app.id), at = i;
		for (; at > 0 && place_of(store, settings->apps[at - 1].id) > place; at--) {
			settings->apps[at] = settings->apps[at - 1];
		}
		settings->apps[at] = app;
	}
}

void apps_store_merge(struct es_apps_store *store, struct es_settings *settings) {
	char error[ES_SETTINGS_ERROR_MAX];
	size_t index, n;
	yyjson_val *app;
	store->settings = settings;
	for (size_t i = settings->n_apps; i > 0; i--) {
		if (settings->apps[i - 1].made_here) {
			settings_drop_app(settings, i - 1);
		}
	}
	yyjson_arr_foreach(list_apps(store), index, n, app) {
		if (add_to_settings(settings, app, error, sizeof(error))) {
			settle_cover(store, &settings->apps[settings->n_apps - 1]);
		} else {
			es_log(ES_LOG_ERROR, "an app of the console cannot be listed: %s", error);
		}
	}
	sort_apps(store, settings);
}

// --- changes

// Writes what has become of the file, and takes it over; `next` is freed.
static bool commit(struct es_apps_store *store, yyjson_mut_doc *next, char *error, size_t cap) {
	size_t size = 0;
	char *text = yyjson_mut_write(next, YYJSON_WRITE_PRETTY | YYJSON_WRITE_NEWLINE_AT_END, &size);
	yyjson_doc *doc = yyjson_mut_doc_imut_copy(next, NULL);
	yyjson_mut_doc_free(next);
	bool ok = text != NULL && doc != NULL;
	if (!ok) {
		snprintf(error, cap, "out of memory");
	}
	ok = ok && state_file_write(store->dir_fd, ES_APPS_FILE, text, size, error, cap);
	free(text);
	yyjson_doc_free(ok ? store->doc : doc);
	if (!ok) {
		return false;
	}
	store->doc = doc;
	if (store->settings != NULL) {
		apps_store_merge(store, store->settings);
	}
	return true;
}

// Whether the configuration would take it, beside no other one.
static bool check_app(yyjson_mut_val *app, char *error, size_t cap) {
	struct es_settings scratch = {0};
	yyjson_doc *doc = yyjson_mut_val_imut_copy(app, NULL);
	bool ok = add_to_settings(&scratch, yyjson_doc_get_root(doc), error, cap);
	yyjson_doc_free(doc);
	while (scratch.n_apps > 0) {
		settings_drop_app(&scratch, scratch.n_apps - 1);
	}
	free(scratch.apps);
	return ok;
}

static void take_members(yyjson_mut_doc *doc, yyjson_mut_val *app, yyjson_val *from) {
	size_t index, n;
	yyjson_val *key, *value;
	yyjson_obj_foreach(from, index, n, key, value) {
		const char *name = yyjson_get_str(key);
		yyjson_mut_obj_remove_key(app, name);
		bool none = yyjson_is_null(value) || (yyjson_is_str(value) && yyjson_get_len(value) == 0);
		if (!none) {
			yyjson_mut_obj_add(app, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, value));
		}
	}
}

static yyjson_mut_doc *begin(const struct es_apps_store *store, yyjson_mut_val **root) {
	yyjson_mut_doc *doc = yyjson_doc_mut_copy(store->doc, NULL);
	*root = yyjson_mut_doc_get_root(doc);
	return doc;
}

static bool give_up(yyjson_mut_doc *doc) {
	yyjson_mut_doc_free(doc);
	return false;
}

// An id that neither the store has ever given nor the configuration gives.
static uint32_t choose_id(const struct es_apps_store *store, yyjson_mut_val *root) {
	uint64_t id = yyjson_mut_get_uint(yyjson_mut_obj_get(root, "next_id"));
	while (store->settings != NULL && settings_find_app(store->settings, (uint32_t)id) != NULL) {
		id++;
	}
	return (uint32_t)id;
}

bool apps_store_add(
		struct es_apps_store *store, yyjson_val *app, uint32_t *id, char *error, size_t cap) {
	yyjson_mut_val *root;
	if (yyjson_arr_size(list_apps(store)) >= MAX_STORED) {
		snprintf(error, cap, "there are %d apps already; remove one first", MAX_STORED);
		return false;
	}
	yyjson_mut_doc *doc = begin(store, &root);
	*id = choose_id(store, root);
	yyjson_mut_obj_remove_key(root, "next_id");
	yyjson_mut_obj_add_uint(doc, root, "next_id", (uint64_t)*id + 1);
	yyjson_mut_val *made = yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_get(root, "apps"));
	yyjson_mut_obj_add_uint(doc, made, "id", *id);
	take_members(doc, made, app);
	return check_app(made, error, cap) ? commit(store, doc, error, cap) : give_up(doc);
}

static yyjson_mut_val *find_in(yyjson_mut_val *apps, uint32_t id, size_t *at) {
	size_t index, n;
	yyjson_mut_val *app;
	yyjson_mut_arr_foreach(apps, index, n, app) {
		if (yyjson_mut_get_uint(yyjson_mut_obj_get(app, "id")) == id) {
			*at = index;
			return app;
		}
	}
	return NULL;
}

static bool refuse_unknown(uint32_t id, char *error, size_t cap) {
	snprintf(error, cap, "there is no app %" PRIu32 " that was made here", id);
	return false;
}

bool apps_store_change(
		struct es_apps_store *store, uint32_t id, yyjson_val *change, char *error, size_t cap) {
	yyjson_mut_val *root;
	size_t at;
	yyjson_mut_doc *doc = begin(store, &root);
	yyjson_mut_val *app = find_in(yyjson_mut_obj_get(root, "apps"), id, &at);
	if (app == NULL) {
		give_up(doc);
		return refuse_unknown(id, error, cap);
	}
	take_members(doc, app, change);
	return check_app(app, error, cap) ? commit(store, doc, error, cap) : give_up(doc);
}

bool apps_store_remove(struct es_apps_store *store, uint32_t id, char *error, size_t cap) {
	yyjson_mut_val *root;
	size_t at;
	yyjson_mut_doc *doc = begin(store, &root);
	yyjson_mut_val *apps = yyjson_mut_obj_get(root, "apps");
	if (find_in(apps, id, &at) == NULL) {
		give_up(doc);
		return refuse_unknown(id, error, cap);
	}
	yyjson_mut_arr_remove(apps, at);
	if (!commit(store, doc, error, cap)) {
		return false;
	}
	char name[32];
	cover_name(id, name, sizeof(name));
	unlinkat(store->dir_fd, name, 0);
	return true;
}

static bool has_number(yyjson_val *list, uint64_t number) {
	size_t index, n;
	yyjson_val *item;
	yyjson_arr_foreach(list, index, n, item) {
		if (yyjson_get_uint(item) == number) {
			return true;
		}
	}
	return false;
}

bool apps_store_order(struct es_apps_store *store, yyjson_val *ids, char *error, size_t cap) {
	yyjson_mut_val *root;
	yyjson_mut_doc *doc = begin(store, &root);
	yyjson_mut_val *order = yyjson_val_mut_copy(doc, ids);
	yyjson_mut_obj_remove_key(root, "order");
	const struct es_settings *settings = store->settings;
	for (size_t i = 0; settings != NULL && i < settings->n_apps; i++) {
		if (!has_number(ids, settings->apps[i].id)) {
			yyjson_mut_arr_add_uint(doc, order, settings->apps[i].id);
		}
	}
	yyjson_mut_obj_add_val(doc, root, "order", order);
	return commit(store, doc, error, cap);
}

bool apps_store_set_cover(struct es_apps_store *store, uint32_t id, const void *data, size_t size,
		char *error, size_t cap) {
	char name[32];
	if (!apps_store_has(store, id)) {
		return refuse_unknown(id, error, cap);
	}
	if (app_image_type(data, size) == NULL) {
		snprintf(error, cap, "the picture is neither a PNG nor a JPEG");
		return false;
	}
	cover_name(id, name, sizeof(name));
	if (!state_file_write(store->dir_fd, name, data, size, error, cap)) {
		return false;
	}
	if (store->settings != NULL) {
		apps_store_merge(store, store->settings);
	}
	return true;
}
