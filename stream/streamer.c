#include "stream/streamer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/process.h"
#include "protocol/session_msg.h"
#include "stream/control.h"
#include "stream/sink_start.h"
#include "stream/stats.h"
#include "stream/unit_source.h"

// From DRAIN, or the host's death, to our end: for the encoder's last units, and then for a reader
// that takes the last bytes. 2 s in all are allowed.
#define DRAIN_NS (1200 * ES_NS_PER_MS)
#define FINISH_NS (500 * ES_NS_PER_MS)
// For a viewer to say that it has heard of the end.
#define FAREWELL_NS (1000 * ES_NS_PER_MS)

// NONE -> STREAMING -> (FINISHING ->) ENDED. While FINISHING only the file's end is on its way.
enum es_streamer_state {
	ES_STREAMER_NONE,
	ES_STREAMER_STREAMING,
	ES_STREAMER_FINISHING,
	ES_STREAMER_ENDED
};

struct es_streamer {
	// borrowed
	int session_fd;

	// owned
	struct es_sink *sink;
	struct es_unit_source *source; // NULL between encoders
	struct _ENetHost *control_host; // for a client, until there is one
	int next_source_fd; // attached while a unit of the one before was still being sent

	// state
	enum es_streamer_state state;
	bool host_gone, draining, sending;
	bool wants_idr, asked_idr; // of this encoder
	uint32_t reason; // of the end, ES_TERMINATE_*
	int64_t deadline_ns; // while draining
	int status;
	struct es_unit unit; // being sent
	char path[ES_SESSION_MAX_TEXT];
	struct es_stats stats;
	struct es_link_packet packet;
	struct es_session_msg message;
};

struct es_streamer *streamer_create(int session_fd) {
	struct es_streamer *streamer = calloc(1, sizeof(*streamer));
	if (streamer == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		return NULL;
	}
	streamer->session_fd = session_fd;
	streamer->next_source_fd = -1;
	streamer->control_host = control_host_create();
	streamer->reason = ES_TERMINATE_GRACEFUL;
	stats_init(&streamer->stats);
	return streamer;
}

void streamer_destroy(struct es_streamer *streamer) {
	if (streamer == NULL) {
		return;
	}
	// The sink may still borrow a unit's memory from the source.
	sink_destroy(streamer->sink);
	unit_source_destroy(streamer->source);
	fd_close(&streamer->next_source_fd);
	control_host_destroy(streamer->control_host);
	frame_rows_destroy(streamer->stats.rows);
	free(streamer);
}

static void tell_host(struct es_streamer *streamer, const struct es_session_msg *message) {
	uint8_t data[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(message, data, sizeof(data));
	if (streamer->host_gone) {
		return;
	}
	if (size == 0 || link_send(streamer->session_fd, data, size, NULL, 0) != ES_LINK_OK) {
		es_log(ES_LOG_DEBUG, "the host did not take message %d", (int)message->type);
	}
}

static void tell_frames(struct es_streamer *streamer) {
	struct es_session_msg message;
	size_t at = 0;
	if (streamer->stats.rows != NULL) {
		while (frame_rows_tell(streamer->stats.rows, &at, &message)) {
			tell_host(streamer, &message);
		}
		frame_rows_clear(streamer->stats.rows);
	}
}

static void want_frames(struct es_streamer *streamer, bool on) {
	if (on && streamer->stats.rows == NULL) {
		streamer->stats.rows = frame_rows_create();
	} else if (!on) {
		frame_rows_destroy(streamer->stats.rows);
		streamer->stats.rows = NULL;
	}
}

static void answer_stats(struct es_streamer *streamer) {
	struct es_session_msg message = {.type = ES_SESSION_STREAM_STATS};
	tell_frames(streamer);
	stats_summary(&streamer->stats, &message.stream_stats);
	struct es_process_usage usage = process_usage();
	message.stream_stats.usage.cpu_us = (uint64_t)usage.cpu_us;
	message.stream_stats.usage.peak_rss_kib = (uint64_t)usage.peak_rss_kib;
	if (streamer->sink != NULL && streamer->sink->impl->fill_net != NULL) {
		streamer->sink->impl->fill_net(streamer->sink, &message.stream_stats.net);
	}
	if (streamer->sink != NULL && streamer->sink->impl->fill_sound != NULL) {
		streamer->sink->impl->fill_sound(streamer->sink, &message.stream_stats.sound);
	}
	tell_host(streamer, &message);
}

static void end(struct es_streamer *streamer, enum es_end_code code, const char *text) {
	struct es_session_msg message = {.type = ES_SESSION_END, .end = {.code = code}};
	snprintf(message.end.text, sizeof(message.end.text), "%s", text);
	bool untold = code == ES_END_FAILED && streamer->host_gone;
	es_log(untold ? ES_LOG_ERROR : ES_LOG_DEBUG, "ending: %s", text[0] != '\0' ? text : "as asked");
	answer_stats(streamer); // the last chance to ask is gone
	tell_host(streamer, &message);
	streamer->state = ES_STREAMER_ENDED;
	streamer->status = code == ES_END_FAILED ? 1 : 0;
}

static bool is_live(const struct es_streamer *streamer) {
	return streamer->sink != NULL && streamer->sink->live;
}

static void end_finished(struct es_streamer *streamer) {
	char text[ES_SESSION_MAX_TEXT] = "";
	if (streamer->sink != NULL && !is_live(streamer) && streamer->sink->n_units == 0) {
		snprintf(text, sizeof(text), "no frame was encoded: %.300s is empty", streamer->path);
	}
	end(streamer, ES_END_DRAINED, text);
}

static void flush_finish(struct es_streamer *streamer) {
	switch (sink_flush(streamer->sink)) {
	case ES_SINK_AGAIN:
		return;
	case ES_SINK_OK:
		end_finished(streamer);
		return;
	default:
		end(streamer, ES_END_FAILED, streamer->sink->error);
		return;
	}
}

// No unit is being sent: ends the file, or tells the viewer.
static void finish(struct es_streamer *streamer) {
	if (streamer->sink == NULL) {
		end_finished(streamer);
		return;
	}
	streamer->state = ES_STREAMER_FINISHING;
	streamer->draining = true;
	streamer->deadline_ns = clock_now_ns() + (is_live(streamer) ? FAREWELL_NS : FINISH_NS);
	if (sink_terminate(streamer->sink, streamer->reason) == ES_SINK_FAILED) {
		end(streamer, ES_END_FAILED, streamer->sink->error);
		return;
	}
	flush_finish(streamer);
}

static void use_source(struct es_streamer *streamer, int fd) {
	unit_source_destroy(streamer->source);
	streamer->source = unit_source_create(fd);
	streamer->wants_idr = true;
	streamer->asked_idr = false;
	if (streamer->source == NULL) {
		end(streamer, ES_END_FAILED, "out of memory");
	}
}

// A unit of the old encoder may still be on its way out of its memory: then that comes first.
static void attach_source(struct es_streamer *streamer, int fd) {
	if (streamer->sending) {
		fd_close(&streamer->next_source_fd);
		streamer->next_source_fd = fd;
		return;
	}
	use_source(streamer, fd);
}

static void lose_source(struct es_streamer *streamer) {
	unit_source_destroy(streamer->source);
	streamer->source = NULL;
	if (streamer->next_source_fd >= 0) {
		int fd = streamer->next_source_fd;
		streamer->next_source_fd = -1;
		use_source(streamer, fd);
	} else if (streamer->draining) {
		finish(streamer);
	} else {
		tell_host(streamer, &(struct es_session_msg){.type = ES_SESSION_NEED_ENCODER});
	}
}

static void drain(struct es_streamer *streamer) {
	if (streamer->draining) {
		return;
	}
	streamer->draining = true;
	streamer->deadline_ns = clock_now_ns() + DRAIN_NS;
	// What an encoder still has is of no use to a viewer who is to go.
	bool encoder = streamer->source != NULL || streamer->next_source_fd >= 0;
	if (is_live(streamer) || !encoder) {
		finish(streamer);
	}
}

static void lose_host(struct es_streamer *streamer) {
	es_log(ES_LOG_DEBUG, "the host is gone");
	streamer->host_gone = true;
	drain(streamer);
}

static void ask_encoder(struct es_streamer *streamer, const struct es_sink_event *event) {
	if (streamer->source == NULL) {
		return; // the next one begins anew
	}
	switch (event->type) {
	case ES_SINK_WANTS_IDR:
		unit_source_ask_idr(streamer->source);
		return;
	case ES_SINK_WANTS_INVALIDATION:
		unit_source_invalidate(
				streamer->source, event->invalidation.first, event->invalidation.last);
		return;
	case ES_SINK_WANTS_HOLD:
		unit_source_hold(streamer->source, event->hold.held);
		return;
	default:
		unit_source_ask_bitrate(streamer->source, event->bitrate.kbps);
		return;
	}
}

static void take_event(struct es_streamer *streamer, const struct es_sink_event *event) {
	switch (event->type) {
	case ES_SINK_SENT:
		stats_record(&streamer->stats, &event->sent.unit, event->sent.packetized_ns,
				event->sent.sent_ns);
		return;
	case ES_SINK_WANTS_IDR:
	case ES_SINK_WANTS_INVALIDATION:
	case ES_SINK_WANTS_BITRATE:
	case ES_SINK_WANTS_HOLD:
		ask_encoder(streamer, event);
		return;
	case ES_SINK_WANTS_MODE:
		tell_host(
				streamer, &(struct es_session_msg){.type = ES_SESSION_RESIZE, .mode = event->mode});
		return;
	case ES_SINK_CLIENT:
		tell_host(streamer,
				&(struct es_session_msg){
						.type = ES_SESSION_CLIENT, .client = {event->client.phase}});
		return;
	case ES_SINK_END:
		end(streamer, event->end.code, event->end.text);
		return;
	}
}

static void take_events(struct es_streamer *streamer) {
	struct es_sink_event event;
	while (streamer->state != ES_STREAMER_ENDED && streamer->sink != NULL &&
			sink_next_event(streamer->sink, &event)) {
		take_event(streamer, &event);
	}
}

static void unit_sent(struct es_streamer *streamer) {
	streamer->sending = false;
	unit_source_done(streamer->source, streamer->unit.slot);
	take_events(streamer);
	if (streamer->next_source_fd >= 0) {
		lose_source(streamer);
	}
}

static void flush_unit(struct es_streamer *streamer) {
	switch (sink_flush(streamer->sink)) {
	case ES_SINK_AGAIN:
		return;
	case ES_SINK_OK:
		unit_sent(streamer);
		return;
	default:
		streamer->sending = false;
		end(streamer, ES_END_FAILED, streamer->sink->error);
		return;
	}
}

// One question is enough: the IDR that it asks for is on its way until it is there.
static void skip_unit(struct es_streamer *streamer) {
	stats_drop(&streamer->stats);
	unit_source_done(streamer->source, streamer->unit.slot);
	if (!streamer->asked_idr) {
		streamer->asked_idr = true;
		unit_source_ask_idr(streamer->source);
	}
}

// Until DONE the unit's memory is ours to read, and nothing more is read from the encoder.
static void take_unit(struct es_streamer *streamer) {
	streamer->unit = unit_source_message(streamer->source)->unit;
	if (streamer->wants_idr && !streamer->unit.idr) {
		skip_unit(streamer);
		return;
	}
	streamer->wants_idr = false;
	switch (sink_write(streamer->sink, &streamer->unit, unit_source_data(streamer->source))) {
	case ES_SINK_OK:
		streamer->sending = true;
		flush_unit(streamer);
		return;
	case ES_SINK_BAD_UNIT:
		es_log(ES_LOG_WARN,
				"dropping the encoder: unit %" PRIu64 " is not what its codec says; asking for "
				"another",
				streamer->unit.sequence);
		stats_drop(&streamer->stats);
		lose_source(streamer);
		return;
	case ES_SINK_DROPPED:
		stats_drop(&streamer->stats);
		unit_source_done(streamer->source, streamer->unit.slot);
		return;
	case ES_SINK_UNWANTED:
		unit_source_done(streamer->source, streamer->unit.slot);
		return;
	default:
		end(streamer, ES_END_FAILED, streamer->sink->error);
		return;
	}
}

static void take_codec(struct es_streamer *streamer) {
	const struct es_unit_msg *message = unit_source_message(streamer->source);
	struct es_sink_track track = {
			.codec = message->codec.codec,
			.mode = message->codec.mode,
			.colour = message->codec.colour,
			.headers = message->codec.headers,
			.headers_size = message->codec.headers_size,
	};
	stats_set_encoder(&streamer->stats, message->codec.encoder, message->codec.codec,
			message->codec.mode.refresh_mhz);
	if (sink_set_track(streamer->sink, &track) == ES_SINK_FAILED) {
		char text[ES_SESSION_MAX_TEXT];
		memcpy(text, streamer->sink->error, sizeof(text));
		sink_finish(streamer->sink);
		sink_flush(streamer->sink);
		end(streamer, ES_END_FAILED, text);
	}
}

// For a viewer it goes on with the encoder that the host has in mind.
static void source_ended(struct es_streamer *streamer) {
	if (!is_live(streamer)) {
		finish(streamer);
		return;
	}
	unit_source_destroy(streamer->source);
	streamer->source = NULL;
}

static void read_source(struct es_streamer *streamer) {
	switch (unit_source_read(streamer->source)) {
	case ES_SOURCE_NONE:
		return;
	case ES_SOURCE_CODEC:
		take_codec(streamer);
		return;
	case ES_SOURCE_UNIT:
		take_unit(streamer);
		return;
	case ES_SOURCE_END:
		source_ended(streamer);
		return;
	case ES_SOURCE_LOST:
		lose_source(streamer);
		return;
	}
}

static void start(struct es_streamer *streamer) {
	if (streamer->state != ES_STREAMER_NONE) {
		es_log(ES_LOG_ERROR, "a second start is ignored");
		return;
	}
	if (streamer->message.type == ES_SESSION_START_STREAM) {
		snprintf(streamer->path, sizeof(streamer->path), "%s",
				sink_start_output(&streamer->message));
	}
	char text[ES_SESSION_MAX_TEXT];
	streamer->sink = sink_start(
			&streamer->message, &streamer->packet, &streamer->control_host, text, sizeof(text));
	if (streamer->sink == NULL) {
		end(streamer, ES_END_FAILED, text);
		return;
	}
	streamer->state = ES_STREAMER_STREAMING;
	tell_host(streamer, &(struct es_session_msg){.type = ES_SESSION_READY});
}

static void attach(struct es_streamer *streamer, int fd) {
	bool usable = streamer->state == ES_STREAMER_STREAMING && !streamer->draining;
	if (usable && streamer->message.attach.kind == ES_ATTACH_UNIT) {
		attach_source(streamer, fd);
		return;
	}
	if (usable && streamer->message.attach.kind == ES_ATTACH_DEVICE &&
			streamer->sink->impl->take_device != NULL) {
		streamer->sink->impl->take_device(streamer->sink, fd);
		return;
	}
	es_log(ES_LOG_DEBUG, "a link of kind %d is not used", (int)streamer->message.attach.kind);
	fd_close(&fd);
}

static void limit_bitrate(struct es_streamer *streamer, uint32_t kbps) {
	struct es_sink *sink = streamer->sink;
	if (sink != NULL && sink->impl->limit_bitrate != NULL) {
		sink->impl->limit_bitrate(sink, kbps);
	}
}

static void take_session_message(struct es_streamer *streamer) {
	struct es_link_packet *packet = &streamer->packet;
	if (!session_msg_decode(&streamer->message, packet->data, packet->size, packet->n_fds)) {
		es_log(ES_LOG_ERROR, "ending: the host sent a message that is none of the session link's");
		streamer->status = 1;
		lose_host(streamer);
		return;
	}
	switch (streamer->message.type) {
	case ES_SESSION_START_STREAM:
	case ES_SESSION_START_GAMESTREAM:
	case ES_SESSION_START_PLAYER:
		start(streamer);
		return;
	case ES_SESSION_ATTACH:
		attach(streamer, link_packet_take_fd(packet, 0));
		return;
	case ES_SESSION_STATS:
		answer_stats(streamer);
		return;
	case ES_SESSION_ROWS:
		want_frames(streamer, streamer->message.rows.on);
		return;
	case ES_SESSION_BITRATE:
		limit_bitrate(streamer, streamer->message.bitrate.kbps);
		return;
	case ES_SESSION_DRAIN:
		drain(streamer);
		return;
	case ES_SESSION_TERMINATE:
		streamer->reason = streamer->message.terminate.code;
		drain(streamer);
		return;
	default:
		es_log(ES_LOG_DEBUG, "message %d is not for a streamer", (int)streamer->message.type);
		return;
	}
}

static void read_session(struct es_streamer *streamer) {
	switch (link_recv(streamer->session_fd, &streamer->packet)) {
	case ES_LINK_OK:
		take_session_message(streamer);
		link_packet_finish(&streamer->packet);
		return;
	case ES_LINK_AGAIN:
		return;
	case ES_LINK_CLOSED:
	case ES_LINK_BROKEN:
		lose_host(streamer);
		return;
	}
}

static void flush_sink(struct es_streamer *streamer) {
	if (streamer->state == ES_STREAMER_FINISHING) {
		flush_finish(streamer);
	} else if (streamer->sending) {
		flush_unit(streamer);
	}
}

static void deadline_over(struct es_streamer *streamer) {
	char text[ES_SESSION_MAX_TEXT];
	if (is_live(streamer)) {
		end(streamer, ES_END_DRAINED, "");
		return;
	}
	if (streamer->sending || streamer->state == ES_STREAMER_FINISHING) {
		snprintf(text, sizeof(text),
				"cannot end %.300s: its reader takes no more bytes; the last frames are missing",
				streamer->path);
		end(streamer, ES_END_FAILED, text);
		return;
	}
	es_log(ES_LOG_WARN, "the encoder did not end in time: its last frames are missing in %s",
			streamer->path);
	finish(streamer);
}

enum { POLL_SESSION, POLL_SOURCE, POLL_SINK, POLL_MAX = POLL_SINK + ES_SINK_MAX_FDS };

// What one round waits for.
struct round {
	struct pollfd pollfds[POLL_MAX];
	size_t n_sink;
	int64_t wake_ns; // of the sink
	bool flushing;
};

// A negative fd is not polled.
static void prepare(const struct es_streamer *streamer, struct round *round) {
	round->flushing = streamer->sending || streamer->state == ES_STREAMER_FINISHING;
	bool reading = streamer->source != NULL && !round->flushing;
	round->pollfds[POLL_SESSION] = (struct pollfd){
			.fd = streamer->host_gone ? -1 : streamer->session_fd, .events = POLLIN};
	round->pollfds[POLL_SOURCE] = (struct pollfd){
			.fd = reading ? unit_source_fd(streamer->source) : -1, .events = POLLIN};
	round->n_sink = 0;
	round->wake_ns = ES_SINK_NEVER;
	if (streamer->sink != NULL) {
		round->n_sink = sink_poll(
				streamer->sink, round->pollfds + POLL_SINK, round->flushing, &round->wake_ns);
	}
}

static int timeout_ms(const struct es_streamer *streamer, const struct round *round) {
	int64_t wake_ns = round->wake_ns;
	if (streamer->draining && streamer->deadline_ns < wake_ns) {
		wake_ns = streamer->deadline_ns;
	}
	if (wake_ns == ES_SINK_NEVER) {
		return -1;
	}
	int64_t left_ns = wake_ns - clock_now_ns();
	if (left_ns > 60 * ES_NS_PER_S) {
		left_ns = 60 * ES_NS_PER_S;
	}
	return left_ns > 0 ? (int)(left_ns / ES_NS_PER_MS) + 1 : 0;
}

static bool sink_ready(const struct round *round) {
	for (size_t i = 0; i < round->n_sink; i++) {
		if (round->pollfds[POLL_SINK + i].revents != 0) {
			return true;
		}
	}
	return round->wake_ns != ES_SINK_NEVER && clock_now_ns() >= round->wake_ns;
}

static void serve_sink(struct es_streamer *streamer, const struct round *round) {
	sink_dispatch(streamer->sink, round->pollfds + POLL_SINK, round->n_sink);
	take_events(streamer);
	if (streamer->state != ES_STREAMER_ENDED && round->flushing) {
		flush_sink(streamer);
	}
}

static void dispatch(struct es_streamer *streamer, const struct round *round) {
	const struct es_unit_source *polled = streamer->source;
	if (round->pollfds[POLL_SESSION].revents != 0) {
		read_session(streamer);
	}
	if (streamer->state != ES_STREAMER_ENDED && round->n_sink > 0 && sink_ready(round)) {
		serve_sink(streamer, round);
	}
	if (round->pollfds[POLL_SOURCE].revents != 0 && streamer->source == polled &&
			streamer->state == ES_STREAMER_STREAMING) {
		read_source(streamer);
	}
	if (streamer->state != ES_STREAMER_ENDED) {
		take_events(streamer);
	}
	if (streamer->state != ES_STREAMER_ENDED && streamer->draining &&
			clock_now_ns() >= streamer->deadline_ns) {
		deadline_over(streamer);
	}
}

int streamer_run(struct es_streamer *streamer) {
	while (streamer->state != ES_STREAMER_ENDED) {
		struct round round;
		prepare(streamer, &round);
		if (poll(round.pollfds, POLL_SINK + round.n_sink, timeout_ms(streamer, &round)) < 0) {
			if (errno == EINTR) {
				continue;
			}
			end(streamer, ES_END_FAILED, strerror(errno));
			break;
		}
		dispatch(streamer, &round);
	}
	return streamer->status;
}
