#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "linux-dmabuf-v1-client-protocol.h"
#include "tests/clients/paint.h"
#include "tests/clients/paint_dmabuf.h"

// As the protocol has them in its file.
struct es_paint_feedback_entry {
	uint32_t format, padding;
	uint64_t modifier;
};

// Appends to a text on the heap, which is lost when there is no memory.
static void append(char **text, const char *more) {
	size_t had = *text == NULL ? 0 : strlen(*text), size = had + strlen(more) + 1;
	char *grown = realloc(*text, size);
	if (grown != NULL) {
		memcpy(grown + had, more, size - had);
		*text = grown;
	}
}

static unsigned long long read_device(const struct wl_array *array) {
	dev_t device = 0;
	memcpy(&device, array->data, array->size < sizeof(device) ? array->size : sizeof(device));
	return device;
}

static void handle_table(
		void *data, struct zwp_linux_dmabuf_feedback_v1 *object, int32_t fd, uint32_t size) {
	struct es_paint_feedback *feedback = data;
	if (feedback->table != NULL) {
		munmap(feedback->table, feedback->table_size);
	}
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	feedback->table = map == MAP_FAILED ? NULL : map;
	feedback->table_size = feedback->table == NULL ? 0 : size;
	close(fd);
}

static void handle_main_device(
		void *data, struct zwp_linux_dmabuf_feedback_v1 *object, struct wl_array *device) {
	struct es_paint_feedback *feedback = data;
	feedback->main_device = read_device(device);
}

static void handle_target_device(
		void *data, struct zwp_linux_dmabuf_feedback_v1 *object, struct wl_array *device) {
	struct es_paint_feedback *feedback = data;
	feedback->target_device = read_device(device);
}

static void handle_formats(
		void *data, struct zwp_linux_dmabuf_feedback_v1 *object, struct wl_array *indices) {
	struct es_paint_feedback *feedback = data;
	const uint16_t *index = indices->data;
	for (size_t i = 0; i < indices->size / sizeof(*index); i++) {
		if (((size_t)index[i] + 1) * sizeof(*feedback->table) > feedback->table_size) {
			fprintf(stderr, "paint: feedback names entry %u of a smaller table\n", index[i]);
			continue;
		}
		const struct es_paint_feedback_entry *entry = &feedback->table[index[i]];
		char text[64];
		snprintf(text, sizeof(text), "%s[\"%.4s\",%llu]", feedback->formats == NULL ? "" : ",",
				(const char *)&entry->format, (unsigned long long)entry->modifier);
		append(&feedback->formats, text);
	}
}

static void handle_flags(void *data, struct zwp_linux_dmabuf_feedback_v1 *object, uint32_t flags) {
	struct es_paint_feedback *feedback = data;
	feedback->flags = flags;
}

static void handle_tranche_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *object) {
	struct es_paint_feedback *feedback = data;
	char text[128];
	bool scanout = feedback->flags & ZWP_LINUX_DMABUF_FEEDBACK_V1_TRANCHE_FLAGS_SCANOUT;
	snprintf(text, sizeof(text), "%s{\"device\":%llu,\"scanout\":%s,\"formats\":[",
			feedback->tranches == NULL ? "" : ",", feedback->target_device,
			scanout ? "true" : "false");
	append(&feedback->tranches, text);
	append(&feedback->tranches, feedback->formats == NULL ? "" : feedback->formats);
	append(&feedback->tranches, "]}");
	free(feedback->formats);
	feedback->formats = NULL;
	feedback->flags = 0;
}

static void handle_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *object) {
	struct es_paint_feedback *feedback = data;
	if (feedback->paint->log != NULL) {
		fprintf(feedback->paint->log,
				"{\"feedback\":\"%s\",\"main_device\":%llu,\"tranches\":[%s]}\n", feedback->name,
				feedback->main_device, feedback->tranches == NULL ? "" : feedback->tranches);
	}
	free(feedback->tranches);
	feedback->tranches = NULL;
}

static const struct zwp_linux_dmabuf_feedback_v1_listener feedback_listener = {
		.done = handle_done,
		.format_table = handle_table,
		.main_device = handle_main_device,
		.tranche_done = handle_tranche_done,
		.tranche_target_device = handle_target_device,
		.tranche_formats = handle_formats,
		.tranche_flags = handle_flags,
};

void paint_feedback_init(struct es_paint_feedback *feedback, struct es_paint *paint,
		const char *name, struct zwp_linux_dmabuf_feedback_v1 *object) {
	*feedback = (struct es_paint_feedback){.paint = paint, .name = name, .feedback = object};
	zwp_linux_dmabuf_feedback_v1_add_listener(object, &feedback_listener, feedback);
}

void paint_feedback_finish(struct es_paint_feedback *feedback) {
	if (feedback->feedback != NULL) {
		zwp_linux_dmabuf_feedback_v1_destroy(feedback->feedback);
	}
	if (feedback->table != NULL) {
		munmap(feedback->table, feedback->table_size);
	}
	free(feedback->tranches);
	free(feedback->formats);
	*feedback = (struct es_paint_feedback){0};
}
