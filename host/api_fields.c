// What a request says, against what its route takes.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/api_route.h"
#include "host/nearest.h"
#include "host/quantity.h"

#define MAX_FIELDS 32
#define MAX_QUERY 2048

static size_t count_fields(const struct es_api_field *fields) {
	size_t n = 0;
	while (fields != NULL && fields[n].name != NULL) {
		n++;
	}
	assert(n <= MAX_FIELDS);
	return n;
}

static bool refuse(char *error, size_t cap, const struct es_api_field *field, const char *what) {
	snprintf(error, cap, "'%s' is not %s", field->name, what);
	return false;
}

// --- one value

static bool is_text(yyjson_val *v) {
	return yyjson_is_str(v) && strlen(yyjson_get_str(v)) == yyjson_get_len(v);
}

static bool is_one_of(const char *text, const char *const *words) {
	while (*words != NULL && strcmp(text, *words) != 0) {
		words++;
	}
	return *words != NULL;
}

static void list_words(char *out, size_t cap, const char *const *words) {
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; words[i] != NULL && n < cap; i++) {
		n += (size_t)snprintf(out + n, cap - n, "%s'%s'", i == 0 ? "one of " : ", ", words[i]);
	}
}

static bool check_text(const struct es_api_field *field, yyjson_val *v, char *error, size_t cap) {
	char what[256];
	if (!is_text(v)) {
		return refuse(error, cap, field, "a text");
	}
	if (field->words != NULL && !is_one_of(yyjson_get_str(v), field->words)) {
		list_words(what, sizeof(what), field->words);
		return refuse(error, cap, field, what);
	}
	size_t size = yyjson_get_len(v);
	if (size < (size_t)field->min || size > (size_t)field->max) {
		snprintf(what, sizeof(what), "a text of %" PRId64 " to %" PRId64 " bytes", field->min,
				field->max);
		return refuse(error, cap, field, what);
	}
	return true;
}

static bool is_number(yyjson_val *v, int64_t min, int64_t max) {
	if (yyjson_is_uint(v) && yyjson_get_uint(v) > INT64_MAX) {
		return false;
	}
	return yyjson_is_int(v) && yyjson_get_sint(v) >= min && yyjson_get_sint(v) <= max;
}

static bool check_number(const struct es_api_field *field, yyjson_val *v, char *error, size_t cap) {
	char what[128];
	if (is_number(v, field->min, field->max)) {
		return true;
	}
	snprintf(what, sizeof(what), "a whole number from %" PRId64 " to %" PRId64, field->min,
			field->max);
	return refuse(error, cap, field, what);
}

static bool check_list(const struct es_api_field *field, yyjson_val *v, char *error, size_t cap) {
	bool texts = field->type == ES_API_TEXTS;
	bool ok = yyjson_is_arr(v) && yyjson_arr_size(v) >= (size_t)field->min &&
			yyjson_arr_size(v) <= (size_t)field->max;
	size_t index, n;
	yyjson_val *item;
	yyjson_arr_foreach(v, index, n, item) {
		ok = ok &&
				(texts ? is_text(item) && yyjson_get_len(item) <= ES_API_WORD_MAX
					   : is_number(item, 1, INT32_MAX));
	}
	char what[128];
	snprintf(what, sizeof(what), "a list of %" PRId64 " to %" PRId64 " %s", field->min, field->max,
			texts ? "texts" : "numbers from 1 on");
	return ok || refuse(error, cap, field, what);
}

static bool check_value(const struct es_api_field *field, yyjson_val *v, char *error, size_t cap) {
	if (field->nullable && yyjson_is_null(v)) {
		return true;
	}
	switch (field->type) {
	case ES_API_TEXT:
		return check_text(field, v, error, cap);
	case ES_API_NUMBER:
		return check_number(field, v, error, cap);
	case ES_API_BOOL:
		return yyjson_is_bool(v) || refuse(error, cap, field, "true or false");
	case ES_API_TEXTS:
	case ES_API_NUMBERS:
		return check_list(field, v, error, cap);
	case ES_API_REAL:
	case ES_API_OBJECT:
	case ES_API_OBJECTS:
	case ES_API_ANY:
		break;
	}
	assert(false); // answers only
	return false;
}

// --- all of them

static const struct es_api_field *find_field(
		const struct es_api_field *fields, size_t n, const char *name, size_t size) {
	for (size_t i = 0; i < n; i++) {
		if (strlen(fields[i].name) == size && memcmp(fields[i].name, name, size) == 0) {
			return &fields[i];
		}
	}
	return NULL;
}

static bool refuse_unknown(
		const struct es_api_field *fields, size_t n, const char *name, char *error, size_t cap) {
	const char *names[MAX_FIELDS] = {NULL};
	for (size_t i = 0; i < n; i++) {
		names[i] = fields[i].name;
	}
	const char *nearest = nearest_word(name, names, n);
	snprintf(error, cap,
			n == 0 ? "'%.60s' is not taken here: nothing is" : "unknown field '%.60s'%s%s%s", name,
			nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
			nearest != NULL ? "'?" : "");
	return false;
}

bool api_fields_check(
		const struct es_api_field *fields, yyjson_val *args, char *error, size_t cap) {
	size_t n_fields = count_fields(fields), index, n;
	bool seen[MAX_FIELDS] = {false};
	yyjson_val *key, *value;
	yyjson_obj_foreach(args, index, n, key, value) {
		const char *name = yyjson_get_str(key);
		const struct es_api_field *field = find_field(fields, n_fields, name, yyjson_get_len(key));
		if (field == NULL) {
			return refuse_unknown(fields, n_fields, name, error, cap);
		}
		if (seen[field - fields]) {
			snprintf(error, cap, "'%s' is there twice", field->name);
			return false;
		}
		seen[field - fields] = true;
		if (!check_value(field, value, error, cap)) {
			return false;
		}
	}
	for (size_t i = 0; i < n_fields; i++) {
		if (fields[i].required && !seen[i]) {
			snprintf(error, cap, "'%s' is missing: %s", fields[i].name, fields[i].help);
			return false;
		}
	}
	return true;
}

// --- queries

static int hex_digit(char c) {
	return c >= '0' && c <= '9'	   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
								   : -1;
}

// Percent-decoded text of [from, to); false: broken, too long, or with a NUL.
static bool decode(const char *from, const char *to, char *out, size_t cap) {
	size_t n = 0;
	for (; from < to && n + 1 < cap; from++) {
		char c = *from == '+' ? ' ' : *from;
		if (c == '%') {
			int high = to - from > 2 ? hex_digit(from[1]) : -1;
			int low = high >= 0 ? hex_digit(from[2]) : -1;
			if (low < 0 || (high == 0 && low == 0)) {
				return false;
			}
			c = (char)(high * 16 + low);
			from += 2;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return from == to;
}

static bool add_pair(yyjson_mut_doc *doc, const struct es_api_field *fields, const char *name,
		const char *text) {
	const struct es_api_field *field = find_field(fields, count_fields(fields), name, strlen(name));
	yyjson_mut_val *root = yyjson_mut_doc_get_root(doc), *key = yyjson_mut_strcpy(doc, name);
	yyjson_mut_val *value = NULL;
	uint64_t number;
	if (field != NULL && field->type == ES_API_NUMBER &&
			quantity_whole(text, 0, INT64_MAX, &number)) {
		value = yyjson_mut_uint(doc, number);
	} else if (field != NULL && field->type == ES_API_BOOL &&
			(strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
		value = yyjson_mut_bool(doc, text[0] == 't');
	} else {
		value = yyjson_mut_strcpy(doc, text);
	}
	return yyjson_mut_obj_add(root, key, value);
}

static bool add_pairs(yyjson_mut_doc *doc, const struct es_api_field *fields, const char *query) {
	char name[64], text[1024];
	while (*query != '\0') {
		size_t size = strcspn(query, "&");
		const char *equals = memchr(query, '=', size), *end = query + size;
		const char *name_end = equals != NULL ? equals : end;
		const char *value = equals != NULL ? equals + 1 : end;
		if (size > 0 &&
				(!decode(query, name_end, name, sizeof(name)) ||
						!decode(value, end, text, sizeof(text)) ||
						!add_pair(doc, fields, name, text))) {
			return false;
		}
		query = end + (*end == '&' ? 1 : 0);
	}
	return true;
}

yyjson_doc *api_query_parse(
		const struct es_api_field *fields, const char *query, char *error, size_t cap) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_doc_set_root(doc, doc != NULL ? yyjson_mut_obj(doc) : NULL);
	yyjson_doc *args = NULL;
	if (strlen(query) <= MAX_QUERY && doc != NULL && add_pairs(doc, fields, query)) {
		// Written and read again: that refuses what is not UTF-8.
		size_t size;
		char *text = yyjson_mut_write(doc, 0, &size);
		args = text != NULL ? yyjson_read(text, size, 0) : NULL;
		free(text);
	}
	yyjson_mut_doc_free(doc);
	if (args == NULL) {
		snprintf(error, cap, "the query behind the '?' cannot be read");
	}
	return args;
}

// --- for handlers

bool api_has(const struct es_api_request *request, const char *name) {
	return yyjson_obj_get(request->args, name) != NULL;
}

bool api_is_null(const struct es_api_request *request, const char *name) {
	return yyjson_is_null(yyjson_obj_get(request->args, name));
}

const char *api_text(const struct es_api_request *request, const char *name) {
	return yyjson_get_str(yyjson_obj_get(request->args, name));
}

int64_t api_number(const struct es_api_request *request, const char *name) {
	return yyjson_get_sint(yyjson_obj_get(request->args, name));
}

bool api_bool(const struct es_api_request *request, const char *name) {
	return yyjson_get_bool(yyjson_obj_get(request->args, name));
}

yyjson_val *api_list(const struct es_api_request *request, const char *name) {
	return yyjson_obj_get(request->args, name);
}
