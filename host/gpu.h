// The GPUs of this machine, told apart without opening any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_GPUS_MAX 8
#define ES_GPU_NODE_MAX 64
#define ES_GPU_CHOICE_MAX 64

struct es_gpu {
	char node[ES_GPU_NODE_MAX]; // "/dev/dri/renderD128"
	char driver[32]; // of the kernel: "amdgpu"; "" if unknown
	char slot[24]; // on the PCI bus: "0000:03:00.0"; "" if it is on none
	uint16_t vendor, device; // PCI ids, 0: none
	int error; // why the node cannot be opened by us, 0: it can
};

// Those with a render node, in the order of their nodes. `root` stands before /dev and /sys; "" but
// in tests.
size_t gpus_find(struct es_gpu *out, size_t cap, const char *root);

// A word for one GPU: "auto", the path of a render node, a PCI slot ("0000:03:00.0", the domain may be
// left out) or "vendor:device" in hexadecimal digits.
bool gpu_choice_valid(const char *choice);
bool gpu_matches(const struct es_gpu *gpu, const char *choice);
