#define _GNU_SOURCE
#include "host/doctor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/capture.h"
#include "host/command_check.h"
#include "host/doctor_confine.h"
#include "host/doctor_encoders.h"
#include "host/doctor_report.h"
#include "host/doctor_seat.h"
#include "host/doctor_serve.h"
#include "host/findings.h"
#include "host/options.h"
#include "host/runtime_dir.h"

#define PROBE_MS 10000

#define INSTALL_REMEDY "is the installation complete? build and install all of earthshine"
#define XWAYLAND_REMEDY \
	"X11 apps cannot run: install Xwayland (package xwayland, on Fedora xorg-x11-server-Xwayland)"
#define PIPEWIRE_REMEDY \
	"only needed for sound: install pipewire and wireplumber; what is not running is started for " \
	"each session"
#define PAD_REMEDY \
	"only needed for gamepads: load the module (modprobe %s), install earthshine's udev rules and add " \
	"yourself to its group (usermod -aG earthshine USER; see FILES in earthshine(1)), then log in anew"

// Needs the runtime directory that init has checked. True if there is a display.
static bool check_display(struct es_findings *findings) {
	struct es_capture capture;
	char name[] = "earthshine-display", option[] = "--probe", value[200];
	char *argv[] = {name, option, NULL};
	bool ran = capture_run(&capture, name, argv, PROBE_MS);
	if (!ran || !capture_succeeded(&capture)) {
		char why[200];
		capture_last_line(&capture, why, sizeof(why));
		findings_add(findings, "renderer", false, INSTALL_REMEDY, "%s%s",
				capture.timed_out ? "the display hangs: " : "", why);
		return false;
	}
	bool renderer = capture_value(&capture, "renderer", value, sizeof(value));
	findings_add(findings, "renderer", renderer, INSTALL_REMEDY, "%s", renderer ? value : "none");
	bool xwayland = capture_value(&capture, "xwayland", value, sizeof(value)) && value[0] == '/';
	findings_add(
			findings, "Xwayland", xwayland, XWAYLAND_REMEDY, "%s", xwayland ? value : "not found");
	return renderer;
}

// Whether one of our own can be started for each session, as sound_server.c does.
static bool can_start_pipewire(void) {
	return command_check("pipewire") == 0 && command_check("wireplumber") == 0;
}

static void check_pipewire(struct es_findings *findings, const struct es_runtime_dir *runtime_dir) {
	const char *dir = getenv("PIPEWIRE_RUNTIME_DIR");
	bool named = dir != NULL && dir[0] != '\0';
	dir = named ? dir : runtime_dir->made ? NULL : getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(
			address.sun_path, sizeof(address.sun_path), "%s/pipewire-0", dir != NULL ? dir : "");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool fits = n > 0 && (size_t)n < sizeof(address.sun_path);
	bool runs = dir != NULL && fits && fd >= 0 &&
			connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	int error = fits ? errno : ENAMETOOLONG;
	fd_close(&fd);
	if (!runs && can_start_pipewire()) {
		findings_add(findings, "PipeWire", true, NULL,
				"none runs: each session with sound starts one of its own");
		return;
	}
	findings_add(findings, "PipeWire", runs, PIPEWIRE_REMEDY, "%s%s%s",
			dir != NULL ? address.sun_path : "none, and none can be started", runs ? "" : ": ",
			runs				  ? ""
					: dir == NULL ? "not installed"
								  : strerror(error));
}

static void check_pads(struct es_findings *findings, const char *name) {
	char path[32], remedy[sizeof(PAD_REMEDY) + 16];
	snprintf(path, sizeof(path), "/dev/%s", name);
	snprintf(remedy, sizeof(remedy), PAD_REMEDY, name);
	bool ok = access(path, R_OK | W_OK) == 0;
	findings_add(
			findings, name, ok, remedy, "%s%s%s", path, ok ? "" : ": ", ok ? "" : strerror(errno));
}

static void check_runtime_dir(
		struct es_findings *findings, const struct es_runtime_dir *dir, bool usable) {
	if (!usable) {
		findings_add(findings, "XDG_RUNTIME_DIR", false,
				"set it to a directory of yours with mode 0700, or unset it", "%s", dir->path);
	} else if (dir->made) {
		findings_add(findings, "XDG_RUNTIME_DIR", true, NULL,
				"not set; run makes a private directory, apps find no session bus there");
	} else {
		findings_add(findings, "XDG_RUNTIME_DIR", true, NULL, "%s", dir->path);
	}
}

struct doctor_options {
	bool json, report, help;
};

static bool apply_json(void *data, const char *value, char *error, size_t cap) {
	((struct doctor_options *)data)->json = true;
	return true;
}

static bool apply_report(void *data, const char *value, char *error, size_t cap) {
	((struct doctor_options *)data)->report = true;
	return true;
}

static bool apply_help(void *data, const char *value, char *error, size_t cap) {
	((struct doctor_options *)data)->help = true;
	return true;
}

static const struct es_option table[] = {
		{'j', "json", NULL, "print one JSON object", apply_json},
		{0, "report", NULL, "try every encoder with every kind of buffer, for a report to us",
				apply_report},
		{'h', "help", NULL, "this text", apply_help},
};
#define N_OPTIONS (sizeof(table) / sizeof(table[0]))

static void print_help(void) {
	fputs("Usage: earthshine doctor [options]\n\n"
		  "Tells what works here, what is missing, and what to do about it.\n\n",
			stdout);
	options_print(stdout, table, N_OPTIONS);
	fputs("\nExit status: 0 if `earthshine run` can work with at least one encoder, else 1.\n",
			stdout);
}

static int report(void) {
	struct es_ladder_facts facts;
	ladder_facts_init(&facts, "auto", "", NULL);
	es_log(ES_LOG_INFO, "trying every encoder on every GPU; this may take a minute or two");
	return doctor_report(&facts, stdout) ? 0 : 1;
}

static int examine(const struct doctor_options *options) {
	struct es_findings findings = {0};
	struct es_ladder_facts facts;
	struct es_runtime_dir dir;
	bool runtime = runtime_dir_init(&dir);
	bool display = check_display(&findings);
	ladder_facts_init(&facts, "auto", "", NULL);
	bool encoder = doctor_check_encoders(&findings, &facts);
	check_pipewire(&findings, &dir);
	check_pads(&findings, "uinput");
	check_pads(&findings, "uhid");
	doctor_check_seat(&findings);
	check_runtime_dir(&findings, &dir, runtime);
	doctor_check_confine(&findings);
	doctor_check_serve(&findings);
	bool usable = runtime && display && encoder;
	if (options->json) {
		findings_print_json(&findings, usable, stdout);
	} else {
		findings_print_text(&findings, usable, stdout);
	}
	runtime_dir_finish(&dir);
	return usable ? 0 : 1;
}

int doctor_command(int argc, char **argv) {
	struct doctor_options options = {0};
	char error[256];
	int first = options_parse(table, N_OPTIONS, argc, argv, &options, error, sizeof(error));
	if (first >= 0 && first < argc && !options.help) {
		snprintf(error, sizeof(error), "doctor takes no '%s'", argv[first]);
		first = -1;
	}
	if (first < 0) {
		es_log(ES_LOG_ERROR, "%s; see `earthshine doctor --help`", error);
		return 2;
	}
	if (options.help) {
		print_help();
		return 0;
	}
	return options.report ? report() : examine(&options);
}
