#define _GNU_SOURCE
#include "host/driver_key.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "host/spawn.h"

// FNV-1a
#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static void add(uint64_t *hash, const void *data, size_t size) {
	const unsigned char *bytes = data;
	for (size_t i = 0; i < size; i++) {
		*hash = (*hash ^ bytes[i]) * HASH_PRIME;
	}
}

static void add_text(uint64_t *hash, const char *text) {
	add(hash, text, strlen(text) + 1);
}

// A replaced file has another inode or time; so has a folder in which one was replaced.
static void add_file(uint64_t *hash, const char *path) {
	struct stat st;
	add_text(hash, path);
	if (stat(path, &st) != 0) {
		return;
	}
	const int64_t facts[] = {(int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size,
			(int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec};
	add(hash, facts, sizeof(facts));
}

static void add_content(uint64_t *hash, const char *path) {
	char text[256];
	FILE *file = fopen(path, "re");
	add_text(hash, path);
	if (file != NULL) {
		size_t n = fread(text, 1, sizeof(text), file);
		add(hash, text, n);
		fclose(file);
	}
}

// A path that does not fit is no file.
__attribute__((format(printf, 2, 3))) static void add_file_at(
		uint64_t *hash, const char *format, ...) {
	char path[PATH_MAX];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof(path)) {
		add_file(hash, path);
	}
}

static void add_libraries(uint64_t *hash, const char *folder) {
	static const char *const names[] = {"dri", "libva.so.2", "libva-drm.so.2", "libvulkan.so.1",
			"libvulkan_radeon.so", "libvulkan_intel.so", "libcuda.so.1", "libnvidia-encode.so.1",
			"libdrm_amdgpu.so.1", "libigdgmm.so.12"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		add_file_at(hash, "%s/%s", folder, names[i]);
	}
}

static int is_triplet(const struct dirent *entry) {
	return strstr(entry->d_name, "-linux-gnu") != NULL ||
			strstr(entry->d_name, "-linux-musl") != NULL;
}

static void add_all_libraries(uint64_t *hash, const char *root) {
	static const char *const folders[] = {
			"/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		add_libraries(hash, path);
	}
	struct dirent **entries = NULL;
	snprintf(path, sizeof(path), "%s/usr/lib", root);
	int n = scandir(path, &entries, is_triplet, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/usr/lib/%s", root, entries[i]->d_name);
		add_libraries(hash, path);
		free(entries[i]);
	}
	free(entries);
}

static void add_gpu(uint64_t *hash, const struct es_gpu *gpu, const char *root) {
	static const char *const modules[] = {
			"amdgpu", "i915", "xe", "nouveau", "nvidia", "nvidia_drm", "vgem"};
	static const char *const places[] = {
			"/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/lib/firmware", "/lib/firmware"};
	static const char *const variables[] = {"LIBVA_DRIVER_NAME", "LIBVA_DRIVERS_PATH", "AMD_DEBUG",
			"RADV_PERFTEST", "ANV_DEBUG", "VK_DRIVER_FILES", "VK_ICD_FILENAMES", "LD_LIBRARY_PATH"};
	char path[PATH_MAX];
	add_text(hash, gpu->node);
	add_text(hash, gpu->driver);
	add_text(hash, gpu->slot);
	add(hash, &gpu->vendor, sizeof(gpu->vendor));
	add(hash, &gpu->device, sizeof(gpu->device));
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		snprintf(path, sizeof(path), "%s/sys/module/%s/version", root, modules[i]);
		add_content(hash, path);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		add_file_at(hash, "%s%s", root, places[i]);
	}
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);
		add_text(hash, value != NULL ? value : "");
	}
	add_all_libraries(hash, root);
}

void driver_key_make(char out[ES_DRIVER_KEY_SIZE], const struct es_gpu *gpu, const char *root) {
	uint64_t hash = HASH_START;
	char path[PATH_MAX];
	struct utsname kernel;
	add_text(&hash, ES_VERSION);
	if (spawn_find_room("earthshine-encode", path, sizeof(path))) {
		add_file(&hash, path);
	}
	if (uname(&kernel) == 0) {
		add_text(&hash, kernel.release);
	}
	if (gpu != NULL) {
		add_gpu(&hash, gpu, root);
	}
	snprintf(out, ES_DRIVER_KEY_SIZE, "%016" PRIx64, hash);
}

void driver_key_boot(char out[ES_BOOT_ID_SIZE]) {
	out[0] = '\0';
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (file != NULL) {
		if (fgets(out, ES_BOOT_ID_SIZE, file) == NULL) {
			out[0] = '\0';
		}
		out[strcspn(out, "\n")] = '\0';
		fclose(file);
	}
}
