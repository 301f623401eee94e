#include "host/api_openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "host/api_route.h"

#define MAX_NAME 96

struct making {
	yyjson_mut_doc *doc;
	yyjson_mut_val *schemas; // those that have a name
};

static void add_schema(const struct making *making, const struct es_api_schema *schema);

// --- fields

static void add_ref(
		const struct making *making, yyjson_mut_val *object, const struct es_api_schema *schema) {
	char ref[MAX_NAME];
	snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema->name);
	yyjson_mut_obj_add_strcpy(making->doc, object, "$ref", ref);
	add_schema(making, schema);
}

static void add_type(const struct making *making, yyjson_mut_val *object, const char *type,
		const struct es_api_field *field) {
	yyjson_mut_doc *doc = making->doc;
	if (field->nullable) {
		yyjson_mut_val *types = yyjson_mut_obj_add_arr(doc, object, "type");
		yyjson_mut_arr_add_str(doc, types, type);
		yyjson_mut_arr_add_str(doc, types, "null");
	} else {
		yyjson_mut_obj_add_str(doc, object, "type", type);
	}
}

static void add_limits(const struct making *making, yyjson_mut_val *object,
		const struct es_api_field *field, const char *least, const char *most) {
	if (field->max > 0) { // an answer's has none
		yyjson_mut_obj_add_int(making->doc, object, least, field->min);
		yyjson_mut_obj_add_int(making->doc, object, most, field->max);
	}
}

static void add_text(
		const struct making *making, yyjson_mut_val *object, const struct es_api_field *field) {
	add_type(making, object, "string", field);
	if (field->words == NULL) {
		add_limits(making, object, field, "minLength", "maxLength");
		return;
	}
	yyjson_mut_val *words = yyjson_mut_obj_add_arr(making->doc, object, "enum");
	for (const char *const *word = field->words; *word != NULL; word++) {
		yyjson_mut_arr_add_str(making->doc, words, *word);
	}
}

static void add_list(const struct making *making, yyjson_mut_val *object,
		const struct es_api_field *field, const char *type) {
	yyjson_mut_obj_add_str(making->doc, object, "type", "array");
	yyjson_mut_val *items = yyjson_mut_obj_add_obj(making->doc, object, "items");
	if (field->of != NULL) {
		add_ref(making, items, field->of);
	} else {
		yyjson_mut_obj_add_str(making->doc, items, "type", type);
	}
	add_limits(making, object, field, "minItems", "maxItems");
}

static void fill_field(
		const struct making *making, yyjson_mut_val *object, const struct es_api_field *field) {
	switch (field->type) {
	case ES_API_TEXT:
		add_text(making, object, field);
		break;
	case ES_API_NUMBER:
		add_type(making, object, "integer", field);
		add_limits(making, object, field, "minimum", "maximum");
		break;
	case ES_API_REAL:
		add_type(making, object, "number", field);
		break;
	case ES_API_BOOL:
		add_type(making, object, "boolean", field);
		break;
	case ES_API_TEXTS:
		add_list(making, object, field, "string");
		break;
	case ES_API_NUMBERS:
		add_list(making, object, field, "integer");
		break;
	case ES_API_OBJECTS:
		add_list(making, object, field, NULL);
		break;
	case ES_API_OBJECT:
		add_ref(making, object, field->of);
		break;
	case ES_API_ANY:
		break;
	}
}

static void fill_object(const struct making *making, yyjson_mut_val *object,
		const struct es_api_field *fields, bool closed) {
	yyjson_mut_doc *doc = making->doc;
	yyjson_mut_obj_add_str(doc, object, "type", "object");
	yyjson_mut_val *properties = yyjson_mut_obj_add_obj(doc, object, "properties");
	yyjson_mut_val *required = yyjson_mut_arr(doc);
	for (const struct es_api_field *f = fields; f != NULL && f->name != NULL; f++) {
		yyjson_mut_val *property = yyjson_mut_obj_add_obj(doc, properties, f->name);
		fill_field(making, property, f);
		yyjson_mut_obj_add_str(doc, property, "description", f->help);
		if (f->required) {
			yyjson_mut_arr_add_str(doc, required, f->name);
		}
	}
	if (yyjson_mut_arr_size(required) > 0) {
		yyjson_mut_obj_add_val(doc, object, "required", required);
	}
	if (closed) {
		yyjson_mut_obj_add_bool(doc, object, "additionalProperties", false);
	}
}

static void add_schema(const struct making *making, const struct es_api_schema *schema) {
	if (yyjson_mut_obj_get(making->schemas, schema->name) == NULL) {
		yyjson_mut_val *object = yyjson_mut_obj_add_obj(making->doc, making->schemas, schema->name);
		fill_object(making, object, schema->fields, false);
	}
}

// --- routes

static bool has_body(const struct es_route *route) {
	return strcmp(route->method, "GET") != 0 && strcmp(route->method, "DELETE") != 0;
}

// "getSessionsIdPlayer"
static void name_operation(const struct es_route *route, char *out, size_t cap) {
	size_t n = 0;
	for (const char *c = route->method; *c != '\0' && n + 1 < cap; c++) {
		out[n++] = (char)tolower((unsigned char)*c);
	}
	bool upper = false;
	for (const char *c = route->path; *c != '\0' && n + 1 < cap; c++) {
		if (isalnum((unsigned char)*c)) {
			out[n++] = upper ? (char)toupper((unsigned char)*c) : *c;
		}
		upper = !isalnum((unsigned char)*c);
	}
	out[n] = '\0';
}

static yyjson_mut_val *add_parameter(const struct making *making, yyjson_mut_val *list,
		const char *name, const char *in, bool required) {
	yyjson_mut_val *parameter = yyjson_mut_arr_add_obj(making->doc, list);
	yyjson_mut_obj_add_str(making->doc, parameter, "name", name);
	yyjson_mut_obj_add_str(making->doc, parameter, "in", in);
	yyjson_mut_obj_add_bool(making->doc, parameter, "required", required);
	return yyjson_mut_obj_add_obj(making->doc, parameter, "schema");
}

static void add_parameters(
		const struct making *making, yyjson_mut_val *operation, const struct es_route *route) {
	static const struct es_api_field id = {"id", ES_API_NUMBER, .min = 1, .max = UINT32_MAX};
	yyjson_mut_doc *doc = making->doc;
	yyjson_mut_val *list = yyjson_mut_arr(doc);
	if (strstr(route->path, "{id}") != NULL) {
		fill_field(making, add_parameter(making, list, "id", "path", true), &id);
	} else if (strstr(route->path, "{name}") != NULL) {
		yyjson_mut_val *schema = add_parameter(making, list, "name", "path", true);
		yyjson_mut_obj_add_str(doc, schema, "type", "string");
		yyjson_mut_obj_add_str(doc, schema, "pattern", "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$");
	}
	for (const struct es_api_field *f = has_body(route) ? NULL : route->fields;
			f != NULL && f->name != NULL; f++) {
		yyjson_mut_val *schema = add_parameter(making, list, f->name, "query", f->required);
		fill_field(making, schema, f);
		yyjson_mut_obj_add_str(doc, schema, "description", f->help);
	}
	if (yyjson_mut_arr_size(list) > 0) {
		yyjson_mut_obj_add_val(doc, operation, "parameters", list);
	}
}

static void add_body(
		const struct making *making, yyjson_mut_val *operation, const struct es_route *route) {
	yyjson_mut_doc *doc = making->doc;
	if (!has_body(route) || (route->fields == NULL && route->consumes == NULL)) {
		return;
	}
	yyjson_mut_val *body = yyjson_mut_obj_add_obj(doc, operation, "requestBody");
	yyjson_mut_obj_add_bool(doc, body, "required", true);
	yyjson_mut_val *content = yyjson_mut_obj_add_obj(doc, body, "content");
	if (route->consumes != NULL) {
		yyjson_mut_obj_add_obj(doc, content, route->consumes);
		return;
	}
	yyjson_mut_val *media = yyjson_mut_obj_add_obj(doc, content, "application/json");
	fill_object(making, yyjson_mut_obj_add_obj(doc, media, "schema"), route->fields, true);
}

static void add_response(const struct making *making, yyjson_mut_val *responses, const char *code,
		const char *description, const char *type, const struct es_api_schema *schema) {
	yyjson_mut_doc *doc = making->doc;
	yyjson_mut_val *response = yyjson_mut_obj_add_obj(doc, responses, code);
	yyjson_mut_obj_add_str(doc, response, "description", description);
	yyjson_mut_val *content = yyjson_mut_obj_add_obj(doc, response, "content");
	yyjson_mut_val *media = yyjson_mut_obj_add_obj(doc, content, type);
	if (schema != NULL) {
		add_ref(making, yyjson_mut_obj_add_obj(doc, media, "schema"), schema);
	}
}

static void add_security(
		const struct making *making, yyjson_mut_val *operation, const struct es_route *route) {
	yyjson_mut_doc *doc = making->doc;
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, operation, "security");
	if (route->role != ES_ROLE_NONE) {
		yyjson_mut_obj_add_arr(doc, yyjson_mut_arr_add_obj(doc, list), "login");
		yyjson_mut_obj_add_arr(doc, yyjson_mut_arr_add_obj(doc, list), "token");
	}
	yyjson_mut_obj_add_str(doc, operation, "x-role", role_name(route->role));
	if (route->confirm) {
		yyjson_mut_obj_add_bool(doc, operation, "x-confirm", true);
	}
}

static void add_route(
		const struct making *making, yyjson_mut_val *paths, const struct es_route *route) {
	yyjson_mut_doc *doc = making->doc;
	char name[MAX_NAME], method[16] = "";
	yyjson_mut_val *path = yyjson_mut_obj_get(paths, route->path);
	if (path == NULL) {
		path = yyjson_mut_obj_add_obj(doc, paths, route->path);
	}
	for (size_t i = 0; route->method[i] != '\0' && i + 1 < sizeof(method); i++) {
		method[i] = (char)tolower((unsigned char)route->method[i]);
	}
	yyjson_mut_val *operation = yyjson_mut_obj(doc);
	yyjson_mut_obj_add(path, yyjson_mut_strcpy(doc, method), operation);
	name_operation(route, name, sizeof(name));
	yyjson_mut_obj_add_strcpy(doc, operation, "operationId", name);
	yyjson_mut_obj_add_str(doc, operation, "summary", route->help);
	add_security(making, operation, route);
	add_parameters(making, operation, route);
	add_body(making, operation, route);
	yyjson_mut_val *responses = yyjson_mut_obj_add_obj(doc, operation, "responses");
	add_response(making, responses, "200", "Done",
			route->produces != NULL ? route->produces : "application/json", route->answer);
	add_response(making, responses, "default", "Refused, with the reason", "application/json",
			&api_error_schema);
}

static void add_head(const struct making *making, yyjson_mut_val *root) {
	yyjson_mut_doc *doc = making->doc;
	yyjson_mut_obj_add_str(doc, root, "openapi", "3.1.0");
	yyjson_mut_val *info = yyjson_mut_obj_add_obj(doc, root, "info");
	yyjson_mut_obj_add_str(doc, info, "title", "earthshine");
	yyjson_mut_obj_add_str(doc, info, "version", ES_VERSION);
	yyjson_mut_obj_add_str(doc, info, "description",
			"What can be asked of a running host. x-role is the least role that may; with x-confirm "
			"the password must have been given a short while ago.");
	yyjson_mut_val *servers = yyjson_mut_obj_add_arr(doc, root, "servers");
	yyjson_mut_obj_add_str(doc, yyjson_mut_arr_add_obj(doc, servers), "url", ES_API_ROOT);
}

static void add_schemes(const struct making *making, yyjson_mut_val *components) {
	yyjson_mut_doc *doc = making->doc;
	yyjson_mut_val *schemes = yyjson_mut_obj_add_obj(doc, components, "securitySchemes");
	yyjson_mut_val *login = yyjson_mut_obj_add_obj(doc, schemes, "login");
	yyjson_mut_obj_add_str(doc, login, "type", "apiKey");
	yyjson_mut_obj_add_str(doc, login, "in", "cookie");
	yyjson_mut_obj_add_str(doc, login, "name", "__Host-earthshine");
	yyjson_mut_val *token = yyjson_mut_obj_add_obj(doc, schemes, "token");
	yyjson_mut_obj_add_str(doc, token, "type", "http");
	yyjson_mut_obj_add_str(doc, token, "scheme", "bearer");
}

yyjson_mut_doc *api_openapi(void) {
	yyjson_mut_val *root;
	yyjson_mut_doc *doc = api_begin(&root);
	struct making making = {.doc = doc, .schemas = yyjson_mut_obj(doc)};
	const struct es_route *route;
	add_head(&making, root);
	yyjson_mut_val *paths = yyjson_mut_obj_add_obj(doc, root, "paths");
	for (size_t i = 0; (route = api_route_at(i)) != NULL; i++) {
		add_route(&making, paths, route);
	}
	yyjson_mut_val *components = yyjson_mut_obj_add_obj(doc, root, "components");
	yyjson_mut_obj_add_val(doc, components, "schemas", making.schemas);
	add_schemes(&making, components);
	return doc;
}
