#define _GNU_SOURCE // program_invocation_short_name
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE 2048

// Set once before other threads start, then only read: the one state that no context carries,
// because a message must be possible everywhere.
static const char *log_program;
static enum es_log_level log_level = ES_LOG_INFO;
static void (*log_tap)(void *data, enum es_log_level level, const char *text);
static void *log_tap_data;

void log_init(const char *program, enum es_log_level level) {
	log_program = program;
	log_level = level;
}

enum es_log_level log_level_from_env(enum es_log_level fallback) {
	static const char *const names[] = {
			[ES_LOG_ERROR] = "error",
			[ES_LOG_WARN] = "warn",
			[ES_LOG_INFO] = "info",
			[ES_LOG_DEBUG] = "debug",
	};
	const char *value = getenv("EARTHSHINE_LOG");
	for (size_t i = 0; value != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			return (enum es_log_level)i;
		}
	}
	return fallback;
}

void log_set_tap(void (*tap)(void *data, enum es_log_level level, const char *text), void *data) {
	log_tap = tap;
	log_tap_data = data;
}

bool log_enabled(enum es_log_level level) {
	return level <= log_level;
}

// What peers and files name may hold line breaks and terminal sequences.
static void blank_control_characters(char *text, size_t size) {
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			text[i] = ' ';
		}
	}
}

static size_t clamp_length(int length, size_t room) {
	return length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

void es_vlog(enum es_log_level level, const char *format, va_list args) {
	if (!log_enabled(level)) {
		return;
	}
	int saved_errno = errno;
	const char *program = log_program != NULL ? log_program : program_invocation_short_name;
	char line[MAX_LINE];
	size_t size = clamp_length(snprintf(line, sizeof(line), "%s: ", program), sizeof(line));
	size_t prefix = size;
	errno = saved_errno; // for %m
	size += clamp_length(
			vsnprintf(line + size, sizeof(line) - size, format, args), sizeof(line) - size);
	blank_control_characters(line, size);
	line[size] = '\0';
	if (log_tap != NULL) {
		log_tap(log_tap_data, level, line + prefix);
	}
	line[size++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, size);
	(void)written; // there is nobody else to tell
	errno = saved_errno;
}

bool log_has_tap(void) {
	return log_tap != NULL;
}

void log_tell_tap(enum es_log_level level, const char *format, ...) {
	char line[MAX_LINE];
	va_list args;
	va_start(args, format);
	size_t size = clamp_length(vsnprintf(line, sizeof(line), format, args), sizeof(line));
	va_end(args);
	blank_control_characters(line, size);
	line[size] = '\0';
	if (log_tap != NULL) {
		log_tap(log_tap_data, level, line);
	}
}

void es_log(enum es_log_level level, const char *format, ...) {
	va_list args;
	va_start(args, format);
	es_vlog(level, format, args);
	va_end(args);
}
