#include "tests/clients/click.h"

#include <math.h>
#include <pipewire/pipewire.h>
#include <spa/param/audio/format-utils.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RATE 48000
#define CHANNELS 2
#define HZ 2000
#define CLICK_FRAMES (RATE / 200) // 5 ms
#define LEVEL 0.8f
#define TURN 6.28318530717958647692

struct es_click {
	struct pw_thread_loop *loop;
	struct pw_stream *stream;
	uint32_t left; // frames of the click; of PipeWire's thread, as all but these:
	atomic_bool wanted, running;
	_Atomic int64_t written_ns;
};

static int64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void fill(struct es_click *click, float *out, uint32_t n) {
	for (uint32_t i = 0; i < n; i++) {
		float value = 0;
		if (click->left > 0) {
			uint32_t at = CLICK_FRAMES - click->left--;
			value = LEVEL * (float)cos(TURN * HZ * at / RATE); // at its loudest at once
		}
		for (int c = 0; c < CHANNELS; c++) {
			*out++ = value;
		}
	}
}

static void handle_process(void *data) {
	struct es_click *click = data;
	struct pw_buffer *buffer = pw_stream_dequeue_buffer(click->stream);
	if (buffer == NULL) {
		return;
	}
	struct spa_data *plane = &buffer->buffer->datas[0];
	uint32_t n = plane->maxsize / (CHANNELS * sizeof(float));
	n = buffer->requested > 0 && buffer->requested < n ? (uint32_t)buffer->requested : n;
	atomic_store(&click->running, true);
	if (atomic_exchange(&click->wanted, false)) {
		click->left = CLICK_FRAMES;
		atomic_store(&click->written_ns, now_ns());
	}
	fill(click, plane->data, n);
	plane->chunk->offset = 0;
	plane->chunk->stride = CHANNELS * sizeof(float);
	plane->chunk->size = n * CHANNELS * (uint32_t)sizeof(float);
	pw_stream_queue_buffer(click->stream, buffer);
}

static const struct pw_stream_events stream_events = {
		PW_VERSION_STREAM_EVENTS,
		.process = handle_process,
};

static bool connect_stream(struct es_click *click) {
	struct pw_properties *properties = pw_properties_new(PW_KEY_MEDIA_TYPE, "Audio",
			PW_KEY_MEDIA_CATEGORY, "Playback", PW_KEY_MEDIA_ROLE, "Game", NULL);
	click->stream = pw_stream_new_simple(
			pw_thread_loop_get_loop(click->loop), "click", properties, &stream_events, click);
	uint8_t space[1024];
	struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
	const struct spa_pod *format = spa_format_audio_raw_build(&builder, SPA_PARAM_EnumFormat,
			&SPA_AUDIO_INFO_RAW_INIT(.format = SPA_AUDIO_FORMAT_F32, .rate = RATE,
					.channels = CHANNELS));
	return click->stream != NULL &&
			pw_stream_connect(click->stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
					PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_MAP_BUFFERS |
							PW_STREAM_FLAG_RT_PROCESS,
					&format, 1) >= 0;
}

struct es_click *click_create(void) {
	struct es_click *click = calloc(1, sizeof(*click));
	if (click == NULL) {
		return NULL;
	}
	pw_init(NULL, NULL);
	click->loop = pw_thread_loop_new("click", NULL);
	if (click->loop == NULL || !connect_stream(click) || pw_thread_loop_start(click->loop) < 0) {
		fprintf(stderr, "click: no PipeWire\n");
		click_destroy(click);
		return NULL;
	}
	return click;
}

void click_destroy(struct es_click *click) {
	if (click == NULL) {
		return;
	}
	if (click->loop != NULL) {
		pw_thread_loop_stop(click->loop);
	}
	if (click->stream != NULL) {
		pw_stream_destroy(click->stream);
	}
	if (click->loop != NULL) {
		pw_thread_loop_destroy(click->loop);
	}
	pw_deinit();
	free(click);
}

void click_play(struct es_click *click) {
	atomic_store(&click->written_ns, 0);
	atomic_store(&click->wanted, true);
}

int64_t click_written_ns(const struct es_click *click) {
	return atomic_load(&click->written_ns);
}

bool click_running(const struct es_click *click) {
	return atomic_load(&click->running);
}
