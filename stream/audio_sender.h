// GameStream audio on its way out: encoded, packetized and given to the kernel at once, on the streamer's
// thread. What the kernel does not take is lost, as on any network; the parity is for that.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "protocol/device_msg.h"
#include "protocol/session_msg.h"

struct es_audio_sender;

// fd: bound UDP socket, borrowed. NULL after a logged error.
struct es_audio_sender *audio_sender_create(const struct es_gamestream_start *start, int fd);
void audio_sender_destroy(struct es_audio_sender *sender); // NULL is fine

// Where to: an address that has proved itself. Before, nothing is encoded.
void audio_sender_set_peer(
		struct es_audio_sender *sender, const struct sockaddr *peer, socklen_t size);
void audio_sender_put(struct es_audio_sender *sender, const struct es_device_msg *pcm);
int64_t audio_sender_wake_ns(const struct es_audio_sender *sender);
void audio_sender_tick(struct es_audio_sender *sender); // then, or whenever
void audio_sender_fill(const struct es_audio_sender *sender, struct es_sound_stats *stats);
