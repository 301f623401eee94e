#include "host/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "host/clients.h"
#include "host/event_timer.h"
#include "host/log_ring.h"
#include "host/pairing_desk.h"

#define STATS_NS ES_NS_PER_S
#define LOG_NS (ES_NS_PER_S / 4)

struct es_news {
	const struct es_api_host *host;
	bool changed[ES_EVENT_COUNT];
	sd_event_source *soon, *stats, *log;
	uint64_t told_lines;
};

static void on_answer(void *data, const struct es_api_answer *answer) {
	*(struct es_api_answer *)data = *answer;
}

static void publish_answer(struct es_news *news, enum es_event_type type, const char *target) {
	struct es_api_answer answer = {0};
	struct es_api_call call = {
			.host = news->host,
			.method = "GET",
			.target = target,
			.role = ES_ROLE_ADMIN,
			.answer = on_answer,
			.data = &answer,
	};
	api_handle(&call);
	if (answer.status == 200) {
		events_publish(news->host->events, type, answer.body, answer.size);
	}
	free(answer.body);
}

static void publish(struct es_news *news, enum es_event_type type) {
	static const char *const targets[ES_EVENT_COUNT] = {
			[ES_EVENT_PAIRING] = ES_API_ROOT "/pairings",
			[ES_EVENT_CLIENTS] = ES_API_ROOT "/clients",
			[ES_EVENT_SESSION] = ES_API_ROOT "/sessions",
			[ES_EVENT_STATS] = ES_API_ROOT "/sessions",
			[ES_EVENT_CAPTURE] = ES_API_ROOT "/capture",
	};
	if (targets[type] != NULL) {
		publish_answer(news, type, targets[type]);
	} else {
		events_publish(news->host->events, type, "{}", 2);
	}
}

static int handle_soon(sd_event_source *source, uint64_t usec, void *data) {
	struct es_news *news = data;
	event_timer_clear(&news->soon);
	for (int i = 0; i < ES_EVENT_COUNT; i++) {
		if (news->changed[i]) {
			news->changed[i] = false;
			publish(news, (enum es_event_type)i);
		}
	}
	return 0;
}

void news_tell(struct es_news *news, enum es_event_type type) {
	news->changed[type] = true;
	if (news->soon == NULL) {
		event_timer_set(news->host->event, &news->soon, 0, handle_soon, news);
	}
}

// --- what is looked at while somebody listens

static int handle_stats(sd_event_source *source, uint64_t usec, void *data) {
	struct es_news *news = data;
	event_timer_set(news->host->event, &news->stats, STATS_NS, handle_stats, news);
	publish(news, ES_EVENT_STATS);
	return 0;
}

// Not line by line: a host that writes many is not slowed down by who reads them.
static int handle_log(sd_event_source *source, uint64_t usec, void *data) {
	struct es_news *news = data;
	char target[96];
	event_timer_set(news->host->event, &news->log, LOG_NS, handle_log, news);
	uint64_t last = log_ring_last(news->host->log);
	if (last > news->told_lines) {
		snprintf(target, sizeof(target), ES_API_ROOT "/log?limit=100&after=%" PRIu64,
				news->told_lines);
		news->told_lines = last;
		publish_answer(news, ES_EVENT_LOG, target);
	}
	return 0;
}

static void on_listeners(void *data) {
	struct es_news *news = data;
	event_timer_clear(&news->stats);
	event_timer_clear(&news->log);
	if (events_count_listeners(news->host->events) > 0) {
		event_timer_set(news->host->event, &news->stats, STATS_NS, handle_stats, news);
		news->told_lines = log_ring_last(news->host->log);
		event_timer_set(news->host->event, &news->log, LOG_NS, handle_log, news);
	}
}

// --- life

static void on_pairings(void *data) {
	news_tell(data, ES_EVENT_PAIRING);
}

static void on_clients(void *data) {
	news_tell(data, ES_EVENT_CLIENTS);
}

struct es_news *news_create(const struct es_api_host *host) {
	struct es_news *news = calloc(1, sizeof(*news));
	if (news == NULL) {
		return NULL;
	}
	news->host = host;
	pairing_desk_on_change(host->desk, on_pairings, news);
	clients_on_change(host->clients, on_clients, news);
	events_on_listeners(host->events, on_listeners, news);
	return news;
}

void news_destroy(struct es_news *news) {
	if (news == NULL) {
		return;
	}
	pairing_desk_on_change(news->host->desk, NULL, NULL);
	clients_on_change(news->host->clients, NULL, NULL);
	events_on_listeners(news->host->events, NULL, NULL);
	event_timer_clear(&news->soon);
	event_timer_clear(&news->stats);
	event_timer_clear(&news->log);
	free(news);
}
