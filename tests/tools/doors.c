// doors FOLDER: the host's HTTP, HTTPS and RTSP with nothing behind them, for tests. Prints its ports,
// then obeys lines on standard input, with one line of answer to each:
//   add NAME FILE.pem   pairs that certificate         revoke ID   as the operator does
//   pin PIN             for the request that waits     requests    how many wait
//   finish-cancel       lets a /cancel end             counts      what was launched
// State lies in FOLDER. Ends with its input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/gamestream.h"
#include "host/identity.h"
#include "tests/tools/fake_plays.h"

struct doors {
	sd_event *event;
	struct es_clients *clients;
	struct es_pairing_desk *desk;
	struct es_plays *plays;
	struct es_gamestream *gamestream;
	char line[8192];
	size_t size;
};

static void add(struct doors *doors, const char *name, const char *path) {
	static struct es_cert cert;
	char pem[ES_CERT_MAX_PEM], error[512] = "";
	const char *why = "cannot be read";
	uint32_t id = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, pem, sizeof(pem)) : -1;
	fd_close(&fd);
	if (n <= 0 || !cert_parse_client(&cert, pem, (size_t)n, &why)) {
		printf("refused %s\n", why);
	} else if (clients_add(doors->clients, &cert, name, &id, error, sizeof(error))) {
		printf("client %" PRIu32 "\n", id);
	} else {
		printf("failed %s\n", error);
	}
}

static void on_paired(void *data, enum es_pairing_result result, const char *text) {
	printf("result %d %s\n", (int)result, text);
	fflush(stdout);
}

static void enter_pin(struct doors *doors, const char *pin) {
	char error[512];
	if (!pairing_desk_enter_pin(doors->desk, 0, pin, on_paired, doors, error, sizeof(error))) {
		printf("refused %s\n", error);
	}
}

static void obey(struct doors *doors, const char *line) {
	char word[32] = "", one[256] = "", two[4096] = "", error[512];
	struct es_pairing_info infos[8];
	sscanf(line, "%31s %255s %4095s", word, one, two);
	if (strcmp(word, "add") == 0) {
		add(doors, one, two);
	} else if (strcmp(word, "revoke") == 0) {
		uint32_t id = (uint32_t)strtoul(one, NULL, 10);
		bool ok = clients_revoke(doors->clients, id, error, sizeof(error));
		gamestream_revoke(doors->gamestream);
		puts(ok ? "revoked" : error);
	} else if (strcmp(word, "pin") == 0) {
		enter_pin(doors, one);
	} else if (strcmp(word, "requests") == 0) {
		printf("waiting %zu\n", pairing_desk_list(doors->desk, infos, 8));
	} else if (strcmp(word, "finish-cancel") == 0) {
		puts(fake_plays_finish_cancel(doors->plays) ? "finished" : "nothing");
	} else if (strcmp(word, "counts") == 0) {
		const struct fake_plays_counts *counts = fake_plays_counts(doors->plays);
		printf("launched %u resumed %u cancelled %u\n", counts->launched, counts->resumed,
				counts->cancelled);
	} else {
		puts("what?");
	}
	fflush(stdout);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *data) {
	struct doors *doors = data;
	ssize_t n = read(fd, doors->line + doors->size, sizeof(doors->line) - 1 - doors->size);
	if (n <= 0) {
		return sd_event_exit(doors->event, 0);
	}
	doors->size += (size_t)n;
	doors->line[doors->size] = '\0';
	char *end;
	while ((end = strchr(doors->line, '\n')) != NULL) {
		*end = '\0';
		obey(doors, doors->line);
		doors->size -= (size_t)(end + 1 - doors->line);
		memmove(doors->line, end + 1, doors->size + 1);
	}
	return 0;
}

static int run(struct doors *doors, const char *folder, const struct es_settings *settings) {
	static struct es_identity identity;
	char unique_id[ES_UNIQUE_ID_SIZE], error[1024] = "";
	struct es_ports ports;
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || !identity_open(dir_fd, &identity, unique_id, error, sizeof(error)) ||
			(doors->clients = clients_load(dir_fd, error, sizeof(error))) == NULL ||
			!ports_open(&ports, "127.0.0.1", 0, NULL, error, sizeof(error)) ||
			sd_event_new(&doors->event) < 0) {
		es_log(ES_LOG_ERROR, "%s", error);
		return 1;
	}
	doors->plays = plays_create(doors->event, settings);
	doors->desk = pairing_desk_create(doors->event, doors->clients, &identity);
	struct es_gamestream_params params = {
			.event = doors->event,
			.settings = settings,
			.identity = &identity,
			.unique_id = unique_id,
			.clients = doors->clients,
			.desk = doors->desk,
			.plays = doors->plays,
			.ports = &ports,
	};
	doors->gamestream = gamestream_create(&params);
	if (doors->gamestream == NULL ||
			sd_event_add_io(doors->event, NULL, STDIN_FILENO, EPOLLIN, on_input, doors) < 0) {
		return 1;
	}
	printf("HTTP=%u HTTPS=%u RTSP=%u\n", ports.http, ports.https, ports.rtsp);
	fflush(stdout);
	int status = sd_event_loop(doors->event);
	gamestream_destroy(doors->gamestream);
	pairing_desk_destroy(doors->desk);
	plays_destroy(doors->plays);
	clients_destroy(doors->clients);
	sd_event_unref(doors->event);
	fd_close(&dir_fd);
	return status;
}

int main(int argc, char **argv) {
	char title[] = "Test & <card>", none[] = "true", name[] = "doors", image[4096];
	char *command[] = {none, NULL}, *env[] = {NULL};
	if (argc != 2) {
		return 2;
	}
	log_init("doors", log_level_from_env(ES_LOG_DEBUG));
	signal(SIGPIPE, SIG_IGN);
	snprintf(image, sizeof(image), "%s/image.png", argv[1]);
	struct es_app apps[] = {
			{.id = 1, .title = title, .command = command, .env = env},
			{.id = 7, .title = none, .command = command, .env = env, .image = image},
	};
	struct es_settings settings = {.name = name, .apps = apps, .n_apps = 2};
	struct doors *doors = calloc(1, sizeof(*doors));
	int status = doors != NULL ? run(doors, argv[1], &settings) : 1;
	free(doors);
	return status;
}
