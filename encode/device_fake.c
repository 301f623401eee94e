#include "encode/device_fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <drm_fourcc.h>

#include "base/log.h"
#include "encode/encoder_impls.h"
#include "encode/map_linear.h"

static const uint32_t fourccs[] = {
		DRM_FORMAT_XRGB8888,
		DRM_FORMAT_ARGB8888,
		DRM_FORMAT_XBGR8888,
		DRM_FORMAT_ABGR8888,
		DRM_FORMAT_XRGB2101010,
		DRM_FORMAT_ARGB2101010,
		DRM_FORMAT_XBGR2101010,
		DRM_FORMAT_ABGR2101010,
};
#define N_FOURCCS (sizeof(fourccs) / sizeof(fourccs[0]))

static const uint64_t modifiers[] = {DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_INVALID};

static struct es_device *fake_create(const char *node, char *why, size_t cap) {
	struct es_fake_device *fake = calloc(1, sizeof(*fake));
	if (fake == NULL) {
		return NULL;
	}
	fake->base.impl = &device_fake;
	if (!fake_commands_parse(&fake->commands, getenv(ES_FAKE_COMMANDS), why, cap)) {
		free(fake);
		return NULL;
	}
	if (fake->commands.missing) {
		snprintf(why, cap, "it is missing, as asked for");
		free(fake);
		return NULL;
	}
	fake->base.no_cursor = fake->commands.no_cursor;
	fake->base.no_scaling = fake->commands.no_scaling;
	fake->base.no_fences = fake->commands.no_fences;
	return &fake->base;
}

static void fake_destroy(struct es_device *device) {
	free(device);
}

static size_t fake_formats(struct es_device *device, struct es_frame_format *out, size_t cap) {
	size_t n = 0;
	if (((struct es_fake_device *)device)->commands.no_formats) {
		return 0;
	}
	for (size_t i = 0; i < N_FOURCCS; i++) {
		for (size_t k = 0; k < sizeof(modifiers) / sizeof(modifiers[0]) && n < cap; k++) {
			out[n++] = (struct es_frame_format){fourccs[i], modifiers[k]};
		}
	}
	return n;
}

static bool known_format(const struct es_frame_buffer *buffer) {
	bool fourcc = false, modifier = false;
	for (size_t i = 0; i < N_FOURCCS; i++) {
		fourcc = fourcc || buffer->fourcc == fourccs[i];
	}
	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		modifier = modifier || buffer->modifier == modifiers[i];
	}
	return fourcc && modifier;
}

// Each plane has an fd of its own, also where they share one object.
static bool one_object(const int *fds, uint32_t n_planes, struct stat *st) {
	if (fstat(fds[0], st) != 0) {
		return false;
	}
	for (uint32_t i = 1; i < n_planes; i++) {
		struct stat other;
		if (fstat(fds[i], &other) != 0 || other.st_dev != st->st_dev ||
				other.st_ino != st->st_ino) {
			return false;
		}
	}
	return true;
}

static bool fake_import(
		struct es_device *device, const int *fds, struct es_import *import, const char **why) {
	const struct es_frame_buffer *buffer = &import->buffer;
	const struct es_fake_commands *commands = &((struct es_fake_device *)device)->commands;
	bool dmabuf = buffer->kind == ES_BUFFER_DMABUF;
	struct stat st;
	if (commands->no_import) {
		*why = "it is refused, as asked for";
		return false;
	}
	if (dmabuf && !known_format(buffer)) {
		*why = "its format or modifier is not offered";
		return false;
	}
	if (!one_object(fds, dmabuf ? buffer->n_planes : 1, &st)) {
		*why = "its planes are not of one object";
		return false;
	}
	if (!map_linear(fds, import, why)) {
		return false;
	}
	es_log(fake_level(commands),
			"fake: import buffer=%" PRIu64 " inode=%ju kind=%s size=%ux%u stride=%u", import->id,
			(uintmax_t)st.st_ino, dmabuf ? "dmabuf" : "memory", buffer->width, buffer->height,
			buffer->stride[0]);
	return true;
}

static void fake_drop(struct es_device *device, struct es_import *import) {
	es_log(fake_level(&((struct es_fake_device *)device)->commands), "fake: drop buffer=%" PRIu64,
			import->id);
	map_linear_undo(import);
}

const struct es_device_impl device_fake = {
		.name = "device for tests",
		.blends_cursor = true,
		.scales = true,
		.takes_fences = true,
		.create = fake_create,
		.destroy = fake_destroy,
		.formats = fake_formats,
		.import = fake_import,
		.drop = fake_drop,
};
