// An H.264 picture made without an encoder, fit between two of an encoder that knows nothing of it: where
// nothing changed it repeats the reference, elsewhere it adds what the picture differs from that. Nothing
// may refer to it. An encoder goes through every macroblock of the screen, this through those that changed.
//
// For streams of 8 bits with CAVLC, frame macroblocks and 4x4 transforms only, picture order count type 2,
// one slice group, flat scaling, no weighted prediction, no redundant pictures, deblocking control in the
// slice header and a frame_num of 4 bits. No two of them may follow one another (picture order count type 2
// forbids it). Clauses are those of ITU-T H.264. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "encode/picture.h"

#define ES_PATCH_FRAME_NUMS 16

struct es_patch {
	uint32_t width, height; // in macroblocks
	uint32_t frame_num; // of the encoder's next picture if that is no IDR; the low bits count
	int pps_qp, chroma_qp_offset; // as in picture parameter set 0
	// What changed; NULL: nothing. NV12, its planes may end before the last macroblocks do. Borrowed.
	const struct es_picture *picture;
	const uint8_t *unchanged; // a byte for each macroblock; 0: it may differ. Borrowed.
	// The newest reference as decoders have it, whole macroblocks in the planes of NV12. Borrowed.
	const uint8_t *reference[2];
	uint32_t reference_stride[2];
	int qp; // 10..51, with a chroma_qp_offset of -4 or more
};

// The access unit into out[cap]. Bytes written, 0 if there is no room.
size_t patch_picture_write(const struct es_patch *patch, uint8_t *out, size_t cap);
