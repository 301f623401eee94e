#include "host/restart_limit.h"

#include <string.h>

bool restart_limit_allows(struct es_restart_limit *limit, int64_t now_ns) {
	int64_t oldest = limit->times_ns[0];
	if (oldest != 0 && now_ns - oldest <= ES_RESTART_WINDOW_NS) {
		return false;
	}
	memmove(&limit->times_ns[0], &limit->times_ns[1],
			sizeof(limit->times_ns) - sizeof(limit->times_ns[0]));
	limit->times_ns[ES_RESTART_MAX - 1] = now_ns;
	return true;
}
