// One request of RTSP and its answer, bytes in and bytes out: the sessions that wait for it are found,
// by their keys if it is encrypted, and told. No sockets.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "host/play.h"
#include "protocol/rtsp.h"

#define ES_RTSP_EXCHANGE_IN (ES_RTSP_MAX_REQUEST + ES_RTSP_FRAME_OVERHEAD)
#define ES_RTSP_EXCHANGE_OUT (ES_RTSP_MAX_RESPONSE + ES_RTSP_FRAME_OVERHEAD)

enum es_rtsp_exchanged {
	ES_RTSP_MORE, // the request is not complete yet
	ES_RTSP_ANSWER, // out holds *out_size bytes to send; then the connection ends
	ES_RTSP_CLOSE, // nothing is answered
};

// What has come from `peer` on a connection so far.
enum es_rtsp_exchanged rtsp_exchange(struct es_plays *plays, const char *peer, const void *in,
		size_t size, uint8_t out[ES_RTSP_EXCHANGE_OUT], size_t *out_size);
