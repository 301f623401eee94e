// A bad network in user space: forwards UDP between a client and a host, both ways, with what
// impair_model.h can do to each datagram. Needs no rights and no kernel support.
//
// Standard input: "down NAME=VALUE", "up NAME=VALUE" (from now on), "black-out MS" (nothing passes for
// so long), "lose INDEX N" (the next N datagrams from the host to the INDEX-th pair), "target INDEX PORT"
// (the host's port of that pair, if it was 0), "quit". Standard output: one JSON object per line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/clients/impair_model.h"

#define MAX_PAIRS 8
#define MAX_DATAGRAM 2048
#define MAX_QUEUED 16384
#define NS_PER_MS INT64_C(1000000)

enum direction { UP, DOWN }; // client to host, host to client

struct datagram {
	struct datagram *next;
	int64_t at_ns;
	int pair;
	enum direction direction;
	size_t size;
	uint8_t data[MAX_DATAGRAM];
};

struct pair {
	int client_fd, host_fd; // bound; connected to the host
	struct sockaddr_in client; // who spoke last, port 0: nobody yet
	unsigned int lose; // so many of the next ones from the host
};

struct counts {
	uint64_t taken, sent, lost;
};

struct impair {
	const char *address; // of both sides
	struct pair pairs[MAX_PAIRS];
	int n_pairs;
	struct es_impair_params params[2]; // by direction
	struct es_impair_model models[2];
	struct counts counts[2];
	struct datagram *first; // by time
	size_t n_queued;
	int64_t black_until_ns;
	bool done;
	char line[256];
	size_t line_size;
};

static int64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void send_now(struct impair *impair, const struct datagram *datagram) {
	const struct pair *pair = &impair->pairs[datagram->pair];
	impair->counts[datagram->direction].sent++;
	if (datagram->direction == UP) {
		// nowhere yet if it has no target
		send(pair->host_fd, datagram->data, datagram->size, 0);
	} else if (pair->client.sin_port != 0) {
		sendto(pair->client_fd, datagram->data, datagram->size, 0,
				(const struct sockaddr *)&pair->client, sizeof(pair->client));
	}
}

static void queue(struct impair *impair, const struct datagram *datagram, int64_t at_ns) {
	struct datagram *copy = impair->n_queued < MAX_QUEUED ? malloc(sizeof(*copy)) : NULL;
	if (copy == NULL) {
		impair->counts[datagram->direction].lost++;
		return;
	}
	memcpy(copy, datagram, sizeof(*copy));
	copy->at_ns = at_ns;
	struct datagram **at = &impair->first;
	while (*at != NULL && (*at)->at_ns <= at_ns) {
		at = &(*at)->next;
	}
	copy->next = *at;
	*at = copy;
	impair->n_queued++;
}

static void pass(struct impair *impair, struct datagram *datagram, int64_t now) {
	struct counts *counts = &impair->counts[datagram->direction];
	struct es_impair_fate fate =
			impair_decide(&impair->models[datagram->direction], now, datagram->size);
	counts->taken++;
	struct pair *pair = &impair->pairs[datagram->pair];
	if (datagram->direction == DOWN && pair->lose > 0) {
		pair->lose--;
		fate.at_ns = ES_IMPAIR_LOST;
	}
	if (fate.at_ns == ES_IMPAIR_LOST || now < impair->black_until_ns) {
		counts->lost++;
		return;
	}
	if (fate.corrupt && datagram->size > 0) {
		datagram->data[fate.corrupt_at / 8 % datagram->size] ^=
				(uint8_t)(1u << fate.corrupt_at % 8);
	}
	if (fate.at_ns <= now) {
		send_now(impair, datagram);
	} else {
		queue(impair, datagram, fate.at_ns);
	}
	if (fate.copy_at_ns != ES_IMPAIR_LOST) {
		queue(impair, datagram, fate.copy_at_ns);
	}
}

static void receive(struct impair *impair, int index, enum direction direction) {
	struct pair *pair = &impair->pairs[index];
	struct datagram datagram = {.pair = index, .direction = direction};
	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(direction == UP ? pair->client_fd : pair->host_fd, datagram.data,
				sizeof(datagram.data), 0, (struct sockaddr *)&from, &length);
		if (size < 0) {
			return;
		}
		if (direction == UP) {
			pair->client = from;
		}
		datagram.size = (size_t)size;
		pass(impair, &datagram, now_ns());
	}
}

static void send_due(struct impair *impair) {
	int64_t now = now_ns();
	while (impair->first != NULL && impair->first->at_ns <= now) {
		struct datagram *datagram = impair->first;
		impair->first = datagram->next;
		impair->n_queued--;
		send_now(impair, datagram);
		free(datagram);
	}
}

static bool set_target(struct impair *impair, unsigned int index, unsigned int port) {
	if (index >= (unsigned int)impair->n_pairs || port < 1 || port > 65535) {
		return false;
	}
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, impair->address, &name.sin_addr) == 1 &&
			connect(impair->pairs[index].host_fd, (struct sockaddr *)&name, sizeof(name)) == 0;
}

static void handle_line(struct impair *impair, const char *line) {
	unsigned int ms, index, number;
	int direction = strncmp(line, "up ", 3) == 0 ? UP : DOWN;
	bool ok = true;
	if (strcmp(line, "quit") == 0) {
		impair->done = true;
	} else if (sscanf(line, "black-out %u", &ms) == 1) {
		impair->black_until_ns = now_ns() + ms * NS_PER_MS;
	} else if (sscanf(line, "lose %u %u", &index, &number) == 2) {
		ok = index < (unsigned int)impair->n_pairs;
		impair->pairs[ok ? index : 0].lose = ok ? number : 0;
	} else if (sscanf(line, "target %u %u", &index, &number) == 2) {
		ok = set_target(impair, index, number);
	} else if (direction == UP || strncmp(line, "down ", 5) == 0) {
		struct es_impair_params *params = &impair->models[direction].params;
		ok = impair_parse(params, line + (direction == UP ? 3 : 5));
	} else {
		ok = false;
	}
	printf("{\"event\":\"%s\",\"at_ns\":%" PRId64 "}\n", ok ? "done" : "error", now_ns());
	fflush(stdout);
}

static void read_commands(struct impair *impair) {
	ssize_t n = read(STDIN_FILENO, impair->line + impair->line_size,
			sizeof(impair->line) - 1 - impair->line_size);
	if (n <= 0) {
		impair->done = true;
		return;
	}
	impair->line_size += (size_t)n;
	char *newline;
	while ((newline = memchr(impair->line, '\n', impair->line_size)) != NULL) {
		*newline = '\0';
		handle_line(impair, impair->line);
		impair->line_size -= (size_t)(newline + 1 - impair->line);
		memmove(impair->line, newline + 1, impair->line_size);
	}
	if (impair->line_size == sizeof(impair->line) - 1) {
		impair->line_size = 0;
	}
}

static void run(struct impair *impair) {
	while (!impair->done) {
		struct pollfd fds[1 + 2 * MAX_PAIRS] = {{.fd = STDIN_FILENO, .events = POLLIN}};
		for (int i = 0; i < impair->n_pairs; i++) {
			fds[1 + 2 * i] = (struct pollfd){.fd = impair->pairs[i].client_fd, .events = POLLIN};
			fds[2 + 2 * i] = (struct pollfd){.fd = impair->pairs[i].host_fd, .events = POLLIN};
		}
		struct timespec wait = {.tv_sec = 3600};
		if (impair->first != NULL) {
			int64_t left = impair->first->at_ns - now_ns();
			left = left > 0 ? left : 0;
			wait = (struct timespec){left / 1000000000, left % 1000000000};
		}
		ppoll(fds, 1 + 2 * (nfds_t)impair->n_pairs, &wait, NULL);
		for (int i = 0; i < impair->n_pairs; i++) {
			if (fds[1 + 2 * i].revents != 0) {
				receive(impair, i, UP);
			}
			if (fds[2 + 2 * i].revents != 0) {
				receive(impair, i, DOWN);
			}
		}
		send_due(impair);
		if (fds[0].revents != 0) {
			read_commands(impair);
		}
	}
}

static int open_udp(const char *address, uint16_t port, bool connected) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = 4 << 20;
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (fd < 0 || inet_pton(AF_INET, address, &name.sin_addr) != 1) {
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	int result = 0;
	if (!connected) {
		result = bind(fd, (struct sockaddr *)&name, sizeof(name));
	} else if (port != 0) {
		result = connect(fd, (struct sockaddr *)&name, sizeof(name));
	}
	return result == 0 ? fd : -1;
}

// "LOCAL:HOST"
static bool add_pair(struct impair *impair, const char *text) {
	unsigned int local, host;
	struct pair *pair = &impair->pairs[impair->n_pairs];
	if (impair->n_pairs == MAX_PAIRS || sscanf(text, "%u:%u", &local, &host) != 2 ||
			local > 65535 || host > 65535) {
		return false;
	}
	pair->client_fd = open_udp(impair->address, (uint16_t)local, false);
	pair->host_fd = open_udp(impair->address, (uint16_t)host, true);
	if (pair->client_fd < 0 || pair->host_fd < 0) {
		fprintf(stderr, "impair: %s: %s\n", text, strerror(errno));
		return false;
	}
	impair->n_pairs++;
	return true;
}

static void say_ready(const struct impair *impair) {
	printf("{\"event\":\"ready\",\"ports\":[");
	for (int i = 0; i < impair->n_pairs; i++) {
		struct sockaddr_in name = {0};
		socklen_t length = sizeof(name);
		getsockname(impair->pairs[i].client_fd, (struct sockaddr *)&name, &length);
		printf("%s%u", i > 0 ? "," : "", ntohs(name.sin_port));
	}
	printf("]}\n");
	fflush(stdout);
}

static void say_end(const struct impair *impair) {
	static const char *const names[] = {[UP] = "up", [DOWN] = "down"};
	printf("{\"event\":\"end\"");
	for (int i = UP; i <= DOWN; i++) {
		const struct counts *counts = &impair->counts[i];
		printf(",\"%s\":{\"taken\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"lost\":%" PRIu64 "}",
				names[i], counts->taken, counts->sent, counts->lost);
	}
	printf("}\n");
}

static bool parse_options(struct impair *impair, int argc, char **argv) {
	static const struct option table[] = {
			{"address", required_argument, NULL, 'a'},
			{"down", required_argument, NULL, 'd'},
			{"up", required_argument, NULL, 'u'},
			{0},
	};
	int key;
	while ((key = getopt_long(argc, argv, "", table, NULL)) != -1) {
		bool ok = key == 'a' || key == 'd' || key == 'u';
		if (key == 'a') {
			impair->address = optarg;
		} else if (ok) {
			ok = impair_parse(&impair->params[key == 'd' ? DOWN : UP], optarg);
		}
		if (!ok) {
			return false;
		}
	}
	for (; optind < argc; optind++) {
		if (!add_pair(impair, argv[optind])) {
			return false;
		}
	}
	return impair->n_pairs > 0;
}

int main(int argc, char **argv) {
	struct impair impair = {.address = "127.0.0.1"};
	if (!parse_options(&impair, argc, argv)) {
		fprintf(stderr,
				"usage: impair [--address A] [--down NAME=VALUE] [--up NAME=VALUE] LOCAL:HOST...\n"
				"  UDP ports; LOCAL 0: any; HOST 0: told later. NAME=VALUE: see impair_model.h, e.g. loss=0.1,\n"
				"  bursts=0.1:4, delay=20, jitter=5, seed=7\n");
		return 2;
	}
	impair_init(&impair.models[UP], &impair.params[UP]);
	impair_init(&impair.models[DOWN], &impair.params[DOWN]);
	say_ready(&impair);
	run(&impair);
	say_end(&impair);
	while (impair.first != NULL) {
		struct datagram *next = impair.first->next;
		free(impair.first);
		impair.first = next;
	}
	return 0;
}
