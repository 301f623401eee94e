#include "protocol/rtsp.h"

#include <stdio.h>
#include <string.h>

#include "protocol/bytes.h"

#define MAX_HEADERS 64
#define MAX_METHOD 16
#define VERSION "RTSP/1.0"
#define ENCRYPTED UINT32_C(0x80000000)
#define FRAME_HEADER_SIZE 8

// A piece of the request; nothing in it ends with a NUL.
struct span {
	const char *text;
	size_t size;
};

static bool span_is(struct span s, const char *text) {
	return s.size == strlen(text) && memcmp(s.text, text, s.size) == 0;
}

static char lower(char c) {
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool span_is_nocase(struct span s, const char *text) {
	if (s.size != strlen(text)) {
		return false;
	}
	for (size_t i = 0; i < s.size; i++) {
		if (lower(s.text[i]) != lower(text[i])) {
			return false;
		}
	}
	return true;
}

// Up to the first `c`, or false; *s goes on behind it.
static bool span_cut(struct span *s, char c, struct span *before) {
	const char *at = memchr(s->text, c, s->size);
	if (at == NULL) {
		return false;
	}
	*before = (struct span){s->text, (size_t)(at - s->text)};
	*s = (struct span){at + 1, s->size - before->size - 1};
	return true;
}

static bool is_blank(char c) {
	return c == ' ' || c == '\t';
}

static struct span span_trim(struct span s) {
	while (s.size > 0 && is_blank(s.text[0])) {
		s = (struct span){s.text + 1, s.size - 1};
	}
	while (s.size > 0 && is_blank(s.text[s.size - 1])) {
		s.size--;
	}
	return s;
}

// A decimal number and nothing else.
static bool span_number(struct span s, uint32_t max, uint32_t *value) {
	uint64_t v = 0;
	for (size_t i = 0; i < s.size; i++) {
		if (s.text[i] < '0' || s.text[i] > '9') {
			return false;
		}
		v = v * 10 + (uint64_t)(s.text[i] - '0');
		if (v > max) {
			return false;
		}
	}
	*value = (uint32_t)v;
	return s.size > 0;
}

static bool span_copy(struct span s, char *out, size_t cap) {
	if (s.size >= cap) {
		return false;
	}
	memcpy(out, s.text, s.size);
	out[s.size] = '\0';
	return true;
}

// --- the request

static const struct {
	const char *name;
	enum es_rtsp_method method;
} methods[] = {
		{"OPTIONS", ES_RTSP_OPTIONS},
		{"DESCRIBE", ES_RTSP_DESCRIBE},
		{"SETUP", ES_RTSP_SETUP},
		{"ANNOUNCE", ES_RTSP_ANNOUNCE},
		{"PLAY", ES_RTSP_PLAY},
};

static enum es_rtsp_method find_method(struct span name) {
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (span_is(name, methods[i].name)) {
			return methods[i].method;
		}
	}
	return ES_RTSP_UNKNOWN;
}

// "streamid=audio/0/0"; what follows the kind is the same from every client and means nothing.
static enum es_rtsp_target find_target(struct span url) {
	struct span kind, key;
	if (!span_cut(&url, '=', &key) || !span_is(key, "streamid")) {
		return ES_RTSP_OTHER;
	}
	if (!span_cut(&url, '/', &kind)) {
		kind = url;
	}
	return span_is(kind, "audio")	   ? ES_RTSP_AUDIO
			: span_is(kind, "video")   ? ES_RTSP_VIDEO
			: span_is(kind, "control") ? ES_RTSP_CONTROL
									   : ES_RTSP_OTHER;
}

// "SETUP streamid=audio/0/0 RTSP/1.0"
static bool parse_first_line(struct es_rtsp_request *request, struct span line) {
	struct span method, url;
	if (!span_cut(&line, ' ', &method) || method.size == 0 || method.size > MAX_METHOD ||
			!span_cut(&line, ' ', &url) || url.size == 0 || !span_is(line, VERSION)) {
		return false;
	}
	request->method = find_method(method);
	request->target = find_target(url);
	return true;
}

// What was seen, so that nothing counts twice.
struct headers {
	bool cseq, session, host, length;
	uint32_t body_size;
};

static bool first_of(bool *seen) {
	bool first = !*seen;
	*seen = true;
	return first;
}

static bool parse_header(
		struct es_rtsp_request *request, struct headers *headers, struct span line) {
	struct span name;
	if (!span_cut(&line, ':', &name) || name.size == 0 || is_blank(name.text[0]) ||
			is_blank(name.text[name.size - 1])) {
		return false;
	}
	struct span value = span_trim(line);
	if (span_is_nocase(name, "CSeq")) {
		return first_of(&headers->cseq) && span_number(value, UINT32_MAX, &request->cseq);
	}
	if (span_is_nocase(name, "Content-length")) {
		return first_of(&headers->length) &&
				span_number(value, ES_RTSP_MAX_REQUEST, &headers->body_size);
	}
	if (span_is_nocase(name, "Host")) {
		return first_of(&headers->host) && span_copy(value, request->host, sizeof(request->host));
	}
	if (span_is_nocase(name, "Session")) {
		struct span token = value;
		span_cut(&value, ';', &token);
		return first_of(&headers->session) &&
				span_copy(span_trim(token), request->session, sizeof(request->session));
	}
	return true;
}

// The next whole line without its end. False: there is none yet.
static bool next_line(struct span *rest, struct span *line) {
	if (!span_cut(rest, '\n', line)) {
		return false;
	}
	if (line->size > 0 && line->text[line->size - 1] == '\r') {
		line->size--;
	}
	return true;
}

// Only what may stand in a line: no control characters, nothing outside ASCII.
static bool line_clean(struct span line) {
	for (size_t i = 0; i < line.size; i++) {
		unsigned char c = (unsigned char)line.text[i];
		if ((c < 0x20 && c != '\t') || c >= 0x7f) {
			return false;
		}
	}
	return true;
}

// Of what has come of a line so far, a CR may be its end.
static enum es_rtsp_parsed partial_line(struct span rest) {
	if (rest.size > 0 && rest.text[rest.size - 1] == '\r') {
		rest.size--;
	}
	return line_clean(rest) ? ES_RTSP_INCOMPLETE : ES_RTSP_BAD;
}

static enum es_rtsp_parsed parse_head(
		struct es_rtsp_request *request, struct headers *headers, struct span *rest) {
	struct span line;
	if (!next_line(rest, &line)) {
		return partial_line(*rest);
	}
	if (!line_clean(line) || !parse_first_line(request, line)) {
		return ES_RTSP_BAD;
	}
	for (size_t n = 0; n <= MAX_HEADERS; n++) {
		if (!next_line(rest, &line)) {
			return partial_line(*rest);
		}
		if (line.size == 0) {
			return headers->cseq ? ES_RTSP_COMPLETE : ES_RTSP_BAD;
		}
		if (!line_clean(line) || !parse_header(request, headers, line)) {
			return ES_RTSP_BAD;
		}
	}
	return ES_RTSP_BAD;
}

enum es_rtsp_parsed rtsp_parse(struct es_rtsp_request *request, const char *text, size_t size) {
	*request = (struct es_rtsp_request){0};
	if (size > ES_RTSP_MAX_REQUEST) {
		return ES_RTSP_BAD;
	}
	struct headers headers = {0};
	struct span rest = {text, size};
	enum es_rtsp_parsed parsed =
			size > 0 ? parse_head(request, &headers, &rest) : ES_RTSP_INCOMPLETE;
	if (parsed == ES_RTSP_COMPLETE) {
		size_t head_size = size - rest.size;
		if (headers.body_size > ES_RTSP_MAX_REQUEST - head_size || rest.size > headers.body_size) {
			return ES_RTSP_BAD;
		}
		parsed = rest.size < headers.body_size ? ES_RTSP_INCOMPLETE : ES_RTSP_COMPLETE;
		request->body = rest.text;
		request->body_size = rest.size;
	}
	return parsed == ES_RTSP_INCOMPLETE && size == ES_RTSP_MAX_REQUEST ? ES_RTSP_BAD : parsed;
}

// --- the response

static const char *reason(int code) {
	switch (code) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 454:
		return "Session Not Found";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	default:
		return "Error"; // clients want one
	}
}

// A header's own text; an end of line in it would be another header.
static void put_piece(struct es_writer *w, const char *text) {
	struct span s = {text, strlen(text)};
	w->ok = w->ok && line_clean(s);
	put_bytes(w, s.text, s.size);
}

static void put_header_line(struct es_writer *w, const char *name, const char *value) {
	put_piece(w, name);
	put_bytes(w, ": ", 2); // clients skip just one character
	put_piece(w, value);
	put_bytes(w, "\r\n", 2);
}

size_t rtsp_format(char *out, size_t cap, int code, uint32_t cseq,
		const struct es_rtsp_header *headers, size_t n_headers, const char *body) {
	struct es_writer w = writer_init(out, cap);
	char number[16];
	snprintf(number, sizeof(number), " %d ", code);
	put_piece(&w, VERSION);
	put_piece(&w, number);
	put_piece(&w, reason(code));
	put_bytes(&w, "\r\n", 2);
	snprintf(number, sizeof(number), "%lu", (unsigned long)cseq);
	put_header_line(&w, "CSeq", number);
	for (size_t i = 0; i < n_headers; i++) {
		put_header_line(&w, headers[i].name, headers[i].value);
	}
	put_bytes(&w, "\r\n", 2);
	if (body != NULL) {
		put_bytes(&w, body, strlen(body));
	}
	return w.ok ? w.pos : 0;
}

// --- encrypted frames

static void make_iv(uint8_t iv[ES_GCM_IV_SIZE], char direction, uint32_t sequence) {
	struct es_writer w = writer_init(iv, ES_GCM_IV_SIZE);
	memset(iv, 0, ES_GCM_IV_SIZE);
	put_le32(&w, sequence);
	iv[10] = (uint8_t)direction;
	iv[11] = 'R';
}

enum es_rtsp_parsed rtsp_open(struct es_gcm *gcm, char direction, const void *data, size_t size,
		void *plain, size_t *plain_size, uint32_t *sequence) {
	const uint8_t *bytes = data;
	if (size > 0 && (bytes[0] & 0x80) == 0) {
		return ES_RTSP_BAD;
	}
	struct es_reader r = reader_init(data, size);
	uint32_t length = get_be32(&r) & ~ENCRYPTED;
	if (r.ok && (length == 0 || length > ES_RTSP_MAX_REQUEST - ES_RTSP_FRAME_OVERHEAD)) {
		return ES_RTSP_BAD;
	}
	uint32_t number = get_be32(&r);
	if (!r.ok || size < length + ES_RTSP_FRAME_OVERHEAD) {
		return ES_RTSP_INCOMPLETE;
	}
	if (size > length + ES_RTSP_FRAME_OVERHEAD) {
		return ES_RTSP_BAD;
	}
	const uint8_t *tag = bytes + FRAME_HEADER_SIZE;
	uint8_t iv[ES_GCM_IV_SIZE];
	make_iv(iv, direction, number);
	if (!gcm_open(gcm, iv, sizeof(iv), tag + ES_TAG_SIZE, length, tag, plain)) {
		return ES_RTSP_BAD;
	}
	*plain_size = length;
	*sequence = number;
	return ES_RTSP_COMPLETE;
}

size_t rtsp_seal(struct es_gcm *gcm, char direction, uint32_t sequence, const void *plain,
		size_t size, void *out, size_t cap) {
	if (size == 0 || size > ES_RTSP_MAX_REQUEST - ES_RTSP_FRAME_OVERHEAD ||
			cap < size + ES_RTSP_FRAME_OVERHEAD) {
		return 0;
	}
	struct es_writer w = writer_init(out, FRAME_HEADER_SIZE);
	put_be32(&w, ENCRYPTED | (uint32_t)size);
	put_be32(&w, sequence);
	uint8_t *tag = (uint8_t *)out + FRAME_HEADER_SIZE;
	uint8_t iv[ES_GCM_IV_SIZE];
	make_iv(iv, direction, sequence);
	gcm_seal(gcm, iv, sizeof(iv), plain, size, tag + ES_TAG_SIZE, tag);
	return size + ES_RTSP_FRAME_OVERHEAD;
}
