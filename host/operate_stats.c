#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "host/operate.h"
#include "host/operate_base.h"
#include "host/recording_file.h"

#define ASK_SECONDS 30

static const char help[] =
		"Usage: earthshine stats\n"
		"       earthshine stats record start [frames]\n"
		"       earthshine stats record stop\n"
		"       earthshine stats list\n"
		"       earthshine stats export RECORDING [json | csv] [frames]\n"
		"       earthshine stats delete RECORDING\n"
		"\n"
		"Records the statistics of all sessions, a line for each second (and each frame, if wanted), and\n"
		"tells whether that is under way. `export` prints a recording; with `frames` its single frames.\n";

static const char *when(yyjson_val *item, char *out, size_t cap) {
	time_t seconds = (time_t)(yyjson_get_sint(yyjson_obj_get(item, "started_ms")) / 1000);
	struct tm day;
	if (localtime_r(&seconds, &day) == NULL || strftime(out, cap, "%F %T", &day) == 0) {
		snprintf(out, cap, "?");
	}
	return out;
}

static void print_state(const struct es_operate *operate) {
	char id[64], begun[32], problem[1024];
	yyjson_val *root = operate->root;
	operate_text(root, "problem", problem, sizeof(problem));
	if (yyjson_is_true(yyjson_obj_get(root, "armed"))) {
		printf("Records as %s since %s: %llu samples of %llu sessions, %.1f MiB.\n",
				operate_text(root, "id", id, sizeof(id)), when(root, begun, sizeof(begun)),
				(unsigned long long)operate_uint(root, "samples"),
				(unsigned long long)operate_uint(root, "sessions"),
				(double)operate_uint(root, "size") / (1 << 20));
		return;
	}
	puts("Nothing is recorded now.");
	const char *reason = operate_text(root, "problem", problem, sizeof(problem));
	if (reason[0] != '\0') {
		printf("The last recording, %s, has ended by itself: %s\n",
				operate_text(root, "id", id, sizeof(id)), reason);
	}
}

static void print_recording(yyjson_val *item) {
	char id[64], begun[32], title[256] = "", reason[512];
	yyjson_val *summary = yyjson_obj_get(item, "summary");
	const char *app = yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(item, "apps")));
	const char *why = operate_text(item, "reason", reason, sizeof(reason));
	snprintf(title, sizeof(title), "%s", app != NULL ? app : "-");
	printf("%-14s  %s  %7.0f s  %7.1f MiB  %-20s  %6.1f ms  %6.1f ms%s%s\n",
			operate_text(item, "id", id, sizeof(id)), when(item, begun, sizeof(begun)),
			yyjson_get_num(yyjson_obj_get(item, "seconds")),
			(double)operate_uint(item, "size") / (1 << 20), title,
			(double)operate_uint(summary, "latency_p50_us") / 1000,
			(double)operate_uint(summary, "latency_p99_us") / 1000, why[0] != '\0' ? "  " : "",
			why);
}

static int list(struct es_operate *operate) {
	if (!operate_ask(operate, "GET", "/recordings", ASK_SECONDS)) {
		return 1;
	}
	yyjson_val *items = yyjson_obj_get(operate->root, "recordings"), *item;
	size_t index, n;
	if (operate->json) {
		return 0;
	}
	puts(yyjson_arr_size(items) == 0
					? "Nothing was recorded."
					: "RECORDING       BEGUN                   LENGTH         SIZE  APP                   "
					  "LATENCY p50       p99");
	yyjson_arr_foreach(items, index, n, item) {
		print_recording(item);
	}
	return 0;
}

static int capture(struct es_operate *operate, const char *method) {
	if (!operate_ask(operate, method, "/capture", ASK_SECONDS)) {
		return 1;
	}
	if (!operate->json) {
		print_state(operate);
	}
	return 0;
}

static int record(struct es_operate *operate) {
	const char *what = operate->n_words > 1 ? operate->words[1] : "";
	bool frames = operate->n_words == 3 && strcmp(operate->words[2], "frames") == 0;
	if (strcmp(what, "start") == 0 && (operate->n_words == 2 || frames)) {
		yyjson_mut_obj_add_bool(operate->request, operate->args, "frames", frames);
		return capture(operate, "POST");
	}
	if (strcmp(what, "stop") == 0 && operate->n_words == 2) {
		return capture(operate, "DELETE");
	}
	return operate_usage(operate, "record takes start [frames] or stop");
}

// The second word, if it is a recording's id.
static const char *take_id(const struct es_operate *operate) {
	const char *id = operate->n_words > 1 ? operate->words[1] : "";
	if (!recording_id_is(id)) {
		operate_usage(operate, "'%s' is no recording: `earthshine stats list` has them", id);
		return NULL;
	}
	return id;
}

static bool print_export(const struct es_operate *operate) {
	const char *csv = yyjson_get_str(operate->root);
	if (csv != NULL) {
		return fputs(csv, stdout) >= 0 && fflush(stdout) == 0;
	}
	return yyjson_val_write_fp(stdout, operate->root, YYJSON_WRITE_NEWLINE_AT_END, NULL, NULL) &&
			fflush(stdout) == 0;
}

static int export_one(struct es_operate *operate) {
	const char *id = take_id(operate);
	bool csv = false, frames = false;
	char path[128];
	for (int i = 2; id != NULL && i < operate->n_words; i++) {
		const char *word = operate->words[i];
		csv = csv || strcmp(word, "csv") == 0;
		frames = frames || strcmp(word, "frames") == 0;
		if (strcmp(word, "csv") != 0 && strcmp(word, "frames") != 0 && strcmp(word, "json") != 0) {
			return operate_usage(operate, "export takes json, csv and frames, not '%s'", word);
		}
	}
	if (id == NULL) {
		return 2;
	}
	snprintf(path, sizeof(path), "/recordings/%s?format=%s&rows=%s", id, csv ? "csv" : "json",
			frames ? "frames" : "windows");
	operate->json = false; // it is JSON anyway, or not at all
	if (!operate_ask(operate, "GET", path, ASK_SECONDS)) {
		return 1;
	}
	if (!print_export(operate)) {
		es_log(ES_LOG_ERROR, "the recording could not be written to the standard output");
		return 1;
	}
	return 0;
}

static int delete_one(struct es_operate *operate) {
	const char *id = take_id(operate);
	char path[128];
	if (id == NULL || operate->n_words > 2) {
		return id == NULL ? 2 : operate_usage(operate, "delete takes one recording");
	}
	snprintf(path, sizeof(path), "/recordings/%s", id);
	if (!operate_ask(operate, "DELETE", path, ASK_SECONDS)) {
		return 1;
	}
	if (!operate->json) {
		puts("Deleted.");
	}
	return 0;
}

int stats_command(int argc, char **argv) {
	struct es_operate operate;
	int status = operate_begin(&operate, argc, argv, help);
	if (status != 0) {
		return status - 1;
	}
	const char *what = operate.n_words > 0 ? operate.words[0] : "";
	if (operate.n_words == 0) {
		status = capture(&operate, "GET");
	} else if (strcmp(what, "record") == 0) {
		status = record(&operate);
	} else if (strcmp(what, "list") == 0 && operate.n_words == 1) {
		status = list(&operate);
	} else if (strcmp(what, "export") == 0) {
		status = export_one(&operate);
	} else if (strcmp(what, "delete") == 0) {
		status = delete_one(&operate);
	} else {
		status = operate_usage(&operate, "stats takes no '%s'", what);
	}
	operate_finish(&operate);
	return status;
}
