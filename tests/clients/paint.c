#include "tests/clients/paint.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LAST_RESULT_WAIT_MS 2000
#define POINT_POLL_MS 5

static void draw(struct es_paint *paint, int64_t callback_ns);

static void handle_frame_done(void *data, struct wl_callback *callback, uint32_t time) {
	struct es_paint *paint = data;
	wl_callback_destroy(paint->frame);
	paint->frame = NULL;
	if (paint->options.rate_hz == 0) {
		draw(paint, paint_now_ns());
	}
}

static const struct wl_callback_listener frame_listener = {.done = handle_frame_done};

static bool is_last(const struct es_paint *paint) {
	const struct es_paint_options *options = &paint->options;
	return (options->frames > 0 && paint->number >= options->frames) ||
			(options->seconds > 0 && paint->number > 0 &&
					(double)(paint_now_ns() - paint->started_ns) / 1e9 >= options->seconds);
}

static bool is_still(const struct es_paint *paint) {
	return paint->options.still_after > 0 && paint->number >= paint->options.still_after;
}

static void damage_rect(struct es_paint *paint, struct es_paint_rect rect) {
	wl_surface_damage_buffer(paint->surface, rect.x, rect.y, rect.width, rect.height);
}

static void damage(struct es_paint *paint) {
	switch (paint->options.damage) {
	case ES_PAINT_NONE:
		if (paint->number > 1) {
			return;
		}
		break;
	case ES_PAINT_RECT:
	case ES_PAINT_MOVING:
		if (paint->number > 1) {
			damage_rect(paint, paint_picture_area(&paint->picture, paint->number - 1));
			damage_rect(paint, paint_picture_area(&paint->picture, paint->number));
			return;
		}
		break;
	default:
		break;
	}
	damage_rect(paint, (struct es_paint_rect){0, 0, paint->width, paint->height});
}

static void commit(struct es_paint *paint, int64_t callback_ns) {
	struct es_paint_buffer *buffer = paint_window_free_buffer(paint);
	if (buffer == NULL) {
		// Comes when one is released, or never: then the compositor keeps too many.
		paint->starved++;
		paint->redraw_wanted = paint->options.rate_hz == 0;
		return;
	}
	paint->number++;
	paint_picture_draw(&paint->picture, buffer->px, buffer->number, paint->number);
	buffer->number = paint->number;
	buffer->busy = true;
	if (paint->number == paint->options.dump_number) {
		paint_picture_dump(buffer->px, paint->width, paint->height, paint->options.dump_path);
	}
	if (buffer->dmabuf != NULL && !paint_dmabuf_write(paint, buffer)) {
		perror("paint: writing to a DMA-BUF");
	}
	wl_surface_attach(paint->surface, buffer->wl_buffer, 0, 0);
	damage(paint);
	if (paint->options.rate_hz == 0 && paint->frame == NULL && !is_still(paint)) {
		paint->frame = wl_surface_frame(paint->surface);
		wl_callback_add_listener(paint->frame, &frame_listener, paint);
	}
	paint_log_commit(paint, buffer, callback_ns);
	paint_sync_commit(paint, buffer);
	wl_surface_commit(paint->surface);
}

static void draw(struct es_paint *paint, int64_t callback_ns) {
	if (is_still(paint)) {
		return;
	}
	if (is_last(paint)) {
		paint->done = true;
		return;
	}
	commit(paint, callback_ns);
}

static bool read_counter(int fd) {
	uint64_t count;
	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void handle_signal(struct es_paint *paint) {
	struct signalfd_siginfo info;
	if (read(paint->signal_fd, &info, sizeof(info)) != sizeof(info)) {
		return;
	}
	if (info.ssi_signo != SIGUSR1) {
		paint->done = true;
	} else if (paint->options.resume_on_signal) {
		commit(paint, 0);
	}
}

// Waits for events and handles them; false when the connection has ended.
static bool dispatch(struct es_paint *paint, int timeout_ms) {
	while (wl_display_prepare_read(paint->display) != 0) {
		wl_display_dispatch_pending(paint->display);
	}
	wl_display_flush(paint->display);
	struct pollfd fds[] = {
			{.fd = wl_display_get_fd(paint->display), .events = POLLIN},
			{.fd = paint->done ? -1 : paint->timer_fd, .events = POLLIN},
			{.fd = paint->done ? -1 : paint->signal_fd, .events = POLLIN},
			{.fd = paint->sync.timer_fd, .events = POLLIN},
	};
	if (poll(fds, 4, timeout_ms) < 0 && errno != EINTR) {
		wl_display_cancel_read(paint->display);
		return false;
	}
	if (fds[0].revents == 0) {
		wl_display_cancel_read(paint->display);
	} else if (wl_display_read_events(paint->display) < 0) {
		return false;
	}
	if (wl_display_dispatch_pending(paint->display) < 0) {
		return false;
	}
	if ((fds[1].revents & POLLIN) && read_counter(paint->timer_fd) && paint->width > 0) {
		draw(paint, 0);
	}
	if (fds[2].revents & POLLIN) {
		handle_signal(paint);
	}
	if (fds[3].revents & POLLIN) {
		paint_sync_dispatch(paint);
	}
	return true;
}

// A free-running clock, or the end of the time limit for a client that waits for callbacks.
static bool start_timer(struct es_paint *paint) {
	if (paint->options.rate_hz <= 0) {
		return true;
	}
	int64_t period_ns = (int64_t)(1e9 / paint->options.rate_hz);
	struct itimerspec timer = {
			.it_interval = {period_ns / 1000000000, period_ns % 1000000000},
			.it_value = {0, 1},
	};
	paint->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return paint->timer_fd >= 0 && timerfd_settime(paint->timer_fd, 0, &timer, NULL) == 0;
}

static bool start_signals(struct es_paint *paint) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	paint->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return paint->signal_fd >= 0;
}

// Until the time limit; -1 without one. A window that stays still ends by it, too.
static int ms_left(struct es_paint *paint) {
	if (paint->options.seconds <= 0) {
		return -1;
	}
	int64_t end_ns = paint->started_ns + (int64_t)(paint->options.seconds * 1e9);
	int64_t left_ms = (end_ns - paint_now_ns()) / 1000000;
	paint->done = paint->done || (left_ms <= 0 && paint->number > 0);
	return left_ms > 0 ? (int)left_ms + 1 : 1000;
}

static int run(struct es_paint *paint) {
	if (!paint_window_create(paint)) {
		return 3;
	}
	if (paint->options.bad != NULL) {
		paint_bad_run(paint);
	}
	while (!paint->done) {
		// Nothing tells of a release point; a window without a free buffer looks again.
		bool starved = paint->redraw_wanted && paint->sync.surface != NULL;
		if (!dispatch(paint, starved ? POINT_POLL_MS : ms_left(paint))) {
			fprintf(stderr, "paint: the compositor has ended the connection\n");
			return 4;
		}
		if (paint->redraw_wanted && paint->width > 0) {
			paint->redraw_wanted = false;
			draw(paint, 0);
		}
	}
	// The last picture should be seen before the window goes.
	int64_t until = paint_now_ns() + LAST_RESULT_WAIT_MS * INT64_C(1000000);
	while (!wl_list_empty(&paint->commits) && paint_now_ns() < until) {
		if (!dispatch(paint, 50)) {
			return 4;
		}
	}
	return paint->options.exit_code;
}

enum option_key {
	OPTION_RATE = 256,
	OPTION_FRAMES,
	OPTION_SECONDS,
	OPTION_SIZE,
	OPTION_FULLSCREEN,
	OPTION_DAMAGE,
	OPTION_CONTENT,
	OPTION_STILL_AFTER,
	OPTION_RESUME,
	OPTION_ARGB,
	OPTION_DUMP,
	OPTION_LOG,
	OPTION_BAD,
	OPTION_EXIT_CODE,
	OPTION_TITLE,
	OPTION_CURSOR,
	OPTION_BUFFERS,
	OPTION_DMABUF,
	OPTION_FORMAT,
	OPTION_MODIFIER,
	OPTION_PADDING,
	OPTION_OFFSET,
	OPTION_FRESH,
	OPTION_VARY,
	OPTION_EXPLICIT,
	OPTION_FENCE_DELAY,
};

static const struct option option_table[] = {
		{"rate", required_argument, NULL, OPTION_RATE},
		{"frames", required_argument, NULL, OPTION_FRAMES},
		{"seconds", required_argument, NULL, OPTION_SECONDS},
		{"size", required_argument, NULL, OPTION_SIZE},
		{"fullscreen", no_argument, NULL, OPTION_FULLSCREEN},
		{"damage", required_argument, NULL, OPTION_DAMAGE},
		{"content", required_argument, NULL, OPTION_CONTENT},
		{"still-after", required_argument, NULL, OPTION_STILL_AFTER},
		{"resume-on-signal", no_argument, NULL, OPTION_RESUME},
		{"argb", no_argument, NULL, OPTION_ARGB},
		{"dump", required_argument, NULL, OPTION_DUMP},
		{"log", required_argument, NULL, OPTION_LOG},
		{"bad", required_argument, NULL, OPTION_BAD},
		{"exit-code", required_argument, NULL, OPTION_EXIT_CODE},
		{"cursor", required_argument, NULL, OPTION_CURSOR},
		{"title", required_argument, NULL, OPTION_TITLE},
		{"buffers", required_argument, NULL, OPTION_BUFFERS},
		{"dmabuf", required_argument, NULL, OPTION_DMABUF},
		{"format", required_argument, NULL, OPTION_FORMAT},
		{"modifier", required_argument, NULL, OPTION_MODIFIER},
		{"padding", required_argument, NULL, OPTION_PADDING},
		{"offset", required_argument, NULL, OPTION_OFFSET},
		{"fresh", no_argument, NULL, OPTION_FRESH},
		{"vary", no_argument, NULL, OPTION_VARY},
		{"explicit", no_argument, NULL, OPTION_EXPLICIT},
		{"fence-delay", required_argument, NULL, OPTION_FENCE_DELAY},
		{0},
};

static void usage(FILE *out) {
	fprintf(out,
			"usage: paint [options]\n"
			"  --rate callback|HZ       commit in each frame callback, or on an own clock\n"
			"  --frames N, --seconds S  end after that\n"
			"  --size WxH, --fullscreen (else the configured size)\n"
			"  --damage full|jump|rect:WxH|moving:WxH|none|unchanged\n"
			"  --content plain|gradient|text|noise|cells\n"
			"  --still-after N          stop committing, but stay\n"
			"  --resume-on-signal       commit once more for each SIGUSR1\n"
			"  --argb                   buffers with an alpha channel\n"
			"  --dump N:FILE            write picture N as PPM\n"
			"  --log FILE               one JSON line per commit\n"
			"  --exit-code N, --title TEXT\n"
			"  --cursor RRGGBB          a cursor of its own, 32x32 of this colour\n"
			"  --buffers N              N buffers in turn (1 to 8), else as few as it takes\n"
			"  --dmabuf udmabuf|vgem|DEVICE   buffers are DMA-BUFs made there\n"
			"  --format XR24|XB24|XR30|AR24, --modifier linear|invalid|NUMBER\n"
			"  --padding BYTES, --offset BYTES   after each row, before the first\n"
			"  --fresh                  a DMA-BUF of its own for every commit\n"
			"  --vary                   the same, each in another format and layout\n"
			"  --explicit               timelines for when it is ready and released\n"
			"  --fence-delay MS|never   each picture is ready so long after its commit\n"
			"  --bad WAY                misbehave: %s\n",
			paint_bad_names());
}

static bool parse_size(const char *text, int32_t *width, int32_t *height) {
	int end = 0;
	return sscanf(text, "%dx%d%n", width, height, &end) == 2 && text[end] == '\0' && *width > 0 &&
			*height > 0 && *width <= 16384 && *height <= 16384;
}

static bool parse_damage(const char *text, struct es_paint_options *options) {
	static const struct {
		const char *name;
		enum es_paint_damage damage;
	} names[] = {
			{"full", ES_PAINT_FULL},
			{"none", ES_PAINT_NONE},
			{"unchanged", ES_PAINT_UNCHANGED},
			{"jump", ES_PAINT_JUMP},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) == 0) {
			options->damage = names[i].damage;
			return true;
		}
	}
	const char *colon = strchr(text, ':');
	if (colon == NULL || !parse_size(colon + 1, &options->area_width, &options->area_height)) {
		return false;
	}
	options->damage = strncmp(text, "rect:", 5) == 0 ? ES_PAINT_RECT : ES_PAINT_MOVING;
	return options->damage == ES_PAINT_RECT || strncmp(text, "moving:", 7) == 0;
}

static bool parse_content(const char *text, enum es_paint_content *content) {
	static const char *const names[] = {
			[ES_PAINT_PLAIN] = "plain",
			[ES_PAINT_GRADIENT] = "gradient",
			[ES_PAINT_TEXT] = "text",
			[ES_PAINT_NOISE] = "noise",
			[ES_PAINT_CELLS] = "cells",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*content = (enum es_paint_content)i;
			return true;
		}
	}
	return false;
}

static bool parse_dump(char *text, struct es_paint_options *options) {
	char *colon = strchr(text, ':');
	if (colon == NULL) {
		return false;
	}
	options->dump_number = (uint32_t)strtoul(text, NULL, 10);
	options->dump_path = colon + 1;
	return options->dump_number > 0;
}

static bool parse_bytes(const char *text, uint32_t *bytes) {
	*bytes = (uint32_t)strtoul(text, NULL, 10);
	return *bytes % 4 == 0;
}

static bool parse_dmabuf_option(int key, struct es_paint_options *options) {
	switch (key) {
	case OPTION_DMABUF:
		options->dmabuf.kind = optarg;
		return true;
	case OPTION_FORMAT:
		return paint_dmabuf_parse_format(optarg, &options->dmabuf.format);
	case OPTION_MODIFIER:
		return paint_dmabuf_parse_modifier(optarg, &options->dmabuf.modifier);
	case OPTION_PADDING:
		return parse_bytes(optarg, &options->dmabuf.padding);
	case OPTION_OFFSET:
		return parse_bytes(optarg, &options->dmabuf.offset);
	case OPTION_FRESH:
		options->dmabuf.fresh = true;
		return true;
	case OPTION_VARY:
		options->dmabuf.fresh = options->dmabuf.varied = true;
		return true;
	case OPTION_EXPLICIT:
		options->sync.explicit_sync = true;
		return true;
	case OPTION_FENCE_DELAY:
		options->sync.delayed = true;
		options->sync.delay_ms =
				strcmp(optarg, "never") == 0 ? -1 : (int32_t)strtol(optarg, NULL, 10);
		return true;
	default:
		return false;
	}
}

static bool parse_option(int key, struct es_paint_options *options) {
	switch (key) {
	case OPTION_RATE:
		options->rate_hz = strcmp(optarg, "callback") == 0 ? 0 : strtod(optarg, NULL);
		return options->rate_hz >= 0 && options->rate_hz <= 1e6;
	case OPTION_FRAMES:
		options->frames = (uint32_t)strtoul(optarg, NULL, 10);
		return true;
	case OPTION_SECONDS:
		options->seconds = strtod(optarg, NULL);
		return true;
	case OPTION_SIZE:
		return parse_size(optarg, &options->width, &options->height);
	case OPTION_FULLSCREEN:
		options->fullscreen = true;
		return true;
	case OPTION_DAMAGE:
		return parse_damage(optarg, options);
	case OPTION_CONTENT:
		return parse_content(optarg, &options->content);
	case OPTION_STILL_AFTER:
		options->still_after = (uint32_t)strtoul(optarg, NULL, 10);
		return true;
	case OPTION_RESUME:
		options->resume_on_signal = true;
		return true;
	case OPTION_ARGB:
		options->argb = 1;
		return true;
	case OPTION_DUMP:
		return parse_dump(optarg, options);
	case OPTION_LOG:
		options->log_path = optarg;
		return true;
	case OPTION_BAD:
		options->bad = optarg;
		return paint_bad_known(optarg);
	case OPTION_EXIT_CODE:
		options->exit_code = (int)strtol(optarg, NULL, 10);
		return true;
	case OPTION_CURSOR:
		options->cursor_argb = 0xff000000 | (uint32_t)strtoul(optarg, NULL, 16);
		return true;
	case OPTION_TITLE:
		options->title = optarg;
		return true;
	case OPTION_BUFFERS:
		options->buffers = (uint32_t)strtoul(optarg, NULL, 10);
		return options->buffers >= 1 && options->buffers <= PAINT_MAX_BUFFERS;
	default:
		return parse_dmabuf_option(key, options);
	}
}

int main(int argc, char **argv) {
	struct es_paint paint = {
			.options = {.content = ES_PAINT_TEXT, .title = "paint"},
			.timer_fd = -1,
			.signal_fd = -1,
			.sync = {.device_fd = -1, .timer_fd = -1},
			.started_ns = paint_now_ns(),
	};
	paint_dmabuf_parse_format("XR24", &paint.options.dmabuf.format);
	wl_list_init(&paint.commits);
	for (size_t i = 0; i < PAINT_MAX_BUFFERS; i++) {
		paint.buffers[i] = (struct es_paint_buffer){.paint = &paint, .fd = -1};
	}
	int key;
	while ((key = getopt_long(argc, argv, "", option_table, NULL)) != -1) {
		if (!parse_option(key, &paint.options)) {
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 2;
	}
	int code = 1;
	if (paint.options.log_path != NULL) {
		paint.log = fopen(paint.options.log_path, "we");
		if (paint.log == NULL) {
			fprintf(stderr, "paint: %s: %s\n", paint.options.log_path, strerror(errno));
			return code;
		}
		setvbuf(paint.log, NULL, _IOLBF, 0);
	}
	if (start_timer(&paint) && start_signals(&paint)) {
		code = run(&paint);
	}
	paint_log_finish(&paint);
	paint_window_destroy(&paint);
	if (paint.log != NULL) {
		fclose(paint.log);
	}
	if (paint.timer_fd >= 0) {
		close(paint.timer_fd);
	}
	close(paint.signal_fd);
	return code;
}
