#include <stdlib.h>
#include <string.h>

#include "host/http_state.h"

#define BLOCK 4096

static void wake(struct es_http_request *request) {
	if (request->stream.suspended) {
		request->stream.suspended = false;
		MHD_resume_connection(request->connection);
		http_server_kick(request->server);
	}
}

static ssize_t read_stream(void *data, uint64_t position, char *out, size_t cap) {
	struct es_http_request *request = data;
	struct es_http_stream *stream = &request->stream;
	if (stream->size > 0) {
		size_t n = stream->size < cap ? stream->size : cap;
		memcpy(out, stream->data, n);
		memmove(stream->data, stream->data + n, stream->size - n);
		stream->size -= n;
		return (ssize_t)n;
	}
	if (stream->ended) {
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	stream->suspended = true;
	MHD_suspend_connection(request->connection);
	return 0;
}

static void tell_gone(struct es_http_request *request) {
	void (*gone)(void *) = request->gone;
	request->gone = NULL;
	if (gone != NULL) {
		gone(request->gone_data);
	}
}

void http_stream_drop(struct es_http_request *request) {
	request->hang_up = sd_event_source_disable_unref(request->hang_up);
	request->stream.ended = true;
	request->stream.size = 0;
	wake(request);
	tell_gone(request);
}

void http_stream_finish(struct es_http_request *request) {
	tell_gone(request);
}

static int on_hang_up(sd_event_source *source, int fd, uint32_t events, void *data) {
	http_stream_drop(data);
	return 0;
}

void http_stream(
		struct es_http_request *request, const char *type, void (*gone)(void *data), void *data) {
	struct MHD_Response *response =
			MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, request, NULL);
	if (response != NULL &&
			(MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_NO ||
					MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") ==
							MHD_NO)) {
		MHD_destroy_response(response);
		response = NULL;
	}
	http_request_settle(request, MHD_HTTP_OK, response);
	request->gone = gone;
	request->gone_data = data;
	request->deadline_ns = 0;
	request->state = ES_HTTP_STREAM;
	http_request_watch(request, on_hang_up);
}

static bool make_room(struct es_http_stream *stream, size_t size) {
	if (stream->size + size <= stream->cap) {
		return true;
	}
	size_t cap = 2 * (stream->size + size);
	cap = cap < ES_HTTP_BACKLOG ? cap : ES_HTTP_BACKLOG;
	char *grown = realloc(stream->data, cap);
	if (grown == NULL) {
		return false;
	}
	stream->data = grown;
	stream->cap = cap;
	return true;
}

bool http_stream_send(struct es_http_request *request, const void *data, size_t size) {
	struct es_http_stream *stream = &request->stream;
	if (stream->ended || size > ES_HTTP_BACKLOG - stream->size || !make_room(stream, size)) {
		return false;
	}
	memcpy(stream->data + stream->size, data, size);
	stream->size += size;
	wake(request);
	return true;
}

void http_stream_end(struct es_http_request *request) {
	request->gone = NULL;
	request->stream.ended = true;
	wake(request);
}
