// The words after `earthshine run`: parsed and checked before anything is started.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "protocol/mode.h"
#include "protocol/session_msg.h"

#define ES_CLI_ERROR_MAX 512

struct es_run_options {
	struct es_mode mode;
	uint32_t scale_milli;
	enum es_codec codec;
	struct es_colour colour; // of the screen and the file
	const char
			*encoder; // word of -e, from argv; it can give an encoder for the codec in this build
	const char *gpu; // "auto", or as in gpu_matches; from argv
	uint32_t bitrate_kbps;
	enum es_container container;
	const char *output; // path or "-": argv's or default_output
	char default_output[64];
	int64_t duration_ns; // 0: until the app ends
	const char *stats_path; // NULL: none; "-": standard output
	int ready_fd; // -1: none
	bool no_sound;
	bool quiet, verbose, help;
	char **command; // the app's argv, ends with NULL; borrowed from argv
};

enum es_cli_result {
	ES_CLI_OK,
	ES_CLI_HELP, // only help was asked for
	ES_CLI_BAD, // usage error, the reason is in error[]
};

// argv[0] is the word "run"; `now` names the default output. Options point into argv.
enum es_cli_result cli_parse_run(
		struct es_run_options *options, int argc, char **argv, time_t now, char *error, size_t cap);

void cli_print_run_help(FILE *out);

// For a file to look at: 0.16 bit per pixel for h264, 0.10 for hevc and av1; pixels of refreshes
// above 60 Hz count half, as more frames a second resemble each other more. Rounded up to
// 100 kbit/s, 500 kbit/s to 200 Mbit/s.
uint32_t cli_default_bitrate_kbps(const struct es_mode *mode, enum es_codec codec);

// "90", "0.5" -> ns; more than 0, at most a year, at most nine decimals.
bool cli_parse_seconds(const char *text, int64_t *ns);
// "1", "1.5", "2.25" -> thousandths, 250..8000.
bool cli_parse_scale(const char *text, uint32_t *milli);
