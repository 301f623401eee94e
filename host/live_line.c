#include "host/live_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define DEFAULT_COLUMNS 80

void live_line_init(struct es_live_line *line, int fd, int64_t now_ns) {
	const char *term = getenv("TERM");
	*line = (struct es_live_line){.fd = fd, .start_ns = now_ns, .last_ns = now_ns};
	line->terminal = isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

int64_t live_line_interval_ns(const struct es_live_line *line) {
	return line->terminal ? ES_NS_PER_S : 5 * ES_NS_PER_S;
}

// In tenths, rounded; whole numbers only, so that no locale and no rounding mode matters.
static uint64_t tenths_per_second(uint64_t before, uint64_t now, int64_t elapsed_ns) {
	uint64_t n = now > before ? now - before : 0;
	double per_second = (double)n * 1e9 / (double)elapsed_ns;
	return (uint64_t)(per_second * 10 + 0.5);
}

void live_line_duration(char *out, size_t cap, int64_t ns) {
	int64_t s = ns / ES_NS_PER_S;
	if (s < 3600) {
		snprintf(out, cap, "%" PRId64 ":%02d", s / 60, (int)(s % 60));
	} else {
		snprintf(out, cap, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
	}
}

void live_line_bytes(char *out, size_t cap, uint64_t bytes) {
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	if (bytes < 1000) {
		snprintf(out, cap, "%" PRIu64 " B", bytes);
		return;
	}
	size_t unit = 0;
	while (bytes >= 999950 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1000;
		unit++;
	}
	uint64_t tenths = (bytes + 50) / 100;
	snprintf(out, cap, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

static void milliseconds(char *out, size_t cap, uint32_t us) {
	snprintf(out, cap, "%" PRIu32 ".%" PRIu32, us / 1000, us % 1000 / 100);
}

void live_line_text(char *out, size_t cap, int64_t since_start_ns, int64_t elapsed_ns,
		const struct es_stream_stats *before, const struct es_stream_stats *now) {
	elapsed_ns = elapsed_ns > 0 ? elapsed_ns : 1;
	uint64_t fresh = tenths_per_second(before->units_new, now->units_new, elapsed_ns);
	uint64_t repeated = tenths_per_second(before->units_repeated + before->units_cursor,
			now->units_repeated + now->units_cursor, elapsed_ns);
	uint64_t mbit = tenths_per_second(before->bytes * 8, now->bytes * 8, elapsed_ns) / 1000000;
	char duration[24], p50[16], p99[16];
	live_line_duration(duration, sizeof(duration), since_start_ns);
	int n = snprintf(out, cap,
			"%s  %" PRIu64 ".%" PRIu64 " fps new, %" PRIu64 ".%" PRIu64 " repeated, %" PRIu64
			".%" PRIu64 " Mbit/s",
			duration, fresh / 10, fresh % 10, repeated / 10, repeated % 10, mbit / 10, mbit % 10);
	// Nothing was encoded: there is no delay to tell.
	if (n > 0 && (size_t)n < cap && now->recent[ES_STAGE_TOTAL].max_us > 0) {
		milliseconds(p50, sizeof(p50), now->recent[ES_STAGE_TOTAL].p50_us);
		milliseconds(p99, sizeof(p99), now->recent[ES_STAGE_TOTAL].p99_us);
		snprintf(out + n, cap - (size_t)n, ", total p50 %s ms p99 %s ms", p50, p99);
	}
}

static size_t columns(int fd) {
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
		return DEFAULT_COLUMNS;
	}
	return size.ws_col;
}

void live_line_show(
		struct es_live_line *line, const struct es_stream_stats *stats, int64_t now_ns) {
	char text[256], out[300];
	live_line_text(text, sizeof(text), now_ns - line->start_ns, now_ns - line->last_ns, &line->last,
			stats);
	line->last = *stats;
	line->last_ns = now_ns;
	if (line->terminal) {
		// Not in the last column, where some terminals wrap. The cursor goes back to the beginning,
		// so that what the app or a room writes lands there and not behind our line.
		size_t width = columns(line->fd);
		if (width > 1 && strlen(text) > width - 1) {
			text[width - 1] = '\0';
		}
		snprintf(out, sizeof(out), "\r%s\033[K\r", text);
	} else {
		snprintf(out, sizeof(out), "earthshine: %s\n", text);
	}
	// Best effort: a terminal that is gone is no reason to stop recording.
	if (fd_write_all(line->fd, out, strlen(out))) {
		line->shown = line->terminal;
	}
}

void live_line_clear(struct es_live_line *line) {
	if (line->shown) {
		fd_write_all(line->fd, "\r\033[K", 4);
		line->shown = false;
	}
}
