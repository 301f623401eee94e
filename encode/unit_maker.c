#include "encode/unit_maker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "encode/unit_check.h"
#include "encode/unit_link.h"

struct es_unit_maker {
	struct es_failure *failure; // borrowed
	struct es_unit_link *link; // owned; NULL while detached
	struct es_pipeline *pipeline; // owned; NULL before the first mode

	// From START.
	const struct es_encoder_impl *impl;
	struct es_device *device; // owned
	char without[ES_SESSION_MAX_FORMATS]; // of the device
	uint32_t bitrate_kbps, threads, slices, max_refs;
	bool strict;

	struct es_mode mode; // of the pipeline
	struct es_colour colour;
	bool announced; // on the link

	uint64_t sequence; // of the last unit
	struct es_unit_requests requests;
	bool idr_wanted; // with the next unit
	bool recovery; // the next unit is the first after an invalidation
	bool unsettled; // as the encoder says of the newest unit

	struct es_encode_stats stats; // only what is counted here
	uint64_t converted_before; // by pipelines that are gone
};

struct es_unit_maker *unit_maker_create(struct es_failure *failure) {
	struct es_unit_maker *maker = calloc(1, sizeof(*maker));
	if (maker != NULL) {
		maker->failure = failure;
	}
	return maker;
}

static void drop_pipeline(struct es_unit_maker *maker) {
	if (maker->pipeline != NULL) {
		maker->converted_before += pipeline_converted_px(maker->pipeline);
		pipeline_destroy(maker->pipeline);
		maker->pipeline = NULL;
	}
}

void unit_maker_destroy(struct es_unit_maker *maker) {
	if (maker == NULL) {
		return;
	}
	unit_maker_detach(maker);
	drop_pipeline(maker);
	device_destroy(maker->device);
	free(maker);
}

static bool open_device(
		struct es_unit_maker *maker, const struct es_encoder_impl *impl, const char *node) {
	char why[128] = "out of memory";
	maker->device = device_create(impl->device, node, why, sizeof(why));
	if (maker->device == NULL) {
		failure_set(maker->failure, "%s cannot be used: no %s here: %s", impl->name,
				impl->device->name, why);
		return false;
	}
	return true;
}

bool unit_maker_start(struct es_unit_maker *maker, const struct es_session_msg *start) {
	const struct es_encoder_impl *impl =
			encoder_find(start->start_encode.encoder, start->start_encode.codec);
	if (maker->impl != NULL) {
		failure_set(maker->failure, "the host started the encoder twice");
		return false;
	}
	if (impl == NULL) {
		failure_set(maker->failure,
				"no encoder \"%s\" for %s is built in; `earthshine doctor` lists those that are",
				start->start_encode.encoder, codec_name(start->start_encode.codec));
		return false;
	}
	if (!open_device(maker, impl, start->start_encode.device)) {
		return false;
	}
	snprintf(maker->without, sizeof(maker->without), "%s", start->start_encode.without);
	maker->device->without = maker->without;
	maker->impl = impl;
	maker->bitrate_kbps = start->start_encode.bitrate_kbps;
	maker->threads = start->start_encode.threads;
	maker->slices = start->start_encode.slices;
	maker->max_refs = start->start_encode.max_refs;
	maker->strict = start->start_encode.strict;
	return true;
}

bool unit_maker_started(const struct es_unit_maker *maker) {
	return maker->impl != NULL;
}

struct es_device *unit_maker_device(const struct es_unit_maker *maker) {
	return maker->device;
}

// --- the link

void unit_maker_attach(struct es_unit_maker *maker, int fd) {
	unit_maker_detach(maker);
	maker->link = unit_link_create(fd);
	maker->idr_wanted = true;
}

void unit_maker_detach(struct es_unit_maker *maker) {
	unit_link_destroy(maker->link);
	maker->link = NULL;
	maker->announced = false;
}

bool unit_maker_attached(const struct es_unit_maker *maker) {
	return maker->link != NULL;
}

int unit_maker_fd(const struct es_unit_maker *maker) {
	return maker->link != NULL ? unit_link_fd(maker->link) : -1;
}

void unit_maker_dispatch(struct es_unit_maker *maker) {
	if (maker->link == NULL) {
		return;
	}
	enum es_link_result result = unit_link_dispatch(maker->link, &maker->requests);
	if (result == ES_LINK_BROKEN) {
		failure_set(maker->failure, "the link to the streamer broke");
	} else if (result != ES_LINK_OK) {
		unit_maker_detach(maker);
	}
}

// --- requests

void unit_maker_ask_idr(struct es_unit_maker *maker) {
	maker->requests.idr++;
}

bool unit_maker_set_bitrate(struct es_unit_maker *maker, uint32_t kbps) {
	maker->bitrate_kbps = kbps;
	if (maker->pipeline != NULL && !pipeline_set_bitrate(maker->pipeline, kbps)) {
		failure_set(maker->failure, "the encoder does not open at %u kbit/s", kbps);
		return false;
	}
	return true;
}

void unit_maker_apply_requests(struct es_unit_maker *maker) {
	struct es_unit_requests requests = maker->requests;
	maker->requests = (struct es_unit_requests){0};
	maker->stats.idr_asked += requests.idr;
	maker->stats.invalidations_asked += requests.invalidate;
	maker->idr_wanted = maker->idr_wanted || requests.idr > 0;
	if (requests.kbps != 0 && !unit_maker_set_bitrate(maker, requests.kbps)) {
		return;
	}
	if (requests.invalidate == 0 || maker->pipeline == NULL) {
		return;
	}
	if (pipeline_invalidate(maker->pipeline, requests.first, requests.last)) {
		maker->stats.invalidations_made++;
		maker->recovery = true;
	} else {
		maker->idr_wanted = true;
	}
}

// --- the mode

// As the encoders get it.
static uint32_t made_even(uint32_t size) {
	return (size + 1) & ~UINT32_C(1);
}

static bool check_size(struct es_unit_maker *maker, const struct es_mode *mode) {
	uint32_t min = maker->impl->min_size;
	if (made_even(mode->width) < min || made_even(mode->height) < min) {
		failure_set(maker->failure,
				"%s takes %ux%u and larger, not %ux%u: choose a larger size with -s, or another codec "
				"with -c",
				maker->impl->name, min, min, mode->width, mode->height);
		return false;
	}
	if ((mode->width | mode->height) & 1) {
		es_log(ES_LOG_INFO, "%ux%u is odd: its last column or row is repeated to make it even",
				mode->width, mode->height);
	}
	return true;
}

static bool check_colour(struct es_unit_maker *maker, const struct es_colour *colour) {
	enum es_picture_layout layout;
	if (encoder_takes(maker->impl, colour, &layout)) {
		return true;
	}
	failure_set(maker->failure, "%s does not encode %u bits %s %s: choose another codec with -c",
			maker->impl->name, colour->depth, colour->yuv444 ? "4:4:4" : "4:2:0",
			colour->matrix == 9 ? "BT.2020" : "BT.709");
	return false;
}

bool unit_maker_set_mode(
		struct es_unit_maker *maker, const struct es_mode *mode, const struct es_colour *colour) {
	if (!check_size(maker, mode) || !check_colour(maker, colour)) {
		return false;
	}
	struct es_encoder_params params = {
			.codec = maker->impl->codec,
			.mode = *mode,
			.colour = *colour,
			.bitrate_kbps = maker->bitrate_kbps,
			.threads = maker->threads,
			.slices = maker->slices,
			.max_refs = maker->max_refs,
			.strict = maker->strict,
	};
	drop_pipeline(maker);
	maker->pipeline = pipeline_create(maker->impl, maker->device, &params);
	if (maker->pipeline == NULL) {
		failure_set(maker->failure, "%s does not open for %ux%u", maker->impl->name, mode->width,
				mode->height);
		return false;
	}
	maker->mode = *mode;
	maker->colour = *colour;
	maker->announced = false;
	return true;
}

struct es_pipeline *unit_maker_pipeline(const struct es_unit_maker *maker) {
	return maker->pipeline;
}

uint8_t unit_maker_good_qp(const struct es_unit_maker *maker) {
	return maker->impl->good_qp;
}

bool unit_maker_announce(struct es_unit_maker *maker) {
	if (maker->announced) {
		return true;
	}
	if (!unit_link_idle(maker->link)) {
		return false; // slots of the ring before are still being read
	}
	struct es_unit_msg msg = {
			.type = ES_UNIT_CODEC,
			.codec = {.codec = maker->impl->codec, .mode = maker->mode, .colour = maker->colour},
	};
	msg.codec.headers_size = (uint32_t)pipeline_headers(
			maker->pipeline, msg.codec.headers, sizeof(msg.codec.headers));
	snprintf(msg.codec.encoder, sizeof(msg.codec.encoder), "%s", maker->impl->name);
	if (!unit_link_announce(maker->link, &msg)) {
		unit_maker_detach(maker);
		return false;
	}
	maker->announced = true;
	return true;
}

// --- the units

bool unit_maker_held(const struct es_unit_maker *maker) {
	return maker->link != NULL && unit_link_held(maker->link);
}

uint32_t unit_maker_n_free(const struct es_unit_maker *maker) {
	return maker->link != NULL ? unit_link_n_free(maker->link) : 0;
}

bool unit_maker_can_repeat(const struct es_unit_maker *maker) {
	return maker->pipeline != NULL && pipeline_has_picture(maker->pipeline) &&
			maker->sequence > 0 && unit_maker_n_free(maker) > 0;
}

bool unit_maker_owes(const struct es_unit_maker *maker) {
	return maker->idr_wanted || maker->recovery;
}

bool unit_maker_unsettled(const struct es_unit_maker *maker) {
	return maker->unsettled;
}

static void count_unit(struct es_unit_maker *maker, const struct es_unit *unit) {
	maker->stats.bytes += unit->size;
	maker->stats.idr_made += unit->idr;
	switch (unit->kind) {
	case ES_UNIT_NEW:
		maker->stats.frames_new++;
		break;
	case ES_UNIT_REPEAT:
		maker->stats.frames_repeated++;
		break;
	case ES_UNIT_CURSOR:
		maker->stats.frames_cursor++;
		break;
	}
}

bool unit_maker_encode(struct es_unit_maker *maker, struct es_cursor_blend *cursor,
		enum es_pipeline_purpose purpose, struct es_unit *unit) {
	uint8_t *data;
	size_t cap;
	bool has_slot = unit_link_slot(maker->link, &unit->slot, &data, &cap);
	assert(has_slot);
	struct es_encode_request request = {
			.sequence = ++maker->sequence,
			.force_idr = maker->idr_wanted,
	};
	struct es_encoded encoded;
	if (!pipeline_encode(maker->pipeline, cursor, purpose, &request, data, cap, &encoded)) {
		failure_set(maker->failure, "%s cannot go on", maker->impl->name);
		return false;
	}
	const char *wrong = unit_check(maker->impl->codec, data, encoded.size, encoded.idr);
	if (wrong != NULL) {
		failure_set(maker->failure, "%s returns what is no %s: %s", maker->impl->name,
				codec_name(maker->impl->codec), wrong);
		return false;
	}
	unit->size = (uint32_t)encoded.size;
	unit->sequence = request.sequence;
	unit->idr = encoded.idr;
	unit->recovery = encoded.idr || maker->recovery;
	unit->qp = encoded.qp;
	unit->times.encoded_ns = clock_now_ns();
	maker->idr_wanted = false;
	maker->recovery = false;
	maker->unsettled = encoded.unsettled;
	count_unit(maker, unit);
	if (!unit_link_send(maker->link, unit)) {
		unit_maker_detach(maker);
	}
	return true;
}

void unit_maker_end(struct es_unit_maker *maker) {
	if (maker->link != NULL) {
		unit_link_end(maker->link);
	}
}

struct es_encode_stats unit_maker_stats(const struct es_unit_maker *maker) {
	struct es_encode_stats stats = maker->stats;
	stats.converted_px = maker->converted_before;
	if (maker->pipeline != NULL) {
		stats.converted_px += pipeline_converted_px(maker->pipeline);
	}
	return stats;
}
