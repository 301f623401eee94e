#include "stream/file_sound.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "stream/audio.h"

struct es_file_sound {
	struct es_audio *audio; // owned
	struct es_device_queue queue; // nothing is put, only read
	struct es_file_packet packets[ES_FILE_SOUND_PACKETS];
	size_t first, n;
	uint64_t taken, lost;
};

static void add_packet(void *data, const struct es_audio_packet *packet) {
	struct es_file_sound *sound = data;
	if (packet->size > ES_FILE_SOUND_MAX) {
		sound->lost++;
		return;
	}
	if (sound->n == ES_FILE_SOUND_PACKETS) {
		sound->first = (sound->first + 1) % ES_FILE_SOUND_PACKETS;
		sound->n--;
		sound->lost++;
	}
	struct es_file_packet *place =
			&sound->packets[(sound->first + sound->n++) % ES_FILE_SOUND_PACKETS];
	place->time_ns = packet->time_ns;
	place->n_frames = packet->n_frames;
	place->size = packet->size;
	memcpy(place->data, packet->data, packet->size);
}

static void take_message(void *data, const struct es_device_msg *msg) {
	struct es_file_sound *sound = data;
	if (msg->type == ES_DEVICE_PCM) {
		audio_put(sound->audio, msg, msg->pcm.time_ns);
	}
}

struct es_file_sound *file_sound_create(uint8_t channels) {
	struct es_file_sound *sound = calloc(1, sizeof(*sound));
	if (sound == NULL) {
		es_log(ES_LOG_ERROR, "no sound in the file: out of memory");
		return NULL;
	}
	device_queue_init(&sound->queue);
	sound->queue.message = take_message;
	sound->queue.data = sound;
	sound->audio = audio_create(&(struct es_audio_params){
			.channels = channels,
			.packet_ms = ES_FILE_SOUND_PACKET_MS,
			.file = true,
			.packet = add_packet,
			.data = sound,
	});
	if (sound->audio == NULL) {
		file_sound_destroy(sound);
		return NULL;
	}
	return sound;
}

void file_sound_destroy(struct es_file_sound *sound) {
	if (sound != NULL) {
		device_queue_finish(&sound->queue);
		audio_destroy(sound->audio);
		free(sound);
	}
}

void file_sound_attach(struct es_file_sound *sound, int fd) {
	device_queue_attach(&sound->queue, fd);
}

int file_sound_fd(const struct es_file_sound *sound) {
	return sound->queue.fd;
}

void file_sound_dispatch(struct es_file_sound *sound) {
	if (sound->queue.fd >= 0) {
		device_queue_dispatch(&sound->queue);
	}
}

int64_t file_sound_wake_ns(const struct es_file_sound *sound) {
	return audio_wake_ns(sound->audio);
}

void file_sound_tick(struct es_file_sound *sound, int64_t now_ns) {
	if (now_ns >= audio_wake_ns(sound->audio)) {
		audio_flush(sound->audio);
	}
}

void file_sound_end(struct es_file_sound *sound) {
	file_sound_dispatch(sound);
	audio_flush(sound->audio);
}

size_t file_sound_waiting(const struct es_file_sound *sound) {
	return sound->n;
}

const struct es_file_packet *file_sound_next(struct es_file_sound *sound) {
	if (sound->n == 0) {
		return NULL;
	}
	const struct es_file_packet *packet = &sound->packets[sound->first];
	sound->first = (sound->first + 1) % ES_FILE_SOUND_PACKETS;
	sound->n--;
	sound->taken++;
	return packet;
}

size_t file_sound_head(const struct es_file_sound *sound, uint8_t out[64]) {
	return audio_head(sound->audio, out);
}

void file_sound_fill(const struct es_file_sound *sound, struct es_sound_stats *stats) {
	struct es_audio_counts counts = audio_counts(sound->audio);
	*stats = (struct es_sound_stats){
			.packets = sound->taken,
			.dropped = sound->lost + counts.dropped,
			.inserted = counts.inserted,
	};
}
