#include "compositor/microphone.h"

#include <pipewire/pipewire.h>
#include <spa/param/audio/format-utils.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "compositor/mic_ring.h"

#define CYCLE "256/48000" // as the sound card's

struct es_microphone {
	struct es_microphone_params params;
	char card[64], node[80], title[64];
	struct es_mic_ring *ring; // owned
	struct pw_stream *stream; // owned; NULL: not connected
	struct spa_hook listener;
	bool ready, heard; // heard: somebody records
};

// --- PipeWire's thread

static void handle_process(void *data) {
	struct es_microphone *mic = data;
	struct pw_buffer *buffer = pw_stream_dequeue_buffer(mic->stream);
	if (buffer == NULL) {
		return;
	}
	struct spa_data *plane = &buffer->buffer->datas[0];
	size_t n = plane->data != NULL ? plane->maxsize / sizeof(int16_t) : 0;
	n = buffer->requested > 0 ? SPA_MIN(n, buffer->requested) : n;
	if (n > 0) {
		mic_ring_take(mic->ring, plane->data, n);
	}
	plane->chunk->offset = 0;
	plane->chunk->stride = sizeof(int16_t);
	plane->chunk->size = (uint32_t)(n * sizeof(int16_t));
	pw_stream_queue_buffer(mic->stream, buffer);
}

// --- the display's thread

static void handle_state(
		void *data, enum pw_stream_state before, enum pw_stream_state state, const char *error) {
	struct es_microphone *mic = data;
	switch (state) {
	case PW_STREAM_STATE_STREAMING:
		mic_ring_forget(mic->ring); // what was left from before
		mic->heard = true;
		return;
	case PW_STREAM_STATE_PAUSED:
		mic->heard = false;
		mic->ready = true;
		mic->params.ready(mic->params.data);
		return;
	case PW_STREAM_STATE_ERROR:
	case PW_STREAM_STATE_UNCONNECTED:
		mic->ready = mic->heard = false;
		mic->params.lost(mic->params.data, error != NULL ? error : "its microphone was removed");
		return;
	case PW_STREAM_STATE_CONNECTING:
		return;
	}
}

static const struct pw_stream_events events = {
		PW_VERSION_STREAM_EVENTS,
		.state_changed = handle_state,
		.process = handle_process,
};

// Apps are told one name, that of the sink, for all that they play and record. The session manager looks
// for it in the right direction and takes object.path for a name, too.
static struct pw_properties *make_properties(const struct es_microphone *mic) {
	return pw_properties_new(PW_KEY_MEDIA_CLASS, "Audio/Source", PW_KEY_NODE_NAME, mic->node,
			PW_KEY_OBJECT_PATH, mic->card, PW_KEY_NODE_DESCRIPTION, mic->title, PW_KEY_NODE_VIRTUAL,
			"true", PW_KEY_NODE_LATENCY, CYCLE, PW_KEY_PRIORITY_SESSION, "-1",
			"state.restore-props", "false", NULL);
}

bool microphone_connect(struct es_microphone *mic, struct pw_core *core) {
	struct pw_properties *properties = make_properties(mic);
	mic->stream = properties != NULL ? pw_stream_new(core, mic->title, properties) : NULL;
	if (mic->stream == NULL) {
		return false;
	}
	pw_stream_add_listener(mic->stream, &mic->listener, &events, mic);
	uint8_t space[512];
	struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
	struct spa_audio_info_raw info = {
			.format = SPA_AUDIO_FORMAT_S16,
			.rate = ES_MIC_RATE,
			.channels = 1,
			.position = {SPA_AUDIO_CHANNEL_MONO},
	};
	const struct spa_pod *formats[] = {
			spa_format_audio_raw_build(&builder, SPA_PARAM_EnumFormat, &info)};
	if (pw_stream_connect(mic->stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
				PW_STREAM_FLAG_MAP_BUFFERS | PW_STREAM_FLAG_RT_PROCESS, formats, 1) < 0) {
		microphone_disconnect(mic);
		return false;
	}
	return true;
}

void microphone_disconnect(struct es_microphone *mic) {
	mic->ready = mic->heard = false;
	if (mic->stream != NULL) {
		spa_hook_remove(&mic->listener);
		pw_stream_destroy(mic->stream);
		mic->stream = NULL;
	}
}

bool microphone_ready(const struct es_microphone *mic) {
	return mic->ready;
}

const char *microphone_node(const struct es_microphone *mic) {
	return mic->node;
}

void microphone_put(struct es_microphone *mic, const int16_t *samples, size_t n) {
	if (mic->heard) {
		mic_ring_put(mic->ring, samples, n);
	}
}

struct es_microphone *microphone_create(const struct es_microphone_params *params) {
	struct es_microphone *mic = calloc(1, sizeof(*mic));
	if (mic == NULL) {
		return NULL;
	}
	mic->params = *params;
	snprintf(mic->card, sizeof(mic->card), "%s", params->card);
	snprintf(mic->node, sizeof(mic->node), "%s.microphone", mic->card);
	snprintf(mic->title, sizeof(mic->title), "%s", params->title);
	mic->ring = mic_ring_create();
	if (mic->ring == NULL) {
		microphone_destroy(mic);
		return NULL;
	}
	return mic;
}

void microphone_destroy(struct es_microphone *mic) {
	if (mic == NULL) {
		return;
	}
	microphone_disconnect(mic);
	if (mic->ring != NULL) {
		struct es_mic_counts counts = mic_ring_counts(mic->ring);
		es_log(ES_LOG_DEBUG, "microphone: %llu gaps, %llu samples left out, %llu lost",
				(unsigned long long)counts.gaps, (unsigned long long)counts.dropped,
				(unsigned long long)counts.lost);
	}
	mic_ring_destroy(mic->ring);
	free(mic);
}
