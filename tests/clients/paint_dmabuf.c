#include "tests/clients/paint_dmabuf.h"

#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>

#include "linux-dmabuf-v1-client-protocol.h"
#include "tests/clients/paint.h"

#define N_VARIED_FORMATS 3 // opaque ones, with two modifiers and four layouts
#define N_VARIANTS (N_VARIED_FORMATS * 2 * 4)

static const struct {
	const char *name;
	uint32_t format;
} formats[] = {
		{"XR24", DRM_FORMAT_XRGB8888},
		{"XB24", DRM_FORMAT_XBGR8888},
		{"XR30", DRM_FORMAT_XRGB2101010},
		{"AR24", DRM_FORMAT_ARGB8888},
};

bool paint_dmabuf_parse_format(const char *text, uint32_t *format) {
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(text, formats[i].name) == 0) {
			*format = formats[i].format;
			return true;
		}
	}
	return false;
}

bool paint_dmabuf_parse_modifier(const char *text, uint64_t *modifier) {
	char *end = NULL;
	if (strcmp(text, "linear") == 0) {
		*modifier = DRM_FORMAT_MOD_LINEAR;
	} else if (strcmp(text, "invalid") == 0) {
		*modifier = DRM_FORMAT_MOD_INVALID;
	} else {
		*modifier = strtoull(text, &end, 0);
	}
	return end == NULL || (end != text && *end == '\0');
}

bool paint_dmabuf_create(struct es_paint *paint) {
	if (paint->linux_dmabuf == NULL) {
		fprintf(stderr, "paint: the compositor does not take DMA-BUFs\n");
		return false;
	}
	if (zwp_linux_dmabuf_v1_get_version(paint->linux_dmabuf) >= 4) {
		paint_feedback_init(&paint->feedback[0], paint, "default",
				zwp_linux_dmabuf_v1_get_default_feedback(paint->linux_dmabuf));
		paint_feedback_init(&paint->feedback[1], paint, "surface",
				zwp_linux_dmabuf_v1_get_surface_feedback(paint->linux_dmabuf, paint->surface));
	}
	return true;
}

void paint_dmabuf_destroy(struct es_paint *paint) {
	paint_feedback_finish(&paint->feedback[0]);
	paint_feedback_finish(&paint->feedback[1]);
	if (paint->linux_dmabuf != NULL) {
		zwp_linux_dmabuf_v1_destroy(paint->linux_dmabuf);
	}
}

static struct wl_buffer *announce(
		struct es_paint *paint, const struct es_paint_dmabuf_buffer *dmabuf) {
	const struct es_paint_dmabuf_options *options = &paint->options.dmabuf;
	struct zwp_linux_buffer_params_v1 *params =
			zwp_linux_dmabuf_v1_create_params(paint->linux_dmabuf);
	zwp_linux_buffer_params_v1_add(params, dmabuf->memory.fd, 0, options->offset, dmabuf->stride,
			(uint32_t)(options->modifier >> 32), (uint32_t)options->modifier);
	struct wl_buffer *buffer = zwp_linux_buffer_params_v1_create_immed(
			params, paint->width, paint->height, options->format, 0);
	zwp_linux_buffer_params_v1_destroy(params);
	return buffer;
}

static void log_buffer(struct es_paint *paint, const struct es_paint_dmabuf_buffer *dmabuf) {
	const struct es_paint_dmabuf_options *options = &paint->options.dmabuf;
	if (paint->log != NULL) {
		fprintf(paint->log,
				"{\"buffer\":%llu,\"size\":[%d,%d],\"format\":\"%.4s\",\"modifier\":%llu,"
				"\"stride\":%u,\"offset\":%u}\n",
				(unsigned long long)dmabuf->memory.inode, paint->width, paint->height,
				(const char *)&options->format, (unsigned long long)options->modifier,
				dmabuf->stride, options->offset);
	}
}

// The next of all ways to lay a buffer out.
static void vary(struct es_paint_dmabuf_options *options) {
	static const uint32_t layouts[][2] = {{0, 0}, {256, 0}, {0, 4096}, {64, 8256}};
	uint32_t n = options->n_varied++;
	// A round begins one variant later than the one before: whoever sees but every second buffer
	// sees all variants nevertheless.
	uint32_t variant = (n + n / N_VARIANTS) % N_VARIANTS;
	options->format = formats[variant % N_VARIED_FORMATS].format;
	variant /= N_VARIED_FORMATS;
	options->modifier = variant % 2 == 0 ? DRM_FORMAT_MOD_LINEAR : DRM_FORMAT_MOD_INVALID;
	options->padding = layouts[variant / 2][0];
	options->offset = layouts[variant / 2][1];
}

bool paint_dmabuf_init_buffer(struct es_paint *paint, struct es_paint_buffer *buffer) {
	struct es_paint_dmabuf_options *options = &paint->options.dmabuf;
	struct es_paint_dmabuf_buffer *dmabuf = calloc(1, sizeof(*dmabuf));
	if (dmabuf == NULL) {
		return false;
	}
	if (options->varied) {
		vary(options);
	}
	dmabuf->memory.fd = -1;
	buffer->dmabuf = dmabuf;
	buffer->size = (size_t)paint->width * (size_t)paint->height * 4;
	buffer->px = calloc(1, buffer->size);
	dmabuf->stride = (uint32_t)paint->width * 4 + options->padding;
	size_t size = options->offset + (size_t)dmabuf->stride * (size_t)paint->height;
	if (buffer->px == NULL ||
			!dma_memory_init(&dmabuf->memory, options->kind, dmabuf->stride, size)) {
		paint_dmabuf_finish_buffer(buffer);
		return false;
	}
	buffer->inode = dmabuf->memory.inode;
	buffer->fd = dmabuf->memory.fd;
	buffer->wl_buffer = announce(paint, dmabuf);
	log_buffer(paint, dmabuf);
	return true;
}

void paint_dmabuf_finish_buffer(struct es_paint_buffer *buffer) {
	dma_memory_finish(&buffer->dmabuf->memory);
	free(buffer->px);
	buffer->px = NULL;
	free(buffer->dmabuf);
	buffer->dmabuf = NULL;
	buffer->fd = -1;
}

static uint32_t to_ten_bits(uint32_t value) {
	return value << 2 | value >> 6;
}

static uint32_t convert(uint32_t px, uint32_t format) {
	uint32_t red = px >> 16 & 0xff, green = px >> 8 & 0xff, blue = px & 0xff;
	switch (format) {
	case DRM_FORMAT_XBGR8888:
		return 0xff000000u | blue << 16 | green << 8 | red;
	case DRM_FORMAT_XRGB2101010:
		return 0xc0000000u | to_ten_bits(red) << 20 | to_ten_bits(green) << 10 | to_ten_bits(blue);
	default:
		return px | 0xff000000u;
	}
}

static void write_row(uint8_t *to, const uint32_t *from, int32_t width, uint32_t format) {
	for (int32_t x = 0; x < width; x++) {
		uint32_t px = convert(from[x], format);
		memcpy(to + 4 * (size_t)x, &px, sizeof(px));
	}
}

bool paint_dmabuf_write(struct es_paint *paint, struct es_paint_buffer *buffer) {
	const struct es_paint_dmabuf_options *options = &paint->options.dmabuf;
	struct es_paint_dmabuf_buffer *dmabuf = buffer->dmabuf;
	if (!dma_memory_begin(&dmabuf->memory)) {
		return false;
	}
	for (int32_t y = 0; y < paint->height; y++) {
		write_row(dmabuf->memory.map + options->offset + (size_t)dmabuf->stride * (size_t)y,
				buffer->px + (size_t)paint->width * (size_t)y, paint->width, options->format);
	}
	return dma_memory_end(&dmabuf->memory);
}
