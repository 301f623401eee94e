#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "host/api_route.h"
#include "host/news.h"
#include "host/recorder.h"
#include "host/recording_table.h"

#define MAX_POINTS 100000

// --- the capture

static const struct es_api_field capture_fields[] = {
		{"armed", ES_API_BOOL, true, .help = "a recording is under way"},
		{"id", ES_API_TEXT, true, .help = "of that recording, or of the last one; empty: none yet"},
		{"frames", ES_API_BOOL, true, .help = "with single frames"},
		{"started_ms", ES_API_NUMBER, true, .help = "since 1970; 0: none yet"},
		{"seconds", ES_API_REAL, true, .help = "from there to the last sample"},
		{"size", ES_API_NUMBER, true, .help = "of its file, in bytes"},
		{"sessions", ES_API_NUMBER, true, .help = "that are in it"},
		{"samples", ES_API_NUMBER, true, .help = "one for each session and second"},
		{"frame_rows", ES_API_NUMBER, true, .help = "single frames in it"},
		{"problem", ES_API_TEXT, true, .help = "why it has ended by itself; empty: it has not"},
		{NULL},
};
static const struct es_api_schema capture_schema = {"Capture", capture_fields};

static const struct es_api_field start_fields[] = {
		{"frames", ES_API_BOOL, .help = "a row for each frame, too; takes some 3 KB a second"},
		{NULL},
};

static enum es_api_outcome tell_capture(struct es_api_request *request) {
	struct es_recorder_state state = {0};
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_val *root = request->root;
	if (request->host->recorder != NULL) {
		recorder_state(request->host->recorder, &state);
	}
	yyjson_mut_obj_add_bool(doc, root, "armed", state.armed);
	yyjson_mut_obj_add_strcpy(doc, root, "id", state.id);
	yyjson_mut_obj_add_bool(doc, root, "frames", state.frames);
	yyjson_mut_obj_add_sint(doc, root, "started_ms", state.started_ms);
	yyjson_mut_obj_add_real(doc, root, "seconds", state.summary.length_ms / 1000.0);
	yyjson_mut_obj_add_uint(doc, root, "size", state.size);
	yyjson_mut_obj_add_uint(doc, root, "sessions", state.summary.n_tracks);
	yyjson_mut_obj_add_uint(doc, root, "samples", state.summary.n_samples);
	yyjson_mut_obj_add_uint(doc, root, "frame_rows", state.summary.n_frames);
	api_add_text(doc, root, "problem", state.problem);
	return ES_API_DONE;
}

static enum es_api_outcome refuse_without(struct es_api_request *request) {
	return api_refuse(request, 503, "this host cannot record: see its log");
}

static enum es_api_outcome start_capture(struct es_api_request *request) {
	struct es_recorder *recorder = request->host->recorder;
	struct es_recorder_state state;
	char error[512];
	if (recorder == NULL) {
		return refuse_without(request);
	}
	recorder_state(recorder, &state);
	if (!recorder_start(recorder, api_bool(request, "frames"), error, sizeof(error))) {
		return api_refuse(request, state.armed ? 409 : 507, "%s", error);
	}
	return tell_capture(request);
}

static enum es_api_outcome stop_capture(struct es_api_request *request) {
	struct es_recorder *recorder = request->host->recorder;
	if (recorder == NULL || !recorder_stop(recorder)) {
		return api_refuse(request, 409, "no recording is under way");
	}
	return tell_capture(request);
}

// --- the list

static const struct es_api_field totals_fields[] = {
		{"frames_new", ES_API_NUMBER, true, .help = "pictures that were sent"},
		{"frames_repeated", ES_API_NUMBER, true, .help = "repeats of a still picture"},
		{"frames_superseded", ES_API_NUMBER, true, .help = "replaced before they were sent"},
		{"frames_dropped", ES_API_NUMBER, true, .help = "given up by the streamer"},
		{"frames_left_out", ES_API_NUMBER, true, .help = "single frames that the file lacks"},
		{"bytes", ES_API_NUMBER, true, .help = "of video"},
		{"datagrams", ES_API_NUMBER, true, .help = "of video"},
		{"datagrams_lost", ES_API_NUMBER, true, .help = "as the clients report"},
		{"latency_p50_us", ES_API_NUMBER, true,
				.help = "from the change to the last datagram: mean of the seconds' medians"},
		{"latency_p99_us", ES_API_NUMBER, true, .help = "the same of what 99 of 100 are below"},
		{"latency_max_us", ES_API_NUMBER, true, .help = "the worst frame"},
		{NULL},
};
static const struct es_api_schema totals_schema = {"RecordingSummary", totals_fields};

#define RECORDING_HEAD \
	{"id", ES_API_TEXT, true, .help = "a date and a number"}, \
			{"started_ms", ES_API_NUMBER, true, .help = "since 1970"}, \
			{"seconds", ES_API_REAL, true, .help = "from there to the last sample"}, \
			{"running", ES_API_BOOL, true, .help = "it is under way"}, \
			{"complete", ES_API_BOOL, true, .help = "it has its end"}, \
			{"reason", ES_API_TEXT, true, \
					.help = "why it has ended by itself; empty: somebody has ended it"}, \
			{"frames", ES_API_BOOL, true, .help = "single frames were asked for"}

static const struct es_api_field recording_fields[] = {
		RECORDING_HEAD,
		{"size", ES_API_NUMBER, true, .help = "of the file, in bytes"},
		{"apps", ES_API_TEXTS, true, .help = "the titles of the first ones"},
		{"sessions", ES_API_NUMBER, true, .help = "that are in it"},
		{"samples", ES_API_NUMBER, true, .help = "one for each session and second"},
		{"frame_rows", ES_API_NUMBER, true, .help = "single frames in it"},
		{"summary", ES_API_OBJECT, true, .of = &totals_schema, .help = "of all sessions"},
		{NULL},
};
static const struct es_api_schema recording_schema = {"Recording", recording_fields};

static const struct es_api_field recordings_fields[] = {
		{"recordings", ES_API_OBJECTS, true, .of = &recording_schema, .help = "the newest first"},
		{NULL},
};
static const struct es_api_schema recordings_schema = {"Recordings", recordings_fields};

static void add_summary(
		yyjson_mut_doc *doc, yyjson_mut_val *item, const struct es_recording_summary *summary) {
	const struct {
		const char *key;
		uint64_t value;
	} totals[] = {
			{"frames_new", summary->frames_new},
			{"frames_repeated", summary->frames_repeated},
			{"frames_superseded", summary->frames_superseded},
			{"frames_dropped", summary->frames_dropped},
			{"frames_left_out", summary->frames_left_out},
			{"bytes", summary->bytes},
			{"datagrams", summary->datagrams},
			{"datagrams_lost", summary->datagrams_lost},
			{"latency_p50_us", summary->total_p50_us},
			{"latency_p99_us", summary->total_p99_us},
			{"latency_max_us", summary->total_max_us},
	};
	yyjson_mut_val *object = yyjson_mut_obj_add_obj(doc, item, "summary");
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		yyjson_mut_obj_add_uint(doc, object, totals[i].key, totals[i].value);
	}
}

static bool is_running(const struct es_api_request *request, const char *id) {
	struct es_recorder_state state;
	recorder_state(request->host->recorder, &state);
	return state.armed && strcmp(state.id, id) == 0;
}

static void add_head(struct es_api_request *request, yyjson_mut_val *item, const char *id,
		const struct es_recording_header *header, const char *reason, bool complete) {
	yyjson_mut_doc *doc = request->doc;
	bool running = is_running(request, id);
	yyjson_mut_obj_add_strcpy(doc, item, "id", id);
	yyjson_mut_obj_add_sint(doc, item, "started_ms", header->started_ms);
	yyjson_mut_obj_add_bool(doc, item, "running", running);
	yyjson_mut_obj_add_bool(doc, item, "complete", complete);
	api_add_text(doc, item, "reason", complete || running ? reason : "the file has no end");
	yyjson_mut_obj_add_bool(doc, item, "frames", (header->flags & ES_RECORDING_WITH_FRAMES) != 0);
}

static void add_recording(struct es_api_request *request, yyjson_mut_val *items, const char *id,
		const struct es_recording_overview *overview) {
	const struct es_recording_summary *summary = &overview->end.summary;
	yyjson_mut_doc *doc = request->doc;
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
	add_head(request, item, id, &overview->header, overview->end.reason, overview->complete);
	yyjson_mut_obj_add_real(doc, item, "seconds", summary->length_ms / 1000.0);
	yyjson_mut_obj_add_uint(doc, item, "size", overview->size);
	yyjson_mut_val *apps = yyjson_mut_obj_add_arr(doc, item, "apps");
	for (uint32_t i = 0; i < summary->n_titles; i++) {
		yyjson_mut_val *holder = yyjson_mut_obj(doc);
		api_add_text(doc, holder, "title", summary->titles[i]);
		yyjson_mut_arr_append(apps, yyjson_mut_obj_remove_key(holder, "title"));
	}
	yyjson_mut_obj_add_uint(doc, item, "sessions", summary->n_tracks);
	yyjson_mut_obj_add_uint(doc, item, "samples", summary->n_samples);
	yyjson_mut_obj_add_uint(doc, item, "frame_rows", summary->n_frames);
	add_summary(doc, item, summary);
}

static enum es_api_outcome list_recordings(struct es_api_request *request) {
	const struct es_recorder *recorder = request->host->recorder;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "recordings");
	char (*ids)[ES_RECORDING_ID] = NULL;
	size_t n = 0;
	if (recorder == NULL) {
		return ES_API_DONE;
	}
	if (!recorder_list(recorder, &ids, &n)) {
		return api_refuse(request, 500, "the folder of the recordings cannot be read");
	}
	for (size_t i = 0; i < n; i++) {
		struct es_recording_overview overview;
		int fd = recorder_open(recorder, ids[i]);
		if (fd >= 0 && recording_look(fd, &overview)) {
			add_recording(request, items, ids[i], &overview);
		}
		fd_close(&fd);
	}
	free(ids);
	return ES_API_DONE;
}

// --- one of them

static const char *const format_words[] = {"json", "csv", NULL};
static const char *const rows_words[] = {"windows", "frames", NULL};

static const struct es_api_field get_fields[] = {
		{"points", ES_API_NUMBER, false, ES_RECORDING_MIN_POINTS, MAX_POINTS,
				.help = "rows of each session at most: of a stretch that has more, each column's "
						"smallest and largest are told (all, if that is not too much)"},
		{"format", ES_API_TEXT, false, .max = 4, .words = format_words,
				.help = "json (default), or csv as text"},
		{"rows", ES_API_TEXT, false, .max = 7, .words = rows_words,
				.help = "windows (default): about a second each; frames: one by one"},
		{NULL},
};

static const struct es_api_field change_fields[] = {
		{"at_ms", ES_API_NUMBER, true, .help = "from then on"},
		{"width", ES_API_NUMBER, true, .help = "of the screen, in pixels"},
		{"height", ES_API_NUMBER, true, .help = "the same"},
		{"refresh_mhz", ES_API_NUMBER, true, .help = "in thousandths of a hertz"},
		{"encoder", ES_API_TEXT, true, .help = "that made the pictures"},
		{"codec", ES_API_TEXT, true, .help = "of these"},
		{"client", ES_API_TEXT, true, .help = "who has played"},
		{NULL},
};
static const struct es_api_schema change_schema = {"RecordingChange", change_fields};

static const struct es_api_field track_fields[] = {
		{"session", ES_API_NUMBER, true, .help = "its id"},
		{"app", ES_API_NUMBER, true, .help = "the app's id"},
		{"title", ES_API_TEXT, true, .help = "the app's"},
		{"changes", ES_API_OBJECTS, true, .of = &change_schema,
				.help = "how it began, and what has changed since"},
		{"rows", ES_API_NUMBER, true, .help = "in the file"},
		{"columns", ES_API_ANY, true,
				.help = "an object of lists of equal length: time_ms (since the start) and one for each "
						"column, as total_p50_us or frames_new"},
		{NULL},
};
static const struct es_api_schema track_schema = {"RecordingSession", track_fields};

static const struct es_api_field content_fields[] = {
		RECORDING_HEAD,
		{"rows", ES_API_TEXT, true, .words = rows_words, .help = "as asked"},
		{"sessions", ES_API_OBJECTS, true, .of = &track_schema, .help = "that are in it"},
		{NULL},
};
static const struct es_api_schema content_schema = {"RecordingContent", content_fields};

static void add_change(
		yyjson_mut_doc *doc, yyjson_mut_val *items, const struct es_recording_track *change) {
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
	yyjson_mut_obj_add_uint(doc, item, "at_ms", change->at_ms);
	yyjson_mut_obj_add_uint(doc, item, "width", change->width);
	yyjson_mut_obj_add_uint(doc, item, "height", change->height);
	yyjson_mut_obj_add_sint(doc, item, "refresh_mhz", change->refresh_mhz);
	api_add_text(doc, item, "encoder", change->encoder);
	api_add_text(doc, item, "codec", change->codec);
	api_add_text(doc, item, "client", change->client);
}

// False: no memory.
static bool add_track(struct es_api_request *request, yyjson_mut_val *items,
		const struct es_recording_tables *tables, size_t track) {
	yyjson_mut_doc *doc = request->doc;
	const struct es_recording_track *first = recording_tables_track(tables, track, 0);
	if (first == NULL) {
		return true; // never told
	}
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
	yyjson_mut_obj_add_uint(doc, item, "session", first->session);
	yyjson_mut_obj_add_uint(doc, item, "app", first->app);
	api_add_text(doc, item, "title", first->title);
	yyjson_mut_val *changes = yyjson_mut_obj_add_arr(doc, item, "changes");
	for (size_t i = 0; i < tables->n_changes; i++) {
		if (tables->changes[i].track == track) {
			add_change(doc, changes, &tables->changes[i]);
		}
	}
	yyjson_mut_obj_add_uint(doc, item, "rows", tables->tables[track].n_all);
	size_t size = 0;
	char *text = recording_table_json(tables, track, &size);
	yyjson_mut_val *columns = text != NULL ? yyjson_mut_rawncpy(doc, text, size) : NULL;
	free(text);
	return columns != NULL && yyjson_mut_obj_add_val(doc, item, "columns", columns);
}

static enum es_api_outcome tell_json(
		struct es_api_request *request, const struct es_recording_tables *tables, bool frames) {
	const struct es_recording_reader *head = &tables->head;
	uint64_t last_us = 0;
	add_head(
			request, request->root, request->name, &head->header, head->end.reason, head->complete);
	for (size_t i = 0; i < ES_RECORDING_TRACKS; i++) {
		const struct es_recording_table *table = &tables->tables[i];
		uint64_t at_us = table->n_rows > 0 ? table->at_us[table->n_rows - 1] : 0;
		last_us = at_us > last_us ? at_us : last_us;
	}
	yyjson_mut_obj_add_real(request->doc, request->root, "seconds", (double)last_us / 1e6);
	yyjson_mut_obj_add_str(request->doc, request->root, "rows", rows_words[frames ? 1 : 0]);
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(request->doc, request->root, "sessions");
	for (size_t i = 0; i < ES_RECORDING_TRACKS; i++) {
		if (!add_track(request, items, tables, i)) {
			return api_refuse(request, 500, "out of memory");
		}
	}
	return ES_API_DONE;
}

static enum es_api_outcome tell_csv(
		struct es_api_request *request, const struct es_recording_tables *tables) {
	size_t size = 0;
	char *text = recording_tables_csv(tables, &size);
	if (text == NULL) {
		return api_refuse(request, 500, "out of memory");
	}
	api_end_raw(request->call, "text/csv", text, size);
	return ES_API_LATER;
}

static int open_named(const struct es_api_request *request) {
	return request->host->recorder != NULL ? recorder_open(request->host->recorder, request->name)
										   : -1;
}

static enum es_api_outcome refuse_unknown(struct es_api_request *request) {
	return api_refuse(request, 404, "there is no recording '%s'", request->name);
}

static enum es_api_outcome get_recording(struct es_api_request *request) {
	const char *format = api_text(request, "format"), *rows = api_text(request, "rows");
	bool frames = rows != NULL && strcmp(rows, "frames") == 0;
	int fd = open_named(request);
	if (fd < 0) {
		return refuse_unknown(request);
	}
	struct es_recording_tables *tables =
			recording_tables_load(fd, frames ? ES_RECORDING_SINGLE_FRAMES : ES_RECORDING_WINDOWS,
					(size_t)api_number(request, "points"));
	int reason = errno;
	fd_close(&fd);
	if (tables == NULL) {
		return api_refuse(request, 500, "the recording '%s' cannot be read: %s", request->name,
				reason != 0 ? strerror(reason) : "it is none of ours");
	}
	enum es_api_outcome outcome = format != NULL && strcmp(format, "csv") == 0
			? tell_csv(request, tables)
			: tell_json(request, tables, frames);
	recording_tables_destroy(tables);
	return outcome;
}

static enum es_api_outcome remove_recording(struct es_api_request *request) {
	struct es_recorder *recorder = request->host->recorder;
	int reason = recorder != NULL ? recorder_remove(recorder, request->name) : ENOENT;
	if (reason == 0) {
		news_tell(request->host->news, ES_EVENT_CAPTURE);
		return ES_API_DONE;
	}
	if (reason == EBUSY) {
		return api_refuse(
				request, 409, "the recording '%s' is under way: stop it first", request->name);
	}
	return reason == ENOENT ? refuse_unknown(request)
							: api_refuse(request, 500, "the recording '%s' cannot be deleted: %s",
									  request->name, strerror(reason));
}

const struct es_route api_recordings_routes[] = {
		{"GET", "/capture", ES_ROLE_VIEW, .answer = &capture_schema, .handle = tell_capture,
				.help = "Whether statistics are recorded now"},
		{"POST", "/capture", ES_ROLE_ADMIN, .fields = start_fields, .answer = &capture_schema,
				.handle = start_capture, .help = "Begins to record the statistics of all sessions"},
		{"DELETE", "/capture", ES_ROLE_ADMIN, .answer = &capture_schema, .handle = stop_capture,
				.help = "Ends the recording that is under way"},
		{"GET", "/recordings", ES_ROLE_VIEW, .answer = &recordings_schema,
				.handle = list_recordings, .help = "What was recorded"},
		{"GET", "/recordings/{name}", ES_ROLE_VIEW, .fields = get_fields, .answer = &content_schema,
				.handle = get_recording,
				.help = "One recording's rows, by its id; all or thinned out"},
		{"DELETE", "/recordings/{name}", ES_ROLE_ADMIN, .handle = remove_recording,
				.help = "Deletes a recording, by its id"},
		{NULL},
};
