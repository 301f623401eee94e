#include "host/log_ring.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct es_log_ring {
	pthread_mutex_t lock;
	struct es_log_line lines[ES_LOG_RING_LINES]; // protected by lock, as last
	uint64_t last;
};

static void on_line(void *data, enum es_log_level level, const char *text) {
	struct es_log_ring *ring = data;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&ring->lock);
	struct es_log_line *line = &ring->lines[++ring->last % ES_LOG_RING_LINES];
	line->id = ring->last;
	line->time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	line->level = level;
	snprintf(line->text, sizeof(line->text), "%s", text);
	pthread_mutex_unlock(&ring->lock);
}

struct es_log_ring *log_ring_create(void) {
	struct es_log_ring *ring = calloc(1, sizeof(*ring));
	if (ring == NULL) {
		return NULL;
	}
	if (pthread_mutex_init(&ring->lock, NULL) != 0) {
		free(ring);
		return NULL;
	}
	log_set_tap(on_line, ring);
	return ring;
}

void log_ring_destroy(struct es_log_ring *ring) {
	if (ring == NULL) {
		return;
	}
	log_set_tap(NULL, NULL);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

uint64_t log_ring_last(const struct es_log_ring *ring) {
	struct es_log_ring *locked = (struct es_log_ring *)ring;
	pthread_mutex_lock(&locked->lock);
	uint64_t last = ring->last;
	pthread_mutex_unlock(&locked->lock);
	return last;
}

bool log_ring_get(const struct es_log_ring *ring, uint64_t id, struct es_log_line *line) {
	struct es_log_ring *locked = (struct es_log_ring *)ring;
	pthread_mutex_lock(&locked->lock);
	const struct es_log_line *kept = &ring->lines[id % ES_LOG_RING_LINES];
	bool found = id > 0 && kept->id == id;
	if (found) {
		*line = *kept;
	}
	pthread_mutex_unlock(&locked->lock);
	return found;
}
