// Where access units go: a file now, a viewer's network later.
//
// One unit at a time: `write` takes it in and `flush` sends it; until `flush` has answered OK the
// unit's memory is borrowed. All calls on the streamer's one thread; none of them waits for
// a reader.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

enum es_sink_result {
	ES_SINK_OK,
	ES_SINK_AGAIN, // the reader takes no more now: flush again once fd is writable
	ES_SINK_BAD_UNIT, // the unit is not what its codec says; the sink is as before
	ES_SINK_FAILED, // for good: `error` says what and why
};

// What an encoder sends from here on.
struct es_sink_track {
	enum es_codec codec;
	struct es_mode mode;
	struct es_colour colour;
	const uint8_t *headers; // borrowed for the call
	size_t headers_size; // 0: only in the units
};

struct es_sink;

struct es_sink_impl {
	void (*destroy)(struct es_sink *sink);
	enum es_sink_result (*set_track)(struct es_sink *sink, const struct es_sink_track *track);
	enum es_sink_result (*write)(
			struct es_sink *sink, const struct es_unit *unit, const uint8_t *data);
	enum es_sink_result (*flush)(struct es_sink *sink);
	enum es_sink_result (*finish)(struct es_sink *sink);
};

// First member of every implementation's struct.
struct es_sink {
	const struct es_sink_impl *impl;
	int fd; // to poll for room and for a reader that has gone
	uint64_t n_units; // taken in and sent
	uint64_t n_bytes; // sent, with all that is around the units
	char error[ES_SESSION_MAX_TEXT]; // after ES_SINK_FAILED
};

// NULL is fine.
static inline void sink_destroy(struct es_sink *sink) {
	if (sink != NULL) {
		sink->impl->destroy(sink);
	}
}

// Before the first unit, and again when another encoder takes over. OK or FAILED.
static inline enum es_sink_result sink_set_track(
		struct es_sink *sink, const struct es_sink_track *track) {
	return sink->impl->set_track(sink, track);
}

// Makes the unit's bytes ready to be sent. OK: `data` is borrowed until flush says OK or FAILED.
// BAD_UNIT and FAILED: nothing of it is kept.
static inline enum es_sink_result sink_write(
		struct es_sink *sink, const struct es_unit *unit, const uint8_t *data) {
	return sink->impl->write(sink, unit, data);
}

// Sends what is ready. OK: all of it is out. AGAIN: poll sink->fd for writing first.
static inline enum es_sink_result sink_flush(struct es_sink *sink) {
	return sink->impl->flush(sink);
}

// No more units come: makes the end ready; flush sends it.
static inline enum es_sink_result sink_finish(struct es_sink *sink) {
	return sink->impl->finish(sink);
}
