#include "stream/audio.h"

#include <math.h>
#include <opus/opus_multistream.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define BLOCK_NS (5 * MS)
#define START_NS (1000 * MS)
#define TURN 6.28318530717958647692

// What came out, decoded.
struct ear {
	OpusMSDecoder *opus;
	uint8_t channels;
	uint64_t packets;
	size_t size; // of all packets; 0: they differ
	int64_t last_ns; // time of the last packet
	double energy[8]; // of each channel
};

static void handle_packet(void *data, const struct es_audio_packet *packet) {
	struct ear *ear = data;
	float samples[960 * 8];
	ear->size = ear->packets == 0 || ear->size == packet->size ? packet->size : 0;
	ear->packets++;
	ear->last_ns = packet->time_ns;
	int n = opus_multistream_decode_float(
			ear->opus, packet->data, (opus_int32)packet->size, samples, (int)packet->n_frames, 0);
	assert_int_equal(packet->n_frames, n);
	for (int i = 0; i < n * ear->channels; i++) {
		ear->energy[i % ear->channels] += (double)samples[i] * samples[i];
	}
}

struct layout {
	uint8_t channels;
	bool high;
	int streams, coupled;
	uint8_t mapping[8];
};

static struct es_audio *open_audio(struct ear *ear, const struct layout *layout, uint8_t ms) {
	int error;
	*ear = (struct ear){.channels = layout->channels};
	ear->opus = opus_multistream_decoder_create(
			48000, layout->channels, layout->streams, layout->coupled, layout->mapping, &error);
	assert_non_null(ear->opus);
	struct es_audio *audio = audio_create(&(struct es_audio_params){
			.channels = layout->channels,
			.packet_ms = ms,
			.high_quality = layout->high,
			.block = 4,
			.packet = handle_packet,
			.data = ear,
	});
	assert_non_null(audio);
	return audio;
}

static void close_audio(struct es_audio *audio, struct ear *ear) {
	audio_destroy(audio);
	opus_multistream_decoder_destroy(ear->opus);
}

static const struct layout stereo = {2, true, 1, 1, {0, 1}};
static const struct layout stereo_low = {2, false, 1, 1, {0, 1}};

// 5 ms, with a tone on one channel; -1: on none.
static void put_block(struct es_audio *audio, uint8_t channels, int loud, int64_t time_ns) {
	struct es_device_msg msg = {.type = ES_DEVICE_PCM,
			.pcm = {.time_ns = time_ns,
					.channels = channels,
					.n_samples = (uint16_t)(240 * channels)}};
	for (int i = 0; loud >= 0 && i < 240; i++) {
		msg.pcm.samples[i * channels + loud] = (int16_t)(8000 * sin(TURN * i / 48));
	}
	audio_put(audio, &msg, time_ns);
}

// Every channel comes out where it went in, and nowhere else; all packets are of one size.
static void test_layouts(void **state) {
	static const struct layout layouts[] = {
			{2, false, 1, 1, {0, 1}},
			{2, true, 1, 1, {0, 1}},
			{6, false, 4, 2, {0, 1, 4, 5, 2, 3}},
			{6, true, 6, 0, {0, 1, 2, 3, 4, 5}},
			{8, false, 5, 3, {0, 1, 6, 7, 2, 3, 4, 5}},
			{8, true, 8, 0, {0, 1, 2, 3, 4, 5, 6, 7}},
	};
	for (size_t l = 0; l < sizeof(layouts) / sizeof(layouts[0]); l++) {
		for (uint8_t loud = 0; loud < layouts[l].channels; loud++) {
			struct ear ear;
			struct es_audio *audio = open_audio(&ear, &layouts[l], 5);
			for (int i = 0; i < 20; i++) {
				put_block(audio, layouts[l].channels, loud, START_NS + i * BLOCK_NS);
			}
			assert_int_equal(20, ear.packets);
			assert_int_not_equal(0, ear.size);
			assert_true(ear.size <= 1343);
			for (uint8_t c = 0; c < ear.channels; c++) {
				assert_true(c == loud ? ear.energy[c] > 50 : ear.energy[c] < 1);
			}
			close_audio(audio, &ear);
		}
	}
}

// What the sound card has more or less than the client.
static void test_remix(void **state) {
	struct ear ear;
	struct es_audio *audio = open_audio(&ear, &stereo, 10);
	for (int i = 0; i < 20; i++) {
		put_block(audio, 8, 6, START_NS + i * BLOCK_NS); // SL
	}
	assert_int_equal(10, ear.packets);
	assert_true(ear.energy[0] > 20 && ear.energy[1] < 1);
	for (int i = 20; i < 40; i++) {
		put_block(audio, 6, 2, START_NS + i * BLOCK_NS); // FC
	}
	assert_true(ear.energy[1] > 20);
	close_audio(audio, &ear);

	static const struct layout surround = {6, true, 6, 0, {0, 1, 2, 3, 4, 5}};
	audio = open_audio(&ear, &surround, 5);
	for (int i = 0; i < 20; i++) {
		put_block(audio, 2, 1, START_NS + i * BLOCK_NS);
	}
	for (uint8_t c = 0; c < 6; c++) {
		assert_true(c == 1 ? ear.energy[c] > 50 : ear.energy[c] < 1);
	}
	close_audio(audio, &ear);
}

// After the last sound: the rest of it, up to the end of a block of parity; then nothing.
static void test_tail(void **state) {
	struct ear ear;
	struct es_audio *audio = open_audio(&ear, &stereo_low, 10);
	assert_true(audio_wake_ns(audio) == ES_AUDIO_NEVER);
	audio_flush(audio);
	assert_int_equal(0, ear.packets);
	for (int i = 0; i < 9; i++) {
		put_block(audio, 2, 0, START_NS + i * BLOCK_NS);
	}
	assert_int_equal(4, ear.packets);
	assert_true(audio_wake_ns(audio) > START_NS + 9 * BLOCK_NS);
	audio_flush(audio);
	assert_int_equal(8, ear.packets);
	assert_true(audio_wake_ns(audio) == ES_AUDIO_NEVER);
	audio_flush(audio);
	assert_int_equal(8, ear.packets);
	put_block(audio, 2, 0, START_NS + 1000 * MS); // after a pause the count begins anew
	put_block(audio, 2, 0, START_NS + 1005 * MS);
	assert_int_equal(9, ear.packets);
	assert_int_equal(START_NS + 1000 * MS, ear.last_ns);
	assert_int_equal(0, audio_counts(audio).inserted + audio_counts(audio).dropped);
	close_audio(audio, &ear);
}

// Sound that was only late, so that its tail went out before the rest of it, is not later than it was from then on.
static void test_late(void **state) {
	struct ear ear;
	struct es_audio *audio = open_audio(&ear, &stereo_low, 10);
	for (int i = 0; i < 9; i++) {
		put_block(audio, 2, 0, START_NS + i * BLOCK_NS);
	}
	audio_flush(audio);
	assert_int_equal(8, ear.packets); // up to 80 ms
	for (int i = 9; i < 16; i++) {
		put_block(audio, 2, 0, START_NS + i * BLOCK_NS);
	}
	assert_int_equal(8, ear.packets);
	put_block(audio, 2, 0, START_NS + 16 * BLOCK_NS);
	put_block(audio, 2, 0, START_NS + 17 * BLOCK_NS);
	assert_int_equal(9, ear.packets);
	assert_int_equal(START_NS + 80 * MS, ear.last_ns);
	assert_int_equal(1, audio_counts(audio).dropped);
	close_audio(audio, &ear);
}

// A clock that has left out a part, as PipeWire's does when it was not woken in time: what follows is off by
// less than a step, also where packets are longer.
static void test_leap(void **state) {
	struct ear ear;
	struct es_audio *audio = open_audio(&ear, &stereo_low, 20);
	for (int i = 0; i < 200; i++) {
		put_block(audio, 2, 0, START_NS + i * BLOCK_NS + (i >= 50 ? 15 : 0) * MS);
	}
	assert_int_equal(3, audio_counts(audio).inserted);
	close_audio(audio, &ear);
}

// Clocks that part by 1.2 in a thousand, for ten seconds: 12 ms, so two packets of 5 ms.
static void check_drift(int64_t step_ns, uint64_t inserted, uint64_t dropped) {
	struct ear ear;
	struct es_audio *audio = open_audio(&ear, &stereo_low, 5);
	uint64_t before = 0;
	for (int64_t i = 0; i < 2000; i++) {
		put_block(audio, 2, 0, START_NS + i * step_ns);
		assert_true(ear.packets - before <= 2); // never more than one at a time
		before = ear.packets;
	}
	assert_int_equal(inserted, audio_counts(audio).inserted);
	assert_int_equal(dropped, audio_counts(audio).dropped);
	assert_int_equal(2000 + inserted - dropped, ear.packets);
	int64_t off_ns = ear.last_ns - (START_NS + 1999 * step_ns);
	assert_true(off_ns < 10 * MS && off_ns > -10 * MS);
	close_audio(audio, &ear);
}

static void test_drift(void **state) {
	check_drift(BLOCK_NS, 0, 0);
	check_drift(BLOCK_NS + 6000, 2, 0);
	check_drift(BLOCK_NS - 6000, 0, 2);
}

// Blocks that come late and in heaps, but of right times, change nothing.
static void test_jitter(void **state) {
	struct ear ear;
	struct es_audio *audio = open_audio(&ear, &stereo_low, 5);
	for (int64_t i = 0; i < 1000; i++) {
		put_block(audio, 2, 0, START_NS + i * BLOCK_NS + (i % 7 - 3) * MS);
	}
	assert_int_equal(1000, ear.packets);
	assert_int_equal(0, audio_counts(audio).inserted + audio_counts(audio).dropped);
	close_audio(audio, &ear);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_layouts),
			cmocka_unit_test(test_remix),
			cmocka_unit_test(test_tail),
			cmocka_unit_test(test_late),
			cmocka_unit_test(test_leap),
			cmocka_unit_test(test_drift),
			cmocka_unit_test(test_jitter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
