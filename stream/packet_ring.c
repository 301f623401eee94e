#include "stream/packet_ring.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base/clock.h"

// The frames on their round are numbered on and on; frame k has index k % ES_RING_FRAMES.
// taken <= done <= put <= taken + ES_RING_FRAMES.
struct es_packet_ring {
	// immutable
	uint32_t datagram_size, max_frame, max_waiting;
	uint32_t capacity; // of the memory, in datagrams

	// owned
	uint8_t *memory; // capacity * datagram_size bytes, mapped
	pthread_mutex_t lock;
	pthread_cond_t changed; // a frame was put, or stopped
	bool have_lock, have_changed;

	// protected by lock
	uint64_t put, done, taken;
	uint32_t first[ES_RING_FRAMES], count[ES_RING_FRAMES]; // datagrams, by index
	uint32_t waiting; // datagrams put and not sent
	uint32_t left; // of these, of the frame at work
	bool stopped;

	// producer only
	uint32_t reserved_count; // of the frame not put yet; 0: none
};

static bool init_sync(struct es_packet_ring *ring) {
	pthread_condattr_t attributes;
	ring->have_lock = pthread_mutex_init(&ring->lock, NULL) == 0;
	if (!ring->have_lock || pthread_condattr_init(&attributes) != 0) {
		return false;
	}
	ring->have_changed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
			pthread_cond_init(&ring->changed, &attributes) == 0;
	pthread_condattr_destroy(&attributes);
	return ring->have_changed;
}

// The memory holds a largest frame behind all that may wait before it. Its pages are there from the start:
// a backlog, which comes when the machine is short of time, shall not wait for the kernel to clear them.
static bool map_memory(struct es_packet_ring *ring) {
	void *memory = mmap(NULL, (size_t)ring->capacity * ring->datagram_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ring->memory = memory == MAP_FAILED ? NULL : memory;
	return ring->memory != NULL;
}

struct es_packet_ring *packet_ring_create(const struct es_packet_ring_params *params) {
	struct es_packet_ring *ring = calloc(1, sizeof(*ring));
	if (ring == NULL) {
		return NULL;
	}
	ring->datagram_size = params->datagram_size;
	ring->max_frame = params->max_frame;
	ring->max_waiting = params->max_waiting;
	ring->capacity = params->max_frame + params->max_waiting;
	if (!map_memory(ring) || !init_sync(ring)) {
		packet_ring_destroy(ring);
		return NULL;
	}
	return ring;
}

void packet_ring_destroy(struct es_packet_ring *ring) {
	if (ring == NULL) {
		return;
	}
	if (ring->have_changed) {
		pthread_cond_destroy(&ring->changed);
	}
	if (ring->have_lock) {
		pthread_mutex_destroy(&ring->lock);
	}
	if (ring->memory != NULL) {
		munmap(ring->memory, (size_t)ring->capacity * ring->datagram_size);
	}
	free(ring);
}

static uint32_t index_of(uint64_t number) {
	return (uint32_t)(number % ES_RING_FRAMES);
}

static struct es_ring_frame frame_at(const struct es_packet_ring *ring, uint64_t number) {
	uint32_t i = index_of(number);
	return (struct es_ring_frame){
			.index = i,
			.n_datagrams = ring->count[i],
			.data = ring->memory + (size_t)ring->first[i] * ring->datagram_size,
	};
}

// Called locked. Where n datagrams fit side by side; false: nowhere.
static bool find_room(const struct es_packet_ring *ring, uint32_t n, uint32_t *first) {
	*first = 0;
	if (ring->put == ring->done) {
		return n <= ring->capacity;
	}
	uint32_t begin = ring->first[index_of(ring->done)];
	uint32_t newest = index_of(ring->put - 1);
	uint32_t end = ring->first[newest] + ring->count[newest];
	if (end <= begin) { // wrapped: what is free lies between
		*first = end;
		return n <= begin - end;
	}
	if (n <= ring->capacity - end) {
		*first = end;
		return true;
	}
	return n <= begin;
}

bool packet_ring_reserve(
		struct es_packet_ring *ring, uint32_t n_datagrams, struct es_ring_frame *frame) {
	assert(n_datagrams > 0 && n_datagrams <= ring->max_frame);
	pthread_mutex_lock(&ring->lock);
	uint32_t first = 0;
	uint32_t i = index_of(ring->put);
	bool ok = ring->put - ring->taken < ES_RING_FRAMES && ring->waiting <= ring->max_waiting &&
			find_room(ring, n_datagrams, &first);
	if (ok) {
		ring->first[i] = first;
		ring->count[i] = n_datagrams;
		*frame = frame_at(ring, ring->put);
	}
	pthread_mutex_unlock(&ring->lock);
	ring->reserved_count = ok ? n_datagrams : 0;
	return ok;
}

void packet_ring_put(struct es_packet_ring *ring) {
	assert(ring->reserved_count > 0);
	pthread_mutex_lock(&ring->lock);
	ring->put++;
	ring->waiting += ring->reserved_count;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
	ring->reserved_count = 0;
}

bool packet_ring_take(struct es_packet_ring *ring, struct es_ring_frame *frame) {
	pthread_mutex_lock(&ring->lock);
	bool ok = ring->taken < ring->done;
	if (ok) {
		*frame = frame_at(ring, ring->taken++);
		frame->data = NULL;
	}
	pthread_mutex_unlock(&ring->lock);
	return ok;
}

void packet_ring_stop(struct es_packet_ring *ring) {
	pthread_mutex_lock(&ring->lock);
	ring->stopped = true;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

bool packet_ring_next(struct es_packet_ring *ring, struct es_ring_frame *frame) {
	pthread_mutex_lock(&ring->lock);
	while (!ring->stopped && ring->put == ring->done) {
		pthread_cond_wait(&ring->changed, &ring->lock);
	}
	bool ok = !ring->stopped;
	if (ok) {
		*frame = frame_at(ring, ring->done);
		ring->left = frame->n_datagrams;
	}
	pthread_mutex_unlock(&ring->lock);
	return ok;
}

bool packet_ring_wait_until(struct es_packet_ring *ring, int64_t time_ns) {
	struct timespec time = {
			.tv_sec = (time_t)(time_ns / ES_NS_PER_S), .tv_nsec = (long)(time_ns % ES_NS_PER_S)};
	pthread_mutex_lock(&ring->lock);
	int status = time_ns <= clock_now_ns() ? ETIMEDOUT : 0;
	while (!ring->stopped && status != ETIMEDOUT) {
		status = pthread_cond_timedwait(&ring->changed, &ring->lock, &time);
	}
	bool ok = !ring->stopped;
	pthread_mutex_unlock(&ring->lock);
	return ok;
}

void packet_ring_advance(struct es_packet_ring *ring, uint32_t n_datagrams) {
	pthread_mutex_lock(&ring->lock);
	assert(n_datagrams <= ring->left);
	ring->left -= n_datagrams;
	ring->waiting -= n_datagrams;
	pthread_mutex_unlock(&ring->lock);
}

void packet_ring_done(struct es_packet_ring *ring) {
	pthread_mutex_lock(&ring->lock);
	assert(ring->done < ring->put);
	ring->waiting -= ring->left;
	ring->left = 0;
	ring->done++;
	pthread_mutex_unlock(&ring->lock);
}
