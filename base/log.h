// Messages for the person who runs the program: one line each on standard error.
#pragma once

#include <stdarg.h>
#include <stdbool.h>

enum es_log_level {
	ES_LOG_ERROR, // the session or the process suffers
	ES_LOG_WARN, // something was lost or done without
	ES_LOG_INFO, // what an operator wants once per session
	ES_LOG_DEBUG,
};

// Sets the prefix (the program's name, borrowed, must outlive all calls) and the
// highest level that is written. Call once, before other threads start.
void log_init(const char *program, enum es_log_level level);

// Takes the level from the environment variable EARTHSHINE_LOG
// (error|warn|info|debug); returns `fallback` when unset or not one of these.
enum es_log_level log_level_from_env(enum es_log_level fallback);

// `tap` is told each line that is written, without the program's name; it is called by whoever logs, on
// any thread, and must not log. One at a time; NULL: none. Before other threads start, or after.
void log_set_tap(void (*tap)(void *data, enum es_log_level level, const char *text), void *data);

bool log_has_tap(void);
// Tells the tap of a line that somebody else has written, and nobody else; what could steer a terminal is blanked.
void log_tell_tap(enum es_log_level level, const char *format, ...)
		__attribute__((format(printf, 2, 3)));

bool log_enabled(enum es_log_level level);

// Writes "PROGRAM: TEXT\n" with one write(2); errno is preserved. Any thread.
void es_log(enum es_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void es_vlog(enum es_log_level level, const char *format, va_list args)
		__attribute__((format(printf, 2, 0)));
