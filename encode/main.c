// earthshine-encode: pixels in, access units out. Started by earthshine, or alone to ask what it
// can encode.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/log_link.h"
#include "base/process.h"
#include "encode/encoder.h"
#include "encode/probe_command.h"
#include "encode/rights.h"
#include "encode/session.h"
#include "encode/sigbus_guard.h"
#include "encode/speed_test.h"
#include "protocol/session_msg.h"

static void give_up_rights(const struct es_encoder_impl *impl) {
	process_keep_usage();
	confine(rights_of(impl));
}

static int list_encoders(void) {
	for (size_t i = 0; encoder_impls[i] != NULL; i++) {
		printf("%s %s\n", encoder_impls[i]->name, codec_name(encoder_impls[i]->codec));
	}
	return 0;
}

static int measure(const char *name, const char *mode_text) {
	struct es_mode mode = {.refresh_mhz = 60000};
	if (!mode_parse(mode_text, &mode)) {
		fprintf(stderr, "earthshine-encode: '%s' is not a size like 1280x720\n", mode_text);
		return 2;
	}
	for (size_t i = 0; encoder_impls[i] != NULL; i++) {
		if (strcmp(encoder_impls[i]->name, name) == 0) {
			give_up_rights(encoder_impls[i]);
			double fps = speed_test_run(encoder_impls[i], &mode);
			printf("%s %ux%u %.1f\n", name, mode.width, mode.height, fps);
			return fps > 0 ? 0 : 1;
		}
	}
	fprintf(stderr, "earthshine-encode: no encoder '%s' is built in; see --list\n", name);
	return 1;
}

static bool is_socket(int fd) {
	int type;
	socklen_t size = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

static int usage(void) {
	fprintf(stderr,
			"earthshine-encode is a part of earthshine and is started by it.\n"
			"Alone: earthshine-encode --list | --probe NAME WIDTHxHEIGHT | --version |\n"
			"  --probe NAME CODEC [--device NODE] [--format FOURCC:MODIFIER] [--depth 8|10] "
			"[--chroma 420|444]\n");
	return 2;
}

int main(int argc, char *argv[]) {
	log_init("earthshine-encode", log_level_from_env(ES_LOG_INFO));
	if (!sigbus_guard_install()) {
		es_log(ES_LOG_ERROR, "cannot guard against truncated memory");
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		return list_encoders();
	}
	if (argc >= 4 && strcmp(argv[1], "--probe") == 0) {
		enum es_codec codec;
		return argc > 4 || codec_parse(argv[3], &codec)
				? probe_command(argc - 2, argv + 2, give_up_rights)
				: measure(argv[2], argv[3]);
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("earthshine-encode %s\n", ES_VERSION);
		return 0;
	}
	if (argc != 1 || !is_socket(ES_SESSION_FD)) {
		return usage();
	}
	log_link_join();
	// A terminal's Ctrl-C reaches the whole process group; the host ends us in its own time.
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); // the limit counts for memfds too: an error says so
	return session_run(ES_SESSION_FD, give_up_rights);
}
