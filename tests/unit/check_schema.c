#include "tests/unit/check_schema.h"

#include <stdio.h>
#include <string.h>

static bool refuse(const struct es_api_schema *schema, const char *name, const char *what,
		char *error, size_t cap) {
	snprintf(error, cap, "%s.%s %s", schema->name, name, what);
	return false;
}

static bool is_word(const struct es_api_field *field, yyjson_val *v) {
	const char *const *word = field->words;
	while (word != NULL && *word != NULL && !yyjson_equals_str(v, *word)) {
		word++;
	}
	return word == NULL || *word != NULL;
}

static bool are_all(yyjson_val *list, bool (*is)(yyjson_val *v)) {
	size_t i, n;
	yyjson_val *item;
	yyjson_arr_foreach(list, i, n, item) {
		if (!is(item)) {
			return false;
		}
	}
	return yyjson_is_arr(list);
}

// What is no object.
static bool is_simple(const struct es_api_field *field, yyjson_val *v) {
	switch (field->type) {
	case ES_API_TEXT:
		return yyjson_is_str(v) && is_word(field, v);
	case ES_API_NUMBER:
		return yyjson_is_int(v);
	case ES_API_REAL:
		return yyjson_is_num(v);
	case ES_API_BOOL:
		return yyjson_is_bool(v);
	case ES_API_TEXTS:
		return are_all(v, yyjson_is_str);
	case ES_API_NUMBERS:
		return are_all(v, yyjson_is_int);
	case ES_API_ANY:
		return true;
	case ES_API_OBJECT:
	case ES_API_OBJECTS:
		break;
	}
	return false;
}

static bool check_field(const struct es_api_schema *schema, const struct es_api_field *field,
		yyjson_val *v, char *error, size_t cap) {
	size_t i, n;
	yyjson_val *item;
	if (field->nullable && yyjson_is_null(v)) {
		return true;
	}
	if (field->type == ES_API_OBJECT) {
		return check_schema(field->of, v, error, cap);
	}
	if (field->type != ES_API_OBJECTS) {
		return is_simple(field, v) || refuse(schema, field->name, "is of another type", error, cap);
	}
	if (yyjson_arr_size(v) == 0) {
		return refuse(schema, field->name, "is no list, or an empty one", error, cap);
	}
	yyjson_arr_foreach(v, i, n, item) {
		if (!check_schema(field->of, item, error, cap)) {
			return false;
		}
	}
	return true;
}

bool check_schema(const struct es_api_schema *schema, yyjson_val *answer, char *error, size_t cap) {
	size_t n_known = 0;
	if (!yyjson_is_obj(answer)) {
		return refuse(schema, "", "is no object", error, cap);
	}
	for (const struct es_api_field *field = schema->fields; field->name != NULL; field++) {
		yyjson_val *v = yyjson_obj_get(answer, field->name);
		if (v == NULL && field->required) {
			return refuse(schema, field->name, "is missing", error, cap);
		}
		n_known += v != NULL ? 1 : 0;
		if (v != NULL && !check_field(schema, field, v, error, cap)) {
			return false;
		}
	}
	return n_known == yyjson_obj_size(answer) ||
			refuse(schema, "", "has more than it declares", error, cap);
}
