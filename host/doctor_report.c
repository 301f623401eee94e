#define _GNU_SOURCE
#include "host/doctor_report.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <yyjson.h>

#include "host/capture.h"
#include "host/codec_speeds.h"
#include "host/ladder_probe.h"

#define MAX_LOG 2048 // the end of what a trial has said
#define LOG_VARIABLE "EARTHSHINE_LOG"

// One of each kind; what a driver prefers is behind "invalid".
static const char *const formats[] = {"XR24:linear", "XR24:invalid", "XB24:linear", "XB24:invalid",
		"AR24:invalid", "XR30:linear", "XR30:invalid", "XB30:invalid"};
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

struct report {
	yyjson_mut_doc *document;
	yyjson_mut_val *root;
	struct es_ladder_facts *facts;
	char user[256], host[256], home[PATH_MAX];
	const char *hidden[4];
	bool hung[ES_GPUS_MAX]; // left alone from then on
};

void doctor_report_hide(char *out, size_t cap, const char *text, const char *const *words) {
	size_t at = 0;
	while (*text != '\0' && at + 1 < cap) {
		size_t length = 0;
		for (size_t i = 0; words[i] != NULL; i++) {
			size_t word = strlen(words[i]);
			if (word >= 3 && word > length && strncmp(text, words[i], word) == 0) {
				length = word;
			}
		}
		if (length == 0) {
			out[at++] = *text++;
			continue;
		}
		int n = snprintf(out + at, cap - at, "(hidden)");
		at = at + (size_t)n < cap ? at + (size_t)n : cap - 1;
		text += length;
	}
	out[at] = '\0';
}

static void find_names(struct report *report) {
	const char *home = getenv("HOME");
	const struct passwd *entry = getpwuid(getuid());
	snprintf(report->home, sizeof(report->home), "%s", home != NULL ? home : "");
	snprintf(report->user, sizeof(report->user), "%s", entry != NULL ? entry->pw_name : "");
	if (gethostname(report->host, sizeof(report->host) - 1) != 0) {
		report->host[0] = '\0';
	}
	report->hidden[0] = report->home;
	report->hidden[1] = report->user;
	report->hidden[2] = report->host;
}

static void add_text(
		struct report *report, yyjson_mut_val *object, const char *name, const char *text) {
	char hidden[MAX_LOG + 256];
	doctor_report_hide(hidden, sizeof(hidden), text, report->hidden);
	yyjson_mut_obj_add_strcpy(report->document, object, name, hidden);
}

// --- the machine

static void read_line(const char *path, char *out, size_t cap) {
	FILE *file = fopen(path, "re");
	out[0] = '\0';
	if (file != NULL) {
		if (fgets(out, (int)cap, file) == NULL) {
			out[0] = '\0';
		}
		out[strcspn(out, "\n")] = '\0';
		fclose(file);
	}
}

static void read_system(char *out, size_t cap) {
	char line[256];
	FILE *file = fopen("/etc/os-release", "re");
	snprintf(out, cap, "unknown");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "PRETTY_NAME=", strlen("PRETTY_NAME=")) == 0) {
			const char *value = line + strlen("PRETTY_NAME=");
			value += *value == '"';
			snprintf(out, cap, "%.*s", (int)strcspn(value, "\"\n"), value);
		}
	}
	if (file != NULL) {
		fclose(file);
	}
}

static void add_machine(struct report *report) {
	struct utsname kernel;
	char text[512];
	add_text(report, report->root, "version", ES_VERSION);
	if (uname(&kernel) == 0) {
		snprintf(text, sizeof(text), "%s %s %s", kernel.sysname, kernel.release, kernel.machine);
		add_text(report, report->root, "kernel", text);
	}
	read_system(text, sizeof(text));
	add_text(report, report->root, "system", text);
	codec_speeds_make_key(text, sizeof(text));
	add_text(report, report->root, "processor", text);
}

static void add_gpus(struct report *report) {
	yyjson_mut_doc *document = report->document;
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(document, report->root, "gpus");
	for (size_t i = 0; i < report->facts->n_gpus; i++) {
		const struct es_gpu *gpu = &report->facts->gpus[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(document, items);
		char ids[16], path[128], version[128];
		snprintf(ids, sizeof(ids), "%04x:%04x", gpu->vendor, gpu->device);
		snprintf(path, sizeof(path), "/sys/module/%s/version", gpu->driver);
		read_line(path, version, sizeof(version));
		add_text(report, item, "node", gpu->node);
		add_text(report, item, "ids", ids);
		add_text(report, item, "driver", gpu->driver);
		add_text(report, item, "driver_version", version);
		add_text(report, item, "error", gpu->error != 0 ? strerror(gpu->error) : "");
	}
}

// By their full names, which bear their versions.
static void add_libraries(struct report *report) {
	static const char *const folders[] = {
			"/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"};
	static const char *const names[] = {"libva.so.2", "libvulkan.so.1", "libavcodec.so.62",
			"libavcodec.so.63", "libcuda.so.1", "libnvidia-encode.so.1", "libx264.so.165",
			"libvulkan_radeon.so", "libvulkan_intel.so", "dri/iHD_drv_video.so",
			"dri/radeonsi_drv_video.so"};
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(report->document, report->root, "libraries");
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			char path[PATH_MAX];
			snprintf(path, sizeof(path), "%s/%s", folders[i], names[k]);
			char *real = realpath(path, NULL);
			if (real != NULL) {
				yyjson_mut_arr_add_strcpy(report->document, items, real);
			}
			free(real);
		}
	}
}

// --- trials

static const char *log_tail(const char *text) {
	size_t size = strlen(text);
	return size > MAX_LOG ? text + size - MAX_LOG : text;
}

// The words of ladder_probe_words and a format.
static void try_one(struct report *report, yyjson_mut_val *items,
		const struct es_candidate *candidate, const char *format) {
	struct es_capture capture;
	struct es_probe_words words;
	char option[] = "--format", value[32], *argv[10];
	size_t n = 0;
	ladder_probe_words(&words, candidate);
	while (words.argv[n] != NULL) {
		argv[n] = words.argv[n];
		n++;
	}
	snprintf(value, sizeof(value), "%s", format != NULL ? format : "");
	argv[n] = format != NULL ? option : NULL;
	argv[n + 1] = value;
	argv[n + 2] = NULL;
	bool ignored = false;
	bool *hung =
			candidate->gpu != NULL ? &report->hung[candidate->gpu - report->facts->gpus] : &ignored;
	if (*hung) {
		return;
	}
	int limit_ms = ladder_probe_limit_ms(candidate);
	bool ran = capture_run(&capture, words.program, argv, limit_ms);
	struct es_trial trial = {capture.text, ran ? capture.status : 127 << 8, limit_ms,
			capture.timed_out, capture.stuck};
	*hung = capture.stuck;
	struct es_proof proof = ladder_new_proof(report->facts, candidate);
	proof_conclude(&proof, &trial);
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(report->document, items);
	add_text(report, item, "encoder", proof.encoder);
	add_text(report, item, "codec", codec_name(proof.codec));
	add_text(report, item, "node", proof.node);
	add_text(report, item, "format", format != NULL ? format : "default");
	add_text(report, item, "state", proof_state_name(proof.state));
	yyjson_mut_obj_add_real(report->document, item, "fps", proof.fps);
	add_text(report, item, "reason", proof.reason);
	add_text(report, item, "log", proof.state == ES_PROOF_OK ? "" : log_tail(capture.text));
	if (format == NULL && candidate->rung->hardware) {
		ladder_probe_record(report->facts, candidate, &trial);
	}
}

static void try_all(struct report *report) {
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(report->document, report->root, "trials");
	struct es_candidate all[ES_CANDIDATES_MAX];
	size_t n = ladder_candidates(report->facts, "auto", all, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		try_one(report, items, &all[i], NULL);
		const struct es_proof *proof = ladder_proof(report->facts, &all[i]);
		bool there = proof != NULL && proof->state != ES_PROOF_UNAVAILABLE;
		for (size_t k = 0; there && k < N_FORMATS; k++) {
			try_one(report, items, &all[i], formats[k]);
		}
	}
	for (size_t i = 0; i < n_rungs; i++) {
		if (rungs[i].built && !rungs[i].hardware) {
			try_one(report, items, &(struct es_candidate){.rung = &rungs[i]}, NULL);
		}
	}
}

static void add_not_built(struct report *report) {
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(report->document, report->root, "not_built");
	for (size_t i = 0; i < n_rungs; i++) {
		if (!rungs[i].built) {
			char name[64];
			snprintf(name, sizeof(name), "%s (%s)", rungs[i].name, codec_name(rungs[i].codec));
			yyjson_mut_arr_add_strcpy(report->document, items, name);
		}
	}
}

bool doctor_report(struct es_ladder_facts *facts, FILE *out) {
	struct report report = {.facts = facts, .document = yyjson_mut_doc_new(NULL)};
	report.root = report.document != NULL ? yyjson_mut_obj(report.document) : NULL;
	if (report.root == NULL) {
		yyjson_mut_doc_free(report.document);
		return false;
	}
	yyjson_mut_doc_set_root(report.document, report.root);
	yyjson_mut_obj_add_uint(report.document, report.root, "report", 1);
	setenv(LOG_VARIABLE, "debug", 0); // of the trials
	find_names(&report);
	add_machine(&report);
	add_gpus(&report);
	add_libraries(&report);
	add_not_built(&report);
	try_all(&report);
	const yyjson_write_flag flags = YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END |
			YYJSON_WRITE_ALLOW_INVALID_UNICODE;
	bool ok = yyjson_mut_write_fp(out, report.document, flags, NULL, NULL);
	yyjson_mut_doc_free(report.document);
	return ok;
}
