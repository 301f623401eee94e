// What the stage recorder costs per frame. One line of JSON.
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "stream/stats.h"

#define N_FRAMES 200000

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
		// The two borders that the streamer adds are its only clock reads.
		int64_t muxed_ns = clock_now_ns();
		int64_t sent_ns = clock_now_ns();
		const struct es_unit *unit = &units[i % 1024];
		stats_record(stats, unit, unit->times.encoded_ns + 20000 + muxed_ns % 1000,
				unit->times.encoded_ns + 40000 + sent_ns % 1000);
	}
	int64_t took_ns = clock_now_ns() - begin_ns;
	struct es_stream_stats summary;
	begin_ns = clock_now_ns();
	stats_summary(stats, &summary);
	int64_t summary_ns = clock_now_ns() - begin_ns;
	printf("{\"recorder\":{\"frames\":%d,\"ns_per_frame\":%.1f,\"summary_us\":%.1f,"
		   "\"bytes\":%zu}}\n",
			N_FRAMES, (double)took_ns / N_FRAMES, (double)summary_ns / 1000, sizeof(*stats));
	free(units);
	free(stats);
	return summary.units_new == N_FRAMES ? 0 : 1;
}
