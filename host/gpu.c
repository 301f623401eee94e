#define _GNU_SOURCE
#include "host/gpu.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE_FOLDER "/dev/dri"
#define NODE_PREFIX "renderD"

static unsigned read_hex(const char *folder, const char *file) {
	char path[PATH_MAX], text[32] = "";
	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path)) {
		return 0;
	}
	FILE *in = fopen(path, "re");
	if (in == NULL) {
		return 0;
	}
	bool ok = fgets(text, sizeof(text), in) != NULL;
	fclose(in);
	unsigned long value = ok ? strtoul(text, NULL, 16) : 0;
	return value <= UINT16_MAX ? (unsigned)value : 0;
}

// The last part of where a link leads to.
static void read_link_name(const char *folder, const char *file, char *out, size_t cap) {
	char path[PATH_MAX], target[PATH_MAX];
	out[0] = '\0';
	if (snprintf(path, sizeof(path), "%s%s%s", folder, file[0] != '\0' ? "/" : "", file) >=
			(int)sizeof(path)) {
		return;
	}
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0) {
		return;
	}
	target[n] = '\0';
	const char *slash = strrchr(target, '/'), *name = slash != NULL ? slash + 1 : target;
	if (strlen(name) < cap) {
		memcpy(out, name, strlen(name) + 1);
	}
}

static bool is_slot(const char *text) {
	unsigned domain, bus, device, function;
	int end = 0;
	return sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4 &&
			text[end] == '\0';
}

static void read_gpu(struct es_gpu *gpu, const char *root, const char *name) {
	char folder[PATH_MAX], path[PATH_MAX];
	*gpu = (struct es_gpu){0};
	snprintf(gpu->node, sizeof(gpu->node), "%s/%.*s", NODE_FOLDER,
			(int)(sizeof(gpu->node) - sizeof(NODE_FOLDER "/")), name);
	snprintf(folder, sizeof(folder), "%s/sys/class/drm/%s/device", root, name);
	snprintf(path, sizeof(path), "%s%s", root, gpu->node);
	gpu->vendor = (uint16_t)read_hex(folder, "vendor");
	gpu->device = (uint16_t)read_hex(folder, "device");
	read_link_name(folder, "driver", gpu->driver, sizeof(gpu->driver));
	read_link_name(folder, "", gpu->slot, sizeof(gpu->slot));
	if (!is_slot(gpu->slot)) {
		gpu->slot[0] = '\0';
	}
	gpu->error = access(path, R_OK | W_OK) == 0 ? 0 : errno;
}

static int is_node(const struct dirent *entry) {
	return strncmp(entry->d_name, NODE_PREFIX, strlen(NODE_PREFIX)) == 0 &&
			strlen(entry->d_name) + strlen(NODE_FOLDER "/") < ES_GPU_NODE_MAX;
}

size_t gpus_find(struct es_gpu *out, size_t cap, const char *root) {
	char folder[PATH_MAX];
	struct dirent **entries = NULL;
	snprintf(folder, sizeof(folder), "%s%s", root, NODE_FOLDER);
	int found = scandir(folder, &entries, is_node, versionsort);
	size_t n = 0;
	for (int i = 0; i < found; i++) {
		if (n < cap) {
			read_gpu(&out[n++], root, entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	return n;
}

static bool parse_ids(const char *text, unsigned *vendor, unsigned *device) {
	int end = 0;
	return strlen(text) == 9 && text[4] == ':' && isxdigit((unsigned char)text[0]) &&
			isxdigit((unsigned char)text[5]) &&
			sscanf(text, "%4x:%4x%n", vendor, device, &end) == 2 && text[end] == '\0';
}

// With its domain.
static bool parse_slot(const char *text, char *slot, size_t cap) {
	if (is_slot(text)) {
		return (size_t)snprintf(slot, cap, "%s", text) < cap;
	}
	int n = snprintf(slot, cap, "0000:%s", text);
	return n > 0 && (size_t)n < cap && is_slot(slot);
}

bool gpu_choice_valid(const char *choice) {
	unsigned vendor, device;
	char slot[32];
	return strlen(choice) < ES_GPU_CHOICE_MAX &&
			(strcmp(choice, "auto") == 0 ||
					(choice[0] == '/' && strlen(choice) < ES_GPU_NODE_MAX) ||
					parse_slot(choice, slot, sizeof(slot)) || parse_ids(choice, &vendor, &device));
}

bool gpu_matches(const struct es_gpu *gpu, const char *choice) {
	unsigned vendor, device;
	char slot[32];
	if (strcmp(choice, "auto") == 0) {
		return true;
	}
	if (choice[0] == '/') {
		char *real = realpath(choice, NULL); // as /dev/dri/by-path has them
		bool same = strcmp(gpu->node, real != NULL ? real : choice) == 0;
		free(real);
		return same;
	}
	if (parse_ids(choice, &vendor, &device)) {
		return gpu->vendor == vendor && gpu->device == device;
	}
	return parse_slot(choice, slot, sizeof(slot)) && strcasecmp(slot, gpu->slot) == 0;
}
