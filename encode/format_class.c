#include "encode/format_class.h"

#include <stdio.h>
#include <string.h>

#include <drm_fourcc.h>

static const char *layout_name(uint64_t modifier) {
	if (modifier == DRM_FORMAT_MOD_INVALID) {
		return "invalid";
	}
	return modifier == DRM_FORMAT_MOD_LINEAR ? "linear" : "tiled";
}

void format_class_name(const struct es_frame_format *format, char out[ES_FORMAT_CLASS_MAX]) {
	uint32_t fourcc = format->fourcc;
	snprintf(out, ES_FORMAT_CLASS_MAX, "%c%c%c%c:%s", (char)(fourcc & 0x7f),
			(char)(fourcc >> 8 & 0x7f), (char)(fourcc >> 16 & 0x7f), (char)(fourcc >> 24 & 0x7f),
			layout_name(format->modifier));
}

bool format_class_in(const struct es_frame_format *format, const char *words) {
	char name[ES_FORMAT_CLASS_MAX];
	format_class_name(format, name);
	size_t length = strlen(name);
	while (*(words += strspn(words, " ")) != '\0') {
		size_t word = strcspn(words, " ");
		if (word == length && memcmp(words, name, length) == 0) {
			return true;
		}
		words += word;
	}
	return false;
}
