#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "host/nearest.h"
#include "host/operate.h"
#include "host/operate_base.h"

#define ASK_SECONDS 10

static const char help[] =
		"Usage: earthshine clients\n"
		"       earthshine clients rename ID NAME\n"
		"       earthshine clients revoke ID\n"
		"       earthshine clients keyboard ID LAYOUT|default\n"
		"       earthshine clients clipboard ID on|off\n"
		"       earthshine clients legacy ID on|off\n"
		"\n"
		"Lists the paired devices, names one, or takes its trust away: a session that it plays ends\n"
		"then. `keyboard de` is for a device with German keys, in place of the app's and the host's layout.\n"
		"`clipboard on` lets a device read the text that the app copies, and set it; Moonlight cannot.\n"
		"`legacy on` lets an old device use the unencrypted RTSP and the old control encryption.\n";

static void print_client(yyjson_val *item) {
	char name[256], keyboard[128], date[32] = "";
	time_t paired_at = (time_t)yyjson_get_sint(yyjson_obj_get(item, "paired_at"));
	struct tm tm;
	if (localtime_r(&paired_at, &tm) != NULL) {
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &tm);
	}
	printf("%4llu  %-32s  %-16s  %-8s  %s%s\n", (unsigned long long)operate_uint(item, "id"),
			operate_text(item, "name", name, sizeof(name)), date,
			operate_text(item, "keyboard", keyboard, sizeof(keyboard)),
			yyjson_is_true(yyjson_obj_get(item, "clipboard")) ? "clipboard " : "",
			yyjson_is_true(yyjson_obj_get(item, "legacy")) ? "legacy" : "");
}

static int list(struct es_operate *operate) {
	if (!operate_ask(operate, "GET", "/clients", ASK_SECONDS)) {
		return 1;
	}
	if (operate->json) {
		return 0;
	}
	yyjson_val *items = yyjson_obj_get(operate->root, "clients"), *item;
	size_t index, n;
	if (yyjson_arr_size(items) == 0) {
		puts("No device is paired. See `earthshine pair --help`.");
		return 0;
	}
	printf("%4s  %-32s  %-16s  %s\n", "ID", "DEVICE", "PAIRED", "KEYBOARD");
	yyjson_arr_foreach(items, index, n, item) {
		print_client(item);
	}
	return 0;
}

static int change(struct es_operate *operate, const char *method, const char *done) {
	uint32_t id;
	if (!operate_number(operate, operate->words[1], "client", &id)) {
		return 2;
	}
	if (!operate_ask_of(operate, method, "clients", id, "", ASK_SECONDS)) {
		return 1;
	}
	if (!operate->json) {
		puts(done);
	}
	return 0;
}

static int rename_one(struct es_operate *operate) {
	yyjson_mut_obj_add_str(operate->request, operate->args, "name", operate->words[2]);
	return change(operate, "PATCH", "Renamed.");
}

static int revoke_one(struct es_operate *operate) {
	return change(operate, "DELETE", "Revoked.");
}

static int set_keyboard(struct es_operate *operate) {
	const char *layout = operate->words[2];
	bool none = strcmp(layout, "default") == 0;
	yyjson_mut_obj_add_str(operate->request, operate->args, "keyboard", none ? "" : layout);
	return change(operate, "PATCH", none ? "Keyboard as the app's." : "Keyboard set.");
}

static int set_switch(struct es_operate *operate, const char *yes, const char *no) {
	const char *name = operate->words[0];
	bool on = strcmp(operate->words[2], "on") == 0;
	if (!on && strcmp(operate->words[2], "off") != 0) {
		return operate_usage(operate, "%s is on or off, not '%s'", name, operate->words[2]);
	}
	yyjson_mut_obj_add_bool(operate->request, operate->args, name, on);
	return change(operate, "PATCH", on ? yes : no);
}

static int set_clipboard(struct es_operate *operate) {
	return set_switch(operate, "Clipboard allowed.", "Clipboard refused.");
}

static int set_legacy(struct es_operate *operate) {
	return set_switch(operate, "Legacy allowed.", "Legacy refused.");
}

static const struct verb {
	const char *name;
	int n_words;
	const char *usage;
	int (*run)(struct es_operate *operate);
} verbs[] = {
		{"rename", 3, "clients rename ID NAME", rename_one},
		{"revoke", 2, "clients revoke ID", revoke_one},
		{"keyboard", 3, "clients keyboard ID LAYOUT|default", set_keyboard},
		{"clipboard", 3, "clients clipboard ID on|off", set_clipboard},
		{"legacy", 3, "clients legacy ID on|off", set_legacy},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int dispatch(struct es_operate *operate) {
	const char *names[N_VERBS];
	if (operate->n_words == 0) {
		return list(operate);
	}
	for (size_t i = 0; i < N_VERBS; i++) {
		names[i] = verbs[i].name;
		if (strcmp(operate->words[0], verbs[i].name) == 0) {
			return operate->n_words == verbs[i].n_words
					? verbs[i].run(operate)
					: operate_usage(operate, "write: earthshine %s", verbs[i].usage);
		}
	}
	const char *nearest = nearest_word(operate->words[0], names, N_VERBS);
	return operate_usage(operate, "clients takes no '%s'%s%s%s", operate->words[0],
			nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
			nearest != NULL ? "'?" : "");
}

int clients_command(int argc, char **argv) {
	struct es_operate operate;
	int status = operate_begin(&operate, argc, argv, help);
	if (status != 0) {
		return status - 1;
	}
	status = dispatch(&operate);
	operate_finish(&operate);
	return status;
}
