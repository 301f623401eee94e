#include "host/serve_options.h"

#include <fcntl.h>
#include <string.h>

#include "host/options.h"
#include "host/quantity.h"
#include "host/safe_text.h"

static bool apply_config(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	options->config = value;
	return true;
}

static bool apply_port(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	uint64_t port;
	if (!quantity_whole(value, 0, UINT16_MAX, &port)) {
		snprintf(error, cap, "port '%s' is not a number from 0 to 65535 (0: any free ones)", value);
		return false;
	}
	options->port = (uint16_t)port;
	options->port_given = true;
	return true;
}

static bool apply_name(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	if (value[0] == '\0' || strlen(value) > 63 || !safe_text_is(value)) {
		snprintf(error, cap, "the name must have 1 to 63 bytes of printable UTF-8");
		return false;
	}
	options->name = value;
	return true;
}

static bool apply_ready_fd(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	uint64_t fd;
	if (!quantity_whole(value, 0, 1 << 20, &fd)) {
		snprintf(error, cap, "'%s' is not the number of a file descriptor", value);
		return false;
	}
	int flags = fcntl((int)fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
		snprintf(error, cap, "file descriptor %d is not open for writing", (int)fd);
		return false;
	}
	options->ready_fd = (int)fd;
	return true;
}

static bool apply_web_root(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	options->web_root = value;
	return true;
}

static bool apply_quiet(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	options->quiet = true;
	return true;
}

static bool apply_verbose(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	options->verbose = true;
	return true;
}

static bool apply_help(void *data, const char *value, char *error, size_t cap) {
	struct es_serve_options *options = data;
	options->help = true;
	return true;
}

static const struct es_option serve_table[] = {
		{'c', "config", "FILE", "settings and apps (default: see earthshine(5))", apply_config},
		{'p', "port", "N", "base port (47989); 0: any free ports", apply_port},
		{'n', "name", "NAME", "name that devices show", apply_name},
		{'R', "ready-fd", "N", "write the ports to this file descriptor when all is up",
				apply_ready_fd},
		{'\0', "web-root", "DIR", "folder of the console's files", apply_web_root},
		{'q', "quiet", NULL, "say nothing but errors", apply_quiet},
		{'v', "verbose", NULL, "say more", apply_verbose},
		{'h', "help", NULL, "this text", apply_help},
};
#define N_SERVE_OPTIONS (sizeof(serve_table) / sizeof(serve_table[0]))

bool serve_options_parse(
		struct es_serve_options *options, int argc, char **argv, char *error, size_t cap) {
	*options = (struct es_serve_options){.ready_fd = -1};
	int first = options_parse(serve_table, N_SERVE_OPTIONS, argc, argv, options, error, cap);
	if (first < 0) {
		return false;
	}
	if (first < argc && !options->help) {
		snprintf(error, cap, "serve takes no '%s'; apps are written into the configuration file",
				argv[first]);
		return false;
	}
	return true;
}

void serve_options_print_help(FILE *out) {
	fputs("Usage: earthshine serve [options]\n\n"
		  "Makes this machine a host for Moonlight clients: they pair, launch apps, see and control "
		  "them.\n\n",
			out);
	options_print(out, serve_table, N_SERVE_OPTIONS);
	fputs("\nSIGHUP reads the settings again. SIGTERM and SIGINT end all sessions and then the host; once\n"
		  "more ends it at once. Exit status: 0 after that, 1 if earthshine failed, 2 for a mistake in "
		  "the\noptions. See earthshine(1).\n",
			out);
}
