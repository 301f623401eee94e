#include "host/recorder_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static const char *const stage_names[ES_STAGE_COUNT] = {
		[ES_STAGE_WAIT] = "wait",
		[ES_STAGE_COMPOSE] = "compose",
		[ES_STAGE_QUEUE] = "queue",
		[ES_STAGE_CONVERT] = "convert",
		[ES_STAGE_ENCODE] = "encode",
		[ES_STAGE_PACKETIZE] = "packetize",
		[ES_STAGE_SEND] = "send",
		[ES_STAGE_TOTAL] = "total",
};
static const char *const part_names[] = {"p50_us", "p95_us", "p99_us", "max_us"};
#define N_PARTS 4

// NULL: for the metrics alone.
static const char *const figure_names[ES_FIGURE_COUNT] = {
		[ES_FIGURE_COMMITTED] = "frames_committed",
		[ES_FIGURE_NEW] = "frames_new",
		[ES_FIGURE_REPEATED] = "frames_repeated",
		[ES_FIGURE_CURSOR] = "frames_cursor",
		[ES_FIGURE_SUPERSEDED] = "frames_superseded",
		[ES_FIGURE_DROPPED] = "frames_dropped",
		[ES_FIGURE_DIRECT] = "frames_direct",
		[ES_FIGURE_COMPOSED] = "frames_composed",
		[ES_FIGURE_MISSED_SLOTS] = "missed_slots",
		[ES_FIGURE_BYTES] = "bytes",
		[ES_FIGURE_DATAGRAMS] = "datagrams",
		[ES_FIGURE_PARITY] = "datagrams_parity",
		[ES_FIGURE_LOST] = "datagrams_lost",
		[ES_FIGURE_REFUSED] = "datagrams_refused",
		[ES_FIGURE_IDR_ASKED] = "idr_asked",
		[ES_FIGURE_IDR_MADE] = "idr_made",
		[ES_FIGURE_INVALIDATIONS_ASKED] = "invalidations_asked",
		[ES_FIGURE_INVALIDATIONS_MADE] = "invalidations_made",
		[ES_FIGURE_SOUND_PACKETS] = "sound_packets",
		[ES_FIGURE_SOUND_DROPPED] = "sound_dropped",
		[ES_FIGURE_SOUND_INSERTED] = "sound_inserted",
		[ES_FIGURE_CPU_DISPLAY_US] = "cpu_display_us",
		[ES_FIGURE_CPU_ENCODE_US] = "cpu_encode_us",
		[ES_FIGURE_CPU_STREAM_US] = "cpu_stream_us",
		[ES_FIGURE_INPUT] = "input_events",
};

// What is not counted but is so at the window's end, or of the window.
enum { WINDOW_MS, GOODPUT_KBPS, FEC_PERCENT, RTT_US, BITRATE_KBPS, SOUND_P50, SOUND_P99, N_NOW };
static const char *const now_names[N_NOW] = {"window_ms", "goodput_kbps", "fec_percent", "rtt_us",
		"bitrate_kbps", "sound_p50_us", "sound_p99_us"};

// Of frames: kind, bytes, then the stages.
#define N_FRAME_COLUMNS (2 + ES_STAGE_COUNT)

_Static_assert(
		N_NOW + ES_STAGE_COUNT * N_PARTS + ES_FIGURE_COUNT <= ES_RECORDING_COLUMNS, "columns");

static void add_name(struct es_recording_names *names, const char *a, const char *b) {
	int n = snprintf(names->names[names->n], ES_RECORDING_COLUMN_NAME, "%s%s%s", a,
			b[0] != '\0' ? "_" : "", b);
	assert(n < ES_RECORDING_COLUMN_NAME);
	names->n += n > 0;
}

void recorder_rows_names(struct es_recording_names *samples, struct es_recording_names *frames) {
	*samples = *frames = (struct es_recording_names){0};
	add_name(frames, "kind", "");
	add_name(frames, "bytes", "");
	for (int i = 0; i < ES_STAGE_COUNT; i++) {
		add_name(frames, stage_names[i], "us");
		for (int part = 0; part < N_PARTS; part++) {
			add_name(samples, stage_names[i], part_names[part]);
		}
	}
	for (int i = 0; i < N_NOW; i++) {
		add_name(samples, now_names[i], "");
	}
	for (int i = 0; i < ES_FIGURE_COUNT; i++) {
		if (figure_names[i] != NULL) {
			add_name(samples, figure_names[i], "");
		}
	}
}

static void copy_text(char *out, size_t cap, const char *text) {
	size_t size = strnlen(text, cap - 1);
	memcpy(out, text, size);
	out[size] = '\0';
}

void recorder_rows_track(struct es_recording_track *track, const struct es_play_info *info) {
	const char *codec = codec_name(info->codec);
	*track = (struct es_recording_track){
			.session = info->id,
			.app = info->app_id,
			.width = info->mode.width,
			.height = info->mode.height,
			.refresh_mhz = info->mode.refresh_mhz,
	};
	copy_text(track->title, sizeof(track->title), info->app_title);
	copy_text(track->client, sizeof(track->client), info->client_name);
	copy_text(track->encoder, sizeof(track->encoder), info->encoder);
	copy_text(track->codec, sizeof(track->codec), codec != NULL ? codec : "");
}

static uint32_t narrow(uint64_t value) {
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

void recorder_rows_sample(struct es_recording_sample *sample, const struct es_window *window) {
	const struct es_stream_stats *stream = window->info->stream_stats;
	int64_t length_ns = window->end_ns - window->begin_ns;
	uint64_t length_ms = (uint64_t)(length_ns / ES_NS_PER_MS);
	uint64_t bits = window->fresh.counts[ES_FIGURE_BYTES] * 8;
	const uint64_t now[N_NOW] = {
			[WINDOW_MS] = length_ms,
			[GOODPUT_KBPS] = length_ms > 0 ? bits / length_ms : 0,
			[FEC_PERCENT] = stream->net.fec_percent,
			[RTT_US] = stream->net.rtt_us,
			[BITRATE_KBPS] = stream->net.bitrate_kbps,
			[SOUND_P50] = stream->sound.p50_us,
			[SOUND_P99] = stream->sound.p99_us,
	};
	uint32_t n = 0;
	for (int i = 0; i < ES_STAGE_COUNT; i++) {
		const struct es_stage_summary *stage = &stream->recent[i];
		sample->values[n++] = stage->p50_us;
		sample->values[n++] = stage->p95_us;
		sample->values[n++] = stage->p99_us;
		sample->values[n++] = stage->max_us;
	}
	for (int i = 0; i < N_NOW; i++) {
		sample->values[n++] = narrow(now[i]);
	}
	for (int i = 0; i < ES_FIGURE_COUNT; i++) {
		if (figure_names[i] != NULL) {
			sample->values[n++] = narrow(window->fresh.counts[i]);
		}
	}
	sample->n = n;
}

void recorder_rows_frames(
		struct es_recording_frames *frames, const struct es_frame_row *rows, int64_t since_ns) {
	frames->n_columns = N_FRAME_COLUMNS;
	for (uint32_t row = 0; row < frames->n_rows; row++) {
		int64_t at_us = (rows[row].at_ns - since_ns) / ES_NS_PER_US;
		uint32_t *values = frames->values[row], total_us = 0;
		frames->at_us[row] = at_us > 0 ? (uint64_t)at_us : 0;
		values[0] = rows[row].kind;
		values[1] = rows[row].bytes;
		for (int i = 0; i < ES_STAGE_TOTAL; i++) {
			values[2 + i] = rows[row].stages_us[i];
			total_us += rows[row].stages_us[i];
		}
		values[2 + ES_STAGE_TOTAL] = total_us;
	}
}
