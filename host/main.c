// earthshine: the one program that people call. Each command is a line of the table below.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/doctor.h"
#include "host/nearest.h"
#include "host/operate.h"
#include "host/run.h"
#include "host/serve.h"

struct command {
	const char *name;
	const char *help;
	int (*main)(int argc, char **argv);
};

static int help_command(int argc, char **argv);
static int version_command(int argc, char **argv);

static const struct command commands[] = {
		{"run", "record an app in a virtual screen", run_command},
		{"serve", "be a host for Moonlight clients", serve_command},
		{"pair", "pair a device that waits for its PIN", pair_command},
		{"clients", "list, rename or revoke the paired devices", clients_command},
		{"apps", "list what can be launched", apps_command},
		{"sessions", "list what runs", sessions_command},
		{"stop", "end a session", stop_command},
		{"stats", "record statistics, list and export what was recorded", stats_command},
		{"openapi", "print the description of the API for programs", openapi_command},
		{"console", "print where the console in the browser is", console_command},
		{"doctor", "tell what works here and what is missing", doctor_command},
		{"version", "print the version", version_command},
		{"help", "this text, or that of a command", help_command},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name) {
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

static int complain(const char *name) {
	const char *names[N_COMMANDS];
	char all[256] = "";
	for (size_t i = 0; i < N_COMMANDS; i++) {
		names[i] = commands[i].name;
		size_t len = strlen(all);
		snprintf(all + len, sizeof(all) - len, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	const char *nearest = nearest_word(name, names, N_COMMANDS);
	if (nearest != NULL) {
		es_log(ES_LOG_ERROR, "unknown command '%s'; did you mean '%s'?", name, nearest);
	} else {
		es_log(ES_LOG_ERROR, "unknown command '%s'; the commands are %s", name, all);
	}
	return 2;
}

static void print_help(FILE *out) {
	fputs("Usage: earthshine COMMAND [options]\n\nCommands:\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		fprintf(out, "  %-10s%s\n", commands[i].name, commands[i].help);
	}
	fputs("\n`earthshine COMMAND --help` tells a command's options. See earthshine(1).\n", out);
}

static int help_command(int argc, char **argv) {
	if (argc < 2 || strcmp(argv[1], "help") == 0 || argv[1][0] == '-') {
		print_help(stdout);
		return 0;
	}
	const struct command *command = find(argv[1]);
	if (command == NULL) {
		return complain(argv[1]);
	}
	char option[] = "--help";
	char *words[] = {argv[1], option, NULL};
	return command->main(2, words);
}

static int version_command(int argc, char **argv) {
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs("Usage: earthshine version\n\nPrints the program's name and version.\n", stdout);
		return 0;
	}
	if (argc > 1) {
		es_log(ES_LOG_ERROR, "version takes no '%s'", argv[1]);
		return 2;
	}
	puts("earthshine " ES_VERSION);
	return 0;
}

// A standard stream that our caller has closed would be the next file that we open.
static void fill_standard_fds(void) {
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		}
	}
}

// What was written to standard output may not have arrived (a full disk).
static int flush_status(int status) {
	if (fflush(stdout) != 0 && status == 0) {
		es_log(ES_LOG_ERROR, "cannot write to standard output: %s", strerror(errno));
		return 1;
	}
	return status;
}

int main(int argc, char **argv) {
	fill_standard_fds();
	log_init("earthshine", log_level_from_env(ES_LOG_INFO));
	if (argc < 2) {
		print_help(stderr);
		return 2;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		name = "help";
	} else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		name = "version";
	} else if (name[0] == '-') {
		es_log(ES_LOG_ERROR, "option '%s' comes before a command: earthshine run %s ...", name,
				name);
		return 2;
	}
	const struct command *command = find(name);
	return command != NULL ? flush_status(command->main(argc - 1, argv + 1)) : complain(name);
}
