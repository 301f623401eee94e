// An H.264 picture that repeats the one before it, without an encoder: every macroblock is skipped, and
// nothing may refer to it. It fits between two pictures of an encoder that knows nothing of it: what
// refers to nothing else than it did, and frame_num goes on as if it had not been.
//
// For streams with CAVLC, frame macroblocks only, picture order count type 2, one slice group, no
// weighted prediction, no redundant pictures, deblocking control in the slice header and a frame_num of
// 4 bits. No two of them may follow one another (picture order count type 2 forbids it). Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ES_SKIP_FRAME_NUMS 16
#define ES_SKIP_MAX_SIZE 32

// The access unit, parameter set 0, into out[cap]; frame_num: that of the encoder's next picture if that
// is no IDR. Bytes written, 0 if there is no room.
size_t skip_picture_write(uint32_t macroblocks, uint32_t frame_num, uint8_t *out, size_t cap);
