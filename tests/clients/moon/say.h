// What the client tells its caller: one JSON object per line on standard output.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One line: begin, any number of members, end.
void say_begin(const char *event);
void say_number(const char *name, int64_t value);
void say_decimals(const char *name, const double *values, size_t n); // an array
void say_bool(const char *name, bool value);
void say_text(const char *name, const char *value); // NULL: null
void say_null(const char *name);
void say_end(void);

// {"event":event,"text":...}
void say_line(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same as "error", also on standard error.
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t now_ns(void); // CLOCK_MONOTONIC
