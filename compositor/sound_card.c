#include "compositor/sound_card.h"

#include <errno.h>
#include <pipewire/pipewire.h>
#include <spa/param/audio/format-utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "compositor/microphone.h"
#include "compositor/sound_server.h"

#define RETRY_MS 20 // while our own server starts
#define RECONNECT_MS 100 // afterwards
#define SETTLE_NS (3 * ES_NS_PER_S) // then the app starts without
#define MAX_ENV 12
// A power of two, as most PipeWires want it. (A forced one keeps clients that ask for more from starting.)
#define CYCLE "256/48000"
#define MAX_PATH 512

struct es_sound_card {
	struct es_sound_card_params params;
	char node[64], title[64], remote[MAX_PATH];

	// owned
	struct pw_loop *pw_loop;
	struct pw_context *context;
	struct pw_core *core; // NULL: not connected
	struct pw_stream *stream;
	struct es_microphone *mic; // NULL: none
	struct spa_hook core_listener, stream_listener;
	struct es_sound_server *server; // NULL: the user's is used, or none
	struct es_pcm_ring *ring;
	int heard_fd; // eventfd: there is something in the ring
	struct wl_event_source *pw_source, *heard_source, *timer;

	// state
	int64_t created_ns;
	bool ready; // the sink is there
	bool settled, lost, failed; // lost: the connection is to be made anew; failed: no sound ever
	uint64_t refused; // blocks
	char *env[MAX_ENV + 1];
	size_t n_env;
};

// --- what the app plays (PipeWire's thread)

static int64_t time_of(struct es_sound_card *card, const struct pw_buffer *buffer) {
#if PW_CHECK_VERSION(1, 0, 5)
	if (buffer->time > 0) {
		return (int64_t)buffer->time;
	}
#endif
	struct pw_time time;
	return pw_stream_get_time_n(card->stream, &time, sizeof(time)) == 0 && time.now > 0
			? time.now
			: clock_now_ns();
}

static void handle_process(void *data) {
	struct es_sound_card *card = data;
	struct pw_buffer *buffer;
	bool heard = false;
	while ((buffer = pw_stream_dequeue_buffer(card->stream)) != NULL) {
		const struct spa_data *plane = &buffer->buffer->datas[0];
		size_t frame = (size_t)card->params.channels * sizeof(int16_t);
		uint32_t offset = SPA_MIN(plane->chunk->offset, plane->maxsize);
		uint32_t size = SPA_MIN(plane->chunk->size, plane->maxsize - offset);
		if (plane->data != NULL && size >= frame) {
			pcm_ring_put(card->ring, SPA_PTROFF(plane->data, offset, const int16_t), size / frame,
					time_of(card, buffer));
			heard = true;
		}
		pw_stream_queue_buffer(card->stream, buffer);
	}
	if (heard) {
		eventfd_write(card->heard_fd, 1);
	}
}

// --- the display's thread

// Whether a block comes too late is for the viewer to say: a file wants them all.
static int handle_heard(int fd, uint32_t mask, void *data) {
	struct es_sound_card *card = data;
	eventfd_t count;
	struct es_pcm_block block;
	eventfd_read(fd, &count);
	while (pcm_ring_peek(card->ring, &block)) {
		card->refused += !card->params.block(card->params.data, &block, card->params.channels);
		pcm_ring_done(card->ring);
	}
	return 0;
}

static void settle(struct es_sound_card *card) {
	if (!card->settled) {
		card->settled = true;
		card->params.settled(card->params.data);
	}
}

// Many apps look for their devices only once: both are there before they start.
static void check_ready(void *data) {
	struct es_sound_card *card = data;
	if (card->ready && (card->mic == NULL || microphone_ready(card->mic))) {
		settle(card);
	}
}

// Not here and now: it is PipeWire that calls.
static void lose(void *data, const char *why) {
	struct es_sound_card *card = data;
	if (!card->lost) {
		es_log(card->settled ? ES_LOG_WARN : ES_LOG_DEBUG,
				"the sound card is gone (%s): making it again", why);
		card->lost = true;
		wl_event_source_timer_update(card->timer, 1);
	}
}

static void handle_state(
		void *data, enum pw_stream_state before, enum pw_stream_state state, const char *error) {
	struct es_sound_card *card = data;
	switch (state) {
	case PW_STREAM_STATE_PAUSED:
		es_log(ES_LOG_DEBUG, "sound card %s", card->node);
		card->ready = true;
		check_ready(card);
		return;
	case PW_STREAM_STATE_ERROR:
		lose(card, error != NULL ? error : "an error");
		return;
	case PW_STREAM_STATE_UNCONNECTED:
		lose(card, "removed");
		return;
	default:
		return;
	}
}

static void handle_core_error(void *data, uint32_t id, int seq, int result, const char *message) {
	struct es_sound_card *card = data;
	es_log(ES_LOG_DEBUG, "PipeWire: object %u: %s (%s)", id, message, strerror(-result));
	if (id == PW_ID_CORE && result == -EPIPE) {
		lose(card, "PipeWire has ended");
	}
}

static const struct pw_core_events core_events = {
		PW_VERSION_CORE_EVENTS,
		.error = handle_core_error,
};

static const struct pw_stream_events stream_events = {
		PW_VERSION_STREAM_EVENTS,
		.state_changed = handle_state,
		.process = handle_process,
};

static int handle_pipewire(int fd, uint32_t mask, void *data) {
	struct es_sound_card *card = data;
	pw_loop_iterate(card->pw_loop, 0);
	return 0;
}

// --- the connection

static void disconnect(struct es_sound_card *card) {
	card->ready = false;
	if (card->mic != NULL) {
		microphone_disconnect(card->mic);
	}
	if (card->stream != NULL) {
		spa_hook_remove(&card->stream_listener);
		pw_stream_destroy(card->stream);
		card->stream = NULL;
	}
	if (card->core != NULL) {
		spa_hook_remove(&card->core_listener);
		pw_core_disconnect(card->core);
		card->core = NULL;
	}
}

static bool make_stream(struct es_sound_card *card) {
	struct pw_properties *properties = pw_properties_new(PW_KEY_MEDIA_CLASS, "Audio/Sink",
			PW_KEY_NODE_NAME, card->node, PW_KEY_NODE_DESCRIPTION, card->title, PW_KEY_NODE_VIRTUAL,
			"true", PW_KEY_NODE_LATENCY, CYCLE, PW_KEY_PRIORITY_SESSION, "-1",
			"state.restore-props", "false", NULL);
	card->stream = properties != NULL ? pw_stream_new(card->core, card->title, properties) : NULL;
	if (card->stream == NULL) {
		return false;
	}
	pw_stream_add_listener(card->stream, &card->stream_listener, &stream_events, card);
	uint8_t space[1024];
	struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof(space));
	struct spa_audio_info_raw info = {
			.format = SPA_AUDIO_FORMAT_S16,
			.rate = ES_PCM_RATE,
			.channels = card->params.channels,
			.position = {SPA_AUDIO_CHANNEL_FL, SPA_AUDIO_CHANNEL_FR, SPA_AUDIO_CHANNEL_FC,
					SPA_AUDIO_CHANNEL_LFE, SPA_AUDIO_CHANNEL_RL, SPA_AUDIO_CHANNEL_RR,
					SPA_AUDIO_CHANNEL_SL, SPA_AUDIO_CHANNEL_SR},
	};
	const struct spa_pod *formats[] = {
			spa_format_audio_raw_build(&builder, SPA_PARAM_EnumFormat, &info)};
	return pw_stream_connect(card->stream, PW_DIRECTION_INPUT, PW_ID_ANY,
				   PW_STREAM_FLAG_MAP_BUFFERS | PW_STREAM_FLAG_RT_PROCESS, formats, 1) >= 0;
}

static bool connect_card(struct es_sound_card *card) {
	struct pw_properties *properties = card->remote[0] == '\0'
			? NULL
			: pw_properties_new(PW_KEY_REMOTE_NAME, card->remote, NULL);
	card->core = pw_context_connect(card->context, properties, 0);
	if (card->core == NULL) {
		return false;
	}
	if (card->server != NULL) {
		sound_server_answers(card->server);
	}
	pw_core_add_listener(card->core, &card->core_listener, &core_events, card);
	if (!make_stream(card) || (card->mic != NULL && !microphone_connect(card->mic, card->core))) {
		disconnect(card);
		return false;
	}
	return true;
}

// --- the app's environment

static void set_env(struct es_sound_card *card, const char *name, const char *format,
		const char *value) __attribute__((format(printf, 3, 0)));
static void set_env(
		struct es_sound_card *card, const char *name, const char *format, const char *value) {
	char text[MAX_PATH + 64];
	int n = snprintf(text, sizeof(text), "%s=", name);
	snprintf(text + n, sizeof(text) - (size_t)n, format, value);
	if (card->n_env < MAX_ENV && (card->env[card->n_env] = strdup(text)) != NULL) {
		card->n_env++;
	}
}

// Where the app finds PipeWire, and that its sound goes to our sink: if that is away for a while the sound
// waits, and never goes anywhere else.
static void make_env(struct es_sound_card *card) {
	if (card->server != NULL) {
		const char *folder = sound_server_folder(card->server);
		set_env(card, "PIPEWIRE_RUNTIME_DIR", "%s", folder);
		set_env(card, "PIPEWIRE_REMOTE", "%s", "pipewire-0");
		set_env(card, "PULSE_SERVER", "unix:%s/pulse/native", folder);
	}
	set_env(card, "PIPEWIRE_NODE", "%s", card->node);
	set_env(card, "PULSE_SINK", "%s", card->node);
	// Never the host's microphone: without one of its own the app hears itself.
	if (card->mic != NULL) {
		set_env(card, "PULSE_SOURCE", "%s", microphone_node(card->mic));
	} else {
		set_env(card, "PULSE_SOURCE", "%s.monitor", card->node);
	}
	static const char rules[] =
			"node.dont-fallback=true node.linger=true state.restore-target=false";
	set_env(card, "PULSE_PROP", "%s", rules);
	set_env(card, "PIPEWIRE_PROPS", "{ %s }", rules);
}

// --- its life

// Silent is silent: the app is not to play on the host's own sound server instead.
static void give_up(struct es_sound_card *card) {
	card->failed = true;
	set_env(card, "PULSE_SERVER", "%s", "unix:/dev/null/none");
	set_env(card, "PIPEWIRE_REMOTE", "%s", "none");
	settle(card);
}

static void retry_later(struct es_sound_card *card) {
	bool starting = !card->settled && card->server != NULL;
	wl_event_source_timer_update(card->timer, starting ? RETRY_MS : RECONNECT_MS);
}

// For the first time: the user's PipeWire or, if there is none, one of our own.
static void choose_server(struct es_sound_card *card) {
	if (connect_card(card)) {
		make_env(card);
		return;
	}
	es_log(ES_LOG_DEBUG, "no PipeWire runs here (%s): starting one for this session",
			strerror(errno));
	card->server = sound_server_create(card->params.loop, card->params.spawner);
	if (card->server == NULL) {
		give_up(card);
		return;
	}
	snprintf(
			card->remote, sizeof(card->remote), "%s/pipewire-0", sound_server_folder(card->server));
	make_env(card);
}

static int handle_timer(void *data) {
	struct es_sound_card *card = data;
	if (card->failed) {
		return 0;
	}
	if (card->lost) {
		card->lost = false;
		disconnect(card);
	}
	if (card->n_env == 0) {
		choose_server(card);
	}
	if (card->core == NULL && !card->failed && !connect_card(card)) {
		retry_later(card);
	}
	if (!card->settled && clock_now_ns() - card->created_ns > SETTLE_NS) {
		es_log(ES_LOG_WARN, "no sound yet: PipeWire does not answer; the app starts without");
		settle(card);
	} else if (!card->settled && card->core != NULL) {
		wl_event_source_timer_update(card->timer, RECONNECT_MS);
	}
	return 0;
}

static bool init(struct es_sound_card *card) {
	card->ring = pcm_ring_create(card->params.channels);
	if (card->params.microphone) {
		card->mic = microphone_create(&(struct es_microphone_params){.card = card->node,
				.title = card->title,
				.ready = check_ready,
				.lost = lose,
				.data = card});
	}
	card->heard_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (card->ring == NULL || card->heard_fd < 0 ||
			(card->params.microphone && card->mic == NULL)) {
		return false;
	}
	pw_init(NULL, NULL);
	if (!log_enabled(ES_LOG_DEBUG)) {
		pw_log_set_level(SPA_LOG_LEVEL_NONE);
	}
	card->pw_loop = pw_loop_new(NULL);
	if (card->pw_loop == NULL) {
		return false;
	}
	pw_loop_enter(card->pw_loop);
	card->context = pw_context_new(card->pw_loop, NULL, 0);
	if (card->context == NULL) {
		return false;
	}
	struct wl_event_loop *loop = card->params.loop;
	card->pw_source = wl_event_loop_add_fd(
			loop, pw_loop_get_fd(card->pw_loop), WL_EVENT_READABLE, handle_pipewire, card);
	card->heard_source =
			wl_event_loop_add_fd(loop, card->heard_fd, WL_EVENT_READABLE, handle_heard, card);
	card->timer = wl_event_loop_add_timer(loop, handle_timer, card);
	return card->pw_source != NULL && card->heard_source != NULL && card->timer != NULL &&
			wl_event_source_timer_update(card->timer, 1) == 0;
}

struct es_sound_card *sound_card_create(const struct es_sound_card_params *params) {
	struct es_sound_card *card = calloc(1, sizeof(*card));
	if (card == NULL) {
		es_log(ES_LOG_ERROR, "no sound: out of memory");
		return NULL;
	}
	card->params = *params;
	card->heard_fd = -1;
	card->created_ns = clock_now_ns();
	snprintf(card->node, sizeof(card->node), "%s", params->node);
	snprintf(card->title, sizeof(card->title), "%s", params->title);
	if (!init(card)) {
		es_log(ES_LOG_ERROR, "no sound: PipeWire's library cannot be used: %s", strerror(errno));
		sound_card_destroy(card);
		return NULL;
	}
	return card;
}

static void remove_source(struct wl_event_source *source) {
	if (source != NULL) {
		wl_event_source_remove(source);
	}
}

void sound_card_destroy(struct es_sound_card *card) {
	if (card == NULL) {
		return;
	}
	disconnect(card);
	remove_source(card->pw_source);
	remove_source(card->heard_source);
	remove_source(card->timer);
	if (card->context != NULL) {
		pw_context_destroy(card->context);
	}
	if (card->pw_loop != NULL) {
		pw_loop_leave(card->pw_loop);
		pw_loop_destroy(card->pw_loop);
		pw_deinit();
	}
	microphone_destroy(card->mic);
	sound_server_destroy(card->server);
	pcm_ring_destroy(card->ring);
	fd_close(&card->heard_fd);
	for (size_t i = 0; i < card->n_env; i++) {
		free(card->env[i]);
	}
	free(card);
}

bool sound_card_settled(const struct es_sound_card *card) {
	return card->settled;
}

char *const *sound_card_env(const struct es_sound_card *card) {
	return card->env;
}

void sound_card_speak(struct es_sound_card *card, const int16_t *samples, size_t n) {
	if (card->mic != NULL) {
		microphone_put(card->mic, samples, n);
	}
}

uint64_t sound_card_dropped(const struct es_sound_card *card) {
	return card->refused + pcm_ring_lost(card->ring);
}
