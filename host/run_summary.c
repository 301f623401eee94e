#include "host/run_summary.h"

#include <inttypes.h>
#include <string.h>

#include "host/live_line.h"

void run_summary_add_encode(struct es_encode_stats *sum, const struct es_encode_stats *more) {
	sum->frames_new += more->frames_new;
	sum->frames_repeated += more->frames_repeated;
	sum->frames_cursor += more->frames_cursor;
	sum->idr_asked += more->idr_asked;
	sum->idr_made += more->idr_made;
	sum->invalidations_asked += more->invalidations_asked;
	sum->invalidations_made += more->invalidations_made;
	sum->cache_hits += more->cache_hits;
	sum->cache_misses += more->cache_misses;
	sum->cache_evictions += more->cache_evictions;
	sum->converted_px += more->converted_px;
	sum->bytes += more->bytes;
	sum->import_failures += more->import_failures;
	sum->usage.cpu_us += more->usage.cpu_us;
	if (more->usage.peak_rss_kib > sum->usage.peak_rss_kib) {
		sum->usage.peak_rss_kib = more->usage.peak_rss_kib;
	}
}

void run_summary_print(
		const struct es_run_summary *summary, const char *output, uint64_t file_bytes, FILE *out) {
	const struct es_stream_stats *t = &summary->stream;
	const struct es_mode *mode = &summary->mode;
	const char *where = strcmp(output, "-") == 0 ? "standard output" : output;
	uint64_t frames = t->units_new + t->units_repeated + t->units_cursor;
	double seconds = (double)summary->duration_ns / 1e9;
	double per_second = seconds > 0 ? 1 / seconds : 0;
	char size[24];
	live_line_bytes(size, sizeof(size), file_bytes > 0 ? file_bytes : t->bytes);
	if (frames == 0 && file_bytes == 0) {
		fputs("earthshine: nothing was recorded: no frame was encoded\n", out);
		return;
	}
	if (frames == 0) {
		// A streamer that was killed has told nothing about what is there.
		fprintf(out, "earthshine: %s: %s\n", size, where);
		return;
	}
	fprintf(out,
			"earthshine: %" PRIu64 " frames (%" PRIu64 " new, %" PRIu64
			" repeated) in %.1f s, %.1f fps new, %s %" PRIu32 "x%" PRIu32
			"@%.6g, %s, %.1f Mbit/s: %s\n",
			frames, t->units_new, frames - t->units_new, seconds, (double)t->units_new * per_second,
			t->encoder[0] != '\0' ? t->encoder : summary->encoder, mode->width, mode->height,
			mode->refresh_mhz / 1000.0, size, (double)t->bytes * 8 / 1e6 * per_second, where);
}
