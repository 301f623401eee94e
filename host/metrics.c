#define _GNU_SOURCE
#include "host/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "host/meter.h"
#include "host/recorder.h"

struct page {
	FILE *out;
	bool openmetrics;
};

// --- families

static void head(const struct page *page, const char *name, const char *type, const char *help) {
	// What a counter's samples end in is part of its name in the older format alone.
	bool counter = strcmp(type, "counter") == 0 && !page->openmetrics;
	const char *end = counter ? "_total" : "";
	fprintf(page->out, "# TYPE earthshine_%s%s %s\n# HELP earthshine_%s%s %s\n", name, end, type,
			name, end, help);
}

static void count(const struct page *page, const char *name, const char *help, uint64_t value) {
	head(page, name, "counter", help);
	fprintf(page->out, "earthshine_%s_total %" PRIu64 "\n", name, value);
}

struct part {
	const char *value;
	uint64_t n;
};

static void count_parts(const struct page *page, const char *name, const char *label,
		const char *help, const struct part *parts, size_t n) {
	head(page, name, "counter", help);
	for (size_t i = 0; i < n; i++) {
		fprintf(page->out, "earthshine_%s_total{%s=\"%s\"} %" PRIu64 "\n", name, label,
				parts[i].value, parts[i].n);
	}
}
#define COUNT_PARTS(page, name, label, help, ...) \
	count_parts(page, name, label, help, (const struct part[]){__VA_ARGS__}, \
			sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part))

static void histogram(const struct page *page, const char *name, const char *help,
		const uint64_t *within, uint64_t n, uint64_t sum_ns) {
	static const uint32_t bounds_us[ES_LATENCY_BOUNDS] = ES_LATENCY_BOUNDS_US;
	head(page, name, "histogram", help);
	for (int i = 0; i < ES_LATENCY_BOUNDS; i++) {
		fprintf(page->out, "earthshine_%s_bucket{le=\"%u.%04u\"} %" PRIu64 "\n", name,
				bounds_us[i] / 1000000, bounds_us[i] % 1000000 / 100, within[i]);
	}
	fprintf(page->out,
			"earthshine_%s_bucket{le=\"+Inf\"} %" PRIu64 "\nearthshine_%s_sum %" PRIu64 ".%09u\n"
			"earthshine_%s_count %" PRIu64 "\n",
			name, n, name, sum_ns / 1000000000, (unsigned)(sum_ns % 1000000000), name, n);
}

// --- the host's and its sessions'

static void put_counters(const struct page *page, const uint64_t *n) {
	COUNT_PARTS(page, "frames", "stage", "Frames by how far they have come and what they were.",
			{"committed", n[ES_FIGURE_COMMITTED]}, {"composed", n[ES_FIGURE_COMPOSED]},
			{"direct", n[ES_FIGURE_DIRECT]}, {"sent", n[ES_FIGURE_NEW]},
			{"repeated", n[ES_FIGURE_REPEATED]}, {"cursor", n[ES_FIGURE_CURSOR]});
	COUNT_PARTS(page, "frames_dropped", "reason", "Frames that were not sent.",
			{"superseded", n[ES_FIGURE_SUPERSEDED]}, {"streamer", n[ES_FIGURE_DROPPED]});
	count(page, "frame_slots_missed", "Refresh slots without a frame while the app drew.",
			n[ES_FIGURE_MISSED_SLOTS]);
	histogram(page, "encode_seconds", "Time in the encoder, of new frames.",
			&n[ES_FIGURE_ENCODE_WITHIN], n[ES_FIGURE_NEW], n[ES_FIGURE_ENCODE_NS]);
	histogram(page, "capture_to_send_seconds",
			"From the app's commit to the last datagram, of new frames.",
			&n[ES_FIGURE_TOTAL_WITHIN], n[ES_FIGURE_NEW], n[ES_FIGURE_TOTAL_NS]);
	count(page, "video_bytes", "Encoded video.", n[ES_FIGURE_BYTES]);
	count(page, "video_packets", "Datagrams of video, parity among them.", n[ES_FIGURE_DATAGRAMS]);
	count(page, "fec_packets", "Datagrams of parity.", n[ES_FIGURE_PARITY]);
	count(page, "lost_packets", "Datagrams that clients have reported missing.", n[ES_FIGURE_LOST]);
	count(page, "refused_packets", "Datagrams of strangers, forged and replayed messages.",
			n[ES_FIGURE_REFUSED]);
	count(page, "idr_requests", "Whole pictures that were asked for.", n[ES_FIGURE_IDR_ASKED]);
	count(page, "idr_frames", "Whole pictures that were made.", n[ES_FIGURE_IDR_MADE]);
	count(page, "invalidation_requests", "Reports of lost pictures to the encoder.",
			n[ES_FIGURE_INVALIDATIONS_ASKED]);
	count(page, "audio_packets", "Datagrams of sound.", n[ES_FIGURE_SOUND_PACKETS]);
	count(page, "audio_dropped_packets", "Sound that was given up.", n[ES_FIGURE_SOUND_DROPPED]);
	count(page, "audio_underruns", "Silence put in where the clocks part.",
			n[ES_FIGURE_SOUND_INSERTED]);
	count(page, "input_events", "Events from clients for apps.", n[ES_FIGURE_INPUT]);
}

static void put_room_cpu(const struct page *page, const uint64_t *n) {
	static const char *const rooms[] = {"display", "encode", "stream"};
	head(page, "room_cpu_seconds", "counter", "CPU time of the sessions' processes, without apps.");
	for (int i = 0; i < 3; i++) {
		uint64_t us = n[ES_FIGURE_CPU_DISPLAY_US + i];
		fprintf(page->out, "earthshine_room_cpu_seconds_total{room=\"%s\"} %" PRIu64 ".%06u\n",
				rooms[i], us / 1000000, (unsigned)(us % 1000000));
	}
}

static void put_sessions(const struct page *page, const struct es_plays *plays) {
	static const char *const states[] = {
			[ES_PLAY_PENDING] = "pending",
			[ES_PLAY_NEGOTIATED] = "negotiated",
			[ES_PLAY_PLAYING] = "playing",
			[ES_PLAY_DETACHED] = "detached",
			[ES_PLAY_ENDING] = "ending",
	};
	unsigned counts[sizeof(states) / sizeof(states[0])] = {0};
	for (size_t i = 0; i < plays_count(plays); i++) {
		struct es_play_info info;
		play_info(plays_at(plays, i), &info);
		counts[info.state]++;
	}
	head(page, "sessions", "gauge", "Sessions by state.");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		fprintf(page->out, "earthshine_sessions{state=\"%s\"} %u\n", states[i], counts[i]);
	}
}

// One line for each session that is played.
static void put_each(const struct page *page, const struct es_plays *plays, const char *name,
		const char *help, void (*put)(const struct page *page, const struct es_play_info *info)) {
	head(page, name, "gauge", help);
	for (size_t i = 0; i < plays_count(plays); i++) {
		struct es_play_info info;
		play_info(plays_at(plays, i), &info);
		if (info.state == ES_PLAY_PLAYING) {
			put(page, &info);
		}
	}
}

static void put_rtt(const struct page *page, const struct es_play_info *info) {
	uint32_t us = info->stream_stats->net.rtt_us;
	if (us > 0) {
		fprintf(page->out, "earthshine_rtt_seconds{session=\"%u\"} %u.%06u\n", info->id,
				us / 1000000, us % 1000000);
	}
}

static void put_rate(const struct page *page, const struct es_play_info *info) {
	fprintf(page->out, "earthshine_encoder_target_bytes_per_second{session=\"%u\"} %" PRIu64 "\n",
			info->id, (uint64_t)info->stream_stats->net.bitrate_kbps * 125);
}

static void put_fec(const struct page *page, const struct es_play_info *info) {
	uint32_t percent = info->stream_stats->net.fec_percent;
	fprintf(page->out, "earthshine_fec_ratio{session=\"%u\"} %u.%02u\n", info->id, percent / 100,
			percent % 100);
}

static void put_encoder(const struct page *page, const struct es_play_info *info) {
	const char *codec = codec_name(info->codec);
	char gpu[64];
	size_t size = strcspn(info->gpu, "\"\\\n");
	snprintf(gpu, sizeof(gpu), "%.*s", (int)size, info->gpu);
	fprintf(page->out,
			"earthshine_encoder_info{session=\"%u\",name=\"%s\",codec=\"%s\",gpu=\"%s\"} 1\n",
			info->id, info->encoder, codec != NULL ? codec : "", gpu);
}

// --- the process

static uint64_t count_fds(void) {
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;
	while (dir != NULL && readdir(dir) != NULL) {
		n++;
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return n > 3 ? n - 3 : 0; // ".", ".." and the folder itself
}

// Pages in all and resident.
static bool read_memory(uint64_t *size, uint64_t *resident) {
	FILE *file = fopen("/proc/self/statm", "re");
	bool ok = file != NULL && fscanf(file, "%" SCNu64 " %" SCNu64, size, resident) == 2;
	if (file != NULL) {
		fclose(file);
	}
	return ok;
}

// Field 22 of /proc/self/stat: ticks from the machine's start; behind the name, which may hold anything.
static bool read_start(double *seconds) {
	char text[1024] = "";
	FILE *file = fopen("/proc/self/stat", "re");
	size_t n = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file != NULL) {
		fclose(file);
	}
	text[n] = '\0';
	const char *at = strrchr(text, ')');
	unsigned long long ticks;
	struct timespec boot, now;
	if (at == NULL ||
			sscanf(at + 1,
					" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
					&ticks) != 1 ||
			clock_gettime(CLOCK_BOOTTIME, &boot) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) {
		return false;
	}
	*seconds = (double)(now.tv_sec - boot.tv_sec) + (double)(now.tv_nsec - boot.tv_nsec) / 1e9 +
			(double)ticks / (double)sysconf(_SC_CLK_TCK);
	return true;
}

// Named as by all that are scraped, without ours before it.
static void process(const struct page *page, const char *name, const char *type, const char *help,
		const char *format, double value) {
	bool suffix = strcmp(type, "counter") == 0;
	fprintf(page->out, "# TYPE process_%s%s %s\n# HELP process_%s%s %s\nprocess_%s%s ", name,
			suffix && !page->openmetrics ? "_total" : "", type, name,
			suffix && !page->openmetrics ? "_total" : "", help, name, suffix ? "_total" : "");
	if (strcmp(format, "whole") == 0) {
		fprintf(page->out, "%.0f\n", value);
	} else {
		fprintf(page->out, "%.6f\n", value);
	}
}

static void put_process(const struct page *page) {
	uint64_t size, resident;
	double start;
	struct rlimit limit;
	process(page, "cpu_seconds", "counter", "CPU time of the host, without its sessions.", "real",
			(double)process_usage().cpu_us / 1e6);
	if (read_memory(&size, &resident)) {
		double page_size = (double)sysconf(_SC_PAGESIZE);
		process(page, "virtual_memory_bytes", "gauge", "Address space.", "whole",
				(double)size * page_size);
		process(page, "resident_memory_bytes", "gauge", "Memory.", "whole",
				(double)resident * page_size);
	}
	process(page, "open_fds", "gauge", "Open files.", "whole", (double)count_fds());
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		process(page, "max_fds", "gauge", "Most open files.", "whole", (double)limit.rlim_cur);
	}
	if (read_start(&start)) {
		process(page, "start_time_seconds", "gauge", "Start, in seconds since 1970.", "real",
				start);
	}
}

// --- all of it

static void put_all(const struct page *page, const struct es_meter *meter,
		const struct es_plays *plays, const struct es_recorder *recorder) {
	struct es_recorder_state state = {0};
	if (recorder != NULL) {
		recorder_state(recorder, &state);
	}
	head(page, "build_info", "gauge", "The version that runs.");
	fprintf(page->out, "earthshine_build_info{version=\"%s\"} 1\n", ES_VERSION);
	put_sessions(page, plays);
	put_counters(page, meter_totals(meter)->counts);
	put_room_cpu(page, meter_totals(meter)->counts);
	put_each(page, plays, "rtt_seconds", "Smoothed round trip to the client.", put_rtt);
	put_each(page, plays, "encoder_target_bytes_per_second", "What the encoder may make now.",
			put_rate);
	put_each(page, plays, "fec_ratio", "Parity for each datagram of data now.", put_fec);
	put_each(page, plays, "encoder_info", "What encodes.", put_encoder);
	head(page, "capture_armed", "gauge", "1 while statistics are recorded.");
	fprintf(page->out, "earthshine_capture_armed %d\n", state.armed);
	put_process(page);
	if (page->openmetrics) {
		fputs("# EOF\n", page->out);
	}
}

char *metrics_text(const struct es_meter *meter, const struct es_plays *plays,
		const struct es_recorder *recorder, bool openmetrics, size_t *size) {
	char *text = NULL;
	struct page page = {.out = open_memstream(&text, size), .openmetrics = openmetrics};
	if (page.out == NULL) {
		return NULL;
	}
	put_all(&page, meter, plays, recorder);
	bool ok = ferror(page.out) == 0;
	ok = fclose(page.out) == 0 && ok;
	if (!ok) {
		free(text);
		return NULL;
	}
	return text;
}
