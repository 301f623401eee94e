// The words after `earthshine serve`.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct es_serve_options {
	const char *config; // NULL: the default one
	const char *name; // NULL: as configured
	const char *web_root; // NULL: where the console's files are installed
	bool port_given;
	uint16_t port;
	int ready_fd; // -1: none
	bool quiet, verbose, help;
};

// Strings point into argv. False with the reason in error[cap].
bool serve_options_parse(
		struct es_serve_options *options, int argc, char **argv, char *error, size_t cap);
void serve_options_print_help(FILE *out);
