#include "encode/pipeline.h"

#include <assert.h>
#include <stdlib.h>

#include "encode/damage.h"
#include "encode/sigbus_guard.h"

struct es_pipeline {
	const struct es_encoder_impl *impl;
	struct es_encoder_params params;
	struct es_encoder *encoder; // owned
	struct es_picture picture; // clean: without cursor
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

struct es_pipeline *pipeline_create(
		const struct es_encoder_impl *impl, const struct es_encoder_params *params) {
	struct es_pipeline *pipeline = calloc(1, sizeof(*pipeline));
	if (pipeline == NULL) {
		return NULL;
	}
	pipeline->impl = impl;
	pipeline->params = *params;
	uint32_t width = params->mode.width, height = params->mode.height;
	damage_init(&pipeline->damage, width, height);
	pipeline->unchanged = calloc(1, damage_map_size(width, height));
	if (pipeline->unchanged == NULL ||
			!picture_init(&pipeline->picture, impl->layout, width, height)) {
		goto fail;
	}
	pipeline->encoder = encoder_create(impl, params);
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

bool pipeline_convert(struct es_pipeline *pipeline, const struct es_import *import,
		const struct es_rect *damage, size_t n_damage, const char **why) {
	const struct es_mode *mode = &pipeline->params.mode;
	if (import->pixels.width != mode->width || import->pixels.height != mode->height) {
		*why = "it is not of the screen's size";
		return false;
	}
	struct es_damage changed;
	damage_init(&changed, mode->width, mode->height);
	if (pipeline->filled) {
		damage_add_rects(&changed, damage, n_damage);
	} else {
		damage_add_all(&changed);
	}
	struct convert_job job = {import, &pipeline->picture, &changed, 0};
	bool read = import_begin_read(import) && sigbus_guard_run(convert_damage, &job);
	import_end_read(import);
	pipeline->converted_px += job.converted_px;
	pipeline->filled = read;
	if (!read) {
		*why = "its memory was taken away";
		return false;
	}
	damage_add_rects(&pipeline->damage, changed.rects, changed.n);
	return true;
}

void pipeline_lost(struct es_pipeline *pipeline) {
	pipeline->filled = false;
}

bool pipeline_has_picture(const struct es_pipeline *pipeline) {
	return pipeline->filled;
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
	if (cursor != NULL) {
		cursor_blend_apply(cursor, &pipeline->picture);
	}
	bool ok = encoder_encode(pipeline->encoder, &pipeline->picture, &full, out, cap, encoded);
	if (cursor != NULL) {
		cursor_blend_restore(cursor, &pipeline->picture);
	}
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
	pipeline->encoder = encoder_create(pipeline->impl, &pipeline->params);
	pipeline->hints = false;
	return pipeline->encoder != NULL;
}

size_t pipeline_headers(struct es_pipeline *pipeline, uint8_t *out, size_t cap) {
	return encoder_headers(pipeline->encoder, out, cap);
}

uint64_t pipeline_converted_px(const struct es_pipeline *pipeline) {
	return pipeline->converted_px;
}
