#define _GNU_SOURCE
#include "host/web_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct list {
	const struct es_settings *settings;
	uint16_t port;
	char (*out)[ES_WEB_ADDRESS_SIZE];
	size_t n;
};

static void add(struct list *list, const char *host) {
	if (list->n < ES_WEB_MAX_ADDRESSES) {
		snprintf(list->out[list->n++], ES_WEB_ADDRESS_SIZE, "%s://%s:%u/",
				list->settings->console.plain ? "http" : "https", host, list->port);
	}
}

static void add_machine(struct list *list) {
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) != 0) {
		return;
	}
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
		char text[INET_ADDRSTRLEN];
		if (one->ifa_addr != NULL && one->ifa_addr->sa_family == AF_INET &&
				(one->ifa_flags & IFF_LOOPBACK) == 0 && (one->ifa_flags & IFF_UP) != 0 &&
				inet_ntop(AF_INET,
						&((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr, text,
						sizeof(text)) != NULL) {
			add(list, text);
		}
	}
	freeifaddrs(all);
}

size_t web_address_list(const struct es_settings *settings, uint16_t port,
		char out[ES_WEB_MAX_ADDRESSES][ES_WEB_ADDRESS_SIZE]) {
	struct list list = {.settings = settings, .port = port, .out = out};
	const char *address =
			settings->console.address != NULL ? settings->console.address : settings->address;
	if (port == 0) {
		return 0;
	}
	for (char *const *name = settings->console.names; *name != NULL; name++) {
		add(&list, *name);
	}
	if (strcmp(address, "0.0.0.0") == 0) {
		add_machine(&list);
		add(&list, "localhost");
	} else {
		add(&list, strncmp(address, "127.", 4) == 0 ? "localhost" : address);
	}
	return list.n;
}
