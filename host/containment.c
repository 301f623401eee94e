#define _XOPEN_SOURCE 700 // realpath
#include "host/containment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/capture.h"
#include "host/command_check.h"
#include "host/env_list.h"
#include "host/state_file.h"

#define PROGRAM "bwrap"
#define BUS "dbus-run-session"
#define TRIAL_MS 5000

#define MAX_SHOWN 4 // sockets of the user's runtime directory that are shown

struct es_containment {
	char runtime_dir[4096]; // the user's: hidden
	char state_dir[4096]; // hidden
	char shown[MAX_SHOWN][4096];
	bool bus;
	char missing[512]; // "": it works
};

// --- the command line

struct words {
	char **items;
	size_t n, cap;
	bool failed;
};

static void add(struct words *words, const char *word) {
	if (words->n + 2 > words->cap) {
		size_t cap = words->cap * 2 + 32;
		char **items = realloc(words->items, cap * sizeof(*items));
		if (items == NULL) {
			words->failed = true;
			return;
		}
		words->items = items;
		words->cap = cap;
	}
	words->items[words->n] = strdup(word);
	words->failed = words->failed || words->items[words->n] == NULL;
	words->n += words->items[words->n] != NULL;
	words->items[words->n] = NULL;
}

static void add_mount(struct words *words, const char *how, const char *path) {
	add(words, how);
	add(words, path);
	add(words, path);
}

static void add_hidden(struct words *words, const char *path) {
	if (path[0] != '\0') {
		add(words, "--tmpfs");
		add(words, path);
	}
}

// The order counts: what hides comes before what is shown within it.
static void add_mounts(
		struct words *words, const struct es_containment *containment, const char *session_dir) {
	static const char *const always[] = {"--unshare-pid", "--cap-drop", "ALL", "--unsetenv",
			"DBUS_SESSION_BUS_ADDRESS", "--dev-bind", "/", "/", "--proc", "/proc"};
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		add(words, always[i]);
	}
	add_hidden(words, containment->runtime_dir);
	add_hidden(words, containment->state_dir);
	if (session_dir != NULL) {
		add_mount(words, "--bind", session_dir);
	}
	for (size_t i = 0; i < MAX_SHOWN && containment->shown[i][0] != '\0'; i++) {
		add_mount(words, "--bind-try", containment->shown[i]);
	}
}

static char **wrap(
		const struct es_containment *containment, const char *session_dir, char *const *argv) {
	struct words words = {0};
	add(&words, PROGRAM);
	add_mounts(&words, containment, session_dir);
	add(&words, "--");
	if (containment->bus) {
		add(&words, BUS);
		add(&words, "--");
	}
	for (size_t i = 0; argv[i] != NULL; i++) {
		add(&words, argv[i]);
	}
	if (words.failed) {
		env_list_free(words.items);
		return NULL;
	}
	return words.items;
}

// --- what there is

// As the kernel has it; "" for what is not there, which need not be hidden.
static void find_folder(char *out, size_t cap, const char *path) {
	char *real = path != NULL && path[0] == '/' ? realpath(path, NULL) : NULL;
	snprintf(out, cap, "%s", real != NULL ? real : "");
	free(real);
}

static void find_folders(struct es_containment *containment) {
	char path[4096], error[256];
	find_folder(
			containment->runtime_dir, sizeof(containment->runtime_dir), getenv("XDG_RUNTIME_DIR"));
	if (state_dir_path(path, sizeof(path), error, sizeof(error))) {
		find_folder(containment->state_dir, sizeof(containment->state_dir), path);
	}
}

// The user's sound server: an app's sound card is a node in there.
static void find_sockets(struct es_containment *containment) {
	static const char *const names[] = {"pipewire-0", "pulse"};
	const char *folder = containment->runtime_dir;
	for (size_t i = 0; folder[0] != '\0' && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(containment->shown[i], sizeof(containment->shown[i]), "%.4000s/%s", folder,
				names[i]);
	}
}

static void try_out(struct es_containment *containment) {
	char command[] = "true", *argv[] = {command, NULL};
	struct es_capture capture;
	char **wrapped = wrap(containment, NULL, argv), why[256];
	if (wrapped == NULL) {
		snprintf(containment->missing, sizeof(containment->missing), "out of memory");
		return;
	}
	if (!capture_program(&capture, PROGRAM, wrapped, TRIAL_MS) || !capture_succeeded(&capture)) {
		capture_last_line(&capture, why, sizeof(why));
		snprintf(containment->missing, sizeof(containment->missing), "bubblewrap fails: %s",
				why[0] != '\0' ? why : "it does not end");
	}
	env_list_free(wrapped);
}

struct es_containment *containment_create(void) {
	struct es_containment *containment = calloc(1, sizeof(*containment));
	if (containment == NULL) {
		return NULL;
	}
	find_folders(containment);
	find_sockets(containment);
	if (command_check(PROGRAM) != 0) {
		snprintf(containment->missing, sizeof(containment->missing),
				"bubblewrap (the command bwrap) is not installed");
		return containment;
	}
	containment->bus = command_check(BUS) == 0;
	try_out(containment);
	return containment;
}

void containment_destroy(struct es_containment *containment) {
	free(containment);
}

const char *containment_missing(const struct es_containment *containment) {
	return containment->missing[0] != '\0' ? containment->missing : NULL;
}

char **containment_wrap(
		const struct es_containment *containment, const char *session_dir, char *const *argv) {
	return wrap(containment, session_dir, argv);
}
