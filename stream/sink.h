// Where access units go: a file, or a viewer at the other end of the network.
//
// One unit at a time: `write` takes it in and `flush` sends it; until `flush` has answered OK the
// unit's memory is borrowed. What a sink has to say besides (a unit is out, the viewer has lost one, or
// has left) lies in it as events until the streamer takes them. All calls on the streamer's one
// thread; none of them waits for a reader.
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/control_msg.h"
#include "protocol/mode.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

enum es_sink_result {
	ES_SINK_OK,
	ES_SINK_AGAIN, // no more now: flush again once the sink has been dispatched
	ES_SINK_BAD_UNIT, // the unit is not what its codec says; the sink is as before
	ES_SINK_FAILED, // for good: `error` says what and why
	ES_SINK_DROPPED, // no room, or of no use after one that was dropped: lost to the viewer
	ES_SINK_UNWANTED, // there is no viewer yet who could lose it
};

// What an encoder sends from here on.
struct es_sink_track {
	enum es_codec codec;
	struct es_mode mode;
	struct es_colour colour;
	const uint8_t *headers; // borrowed for the call
	size_t headers_size; // 0: only in the units
};

enum es_sink_event_type {
	ES_SINK_SENT, // all of a unit is out
	ES_SINK_WANTS_IDR,
	ES_SINK_WANTS_INVALIDATION, // of the encoder's units first..last
	ES_SINK_WANTS_BITRATE,
	ES_SINK_WANTS_HOLD, // no units, or units again; a new encoder begins without
	ES_SINK_WANTS_MODE, // of the screen
	ES_SINK_CLIENT, // the viewer has come so far
	ES_SINK_END, // it is over; nothing more is to be written
};

struct es_sink_event {
	enum es_sink_event_type type;
	union {
		struct {
			struct es_unit unit;
			int64_t packetized_ns, sent_ns; // its bytes were ready, the last was written
		} sent;
		struct {
			uint64_t first, last;
		} invalidation;
		struct {
			uint32_t kbps;
		} bitrate;
		struct {
			bool held;
		} hold;
		struct es_mode mode;
		struct {
			enum es_client_phase phase;
		} client;
		struct {
			enum es_end_code code;
			char text[ES_SESSION_MAX_TEXT];
		} end;
	};
};

#define ES_SINK_MAX_FDS 8
#define ES_SINK_NEVER INT64_MAX

struct es_sink;

struct es_sink_impl {
	void (*destroy)(struct es_sink *sink);
	enum es_sink_result (*set_track)(struct es_sink *sink, const struct es_sink_track *track);
	enum es_sink_result (*write)(
			struct es_sink *sink, const struct es_unit *unit, const uint8_t *data);
	enum es_sink_result (*flush)(struct es_sink *sink);
	enum es_sink_result (*finish)(struct es_sink *sink, uint32_t reason);
	size_t (*poll)(struct es_sink *sink, struct pollfd *pollfds, bool flushing, int64_t *wake_ns);
	void (*dispatch)(struct es_sink *sink, const struct pollfd *pollfds, size_t n);
	bool (*next_event)(struct es_sink *sink, struct es_sink_event *event);
	// A sink that is a viewer; NULL for a file.
	void (*take_device)(struct es_sink *sink, int fd);
	void (*fill_net)(struct es_sink *sink, struct es_net_stats *net);
	void (*fill_sound)(struct es_sink *sink, struct es_sound_stats *sound); // NULL: silent
	void (*limit_bitrate)(struct es_sink *sink, uint32_t kbps); // the most; NULL: no matter
};

// First member of every implementation's struct.
struct es_sink {
	const struct es_sink_impl *impl;
	// The viewer decides when it is over, not the encoder: none waits for another, and an encoder's END
	// ends nothing.
	bool live;
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

// Makes the unit's bytes ready to be sent. OK: `data` is borrowed until flush says OK or FAILED. Anything
// else: nothing of it is kept.
static inline enum es_sink_result sink_write(
		struct es_sink *sink, const struct es_unit *unit, const uint8_t *data) {
	return sink->impl->write(sink, unit, data);
}

// Sends what is ready. OK: nothing is borrowed any more. AGAIN: poll and dispatch first.
static inline enum es_sink_result sink_flush(struct es_sink *sink) {
	return sink->impl->flush(sink);
}

// No more units come: makes the end ready; flush sends it. reason: ES_TERMINATE_*, told to a viewer.
static inline enum es_sink_result sink_terminate(struct es_sink *sink, uint32_t reason) {
	return sink->impl->finish(sink, reason);
}
static inline enum es_sink_result sink_finish(struct es_sink *sink) {
	return sink_terminate(sink, ES_TERMINATE_GRACEFUL);
}

// What to poll for: at most ES_SINK_MAX_FDS, their number is returned. *wake_ns: when to dispatch at the
// latest, else ES_SINK_NEVER. flushing: flush has said AGAIN.
static inline size_t sink_poll(
		struct es_sink *sink, struct pollfd *pollfds, bool flushing, int64_t *wake_ns) {
	return sink->impl->poll(sink, pollfds, flushing, wake_ns);
}

// After polling, as filled by sink_poll.
static inline void sink_dispatch(struct es_sink *sink, const struct pollfd *pollfds, size_t n) {
	sink->impl->dispatch(sink, pollfds, n);
}

// The oldest event, which is forgotten with that. False: there is none.
static inline bool sink_next_event(struct es_sink *sink, struct es_sink_event *event) {
	return sink->impl->next_event(sink, event);
}
