// How often the pairing of one address may fail: each failure was one guess of a PIN, even if it took
// an operator who entered one. In memory only. Pure: the time is a parameter.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_PAIRING_LIMIT 10 // failures
#define ES_PAIRING_LIMIT_MINUTES 60 // from the first of them on
#define ES_PAIRING_ADDRESS_SIZE 64

struct es_pairing_limit_entry {
	char address[ES_PAIRING_ADDRESS_SIZE];
	unsigned n; // 0: free
	int64_t first_ns;
};

// All zero at first.
struct es_pairing_limit {
	struct es_pairing_limit_entry entries[32]; // when all are taken, the oldest makes room
};

// Minutes for which the address is refused from here on, 0: it is not.
uint32_t pairing_limit_fail(struct es_pairing_limit *limit, const char *address, int64_t now_ns);
// Minutes for which it still is.
uint32_t pairing_limit_left(
		const struct es_pairing_limit *limit, const char *address, int64_t now_ns);
