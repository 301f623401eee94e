#include "stream/player_sound.h"

#include <string.h>

#include "base/clock.h"
#include "stream/player_say.h"

// An older block would only make the page's queue longer: somebody stood still on the way.
#define MAX_AGE_NS (60 * ES_NS_PER_MS)

static void send_packet(void *data, const struct es_audio_packet *packet) {
	struct es_player_sound *sound = data;
	struct es_player_msg msg = {.type = ES_PLAYER_AUDIO};
	bool ok = packet->size <= ES_PLAYER_MAX_OPUS;
	if (ok) {
		msg.audio.index = sound->index++;
		msg.audio.time_us = (uint64_t)(packet->time_ns / ES_NS_PER_US);
		msg.audio.size = (uint16_t)packet->size;
		memcpy(msg.audio.opus, packet->data, packet->size);
		ok = player_say(sound->socket, &msg);
	}
	sound->sent += ok;
	sound->dropped += !ok;
	int64_t latency_ns = clock_now_ns() - packet->time_ns;
	if (ok && !sound->flushing) {
		histogram_add(&sound->latency, latency_ns > 0 ? (uint64_t)latency_ns : 0);
	}
}

void player_sound_init(struct es_player_sound *sound, const struct es_session_msg *start,
		struct es_websocket *socket, struct es_device_queue *queue) {
	sound->socket = socket;
	sound->queue = queue;
	if (start->start_player.audio_channels > 0) {
		sound->audio = audio_create(&(struct es_audio_params){
				.channels = start->start_player.audio_channels,
				.packet_ms = start->start_player.audio_packet_ms,
				.packet = send_packet,
				.data = sound,
		});
	}
}

void player_sound_finish(struct es_player_sound *sound) {
	microphone_destroy(sound->microphone);
	audio_destroy(sound->audio);
	sound->microphone = NULL;
	sound->audio = NULL;
}

void player_sound_put(struct es_player_sound *sound, const struct es_device_msg *msg) {
	int64_t now_ns = clock_now_ns();
	if (sound->audio == NULL) {
		return;
	}
	if (now_ns - msg->pcm.time_ns > MAX_AGE_NS) {
		sound->dropped++;
		return;
	}
	audio_put(sound->audio, msg, now_ns);
}

// False: the display does not take it now.
static bool put_voice(void *data, const int16_t *samples, size_t n) {
	struct es_player_sound *sound = data;
	struct es_device_msg msg = {.type = ES_DEVICE_MIC_PCM};
	msg.mic_pcm.n_samples = (uint16_t)n;
	memcpy(msg.mic_pcm.samples, samples, n * sizeof(samples[0]));
	return device_queue_send_now(sound->queue, &msg);
}

void player_sound_hear(
		struct es_player_sound *sound, const struct es_player_msg *msg, int64_t now_ns) {
	if (sound->microphone == NULL) {
		sound->microphone = microphone_create(put_voice, sound);
	}
	if (sound->microphone != NULL) {
		microphone_packet(sound->microphone, msg->mic.index, msg->mic.opus, msg->mic.size, now_ns);
	}
}

int64_t player_sound_wake_ns(const struct es_player_sound *sound) {
	int64_t audio_ns = sound->audio != NULL ? audio_wake_ns(sound->audio) : INT64_MAX;
	int64_t voice_ns =
			sound->microphone != NULL ? microphone_wake_ns(sound->microphone) : INT64_MAX;
	return audio_ns < voice_ns ? audio_ns : voice_ns;
}

void player_sound_tick(struct es_player_sound *sound, int64_t now_ns) {
	if (sound->audio != NULL && now_ns >= audio_wake_ns(sound->audio)) {
		sound->flushing = true;
		audio_flush(sound->audio);
		sound->flushing = false;
	}
	if (sound->microphone != NULL) {
		microphone_tick(sound->microphone, now_ns);
	}
}

void player_sound_fill(const struct es_player_sound *sound, struct es_sound_stats *stats) {
	if (sound->audio == NULL) {
		return;
	}
	struct es_audio_counts counts = audio_counts(sound->audio);
	struct es_stage_summary latency = histogram_summary(&sound->latency);
	*stats = (struct es_sound_stats){
			.packets = sound->sent,
			.dropped = sound->dropped + counts.dropped,
			.inserted = counts.inserted,
			.p50_us = latency.p50_us,
			.p99_us = latency.p99_us,
	};
}
