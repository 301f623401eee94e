#define _GNU_SOURCE // ppoll
#include "encode/session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/process.h"
#include "encode/frame_source.h"
#include "encode/pipeline.h"
#include "encode/refine.h"
#include "encode/unit_link.h"
#include "protocol/session_msg.h"

struct session {
	int fd; // the session link, owned
	struct es_frame_source *frames; // owned; NULL while detached
	struct es_unit_link *units; // owned; NULL while detached
	struct es_pipeline *pipeline; // owned; NULL before the first mode

	// From START.
	const struct es_encoder_impl *impl;
	uint32_t bitrate_kbps, threads;

	// What the pipeline and the ring were made for.
	struct es_mode mode;
	uint32_t mode_serial; // of the frame link; 0: none
	bool announced; // on the unit link

	uint64_t sequence; // of the last unit
	uint64_t frame_sequence; // the display's, of the newest frame in the picture
	int64_t last_start_ns; // of the last unit
	struct es_refine refine;
	struct es_unit_requests requests;
	bool idr_wanted; // with the next unit
	bool recovery; // the next unit is the first after an invalidation
	bool draining;

	struct es_encode_stats stats;
	struct es_import_stats imports_before; // of links that are gone
	uint64_t failures_before, converted_before;

	bool done;
	int exit_status;
	struct es_link_packet packet; // too large for the stack of every call
};

static void send_to_host(struct session *session, const struct es_session_msg *msg) {
	uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, bytes, sizeof(bytes));
	assert(size > 0);
	link_send(session->fd, bytes, size, NULL, 0);
}

static void end(struct session *session, enum es_end_code code, const char *text) {
	struct es_session_msg msg = {.type = ES_SESSION_END, .end = {.code = code}};
	snprintf(msg.end.text, sizeof(msg.end.text), "%s", text);
	send_to_host(session, &msg);
	session->done = true;
	session->exit_status = code == ES_END_DRAINED ? 0 : 1;
}

__attribute__((format(printf, 2, 3))) static void fail(
		struct session *session, const char *format, ...) {
	char text[ES_SESSION_MAX_TEXT / 2];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	end(session, ES_END_FAILED, text);
}

static void detach_frames(struct session *session) {
	if (session->frames == NULL) {
		return;
	}
	struct es_import_stats stats = frame_source_import_stats(session->frames);
	session->imports_before.hits += stats.hits;
	session->imports_before.misses += stats.misses;
	session->imports_before.evictions += stats.evictions;
	session->failures_before += frame_source_failures(session->frames);
	frame_source_destroy(session->frames);
	session->frames = NULL;
}

static void detach_units(struct session *session) {
	unit_link_destroy(session->units);
	session->units = NULL;
	session->announced = false;
}

static void drop_pipeline(struct session *session) {
	if (session->pipeline != NULL) {
		session->converted_before += pipeline_converted_px(session->pipeline);
		pipeline_destroy(session->pipeline);
		session->pipeline = NULL;
	}
}

// --- the host's messages

static void handle_start(struct session *session, const struct es_session_msg *msg) {
	session->impl = encoder_find(msg->start_encode.encoder, msg->start_encode.codec);
	if (session->impl == NULL) {
		fail(session,
				"no encoder \"%s\" for %s is built in; `earthshine doctor` lists those that are",
				msg->start_encode.encoder, codec_name(msg->start_encode.codec));
		return;
	}
	session->bitrate_kbps = msg->start_encode.bitrate_kbps;
	session->threads = msg->start_encode.threads;
	send_to_host(session, &(struct es_session_msg){.type = ES_SESSION_READY});
}

static void handle_attach(struct session *session, enum es_attach_kind kind) {
	int fd = link_packet_take_fd(&session->packet, 0);
	if (kind == ES_ATTACH_FRAME) {
		detach_frames(session);
		session->frames = frame_source_create(fd);
		session->mode_serial = 0; // a new display: its picture begins anew
	} else if (kind == ES_ATTACH_UNIT) {
		detach_units(session);
		session->units = unit_link_create(fd);
		session->idr_wanted = true;
	} else {
		fd_close(&fd);
		es_log(ES_LOG_WARN, "an encoder has no use for link kind %d", (int)kind);
	}
}

static void change_bitrate(struct session *session, uint32_t kbps) {
	session->bitrate_kbps = kbps;
	if (session->pipeline != NULL && !pipeline_set_bitrate(session->pipeline, kbps)) {
		fail(session, "the encoder does not open at %u kbit/s", kbps);
	}
}

static void send_stats(struct session *session) {
	struct es_encode_stats stats = session->stats;
	struct es_import_stats imports = {0};
	stats.import_failures = session->failures_before;
	if (session->frames != NULL) {
		imports = frame_source_import_stats(session->frames);
		stats.import_failures += frame_source_failures(session->frames);
	}
	stats.cache_hits = session->imports_before.hits + imports.hits;
	stats.cache_misses = session->imports_before.misses + imports.misses;
	stats.cache_evictions = session->imports_before.evictions + imports.evictions;
	stats.converted_px = session->converted_before;
	if (session->pipeline != NULL) {
		stats.converted_px += pipeline_converted_px(session->pipeline);
	}
	struct es_process_usage usage = process_usage();
	stats.usage.cpu_us = (uint64_t)usage.cpu_us;
	stats.usage.peak_rss_kib = (uint64_t)usage.peak_rss_kib;
	send_to_host(session,
			&(struct es_session_msg){.type = ES_SESSION_ENCODE_STATS, .encode_stats = stats});
}

static void handle_host_message(struct session *session, const struct es_session_msg *msg) {
	switch (msg->type) {
	case ES_SESSION_START_ENCODE:
		handle_start(session, msg);
		return;
	case ES_SESSION_ATTACH:
		handle_attach(session, msg->attach.kind);
		return;
	case ES_SESSION_DETACH:
		detach_frames(session);
		detach_units(session);
		return;
	case ES_SESSION_BITRATE:
		change_bitrate(session, msg->bitrate.kbps);
		return;
	case ES_SESSION_IDR:
		session->requests.idr++;
		return;
	case ES_SESSION_STATS:
		send_stats(session);
		return;
	case ES_SESSION_DRAIN:
		session->draining = true;
		return;
	default:
		es_log(ES_LOG_WARN, "the host sent message %d, which is not for an encoder",
				(int)msg->type);
		return;
	}
}

static void dispatch_host(struct session *session) {
	while (!session->done) {
		enum es_link_result result = link_recv(session->fd, &session->packet);
		if (result == ES_LINK_AGAIN) {
			return;
		}
		struct es_session_msg msg;
		struct es_link_packet *packet = &session->packet;
		if (result != ES_LINK_OK) {
			session->done = true; // the host is gone
		} else if (session_msg_decode(&msg, packet->data, packet->size, packet->n_fds)) {
			handle_host_message(session, &msg);
		} else {
			fail(session, "the host sent something that is not a session message");
		}
		link_packet_finish(packet);
	}
}

static void dispatch_frames(struct session *session) {
	if (session->frames == NULL) {
		return;
	}
	enum es_link_result result = frame_source_dispatch(session->frames);
	if (result == ES_LINK_BROKEN) {
		fail(session, "the link to the display broke");
	} else if (result != ES_LINK_OK) {
		detach_frames(session); // the host will say what to do
	}
}

static void dispatch_units(struct session *session) {
	if (session->units == NULL) {
		return;
	}
	enum es_link_result result = unit_link_dispatch(session->units, &session->requests);
	if (result == ES_LINK_BROKEN) {
		fail(session, "the link to the streamer broke");
	} else if (result != ES_LINK_OK) {
		detach_units(session);
	}
}

// What was asked for, applied between two units.
static void apply_requests(struct session *session) {
	struct es_unit_requests requests = session->requests;
	session->requests = (struct es_unit_requests){0};
	session->stats.idr_asked += requests.idr;
	session->stats.invalidations_asked += requests.invalidate;
	session->idr_wanted = session->idr_wanted || requests.idr > 0;
	if (requests.kbps != 0) {
		change_bitrate(session, requests.kbps);
	}
	if (requests.invalidate == 0 || session->pipeline == NULL || session->done) {
		return;
	}
	if (pipeline_invalidate(session->pipeline, requests.first, requests.last)) {
		session->stats.invalidations_made++;
		session->recovery = true;
	} else {
		session->idr_wanted = true;
	}
}

// --- encoding

static bool can_encode_colour(const struct es_colour *colour) {
	struct es_colour sdr = colour_sdr();
	return memcmp(colour, &sdr, sizeof(sdr)) == 0;
}

// The encoder for the display's mode, announced to the streamer. False: not now.
static bool adopt_mode(struct session *session) {
	uint32_t serial;
	const struct es_mode *mode =
			session->frames != NULL ? frame_source_mode(session->frames, &serial) : NULL;
	if (mode == NULL || serial == session->mode_serial) {
		return session->pipeline != NULL;
	}
	if (!can_encode_colour(frame_source_colour(session->frames))) {
		fail(session, "software encoders take BT.709 limited range in 8 bits only");
		return false;
	}
	if ((mode->width | mode->height) & 1) {
		es_log(ES_LOG_INFO, "%ux%u is odd: its last column or row is repeated to make it even",
				mode->width, mode->height);
	}
	struct es_encoder_params params = {
			.codec = session->impl->codec,
			.mode = *mode,
			.colour = colour_sdr(),
			.bitrate_kbps = session->bitrate_kbps,
			.threads = session->threads,
	};
	drop_pipeline(session);
	session->pipeline = pipeline_create(session->impl, &params);
	if (session->pipeline == NULL) {
		fail(session, "%s does not open for %ux%u", session->impl->name, mode->width, mode->height);
		return false;
	}
	session->mode = *mode;
	session->mode_serial = serial;
	session->announced = false;
	refine_init(&session->refine, clock_period_ns(mode->refresh_mhz), session->impl->good_qp);
	return true;
}

static bool announce(struct session *session) {
	if (session->announced) {
		return true;
	}
	if (!unit_link_idle(session->units)) {
		return false; // slots of the ring before are still being read
	}
	struct es_unit_msg msg = {
			.type = ES_UNIT_CODEC,
			.codec = {.codec = session->impl->codec, .mode = session->mode, .colour = colour_sdr()},
	};
	msg.codec.headers_size = (uint32_t)pipeline_headers(
			session->pipeline, msg.codec.headers, sizeof(msg.codec.headers));
	snprintf(msg.codec.encoder, sizeof(msg.codec.encoder), "%s", session->impl->name);
	session->announced = unit_link_announce(session->units, &msg);
	if (!session->announced) {
		detach_units(session);
	}
	return session->announced;
}

static void count_unit(struct session *session, const struct es_unit *unit) {
	session->stats.bytes += unit->size;
	session->stats.idr_made += unit->idr;
	switch (unit->kind) {
	case ES_UNIT_NEW:
		session->stats.frames_new++;
		break;
	case ES_UNIT_REPEAT:
		session->stats.frames_repeated++;
		break;
	case ES_UNIT_CURSOR:
		session->stats.frames_cursor++;
		break;
	}
}

// Encodes the picture into a free slot and sends it. `unit` has kind and times up to converted.
static bool encode_unit(
		struct session *session, enum es_pipeline_purpose purpose, struct es_unit *unit) {
	uint8_t *data;
	size_t cap;
	bool has_slot = unit_link_slot(session->units, &unit->slot, &data, &cap);
	assert(has_slot);
	struct es_encode_request request = {
			.sequence = ++session->sequence,
			.force_idr = session->idr_wanted,
	};
	struct es_cursor_blend *cursor =
			session->frames != NULL ? frame_source_cursor(session->frames) : NULL;
	struct es_encoded encoded;
	session->last_start_ns = unit->times.taken_ns;
	if (!pipeline_encode(session->pipeline, cursor, purpose, &request, data, cap, &encoded)) {
		fail(session, "%s cannot go on", session->impl->name);
		return false;
	}
	unit->size = (uint32_t)encoded.size;
	unit->sequence = request.sequence;
	unit->frame_sequence = session->frame_sequence;
	unit->idr = encoded.idr;
	unit->recovery = encoded.idr || session->recovery;
	unit->qp = encoded.qp;
	unit->times.encoded_ns = clock_now_ns();
	session->idr_wanted = false;
	session->recovery = false;
	count_unit(session, unit);
	if (!unit_link_send(session->units, unit)) {
		detach_units(session);
	}
	return true;
}

// What no app has committed (the first, black picture; the whole screen for a new encoder) is no
// new frame, whatever it shows.
static enum es_unit_kind kind_of(const struct es_frame *frame) {
	if (frame->buffer_id == 0) {
		return ES_UNIT_CURSOR;
	}
	return frame->commit_ns == frame->compose_ns ? ES_UNIT_REPEAT : ES_UNIT_NEW;
}

static struct es_unit_times times_of(const struct es_source_frame *taken, enum es_unit_kind kind) {
	int64_t now = taken->taken_ns;
	if (kind != ES_UNIT_NEW) {
		return (struct es_unit_times){now, now, now, now, now, now};
	}
	const struct es_frame *frame = &taken->frame;
	return (struct es_unit_times){
			frame->commit_ns, frame->compose_ns, frame->put_ns, now, now, now};
}

// Reads the frame's buffer into the picture and gives it back. False: there is nothing to encode.
static bool convert_frame(struct session *session, const struct es_source_frame *taken) {
	uint64_t id = taken->frame.buffer_id;
	const char *why = "the display never announced it, or it was refused";
	bool ok = true;
	if (id != 0) {
		const struct es_import *import = frame_source_import(session->frames, id);
		ok = import != NULL &&
				pipeline_convert(
						session->pipeline, import, taken->damage.rects, taken->damage.n, &why);
		if (!ok) {
			pipeline_lost(session->pipeline);
			frame_source_failed(session->frames, id, why);
		}
	}
	if (!frame_source_release(session->frames, taken)) {
		detach_frames(session);
	}
	return ok && pipeline_has_picture(session->pipeline);
}

static void encode_frame(struct session *session, const struct es_source_frame *taken) {
	if (!convert_frame(session, taken)) {
		return;
	}
	enum es_unit_kind kind = kind_of(&taken->frame);
	struct es_unit unit = {.kind = kind, .times = times_of(taken, kind)};
	unit.times.converted_ns = clock_now_ns();
	session->frame_sequence = taken->frame.sequence;
	if (encode_unit(session, ES_PIPELINE_CHANGE, &unit)) {
		refine_changed(&session->refine, unit.times.taken_ns, unit.qp);
	}
}

static void encode_repeat(struct session *session, int64_t now) {
	struct es_unit unit = {.kind = ES_UNIT_REPEAT, .times = {now, now, now, now, now, now}};
	if (encode_unit(session, ES_PIPELINE_REPEAT, &unit) && refine_due_ns(&session->refine) >= 0) {
		refine_repeated(&session->refine, now, unit.qp);
	}
}

static bool can_encode(const struct session *session) {
	return session->units != NULL && unit_link_n_free(session->units) > 0;
}

// When the still picture is to be encoded again, or -1. An asked IDR or recovery waits for the next
// frame for one interval; a refinement leaves the last slot to the next frame.
static int64_t repeat_due_ns(const struct session *session) {
	if (session->pipeline == NULL || !pipeline_has_picture(session->pipeline) ||
			session->sequence == 0 || !can_encode(session)) {
		return -1;
	}
	if (session->idr_wanted || session->recovery) {
		return session->last_start_ns + session->refine.period_ns;
	}
	return unit_link_n_free(session->units) > 1 ? refine_due_ns(&session->refine) : -1;
}

static void finish_draining(struct session *session) {
	bool still = session->pipeline != NULL && pipeline_has_picture(session->pipeline);
	if (session->units != NULL && session->announced && still && session->sequence > 0) {
		encode_repeat(session, clock_now_ns()); // the picture lasts until now
	}
	if (session->units != NULL) {
		unit_link_end(session->units);
	}
	if (!session->done) {
		end(session, ES_END_DRAINED, "");
	}
}

// One step, if there is one to do now.
static bool encode_next(struct session *session) {
	struct es_source_frame taken;
	int64_t now = clock_now_ns();
	if (session->frames != NULL && frame_source_take(session->frames, now, &taken)) {
		encode_frame(session, &taken);
		return true;
	}
	int64_t due = repeat_due_ns(session);
	if (session->draining) {
		finish_draining(session);
	} else if (due >= 0 && now >= due) {
		encode_repeat(session, now);
		return true;
	}
	return false;
}

static void work(struct session *session) {
	if (session->done || session->impl == NULL) {
		return;
	}
	apply_requests(session);
	if (session->units == NULL || !adopt_mode(session) || !announce(session)) {
		if (session->draining && !session->done &&
				(session->units == NULL || session->pipeline == NULL)) {
			finish_draining(session);
		}
		return;
	}
	while (!session->done && can_encode(session) && encode_next(session)) {
	}
	if (session->done || session->frames == NULL || session->draining) {
		return;
	}
	bool ok = can_encode(session) ? frame_source_want(session->frames)
								  : frame_source_pause(session->frames);
	if (!ok) {
		detach_frames(session);
	}
}

// --- the loop

static int64_t earlier(int64_t a, int64_t b) {
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

// Without a free slot nothing that becomes ready could be encoded.
static int fence_to_watch(const struct session *session) {
	bool waits = session->frames != NULL && can_encode(session);
	return waits ? frame_source_fence_fd(session->frames) : -1;
}

// When to wake up though nothing arrives, or -1: never.
static int64_t next_wake_ns(const struct session *session) {
	bool waits = session->frames != NULL && can_encode(session);
	int64_t fence = waits ? frame_source_fence_deadline_ns(session->frames) : -1;
	return earlier(fence, repeat_due_ns(session));
}

static bool wait_for_events(struct session *session) {
	struct pollfd items[4] = {
			{.fd = session->fd, .events = POLLIN},
			{.fd = session->units != NULL ? unit_link_fd(session->units) : -1, .events = POLLIN},
			{.fd = session->frames != NULL ? frame_source_fd(session->frames) : -1,
					.events = POLLIN},
			{.fd = fence_to_watch(session), .events = POLLIN},
	};
	int64_t wake = next_wake_ns(session);
	struct timespec timeout = {0};
	if (wake >= 0) {
		int64_t left = wake - clock_now_ns();
		left = left > 0 ? left : 0;
		timeout = (struct timespec){.tv_sec = left / ES_NS_PER_S, .tv_nsec = left % ES_NS_PER_S};
	}
	int n = ppoll(items, 4, wake >= 0 ? &timeout : NULL, NULL);
	if (n < 0) {
		return errno == EINTR;
	}
	if (items[0].revents != 0) {
		dispatch_host(session);
	}
	// What the display sent before the host asked to drain is encoded, too.
	if (items[1].revents != 0 || session->draining) {
		dispatch_units(session);
	}
	if (items[2].revents != 0 || session->draining) {
		dispatch_frames(session);
	}
	return true;
}

static void finish(struct session *session) {
	detach_frames(session);
	detach_units(session);
	drop_pipeline(session);
	fd_close(&session->fd);
}

int session_run(int session_fd) {
	struct session session = {.fd = session_fd};
	while (!session.done) {
		if (!wait_for_events(&session)) {
			fail(&session, "cannot wait for messages: %s", strerror(errno));
			break;
		}
		work(&session);
	}
	finish(&session);
	return session.exit_status;
}
