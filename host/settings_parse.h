// Text to settings, without a look at the system: the inside of settings_load, for its files, tests
// and fuzzers.
#pragma once

#include <scfg.h>

#include "host/settings.h"

struct es_settings_parse {
	const char *path; // for messages
	struct es_settings *settings; // what is filled
	char *error;
	size_t cap;
};

// "PATH:LINE: ..." into the error; returns false. printf-style.
bool settings_refuse(const struct es_settings_parse *parse, int line, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
// NULL, refused: the directive's value is neither a seat of udev nor `none`, which is "".
const char *settings_seat(
		const struct es_settings_parse *parse, const struct scfg_directive *directive);
// Refuses a directive with another number of values than that; `usage` is how it is written.
bool settings_expect(const struct es_settings_parse *parse, const struct scfg_directive *directive,
		size_t least, size_t most, const char *usage);
// An `app` block: one more in settings->apps. Its id is 0 if it has none of its own.
bool settings_take_app(
		const struct es_settings_parse *parse, const struct scfg_directive *directive);
// Its one value is yes or no.
bool settings_yes_no(
		const struct es_settings_parse *parse, const struct scfg_directive *directive, bool *value);
// The directives that begin with "console-", and metrics-address.
bool settings_take_console(
		const struct es_settings_parse *parse, const struct scfg_directive *directive);
// What they say together.
bool settings_check_console(const struct es_settings_parse *parse);

// The defaults with what the text says. NULL with the reason in error[cap]. No app: n_apps is 0;
// no name: name is "".
struct es_settings *settings_parse(
		const char *text, size_t size, const char *path, char *error, size_t cap);
