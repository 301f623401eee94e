// The session's microphone: a PipeWire source beside its sound card, on the same connection. It is there as
// long as that, and silent unless a viewer speaks.
//
// On the display's loop; PipeWire's own thread only empties the ring.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct es_microphone;
struct pw_core;

struct es_microphone_params {
	const char *card; // node.name of the sound card: apps that are sent there find the source, too
	const char *title; // of the session
	// Apps can find it. Maybe more than once.
	void (*ready)(void *data);
	// Somebody has removed it; not to be disconnected from within.
	void (*lost)(void *data, const char *why);
	void *data;
};

struct es_microphone *microphone_create(
		const struct es_microphone_params *params); // NULL: no memory
void microphone_destroy(struct es_microphone *mic); // NULL is fine

// On this connection; false: it cannot be. Disconnected before the connection is.
bool microphone_connect(struct es_microphone *mic, struct pw_core *core);
void microphone_disconnect(struct es_microphone *mic);
bool microphone_ready(const struct es_microphone *mic);
const char *microphone_node(const struct es_microphone *mic); // node.name

// What a viewer says: 48 kHz, one channel.
void microphone_put(struct es_microphone *mic, const int16_t *samples, size_t n);
