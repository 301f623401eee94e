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
#include "host/doctor_serve.h"
#include "host/encoder_choice.h"
#include "host/findings.h"
#include "host/options.h"
#include "host/runtime_dir.h"

#define PROBE_MS 10000

#define INSTALL_REMEDY "is the installation complete? build and install all of earthshine"
#define XWAYLAND_REMEDY \
	"X11 apps cannot run: install Xwayland (package xwayland, on Fedora xorg-x11-server-Xwayland)"
#define PIPEWIRE_REMEDY \
	"only needed for sound: install pipewire and start it (systemctl --user start pipewire)"
#define UINPUT_REMEDY \
	"only needed for gamepads: load the module (modprobe uinput) and give your user access with a " \
	"udev rule (KERNEL==\"uinput\", SUBSYSTEM==\"misc\", MODE=\"0660\", GROUP=your group)"

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

static const char *encoder_remedy(const char *name) {
	for (size_t i = 0; i < n_encoder_choices; i++) {
		if (strcmp(name, encoder_choices[i].name) == 0) {
			return encoder_choices[i].built ? "use another one with -e or -c"
											: encoder_choices[i].remedy;
		}
	}
	return NULL;
}

// What the probe itself says ("ok x264 h264 740", "fail x264 h264 reason"), else what it died of.
static void describe_probe(const struct es_capture *capture, const char *name, const char *codec,
		bool ok, char *out, size_t cap) {
	char key[64];
	snprintf(key, sizeof(key), "%s %s %s", ok ? "ok" : "fail", name, codec);
	if (capture->timed_out) {
		snprintf(out, cap, "did not answer within %d s", PROBE_MS / 1000);
	} else if (capture_value(capture, key, out, cap)) {
		if (ok) {
			char unit[] = " frames a second in the self-test";
			size_t len = strlen(out);
			snprintf(out + len, cap - len, "%s", unit);
		}
	} else if (WIFSIGNALED(capture->status)) {
		snprintf(out, cap, "crashed: %s", strsignal(WTERMSIG(capture->status)));
	} else {
		capture_last_line(capture, out, cap);
	}
}

// In a process of its own: a broken encoder may crash or hang.
static bool check_encoder(struct es_findings *findings, char *name, char *codec) {
	struct es_capture capture;
	char program[] = "earthshine-encode", option[] = "--probe", detail[200], title[64];
	char *argv[] = {program, option, name, codec, NULL};
	bool ok = capture_run(&capture, program, argv, PROBE_MS) && capture_succeeded(&capture);
	describe_probe(&capture, name, codec, ok, detail, sizeof(detail));
	snprintf(title, sizeof(title), "%s (%s)", name, codec);
	findings_add(findings, title, ok, encoder_remedy(name), "%s", detail);
	return ok;
}

// Those that the encoder program knows, each by encoding a picture and decoding it back.
static bool check_encoders(struct es_findings *findings) {
	struct es_capture capture;
	char program[] = "earthshine-encode", option[] = "--list";
	char *argv[] = {program, option, NULL};
	if (!capture_run(&capture, program, argv, PROBE_MS) || !capture_succeeded(&capture)) {
		char why[200];
		capture_last_line(&capture, why, sizeof(why));
		findings_add(findings, "encoders", false, INSTALL_REMEDY, "%s", why);
		return false;
	}
	bool any = false;
	char *rest = NULL;
	for (char *line = strtok_r(capture.text, "\n", &rest); line != NULL;
			line = strtok_r(NULL, "\n", &rest)) {
		char name[32], codec[16];
		enum es_codec known;
		if (sscanf(line, "%31s %15s", name, codec) == 2 && codec_parse(codec, &known)) {
			any |= check_encoder(findings, name, codec);
		}
	}
	for (size_t i = 0; i < n_encoder_choices; i++) {
		const struct es_encoder_choice *choice = &encoder_choices[i];
		if (!choice->built) {
			findings_add(findings, choice->name, false, choice->remedy,
					"%s encoder, not in this build", codec_name(choice->codec));
		}
	}
	return any;
}

static void check_pipewire(struct es_findings *findings, const struct es_runtime_dir *runtime_dir) {
	const char *dir = getenv("PIPEWIRE_RUNTIME_DIR");
	bool named = dir != NULL && dir[0] != '\0';
	if (!named && runtime_dir->made) {
		findings_add(findings, "PipeWire", false, PIPEWIRE_REMEDY,
				"not looked for, as XDG_RUNTIME_DIR is not set");
		return;
	}
	dir = named ? dir : getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(
			address.sun_path, sizeof(address.sun_path), "%s/pipewire-0", dir != NULL ? dir : "");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool fits = n > 0 && (size_t)n < sizeof(address.sun_path);
	bool ok = fits && fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	int error = fits ? errno : ENAMETOOLONG;
	fd_close(&fd);
	findings_add(findings, "PipeWire", ok, PIPEWIRE_REMEDY, "%s%s%s", address.sun_path,
			ok ? "" : ": ", ok ? "" : strerror(error));
}

static void check_uinput(struct es_findings *findings) {
	bool ok = access("/dev/uinput", W_OK) == 0;
	findings_add(findings, "uinput", ok, UINPUT_REMEDY, "/dev/uinput%s%s", ok ? "" : ": ",
			ok ? "" : strerror(errno));
}

static void check_runtime_dir(
		struct es_findings *findings, const struct es_runtime_dir *dir, bool usable) {
	if (!usable) {
		findings_add(findings, "XDG_RUNTIME_DIR", false,
				"set it to a directory of yours with mode 0700, or unset it", "%s", dir->path);
	} else if (dir->made) {
		findings_add(findings, "XDG_RUNTIME_DIR", true, NULL,
				"not set; run makes a private directory, apps find no sound and no session bus there");
	} else {
		findings_add(findings, "XDG_RUNTIME_DIR", true, NULL, "%s", dir->path);
	}
}

struct doctor_options {
	bool json, help;
};

static bool apply_json(void *data, const char *value, char *error, size_t cap) {
	((struct doctor_options *)data)->json = true;
	return true;
}

static bool apply_help(void *data, const char *value, char *error, size_t cap) {
	((struct doctor_options *)data)->help = true;
	return true;
}

static const struct es_option table[] = {
		{'j', "json", NULL, "print one JSON object", apply_json},
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

static int examine(const struct doctor_options *options) {
	struct es_findings findings = {0};
	struct es_runtime_dir dir;
	bool runtime = runtime_dir_init(&dir);
	bool display = check_display(&findings);
	bool encoder = check_encoders(&findings);
	check_pipewire(&findings, &dir);
	check_uinput(&findings);
	check_runtime_dir(&findings, &dir, runtime);
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
	return examine(&options);
}
