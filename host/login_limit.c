#include "host/login_limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define FORGET_NS (3600 * ES_NS_PER_S)
#define FIRST_S 5
#define LONGEST_S (15 * 60)
#define TOTAL_FIRST_S 1
#define TOTAL_LONGEST_S 60

static uint32_t delay_s(uint32_t n, uint32_t free_tries, uint32_t first, uint32_t longest) {
	if (n < free_tries) {
		return 0;
	}
	uint32_t doubled = n - free_tries < 16 ? first << (n - free_tries) : longest;
	return doubled < longest ? doubled : longest;
}

static uint32_t seconds_left(
		const struct es_login_failures *failures, uint32_t wait_s, int64_t now_ns) {
	int64_t left = failures->last_ns + wait_s * ES_NS_PER_S - now_ns;
	return failures->n > 0 && left > 0 ? (uint32_t)((left + ES_NS_PER_S - 1) / ES_NS_PER_S) : 0;
}

static void forget_old(struct es_login_failures *failures, int64_t now_ns) {
	if (now_ns - failures->last_ns >= FORGET_NS) {
		failures->n = 0;
	}
}

// That of the address, else a free one, else the one that failed longest ago.
static struct es_login_failures *find(struct es_login_limit *limit, const char *address) {
	struct es_login_failures *place = &limit->addresses[0];
	for (size_t i = 0; i < ES_LOGIN_LIMIT_ADDRESSES; i++) {
		struct es_login_failures *entry = &limit->addresses[i];
		if (entry->n > 0 && strcmp(entry->address, address) == 0) {
			return entry;
		}
		if (place->n > 0 && (entry->n == 0 || entry->last_ns < place->last_ns)) {
			place = entry;
		}
	}
	place->n = 0;
	snprintf(place->address, sizeof(place->address), "%s", address);
	return place;
}

static void count(struct es_login_failures *failures, int64_t now_ns) {
	failures->n += failures->n < UINT32_MAX;
	failures->last_ns = now_ns;
}

uint32_t login_limit_try(struct es_login_limit *limit, const char *address, int64_t now_ns) {
	for (size_t i = 0; i < ES_LOGIN_LIMIT_ADDRESSES; i++) {
		forget_old(&limit->addresses[i], now_ns);
	}
	forget_old(&limit->total, now_ns);
	struct es_login_failures *own = find(limit, address);
	uint32_t wait =
			seconds_left(own, delay_s(own->n, ES_LOGIN_LIMIT_TRIES, FIRST_S, LONGEST_S), now_ns);
	uint32_t total = seconds_left(&limit->total,
			delay_s(limit->total.n, ES_LOGIN_LIMIT_TOTAL_TRIES, TOTAL_FIRST_S, TOTAL_LONGEST_S),
			now_ns);
	wait = wait > total ? wait : total;
	if (wait == 0) {
		count(own, now_ns);
		count(&limit->total, now_ns);
	}
	return wait;
}

void login_limit_succeed(struct es_login_limit *limit, const char *address) {
	limit->total.n -= limit->total.n > 0;
	for (size_t i = 0; i < ES_LOGIN_LIMIT_ADDRESSES; i++) {
		if (strcmp(limit->addresses[i].address, address) == 0) {
			limit->addresses[i].n = 0;
		}
	}
}
