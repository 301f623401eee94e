#define _GNU_SOURCE // memfd_create
// Sound that comes at any time in relation to the pictures: libavformat takes all of it, in each
// container, and none of it is out of its order. The sound's packets are made here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/file_muxer.h"

#define FIRST_NS INT64_C(1234567890123)
#define FRAME_NS (ES_NS_PER_S / 60)
#define PACKET_FRAMES 960 // 20 ms
#define N_UNITS 40
#define N_RUNS 400

struct es_file_sound {
	struct es_file_packet packet;
	size_t waiting;
	int64_t next_ns; // of the next packet
};

size_t file_sound_waiting(const struct es_file_sound *sound) {
	return sound->waiting;
}

const struct es_file_packet *file_sound_next(struct es_file_sound *sound) {
	if (sound->waiting == 0) {
		return NULL;
	}
	sound->waiting--;
	sound->packet.time_ns = sound->next_ns;
	sound->next_ns += PACKET_FRAMES * ES_NS_PER_S / 48000;
	return &sound->packet;
}

size_t file_sound_head(const struct es_file_sound *sound, uint8_t out[64]) {
	static const uint8_t head[19] = {
			'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0x38, 1, 0x80, 0xbb};
	memcpy(out, head, sizeof(head));
	return sizeof(head);
}

// One IDR, which stands for all units.
static AVPacket *encode_picture(void) {
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	assert_non_null(codec);
	AVCodecContext *encoder = avcodec_alloc_context3(codec);
	AVFrame *frame = av_frame_alloc();
	AVPacket *packet = av_packet_alloc();
	assert_true(encoder != NULL && frame != NULL && packet != NULL);
	encoder->width = frame->width = 64;
	encoder->height = frame->height = 64;
	encoder->pix_fmt = AV_PIX_FMT_YUV420P;
	frame->format = AV_PIX_FMT_YUV420P;
	encoder->time_base = (AVRational){1, 60};
	encoder->thread_count = 1;
	av_opt_set(encoder->priv_data, "tune", "zerolatency", 0);
	av_opt_set(encoder->priv_data, "x264-params", "log=-1", 0);
	assert_int_equal(avcodec_open2(encoder, codec, NULL), 0);
	assert_int_equal(av_frame_get_buffer(frame, 0), 0);
	for (int i = 0; i < 3; i++) {
		memset(frame->data[i], 128, (size_t)frame->linesize[i] * (i > 0 ? 32 : 64));
	}
	assert_int_equal(avcodec_send_frame(encoder, frame), 0);
	assert_int_equal(avcodec_receive_packet(encoder, packet), 0);
	avcodec_free_context(&encoder);
	av_frame_free(&frame);
	return packet;
}

static uint32_t dice(uint32_t *state, uint32_t n) {
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

// As much of the sound as there is at that time, or less: it may come late.
static void hear(struct es_file_sound *sound, int64_t now_ns, uint32_t *state) {
	int64_t n = (now_ns - sound->next_ns) / (ES_NS_PER_S / 50);
	sound->waiting = n > 0 && dice(state, 3) > 0 ? (size_t)n : 0;
	if (dice(state, 40) == 0) {
		sound->next_ns += (int64_t)dice(state, 300) * ES_NS_PER_MS; // silence
		sound->waiting = 0;
	}
}

static void check_run(const AVPacket *picture, enum es_container container, uint32_t seed) {
	struct es_file_sound sound = {.packet = {.n_frames = PACKET_FRAMES, .size = 3}};
	struct es_file_output output;
	uint32_t state = seed;
	assert_true(file_output_init(&output, memfd_create("muxed", MFD_CLOEXEC)));
	struct es_file_muxer *muxer = file_muxer_create(container, &output, &sound);
	struct es_sink_track track = {.codec = ES_CODEC_H264,
			.mode = {.width = 64, .height = 64, .refresh_mhz = 60000},
			.colour = colour_sdr()};
	struct es_unit unit = {.idr = true, .size = (size_t)picture->size};
	unit.times.commit_ns = FIRST_NS;
	sound.next_ns = FIRST_NS - 20 * ES_NS_PER_MS + (int64_t)dice(&state, 60000) * 1000;
	assert_true(file_muxer_open(muxer, &track, &unit, picture->data));
	for (int i = 0; i < N_UNITS; i++) {
		// The first unit takes its time to be encoded.
		int64_t late_ns = i == 0 ? (int64_t)dice(&state, 600) * ES_NS_PER_MS : 0;
		hear(&sound, unit.times.commit_ns + late_ns, &state);
		if (i > 0 && sound.waiting > 0 && dice(&state, 4) == 0) {
			file_muxer_put_sound(muxer);
			assert_int_equal(file_output_flush(&output), ES_SINK_OK);
		}
		assert_true(file_muxer_put(muxer, &unit, picture->data));
		assert_int_equal(file_output_flush(&output), ES_SINK_OK);
		unit.times.commit_ns += FRAME_NS * (1 + dice(&state, 8) / 7 * dice(&state, 60));
	}
	hear(&sound, unit.times.commit_ns, &state);
	assert_true(file_muxer_end(muxer, true));
	assert_int_equal(file_output_flush(&output), ES_SINK_OK);
	file_muxer_destroy(muxer);
	file_output_finish(&output);
}

static void test_any_time(void **state) {
	AVPacket *picture = encode_picture();
	av_log_set_level(AV_LOG_PANIC);
	for (uint32_t seed = 1; seed <= N_RUNS; seed++) {
		check_run(picture, ES_CONTAINER_MP4, seed);
		check_run(picture, ES_CONTAINER_MKV, seed);
		check_run(picture, ES_CONTAINER_TS, seed);
	}
	av_packet_free(&picture);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
