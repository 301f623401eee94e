#define _GNU_SOURCE
#include "host/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/cli.h"
#include "host/command_check.h"
#include "host/end_signals.h"
#include "host/output_file.h"
#include "host/run_course.h"
#include "host/run_ladder.h"
#include "host/runtime_dir.h"
#include "host/stats_json.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

// The rooms take their level from the environment.
static void settle_log_level(const struct es_run_options *options) {
	if (options->quiet || options->verbose) {
		setenv("EARTHSHINE_LOG", options->quiet ? "error" : "debug", 1);
		log_init("earthshine", options->quiet ? ES_LOG_ERROR : ES_LOG_DEBUG);
	}
}

static int check_command(const char *command) {
	int error = command_check(command);
	if (error == 0) {
		return 0;
	}
	if (error == ENOENT) {
		es_log(ES_LOG_ERROR, "cannot start '%s': command not found%s", command,
				strchr(command, '/') == NULL ? " in PATH" : "");
		return EXIT_NOT_FOUND;
	}
	es_log(ES_LOG_ERROR, "cannot start '%s': it is not an executable file", command);
	return EXIT_NOT_EXECUTABLE;
}

static int run_checked(const struct es_run_options *options, struct es_runtime_dir *runtime_dir) {
	struct es_output_file output;
	struct es_ladder_facts facts;
	struct es_ladder ladder;
	if (!run_ladder_make(&ladder, &facts, options)) {
		return EXIT_FAILED;
	}
	if (!output_file_open(&output, options->output)) {
		return EXIT_FAILED;
	}
	if (!output_file_begin(&output)) {
		output_file_finish(&output, true);
		return EXIT_FAILED;
	}
	struct es_run_summary summary;
	bool discard;
	run_course(options, &facts, &ladder, &output, runtime_dir, &summary, &discard);
	if (options->stats_path != NULL && !stats_json_write(options->stats_path, &summary)) {
		summary.exit_status = summary.exit_status != 0 ? summary.exit_status : EXIT_FAILED;
	}
	if (!options->quiet && !discard) {
		run_summary_print(&summary, options->output, output_file_size(&output), stderr);
	}
	output_file_finish(&output, discard);
	return summary.exit_status;
}

static int run_options(const struct es_run_options *options) {
	struct es_runtime_dir runtime_dir;
	int status = check_command(options->command[0]);
	if (status != 0) {
		return status;
	}
	if (options->stats_path != NULL && !stats_json_check(options->stats_path)) {
		return EXIT_FAILED;
	}
	if (!end_signals_block()) {
		es_log(ES_LOG_ERROR, "cannot hold back signals: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (!runtime_dir_init(&runtime_dir)) {
		return EXIT_FAILED;
	}
	status = run_checked(options, &runtime_dir);
	runtime_dir_finish(&runtime_dir);
	return status;
}

int run_command(int argc, char **argv) {
	struct es_run_options options;
	char error[ES_CLI_ERROR_MAX];
	switch (cli_parse_run(&options, argc, argv, time(NULL), error, sizeof(error))) {
	case ES_CLI_HELP:
		cli_print_run_help(stdout);
		return 0;
	case ES_CLI_BAD:
		es_log(ES_LOG_ERROR, "%s", error);
		es_log(ES_LOG_ERROR, "see `earthshine run --help`");
		return EXIT_USAGE;
	case ES_CLI_OK:
		break;
	}
	settle_log_level(&options);
	if (options.ready_fd > STDERR_FILENO) {
		fd_set_cloexec(options.ready_fd, true);
	}
	return run_options(&options);
}
