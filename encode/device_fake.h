// A stand-in for a GPU, for tests on machines without one: imports DMA-BUFs as one would.
#pragma once

#include "base/log.h"
#include "encode/device.h"
#include "encode/fake_commands.h"

// The level of what tests ask for.
static inline enum es_log_level fake_level(const struct es_fake_commands *commands) {
	return commands->report ? ES_LOG_INFO : ES_LOG_DEBUG;
}

struct es_fake_device {
	struct es_device base;
	struct es_fake_commands commands;
};
