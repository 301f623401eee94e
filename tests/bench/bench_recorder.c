// What the stage recorder costs per frame: a clock read at each border, in whichever room, and the
// histograms. Beside it, in the same run, what encoding a 1080p frame costs that hardly changes: the
// cheapest frame there is to compare with. One line of JSON.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "encode/encoder.h"
#include "stream/stats.h"

#define N_FRAMES 200000
#define N_BORDERS 8
#define N_PICTURES 120

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

int main(void) {
	struct es_stats *stats = calloc(1, sizeof(*stats));
	struct es_unit *units = calloc(1024, sizeof(*units));
	if (stats == NULL || units == NULL) {
		return 1;
	}
	uint64_t random = 88172645463325252u;
	for (int i = 0; i < 1024; i++) {
		units[i] = make_unit(&random);
	}
	stats_set_encoder(stats, "x264", ES_CODEC_H264, 60000);
	int64_t begin_ns = clock_now_ns();
	for (int i = 0; i < N_FRAMES; i++) {
		int64_t now_ns = 0;
		for (int border = 0; border < N_BORDERS; border++) {
			now_ns += clock_now_ns();
		}
		const struct es_unit *unit = &units[i % 1024];
		stats_record(stats, unit, unit->times.encoded_ns + 20000 + now_ns % 1000,
				unit->times.encoded_ns + 40000 + now_ns % 1000);
	}
	int64_t took_ns = clock_now_ns() - begin_ns;
	struct es_stream_stats summary;
	begin_ns = clock_now_ns();
	stats_summary(stats, &summary);
	int64_t summary_ns = clock_now_ns() - begin_ns;
	double recorder_ns = (double)took_ns / N_FRAMES, encode_ns = encoded_frame_ns();
	printf("{\"recorder\":{\"frames\":%d,\"ns_per_frame\":%.1f,\"summary_us\":%.1f,"
		   "\"bytes\":%zu,\"encode_ns_per_frame\":%.0f,\"percent_of_encode\":%.4f}}\n",
			N_FRAMES, recorder_ns, (double)summary_ns / 1000, sizeof(*stats), encode_ns,
			encode_ns > 0 ? recorder_ns * 100 / encode_ns : 0);
	free(units);
	free(stats);
	return summary.units_new == N_FRAMES ? 0 : 1;
}
