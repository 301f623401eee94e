// A stand-in for a GPU, for tests on machines without one: imports DMA-BUFs as one would.
#pragma once

#include "encode/device.h"
#include "encode/fake_commands.h"

struct es_fake_device {
	struct es_device base;
	struct es_fake_commands commands;
};
