#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/api_host.h"
#include "host/event_timer.h"
#include "host/events.h"
#include "host/quantity.h"
#include "host/web_state.h"

#define MAX_PER_LOGIN 6
// Shorter than what proxies wait for.
#define HEARTBEAT_NS (15 * ES_NS_PER_S)
#define BEGIN "retry: 2000\n\n"
#define BEAT ":\n\n"

struct web_stream {
	struct es_web_server *server; // borrowed
	struct web_stream *next;
	struct es_http_request *request;
	struct es_login_who who;
	struct es_listener *listener;
	bool slow; // did not read what it was sent
};

static void remove_stream(struct web_stream *stream) {
	struct web_stream **at = &stream->server->streams;
	while (*at != stream) {
		at = &(*at)->next;
	}
	*at = stream->next;
	events_leave(stream->server->api->events, stream->listener);
	free(stream);
}

static void on_gone(void *data) {
	remove_stream(data);
}

// The browser asks again, from the last event that it has heard.
static void close_stream(struct web_stream *stream) {
	http_stream_end(stream->request);
	remove_stream(stream);
}

static void send_text(struct web_stream *stream, const char *text, size_t size) {
	stream->slow = stream->slow || !http_stream_send(stream->request, text, size);
}

static void hear(void *data, const struct es_event *event) {
	struct web_stream *stream = data;
	char head[96];
	int n = snprintf(head, sizeof(head), "id: %" PRIu64 "\nevent: %s\ndata: ", event->id,
			event_name(event->type));
	send_text(stream, head, (size_t)n);
	send_text(stream, event->json, strlen(event->json));
	send_text(stream, "\n\n", 2);
	if (stream->slow && stream->listener != NULL) {
		close_stream(stream);
	}
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *data);

static void start_heartbeat(struct es_web_server *server) {
	if (!event_timer_set(server->event, &server->heartbeat, HEARTBEAT_NS, on_heartbeat, server)) {
		es_log(ES_LOG_WARN, "a browser that is away will be noticed late: out of memory");
	}
}

void web_events_check(struct es_web_server *server) {
	for (struct web_stream *stream = server->streams, *next; stream != NULL; stream = next) {
		next = stream->next;
		if (stream->slow || !login_stays(server->login, &stream->who)) {
			close_stream(stream);
		}
	}
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *data) {
	struct es_web_server *server = data;
	for (struct web_stream *stream = server->streams; stream != NULL; stream = stream->next) {
		send_text(stream, BEAT, strlen(BEAT));
	}
	web_events_check(server);
	if (server->streams != NULL) {
		start_heartbeat(server);
	}
	return 0;
}

static size_t count_streams(const struct es_web_server *server, const struct es_login_who *who) {
	size_t n = 0;
	for (const struct web_stream *stream = server->streams; stream != NULL; stream = stream->next) {
		n += stream->who.session == who->session && stream->who.token == who->token;
	}
	return n;
}

static uint64_t last_heard(const struct es_http_request *request) {
	const char *text;
	uint64_t id;
	return http_request_header(request, "Last-Event-ID", &text) && text != NULL &&
					quantity_whole(text, 0, UINT64_MAX, &id)
			? id
			: 0;
}

void web_events_begin(struct es_web_server *server, struct es_http_request *request,
		const struct es_login_who *who) {
	if (count_streams(server, who) >= MAX_PER_LOGIN) {
		web_refuse(request, 429, "this login has six streams of events already; close a page");
		return;
	}
	struct web_stream *stream = calloc(1, sizeof(*stream));
	if (stream == NULL) {
		web_refuse(request, 500, "out of memory");
		return;
	}
	*stream = (struct web_stream){
			.server = server, .next = server->streams, .request = request, .who = *who};
	uint64_t after = last_heard(request);
	http_answer_header(request, "Cache-Control", "no-store");
	http_stream(request, "text/event-stream", on_gone, stream);
	if (server->streams == NULL) {
		start_heartbeat(server);
	}
	server->streams = stream;
	send_text(stream, BEGIN, strlen(BEGIN));
	stream->listener = events_listen(server->api->events, who->role, after, hear, stream);
	if (stream->listener == NULL || stream->slow) {
		close_stream(stream);
	}
}
