// A GPU through Vulkan as what buffers are imported on; for the encoders that convert there.
#pragma once

#include "encode/device.h"
#include "encode/vulkan_gpu.h"

// `device` is one of device_vulkan's. Borrowed.
struct es_vulkan_gpu *device_vulkan_gpu(struct es_device *device);
