#include <stdio.h>
#include <string.h>

#include "host/api_route.h"
#include "host/log_ring.h"

#define DEFAULT_LIMIT 200
#define MAX_LIMIT 1000

static const char *const level_names[] = {
		[ES_LOG_ERROR] = "error",
		[ES_LOG_WARN] = "warn",
		[ES_LOG_INFO] = "info",
		[ES_LOG_DEBUG] = "debug",
		NULL,
};

static const struct es_api_field line_fields[] = {
		{"id", ES_API_NUMBER, true, .help = "one more for each line"},
		{"time_ms", ES_API_NUMBER, true, .help = "milliseconds since 1970"},
		{"level", ES_API_TEXT, true, .words = level_names, .help = "how bad it is"},
		{"text", ES_API_TEXT, true, .help = "the line"},
		{NULL},
};
static const struct es_api_schema line_schema = {"LogLine", line_fields};

static const struct es_api_field log_fields[] = {
		{"lines", ES_API_OBJECTS, true, .of = &line_schema, .help = "in order"},
		{"more", ES_API_BOOL, true, .help = "there are lines before these that are kept"},
		{NULL},
};
static const struct es_api_schema log_schema = {"Log", log_fields};

static const struct es_api_field query_fields[] = {
		{"limit", ES_API_NUMBER, .min = 1, .max = MAX_LIMIT, .help = "at most so many lines (200)"},
		{"before", ES_API_NUMBER, .min = 1, .max = INT64_MAX, .help = "lines before this id"},
		{"after", ES_API_NUMBER, .min = 0, .max = INT64_MAX, .help = "lines after this id"},
		{"level", ES_API_TEXT, .max = 8, .words = level_names, .help = "this level and worse"},
		{NULL},
};

static void add_line(yyjson_mut_doc *doc, yyjson_mut_val *items, const struct es_log_line *line) {
	yyjson_mut_val *item = yyjson_mut_obj(doc);
	yyjson_mut_obj_add_uint(doc, item, "id", line->id);
	yyjson_mut_obj_add_sint(doc, item, "time_ms", line->time_ms);
	yyjson_mut_obj_add_str(doc, item, "level", level_names[line->level]);
	api_add_text(doc, item, "text", line->text);
	yyjson_mut_arr_prepend(items, item);
}

static enum es_log_level asked_level(const struct es_api_request *request) {
	const char *name = api_text(request, "level");
	size_t level = 0;
	while (name != NULL && strcmp(level_names[level], name) != 0) {
		level++;
	}
	return name != NULL ? (enum es_log_level)level : ES_LOG_DEBUG;
}

// From the newest on, backwards.
static enum es_api_outcome list_lines(struct es_api_request *request) {
	const struct es_log_ring *ring = request->host->log;
	enum es_log_level level = asked_level(request);
	int64_t left = api_has(request, "limit") ? api_number(request, "limit") : DEFAULT_LIMIT;
	uint64_t after = (uint64_t)api_number(request, "after"), id = log_ring_last(ring);
	if (api_has(request, "before") && (uint64_t)api_number(request, "before") <= id) {
		id = (uint64_t)api_number(request, "before") - 1;
	}
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "lines");
	struct es_log_line line;
	bool more = false;
	for (; id > after && log_ring_get(ring, id, &line); id--) {
		if (line.level > level) {
			continue;
		}
		more = left == 0;
		if (more) {
			break;
		}
		left--;
		add_line(request->doc, items, &line);
	}
	yyjson_mut_obj_add_bool(request->doc, request->root, "more", more);
	return ES_API_DONE;
}

const struct es_route api_log_routes[] = {
		{"GET", "/log", ES_ROLE_ADMIN, .fields = query_fields, .answer = &log_schema,
				.handle = list_lines,
				.help = "The last lines of the host's log, and of its sessions' programs"},
		{NULL},
};
