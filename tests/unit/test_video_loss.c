// How many frames survive random loss, from the packetizer over the loss to a decoder, against what the
// numbers of shards of each frame promise: a block survives if no more of its datagrams are lost than
// it has parity. Faster than real time: nothing here waits.
#include "protocol/video_packet.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tools/video_frame.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 1
#endif

// Fewer frames say less: with a tenth of them, three times the deviation.
#ifdef SLOW
#define N_FRAMES 2000
#define MAX_OFF 0.016
#else
#define N_FRAMES 20000
#define MAX_OFF 0.005
#endif

#define PACKET_SIZE 32 // what is lost is whole datagrams, so they may be small
#define PAYLOAD 16
#define MAX_UNIT (900 * PAYLOAD)
#define MAX_DATAGRAMS 1100
#define N_RATES 3

static const double rates[N_RATES] = {0.01, 0.05, 0.10};

struct run {
	struct es_packetizer *packetizer;
	struct video_frame_decoder *decoder;
	uint64_t random;
	double expected[N_RATES];
	uint32_t recovered[N_RATES];
	uint8_t unit[MAX_UNIT];
	uint8_t datagrams[MAX_DATAGRAMS * (PACKET_SIZE + 16)];
};

// splitmix64
static uint64_t next_random(uint64_t *state) {
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static bool happens(uint64_t *random, double probability) {
	return (double)(next_random(random) >> 11) * 0x1p-53 < probability;
}

// At most n_parity of n_data + n_parity are lost.
static double block_survives(size_t n_data, size_t n_parity, double rate) {
	size_t n = n_data + n_parity;
	double lost = pow(1 - rate, (double)n), sum = 0;
	for (size_t k = 0; k <= n_parity; k++) {
		sum += lost;
		lost *= (double)(n - k) / (double)(k + 1) * rate / (1 - rate);
	}
	return sum;
}

// Frames as a stream has them: small ones of a still picture, ones of moving pictures, and now and then
// an IDR of several blocks.
static size_t choose_size(struct run *run) {
	uint64_t kind = next_random(&run->random) % 200;
	size_t most = kind == 0 ? MAX_UNIT
			: kind < 40		? 4 * PAYLOAD
			: kind < 150	? 40 * PAYLOAD
							: 80 * PAYLOAD;
	return 1 + (size_t)(next_random(&run->random) % (most - 8));
}

static bool survives(
		struct run *run, const struct es_frame_shape *shape, size_t size, double rate) {
	const uint8_t *arrived[MAX_DATAGRAMS];
	size_t n_arrived = 0;
	for (size_t i = 0; i < shape->n_datagrams; i++) {
		bool lost = happens(&run->random, rate);
		arrived[i] = lost ? NULL : run->datagrams + i * shape->datagram_size;
		n_arrived += !lost;
	}
	struct video_frame frame;
	if (n_arrived == 0) {
		return false;
	}
	enum video_frame_result result =
			video_frame_decode(run->decoder, arrived, shape->n_datagrams, &frame);
	assert_int_not_equal(VIDEO_FRAME_WRONG, result);
	if (result == VIDEO_FRAME_WHOLE) {
		assert_int_equal(size, frame.size);
		assert_memory_equal(run->unit, frame.unit, size);
	}
	return result == VIDEO_FRAME_WHOLE;
}

static void run_frame(struct run *run, uint32_t number) {
	size_t size = choose_size(run);
	run->unit[next_random(&run->random) % MAX_UNIT] ^= (uint8_t)(number | 1);
	struct es_frame_shape shape = packetizer_shape(run->packetizer, size, 20);
	struct es_frame_info info = {.type = ES_FRAME_P, .timestamp = number * 1500, .fec_percent = 20};
	assert_true(shape.n_datagrams <= MAX_DATAGRAMS);
	packetizer_make(run->packetizer, &info, run->unit, size, run->datagrams);
	const uint8_t *all[MAX_DATAGRAMS];
	for (size_t i = 0; i < shape.n_datagrams; i++) {
		all[i] = run->datagrams + i * shape.datagram_size;
	}
	struct video_frame frame;
	assert_int_equal(
			VIDEO_FRAME_WHOLE, video_frame_decode(run->decoder, all, shape.n_datagrams, &frame));
	for (size_t r = 0; r < N_RATES; r++) {
		double expected = 1;
		for (size_t i = 0; i < frame.n_blocks; i++) {
			expected *= block_survives(frame.n_data[i], frame.n_parity[i], rates[r]);
		}
		run->expected[r] += expected;
		run->recovered[r] += survives(run, &shape, size, rates[r]);
	}
}

static void run_seed(uint64_t seed) {
	struct es_packetizer_params params = {.packet_size = PACKET_SIZE, .min_parity = 2};
	struct run *run = calloc(1, sizeof(*run));
	assert_non_null(run);
	run->random = seed;
	run->packetizer = packetizer_create(&params);
	run->decoder = video_frame_decoder_create(PACKET_SIZE);
	assert_true(run->packetizer != NULL && run->decoder != NULL);
	for (uint32_t i = 0; i < N_FRAMES; i++) {
		run_frame(run, i);
	}
	for (size_t r = 0; r < N_RATES; r++) {
		double expected = run->expected[r] / N_FRAMES;
		double measured = (double)run->recovered[r] / N_FRAMES;
		print_message("seed %d, %2.0f %% lost: %.2f %% of the frames expected, %.2f %% recovered\n",
				(int)seed, rates[r] * 100, expected * 100, measured * 100);
		assert_true(fabs(expected - measured) < MAX_OFF);
	}
	packetizer_destroy(run->packetizer);
	video_frame_decoder_destroy(run->decoder);
	free(run);
}

static void test_recovery_is_as_promised(void **state) {
	for (uint64_t seed = 1; seed <= 3; seed++) {
		run_seed(seed);
	}
}

#define BURST_LOSS 0.1
#define BURST_LENGTH 4.0

// Of frames that fit into one datagram, sent with so much padding and all the parity that the protocol
// can tell, over a network that loses datagrams in bursts: how many came whole.
static double tiny_frames_whole(uint64_t seed, uint32_t padding) {
	struct es_packetizer_params params = {.packet_size = PACKET_SIZE, .min_parity = 2};
	struct es_packetizer *packetizer = packetizer_create(&params);
	struct video_frame_decoder *decoder = video_frame_decoder_create(PACKET_SIZE);
	assert_true(packetizer != NULL && decoder != NULL);
	static const uint8_t unit[PAYLOAD - 8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct es_frame_info info = {.type = ES_FRAME_P, .fec_percent = 255, .padding = padding};
	struct es_frame_shape shape = packetizer_shape(packetizer, sizeof(unit) + padding, 255);
	uint8_t datagrams[16 * (PACKET_SIZE + 16)];
	assert_true(shape.n_datagrams <= 16);
	const double into = BURST_LOSS / (1 - BURST_LOSS) / BURST_LENGTH;
	uint32_t whole = 0;
	bool bad = false;
	for (uint32_t n = 0; n < N_FRAMES; n++) {
		packetizer_make(packetizer, &info, unit, sizeof(unit), datagrams);
		const uint8_t *arrived[16];
		size_t n_arrived = 0;
		for (size_t i = 0; i < shape.n_datagrams; i++) {
			bad = happens(&seed, bad ? 1 - 1 / BURST_LENGTH : into);
			arrived[i] = bad ? NULL : datagrams + i * shape.datagram_size;
			n_arrived += !bad;
		}
		struct video_frame frame;
		if (n_arrived > 0 &&
				video_frame_decode(decoder, arrived, shape.n_datagrams, &frame) ==
						VIDEO_FRAME_WHOLE) {
			assert_int_equal(sizeof(unit) + padding, frame.size);
			assert_memory_equal(unit, frame.unit, sizeof(unit));
			whole++;
		}
	}
	packetizer_destroy(packetizer);
	video_frame_decoder_destroy(decoder);
	return (double)whole / N_FRAMES;
}

// A burst that is over takes four datagrams, but rarely eight.
static void test_padding_outlasts_bursts(void **state) {
	for (uint64_t seed = 1; seed <= 3; seed++) {
		double without = tiny_frames_whole(seed, 0), with = tiny_frames_whole(seed, 1);
		print_message("seed %d, bursts: %.2f %% of frames of one datagram whole, %.2f %% of two\n",
				(int)seed, without * 100, with * 100);
		assert_true(without > 0.93 && without < 0.97);
		assert_true(with > 0.97);
	}
}

// The yardstick itself, by numbers computed by hand.
static void test_binomial(void **state) {
	assert_true(fabs(block_survives(1, 0, 0.1) - 0.9) < 1e-12);
	assert_true(fabs(block_survives(1, 1, 0.1) - 0.99) < 1e-12);
	assert_true(fabs(block_survives(2, 1, 0.1) - 0.972) < 1e-12); // 0.729 + 3 * 0.081
	assert_true(fabs(block_survives(1, 2, 0.5) - 0.875) < 1e-12);
	assert_true(fabs(block_survives(100, 100, 0.01) - 1) < 1e-9);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_binomial),
			cmocka_unit_test(test_recovery_is_as_promised),
			cmocka_unit_test(test_padding_outlasts_bursts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
