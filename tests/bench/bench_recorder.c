// What the stage recorder costs per frame: a clock read at each border, in whichever room, and the
// histograms; and what a recording adds to that: its window of 60 frames on the host, a row for each frame
// on its way from the streamer to the file. Beside it, in the same run, what encoding a 1080p frame costs
// that hardly changes: the cheapest frame there is to compare with. One line of JSON.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "encode/encoder.h"
#include "host/meter.h"
#include "host/recorder.h"
#include "protocol/session_msg.h"
#include "stream/frame_rows.h"
#include "stream/stats.h"

#define N_FRAMES 200000
#define N_BORDERS 8
#define N_PICTURES 120
#define N_UNITS 1024

// Frames like those of a busy 1080p60 session: each stage varies, so that more than one bucket and
// cache line per histogram is used.
static struct es_unit make_unit(uint64_t *random) {
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	int64_t t = 1000000000;
	struct es_unit_times times = {.commit_ns = t};
	times.compose_ns = t += 1000 + (int64_t)(*random % 3000000);
	times.put_ns = t += 100000 + (int64_t)((*random >> 8) % 400000);
	times.taken_ns = t += 50000 + (int64_t)((*random >> 16) % 100000);
	times.converted_ns = t += 300000 + (int64_t)((*random >> 24) % 300000);
	times.encoded_ns = t + 4000000 + (int64_t)((*random >> 32) % 6000000);
	return (struct es_unit){.size = 20000, .kind = ES_UNIT_NEW, .times = times};
}

static int64_t cpu_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * ES_NS_PER_S + now.tv_nsec;
}

// CPU of the best H.264 encoder here for a 1080p picture with a small change; 0: there is none.
static double encoded_frame_ns(void) {
	static uint8_t unit[4 << 20];
	const struct es_encoder_impl *impl = encoder_find("auto", ES_CODEC_H264);
	struct es_encoder_params params = {
			.codec = ES_CODEC_H264,
			.mode = {.width = 1920, .height = 1080, .refresh_mhz = 60000},
			.colour = colour_sdr(),
			.bitrate_kbps = 20000,
	};
	char why[96];
	struct es_device *device =
			impl != NULL ? device_create(impl->device, "", why, sizeof(why)) : NULL;
	struct es_encoder *encoder = device != NULL ? encoder_create(impl, device, &params) : NULL;
	struct es_picture picture;
	enum es_picture_layout layout;
	if (encoder == NULL || !encoder_takes(impl, &params.colour, &layout) ||
			!picture_init(&picture, layout, 1920, 1080)) {
		encoder_destroy(encoder);
		device_destroy(device);
		return 0;
	}
	struct es_rect changed = {.x = 640, .y = 360, .width = 64, .height = 64};
	bool ok = true;
	int64_t begin_ns = 0;
	for (uint32_t i = 0; ok && i < N_PICTURES; i++) {
		begin_ns = i == N_PICTURES / 2 ? cpu_ns() : begin_ns; // the first ones are dearer
		for (uint32_t y = 360; y < 424; y++) {
			picture.plane[0][y * picture.stride[0] + 640 + (i + y) % 64] = (uint8_t)(16 + i);
		}
		struct es_encode_request request = {
				.sequence = i + 1, .damage = &changed, .n_damage = i == 0 ? 0 : 1};
		struct es_encoded encoded;
		ok = encoder_encode(encoder, &picture, &request, unit, sizeof(unit), &encoded);
	}
	double spent_ns = (double)(cpu_ns() - begin_ns) / (N_PICTURES - N_PICTURES / 2);
	encoder_destroy(encoder);
	device_destroy(device);
	picture_finish(&picture);
	return ok ? spent_ns : 0;
}

#define WINDOW 60 // frames

// One frame: the clock at each border, and the histograms, with a row if stats has room for them.
static void record_frame(struct es_stats *stats, const struct es_unit *unit) {
	int64_t now_ns = 0;
	for (int border = 0; border < N_BORDERS; border++) {
		now_ns += clock_now_ns();
	}
	stats_record(stats, unit, unit->times.encoded_ns + 20000 + now_ns % 1000,
			unit->times.encoded_ns + 40000 + now_ns % 1000);
}

// CPU of a frame on all sides, without a recording.
static double off_ns(struct es_stats *stats, const struct es_unit *units) {
	int64_t begin_ns = cpu_ns();
	for (int i = 0; i < N_FRAMES; i++) {
		record_frame(stats, &units[i % N_UNITS]);
	}
	return (double)(cpu_ns() - begin_ns) / N_FRAMES;
}

// What the host gets of a message, through its bytes.
static const struct es_session_msg *deliver(const struct es_session_msg *msg) {
	static struct es_session_msg got;
	static uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, bytes, sizeof(bytes));
	return session_msg_decode(&got, bytes, size, 0) ? &got : NULL;
}

// The streamer's answer to STATS, and what the host does with it.
static bool end_window(struct es_stats *stats, struct es_recorder *recorder, struct es_meter *meter,
		struct es_play_info *info, int64_t now_ns) {
	static struct es_session_msg msg;
	size_t at = 0;
	while (stats->rows != NULL && frame_rows_tell(stats->rows, &at, &msg)) {
		const struct es_session_msg *got = deliver(&msg);
		if (got == NULL) {
			return false;
		}
		recorder_take_frames(recorder, info->id, got->frames.rows, got->frames.n, 0);
	}
	if (stats->rows != NULL) {
		frame_rows_clear(stats->rows);
	}
	msg.type = ES_SESSION_STREAM_STATS;
	stats_summary(stats, &msg.stream_stats);
	const struct es_session_msg *got = deliver(&msg);
	if (got == NULL) {
		return false;
	}
	info->stream_stats = &got->stream_stats;
	meter_hear(meter, info, now_ns);
	return true;
}

static void on_window(void *data, const struct es_window *window) {
	recorder_take(data, window);
}

// The same with a recording onto the disk; < 0: it failed.
static double armed_ns(struct es_stats *stats, const struct es_unit *units, bool frames) {
	char folder[] = "/tmp/es-bench-XXXXXX", error[512] = "";
	static const struct es_display_stats display;
	static const struct es_encode_stats encode;
	struct es_play_info info = {.id = 1,
			.app_title = "bench",
			.client_name = "none",
			.mode = {1920, 1080, 60000},
			.encoder = "x264",
			.display_stats = &display,
			.encode_stats = &encode};
	int fd = mkdtemp(folder) != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct es_recorder *recorder = recorder_create(fd, error, sizeof(error));
	struct es_meter *meter = meter_create();
	bool ok = recorder != NULL && meter != NULL &&
			recorder_start(recorder, frames, error, sizeof(error));
	stats->rows = frames ? frame_rows_create() : NULL;
	int64_t now_ns = clock_now_ns(), begin_ns = cpu_ns();
	if (ok) {
		meter_on_window(meter, on_window, recorder);
	}
	for (int i = 0; ok && i < N_FRAMES; i++) {
		record_frame(stats, &units[i % N_UNITS]);
		if (i % WINDOW == WINDOW - 1) {
			now_ns += ES_NS_PER_S;
			ok = end_window(stats, recorder, meter, &info, now_ns);
		}
	}
	double spent_ns = (double)(cpu_ns() - begin_ns) / N_FRAMES;
	struct es_recorder_state state = {0};
	if (recorder != NULL) {
		recorder_state(recorder, &state);
		recorder_stop(recorder);
		recorder_remove(recorder, state.id);
	}
	ok = ok && state.armed && state.summary.n_samples == N_FRAMES / WINDOW &&
			(!frames || state.summary.n_frames > N_FRAMES * 9 / 10);
	recorder_destroy(recorder);
	meter_destroy(meter);
	frame_rows_destroy(stats->rows);
	stats->rows = NULL;
	unlinkat(fd, "recordings", AT_REMOVEDIR);
	fd_close(&fd);
	rmdir(folder);
	if (!ok) {
		fprintf(stderr, "bench_recorder: %s%s\n", error, state.problem);
	}
	return ok ? spent_ns : -1;
}

int main(void) {
	struct es_stats *stats = calloc(1, sizeof(*stats));
	struct es_unit *units = calloc(N_UNITS, sizeof(*units));
	if (stats == NULL || units == NULL) {
		return 1;
	}
	log_init("bench_recorder", ES_LOG_ERROR);
	uint64_t random = 88172645463325252u;
	for (int i = 0; i < N_UNITS; i++) {
		units[i] = make_unit(&random);
	}
	stats_set_encoder(stats, "x264", ES_CODEC_H264, 60000);
	off_ns(stats, units); // warm
	double off = off_ns(stats, units);
	double windows = armed_ns(stats, units, false), rows = armed_ns(stats, units, true);
	struct es_stream_stats summary;
	int64_t begin_ns = clock_now_ns();
	stats_summary(stats, &summary);
	int64_t summary_ns = clock_now_ns() - begin_ns;
	double encode_ns = encoded_frame_ns(), percent = encode_ns > 0 ? 100 / encode_ns : 0;
	printf("{\"recorder\":{\"frames\":%d,\"ns_per_frame\":%.1f,\"armed_ns_per_frame\":%.1f,"
		   "\"frames_ns_per_frame\":%.1f,\"summary_us\":%.1f,\"bytes\":%zu,"
		   "\"encode_ns_per_frame\":%.0f,\"percent_of_encode\":%.4f,"
		   "\"armed_percent\":%.4f,\"frames_percent\":%.4f}}\n",
			N_FRAMES, off, windows, rows, (double)summary_ns / 1000, sizeof(*stats), encode_ns,
			off * percent, windows * percent, rows * percent);
	free(units);
	free(stats);
	return windows > 0 && rows > 0 ? 0 : 1;
}
