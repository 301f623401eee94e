#include "compositor/screen_source.h"

#include <errno.h>
#include <pipewire/pipewire.h>
#include <spa/param/video/format-utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wlr/types/wlr_buffer.h>

#include "base/log.h"
#include "compositor/screen_meta.h"
#include "compositor/screen_picture.h"

#define RETRY_MS 1000 // the user's PipeWire may come later
#define OWED_MS 8 // until the consumer may have given a buffer back
#define MAX_PICTURES 8

struct es_screen_source {
	struct es_screen_source_params params;
	char node[96], title[64];
	struct es_mode mode;

	// owned
	struct pw_loop *pw_loop;
	struct pw_context *context;
	struct pw_core *core; // NULL: not connected
	struct pw_stream *stream;
	struct spa_hook core_listener, stream_listener;
	struct wl_event_source *pw_source, *retry, *owed_timer, *idle;
	struct wlr_buffer *newest; // locked: still to be copied; NULL: nothing is
	struct es_screen_picture *pictures[MAX_PICTURES]; // those that the stream has
	pixman_region32_t news; // what has changed since the last picture that was sent

	// state
	bool watched, lost, told_missing, cursor_owed;
	uint64_t cursor_told; // generation that the consumer has
	uint64_t sequence;
	struct es_screen_source_counts counts;
};

// --- pictures

static void let_go(struct es_screen_source *source) {
	if (source->newest != NULL) {
		wlr_buffer_unlock(source->newest);
		source->newest = NULL;
	}
}

static void queue(struct es_screen_source *source, struct pw_buffer *buffer, bool picture) {
	const struct es_screen_picture *memory = buffer->user_data;
	struct spa_chunk *chunk = buffer->buffer->datas[0].chunk;
	chunk->offset = 0;
	chunk->stride = (int32_t)memory->stride;
	chunk->size = picture ? (uint32_t)memory->size : 0;
	chunk->flags = picture ? SPA_CHUNK_FLAG_NONE : SPA_CHUNK_FLAG_CORRUPTED; // only the cursor
	screen_meta_put_header(buffer->buffer, source->sequence++);
	screen_meta_put_cursor(buffer->buffer, source->params.cursor, &source->cursor_told);
	source->cursor_owed = false;
	pw_stream_queue_buffer(source->stream, buffer);
	if (pw_stream_is_driving(source->stream)) {
		pw_stream_trigger_process(source->stream);
	}
}

// True: nothing is owed any more.
static bool send_newest(struct es_screen_source *source) {
	struct pw_buffer *buffer = pw_stream_dequeue_buffer(source->stream);
	if (buffer == NULL) {
		return false;
	}
	struct es_screen_picture *picture = buffer->user_data;
	bool copied = source->newest != NULL && picture != NULL &&
			screen_picture_copy(picture, source->newest, source->params.renderer);
	if (picture == NULL || (source->newest != NULL && !copied)) {
		pw_stream_return_buffer(source->stream, buffer);
		let_go(source);
		return true;
	}
	if (copied) {
		screen_meta_put_damage(buffer->buffer, &source->news);
		pixman_region32_clear(&source->news);
		source->counts.sent++;
	}
	let_go(source);
	queue(source, buffer, copied);
	return true;
}

static void send_owed(struct es_screen_source *source) {
	if (!source->watched) {
		let_go(source);
	} else if ((source->newest != NULL || source->cursor_owed) && !send_newest(source)) {
		wl_event_source_timer_update(source->owed_timer, OWED_MS);
	}
}

static void handle_idle(void *data) {
	struct es_screen_source *source = data;
	source->idle = NULL;
	send_owed(source);
}

static int handle_owed(void *data) {
	send_owed(data);
	return 0;
}

void screen_source_frame(struct es_screen_source *source, struct wlr_buffer *buffer,
		const pixman_region32_t *damage) {
	if (source == NULL || !source->watched) {
		return;
	}
	pixman_region32_union(&source->news, &source->news, damage);
	for (size_t i = 0; i < MAX_PICTURES; i++) {
		if (source->pictures[i] != NULL) {
			pixman_region32_union(&source->pictures[i]->stale, &source->pictures[i]->stale, damage);
		}
	}
	source->counts.dropped += source->newest != NULL;
	let_go(source);
	source->newest = wlr_buffer_lock(buffer);
	if (source->idle == NULL) { // the encoder has it first
		source->idle = wl_event_loop_add_idle(source->params.loop, handle_idle, source);
	}
}

void screen_source_cursor(struct es_screen_source *source) {
	if (source != NULL && source->watched && !source->cursor_owed) {
		source->cursor_owed = true;
		wl_event_source_timer_update(source->owed_timer, OWED_MS);
	}
}

// --- the stream

static const struct spa_pod *build_format(
		const struct es_screen_source *source, struct spa_pod_builder *builder) {
	struct spa_rectangle size = SPA_RECTANGLE(source->mode.width, source->mode.height);
	struct spa_fraction variable = SPA_FRACTION(0, 1), slowest = SPA_FRACTION(1, 1);
	struct spa_fraction refresh = SPA_FRACTION((uint32_t)source->mode.refresh_mhz, 1000);
	return spa_pod_builder_add_object(builder, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat,
			SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
			SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
			SPA_POD_Id(SPA_VIDEO_FORMAT_BGRx), SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&size),
			SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&variable), SPA_FORMAT_VIDEO_maxFramerate,
			SPA_POD_CHOICE_RANGE_Fraction(&refresh, &slowest, &refresh));
}

static void handle_param(void *data, uint32_t id, const struct spa_pod *param) {
	struct es_screen_source *source = data;
	if (id != SPA_PARAM_Format || param == NULL) {
		return;
	}
	uint8_t space[2048];
	struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
	int stride = (int)source->mode.width * 4;
	const struct spa_pod *params[1 + ES_SCREEN_METAS] = {
			spa_pod_builder_add_object(&builder, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers,
					SPA_PARAM_BUFFERS_buffers, SPA_POD_CHOICE_RANGE_Int(4, 2, MAX_PICTURES),
					SPA_PARAM_BUFFERS_blocks, SPA_POD_Int(1), SPA_PARAM_BUFFERS_size,
					SPA_POD_Int(stride * (int)source->mode.height), SPA_PARAM_BUFFERS_stride,
					SPA_POD_Int(stride), SPA_PARAM_BUFFERS_dataType,
					SPA_POD_CHOICE_FLAGS_Int(1 << SPA_DATA_MemFd)),
	};
	screen_meta_build(&builder, params + 1);
	pw_stream_update_params(source->stream, params, 1 + ES_SCREEN_METAS);
}

static void handle_add_buffer(void *data, struct pw_buffer *buffer) {
	struct es_screen_source *source = data;
	struct spa_data *plane = &buffer->buffer->datas[0];
	size_t slot = 0;
	while (slot < MAX_PICTURES && source->pictures[slot] != NULL) {
		slot++;
	}
	struct es_screen_picture *picture =
			slot < MAX_PICTURES && (plane->type & (1u << SPA_DATA_MemFd)) != 0
			? screen_picture_create((int32_t)source->mode.width, (int32_t)source->mode.height)
			: NULL;
	if (picture == NULL) {
		pw_stream_set_error(source->stream, -ENOMEM, "no memory for a picture");
		return;
	}
	source->pictures[slot] = picture;
	buffer->user_data = picture;
	plane->type = SPA_DATA_MemFd;
	plane->flags = SPA_DATA_FLAG_READWRITE | SPA_DATA_FLAG_MAPPABLE;
	plane->fd = picture->fd;
	plane->mapoffset = 0;
	plane->maxsize = (uint32_t)picture->size;
	plane->data = picture->pixels;
}

static void handle_remove_buffer(void *data, struct pw_buffer *buffer) {
	struct es_screen_source *source = data;
	for (size_t i = 0; i < MAX_PICTURES; i++) {
		if (source->pictures[i] != NULL && source->pictures[i] == buffer->user_data) {
			screen_picture_destroy(source->pictures[i]);
			source->pictures[i] = NULL;
		}
	}
	buffer->user_data = NULL;
}

static void set_watched(struct es_screen_source *source, bool watched) {
	if (source->watched == watched) {
		return;
	}
	es_log(ES_LOG_DEBUG, "screen %s is %s", source->node, watched ? "watched" : "not watched");
	source->watched = watched;
	source->cursor_told = 0;
	source->cursor_owed = false;
	if (!watched) {
		let_go(source);
	}
	source->params.watched(source->params.data, watched);
}

// Not here and now: it is PipeWire that calls.
static void lose(struct es_screen_source *source) {
	source->lost = true;
	wl_event_source_timer_update(source->retry, 1);
}

static void handle_state(
		void *data, enum pw_stream_state before, enum pw_stream_state state, const char *error) {
	struct es_screen_source *source = data;
	set_watched(source, state == PW_STREAM_STATE_STREAMING);
	if (state == PW_STREAM_STATE_ERROR || state == PW_STREAM_STATE_UNCONNECTED) {
		lose(source);
	}
}

static void handle_core_error(void *data, uint32_t id, int seq, int result, const char *message) {
	if (id == PW_ID_CORE && result == -EPIPE) {
		lose(data);
	}
}

static const struct pw_core_events core_events = {
		PW_VERSION_CORE_EVENTS,
		.error = handle_core_error,
};

static const struct pw_stream_events stream_events = {
		PW_VERSION_STREAM_EVENTS,
		.state_changed = handle_state,
		.param_changed = handle_param,
		.add_buffer = handle_add_buffer,
		.remove_buffer = handle_remove_buffer,
};

// --- the connection

static void disconnect(struct es_screen_source *source) {
	if (source->stream != NULL) {
		spa_hook_remove(&source->stream_listener);
		pw_stream_destroy(source->stream);
		source->stream = NULL;
	}
	for (size_t i = 0; i < MAX_PICTURES; i++) {
		screen_picture_destroy(source->pictures[i]);
		source->pictures[i] = NULL;
	}
	if (source->core != NULL) {
		spa_hook_remove(&source->core_listener);
		pw_core_disconnect(source->core);
		source->core = NULL;
	}
}

static bool connect_stream(struct es_screen_source *source) {
	source->core = pw_context_connect(source->context, NULL, 0);
	if (source->core == NULL) {
		return false;
	}
	pw_core_add_listener(source->core, &source->core_listener, &core_events, source);
	struct pw_properties *properties = pw_properties_new(PW_KEY_MEDIA_CLASS, "Video/Source",
			PW_KEY_MEDIA_ROLE, "Screen", PW_KEY_NODE_NAME, source->node, PW_KEY_NODE_DESCRIPTION,
			source->title, PW_KEY_NODE_VIRTUAL, "true", PW_KEY_PRIORITY_SESSION, "-1", NULL);
	source->stream =
			properties != NULL ? pw_stream_new(source->core, source->title, properties) : NULL;
	if (source->stream == NULL) {
		return false;
	}
	pw_stream_add_listener(source->stream, &source->stream_listener, &stream_events, source);
	uint8_t space[1024];
	struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
	const struct spa_pod *format = build_format(source, &builder);
	return pw_stream_connect(source->stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
				   PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_ALLOC_BUFFERS, &format, 1) >= 0;
}

static int handle_retry(void *data) {
	struct es_screen_source *source = data;
	if (source->lost) {
		source->lost = false;
		set_watched(source, false);
		disconnect(source);
	}
	if (source->core != NULL || connect_stream(source)) {
		return 0;
	}
	if (!source->told_missing) {
		source->told_missing = true;
		es_log(ES_LOG_INFO,
				"the screen is not published yet: no PipeWire of the user runs here (%s)",
				strerror(errno));
	}
	disconnect(source);
	wl_event_source_timer_update(source->retry, RETRY_MS);
	return 0;
}

static int handle_pipewire(int fd, uint32_t mask, void *data) {
	struct es_screen_source *source = data;
	pw_loop_iterate(source->pw_loop, 0);
	return 0;
}

// --- its life

static bool init(struct es_screen_source *source) {
	pw_init(NULL, NULL);
	source->pw_loop = pw_loop_new(NULL);
	if (source->pw_loop == NULL) {
		return false;
	}
	pw_loop_enter(source->pw_loop);
	source->context = pw_context_new(source->pw_loop, NULL, 0);
	if (source->context == NULL) {
		return false;
	}
	struct wl_event_loop *loop = source->params.loop;
	source->pw_source = wl_event_loop_add_fd(
			loop, pw_loop_get_fd(source->pw_loop), WL_EVENT_READABLE, handle_pipewire, source);
	source->retry = wl_event_loop_add_timer(loop, handle_retry, source);
	source->owed_timer = wl_event_loop_add_timer(loop, handle_owed, source);
	return source->pw_source != NULL && source->retry != NULL && source->owed_timer != NULL &&
			wl_event_source_timer_update(source->retry, 1) == 0;
}

struct es_screen_source *screen_source_create(
		const struct es_screen_source_params *params, const struct es_mode *mode) {
	struct es_screen_source *source = calloc(1, sizeof(*source));
	if (source == NULL) {
		es_log(ES_LOG_ERROR, "the screen is not published: out of memory");
		return NULL;
	}
	source->params = *params;
	source->mode = *mode;
	pixman_region32_init(&source->news);
	snprintf(source->node, sizeof(source->node), "%s", params->node);
	snprintf(source->title, sizeof(source->title), "%s", params->title);
	if (!init(source)) {
		es_log(ES_LOG_ERROR, "the screen is not published: PipeWire's library cannot be used: %s",
				strerror(errno));
		screen_source_destroy(source);
		return NULL;
	}
	return source;
}

static void remove_source(struct wl_event_source *source) {
	if (source != NULL) {
		wl_event_source_remove(source);
	}
}

void screen_source_destroy(struct es_screen_source *source) {
	if (source == NULL) {
		return;
	}
	disconnect(source);
	let_go(source);
	remove_source(source->pw_source);
	remove_source(source->retry);
	remove_source(source->owed_timer);
	remove_source(source->idle);
	if (source->context != NULL) {
		pw_context_destroy(source->context);
	}
	if (source->pw_loop != NULL) {
		pw_loop_leave(source->pw_loop);
		pw_loop_destroy(source->pw_loop);
	}
	pw_deinit();
	pixman_region32_fini(&source->news);
	free(source);
}

static bool same_mode(const struct es_mode *a, const struct es_mode *b) {
	return a->width == b->width && a->height == b->height && a->refresh_mhz == b->refresh_mhz;
}

void screen_source_set_mode(struct es_screen_source *source, const struct es_mode *mode) {
	if (source == NULL || same_mode(&source->mode, mode)) {
		return;
	}
	source->mode = *mode;
	let_go(source);
	if (source->stream != NULL) {
		uint8_t space[1024];
		struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
		const struct spa_pod *format = build_format(source, &builder);
		pw_stream_update_params(source->stream, &format, 1);
	}
}

struct es_screen_source_counts screen_source_counts(const struct es_screen_source *source) {
	return source->counts;
}
