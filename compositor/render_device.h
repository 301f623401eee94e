// What composes: the renderer and allocator that work here, a GPU's or memory and the CPU.
#pragma once

#include <stdbool.h>

struct es_virtual_output;
struct wlr_allocator;
struct wlr_renderer;

// Makes both and connects them to the output; falls back to the CPU. False after a logged error.
bool render_device_create(struct es_virtual_output *output, struct wlr_renderer **renderer,
		struct wlr_allocator **allocator);

// "pixman", "gles2", "vulkan" or "other".
const char *render_device_name(struct wlr_renderer *renderer);

// Sends wlroots' messages through es_log.
void render_device_init_log(void);
