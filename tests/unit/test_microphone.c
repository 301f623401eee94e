#include "stream/microphone.h"

#include <math.h>
#include <opus/opus.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define START_NS (1000 * MS)
#define N_PACKETS 100
#define MAX_TEST_PACKET 400
#define TURN 6.28318530717958647692

// A second or two of a tone, and what came out of the packets of it.
struct fixture {
	struct es_microphone *mic;
	uint8_t packets[N_PACKETS][MAX_TEST_PACKET];
	size_t sizes[N_PACKETS];
	int64_t now_ns;
	size_t samples, crossings; // those from below zero
	int16_t before;
	int16_t loudest;
	bool refuse;
};

static bool on_block(void *data, const int16_t *samples, size_t n) {
	struct fixture *f = data;
	assert_int_equal(240, n);
	for (size_t i = 0; i < n; i++) {
		f->crossings += f->before < 0 && samples[i] >= 0;
		f->before = samples[i];
		f->loudest = samples[i] > f->loudest ? samples[i] : f->loudest;
	}
	f->samples += n;
	return !f->refuse;
}

static void make_packets(struct fixture *f, int frames) {
	int error;
	OpusEncoder *opus = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
	assert_non_null(opus);
	opus_encoder_ctl(opus, OPUS_SET_INBAND_FEC(1), OPUS_SET_PACKET_LOSS_PERC(10));
	for (int p = 0; p < N_PACKETS; p++) {
		int16_t samples[2880];
		for (int i = 0; i < frames; i++) {
			samples[i] = (int16_t)(10000 * sin(TURN * (p * frames + i) / 48)); // 1 kHz
		}
		opus_int32 size = opus_encode(opus, samples, frames, f->packets[p], MAX_TEST_PACKET);
		assert_true(size > 0);
		f->sizes[p] = (size_t)size;
	}
	opus_encoder_destroy(opus);
}

static struct fixture *begin(int frames) {
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->mic = microphone_create(on_block, f);
	assert_non_null(f->mic);
	f->now_ns = START_NS;
	make_packets(f, frames);
	return f;
}

static void end(struct fixture *f) {
	microphone_destroy(f->mic);
	free(f);
}

static void put(struct fixture *f, int packet) {
	microphone_packet(
			f->mic, (uint32_t)packet - 5, f->packets[packet], f->sizes[packet], f->now_ns);
}

static void test_lengths(void **state) {
	static const int lengths[] = {120, 240, 480, 960, 2880};
	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
		struct fixture *f = begin(lengths[l]);
		for (int i = 0; i < N_PACKETS; i++) { // the index wraps on the way
			put(f, i);
			f->now_ns += lengths[l] * (1000 * MS / 48000);
		}
		struct es_microphone_counts counts = microphone_counts(f->mic);
		assert_int_equal(N_PACKETS, counts.packets);
		assert_int_equal(0, counts.late + counts.missing + counts.bad + counts.dropped);
		assert_int_equal(lengths[l] * N_PACKETS, f->samples);
		assert_int_equal(ES_MICROPHONE_NEVER, microphone_wake_ns(f->mic));
		if (lengths[l] >= 480) {
			assert_uint_in_range(f->crossings, f->samples / 48 - 20, f->samples / 48 + 20);
			assert_uint_in_range(f->loudest, 5000, 20000);
		}
		end(f);
	}
	microphone_destroy(NULL);
}

// One of ten never comes: as much sound comes out as went in, after 30 ms or when enough others are there.
static void test_loss(void **state) {
	struct fixture *f = begin(960);
	for (int i = 0; i < N_PACKETS; i++) {
		if (i % 10 != 5) {
			put(f, i);
		}
		f->now_ns += 20 * MS;
		microphone_tick(f->mic, f->now_ns);
	}
	struct es_microphone_counts counts = microphone_counts(f->mic);
	assert_int_equal(90, counts.packets);
	assert_int_equal(10, counts.missing);
	assert_int_equal(10, counts.concealed);
	assert_int_equal(960 * N_PACKETS, f->samples);
	assert_uint_in_range(f->crossings, 1900, 2100);
	// Too late by now.
	put(f, 95);
	assert_int_equal(1, microphone_counts(f->mic).late);
	end(f);
}

static void test_wait(void **state) {
	struct fixture *f = begin(960);
	put(f, 0);
	put(f, 2);
	assert_int_equal(f->now_ns + 30 * MS, microphone_wake_ns(f->mic));
	f->now_ns += 29 * MS;
	microphone_tick(f->mic, f->now_ns);
	assert_int_equal(960, f->samples);
	f->now_ns += MS;
	microphone_tick(f->mic, f->now_ns);
	assert_int_equal(3 * 960, f->samples);
	assert_int_equal(ES_MICROPHONE_NEVER, microphone_wake_ns(f->mic));
	// A longer hole: as much as can be made up for.
	f->now_ns += 400 * MS;
	put(f, 20);
	assert_int_equal((3 + 5 + 1) * 960, f->samples);
	assert_int_equal(1 + 17, microphone_counts(f->mic).missing);
	assert_int_equal(1 + 5, microphone_counts(f->mic).concealed);
	end(f);
}

// Neighbours change places, some come twice: nothing is missing.
static void test_order(void **state) {
	static const int order[] = {0, 2, 1, 1, 3, 6, 5, 4, 6, 9, 8, 7, 10};
	struct fixture *f = begin(960);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		put(f, order[i]);
		f->now_ns += 17 * MS;
	}
	struct es_microphone_counts counts = microphone_counts(f->mic);
	assert_int_equal(11, counts.packets);
	assert_int_equal(2, counts.late);
	assert_int_equal(0, counts.missing);
	assert_int_equal(11 * 960, f->samples);
	end(f);
}

// The sender's clock is a thousandth faster: all is passed on. One that is ten times as fast floods.
static void test_clocks(void **state) {
	struct fixture *f = begin(960);
	for (int i = 0; i < 3000; i++) {
		microphone_packet(
				f->mic, (uint32_t)i, f->packets[i % N_PACKETS], f->sizes[i % N_PACKETS], f->now_ns);
		f->now_ns += 20 * MS - 20000;
	}
	assert_int_equal(3000, microphone_counts(f->mic).packets);
	for (int i = 3000; i < 4000; i++) {
		microphone_packet(
				f->mic, (uint32_t)i, f->packets[i % N_PACKETS], f->sizes[i % N_PACKETS], f->now_ns);
		f->now_ns += 2 * MS;
	}
	struct es_microphone_counts counts = microphone_counts(f->mic);
	assert_int_equal(4000, counts.packets + counts.dropped);
	assert_uint_in_range(
			counts.packets - 3000, 100, 120); // two seconds' worth, and what may be ahead
	end(f);
}

static void test_bad(void **state) {
	struct fixture *f = begin(960);
	static const uint8_t noise[ES_MICROPHONE_MAX_PACKET + 1] = {0xff, 0xff, 0xff};
	put(f, 0);
	microphone_packet(f->mic, 1 - 5u, noise, 0, f->now_ns);
	microphone_packet(f->mic, 1 - 5u, noise, sizeof(noise), f->now_ns);
	microphone_packet(f->mic, 1 - 5u, noise, 3, f->now_ns);
	assert_int_equal(3, microphone_counts(f->mic).bad);
	put(f, 2);
	assert_int_equal(2, microphone_counts(f->mic).packets);
	// A new count: the page was loaded again.
	microphone_packet(f->mic, 50000, f->packets[0], f->sizes[0], f->now_ns);
	f->refuse = true;
	microphone_packet(f->mic, 0, f->packets[0], f->sizes[0], f->now_ns);
	struct es_microphone_counts counts = microphone_counts(f->mic);
	assert_int_equal(4, counts.packets);
	assert_int_equal(0, counts.missing + counts.late);
	assert_int_equal(4, counts.refused);
	end(f);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_lengths),
			cmocka_unit_test(test_loss),
			cmocka_unit_test(test_wait),
			cmocka_unit_test(test_order),
			cmocka_unit_test(test_clocks),
			cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
