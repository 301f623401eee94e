// Sessions for players without the web server: takes connections on a port of 127.0.0.1 as if their
// handshake had been done, and attaches each to the one session, whose app is the command line's. Tells
// what happens in lines of JSON; ends with its standard input.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "host/play_web.h"

struct door {
	sd_event *event;
	struct es_settings settings;
	struct es_app app;
	struct es_plays *plays;
	struct es_play *play;
	enum es_play_state state; // told last
};

bool __wrap_spawn_find_room(const char *name, char *out, size_t cap);

bool __wrap_spawn_find_room(const char *name, char *out, size_t cap) {
	int n = snprintf(out, cap, "%s/%s", getenv("ROOMS"), name);
	return n > 0 && (size_t)n < cap;
}

static void on_change(void *data) {
	struct door *door = data;
	struct es_play_info info;
	if (plays_count(door->plays) == 0) {
		printf("{\"event\":\"gone\"}\n");
		return;
	}
	play_info(plays_at(door->plays, 0), &info);
	printf("{\"event\":\"state\",\"state\":%d,\"width\":%u,\"height\":%u,\"encoder\":\"%s\"}\n",
			(int)info.state, info.mode.width, info.mode.height, info.encoder);
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *data) {
	struct door *door = data;
	char error[256] = "";
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int status = plays_attach_web(door->plays, 1, peer, "a page", error, sizeof(error));
	printf("{\"event\":\"attached\",\"status\":%d,\"error\":\"%s\"}\n", status, error);
	return 0;
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *data) {
	char line[64];
	if (read(fd, line, sizeof(line)) <= 0) {
		sd_event_exit(sd_event_source_get_event(source), 0);
	}
	return 0;
}

static int listen_anywhere(uint16_t *port) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 8) != 0 ||
			getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
		return -1;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

static bool launch(struct door *door, char **argv) {
	static char title[] = "app", automatic[] = "auto", empty[] = "", address[] = "127.0.0.1";
	static char *none[] = {NULL};
	struct es_mode mode;
	char error[256];
	door->app = (struct es_app){.id = 1, .title = title, .command = argv + 3, .env = none};
	door->settings = (struct es_settings){
			.name = title,
			.address = address,
			.max_sessions = 3,
			.max_pixel_rate = 1920u * 1080u * 60u,
			.max_kbps = (uint32_t)strtoul(argv[2], NULL, 10),
			.keepalive_ms = 500,
			.keyboard = empty,
			.encoder = automatic,
			.gpu = automatic,
			.sound = getenv("SOUND") != NULL,
			.microphone = true,
			.apps = &door->app,
			.n_apps = 1,
	};
	door->plays = plays_create(door->event, &door->settings);
	if (door->plays == NULL || !mode_parse(argv[1], &mode)) {
		return false;
	}
	plays_on_change(door->plays, on_change, door);
	struct es_web_launch wanted = {
			&door->app, mode, ES_CODEC_H264, "a page", getenv("CLIPBOARD") != NULL};
	if (plays_launch_web(door->plays, &wanted, &door->play, error, sizeof(error)) == 200) {
		return true;
	}
	fprintf(stderr, "%s\n", error);
	return false;
}

// player_door MODE KBPS COMMAND...; the rooms are in $ROOMS
int main(int argc, char **argv) {
	struct door door = {0};
	uint16_t port;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init("player_door", log_level_from_env(ES_LOG_WARN));
	int fd = listen_anywhere(&port);
	if (argc < 4 || fd < 0 || sd_event_default(&door.event) < 0 || !process_become_subreaper() ||
			!launch(&door, argv) ||
			sd_event_add_io(door.event, NULL, fd, EPOLLIN, on_connect, &door) < 0 ||
			sd_event_add_io(door.event, NULL, STDIN_FILENO, EPOLLIN, on_input, NULL) < 0) {
		return 1;
	}
	printf("{\"event\":\"ready\",\"port\":%u}\n", port);
	int status = sd_event_loop(door.event);
	plays_destroy(door.plays);
	sd_event_unref(door.event);
	fd_close(&fd);
	return status;
}
