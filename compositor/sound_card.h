// The session's sound card: a PipeWire sink of constant name that the app plays to, and nothing else. It lives
// as long as the display; what it hears comes in blocks of at most 5 ms, and only while something plays.
//
// On the display's loop. PipeWire's own thread only fills the ring.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "compositor/pcm_ring.h"

struct es_sound_card;
struct es_spawner;

struct es_sound_card_params {
	struct wl_event_loop *loop; // borrowed
	struct es_spawner *spawner; // borrowed; of a server of our own
	uint8_t channels; // 2, 6 or 8: FL FR FC LFE RL RR SL SR
	const char *node; // node.name
	const char *title; // of the session
	bool microphone; // beside it
	// One block. False: not taken, which is counted.
	bool (*block)(void *data, const struct es_pcm_block *block, uint8_t channels);
	// Once: the app may start. Either it can play, or there is no sound (and the log says why).
	void (*settled)(void *data);
	void *data;
};

// Connects to the PipeWire that the environment means, else starts one of its own. NULL: no memory (logged).
// settled is never called from within.
struct es_sound_card *sound_card_create(const struct es_sound_card_params *params);
void sound_card_destroy(struct es_sound_card *card); // NULL is fine

bool sound_card_settled(const struct es_sound_card *card);
// What the app needs in its environment to play here, "NAME=value" and NULL at the end; once it is settled.
char *const *sound_card_env(const struct es_sound_card *card);
// What a viewer says into the microphone, if there is one: 48 kHz, one channel.
void sound_card_speak(struct es_sound_card *card, const int16_t *samples, size_t n);
uint64_t sound_card_dropped(const struct es_sound_card *card); // blocks
