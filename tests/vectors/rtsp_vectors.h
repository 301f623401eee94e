// What a real client sent over RTSP, request by request, and two encrypted frames.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "protocol/rtsp.h"

struct es_rtsp_vector {
	enum es_rtsp_method method;
	enum es_rtsp_target target;
	uint32_t cseq;
	const char *session;
	const char *text;
	size_t size; // as the client counted it
	size_t body_size;
};
extern const struct es_rtsp_vector rtsp_vectors[];
extern const size_t n_rtsp_vectors;

struct es_rtsp_frame_vector {
	char direction;
	uint32_t sequence;
	const char *plain;
	const char *wire; // hex
};
extern const struct es_rtsp_frame_vector rtsp_frame_vectors[];
extern const size_t n_rtsp_frame_vectors;

// The body of that client's ANNOUNCE.
extern const char announce_vector[];
