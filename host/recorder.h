// Records what sessions are like, from when it is armed until it is disarmed: one file in the folder
// `recordings` of the state for all sessions that are played meanwhile. A full disk ends the recording,
// nothing else. Single-threaded, on the host's event loop.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/figures.h"
#include "host/recording_file.h"
#include "host/recording_read.h"

// A recording does not become larger than that, and single frames have no more than this of it.
#define ES_RECORDING_MOST ((uint64_t)128 << 20)
#define ES_RECORDING_MOST_FRAMES ((uint64_t)96 << 20)

struct es_recorder;

// Makes the folder; recordings that a host has left without an end get one. NULL with the reason in
// error[cap]. state_fd stays the caller's.
struct es_recorder *recorder_create(int state_fd, char *error, size_t cap);
// What is under way ends. NULL is fine.
void recorder_destroy(struct es_recorder *recorder);
// Called when it was armed or disarmed, by itself too.
void recorder_on_change(struct es_recorder *recorder, void (*changed)(void *data), void *data);

// False with the reason in error[cap]: one is under way, or there is no file to be had.
bool recorder_start(struct es_recorder *recorder, bool frames, char *error, size_t cap);
bool recorder_stop(struct es_recorder *recorder); // false: none is under way

void recorder_take(struct es_recorder *recorder, const struct es_window *window);
// Single frames of a session that it has heard of; `dropped` were lost before them.
void recorder_take_frames(struct es_recorder *recorder, uint32_t session,
		const struct es_frame_row *rows, size_t n, uint64_t dropped);

struct es_recorder_state {
	bool armed, frames;
	char id[ES_RECORDING_ID]; // of what is under way, or was last; "": none yet
	int64_t started_ms; // since 1970; 0: none yet
	uint64_t size;
	char problem[512]; // why the last one ended by itself; "": it did not
	struct es_recording_summary summary; // so far
};
void recorder_state(const struct es_recorder *recorder, struct es_recorder_state *state);

// Whose id is one, newest first; the caller frees *ids. False: no memory, or the folder is unreadable.
bool recorder_list(const struct es_recorder *recorder, char (**ids)[ES_RECORDING_ID], size_t *n);
// Open for reading, the caller's; -1: there is none of that id.
int recorder_open(const struct es_recorder *recorder, const char *id);
// 0, or an errno; EBUSY: it is under way.
int recorder_remove(struct es_recorder *recorder, const char *id);
