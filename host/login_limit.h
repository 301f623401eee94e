// How often a password may be tried: five times from an address, then after a delay that doubles each
// time; the same, more generously, for all addresses together. A try counts as failed until it has
// succeeded, so that many at once gain nothing. In memory only. Pure: the time is a parameter.
#pragma once

#include <stdint.h>

#define ES_LOGIN_LIMIT_TRIES 5 // of one address
#define ES_LOGIN_LIMIT_TOTAL_TRIES 30 // of all together
#define ES_LOGIN_LIMIT_ADDRESSES \
	64 // when there are more, the one that failed longest ago is forgotten

struct es_login_failures {
	char address[64];
	uint32_t n; // 0: free
	int64_t last_ns;
};

// All zero at first.
struct es_login_limit {
	struct es_login_failures addresses[ES_LOGIN_LIMIT_ADDRESSES];
	struct es_login_failures total;
};

// Seconds until the address may try again; 0: it may, and has with this.
uint32_t login_limit_try(struct es_login_limit *limit, const char *address, int64_t now_ns);
void login_limit_succeed(struct es_login_limit *limit, const char *address);
