// A GPU through VA-API: its display, and what is asked of its driver.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <libavutil/buffer.h>
#include <va/va.h>

struct es_vaapi {
	VADisplay display;
	int fd; // of the render node
	char node[64];
	char vendor[128]; // of the driver, in its own words
	bool intel; // whose rate control and entry points differ
	AVBufferRef *device; // of libavutil, over the same display
};

// `node`: as in es_device_impl. NULL with the reason in why[cap]: no node, no driver, or one that cannot
// convert and encode.
struct es_vaapi *vaapi_open(const char *node, char *why, size_t cap);
void vaapi_close(struct es_vaapi *vaapi); // NULL is fine

bool vaapi_has_entrypoint(struct es_vaapi *vaapi, VAProfile profile, VAEntrypoint entrypoint);
// 0: the driver does not say.
unsigned vaapi_attribute(struct es_vaapi *vaapi, VAProfile profile, VAEntrypoint entrypoint,
		VAConfigAttribType type);
