// The sound of a file: from the display's blocks to Opus packets that wait for their turn between the units.
// One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/session_msg.h"
#include "stream/device_queue.h"

#define ES_FILE_SOUND_PACKET_MS 20
#define ES_FILE_SOUND_PACKETS 128 // 2.5 s: more wait only for a reader that stands still
#define ES_FILE_SOUND_MAX 4000 // bytes of a packet

struct es_file_packet {
	int64_t time_ns; // of the first sample
	uint32_t n_frames;
	size_t size;
	uint8_t data[ES_FILE_SOUND_MAX];
};

struct es_file_sound;

// NULL after a logged error.
struct es_file_sound *file_sound_create(uint8_t channels);
void file_sound_destroy(struct es_file_sound *sound); // NULL is fine

void file_sound_attach(struct es_file_sound *sound, int fd); // takes the display's link over
int file_sound_fd(const struct es_file_sound *sound); // to be polled for reading; -1: none
void file_sound_dispatch(struct es_file_sound *sound); // reads it
int64_t file_sound_wake_ns(const struct es_file_sound *sound); // when to tick at the latest
void file_sound_tick(struct es_file_sound *sound, int64_t now_ns);
void file_sound_end(
		struct es_file_sound *sound); // nothing more comes: what is left becomes packets

size_t file_sound_waiting(const struct es_file_sound *sound); // packets
// The oldest, until the next call; NULL: there is none.
const struct es_file_packet *file_sound_next(struct es_file_sound *sound);
size_t file_sound_head(const struct es_file_sound *sound, uint8_t out[64]); // OpusHead
void file_sound_fill(const struct es_file_sound *sound, struct es_sound_stats *stats);
