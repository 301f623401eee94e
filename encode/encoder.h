// An encoder: converted pictures in, access units out, one out for each one in.
//
// Encoders of the CPU are given converted pictures in memory; those of a GPU convert imported buffers
// themselves, on the GPU, and keep the result for repeats.
//
// Implementations are tables of functions, one file per family; all calls on the
// encode thread. Callers go through the wrappers below, which alone check for absent
// operations.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/cursor_blend.h"
#include "encode/device.h"
#include "encode/picture.h"
#include "protocol/frame_msg.h"
#include "protocol/mode.h"

struct es_encoder_params {
	enum es_codec codec;
	struct es_mode mode;
	struct es_colour colour;
	uint32_t bitrate_kbps;
	uint32_t threads; // 0: as many as suit
	uint32_t slices; // per picture, at least, where the encoder can; 0: as suits
	uint32_t max_refs; // pictures that may be referred to; 0: as suits
	bool strict; // somebody waits: sooner a coarser picture than a unit longer than its share, or a unit more
};

#define ES_MB_UNCHANGED 1

struct es_encode_request {
	uint64_t sequence; // of the access unit, ascending by 1; names it in invalidations
	bool force_idr;
	// One byte per 16x16 macroblock in raster order, ES_MB_UNCHANGED: the same pixels as in the
	// request before, 0: not; NULL: anything may have changed. Borrowed.
	const uint8_t *unchanged;
	// All that changed since the request before; none: the same picture again. Borrowed.
	const struct es_rect *damage;
	size_t n_damage;
	// Only for devices that blend it themselves, else NULL: to be shown over the picture; see
	// cursor_blend_view. Borrowed.
	const struct es_cursor_blend *cursor;
};

// A buffer for an encoder that converts on its own device.
struct es_convert_request {
	const struct es_import *import; // of the encoder's device; borrowed
	struct es_box src; // all 0: the whole buffer
	struct es_rect dst; // all 0: the whole screen; around it: black
	int acquire_fd; // wait for it on the GPU before reading; -1: nothing to wait for. Borrowed.
	// Since the conversion before; a device that converts everything anyway may ignore it. Borrowed.
	const struct es_rect *damage;
	size_t n_damage;
};

struct es_encoded {
	size_t size; // bytes written to `out`
	bool idr;
	uint8_t qp; // of the coarsest part of the picture as the client has it now; 0 if unknown
	bool unsettled; // a change right after it takes longer than one after another repeat would
};

struct es_encoder;

struct es_encoder_impl {
	const char *name; // as after -e
	enum es_codec codec;
	const struct es_device_impl *device; // that its buffers are imported on
	// Whether pictures of that colour can be encoded, and in which layout they are wanted (only where
	// the device maps).
	bool (*takes)(const struct es_colour *colour, enum es_picture_layout *layout);
	uint8_t good_qp; // at or below which encoding the same picture again shows nothing new
	uint32_t min_size; // of width and height, made even; 0: any
	// `device` is borrowed and outlives the encoder. NULL after a logged error. The encoder starts with
	// an IDR.
	struct es_encoder *(*create)(const struct es_encoder_impl *impl, struct es_device *device,
			const struct es_encoder_params *params);
	void (*destroy)(struct es_encoder *encoder);
	// Only where the device does not map: makes the picture that following calls of encode take. What
	// becomes readable when the buffer has been read is in *release_fd, the caller's; -1: it has been
	// read. False, with a reason (a constant): this buffer cannot be converted, the encoder goes on.
	bool (*convert)(struct es_encoder *encoder, const struct es_convert_request *request,
			int *release_fd, const char **why);
	// One access unit, parameter sets before each IDR, into out[cap]. False after a logged
	// error: the encoder is unusable. A unit longer than cap is an error. `picture`: NULL for
	// encoders that convert.
	bool (*encode)(struct es_encoder *encoder, const struct es_picture *picture,
			const struct es_encode_request *request, uint8_t *out, size_t cap,
			struct es_encoded *encoded);
	// Parameter sets for containers; bytes written, 0 if none or no room.
	size_t (*headers)(struct es_encoder *encoder, uint8_t *out, size_t cap);
	// Optional: never refer to first..last (sequences) or what was predicted from them. False: not
	// possible, the caller asks for an IDR.
	bool (*invalidate)(struct es_encoder *encoder, uint64_t first, uint64_t last);
	// Optional: from the next access unit on, without an IDR.
	bool (*set_bitrate)(struct es_encoder *encoder, uint32_t kbps);
};

// First member of every implementation's struct.
struct es_encoder {
	const struct es_encoder_impl *impl;
};

// All that are built in, best first, ended by NULL.
extern const struct es_encoder_impl *const encoder_impls[];

// The layout is only told where the device maps.
bool encoder_takes(const struct es_encoder_impl *impl, const struct es_colour *colour,
		enum es_picture_layout *layout);

// By name and codec; name "auto" or "software": the first of the CPU for the codec, as only the host
// knows which of a GPU works. NULL if not built in.
const struct es_encoder_impl *encoder_find(const char *name, enum es_codec codec);

struct es_encoder *encoder_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params);
void encoder_destroy(struct es_encoder *encoder); // NULL is fine
bool encoder_convert(struct es_encoder *encoder, const struct es_convert_request *request,
		int *release_fd, const char **why);
bool encoder_encode(struct es_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded);
size_t encoder_headers(struct es_encoder *encoder, uint8_t *out, size_t cap);
bool encoder_invalidate(struct es_encoder *encoder, uint64_t first, uint64_t last);
bool encoder_set_bitrate(struct es_encoder *encoder, uint32_t kbps);
