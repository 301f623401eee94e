// What encoders do with a request to convert, on a GPU through Vulkan.
#pragma once

#include <stdbool.h>

#include "encode/encoder.h"
#include "encode/vulkan_convert.h"

// As the `convert` of struct es_encoder_impl.
bool vulkan_take(struct es_vulkan_gpu *gpu, struct es_vulkan_converter *converter,
		const struct es_convert_request *request, int *release_fd, const char **why);

// The cursor of a request to encode; hidden if there is none.
struct es_cursor_view vulkan_take_cursor(const struct es_encode_request *request);
