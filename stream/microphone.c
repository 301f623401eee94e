#include "stream/microphone.h"

#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define RATE 48000
#define BLOCK 240
#define MAX_FRAMES 5760 // 120 ms
#define MAX_HELD 8
#define HOLD_NS (30 * ES_NS_PER_MS)
#define MAX_CONCEALED 5
#define RESTART 1000 // an index so far away is that of a new count
#define MAX_AHEAD_NS (250 * ES_NS_PER_MS)
#define TOLERANCE 50 // a clock may be faster by a part of so many

struct held {
	bool there;
	uint16_t size;
	uint8_t opus[ES_MICROPHONE_MAX_PACKET];
};

struct es_microphone {
	es_microphone_block block;
	void *data; // of block
	OpusDecoder *opus; // owned

	bool running;
	uint32_t next; // index that is to be decoded now
	struct held held[MAX_HELD]; // what came before its turn; `index % MAX_HELD` is its place
	int64_t held_since_ns; // the first of them
	size_t n_held;
	int n_frames; // of the packet before
	int64_t ahead_ns, ahead_at_ns; // sound that was passed on faster than its time
	size_t n_pending;
	int16_t pending[BLOCK];
	int16_t frames[MAX_FRAMES];
	struct es_microphone_counts counts;
};

// --- decoded

static void pass_on(struct es_microphone *mic, int n) {
	for (int i = 0; i < n; i++) {
		mic->pending[mic->n_pending++] = mic->frames[i];
		if (mic->n_pending == BLOCK) {
			mic->n_pending = 0;
			mic->counts.refused += !mic->block(mic->data, mic->pending, BLOCK);
		}
	}
	mic->ahead_ns += n * (ES_NS_PER_S / RATE);
}

static bool has_time(struct es_microphone *mic, int64_t now_ns) {
	int64_t passed_ns = now_ns > mic->ahead_at_ns ? now_ns - mic->ahead_at_ns : 0;
	passed_ns = passed_ns < ES_NS_PER_S ? passed_ns : ES_NS_PER_S;
	mic->ahead_at_ns = now_ns;
	mic->ahead_ns -= passed_ns + passed_ns / TOLERANCE;
	mic->ahead_ns = mic->ahead_ns > 0 ? mic->ahead_ns : 0;
	return mic->ahead_ns < MAX_AHEAD_NS;
}

// With size 0: what is missing is made up. Else with `fec`, from what the next packet says about it.
static void decode(
		struct es_microphone *mic, const uint8_t *opus, size_t size, bool fec, int64_t now_ns) {
	if (!has_time(mic, now_ns)) {
		mic->counts.dropped++;
		return;
	}
	bool missing = size == 0 || fec;
	int n = opus_decode(mic->opus, size > 0 ? opus : NULL, (opus_int32)size, mic->frames,
			missing ? mic->n_frames : MAX_FRAMES, fec);
	if (n < 0) {
		mic->counts.bad += !missing;
		return;
	}
	if (missing) {
		mic->counts.concealed++;
	} else {
		mic->counts.packets++;
		mic->n_frames = n;
	}
	pass_on(mic, n);
}

// --- in order

static struct held *place_of(struct es_microphone *mic, uint32_t index) {
	return &mic->held[index % MAX_HELD];
}

static void take_held(struct es_microphone *mic, int64_t now_ns) {
	struct held *held;
	while (mic->n_held > 0 && (held = place_of(mic, mic->next))->there) {
		held->there = false;
		mic->n_held--;
		mic->next++;
		decode(mic, held->opus, held->size, false, now_ns);
	}
	mic->held_since_ns = now_ns; // what waits still waits for another one
}

static const struct held *first_held(struct es_microphone *mic, uint32_t *gap) {
	for (*gap = 0; *gap < MAX_HELD; (*gap)++) {
		const struct held *held = place_of(mic, mic->next + *gap);
		if (held->there) {
			return held;
		}
	}
	return NULL;
}

static void conceal(
		struct es_microphone *mic, uint32_t n, const uint8_t *opus, size_t size, int64_t now_ns) {
	mic->counts.missing += n;
	for (uint32_t i = n < MAX_CONCEALED ? n : MAX_CONCEALED; mic->n_frames > 0 && i > 0; i--) {
		bool last = i == 1;
		decode(mic, last ? opus : NULL, last ? size : 0, last, now_ns);
	}
}

// What the oldest that waits has waited for does not come.
static void give_up(struct es_microphone *mic, int64_t now_ns) {
	uint32_t gap;
	const struct held *held = first_held(mic, &gap);
	if (held != NULL) {
		conceal(mic, gap, held->opus, held->size, now_ns);
		mic->next += gap;
	}
	take_held(mic, now_ns);
}

static void restart(struct es_microphone *mic, uint32_t index) {
	opus_decoder_ctl(mic->opus, OPUS_RESET_STATE);
	for (size_t i = 0; i < MAX_HELD; i++) {
		mic->held[i].there = false;
	}
	mic->n_held = 0;
	mic->n_frames = 0;
	mic->n_pending = 0;
	mic->running = true;
	mic->next = index;
}

static void hold(
		struct es_microphone *mic, uint32_t index, const void *opus, size_t size, int64_t now_ns) {
	struct held *held = place_of(mic, index);
	if (held->there) {
		mic->counts.late++; // twice
		return;
	}
	held->there = true;
	held->size = (uint16_t)size;
	memcpy(held->opus, opus, size);
	mic->held_since_ns = mic->n_held++ == 0 ? now_ns : mic->held_since_ns;
}

void microphone_packet(
		struct es_microphone *mic, uint32_t index, const void *opus, size_t size, int64_t now_ns) {
	if (size == 0 || size > ES_MICROPHONE_MAX_PACKET) {
		mic->counts.bad++;
		return;
	}
	int64_t ahead = (int32_t)(index - mic->next);
	if (!mic->running || ahead > RESTART || ahead < -RESTART) {
		restart(mic, index);
		ahead = 0;
	}
	if (ahead < 0) {
		mic->counts.late++;
		return;
	}
	while (mic->n_held > 0 && index - mic->next >= MAX_HELD) {
		give_up(mic, now_ns);
	}
	if (index - mic->next >= MAX_HELD) {
		conceal(mic, index - mic->next, opus, size, now_ns);
		mic->next = index;
	}
	hold(mic, index, opus, size, now_ns);
	if (index == mic->next) {
		take_held(mic, now_ns);
	}
}

int64_t microphone_wake_ns(const struct es_microphone *mic) {
	return mic->n_held > 0 ? mic->held_since_ns + HOLD_NS : ES_MICROPHONE_NEVER;
}

void microphone_tick(struct es_microphone *mic, int64_t now_ns) {
	if (mic->n_held > 0 && now_ns >= microphone_wake_ns(mic)) {
		give_up(mic, now_ns);
	}
}

struct es_microphone_counts microphone_counts(const struct es_microphone *mic) {
	return mic->counts;
}

// --- its life

struct es_microphone *microphone_create(es_microphone_block block, void *data) {
	struct es_microphone *mic = calloc(1, sizeof(*mic));
	int error = OPUS_ALLOC_FAIL;
	if (mic != NULL) {
		mic->block = block;
		mic->data = data;
		mic->opus = opus_decoder_create(RATE, 1, &error);
	}
	if (mic == NULL || mic->opus == NULL) {
		es_log(ES_LOG_WARN, "the client's microphone is not heard: %s", opus_strerror(error));
		free(mic);
		return NULL;
	}
	return mic;
}

void microphone_destroy(struct es_microphone *mic) {
	if (mic != NULL) {
		opus_decoder_destroy(mic->opus);
		free(mic);
	}
}
