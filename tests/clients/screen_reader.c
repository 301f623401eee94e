// Looks at a screen that is published to PipeWire, as OBS does, and prints one JSON object for each picture: the
// paint client's number, and what is said to have changed.
#include <inttypes.h>
#include <pipewire/pipewire.h>
#include <signal.h>
#include <spa/buffer/meta.h>
#include <spa/param/video/format-utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/clients/mark.h"

struct reader {
	struct pw_main_loop *loop;
	struct pw_stream *stream;
	struct spa_video_info_raw format;
	uint8_t *luma;
	uint32_t mark_x, mark_y;
	unsigned int hold_ms; // each picture
};

static enum es_mark_result find_mark(struct reader *reader, uint32_t *number) {
	uint32_t width = reader->format.size.width, height = reader->format.size.height;
	enum es_mark_result result = mark_read(
			reader->luma, width, width, height, reader->mark_x, reader->mark_y, MARK_CELL, number);
	for (uint32_t y = 0; result == ES_MARK_NONE && y < height; y += 8) {
		for (uint32_t x = 0; result == ES_MARK_NONE && x < width; x += 8) {
			result = mark_read(reader->luma, width, width, height, x, y, MARK_CELL, number);
			reader->mark_x = x;
			reader->mark_y = y;
		}
	}
	return result;
}

static void tell_damage(struct spa_buffer *buffer) {
	struct spa_meta *meta = spa_buffer_find_meta(buffer, SPA_META_VideoDamage);
	uint64_t area = 0;
	if (meta == NULL) {
		return;
	}
	struct spa_meta_region *region;
	spa_meta_for_each(region, meta) {
		if (!spa_meta_region_is_valid(region)) {
			break;
		}
		area += (uint64_t)region->region.size.width * region->region.size.height;
	}
	printf(",\"damage\":%" PRIu64, area);
}

static void tell_cursor(struct spa_buffer *buffer) {
	const struct spa_meta_cursor *cursor =
			spa_buffer_find_meta_data(buffer, SPA_META_Cursor, sizeof(*cursor));
	if (cursor == NULL || !spa_meta_cursor_is_valid(cursor)) {
		return;
	}
	printf(",\"cursor\":[%d,%d]", cursor->position.x, cursor->position.y);
	if (cursor->bitmap_offset != 0) {
		const struct spa_meta_bitmap *bitmap =
				SPA_PTROFF(cursor, cursor->bitmap_offset, const struct spa_meta_bitmap);
		printf(",\"cursor_size\":[%u,%u]", bitmap->size.width, bitmap->size.height);
	}
}

static void tell(struct reader *reader, struct spa_buffer *buffer) {
	const struct spa_data *plane = &buffer->datas[0];
	uint32_t width = reader->format.size.width, height = reader->format.size.height;
	uint32_t number = 0;
	bool picture = plane->chunk->size > 0 && plane->data != NULL && reader->luma != NULL;
	printf("{\"event\":\"%s\",\"width\":%u,\"height\":%u", picture ? "picture" : "cursor", width,
			height);
	for (uint32_t y = 0; picture && y < height; y++) {
		const uint8_t *row =
				(const uint8_t *)plane->data + (size_t)y * (size_t)plane->chunk->stride;
		for (uint32_t x = 0; x < width; x++) {
			reader->luma[y * width + x] = row[x * 4 + 1]; // marks are black and white
		}
	}
	if (picture && find_mark(reader, &number) == ES_MARK_OK) {
		printf(",\"number\":%u", number);
	}
	tell_damage(buffer);
	tell_cursor(buffer);
	puts("}");
	fflush(stdout);
}

static void handle_process(void *data) {
	struct reader *reader = data;
	struct pw_buffer *buffer;
	while ((buffer = pw_stream_dequeue_buffer(reader->stream)) != NULL) {
		tell(reader, buffer->buffer);
		if (reader->hold_ms > 0) {
			const struct timespec pause = {
					reader->hold_ms / 1000, (long)(reader->hold_ms % 1000) * 1000000};
			nanosleep(&pause, NULL);
		}
		pw_stream_queue_buffer(reader->stream, buffer);
	}
}

static void handle_param(void *data, uint32_t id, const struct spa_pod *param) {
	struct reader *reader = data;
	if (id != SPA_PARAM_Format || param == NULL ||
			spa_format_video_raw_parse(param, &reader->format) < 0) {
		return;
	}
	free(reader->luma);
	reader->luma = calloc(reader->format.size.width, reader->format.size.height);
	uint8_t space[1024];
	struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
	const struct spa_pod *params[] = {
			spa_pod_builder_add_object(&builder, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers,
					SPA_PARAM_BUFFERS_dataType, SPA_POD_CHOICE_FLAGS_Int(1 << SPA_DATA_MemFd)),
			spa_pod_builder_add_object(&builder, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta,
					SPA_PARAM_META_type, SPA_POD_Id(SPA_META_VideoDamage), SPA_PARAM_META_size,
					SPA_POD_CHOICE_RANGE_Int((int)sizeof(struct spa_meta_region) * 16,
							(int)sizeof(struct spa_meta_region),
							(int)sizeof(struct spa_meta_region) * 16)),
			spa_pod_builder_add_object(&builder, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta,
					SPA_PARAM_META_type, SPA_POD_Id(SPA_META_Cursor), SPA_PARAM_META_size,
					SPA_POD_CHOICE_RANGE_Int(64 * 64 * 4 + 64, 4 + 64, 256 * 256 * 4 + 64)),
	};
	pw_stream_update_params(reader->stream, params, 3);
}

static void handle_state(
		void *data, enum pw_stream_state before, enum pw_stream_state state, const char *error) {
	printf("{\"event\":\"state\",\"state\":\"%s\"}\n", pw_stream_state_as_string(state));
	fflush(stdout);
}

static const struct pw_stream_events stream_events = {
		PW_VERSION_STREAM_EVENTS,
		.state_changed = handle_state,
		.param_changed = handle_param,
		.process = handle_process,
};

static bool connect_reader(struct reader *reader, const char *node) {
	struct pw_properties *properties = pw_properties_new(PW_KEY_MEDIA_TYPE, "Video",
			PW_KEY_MEDIA_CATEGORY, "Capture", PW_KEY_MEDIA_ROLE, "Screen", PW_KEY_TARGET_OBJECT,
			node, "node.dont-reconnect", "false", NULL);
	reader->stream = pw_stream_new_simple(pw_main_loop_get_loop(reader->loop), "screen_reader",
			properties, &stream_events, reader);
	uint8_t space[1024];
	struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
	const struct spa_pod *format = spa_pod_builder_add_object(&builder, SPA_TYPE_OBJECT_Format,
			SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video),
			SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
			SPA_POD_CHOICE_ENUM_Id(
					3, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_BGRA),
			SPA_FORMAT_VIDEO_size,
			SPA_POD_CHOICE_RANGE_Rectangle(
					&SPA_RECTANGLE(640, 360), &SPA_RECTANGLE(1, 1), &SPA_RECTANGLE(8192, 8192)),
			SPA_FORMAT_VIDEO_framerate,
			SPA_POD_CHOICE_RANGE_Fraction(
					&SPA_FRACTION(0, 1), &SPA_FRACTION(0, 1), &SPA_FRACTION(1000, 1)));
	return reader->stream != NULL &&
			pw_stream_connect(reader->stream, PW_DIRECTION_INPUT, PW_ID_ANY,
					PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_MAP_BUFFERS, &format, 1) >= 0;
}

static void handle_signal(void *data, int number) {
	pw_main_loop_quit(((struct reader *)data)->loop);
}

int main(int argc, char **argv) {
	struct reader reader = {0};
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: screen_reader NODE [MILLISECONDS to hold each picture]\n");
		return 2;
	}
	reader.hold_ms = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	pw_init(NULL, NULL);
	reader.loop = pw_main_loop_new(NULL);
	if (reader.loop == NULL || !connect_reader(&reader, argv[1])) {
		fprintf(stderr, "screen_reader: no PipeWire\n");
		return 3;
	}
	struct pw_loop *loop = pw_main_loop_get_loop(reader.loop);
	pw_loop_add_signal(loop, SIGTERM, handle_signal, &reader);
	pw_loop_add_signal(loop, SIGINT, handle_signal, &reader);
	pw_main_loop_run(reader.loop);
	pw_stream_destroy(reader.stream);
	pw_main_loop_destroy(reader.loop);
	pw_deinit();
	free(reader.luma);
	return 0;
}
