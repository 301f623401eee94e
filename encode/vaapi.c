#define _GNU_SOURCE
#include "encode/vaapi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_vaapi.h>
#include <va/va_drm.h>

#include "base/fd.h"
#include "base/log.h"

// radeonsi reads it with its first call: else the encoder sleeps between pictures.
#define RADEON_VARIABLE "AMD_DEBUG"
#define RADEON_WORD "lowlatencyenc"

static void prepare_environment(void) {
	const char *before = getenv(RADEON_VARIABLE);
	char value[512];
	if (before == NULL || before[0] == '\0') {
		setenv(RADEON_VARIABLE, RADEON_WORD, 1);
	} else if (strstr(before, RADEON_WORD) == NULL &&
			(size_t)snprintf(value, sizeof(value), "%s,%s", before, RADEON_WORD) < sizeof(value)) {
		setenv(RADEON_VARIABLE, value, 1);
	}
}

// What libva says of missing drivers is no more than the reason that we give.
static void say_quietly(void *data, const char *message) {
	es_log(ES_LOG_DEBUG, "libva: %.*s", (int)strcspn(message, "\n"), message);
}

bool vaapi_has_entrypoint(struct es_vaapi *vaapi, VAProfile profile, VAEntrypoint entrypoint) {
	int n = vaMaxNumEntrypoints(vaapi->display);
	VAEntrypoint *all = n > 0 ? calloc((size_t)n, sizeof(*all)) : NULL;
	bool found = false;
	if (all != NULL &&
			vaQueryConfigEntrypoints(vaapi->display, profile, all, &n) == VA_STATUS_SUCCESS) {
		for (int i = 0; i < n; i++) {
			found = found || all[i] == entrypoint;
		}
	}
	free(all);
	return found;
}

unsigned vaapi_attribute(struct es_vaapi *vaapi, VAProfile profile, VAEntrypoint entrypoint,
		VAConfigAttribType type) {
	VAConfigAttrib attribute = {.type = type};
	if (vaGetConfigAttributes(vaapi->display, profile, entrypoint, &attribute, 1) !=
					VA_STATUS_SUCCESS ||
			attribute.value == VA_ATTRIB_NOT_SUPPORTED) {
		return 0;
	}
	return attribute.value;
}

static bool encodes_anything(struct es_vaapi *vaapi) {
	static const VAProfile profiles[] = {VAProfileH264High, VAProfileH264Main, VAProfileHEVCMain,
			VAProfileHEVCMain10, VAProfileAV1Profile0};
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (vaapi_has_entrypoint(vaapi, profiles[i], VAEntrypointEncSlice) ||
				vaapi_has_entrypoint(vaapi, profiles[i], VAEntrypointEncSliceLP)) {
			return true;
		}
	}
	return false;
}

static bool make_device(struct es_vaapi *vaapi) {
	vaapi->device = av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_VAAPI);
	if (vaapi->device == NULL) {
		return false;
	}
	AVHWDeviceContext *context = (AVHWDeviceContext *)vaapi->device->data;
	((AVVAAPIDeviceContext *)context->hwctx)->display = vaapi->display;
	return av_hwdevice_ctx_init(vaapi->device) == 0;
}

static bool open_display(struct es_vaapi *vaapi, char *why, size_t cap) {
	int major, minor;
	vaapi->fd = open(vaapi->node, O_RDWR | O_CLOEXEC);
	if (vaapi->fd < 0) {
		snprintf(why, cap, "cannot open %s: %s", vaapi->node, strerror(errno));
		return false;
	}
	vaapi->display = vaGetDisplayDRM(vaapi->fd);
	if (vaapi->display == NULL) {
		snprintf(why, cap, "VA-API has no display on %s", vaapi->node);
		return false;
	}
	vaSetErrorCallback(vaapi->display, say_quietly, NULL);
	vaSetInfoCallback(vaapi->display, say_quietly, NULL);
	VAStatus status = vaInitialize(vaapi->display, &major, &minor);
	if (status != VA_STATUS_SUCCESS) {
		snprintf(why, cap, "no VA-API driver for %s: %s", vaapi->node, vaErrorStr(status));
		return false;
	}
	const char *vendor = vaQueryVendorString(vaapi->display);
	snprintf(vaapi->vendor, sizeof(vaapi->vendor), "%s", vendor != NULL ? vendor : "unknown");
	vaapi->intel = strstr(vaapi->vendor, "Intel") != NULL;
	return true;
}

static struct es_vaapi *open_node(const char *node, char *why, size_t cap) {
	struct es_vaapi *vaapi = calloc(1, sizeof(*vaapi));
	if (vaapi == NULL) {
		snprintf(why, cap, "out of memory");
		return NULL;
	}
	vaapi->fd = -1;
	snprintf(vaapi->node, sizeof(vaapi->node), "%s", node);
	if (!open_display(vaapi, why, cap)) {
		goto fail;
	}
	if (!vaapi_has_entrypoint(vaapi, VAProfileNone, VAEntrypointVideoProc)) {
		snprintf(why, cap, "the driver \"%s\" does not convert colours", vaapi->vendor);
		goto fail;
	}
	if (!encodes_anything(vaapi)) {
		snprintf(why, cap, "the driver \"%s\" does not encode", vaapi->vendor);
		goto fail;
	}
	if (!make_device(vaapi)) {
		snprintf(why, cap, "libavutil does not take the driver \"%s\"", vaapi->vendor);
		goto fail;
	}
	return vaapi;

fail:
	vaapi_close(vaapi);
	return NULL;
}

static int is_render_node(const struct dirent *entry) {
	return strncmp(entry->d_name, "renderD", strlen("renderD")) == 0;
}

struct es_vaapi *vaapi_open(const char *node, char *why, size_t cap) {
	prepare_environment();
	if (node[0] != '\0') {
		return open_node(node, why, cap);
	}
	struct dirent **entries = NULL;
	int n = scandir("/dev/dri", &entries, is_render_node, versionsort);
	struct es_vaapi *vaapi = NULL;
	snprintf(why, cap, "there is no render node in /dev/dri");
	for (int i = 0; i < n; i++) {
		char path[64];
		if (vaapi == NULL &&
				(size_t)snprintf(path, sizeof(path), "/dev/dri/%.40s", entries[i]->d_name) <
						sizeof(path)) {
			vaapi = open_node(path, why, cap);
		}
		free(entries[i]);
	}
	free(entries);
	return vaapi;
}

void vaapi_close(struct es_vaapi *vaapi) {
	if (vaapi == NULL) {
		return;
	}
	av_buffer_unref(&vaapi->device);
	if (vaapi->display != NULL) {
		vaTerminate(vaapi->display);
	}
	fd_close(&vaapi->fd);
	free(vaapi);
}
