#include "host/pairing_limit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define ES_NS_PER_MINUTE (60 * ES_NS_PER_S)
#define LIMIT_NS (ES_PAIRING_LIMIT_MINUTES * ES_NS_PER_MINUTE)
#define N_ENTRIES \
	(sizeof(((struct es_pairing_limit *)0)->entries) / sizeof(struct es_pairing_limit_entry))

static bool counts(const struct es_pairing_limit_entry *entry, int64_t now_ns) {
	return entry->n > 0 && now_ns - entry->first_ns < LIMIT_NS;
}

static uint32_t minutes_left(const struct es_pairing_limit_entry *entry, int64_t now_ns) {
	if (!counts(entry, now_ns) || entry->n < ES_PAIRING_LIMIT) {
		return 0;
	}
	int64_t left_ns = entry->first_ns + LIMIT_NS - now_ns;
	return (uint32_t)((left_ns + ES_NS_PER_MINUTE - 1) / ES_NS_PER_MINUTE);
}

uint32_t pairing_limit_left(
		const struct es_pairing_limit *limit, const char *address, int64_t now_ns) {
	for (size_t i = 0; i < N_ENTRIES; i++) {
		if (strcmp(limit->entries[i].address, address) == 0) {
			return minutes_left(&limit->entries[i], now_ns);
		}
	}
	return 0;
}

// That of the address, else a free or outdated one, else the oldest.
static struct es_pairing_limit_entry *find_place(
		struct es_pairing_limit *limit, const char *address, int64_t now_ns) {
	struct es_pairing_limit_entry *place = &limit->entries[0];
	for (size_t i = 0; i < N_ENTRIES; i++) {
		struct es_pairing_limit_entry *entry = &limit->entries[i];
		if (strcmp(entry->address, address) == 0) {
			return entry;
		}
		if (counts(place, now_ns) &&
				(!counts(entry, now_ns) || entry->first_ns < place->first_ns)) {
			place = entry;
		}
	}
	return place;
}

uint32_t pairing_limit_fail(struct es_pairing_limit *limit, const char *address, int64_t now_ns) {
	struct es_pairing_limit_entry *entry = find_place(limit, address, now_ns);
	if (!counts(entry, now_ns) || strcmp(entry->address, address) != 0) {
		*entry = (struct es_pairing_limit_entry){.first_ns = now_ns};
		snprintf(entry->address, sizeof(entry->address), "%s", address);
	}
	entry->n += entry->n < ES_PAIRING_LIMIT;
	return minutes_left(entry, now_ns);
}
