// The file sink with real access units: what comes out is read back with libavformat and
// libavcodec, which must find every unit, its time, and nothing to complain about.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/file_output.h"
#include "stream/sink_file.h"

#define N_UNITS 24
#define FIRST_NS INT64_C(1234567890123)

static const char *const container_names[] = {
		[ES_CONTAINER_MKV] = "mkv",
		[ES_CONTAINER_MP4] = "mp4",
		[ES_CONTAINER_TS] = "ts",
		[ES_CONTAINER_RAW] = "raw",
};

static const char *const encoder_names[ES_CODEC_COUNT] = {"libx264", "libx265", "libsvtav1"};

struct clip {
	enum es_codec codec;
	uint32_t width, height;
	uint8_t headers[ES_UNIT_MAX_HEADERS];
	size_t headers_size;
	int n;
	AVPacket *packets[N_UNITS];
	uint8_t *scratch; // a unit between other bytes, as in a ring
};

static AVCodecContext *open_encoder(
		enum es_codec codec, uint32_t width, uint32_t height, bool global_header) {
	const AVCodec *found = avcodec_find_encoder_by_name(encoder_names[codec]);
	if (found == NULL) {
		return NULL;
	}
	AVCodecContext *encoder = avcodec_alloc_context3(found);
	assert_non_null(encoder);
	encoder->width = (int)width;
	encoder->height = (int)height;
	encoder->pix_fmt = AV_PIX_FMT_YUV420P;
	encoder->time_base = (AVRational){1, 60};
	encoder->framerate = (AVRational){60, 1};
	encoder->gop_size = 1000;
	encoder->max_b_frames = 0;
	encoder->thread_count = 1;
	encoder->color_range = AVCOL_RANGE_MPEG;
	encoder->color_primaries = AVCOL_PRI_BT709;
	encoder->color_trc = AVCOL_TRC_BT709;
	encoder->colorspace = AVCOL_SPC_BT709;
	encoder->flags |= global_header ? AV_CODEC_FLAG_GLOBAL_HEADER : 0;
	switch (codec) {
	case ES_CODEC_H264:
		av_opt_set(encoder->priv_data, "preset", "ultrafast", 0);
		av_opt_set(encoder->priv_data, "tune", "zerolatency", 0);
		break;
	case ES_CODEC_HEVC:
		av_opt_set(encoder->priv_data, "preset", "ultrafast", 0);
		av_opt_set(encoder->priv_data, "tune", "zerolatency", 0);
		av_opt_set(encoder->priv_data, "x265-params", "log-level=none:info=0:repeat-headers=1", 0);
		break;
	default:
		av_opt_set(encoder->priv_data, "preset", "12", 0);
		av_opt_set(encoder->priv_data, "svtav1-params", "rtc=1:pred-struct=1:lp=1", 0);
		break;
	}
	av_opt_set(encoder->priv_data, "forced-idr", "1", 0);
	assert_int_equal(avcodec_open2(encoder, found, NULL), 0);
	return encoder;
}

static void draw(AVFrame *frame, int number) {
	for (int y = 0; y < frame->height; y++) {
		for (int x = 0; x < frame->width; x++) {
			frame->data[0][y * frame->linesize[0] + x] = (uint8_t)(x * 3 + y * 5 + number * 7);
		}
	}
	for (int plane = 1; plane < 3; plane++) {
		memset(frame->data[plane], 100 + number,
				(size_t)(frame->linesize[plane] * ((frame->height + 1) / 2)));
	}
}

static void collect(struct clip *clip, AVCodecContext *encoder) {
	AVPacket *packet = av_packet_alloc();
	while (clip->n < N_UNITS && avcodec_receive_packet(encoder, packet) == 0) {
		clip->packets[clip->n++] = packet;
		packet = av_packet_alloc();
	}
	av_packet_free(&packet);
}

// NULL if the encoder is not built in.
static struct clip *clip_create(enum es_codec codec, uint32_t width, uint32_t height) {
	AVCodecContext *encoder = open_encoder(codec, width, height, false);
	if (encoder == NULL) {
		return NULL;
	}
	struct clip *clip = calloc(1, sizeof(*clip));
	assert_non_null(clip);
	clip->codec = codec;
	clip->width = width;
	clip->height = height;
	AVFrame *frame = av_frame_alloc();
	frame->format = AV_PIX_FMT_YUV420P;
	frame->width = (int)width;
	frame->height = (int)height;
	for (int i = 0; i < N_UNITS; i++) {
		assert_int_equal(av_frame_get_buffer(frame, 0), 0);
		draw(frame, i);
		frame->pts = i;
		assert_int_equal(avcodec_send_frame(encoder, frame), 0);
		collect(clip, encoder);
		av_frame_unref(frame);
		frame->format = AV_PIX_FMT_YUV420P;
		frame->width = (int)width;
		frame->height = (int)height;
	}
	avcodec_send_frame(encoder, NULL);
	collect(clip, encoder);
	assert_int_equal(clip->n, N_UNITS);
	av_frame_free(&frame);
	avcodec_free_context(&encoder);
	encoder = open_encoder(codec, width, height, true);
	assert_true(encoder->extradata_size > 0);
	assert_true((size_t)encoder->extradata_size <= sizeof(clip->headers));
	memcpy(clip->headers, encoder->extradata, (size_t)encoder->extradata_size);
	clip->headers_size = (size_t)encoder->extradata_size;
	avcodec_free_context(&encoder);
	clip->scratch = malloc(1 << 20);
	assert_non_null(clip->scratch);
	return clip;
}

static void clip_destroy(struct clip *clip) {
	if (clip == NULL) {
		return;
	}
	for (int i = 0; i < clip->n; i++) {
		av_packet_free(&clip->packets[i]);
	}
	free(clip->scratch);
	free(clip);
}

// Commit time of a unit: 60 Hz with a jitter, one pause, and two that are equal.
static int64_t commit_ns(int i) {
	int64_t jitter_us = (i * 7919) % 3000;
	int64_t pause_ns = i >= 12 ? 3 * ES_NS_PER_S : 0;
	if (i == 7) {
		i = 6;
		jitter_us = (6 * 7919) % 3000;
	}
	return FIRST_NS + i * INT64_C(16666667) + (i == 0 ? 0 : jitter_us * 1000) + pause_ns;
}

static struct es_sink_track clip_track(const struct clip *clip, bool with_headers) {
	return (struct es_sink_track){
			.codec = clip->codec,
			.mode = {clip->width, clip->height, 60000},
			.colour = {1, 1, 1, false, 8, false},
			.headers = clip->headers,
			.headers_size = with_headers ? clip->headers_size : 0,
	};
}

static enum es_sink_result write_unit(
		struct es_sink *sink, const struct clip *clip, int i, int64_t time_ns) {
	const AVPacket *packet = clip->packets[i];
	memset(clip->scratch, 0xa5, 1 << 20);
	memcpy(clip->scratch + 100, packet->data, (size_t)packet->size);
	struct es_unit unit = {
			.size = (uint32_t)packet->size,
			.sequence = (uint64_t)i + 1,
			.kind = ES_UNIT_NEW,
			.idr = (packet->flags & AV_PKT_FLAG_KEY) != 0,
			.times = {time_ns, time_ns, time_ns, time_ns, time_ns, time_ns},
	};
	enum es_sink_result result = sink_write(sink, &unit, clip->scratch + 100);
	return result == ES_SINK_OK ? sink_flush(sink) : result;
}

static void make_path(char *path, size_t size, const char *extension) {
	const char *dir = getenv("TMPDIR");
	snprintf(path, size, "%s/es-test-%d.%s", dir != NULL ? dir : "/tmp", (int)getpid(), extension);
}

static struct es_sink *open_sink(const char *path, enum es_container container) {
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	struct es_sink *sink = sink_file_create(fd, container, path, 0);
	assert_non_null(sink);
	return sink;
}

static void finish_sink(struct es_sink *sink) {
	assert_int_equal(sink_finish(sink), ES_SINK_OK);
	assert_int_equal(sink_flush(sink), ES_SINK_OK);
	sink_destroy(sink);
}

// What a reader found in a file.
struct reading {
	int packets, frames, complaints;
	int width, height;
	AVRational rate;
	enum AVColorRange range;
	enum AVColorSpace space;
	double duration;
	double times[4 * N_UNITS];
	uint8_t first_luma[4 * N_UNITS];
};

static int complaints, muxer_complaints;
static char complaint[512];

static void on_log(void *context, int level, const char *format, va_list args) {
	if (level <= AV_LOG_WARNING) {
		complaints++;
		vsnprintf(complaint, sizeof(complaint), format, args);
	}
}

// Encoders are talkative; what muxers have against our packets is a fault.
static void on_other_log(void *context, int level, const char *format, va_list args) {
	const AVClass *class = context != NULL ? *(const AVClass **)context : NULL;
	// See announce_fragment in stream/sink_file.c.
	bool expected = strstr(format, "Packet duration") != NULL ||
			strstr(format, "Error when reformatting") != NULL; // test_bad_unit
	if (level <= AV_LOG_WARNING && !expected && class != NULL &&
			class->category == AV_CLASS_CATEGORY_MUXER) {
		vfprintf(stderr, format, args);
		muxer_complaints++;
	}
}

static void decode(AVCodecContext *decoder, AVPacket *packet, struct reading *reading) {
	AVFrame *frame = av_frame_alloc();
	if (avcodec_send_packet(decoder, packet) < 0) {
		complaints++;
		snprintf(complaint, sizeof(complaint), "a packet was refused");
	}
	while (avcodec_receive_frame(decoder, frame) == 0) {
		if (reading->frames < 4 * N_UNITS) {
			reading->first_luma[reading->frames] = frame->data[0][0];
		}
		reading->frames++;
		reading->range = frame->color_range;
		reading->space = frame->colorspace;
	}
	av_frame_free(&frame);
}

static bool read_file(const char *path, struct reading *reading) {
	*reading = (struct reading){0};
	complaints = 0;
	complaint[0] = '\0';
	av_log_set_callback(on_log);
	AVFormatContext *demuxer = NULL;
	bool ok = avformat_open_input(&demuxer, path, NULL, NULL) == 0 &&
			avformat_find_stream_info(demuxer, NULL) >= 0 && demuxer->nb_streams == 1;
	if (ok) {
		AVStream *stream = demuxer->streams[0];
		AVCodecContext *decoder =
				avcodec_alloc_context3(avcodec_find_decoder(stream->codecpar->codec_id));
		avcodec_parameters_to_context(decoder, stream->codecpar);
		decoder->thread_count = 1;
		ok = avcodec_open2(decoder, NULL, NULL) == 0;
		AVPacket *packet = av_packet_alloc();
		while (ok && av_read_frame(demuxer, packet) >= 0) {
			if (reading->packets < 4 * N_UNITS) {
				reading->times[reading->packets] = (double)packet->pts * av_q2d(stream->time_base);
			}
			reading->packets++;
			decode(decoder, packet, reading);
			av_packet_unref(packet);
		}
		decode(decoder, NULL, reading);
		reading->width = stream->codecpar->width;
		reading->height = stream->codecpar->height;
		reading->rate = stream->avg_frame_rate;
		reading->duration = demuxer->duration > 0 ? (double)demuxer->duration / AV_TIME_BASE : 0;
		av_packet_free(&packet);
		avcodec_free_context(&decoder);
	}
	avformat_close_input(&demuxer);
	av_log_set_callback(on_other_log);
	reading->complaints = complaints;
	return ok;
}

static void expect_clean(const char *path, int n, const char *what) {
	struct reading reading;
	if (!read_file(path, &reading) || reading.complaints != 0 || reading.packets != n ||
			reading.frames != n) {
		fail_msg("%s: %d packets and %d frames instead of %d, %d complaints: %s", what,
				reading.packets, reading.frames, n, reading.complaints, complaint);
	}
}

static void check_times(const struct reading *reading, double tick, int step, const char *what) {
	double previous = -1;
	for (int i = 0; i < reading->packets; i++) {
		double time = reading->times[i] - reading->times[0];
		double expected = (double)(commit_ns(i) - FIRST_NS) / 1e9;
		// The one that was equal to the one before is a step later.
		double margin = i == 7 ? (step + 0.6) * tick : 0.6 * tick;
		if (time <= previous || time < expected - margin || time > expected + margin) {
			fail_msg("%s: unit %d at %.6f instead of %.6f", what, i, time, expected);
		}
		previous = time;
	}
}

static void check_container(struct clip *clip, enum es_container container, bool with_headers) {
	char what[64], path[256];
	snprintf(what, sizeof(what), "%s in %s%s", encoder_names[clip->codec],
			container_names[container], with_headers ? "" : ", headers found");
	make_path(path, sizeof(path), container_names[container]);
	struct es_sink *sink = open_sink(path, container);
	struct es_sink_track track = clip_track(clip, with_headers);
	assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
	int64_t bytes = 0, first_around = 0;
	for (int i = 0; i < N_UNITS; i++) {
		assert_int_equal(write_unit(sink, clip, i, commit_ns(i)), ES_SINK_OK);
		bytes += clip->packets[i]->size;
		first_around = i == 0 ? (int64_t)sink->n_bytes - bytes : first_around;
		// As if everything had been killed here.
		if (i == 0 || i == 1 || i == N_UNITS / 2 || i == N_UNITS - 1) {
			expect_clean(path, i + 1, what);
		}
	}
	int64_t around = (int64_t)sink->n_bytes - bytes;
	struct stat after;
	finish_sink(sink);
	assert_int_equal(stat(path, &after), 0);
	struct reading reading;
	expect_clean(path, N_UNITS, what);
	assert_true(read_file(path, &reading));
	assert_int_equal(reading.width, clip->width);
	assert_int_equal(reading.height, clip->height);
	assert_int_equal(reading.range, AVCOL_RANGE_MPEG);
	assert_int_equal(reading.space, AVCOL_SPC_BT709);
	check_times(&reading, container == ES_CONTAINER_MKV ? 0.001 : 1.0 / 90000,
			container == ES_CONTAINER_MP4 ? 2 : 1, what);
	double seconds = (double)(commit_ns(N_UNITS - 1) - FIRST_NS) / 1e9;
	if (reading.duration < seconds - 0.01 || reading.duration > seconds + 0.06) {
		fail_msg("%s: %.3f s long instead of %.3f", what, reading.duration, seconds);
	}
	print_message("%s: %.1f bytes around each unit, %lld at the beginning, %lld at the end\n", what,
			(double)(around - first_around) / (N_UNITS - 1), (long long)first_around,
			(long long)(after.st_size - bytes - around));
	unlink(path);
}

static void test_containers(void **state) {
	for (int codec = 0; codec < ES_CODEC_COUNT; codec++) {
		struct clip *clip = clip_create((enum es_codec)codec, 320, 180);
		for (int container = ES_CONTAINER_MKV; clip != NULL && container <= ES_CONTAINER_TS;
				container++) {
			if (container == ES_CONTAINER_TS && codec == ES_CODEC_AV1) {
				continue;
			}
			check_container(clip, (enum es_container)container, true);
			check_container(clip, (enum es_container)container, false);
		}
		clip_destroy(clip);
	}
}

static void test_ts_refuses_av1(void **state) {
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct es_sink *sink = sink_file_create(fd, ES_CONTAINER_TS, "x.ts", 0);
	struct es_sink_track track = {.codec = ES_CODEC_AV1, .mode = {64, 64, 60000}};
	assert_int_equal(sink_set_track(sink, &track), ES_SINK_FAILED);
	assert_non_null(strstr(sink->error, "MPEG-TS"));
	sink_destroy(sink);
}

// The bytes as they came.
static void test_raw(void **state) {
	struct clip *clip = clip_create(ES_CODEC_H264, 64, 48);
	if (clip == NULL) {
		skip();
	}
	char path[256];
	make_path(path, sizeof(path), "h264");
	struct es_sink *sink = open_sink(path, ES_CONTAINER_RAW);
	struct es_sink_track track = clip_track(clip, true);
	assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
	for (int i = 0; i < N_UNITS; i++) {
		assert_int_equal(write_unit(sink, clip, i, commit_ns(i)), ES_SINK_OK);
	}
	finish_sink(sink);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	for (int i = 0; i < N_UNITS; i++) {
		size_t size = (size_t)clip->packets[i]->size;
		assert_int_equal(fread(clip->scratch, 1, size, file), size);
		assert_memory_equal(clip->scratch, clip->packets[i]->data, size);
	}
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
	unlink(path);
	clip_destroy(clip);
}

// A second encoder with other parameter sets, then one with another size, in the same track.
static void check_replaced(enum es_codec codec, enum es_container container) {
	struct clip *first = clip_create(codec, 320, 180);
	struct clip *second = clip_create(codec, 320, 180);
	struct clip *third = clip_create(codec, 256, 128);
	char path[256], what[64];
	snprintf(what, sizeof(what), "%s replaced in %s", encoder_names[codec],
			container_names[container]);
	if (first != NULL) {
		make_path(path, sizeof(path), container_names[container]);
		struct es_sink *sink = open_sink(path, container);
		struct clip *clips[] = {first, second, third};
		for (int c = 0; c < 3; c++) {
			struct es_sink_track track = clip_track(clips[c], true);
			assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
			for (int i = 0; i < N_UNITS; i++) {
				int64_t time_ns = commit_ns(i) + c * 10 * ES_NS_PER_S;
				assert_int_equal(write_unit(sink, clips[c], i, time_ns), ES_SINK_OK);
			}
			if (c > 0) {
				expect_clean(path, N_UNITS * (c + 1), what);
			}
		}
		finish_sink(sink);
		expect_clean(path, N_UNITS * 3, what);
		struct es_sink_track other = clip_track(first, true);
		other.codec = (enum es_codec)((codec + 1) % ES_CODEC_COUNT);
		sink = open_sink(path, container);
		struct es_sink_track track = clip_track(first, true);
		assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
		assert_int_equal(write_unit(sink, first, 0, FIRST_NS), ES_SINK_OK);
		assert_int_equal(sink_set_track(sink, &other), ES_SINK_FAILED);
		assert_int_equal(sink_finish(sink), ES_SINK_OK);
		assert_int_equal(sink_flush(sink), ES_SINK_OK);
		sink_destroy(sink);
		expect_clean(path, 1, what);
		unlink(path);
	}
	clip_destroy(first);
	clip_destroy(second);
	clip_destroy(third);
}

static void test_encoder_replaced(void **state) {
	for (int container = ES_CONTAINER_MKV; container <= ES_CONTAINER_TS; container++) {
		check_replaced(ES_CODEC_H264, (enum es_container)container);
		check_replaced(ES_CODEC_HEVC, (enum es_container)container);
		if (container != ES_CONTAINER_TS) {
			check_replaced(ES_CODEC_AV1, (enum es_container)container);
		}
	}
}

static void limit_file_size(rlim_t size) {
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// The disk is full at each of some places in a unit: the file ends cleanly with the unit before.
static void check_full(struct clip *clip, enum es_container container, int full_at, off_t more) {
	char path[256], what[64];
	snprintf(what, sizeof(what), "%s in %s full", encoder_names[clip->codec],
			container_names[container]);
	make_path(path, sizeof(path), container_names[container]);
	struct es_sink *sink = open_sink(path, container);
	struct es_sink_track track = clip_track(clip, true);
	assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
	enum es_sink_result result = ES_SINK_OK;
	int n = 0;
	for (int i = 0; i < N_UNITS && result == ES_SINK_OK; i++) {
		if (i == full_at) {
			limit_file_size((rlim_t)(sink->n_bytes + (uint64_t)more));
		}
		result = write_unit(sink, clip, i, commit_ns(i));
		n += result == ES_SINK_OK;
	}
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(result, ES_SINK_FAILED);
	assert_non_null(strstr(sink->error, path));
	assert_non_null(strstr(sink->error, "File too large"));
	sink_destroy(sink);
	expect_clean(path, n, what);
	unlink(path);
}

static void test_full(void **state) {
	signal(SIGXFSZ, SIG_IGN);
	struct clip *clip = clip_create(ES_CODEC_H264, 320, 180);
	if (clip == NULL) {
		skip();
	}
	for (int container = ES_CONTAINER_MKV; container <= ES_CONTAINER_TS; container++) {
		check_full(clip, (enum es_container)container, 5, 0);
		check_full(clip, (enum es_container)container, 5, 1);
		check_full(clip, (enum es_container)container, 5, 100);
		check_full(clip, (enum es_container)container, 5, 500);
		check_full(clip, (enum es_container)container, 1, 30);
	}
	clip_destroy(clip);
}

// The disk is full when the index is written.
static void test_full_at_the_end(void **state) {
	signal(SIGXFSZ, SIG_IGN);
	struct clip *clip = clip_create(ES_CODEC_H264, 320, 180);
	if (clip == NULL) {
		skip();
	}
	for (int container = ES_CONTAINER_MKV; container <= ES_CONTAINER_MP4; container++) {
		for (off_t more = 0; more < 10; more += 9) {
			char path[256];
			make_path(path, sizeof(path), container_names[container]);
			struct es_sink *sink = open_sink(path, (enum es_container)container);
			struct es_sink_track track = clip_track(clip, true);
			assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
			for (int i = 0; i < N_UNITS; i++) {
				assert_int_equal(write_unit(sink, clip, i, commit_ns(i)), ES_SINK_OK);
			}
			limit_file_size((rlim_t)(sink->n_bytes + (uint64_t)more));
			enum es_sink_result result = sink_finish(sink);
			if (result == ES_SINK_OK) {
				result = sink_flush(sink);
			}
			limit_file_size(RLIM_INFINITY);
			assert_int_equal(result, ES_SINK_FAILED);
			sink_destroy(sink);
			expect_clean(path, N_UNITS, "full at the end");
			unlink(path);
		}
	}
	clip_destroy(clip);
}

// Bytes that may still be written before the process is killed; negative: no end.
static long write_budget = -1;
static bool ending;

ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset);

// Bytes of a write that are in the file when the process is killed after `budget`. What lies within
// a page is written whole or not at all; while units are written the test is harder than that.
static size_t torn_size(size_t size, off_t offset, size_t budget) {
	if (!ending) {
		return size > ES_SHELTER_MAX_HEADER ? budget : 0;
	}
	size_t torn = 4096 - (size_t)(offset % 4096);
	if (budget < torn) {
		return 0;
	}
	while (torn + 4096 <= budget) {
		torn += 4096;
	}
	return torn;
}

// Linked in place of pwrite.
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset) {
	if (write_budget < 0) {
		return __real_pwrite64(fd, data, size, offset);
	}
	if ((size_t)write_budget < size) {
		__real_pwrite64(fd, data, torn_size(size, offset, (size_t)write_budget), offset);
		_exit(0);
	}
	write_budget -= (long)size;
	return __real_pwrite64(fd, data, size, offset);
}

static void write_until_killed(struct es_sink *sink, struct clip *clip, int from, long budget) {
	write_budget = budget;
	for (int i = from; i < N_UNITS; i++) {
		write_unit(sink, clip, i, commit_ns(i));
	}
	ending = true;
	if (sink_finish(sink) == ES_SINK_OK) {
		sink_flush(sink);
	}
	_exit(1);
}

// Killed after any number of bytes: the file reads cleanly up to some unit.
static void check_torn(struct clip *clip, enum es_container container) {
	char path[256], what[64];
	make_path(path, sizeof(path), container_names[container]);
	bool killed = true;
	int n_last = 0;
	for (long budget = 0; killed; budget += budget < 40 ? 1 : 97) {
		struct es_sink *sink = open_sink(path, container);
		struct es_sink_track track = clip_track(clip, true);
		assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(write_unit(sink, clip, i, commit_ns(i)), ES_SINK_OK);
		}
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			write_until_killed(sink, clip, 3, budget);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		killed = WEXITSTATUS(status) == 0;
		sink_destroy(sink);
		struct reading reading;
		assert_true(read_file(path, &reading));
		snprintf(what, sizeof(what), "%s in %s killed after %ld bytes", encoder_names[clip->codec],
				container_names[container], budget);
		assert_true(reading.packets >= n_last);
		n_last = reading.packets;
		expect_clean(path, n_last, what);
	}
	assert_int_equal(n_last, N_UNITS);
	unlink(path);
}

static void test_torn(void **state) {
	for (int codec = 0; codec < ES_CODEC_COUNT; codec++) {
		struct clip *clip = clip_create((enum es_codec)codec, 320, 180);
		if (clip != NULL) {
			check_torn(clip, ES_CONTAINER_MKV);
			check_torn(clip, ES_CONTAINER_MP4);
		}
		clip_destroy(clip);
	}
}

// A pipe that is read slowly gives AGAIN, never blocks, and loses nothing.
static void test_slow_pipe(void **state) {
	struct clip *clip = clip_create(ES_CODEC_H264, 640, 360);
	if (clip == NULL) {
		skip();
	}
	for (int container = ES_CONTAINER_MKV; container <= ES_CONTAINER_RAW; container++) {
		char path[256], what[64];
		make_path(path, sizeof(path),
				container == ES_CONTAINER_RAW ? "h264" : container_names[container]);
		snprintf(what, sizeof(what), "%s through a pipe", container_names[container]);
		int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		struct es_sink *sink = sink_file_create(ends[1], (enum es_container)container, "-", 0);
		struct es_sink_track track = clip_track(clip, true);
		assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
		int again = 0;
		static uint8_t buffer[10000];
		for (int i = 0; i <= N_UNITS; i++) {
			enum es_sink_result result =
					i < N_UNITS ? write_unit(sink, clip, i, commit_ns(i)) : sink_finish(sink);
			if (i == N_UNITS) {
				assert_int_equal(result, ES_SINK_OK);
				result = sink_flush(sink);
			}
			while (result == ES_SINK_AGAIN) {
				again++;
				ssize_t n = read(ends[0], buffer, sizeof(buffer));
				assert_true(n > 0 && write(out, buffer, (size_t)n) == n);
				result = sink_flush(sink);
			}
			assert_int_equal(result, ES_SINK_OK);
		}
		sink_destroy(sink);
		ssize_t n;
		while ((n = read(ends[0], buffer, sizeof(buffer))) > 0) {
			assert_true(write(out, buffer, (size_t)n) == n);
		}
		close(ends[0]);
		close(out);
		assert_true(again > 0);
		if (container == ES_CONTAINER_RAW) {
			struct reading reading;
			assert_true(read_file(path, &reading));
			assert_int_equal(reading.frames, N_UNITS);
		} else {
			expect_clean(path, N_UNITS, what);
		}
		unlink(path);
	}
	clip_destroy(clip);
}

static void test_reader_gone(void **state) {
	signal(SIGPIPE, SIG_IGN);
	struct clip *clip = clip_create(ES_CODEC_H264, 64, 48);
	if (clip == NULL) {
		skip();
	}
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	struct es_sink *sink = sink_file_create(ends[1], ES_CONTAINER_RAW, "-", 0);
	struct es_sink_track track = clip_track(clip, true);
	assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
	assert_int_equal(write_unit(sink, clip, 0, FIRST_NS), ES_SINK_OK);
	close(ends[0]);
	assert_int_equal(write_unit(sink, clip, 1, commit_ns(1)), ES_SINK_FAILED);
	assert_non_null(strstr(sink->error, "reader is gone"));
	sink_destroy(sink);
	clip_destroy(clip);
}

static void test_nothing_written_without_units(void **state) {
	char path[256];
	make_path(path, sizeof(path), "mkv");
	struct es_sink *sink = open_sink(path, ES_CONTAINER_MKV);
	struct es_sink_track track = {.codec = ES_CODEC_H264, .mode = {64, 48, 60000}};
	assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
	assert_int_equal(sink->n_units, 0);
	finish_sink(sink);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlink(path);
}

// Bytes that are no unit of the codec: refused, and the file goes on with what follows.
static void test_bad_unit(void **state) {
	struct clip *clip = clip_create(ES_CODEC_AV1, 320, 180);
	if (clip == NULL) {
		skip();
	}
	char path[256];
	make_path(path, sizeof(path), "mkv");
	struct es_sink *sink = open_sink(path, ES_CONTAINER_MKV);
	struct es_sink_track track = clip_track(clip, true);
	assert_int_equal(sink_set_track(sink, &track), ES_SINK_OK);
	uint8_t garbage[64];
	memset(garbage, 0xff, sizeof(garbage));
	struct es_unit unit = {.size = sizeof(garbage), .kind = ES_UNIT_NEW};
	for (int i = 0; i < N_UNITS; i++) {
		if (i == 3) {
			unit.times.commit_ns = commit_ns(3);
			assert_int_equal(sink_write(sink, &unit, garbage), ES_SINK_BAD_UNIT);
		}
		assert_int_equal(write_unit(sink, clip, i, commit_ns(i)), ES_SINK_OK);
	}
	finish_sink(sink);
	expect_clean(path, N_UNITS, "after a bad unit");
	unlink(path);
	clip_destroy(clip);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_containers),
			cmocka_unit_test(test_ts_refuses_av1),
			cmocka_unit_test(test_raw),
			cmocka_unit_test(test_encoder_replaced),
			cmocka_unit_test(test_full),
			cmocka_unit_test(test_full_at_the_end),
			cmocka_unit_test(test_torn),
			cmocka_unit_test(test_slow_pipe),
			cmocka_unit_test(test_reader_gone),
			cmocka_unit_test(test_nothing_written_without_units),
			cmocka_unit_test(test_bad_unit),
	};
	av_log_set_callback(on_other_log);
	// SVT-AV1 speaks on standard error by itself.
	setenv("SVT_LOG", "1", 0);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed != 0 ? failed : muxer_complaints;
}
