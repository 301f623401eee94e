// What encoders through VA-API need of their device.
#pragma once

#include "encode/device.h"
#include "encode/vaapi.h"

struct es_vaapi *device_vaapi_of(struct es_device *device);
