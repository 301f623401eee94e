// H.264 by libx264. Its own API, because libavcodec hides what streaming needs: reference
// invalidation, macroblock hints, a quantiser for each picture (rate_control.h), parameter sets apart.
#include "encode/encoder_impls.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <x264.h>

#include "base/log.h"
#include "encode/complexity.h"
#include "encode/damage.h"
#include "encode/patch_picture.h"
#include "encode/rate_control.h"

// Frames that stay referable for invalidation. 8 of 1080p are level 5.0.
#define DPB_FRAMES 8
// frame_num, which names references in the stream, has 4 bits while the DPB has less than 16.
#define FRAME_NUM_RANGE ES_PATCH_FRAME_NUMS
// Units whose frame_num is remembered: all that can be invalidated.
#define REMEMBERED_UNITS 16
// Half of what one core encodes in time with the fastest preset: two take half as long, in which the
// client waits, and no more of the processors together.
#define PIXELS_PER_SECOND_PER_THREAD (UINT64_C(1920) * 1080 * 31)
// Where no more than this part of the screen changes, a patch is made in less time than x264's picture.
#define PATCH_PART 8

static_assert(DPB_FRAMES + 1 < FRAME_NUM_RANGE, "x264 would take a wider frame_num");
static_assert(DPB_FRAMES <= REMEMBERED_UNITS, "a frame_num would be forgotten");
static_assert(ES_MB_UNCHANGED == X264_MBINFO_CONSTANT, "hints are passed on as they are");

struct x264_encoder {
	struct es_encoder base;
	x264_t *x264; // owned
	x264_param_t param;
	struct es_complexity complexity; // owned
	struct es_rate_control rate;
	int32_t refresh_mhz;
	uint64_t last_sequence; // encoded; 0: none
	uint64_t idr_sequence;
	uint64_t dpb_frames;
	// Pictures of x264 from the last IDR on, which is number 0: of the next one, and of each unit; of one
	// without x264 that of the next.
	uint64_t next_number, numbers[REMEMBERED_UNITS];
	bool may_patch; // the newest unit is one of x264's, and all of it may be referred to
	bool still; // the newest unit showed nothing new
	bool patches_changes; // in this format, for this use
	x264_image_t reference; // the newest of x264's as decoders have it; x264's own
	int chroma_qp_offset;
	struct es_damage owed; // what patches showed and x264 has not seen
	uint8_t *unchanged; // owned: hints where something is owed
};

static void log_from_x264(void *data, int level, const char *format, va_list args) {
	char text[256];
	int n = vsnprintf(text, sizeof(text), format, args);
	if (n > 0) {
		text[strcspn(text, "\n")] = '\0';
		es_log(level == X264_LOG_ERROR ? ES_LOG_ERROR : ES_LOG_DEBUG, "x264: %s", text);
	}
}

static uint32_t suitable_threads(const struct es_mode *mode) {
	uint64_t pixels_per_second =
			(uint64_t)mode->width * mode->height * (uint64_t)mode->refresh_mhz / 1000;
	uint64_t wanted =
			(pixels_per_second + PIXELS_PER_SECOND_PER_THREAD - 1) / PIXELS_PER_SECOND_PER_THREAD;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t most = cores > 1 ? (uint64_t)cores : 1;
	return (uint32_t)(wanted < 1 ? 1 : wanted > most ? most : wanted);
}

// The place for a slower one where cores are plenty.
static const char *suitable_preset(const struct es_mode *mode) {
	return "ultrafast";
}

static void set_colour(x264_param_t *param, const struct es_colour *colour) {
	param->vui.i_colorprim = colour->primaries;
	param->vui.i_transfer = colour->transfer;
	param->vui.i_colmatrix = colour->matrix;
	param->vui.b_fullrange = colour->full_range;
	param->vui.i_chroma_loc = 0; // left, and centred between two rows
}

// x264 counts the quantisers of deeper pictures from further below.
static int qp_offset(int depth) {
	return 6 * (depth - 8);
}

// Each picture brings its quantiser. x264 limits it to what the constant one and its factors for I and
// B pictures span: 20 to each side with the largest factors.
static void set_qp_range(x264_param_t *param) {
	param->rc.i_rc_method = X264_RC_CQP;
	param->rc.i_qp_constant = ES_RATE_QP_MIN + 20 + qp_offset(param->i_bitdepth);
	param->rc.f_ip_factor = 10;
	param->rc.f_pb_factor = 10;
}

static_assert(ES_RATE_QP_MAX - ES_RATE_QP_MIN < 40, "x264 would limit the quantiser");

static int dpb_frames(const struct es_encoder_params *params) {
	bool fewer = params->max_refs != 0 && params->max_refs < DPB_FRAMES;
	return fewer ? (int)params->max_refs : DPB_FRAMES;
}

static int suitable_csp(const struct es_colour *colour) {
	if (colour->depth == 8) {
		return colour->yuv444 ? X264_CSP_I444 : X264_CSP_NV12;
	}
	return (colour->yuv444 ? X264_CSP_I444 : X264_CSP_I420) | X264_CSP_HIGH_DEPTH;
}

static const char *suitable_profile(const struct es_colour *colour) {
	return colour->yuv444 ? "high444" : colour->depth == 8 ? "high" : "high10";
}

static bool fill_param(x264_param_t *param, const struct es_encoder_params *params) {
	const struct es_mode *mode = &params->mode;
	if (x264_param_default_preset(param, suitable_preset(mode), "zerolatency") != 0) {
		return false;
	}
	param->pf_log = log_from_x264;
	param->i_log_level = X264_LOG_WARNING;
	param->i_bitdepth = params->colour.depth;
	param->i_csp = suitable_csp(&params->colour);
	param->i_width = (int)((mode->width + 1) & ~UINT32_C(1));
	param->i_height = (int)((mode->height + 1) & ~UINT32_C(1));
	param->i_fps_num = (uint32_t)mode->refresh_mhz;
	param->i_fps_den = 1000;
	param->b_vfr_input = 0;
	param->i_threads = (int)(params->threads != 0 ? params->threads : suitable_threads(mode));
	param->b_sliced_threads = param->i_threads > 1;
	if (params->slices > 1 && param->b_sliced_threads) {
		// One slice a thread, so threads for all of them.
		param->i_threads =
				param->i_threads > (int)params->slices ? param->i_threads : (int)params->slices;
	} else if (params->slices > 1) {
		param->i_slice_count = (int)params->slices;
	}
	param->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	param->i_scenecut_threshold = 0;
	param->i_bframe = 0;
	param->i_frame_reference = 1;
	param->i_dpb_size = dpb_frames(params);
	param->b_repeat_headers = 1;
	param->b_annexb = 1;
	param->b_aud = 0;
	param->analyse.b_mb_info = 1;
	set_qp_range(param);
	set_colour(param, &params->colour);
	return x264_param_apply_profile(param, suitable_profile(&params->colour)) == 0;
}

static void x264_destroy(struct es_encoder *base) {
	struct x264_encoder *encoder = (struct x264_encoder *)base;
	if (encoder == NULL) {
		return;
	}
	if (encoder->x264 != NULL) {
		x264_encoder_close(encoder->x264);
	}
	x264_param_cleanup(&encoder->param);
	free(encoder->unchanged);
	complexity_finish(&encoder->complexity);
	free(encoder);
}

// What x264 has made of its settings, as patches have to know.
static void learn_settings(struct x264_encoder *encoder, bool strict) {
	x264_param_t used;
	x264_encoder_parameters(encoder->x264, &used);
	encoder->chroma_qp_offset = used.analyse.i_chroma_qp_offset;
	// In a file nobody waits for a change.
	encoder->patches_changes = strict && used.i_csp == X264_CSP_NV12 && used.i_bitdepth == 8 &&
			!used.b_cabac && !used.analyse.b_transform_8x8;
}

static struct es_encoder *x264_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	struct x264_encoder *encoder = calloc(1, sizeof(*encoder));
	if (encoder == NULL) {
		return NULL;
	}
	encoder->base.impl = impl;
	encoder->refresh_mhz = params->mode.refresh_mhz;
	rate_control_init(
			&encoder->rate, params->bitrate_kbps, params->mode.refresh_mhz, params->strict);
	encoder->dpb_frames = (uint64_t)dpb_frames(params);
	damage_init(&encoder->owed, params->mode.width, params->mode.height);
	encoder->unchanged = malloc(damage_map_size(params->mode.width, params->mode.height));
	if (encoder->unchanged == NULL ||
			!complexity_init(&encoder->complexity, params->mode.width, params->mode.height)) {
		es_log(ES_LOG_ERROR, "cannot encode %ux%u: out of memory", params->mode.width,
				params->mode.height);
		goto fail;
	}
	if (!fill_param(&encoder->param, params)) {
		es_log(ES_LOG_ERROR, "x264 refuses its settings");
		goto fail;
	}
	encoder->x264 = x264_encoder_open(&encoder->param);
	if (encoder->x264 == NULL || x264_encoder_maximum_delayed_frames(encoder->x264) != 0) {
		es_log(ES_LOG_ERROR, "cannot open x264 for %ux%u", params->mode.width, params->mode.height);
		goto fail;
	}
	learn_settings(encoder, params->strict);
	return &encoder->base;

fail:
	x264_destroy(&encoder->base);
	return NULL;
}

static void fill_picture(x264_picture_t *to, int csp, const struct es_picture *from,
		const struct es_encode_request *request) {
	x264_picture_init(to);
	to->i_pts = (int64_t)request->sequence;
	to->img.i_csp = csp;
	to->img.i_plane = (int)picture_layout(from->layout).n_planes;
	for (int i = 0; i < to->img.i_plane; i++) {
		to->img.plane[i] = from->plane[i];
		to->img.i_stride[i] = (int)from->stride[i];
	}
	to->prop.mb_info = (uint8_t *)request->unchanged; // read only, while encoding
}

// What the picture costs, for the rate control: an IDR is all of it, whatever changed.
static struct es_complexity_cost measure(struct x264_encoder *encoder,
		const struct es_picture *picture, const struct es_encode_request *request, bool idr) {
	if (idr) {
		struct es_rect all = {.width = picture->width, .height = picture->height};
		return complexity_measure(&encoder->complexity, picture, &all, 1);
	}
	return complexity_measure(&encoder->complexity, picture, request->damage, request->n_damage);
}

// All but the SEI about x264 and its settings: clients want parameter sets and slice in one datagram.
// Bytes written, 0 if there is no room.
static size_t copy_nals(const x264_nal_t *nals, int n_nals, uint8_t *out, size_t cap) {
	size_t size = 0;
	for (int i = 0; i < n_nals; i++) {
		if (nals[i].i_type == NAL_SEI) {
			continue;
		}
		if ((size_t)nals[i].i_payload > cap - size) {
			return 0;
		}
		memcpy(out + size, nals[i].p_payload, (size_t)nals[i].i_payload);
		size += (size_t)nals[i].i_payload;
	}
	return size;
}

// --- patches: pictures between those of x264, which would take milliseconds for what is written in no time.
// x264's alone are referred to, so that every other one may be a patch, and what one shows is owed to x264.

static struct es_patch patch_for(const struct x264_encoder *encoder) {
	const x264_param_t *param = &encoder->param;
	return (struct es_patch){
			.width = (uint32_t)(param->i_width + 15) / 16,
			.height = (uint32_t)(param->i_height + 15) / 16,
			.frame_num = (uint32_t)encoder->next_number,
			.pps_qp = param->rc.i_qp_constant,
			.chroma_qp_offset = encoder->chroma_qp_offset,
	};
}

static void note_patch(struct x264_encoder *encoder, const struct es_encode_request *request,
		int qp, size_t size, struct es_encoded *encoded) {
	// Of what x264 takes for a picture nothing can be learnt from it.
	static const struct es_complexity_cost nothing;
	int around = encoder->rate.coarsest_qp;
	rate_control_update(&encoder->rate, false, around, &nothing, size);
	*encoded = (struct es_encoded){
			.size = size,
			.qp = (uint8_t)(qp > around ? qp : around),
			.unsettled = encoder->patches_changes,
	};
	encoder->may_patch = false;
	encoder->still = request->n_damage == 0;
	encoder->last_sequence = request->sequence;
	encoder->numbers[request->sequence % REMEMBERED_UNITS] = encoder->next_number;
}

// Nothing changed, and the client has it as fine as it is going to have it.
static bool repeats(const struct x264_encoder *encoder, const struct es_encode_request *request) {
	return encoder->may_patch && request->n_damage == 0 && !request->force_idr &&
			encoder->rate.coarsest_qp <= encoder_x264.good_qp;
}

static bool repeat(struct x264_encoder *encoder, const struct es_encode_request *request,
		uint8_t *out, size_t cap, struct es_encoded *encoded) {
	const struct es_patch same = patch_for(encoder);
	size_t size = patch_picture_write(&same, out, cap);
	if (size == 0) {
		es_log(ES_LOG_ERROR, "no room for a picture in %zu bytes", cap);
		return false;
	}
	note_patch(encoder, request, encoder->rate.coarsest_qp, size, encoded);
	return true;
}

static bool is_small(const struct x264_encoder *encoder, const uint8_t *unchanged) {
	const struct es_patch patch = patch_for(encoder);
	size_t n = (size_t)patch.width * patch.height, changed = 0;
	for (size_t i = 0; i < n; i++) {
		changed += unchanged[i] == 0;
	}
	return changed <= n / PATCH_PART;
}

// The first change after stillness, which somebody waits for; while changes follow one another, to show
// each twice would only take bits from them.
static bool shows_by_patch(
		const struct x264_encoder *encoder, const struct es_encode_request *request) {
	return encoder->patches_changes && encoder->may_patch && encoder->still &&
			request->n_damage > 0 && request->unchanged != NULL && !request->force_idr &&
			is_small(encoder, request->unchanged);
}

// False: it would take too many bits.
static bool show_by_patch(struct x264_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct es_complexity_cost cost =
			complexity_peek(&encoder->complexity, picture, request->damage, request->n_damage);
	int qp = rate_control_qp(&encoder->rate, false, &cost);
	struct es_patch patch = patch_for(encoder);
	patch.qp = qp > encoder_x264.good_qp ? qp : encoder_x264.good_qp;
	patch.picture = picture;
	patch.unchanged = request->unchanged;
	for (int i = 0; i < 2; i++) {
		patch.reference[i] = encoder->reference.plane[i];
		patch.reference_stride[i] = (uint32_t)encoder->reference.i_stride[i];
	}
	size_t most = (size_t)(encoder->rate.frame_bits / 8); // what a unit may take
	size_t size = patch_picture_write(&patch, out, cap < most ? cap : most);
	if (size == 0) {
		return false;
	}
	damage_add_rects(&encoder->owed, request->damage, request->n_damage);
	note_patch(encoder, request, patch.qp, size, encoded);
	return true;
}

// What changed for x264 is more than what changed for the client.
static struct es_encode_request with_owed(
		struct x264_encoder *encoder, const struct es_encode_request *request) {
	struct es_encode_request all = *request;
	if (encoder->owed.n > 0) {
		damage_add_rects(&encoder->owed, request->damage, request->n_damage);
		damage_map(&encoder->owed, encoder->unchanged, ES_MB_UNCHANGED);
		all.damage = encoder->owed.rects;
		all.n_damage = encoder->owed.n;
		all.unchanged = request->unchanged != NULL ? encoder->unchanged : NULL;
	}
	return all;
}

// --- x264's pictures

static void note_picture(struct x264_encoder *encoder, uint64_t sequence, bool idr) {
	encoder->last_sequence = sequence;
	if (idr) {
		encoder->idr_sequence = sequence;
		encoder->next_number = 0;
	}
	encoder->numbers[sequence % REMEMBERED_UNITS] = encoder->next_number++;
	encoder->may_patch = !encoder->param.b_cabac;
	damage_clear(&encoder->owed);
}

static bool encode_by_x264(struct x264_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	bool idr = request->force_idr || encoder->last_sequence == 0;
	struct es_complexity_cost cost = measure(encoder, picture, request, idr);
	int qp = rate_control_qp(&encoder->rate, idr, &cost);
	x264_picture_t in, result;
	fill_picture(&in, encoder->param.i_csp, picture, request);
	in.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
	in.i_qpplus1 = qp + qp_offset(encoder->param.i_bitdepth) + 1;
	x264_nal_t *nals;
	int n_nals;
	int size = x264_encoder_encode(encoder->x264, &nals, &n_nals, &in, &result);
	if (size <= 0) {
		es_log(ES_LOG_ERROR, "x264 gave no access unit for a picture");
		return false;
	}
	size_t written = copy_nals(nals, n_nals, out, cap);
	if (written == 0) {
		es_log(ES_LOG_ERROR, "access unit of %d bytes is too long for %zu", size, cap);
		return false;
	}
	rate_control_update(&encoder->rate, idr, qp, &cost, written);
	*encoded = (struct es_encoded){
			.size = written,
			.idr = result.b_keyframe != 0,
			.qp = (uint8_t)encoder->rate.coarsest_qp,
	};
	encoder->reference = result.img;
	note_picture(encoder, request->sequence, encoded->idr);
	return true;
}

static bool x264_encode(struct es_encoder *base, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	struct x264_encoder *encoder = (struct x264_encoder *)base;
	if (repeats(encoder, request)) {
		return repeat(encoder, request, out, cap, encoded);
	}
	if (shows_by_patch(encoder, request) &&
			show_by_patch(encoder, picture, request, out, cap, encoded)) {
		return true;
	}
	const struct es_encode_request all = with_owed(encoder, request);
	encoder->still = request->n_damage == 0;
	return encode_by_x264(encoder, picture, &all, out, cap, encoded);
}

static size_t x264_headers(struct es_encoder *base, uint8_t *out, size_t cap) {
	struct x264_encoder *encoder = (struct x264_encoder *)base;
	x264_nal_t *nals;
	int n_nals;
	if (x264_encoder_headers(encoder->x264, &nals, &n_nals) < 0) {
		return 0;
	}
	return copy_nals(nals, n_nals, out, cap);
}

// Decoders based on libavcodec that miss the unit whose frame_num wraps to 0 lose count of the
// picture order, and show nothing for 16 units. They miss all after the first that was lost, for
// clients keep from them what may show it.
static bool loses_count(const struct x264_encoder *encoder, uint64_t first) {
	if (first <= encoder->idr_sequence) {
		return true;
	}
	const uint64_t *numbers = encoder->numbers;
	uint64_t before = (numbers[first % REMEMBERED_UNITS] - 1) / FRAME_NUM_RANGE;
	return numbers[encoder->last_sequence % REMEMBERED_UNITS] / FRAME_NUM_RANGE != before;
}

// Everything after `first` may show what was predicted from it, so that all of it goes. When no
// reference is left, x264 makes an IDR by itself.
static bool x264_invalidate(struct es_encoder *base, uint64_t first, uint64_t last) {
	struct x264_encoder *encoder = (struct x264_encoder *)base;
	if (first > encoder->last_sequence) {
		return true; // nothing refers to it
	}
	if (encoder->last_sequence - first + 1 >= encoder->dpb_frames || loses_count(encoder, first)) {
		return false;
	}
	encoder->may_patch = false;
	for (uint64_t sequence = first; sequence <= encoder->last_sequence; sequence++) {
		if (x264_encoder_invalidate_reference(encoder->x264, (int64_t)sequence) != 0) {
			return false;
		}
	}
	return true;
}

static bool x264_set_bitrate(struct es_encoder *base, uint32_t kbps) {
	struct x264_encoder *encoder = (struct x264_encoder *)base;
	rate_control_set_bitrate(&encoder->rate, kbps, encoder->refresh_mhz);
	return true;
}

static bool x264_takes(const struct es_colour *colour, enum es_picture_layout *layout) {
	if (colour->yuv444) {
		*layout = colour->depth == 8 ? ES_PICTURE_I444 : ES_PICTURE_I410;
	} else {
		*layout = colour->depth == 8 ? ES_PICTURE_NV12 : ES_PICTURE_I010;
	}
	bool depth = X264_BIT_DEPTH == 0 || X264_BIT_DEPTH == colour->depth;
	return depth && (X264_CHROMA_FORMAT == 0 || !colour->yuv444);
}

const struct es_encoder_impl encoder_x264 = {
		.name = "x264",
		.codec = ES_CODEC_H264,
		.device = &device_cpu,
		.takes = x264_takes,
		.good_qp = 18,
		.create = x264_create,
		.destroy = x264_destroy,
		.encode = x264_encode,
		.headers = x264_headers,
		.invalidate = x264_invalidate,
		.set_bitrate = x264_set_bitrate,
};
