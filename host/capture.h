// Runs one of our own programs to its end and keeps what it prints.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ES_CAPTURE_MAX 8192

struct es_capture {
	char text[ES_CAPTURE_MAX]; // standard output and error, cut to fit, ends with NUL
	bool timed_out; // killed with its process group
	bool stuck; // that did not end it within a second: it hangs in the kernel and was left there
	int status; // as from waitpid
};

// Blocks for at most timeout_ms. False if it is not installed or could not be executed (the reason
// is in capture->text).
bool capture_run(struct es_capture *capture, const char *room, char *const *argv, int timeout_ms);
// The same with any program; without a '/' it is searched in PATH.
bool capture_program(
		struct es_capture *capture, const char *path, char *const *argv, int timeout_ms);

// True if it ended by itself with exit status 0.
bool capture_succeeded(const struct es_capture *capture);

// The value in the first line "key value", copied; false if there is none.
bool capture_value(const struct es_capture *capture, const char *key, char *out, size_t cap);

// The last line that says something, without the program's name: mostly the reason of a failure.
void capture_last_line(const struct es_capture *capture, char *out, size_t cap);
