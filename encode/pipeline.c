#include "encode/pipeline.h"

#include <stdlib.h>

#include "base/log.h"
#include "encode/damage.h"
#include "encode/sigbus_guard.h"

struct es_pipeline {
	const struct es_encoder_impl *impl;
	struct es_device *device; // borrowed
	struct es_encoder_params params;
	struct es_encoder *encoder; // owned
	struct es_picture picture; // clean: without cursor; none where the device does not map
	bool filled; // all of the picture was converted once, and nothing half since
	struct es_damage damage; // since the last access unit
	bool hints; // the encoder's last picture is the one that the damage is counted from
	uint8_t *unchanged; // the damage as macroblocks; owned
	uint64_t converted_px;
};

struct convert_job {
	const struct es_import *import;
	struct es_picture *picture;
	const struct es_damage *damage;
	uint64_t converted_px;
};

// Under the SIGBUS guard.
static void convert_damage(void *data) {
	struct convert_job *job = data;
	for (size_t i = 0; i < job->damage->n; i++) {
		job->converted_px +=
				convert_rect(&job->import->pixels, job->picture, &job->damage->rects[i]);
	}
}

static bool create_picture(struct es_pipeline *pipeline) {
	const struct es_encoder_params *params = &pipeline->params;
	enum es_picture_layout layout;
	if (!encoder_takes(pipeline->impl, &params->colour, &layout)) {
		es_log(ES_LOG_ERROR, "%s does not take pictures of that colour", pipeline->impl->name);
		return false;
	}
	if (!device_maps(pipeline->device)) {
		return true;
	}
	bool ok = picture_init(&pipeline->picture, layout, params->mode.width, params->mode.height);
	pipeline->picture.colour = params->colour;
	return ok;
}

struct es_pipeline *pipeline_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct es_pipeline *pipeline = calloc(1, sizeof(*pipeline));
	if (pipeline == NULL) {
		return NULL;
	}
	pipeline->impl = impl;
	pipeline->device = device;
	pipeline->params = *params;
	uint32_t width = params->mode.width, height = params->mode.height;
	damage_init(&pipeline->damage, width, height);
	pipeline->unchanged = calloc(1, damage_map_size(width, height));
	if (pipeline->unchanged == NULL || !create_picture(pipeline)) {
		goto fail;
	}
	pipeline->encoder = encoder_create(impl, device, params);
	if (pipeline->encoder == NULL) {
		goto fail;
	}
	return pipeline;

fail:
	pipeline_destroy(pipeline);
	return NULL;
}

void pipeline_destroy(struct es_pipeline *pipeline) {
	if (pipeline == NULL) {
		return;
	}
	encoder_destroy(pipeline->encoder);
	picture_finish(&pipeline->picture);
	free(pipeline->unchanged);
	free(pipeline);
}

static bool is_whole(const struct es_convert_request *request, const struct es_mode *mode) {
	const struct es_frame_buffer *buffer = &request->import->buffer;
	return request->src.width == 0 && request->dst.width == 0 && buffer->width == mode->width &&
			buffer->height == mode->height;
}

static bool convert_here(struct es_pipeline *pipeline, const struct es_convert_request *request,
		const struct es_damage *damage, const char **why) {
	struct convert_job job = {request->import, &pipeline->picture, damage, 0};
	bool read = device_begin_read(request->import) && sigbus_guard_run(convert_damage, &job);
	device_end_read(request->import);
	pipeline->converted_px += job.converted_px;
	if (!read) {
		*why = "its memory was taken away";
	}
	return read;
}

static bool convert_there(struct es_pipeline *pipeline, const struct es_convert_request *request,
		const struct es_damage *damage, int *release_fd, const char **why) {
	struct es_convert_request full = *request;
	full.damage = damage->rects;
	full.n_damage = damage->n;
	bool read = encoder_convert(pipeline->encoder, &full, release_fd, why);
	pipeline->converted_px +=
			read ? (uint64_t)pipeline->params.mode.width * pipeline->params.mode.height : 0;
	return read;
}

// What the encoder may take for unchanged must be so in every sample.
static void add_reach(struct es_pipeline *pipeline, const struct es_damage *changed) {
	const struct es_mode *mode = &pipeline->params.mode;
	for (size_t i = 0; i < changed->n; i++) {
		struct es_rect reach = convert_reach(
				&changed->rects[i], pipeline->params.colour.yuv444, mode->width, mode->height);
		damage_add_rects(&pipeline->damage, &reach, 1);
	}
}

bool pipeline_convert(struct es_pipeline *pipeline, const struct es_convert_request *request,
		int *release_fd, const char **why) {
	const struct es_mode *mode = &pipeline->params.mode;
	*release_fd = -1;
	if (!is_whole(request, mode) && !device_scales(pipeline->device)) {
		*why = "it is not of the screen's size";
		return false;
	}
	struct es_damage changed;
	damage_init(&changed, mode->width, mode->height);
	if (pipeline->filled) {
		damage_add_rects(&changed, request->damage, request->n_damage);
	} else {
		damage_add_all(&changed);
	}
	pipeline->filled = device_maps(pipeline->device)
			? convert_here(pipeline, request, &changed, why)
			: convert_there(pipeline, request, &changed, release_fd, why);
	if (pipeline->filled) {
		add_reach(pipeline, &changed);
	}
	return pipeline->filled;
}

void pipeline_lost(struct es_pipeline *pipeline) {
	pipeline->filled = false;
}

bool pipeline_has_picture(const struct es_pipeline *pipeline) {
	return pipeline->filled;
}

static bool encode_here(struct es_pipeline *pipeline, struct es_cursor_blend *cursor,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	if (cursor == NULL) {
		return encoder_encode(pipeline->encoder, &pipeline->picture, request, out, cap, encoded);
	}
	cursor_blend_apply(cursor, &pipeline->picture);
	bool ok = encoder_encode(pipeline->encoder, &pipeline->picture, request, out, cap, encoded);
	cursor_blend_restore(cursor, &pipeline->picture);
	return ok;
}

static bool encode_there(struct es_pipeline *pipeline, struct es_cursor_blend *cursor,
		struct es_encode_request *request, uint8_t *out, size_t cap, struct es_encoded *encoded) {
	if (cursor != NULL && device_blends_cursor(pipeline->device)) {
		request->cursor = cursor;
		cursor_blend_shown(cursor);
	}
	return encoder_encode(pipeline->encoder, NULL, request, out, cap, encoded);
}

bool pipeline_encode(struct es_pipeline *pipeline, struct es_cursor_blend *cursor,
		enum es_pipeline_purpose purpose, const struct es_encode_request *request, uint8_t *out,
		size_t cap, struct es_encoded *encoded) {
	struct es_encode_request full = *request;
	if (cursor != NULL) {
		cursor_blend_damage(cursor, &pipeline->damage);
	}
	full.damage = pipeline->damage.rects;
	full.n_damage = pipeline->damage.n;
	if (purpose == ES_PIPELINE_CHANGE && pipeline->hints && !request->force_idr) {
		damage_map(&pipeline->damage, pipeline->unchanged, ES_MB_UNCHANGED);
		full.unchanged = pipeline->unchanged;
	}
	bool ok = device_maps(pipeline->device)
			? encode_here(pipeline, cursor, &full, out, cap, encoded)
			: encode_there(pipeline, cursor, &full, out, cap, encoded);
	damage_clear(&pipeline->damage);
	pipeline->hints = ok;
	return ok;
}

bool pipeline_invalidate(struct es_pipeline *pipeline, uint64_t first, uint64_t last) {
	pipeline->hints = false; // the next reference is not the picture before
	return encoder_invalidate(pipeline->encoder, first, last);
}

bool pipeline_set_bitrate(struct es_pipeline *pipeline, uint32_t kbps) {
	pipeline->params.bitrate_kbps = kbps;
	if (encoder_set_bitrate(pipeline->encoder, kbps)) {
		return true;
	}
	encoder_destroy(pipeline->encoder);
	pipeline->encoder = encoder_create(pipeline->impl, pipeline->device, &pipeline->params);
	pipeline->hints = false;
	return pipeline->encoder != NULL;
}

size_t pipeline_headers(struct es_pipeline *pipeline, uint8_t *out, size_t cap) {
	return encoder_headers(pipeline->encoder, out, cap);
}

uint64_t pipeline_converted_px(const struct es_pipeline *pipeline) {
	return pipeline->converted_px;
}
