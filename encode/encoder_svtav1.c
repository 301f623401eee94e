// AV1 by SVT-AV1. Its own API, for the rate without a key frame and for recovery after a loss from a
// picture that was kept (an "anchor"): one is stored every few frames, the oldest one goes.
#include "encode/encoder_impls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <svt-av1/EbSvtAv1Enc.h>

#include "base/log.h"

#define MAX_ANCHORS 3
#define ANCHOR_INTERVAL 8
// The fastest that shows every picture. From 11 on its real-time mode takes care of every fourth only;
// in the others it leaves out changes that are there to see, whatever bits are to spare.
#define PRESET 10

struct anchor {
	uint32_t id; // 0: none
	uint64_t sequence;
	bool bad; // invalidated: never use it again
};

struct svtav1_encoder {
	struct es_encoder base;
	EbComponentType *svt; // owned
	bool running;
	struct anchor anchors[MAX_ANCHORS];
	uint32_t next_id;
	uint64_t last_sequence, last_store;
	uint32_t use_id; // the next picture refers only to this anchor; 0: as it likes
	uint32_t new_bitrate_bps; // from the next picture on; 0: as before
	uint32_t headers_size;
	uint8_t headers[512];
};

// What happens along with one picture. The nodes point into it.
struct events {
	EbPrivDataNode nodes[4];
	size_t n;
	SvtAv1RefFrameCmd store, clear, use;
	SvtAv1RateInfo rate;
};

static void log_from_svt(
		void *context, SvtAv1LogLevel level, const char *tag, const char *format, va_list args) {
	char text[256];
	if (level > SVT_AV1_LOG_ERROR || vsnprintf(text, sizeof(text), format, args) < 0) {
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	es_log(ES_LOG_WARN, "SVT-AV1: %s", text);
}

static uint32_t suitable_parallelism(void) {
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores <= 1 ? 1 : cores <= 3 ? 2 : cores <= 7 ? 3 : 4;
}

static void fill_config(EbSvtAv1EncConfiguration *config, const struct es_encoder_params *params) {
	const struct es_mode *mode = &params->mode;
	config->enc_mode = PRESET;
	config->rtc = true;
	config->pred_structure = LOW_DELAY;
	config->hierarchical_levels = 0;
	config->intra_period_length = -1;
	config->intra_refresh_type = SVT_AV1_KF_REFRESH;
	config->look_ahead_distance = 0;
	config->scene_change_detection = 0;
	config->enable_tf = 0;
	config->source_width = (mode->width + 1) & ~UINT32_C(1);
	config->source_height = (mode->height + 1) & ~UINT32_C(1);
	config->frame_rate_numerator = (uint32_t)mode->refresh_mhz;
	config->frame_rate_denominator = 1000;
	config->encoder_bit_depth = params->colour.depth;
	config->encoder_color_format = EB_YUV420;
	config->rate_control_mode = SVT_AV1_RC_MODE_CBR;
	config->target_bit_rate = params->bitrate_kbps * 1000;
	config->starting_buffer_level_ms = 20; // the shortest there are
	config->optimal_buffer_level_ms = 20;
	config->maximum_buffer_size_ms = 40;
	config->max_managed_refs = MAX_ANCHORS + 1;
	config->level_of_parallelism = params->threads != 0 ? params->threads : suitable_parallelism();
	config->color_primaries = (EbColorPrimaries)params->colour.primaries;
	config->transfer_characteristics = (EbTransferCharacteristics)params->colour.transfer;
	config->matrix_coefficients = (EbMatrixCoefficients)params->colour.matrix;
	config->color_range = params->colour.full_range ? EB_CR_FULL_RANGE : EB_CR_STUDIO_RANGE;
	config->chroma_sample_position = EB_CSP_VERTICAL;
}

// It wants to hear the end of the stream before it closes.
static void send_end(struct svtav1_encoder *encoder) {
	EbBufferHeaderType end = {.size = sizeof(end), .flags = EB_BUFFERFLAG_EOS};
	end.pic_type = EB_AV1_INVALID_PICTURE;
	bool ended = svt_av1_enc_send_picture(encoder->svt, &end) != EB_ErrorNone;
	while (!ended) {
		EbBufferHeaderType *packet = NULL;
		ended = svt_av1_enc_get_packet(encoder->svt, &packet, 1) != EB_ErrorNone ||
				(packet->flags & EB_BUFFERFLAG_EOS) != 0;
		if (packet != NULL) {
			svt_av1_enc_release_out_buffer(&packet);
		}
	}
}

static void svtav1_destroy(struct es_encoder *base) {
	struct svtav1_encoder *encoder = (struct svtav1_encoder *)base;
	if (encoder == NULL) {
		return;
	}
	if (encoder->running) {
		send_end(encoder);
		svt_av1_enc_deinit(encoder->svt);
	}
	if (encoder->svt != NULL) {
		svt_av1_enc_deinit_handle(encoder->svt);
	}
	free(encoder);
}

static bool read_headers(struct svtav1_encoder *encoder) {
	EbBufferHeaderType *header = NULL;
	if (svt_av1_enc_stream_header(encoder->svt, &header) != EB_ErrorNone) {
		return false;
	}
	bool fits = header->n_filled_len <= sizeof(encoder->headers);
	if (fits) {
		encoder->headers_size = header->n_filled_len;
		memcpy(encoder->headers, header->p_buffer, header->n_filled_len);
	}
	svt_av1_enc_stream_header_release(header);
	return fits;
}

static struct es_encoder *svtav1_create(const struct es_encoder_impl *impl,
		struct es_device *device, const struct es_encoder_params *params) {
	struct svtav1_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder == NULL) {
		return NULL;
	}
	encoder->base.impl = impl;
	encoder->next_id = 1;
	svt_av1_set_log_callback(log_from_svt, NULL);
	EbSvtAv1EncConfiguration config = {0};
	if (svt_av1_enc_init_handle(&encoder->svt, &config) != EB_ErrorNone) {
		goto fail;
	}
	fill_config(&config, params);
	if (svt_av1_enc_set_parameter(encoder->svt, &config) != EB_ErrorNone) {
		goto fail;
	}
	encoder->running = svt_av1_enc_init(encoder->svt) == EB_ErrorNone;
	if (!encoder->running || !read_headers(encoder)) {
		goto fail;
	}
	return &encoder->base;

fail:
	es_log(ES_LOG_ERROR, "cannot open SVT-AV1 for %ux%u", params->mode.width, params->mode.height);
	svtav1_destroy(&encoder->base);
	return NULL;
}

static void add_event(struct events *events, PrivDataType type, void *data, uint32_t size) {
	EbPrivDataNode *node = &events->nodes[events->n];
	*node = (EbPrivDataNode){.node_type = type, .data = data, .size = size};
	if (events->n > 0) {
		events->nodes[events->n - 1].next = node;
	}
	events->n++;
}

static struct anchor *find_anchor(
		struct svtav1_encoder *encoder, bool (*fits)(const struct anchor *)) {
	struct anchor *found = NULL;
	for (size_t i = 0; i < MAX_ANCHORS; i++) {
		struct anchor *anchor = &encoder->anchors[i];
		if (fits(anchor) && (found == NULL || anchor->sequence < found->sequence)) {
			found = anchor;
		}
	}
	return found;
}

static bool is_free(const struct anchor *anchor) {
	return anchor->id == 0;
}

static bool is_bad(const struct anchor *anchor) {
	return anchor->id != 0 && anchor->bad;
}

static bool is_taken(const struct anchor *anchor) {
	return anchor->id != 0;
}

// A slot is cleared with one picture and stored into with the next, so that the order of the
// two within a picture does not matter.
static void keep_anchors(struct svtav1_encoder *encoder, uint64_t sequence, struct events *events) {
	if (encoder->last_store != 0 && sequence - encoder->last_store < ANCHOR_INTERVAL) {
		return;
	}
	struct anchor *slot = find_anchor(encoder, is_free);
	if (slot != NULL) {
		*slot = (struct anchor){.id = encoder->next_id++, .sequence = sequence};
		events->store.pic_id = slot->id;
		add_event(events, REF_STORE_EVENT, &events->store, sizeof(events->store));
		encoder->last_store = sequence;
		return;
	}
	slot = find_anchor(encoder, is_bad);
	slot = slot != NULL ? slot : find_anchor(encoder, is_taken);
	if (slot->id != encoder->use_id) {
		events->clear.pic_id = slot->id;
		add_event(events, REF_CLEAR_EVENT, &events->clear, sizeof(events->clear));
		slot->id = 0;
	}
}

static void collect_events(struct svtav1_encoder *encoder, const struct es_encode_request *request,
		bool key, struct events *events) {
	if (key) {
		// A key frame lets go of all anchors.
		memset(encoder->anchors, 0, sizeof(encoder->anchors));
		encoder->last_store = 0;
		encoder->use_id = 0;
	} else if (encoder->use_id != 0) {
		events->use.pic_id = encoder->use_id;
		add_event(events, REF_USE_EVENT, &events->use, sizeof(events->use));
	} else {
		keep_anchors(encoder, request->sequence, events);
	}
	if (encoder->new_bitrate_bps != 0) {
		events->rate.target_bit_rate = encoder->new_bitrate_bps;
		add_event(events, RATE_CHANGE_EVENT, &events->rate, sizeof(events->rate));
	}
}

static bool send_picture(struct svtav1_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request) {
	bool key = request->force_idr || encoder->last_sequence == 0;
	struct events events = {0};
	collect_events(encoder, request, key, &events);
	uint32_t sample_size = picture_layout(picture->layout).sample_size;
	EbSvtIOFormat planes = {
			.luma = picture->plane[0],
			.cb = picture->plane[1],
			.cr = picture->plane[2],
			.y_stride = picture->stride[0] / sample_size,
			.cb_stride = picture->stride[1] / sample_size,
			.cr_stride = picture->stride[2] / sample_size,
	};
	EbBufferHeaderType in = {
			.size = sizeof(in),
			.p_buffer = (uint8_t *)&planes,
			.n_filled_len = picture_coded_width(picture) * picture_coded_height(picture) * 3 / 2 *
					sample_size,
			.pts = (int64_t)request->sequence,
			.pic_type = key ? EB_AV1_KEY_PICTURE : EB_AV1_INVALID_PICTURE,
			.p_app_private = events.n != 0 ? &events.nodes[0] : NULL,
	};
	if (svt_av1_enc_send_picture(encoder->svt, &in) != EB_ErrorNone) {
		return false;
	}
	encoder->use_id = 0;
	encoder->new_bitrate_bps = 0;
	encoder->last_sequence = request->sequence;
	return true;
}

static bool svtav1_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct svtav1_encoder *encoder = (struct svtav1_encoder *)base;
	EbBufferHeaderType *packet = NULL;
	// In low delay one comes for each picture, and this waits for it.
	if (!send_picture(encoder, picture, request) ||
			svt_av1_enc_get_packet(encoder->svt, &packet, 0) != EB_ErrorNone) {
		es_log(ES_LOG_ERROR, "SVT-AV1 gave no access unit for a picture");
		return false;
	}
	bool fits = packet->n_filled_len <= cap;
	if (fits) {
		memcpy(out, packet->p_buffer, packet->n_filled_len);
		uint32_t qp = packet->avg_qp != 0 ? packet->avg_qp : packet->qp;
		*encoded = (struct es_encoded){
				.size = packet->n_filled_len,
				.idr = packet->pic_type == EB_AV1_KEY_PICTURE,
				.qp = (uint8_t)(qp < 255 ? qp : 255),
		};
	} else {
		es_log(ES_LOG_ERROR, "access unit of %u bytes is too long for %zu", packet->n_filled_len,
				cap);
	}
	svt_av1_enc_release_out_buffer(&packet);
	return fits;
}

static size_t svtav1_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	struct svtav1_encoder *encoder = (struct svtav1_encoder *)base;
	if (encoder->headers_size > cap) {
		return 0;
	}
	memcpy(out, encoder->headers, encoder->headers_size);
	return encoder->headers_size;
}

static bool svtav1_invalidate(struct es_encoder *base, uint64_t first, uint64_t last) {
	struct svtav1_encoder *encoder = (struct svtav1_encoder *)base;
	if (first > encoder->last_sequence) {
		return true; // nothing refers to it
	}
	const struct anchor *newest = NULL;
	for (size_t i = 0; i < MAX_ANCHORS; i++) {
		struct anchor *anchor = &encoder->anchors[i];
		anchor->bad = anchor->bad || anchor->sequence >= first;
		if (anchor->id != 0 && !anchor->bad &&
				(newest == NULL || anchor->sequence > newest->sequence)) {
			newest = anchor;
		}
	}
	encoder->use_id = newest == NULL ? 0 : newest->id;
	return newest != NULL;
}

static bool svtav1_set_bitrate(struct es_encoder *base, uint32_t kbps) {
	((struct svtav1_encoder *)base)->new_bitrate_bps = kbps * 1000;
	return true;
}

static bool svtav1_takes(const struct es_colour *colour, enum es_picture_layout *layout) {
	*layout = colour->depth == 8 ? ES_PICTURE_I420 : ES_PICTURE_I010;
	return !colour->yuv444;
}

const struct es_encoder_impl encoder_svtav1 = {
		.name = "svtav1",
		.codec = ES_CODEC_AV1,
		.device = &device_cpu,
		.takes = svtav1_takes,
		.good_qp = 24, // of 63
		.min_size = 64,
		.create = svtav1_create,
		.destroy = svtav1_destroy,
		.encode = svtav1_encode,
		.headers = svtav1_headers,
		.invalidate = svtav1_invalidate,
		.set_bitrate = svtav1_set_bitrate,
};
