// What works here: `earthshine doctor` as a process of its own, which the host does not wait for.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/api_route.h"
#include "host/play.h"
#include "host/probe_process.h"
#include "host/spawn.h"

#define LIMIT_MS 60000

static const struct es_api_field finding_fields[] = {
		{"name", ES_API_TEXT, true, .help = "what was looked at"},
		{"ok", ES_API_BOOL, true, .help = "whether it works"},
		{"state", ES_API_TEXT, true, .help = "ok, missing, or more exactly what it is"},
		{"detail", ES_API_TEXT, true, .help = "what was found"},
		{"remedy", ES_API_TEXT, true, .help = "what helps; empty if it works"},
		{NULL},
};
static const struct es_api_schema finding_schema = {"Finding", finding_fields};

static const struct es_api_field doctor_fields[] = {
		{"ok", ES_API_BOOL, true, .help = "whether sessions can work"},
		{"items", ES_API_OBJECTS, true, .of = &finding_schema, .help = "what was looked at"},
		{NULL},
};
static const struct es_api_schema doctor_schema = {"Doctor", doctor_fields};

struct visit {
	struct es_api_call *call;
	struct es_probe_process *process;
	struct es_api_busy *busy;
};

static void end_visit(struct visit *visit) {
	probe_process_destroy(visit->process);
	visit->busy->doctors--;
	free(visit);
}

static void on_ended(void *data, const struct es_trial *trial) {
	struct visit *visit = data;
	struct es_api_call *call = visit->call;
	// As it was printed, but in one line of ASCII.
	yyjson_doc *report = trial->timed_out
			? NULL
			: yyjson_read(trial->output, strlen(trial->output), YYJSON_READ_ALLOW_INVALID_UNICODE);
	yyjson_mut_doc *doc = report != NULL ? yyjson_doc_mut_copy(report, NULL) : NULL;
	yyjson_doc_free(report);
	end_visit(visit);
	if (yyjson_mut_is_obj(yyjson_mut_doc_get_root(doc))) {
		api_end(call, 200, doc);
		return;
	}
	yyjson_mut_doc_free(doc);
	api_end_error(call, 500, "the examination did not end; run `earthshine doctor` by hand");
}

static void forget(struct es_api_call *call) {
	end_visit(call->waits_for);
}

static enum es_api_outcome examine(struct es_api_request *request) {
	const struct es_api_host *host = request->host;
	char path[4096], word[] = "earthshine", verb[] = "doctor", option[] = "--json";
	char *argv[] = {word, verb, option, NULL};
	if (host->busy->doctors > 0) {
		return api_refuse(
				request, 409, "the host is being examined already: ask again in a moment");
	}
	struct visit *visit = calloc(1, sizeof(*visit));
	if (visit == NULL || !spawn_find_room("earthshine", path, sizeof(path))) {
		free(visit);
		return api_refuse(request, 500, "the program 'earthshine' is not where it was installed");
	}
	*visit = (struct visit){.call = request->call, .busy = host->busy};
	host->busy->doctors++;
	visit->process = probe_process_start(&(struct es_probe_start){
			.event = host->event,
			.children = plays_children(host->plays),
			.program = path,
			.argv = argv,
			.limit_ms = LIMIT_MS,
			.ended = on_ended,
			.data = visit,
	});
	if (visit->process == NULL) {
		int reason = errno;
		end_visit(visit);
		return api_refuse(request, 500, "cannot start '%s': %s", path, strerror(reason));
	}
	request->call->waits = true;
	request->call->forget = forget;
	request->call->waits_for = visit;
	return ES_API_LATER;
}

const struct es_route api_doctor_routes[] = {
		{"GET", "/doctor", ES_ROLE_VIEW, .answer = &doctor_schema, .handle = examine,
				.help = "What works here, what is missing, and what helps; takes a few seconds"},
		{NULL},
};
