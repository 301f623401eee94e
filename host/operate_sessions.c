#include <stdio.h>

#include "base/log.h"
#include "host/operate.h"
#include "host/operate_base.h"
#include "host/safe_text.h"

#define ASK_SECONDS 10
#define STOP_SECONDS 30 // an app may take its time

static const char apps_help[] =
		"Usage: earthshine apps\n"
		"\n"
		"Lists the apps that devices can launch; earthshine(5) tells how to add some.\n";

static const char sessions_help[] =
		"Usage: earthshine sessions\n"
		"\n"
		"Lists the apps that run, and who plays them. A detached one runs on without a device.\n";

static const char stop_help[] =
		"Usage: earthshine stop [SESSION]\n"
		"\n"
		"Ends a session and its app; the number is needed only if several run.\n";

static void print_app(yyjson_val *item) {
	char title[256], program[1024];
	yyjson_val *word = yyjson_arr_get_first(yyjson_obj_get(item, "command"));
	const char *text = yyjson_get_str(word);
	safe_text(program, sizeof(program), text != NULL ? text : "");
	printf("%10llu  %-32s  %s%s\n", (unsigned long long)operate_uint(item, "id"),
			operate_text(item, "title", title, sizeof(title)), program,
			yyjson_is_true(yyjson_obj_get(item, "private")) ? "  (private)" : "");
}

static void print_session(yyjson_val *item) {
	char title[256], client[256], state[32], encoder[32], mode[64];
	unsigned long long seconds = operate_uint(item, "seconds");
	yyjson_val *stats = yyjson_obj_get(item, "stats");
	long long mhz = yyjson_get_sint(yyjson_obj_get(item, "refresh_mhz"));
	snprintf(mode, sizeof(mode), "%llux%llu@%g", (unsigned long long)operate_uint(item, "width"),
			(unsigned long long)operate_uint(item, "height"), (double)mhz / 1000);
	printf("%4llu  %-10s  %-20s  %-20s  %-16s  %3llu:%02llu:%02llu",
			(unsigned long long)operate_uint(item, "id"),
			operate_text(item, "state", state, sizeof(state)),
			operate_text(item, "title", title, sizeof(title)),
			operate_text(item, "client", client, sizeof(client)), mode, seconds / 3600,
			seconds / 60 % 60, seconds % 60);
	if (operate_text(item, "encoder", encoder, sizeof(encoder))[0] != '\0') {
		printf("  %s, %.1f Mbit/s, %.1f ms",
				operate_text(item, "encoder", encoder, sizeof(encoder)),
				(double)operate_uint(stats, "bitrate_kbps") / 1000,
				(double)operate_uint(stats, "latency_p50_us") / 1000);
	}
	putchar('\n');
}

// One question, and a line for each item of the answer's list.
static int list(int argc, char **argv, const char *help, const char *key, const char *none,
		const char *head, void (*print)(yyjson_val *item)) {
	struct es_operate operate;
	char path[32];
	int status = operate_begin(&operate, argc, argv, help);
	if (status != 0) {
		return status - 1;
	}
	snprintf(path, sizeof(path), "/%s", key);
	if (operate.n_words > 0) {
		status = operate_usage(&operate, "%s takes no '%s'", operate.command, operate.words[0]);
	} else if (!operate_ask(&operate, "GET", path, ASK_SECONDS)) {
		status = 1;
	} else if (!operate.json) {
		yyjson_val *items = yyjson_obj_get(operate.root, key), *item;
		size_t index, n;
		puts(yyjson_arr_size(items) == 0 ? none : head);
		yyjson_arr_foreach(items, index, n, item) {
			print(item);
		}
	}
	operate_finish(&operate);
	return status;
}

int apps_command(int argc, char **argv) {
	return list(argc, argv, apps_help, "apps", "There is no app.", "        ID  APP", print_app);
}

int sessions_command(int argc, char **argv) {
	return list(argc, argv, sessions_help, "sessions", "Nothing runs.",
			"  ID  STATE       APP                   DEVICE                MODE                   TIME",
			print_session);
}

int stop_command(int argc, char **argv) {
	struct es_operate operate;
	uint32_t id = 0;
	int status = operate_begin(&operate, argc, argv, stop_help);
	if (status != 0) {
		return status - 1;
	}
	if (operate.n_words > 1) {
		status = operate_usage(&operate, "stop takes no '%s'", operate.words[1]);
	} else if (operate.n_words == 1 &&
			!operate_number(&operate, operate.words[0], "session", &id)) {
		status = 2;
	} else {
		bool done = id > 0 ? operate_ask_of(&operate, "DELETE", "sessions", id, "", STOP_SECONDS)
						   : operate_ask(&operate, "DELETE", "/sessions", STOP_SECONDS);
		status = done ? 0 : 1;
		if (done && !operate.json) {
			puts("Ended.");
		}
	}
	operate_finish(&operate);
	return status;
}
