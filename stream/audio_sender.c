#include "stream/audio_sender.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "protocol/audio_packet.h"
#include "stream/audio.h"
#include "stream/stats.h"
#include "stream/udp_sender.h"

// An older block would only make the client's queue longer: somebody stood still on the way.
#define MAX_AGE_NS (60 * ES_NS_PER_MS)

struct es_audio_sender {
	// owned
	struct es_audio *audio;
	struct es_audio_packetizer *packetizer;

	struct es_udp_sender udp;
	struct sockaddr_storage peer;
	socklen_t peer_size; // 0: none yet
	uint64_t sent, lost, too_old; // packets; packets that the kernel refused; blocks
	bool flushing; // what goes out now has waited for nobody
	struct es_histogram latency;
	struct es_audio_datagrams datagrams; // scratch
};

static void send_packet(void *data, const struct es_audio_packet *packet) {
	struct es_audio_sender *sender = data;
	if (!audio_packetizer_put(sender->packetizer, packet->data, packet->size, &sender->datagrams)) {
		sender->lost++;
		return;
	}
	bool ok = true;
	for (size_t i = 0; i < sender->datagrams.n; i++) {
		ok = udp_sender_send(&sender->udp, (const struct sockaddr *)&sender->peer,
					 sender->peer_size, sender->datagrams.data[i], 1,
					 sender->datagrams.sizes[i]) == 1 &&
				ok;
	}
	sender->sent += ok;
	sender->lost += !ok;
	int64_t latency_ns = clock_now_ns() - packet->time_ns;
	if (sender->flushing) {
		return;
	}
	histogram_add(&sender->latency, latency_ns > 0 ? (uint64_t)latency_ns : 0);
}

struct es_audio_sender *audio_sender_create(const struct es_gamestream_start *start, int fd) {
	struct es_audio_sender *sender = calloc(1, sizeof(*sender));
	if (sender == NULL) {
		es_log(ES_LOG_ERROR, "no sound: out of memory");
		return NULL;
	}
	bool encrypted = (start->encryption & ES_GAMESTREAM_ENCRYPT_AUDIO) != 0;
	sender->packetizer = audio_packetizer_create(&(struct es_audio_packetizer_params){
			.key = encrypted ? start->key : NULL,
			.key_id = start->key_id,
			.packet_ms = start->audio_packet_ms,
	});
	sender->audio = audio_create(&(struct es_audio_params){
			.channels = start->audio_channels,
			.packet_ms = start->audio_packet_ms,
			.high_quality = start->audio_high_quality,
			.block = ES_AUDIO_BLOCK,
			.packet = send_packet,
			.data = sender,
	});
	if (sender->packetizer == NULL || sender->audio == NULL) {
		audio_sender_destroy(sender);
		return NULL;
	}
	udp_sender_init(&sender->udp, fd);
	if (start->dscp_audio != 0 && !udp_sender_set_dscp(&sender->udp, start->dscp_audio)) {
		es_log(ES_LOG_WARN, "cannot mark audio with DSCP %u, sending it unmarked: %s",
				start->dscp_audio, strerror(errno));
	}
	return sender;
}

void audio_sender_destroy(struct es_audio_sender *sender) {
	if (sender != NULL) {
		audio_destroy(sender->audio);
		audio_packetizer_destroy(sender->packetizer);
		free(sender);
	}
}

void audio_sender_set_peer(
		struct es_audio_sender *sender, const struct sockaddr *peer, socklen_t size) {
	if (size > 0 && size <= sizeof(sender->peer)) {
		memcpy(&sender->peer, peer, size);
		sender->peer_size = size;
	}
}

void audio_sender_put(struct es_audio_sender *sender, const struct es_device_msg *pcm) {
	int64_t now_ns = clock_now_ns();
	if (sender->peer_size == 0) {
		return;
	}
	if (now_ns - pcm->pcm.time_ns > MAX_AGE_NS) {
		sender->too_old++;
		return;
	}
	audio_put(sender->audio, pcm, now_ns);
}

int64_t audio_sender_wake_ns(const struct es_audio_sender *sender) {
	return audio_wake_ns(sender->audio);
}

void audio_sender_tick(struct es_audio_sender *sender) {
	if (clock_now_ns() >= audio_wake_ns(sender->audio)) {
		sender->flushing = true;
		audio_flush(sender->audio);
		sender->flushing = false;
	}
}

void audio_sender_fill(const struct es_audio_sender *sender, struct es_sound_stats *stats) {
	struct es_audio_counts counts = audio_counts(sender->audio);
	struct es_stage_summary latency = histogram_summary(&sender->latency);
	*stats = (struct es_sound_stats){
			.packets = sender->sent,
			.dropped = sender->lost + sender->too_old + counts.dropped,
			.inserted = counts.inserted,
			.p50_us = latency.p50_us,
			.p99_us = latency.p99_us,
	};
}
