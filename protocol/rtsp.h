// RTSP as GameStream clients speak it: one request per connection, in clear or in one encrypted frame.
// (Reference, section 5.) Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"

#define ES_RTSP_MAX_REQUEST 16384
#define ES_RTSP_MAX_RESPONSE 8192
#define ES_RTSP_FRAME_OVERHEAD 24 // length, sequence, tag

enum es_rtsp_method {
	ES_RTSP_UNKNOWN,
	ES_RTSP_OPTIONS,
	ES_RTSP_DESCRIBE,
	ES_RTSP_SETUP,
	ES_RTSP_ANNOUNCE,
	ES_RTSP_PLAY,
};
enum es_rtsp_target { ES_RTSP_OTHER, ES_RTSP_AUDIO, ES_RTSP_VIDEO, ES_RTSP_CONTROL };

struct es_rtsp_request {
	enum es_rtsp_method method;
	enum es_rtsp_target target; // of SETUP and ANNOUNCE
	uint32_t cseq;
	char session[64]; // up to ';', "" if absent
	char host[128]; // "" if absent
	const char *body; // into the text given
	size_t body_size;
};

enum es_rtsp_parsed { ES_RTSP_COMPLETE, ES_RTSP_INCOMPLETE, ES_RTSP_BAD };

// A clear request as far as it has come; INCOMPLETE: read on (never after ES_RTSP_MAX_REQUEST bytes).
// One that came in a frame is there as a whole: INCOMPLETE is as good as BAD then.
// BAD: not RTSP, no CSeq, a header twice or too long, or something behind the body.
enum es_rtsp_parsed rtsp_parse(struct es_rtsp_request *request, const char *text, size_t size);

struct es_rtsp_header {
	const char *name, *value;
};
// Bytes written, without a NUL; 0 if it had no room or a header has an end of line in it. CSeq is put
// first. `body` may be NULL.
size_t rtsp_format(char *out, size_t cap, int code, uint32_t cseq,
		const struct es_rtsp_header *headers, size_t n_headers, const char *body);

// Encrypted frames. Direction 'C' client to host, 'H' host to client.
// COMPLETE: *plain (at least `size` bytes) holds *plain_size bytes; *sequence is its number.
// BAD: not encrypted, longer than ES_RTSP_MAX_REQUEST as a whole, forged, or trailing bytes.
// That the sequence is a new one is for the caller to see to.
enum es_rtsp_parsed rtsp_open(struct es_gcm *gcm, char direction, const void *data, size_t size,
		void *plain, size_t *plain_size, uint32_t *sequence);
// Bytes written to out, 0 if cap < size + ES_RTSP_FRAME_OVERHEAD.
size_t rtsp_seal(struct es_gcm *gcm, char direction, uint32_t sequence, const void *plain,
		size_t size, void *out, size_t cap);
