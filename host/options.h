// A command's options as a table: parsed by getopt_long, listed in its help.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct es_option {
	char letter; // 0: long form only
	const char *name;
	const char *value; // name of its value in the help, NULL: takes none
	const char *help;
	// Stores the value (NULL if it takes none) in `data`; false with the reason in error[cap].
	bool (*apply)(void *data, const char *value, char *error, size_t cap);
};

#define ES_MAX_OPTIONS 32

// Applies the options in argv (argv[0] is the command's name) up to the first word that is none.
// Returns the index of that word, or -1 with the reason in error[cap]. Not for two threads at once
// (getopt).
int options_parse(const struct es_option *options, size_t n, int argc, char *const *argv,
		void *data, char *error, size_t cap);

// One line for each option.
void options_print(FILE *out, const struct es_option *options, size_t n);
