// What all encoders through libavcodec have in common, on the CPU and on GPUs. On the encode thread.
#pragma once

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/encoder.h"

// Size, rate, a buffer of one frame, colours: before it is opened. No B frames; parameter sets are
// copied for lavc_headers.
void lavc_fill_context(
		AVCodecContext *context, const struct es_encoder_params *params, enum AVPixelFormat format);
// What a frame says of itself beside its pixels.
void lavc_fill_frame(
		AVFrame *frame, const AVCodecContext *context, const struct es_encode_request *request);
// The access unit of the frame sent before; `packet` is scratch. False after a logged error.
bool lavc_receive(AVCodecContext *context, AVPacket *packet, uint8_t *out, size_t cap,
		struct es_encoded *encoded);
// As es_encoder_impl.headers.
size_t lavc_headers(const AVCodecContext *context, uint8_t *out, size_t cap);
