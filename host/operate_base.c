#include "host/operate_base.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/api.h"
#include "host/control_client.h"
#include "host/options.h"
#include "host/quantity.h"
#include "host/safe_text.h"

static bool apply_json(void *data, const char *value, char *error, size_t cap) {
	((struct es_operate *)data)->json = true;
	return true;
}

static bool apply_help(void *data, const char *value, char *error, size_t cap) {
	((struct es_operate *)data)->help = true;
	return true;
}

static const struct es_option table[] = {
		{'j', "json", NULL, "print the host's answer as one line of JSON", apply_json},
		{'h', "help", NULL, "this text", apply_help},
};
#define N_OPTIONS (sizeof(table) / sizeof(table[0]))
#define MAX_OPTIONS 16

// Options may stand anywhere (none takes a value); behind "--" all are words. False: too many.
static bool take_apart(
		struct es_operate *operate, int argc, char **argv, char **options, int *n_options) {
	bool all_words = false;
	options[(*n_options)++] = argv[0];
	for (int i = 1; i < argc; i++) {
		if (!all_words && strcmp(argv[i], "--") == 0) {
			all_words = true;
		} else if (!all_words && argv[i][0] == '-' && argv[i][1] != '\0') {
			if (*n_options == MAX_OPTIONS) {
				return false;
			}
			options[(*n_options)++] = argv[i];
		} else if (operate->n_words == ES_OPERATE_MAX_WORDS) {
			return false;
		} else {
			operate->words[operate->n_words++] = argv[i];
		}
	}
	options[*n_options] = NULL;
	return true;
}

int operate_usage(const struct es_operate *operate, const char *format, ...) {
	char text[512], safe[600];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	safe_text(safe, sizeof(safe), text);
	es_log(ES_LOG_ERROR, "%s; see `earthshine %s --help`", safe, operate->command);
	return 2;
}

int operate_begin(struct es_operate *operate, int argc, char **argv, const char *help) {
	*operate = (struct es_operate){.command = argv[0]};
	char *options[MAX_OPTIONS + 1], error[256];
	int n_options = 0;
	if (!take_apart(operate, argc, argv, options, &n_options)) {
		return 1 + operate_usage(operate, "too many words");
	}
	if (options_parse(table, N_OPTIONS, n_options, options, operate, error, sizeof(error)) < 0) {
		return 1 + operate_usage(operate, "%s", error);
	}
	if (operate->help) {
		fputs(help, stdout);
		fputs("\n", stdout);
		options_print(stdout, table, N_OPTIONS);
		return 1;
	}
	operate->request = yyjson_mut_doc_new(NULL);
	operate->args = operate->request != NULL ? yyjson_mut_obj(operate->request) : NULL;
	return 0;
}

void operate_finish(struct es_operate *operate) {
	yyjson_mut_doc_free(operate->request);
	yyjson_doc_free(operate->answer);
}

bool operate_number(
		const struct es_operate *operate, const char *word, const char *what, uint32_t *n) {
	uint64_t v;
	if (!quantity_whole(word, 1, UINT32_MAX, &v)) {
		operate_usage(operate, "%s '%s' is not a whole number from 1 on", what, word);
		return false;
	}
	*n = (uint32_t)v;
	return true;
}

static void print_json(yyjson_val *body, bool ok) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	size_t index, n;
	yyjson_val *key, *value;
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_bool(doc, root, "ok", ok);
	yyjson_obj_foreach(body, index, n, key, value) {
		yyjson_mut_obj_add(root, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, value));
	}
	yyjson_mut_write_fp(
			stdout, doc, YYJSON_WRITE_ESCAPE_UNICODE | YYJSON_WRITE_NEWLINE_AT_END, NULL, NULL);
	yyjson_mut_doc_free(doc);
}

bool operate_ask(struct es_operate *operate, const char *method, const char *path, int timeout_s) {
	char whole[256];
	snprintf(whole, sizeof(whole), ES_API_ROOT "%s", path);
	yyjson_mut_doc *doc = operate->request;
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(doc, root, "method", method);
	yyjson_mut_obj_add_str(doc, root, "path", whole);
	if (yyjson_mut_obj_size(operate->args) > 0) {
		yyjson_mut_obj_add_val(doc, root, "body", operate->args);
	}
	operate->answer = control_client_ask(doc, timeout_s);
	yyjson_val *answer = yyjson_doc_get_root(operate->answer);
	if (answer == NULL) {
		return false;
	}
	operate->root = yyjson_obj_get(answer, "body");
	bool ok = operate_uint(answer, "status") == 200;
	if (operate->json) {
		print_json(operate->root, ok);
	} else if (!ok) {
		char why[1024];
		es_log(ES_LOG_ERROR, "%s", operate_text(operate->root, "error", why, sizeof(why)));
	}
	return ok;
}

bool operate_ask_of(struct es_operate *operate, const char *method, const char *what, uint32_t id,
		const char *verb, int timeout_s) {
	char path[128];
	snprintf(path, sizeof(path), "/%s/%" PRIu32 "%s", what, id, verb);
	return operate_ask(operate, method, path, timeout_s);
}

const char *operate_text(yyjson_val *object, const char *key, char *out, size_t cap) {
	const char *text = yyjson_get_str(yyjson_obj_get(object, key));
	if (text == NULL) {
		return "";
	}
	if (safe_text_is(text)) {
		return text;
	}
	safe_text(out, cap, text); // the host has done so already; if it was ours
	return out;
}

uint64_t operate_uint(yyjson_val *object, const char *key) {
	return yyjson_get_uint(yyjson_obj_get(object, key));
}
