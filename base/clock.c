#include "base/clock.h"

#include <assert.h>
#include <time.h>

int64_t clock_now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * ES_NS_PER_S + now.tv_nsec;
}

int64_t clock_period_ns(int32_t refresh_mhz) {
	assert(refresh_mhz > 0);
	return (1000 * ES_NS_PER_S + refresh_mhz / 2) / refresh_mhz;
}
