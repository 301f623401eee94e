#define _GNU_SOURCE // sched_getaffinity
#include "host/codec_speeds.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/log.h"
#include "host/cache_file.h"

#define MARGIN 1.25
#define MAX_FPS 1e6

// A codec is worth naming if it does at least this.
static const struct es_mode least_mode = {640, 360, 30000};

bool codec_speeds_set(struct es_codec_speeds *speeds, const char *encoder, uint32_t width,
		uint32_t height, double fps) {
	struct es_codec_speed item = {.width = width, .height = height, .fps = fps};
	int n = snprintf(item.encoder, sizeof(item.encoder), "%s", encoder);
	struct es_mode mode = {width, height, ES_MODE_MIN_REFRESH_MHZ};
	if (n <= 0 || (size_t)n >= sizeof(item.encoder) || !mode_valid(&mode) || !isfinite(fps) ||
			fps < 0 || fps > MAX_FPS) {
		return false;
	}
	size_t i = 0;
	while (i < speeds->n &&
			(strcmp(speeds->items[i].encoder, encoder) != 0 || speeds->items[i].width != width ||
					speeds->items[i].height != height)) {
		i++;
	}
	if (i == ES_CODEC_SPEEDS_MAX) {
		return false;
	}
	speeds->items[i] = item;
	speeds->n = i == speeds->n ? i + 1 : speeds->n;
	return true;
}

bool codec_speeds_parse_line(struct es_codec_speed *speed, const char *line) {
	char encoder[sizeof(speed->encoder)], size[32], fps_text[32];
	int end = 0;
	struct es_mode mode = {.refresh_mhz = ES_MODE_MIN_REFRESH_MHZ};
	if (sscanf(line, "%31s %31s %31s %n", encoder, size, fps_text, &end) != 3 ||
			line[end] != '\0' || strchr(size, '@') != NULL || !mode_parse(size, &mode)) {
		return false;
	}
	char *rest;
	double fps = strtod(fps_text, &rest);
	struct es_codec_speeds one = {0};
	if (*rest != '\0' || !codec_speeds_set(&one, encoder, mode.width, mode.height, fps)) {
		return false;
	}
	*speed = one.items[0];
	return true;
}

static double pixels(const struct es_codec_speed *speed) {
	return (double)speed->width * speed->height;
}

// The smallest measured picture that is not smaller than this one, else the largest.
static const struct es_codec_speed *find_nearest(
		const struct es_codec_speeds *speeds, const char *encoder, double wanted) {
	const struct es_codec_speed *best = NULL;
	for (size_t i = 0; i < speeds->n; i++) {
		const struct es_codec_speed *item = &speeds->items[i];
		if (strcmp(item->encoder, encoder) != 0) {
			continue;
		}
		bool enough = pixels(item) >= wanted;
		if (best == NULL || (enough && (pixels(best) < wanted || pixels(item) < pixels(best))) ||
				(!enough && pixels(best) < pixels(item))) {
			best = item;
		}
	}
	return best;
}

bool codec_speeds_sustain(
		const struct es_codec_speeds *speeds, const char *encoder, const struct es_mode *mode) {
	double wanted = (double)mode->width * mode->height;
	const struct es_codec_speed *item = find_nearest(speeds, encoder, wanted);
	return item != NULL && item->fps * pixels(item) / wanted >= MARGIN * mode->refresh_mhz / 1000.0;
}

bool codec_speeds_offer(
		const struct es_codec_speeds *speeds, const char *encoder, const struct es_mode *mode) {
	return codec_speeds_sustain(speeds, encoder, &least_mode) &&
			(mode == NULL || codec_speeds_sustain(speeds, encoder, mode));
}

// --- the file

static bool read_item(struct es_codec_speeds *speeds, yyjson_val *item) {
	const char *encoder = yyjson_get_str(yyjson_obj_get(item, "encoder"));
	uint64_t width = yyjson_get_uint(yyjson_obj_get(item, "width"));
	uint64_t height = yyjson_get_uint(yyjson_obj_get(item, "height"));
	yyjson_val *fps = yyjson_obj_get(item, "fps");
	return encoder != NULL && yyjson_is_num(fps) && width <= ES_MODE_MAX_SIZE &&
			height <= ES_MODE_MAX_SIZE &&
			codec_speeds_set(
					speeds, encoder, (uint32_t)width, (uint32_t)height, yyjson_get_num(fps));
}

static bool read_document(struct es_codec_speeds *speeds, yyjson_val *root, const char *key) {
	const char *found = yyjson_get_str(yyjson_obj_get(root, "key"));
	yyjson_val *items = yyjson_obj_get(root, "speeds"), *item;
	if (found == NULL || strcmp(found, key) != 0 || !yyjson_is_arr(items)) {
		return false;
	}
	size_t i, n;
	yyjson_arr_foreach(items, i, n, item) {
		if (!read_item(speeds, item)) {
			return false;
		}
	}
	return true;
}

bool codec_speeds_load(struct es_codec_speeds *speeds, const char *path, const char *key) {
	struct es_codec_speeds read = {0};
	size_t size = 0;
	char *text = cache_file_read(path, &size);
	yyjson_doc *document = text != NULL ? yyjson_read(text, size, 0) : NULL;
	bool ok = document != NULL && read_document(&read, yyjson_doc_get_root(document), key);
	yyjson_doc_free(document);
	free(text);
	if (ok) {
		*speeds = read;
	}
	return ok;
}

static char *format(const struct es_codec_speeds *speeds, const char *key, size_t *size) {
	yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
	if (document == NULL) {
		return NULL;
	}
	yyjson_mut_val *root = yyjson_mut_obj(document), *items = yyjson_mut_arr(document);
	yyjson_mut_doc_set_root(document, root);
	bool ok = yyjson_mut_obj_add_str(document, root, "key", key) &&
			yyjson_mut_obj_add_val(document, root, "speeds", items);
	for (size_t i = 0; ok && i < speeds->n; i++) {
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(document, items);
		ok = yyjson_mut_obj_add_str(document, item, "encoder", speeds->items[i].encoder) &&
				yyjson_mut_obj_add_uint(document, item, "width", speeds->items[i].width) &&
				yyjson_mut_obj_add_uint(document, item, "height", speeds->items[i].height) &&
				yyjson_mut_obj_add_real(document, item, "fps", speeds->items[i].fps);
	}
	char *text = ok ? yyjson_mut_write(document, YYJSON_WRITE_PRETTY_TWO_SPACES, size) : NULL;
	yyjson_mut_doc_free(document);
	return text;
}

bool codec_speeds_save(const struct es_codec_speeds *speeds, const char *path, const char *key) {
	size_t size = 0;
	char *text = format(speeds, key, &size);
	bool ok = text != NULL && cache_file_write(path, text, size);
	if (!ok) {
		es_log(ES_LOG_WARN,
				"cannot keep the encoders' speeds in '%s': %s; they are measured again at the next "
				"start",
				path, text != NULL ? strerror(errno) : "out of memory");
	}
	free(text);
	return ok;
}

static void read_cpu_model(char *out, size_t cap) {
	snprintf(out, cap, "unknown");
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[512];
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *value = strchr(line, ':');
		if (value != NULL && strncmp(line, "model name", strlen("model name")) == 0) {
			value += strspn(value, ": \t");
			snprintf(out, cap, "%.*s", (int)strcspn(value, "\n"), value);
			break;
		}
	}
	if (file != NULL) {
		fclose(file);
	}
}

void codec_speeds_make_key(char *out, size_t cap) {
	char model[256];
	cpu_set_t set;
	read_cpu_model(model, sizeof(model));
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
	snprintf(out, cap, "%s, %s, %d CPUs", ES_VERSION, model, n);
}
