// The one clock: CLOCK_MONOTONIC in nanoseconds, as all time stamps on the links.
#pragma once

#include <stdint.h>

#define ES_NS_PER_S INT64_C(1000000000)
#define ES_NS_PER_MS INT64_C(1000000)
#define ES_NS_PER_US INT64_C(1000)

int64_t clock_now_ns(void);

// Length of one refresh interval in ns; refresh in mHz, > 0.
int64_t clock_period_ns(int32_t refresh_mhz);
