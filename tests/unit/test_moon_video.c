// The test client's receiver against the packetizer: what one makes the other takes, repairs, and asks
// for; and it notices what is wrong.
#include "tests/clients/moon/video.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/video_packet.h"
#include "tests/clients/impair_model.h"

#define PACKET_SIZE 512
#define MAX_UNIT 400000
#define PREFIX 32

static const uint8_t key[ES_KEY_SIZE] = {1, 2, 3, 4};

struct bench {
	struct es_packetizer *packetizer;
	struct es_moon_video *video;
	uint8_t *unit, *datagrams;
	size_t unit_size;
	struct es_frame_shape shape;
	bool encrypted;
	// what came out
	uint32_t frames, dropped, lost, idr_asked, rfi_asked, rfi_first, rfi_last, fec_told;
	uint32_t last_number;
	bool wrong;
};

static void on_frame(void *data, const struct es_moon_frame *frame) {
	struct bench *bench = data;
	bench->frames++;
	bench->last_number = frame->number;
	bench->wrong |=
			frame->size != bench->unit_size || memcmp(frame->data, bench->unit, frame->size) != 0;
}

static void on_dropped(void *data, const struct es_moon_frame *frame) {
	((struct bench *)data)->dropped++;
}

static void on_lost(void *data, uint32_t first, uint32_t last) {
	((struct bench *)data)->lost += last - first + 1;
}

static void on_ask_idr(void *data) {
	((struct bench *)data)->idr_asked++;
}

static void on_ask_invalidate(void *data, uint32_t first, uint32_t last) {
	struct bench *bench = data;
	bench->rfi_asked++;
	bench->rfi_first = first;
	bench->rfi_last = last;
}

static void on_fec_status(void *data, const struct es_fec_status *status) {
	((struct bench *)data)->fec_told++;
}

static void begin(struct bench *bench, bool encrypted, bool invalidate) {
	*bench = (struct bench){.encrypted = encrypted};
	const struct es_packetizer_params params = {
			.packet_size = PACKET_SIZE, .min_parity = 2, .key = encrypted ? key : NULL};
	const struct es_moon_video_params video_params = {
			.codec = ES_CODEC_H264,
			.packet_size = PACKET_SIZE,
			.key = encrypted ? key : NULL,
			.invalidate = invalidate,
			.calls = {bench, on_frame, on_dropped, on_lost, on_ask_idr, on_ask_invalidate,
					on_fec_status},
	};
	bench->packetizer = packetizer_create(&params);
	bench->video = video_create(&video_params);
	bench->unit = calloc(1, MAX_UNIT);
	assert_true(bench->packetizer != NULL && bench->video != NULL && bench->unit != NULL);
}

static void end(struct bench *bench) {
	packetizer_destroy(bench->packetizer);
	video_destroy(bench->video);
	free(bench->unit);
	free(bench->datagrams);
}

// A frame whose bytes look like H.264, as datagrams.
static void make(struct bench *bench, enum es_frame_type type, size_t size) {
	static const uint8_t idr[] = {0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65};
	static const uint8_t p[] = {0, 0, 0, 1, 0x41};
	size_t n = type == ES_FRAME_IDR ? sizeof(idr) : sizeof(p);
	memcpy(bench->unit, type == ES_FRAME_IDR ? idr : p, n);
	for (size_t i = n; i < size; i++) {
		bench->unit[i] = (uint8_t)(i * 7 + i / 251) | 1; // no start codes
	}
	bench->unit_size = size;
	const struct es_frame_info info = {.type = type,
			.timestamp = packetizer_counters(bench->packetizer)->frame * 1500,
			.fec_percent = 20};
	bench->shape = packetizer_shape(bench->packetizer, size, info.fec_percent);
	free(bench->datagrams);
	bench->datagrams = calloc(bench->shape.n_datagrams, bench->shape.datagram_size);
	assert_non_null(bench->datagrams);
	packetizer_make(bench->packetizer, &info, bench->unit, size, bench->datagrams);
}

static void give(struct bench *bench, uint32_t index) {
	uint8_t copy[2048];
	memcpy(copy, bench->datagrams + (size_t)index * bench->shape.datagram_size,
			bench->shape.datagram_size);
	video_take(bench->video, copy, bench->shape.datagram_size, 1);
}

// All but those that the model loses; `keep` of them are given whatever it says.
static void send_frame(
		struct bench *bench, enum es_frame_type type, size_t size, struct es_impair_model *model) {
	make(bench, type, size);
	for (uint32_t i = 0; i < bench->shape.n_datagrams; i++) {
		if (model == NULL || impair_decide(model, 0, 1).at_ns != ES_IMPAIR_LOST) {
			give(bench, i);
		}
	}
}

static void test_takes_what_is_made(void **state) {
	static const size_t sizes[] = {20, 400, 488, 489, 496 * 4, 60000, 105000, 140000, 390000};
	for (int encrypted = 0; encrypted < 2; encrypted++) {
		struct bench bench;
		begin(&bench, encrypted, true);
		uint32_t n = 0;
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			send_frame(&bench, i == 0 ? ES_FRAME_IDR : ES_FRAME_P, sizes[i], NULL);
			assert_int_equal(bench.frames, ++n);
			assert_false(bench.wrong);
		}
		assert_int_equal(video_stats(bench.video)->violations, 0);
		assert_int_equal(bench.idr_asked + bench.rfi_asked + bench.fec_told, 0);
		end(&bench);
	}
}

static void test_repairs(void **state) {
	struct bench bench;
	begin(&bench, true, true);
	struct es_impair_params params = {.seed = 11, .loss = 0.04};
	struct es_impair_model model;
	impair_init(&model, &params);
	send_frame(&bench, ES_FRAME_IDR, 3000, NULL);
	for (size_t i = 0; i < 400; i++) {
		send_frame(&bench, ES_FRAME_RECOVERY, 20000 + i * 37, &model);
	}
	const struct es_moon_video_stats *stats = video_stats(bench.video);
	assert_false(bench.wrong);
	assert_int_equal(stats->violations, 0);
	assert_true(stats->recovered_frames > 100 && stats->recovered > stats->recovered_frames);
	assert_true(bench.fec_told >= stats->recovered_frames);
	// 43 data and 9 parity datagrams a frame: more than 9 of 52 are hardly ever lost
	assert_true(bench.frames >= 395);
	end(&bench);
}

static void lose_frame(struct bench *bench) {
	make(bench, ES_FRAME_P, 5000);
	give(bench, 0);
}

static void test_asks_for_invalidation(void **state) {
	struct bench bench;
	begin(&bench, false, true);
	send_frame(&bench, ES_FRAME_IDR, 1000, NULL); // 1
	send_frame(&bench, ES_FRAME_P, 1000, NULL);
	lose_frame(&bench); // 3
	assert_int_equal(bench.rfi_asked, 0);
	send_frame(&bench, ES_FRAME_P, 1000, NULL); // 4 shows that 3 is lost
	assert_int_equal(bench.lost, 1);
	assert_int_equal(bench.dropped, 1);
	assert_int_equal(bench.rfi_asked, 2);
	assert_int_equal(bench.rfi_first, 3);
	assert_int_equal(bench.rfi_last, 4);
	send_frame(&bench, ES_FRAME_RECOVERY, 1000, NULL);
	send_frame(&bench, ES_FRAME_P, 1000, NULL);
	assert_int_equal(bench.frames, 4);
	assert_int_equal(bench.last_number, 6);
	assert_int_equal(bench.idr_asked, 0);
	assert_int_equal(video_stats(bench.video)->violations, 0);
	end(&bench);
}

static void test_asks_for_idr(void **state) {
	struct bench bench;
	begin(&bench, false, false);
	send_frame(&bench, ES_FRAME_P, 1000, NULL); // does not begin with an IDR
	assert_int_equal(bench.idr_asked, 1);
	send_frame(&bench, ES_FRAME_IDR, 1000, NULL);
	lose_frame(&bench);
	send_frame(&bench, ES_FRAME_P, 1000, NULL);
	send_frame(&bench, ES_FRAME_RECOVERY, 1000, NULL);
	assert_int_equal(bench.idr_asked, 2);
	assert_int_equal(bench.dropped, 3);
	send_frame(&bench, ES_FRAME_IDR, 1000, NULL);
	assert_int_equal(bench.frames, 2);
	assert_int_equal(bench.rfi_asked, 0);
	end(&bench);
}

static void test_notices_what_is_wrong(void **state) {
	static const struct {
		size_t at;
		uint8_t change;
	} changes[] = {{0, 0x10}, {9, 1}, {13, 1}, {17, 4}, {24, 2}, {24, 8}, {26, 0x10}, {27, 1},
			{28, 1}, {32, 2}, {35, 0x40}, {36, 4}};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct bench bench;
		begin(&bench, false, true);
		make(&bench, ES_FRAME_IDR, 300);
		for (uint32_t k = 0; k < bench.shape.n_datagrams; k++) {
			bench.datagrams[k * bench.shape.datagram_size + changes[i].at] ^= changes[i].change;
		}
		give(&bench, 0);
		if (video_stats(bench.video)->violations == 0) {
			fail_msg("a change at byte %zu was not noticed", changes[i].at);
		}
		end(&bench);
	}
}

static void test_ignores_forged_datagrams(void **state) {
	struct bench bench;
	begin(&bench, true, true);
	make(&bench, ES_FRAME_IDR, 300);
	bench.datagrams[PREFIX + 20] ^= 1;
	give(&bench, 0);
	assert_int_equal(video_stats(bench.video)->forged, 1);
	assert_int_equal(bench.frames, 0);
	give(&bench, 1); // parity
	assert_int_equal(bench.frames, 1);
	assert_false(bench.wrong);
	end(&bench);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_takes_what_is_made),
			cmocka_unit_test(test_repairs),
			cmocka_unit_test(test_asks_for_invalidation),
			cmocka_unit_test(test_asks_for_idr),
			cmocka_unit_test(test_notices_what_is_wrong),
			cmocka_unit_test(test_ignores_forged_datagrams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
