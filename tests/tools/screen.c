// Plays host, encoders and streamer for one earthshine-display, and writes down as JSON lines what an
// encoder is told: for tests of what goes over the frame link, and of lives in any order.
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/process.h"
#include "protocol/device_msg.h"
#include "protocol/frame_msg.h"
#include "protocol/session_msg.h"
#include "tests/tools/display_process.h"

#define MAX_VIEWERS 3
#define MAX_HELD 4
#define QUIET_MS 60000 // the display has hung up on us if nothing comes for so long

struct held {
	uint64_t buffer_id, sequence; // sequence 0: none
	int64_t taken_ns, due_ns;
};

struct viewer {
	int fd; // -1: not attached
	uint32_t number;
	bool primary;
	struct held held[MAX_HELD];
};

struct options {
	uint32_t width, height, depth, frames, hold_ms, random_steps, runs, seed;
	bool scales, takes_fences, moves_cursor, draws_cursor, memory_only;
	const char *resize; // WxH after half of the frames
};

struct screen {
	struct options options;
	struct es_display_process display;
	int device;
	struct viewer viewers[MAX_VIEWERS];
	struct es_mode mode;
	uint32_t n_frames, n_moves;
	uint32_t seed;
	bool ended;
};

static uint32_t random_below(struct screen *screen, uint32_t n) {
	screen->seed = screen->seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return (screen->seed >> 8) % n;
}

static void fail(const char *what) {
	fprintf(stderr, "screen: %s\n", what);
	exit(EXIT_FAILURE);
}

static void send_session(struct screen *screen, const struct es_session_msg *msg, int fd) {
	if (!display_process_send(&screen->display, msg, fd)) {
		fail("a message to the display cannot be sent");
	}
}

// False: the display has hung up.
static bool send_frame_msg(struct viewer *viewer, const struct es_frame_msg *msg) {
	uint8_t bytes[ES_FRAME_MSG_MAX];
	size_t size = frame_msg_encode(msg, bytes, sizeof(bytes));
	if (size == 0) {
		fail("an encoder's message is invalid");
	}
	return link_send(viewer->fd, bytes, size, NULL, 0) == ES_LINK_OK;
}

static void send_device(struct screen *screen, const struct es_device_msg *msg) {
	uint8_t bytes[ES_DEVICE_MSG_MAX];
	size_t size = device_msg_encode(msg, bytes, sizeof(bytes));
	link_send(screen->device, bytes, size, NULL, 0);
}

static void tell_formats(struct screen *screen, struct viewer *viewer, bool memory_only) {
	static const char fourccs[] = "XR24AR24XB24XR30";
	struct es_frame_msg msg = {.type = ES_FRAME_FORMATS};
	msg.formats.blends_cursor = !screen->options.draws_cursor;
	msg.formats.scales = screen->options.scales;
	msg.formats.takes_fences = screen->options.takes_fences;
	for (uint32_t i = 0; i < 4 && !memory_only; i++) {
		struct es_frame_format *format = &msg.formats.entries[msg.formats.n++];
		memcpy(&format->fourcc, fourccs + 4 * i, 4);
		format->modifier = 0; // linear
	}
	send_frame_msg(viewer, &msg);
}

static void give_credit(struct viewer *viewer, uint32_t n) {
	struct es_frame_msg msg = {.type = ES_FRAME_CREDIT, .credit = {.n = n}};
	send_frame_msg(viewer, &msg);
}

static void attach_frames(struct screen *screen, uint32_t number, bool primary) {
	int fd = display_process_attach_frames(&screen->display, number, primary);
	if (fd < 0) {
		fail("the display cannot be attached to");
	}
	struct viewer *viewer = &screen->viewers[number - 1];
	fd_close(&viewer->fd);
	*viewer = (struct viewer){.fd = fd, .number = number, .primary = primary};
	tell_formats(screen, viewer, screen->options.memory_only);
	give_credit(viewer, 1);
}

static void attach_device(struct screen *screen) {
	int fds[2];
	if (!link_pair(fds)) {
		fail("no socket");
	}
	struct es_session_msg msg = {.type = ES_SESSION_ATTACH};
	msg.attach = (struct es_attach){.kind = ES_ATTACH_DEVICE, .viewer = 1, .primary = true};
	send_session(screen, &msg, fds[1]);
	fd_close(&fds[1]);
	fd_close(&screen->device);
	screen->device = fds[0];
}

static void detach(struct screen *screen, struct viewer *viewer) {
	struct es_session_msg msg = {.type = ES_SESSION_DETACH, .detach = {.viewer = viewer->number}};
	send_session(screen, &msg, -1);
	fd_close(&viewer->fd);
}

static void set_mode(struct screen *screen, uint32_t width, uint32_t height) {
	struct es_session_msg msg = {.type = ES_SESSION_MODE};
	screen->mode.width = width;
	screen->mode.height = height;
	msg.mode = screen->mode;
	send_session(screen, &msg, -1);
}

// --- what the display says

static void say_buffer(const struct viewer *viewer, const struct es_frame_buffer *buffer, int fd) {
	struct stat info = {0};
	fstat(fd, &info);
	printf("{\"viewer\":%u,\"buffer\":%" PRIu64 ",\"kind\":\"%s\",\"inode\":%ju,\"size\":[%u,%u],"
		   "\"format\":\"%.4s\",\"modifier\":%" PRIu64 ",\"stride\":%u,\"offset\":%u}\n",
			viewer->number, buffer->id, buffer->kind == ES_BUFFER_DMABUF ? "dmabuf" : "memory",
			(uintmax_t)info.st_ino, buffer->width, buffer->height, (const char *)&buffer->fourcc,
			buffer->modifier, buffer->stride[0], buffer->offset[0]);
}

static void say_frame(
		const struct viewer *viewer, const struct es_frame *frame, int64_t now_ns, bool ready) {
	printf("{\"viewer\":%u,\"frame\":%" PRIu64 ",\"of\":%" PRIu64 ",\"direct\":%s,\"fence\":%s,"
		   "\"ready\":%s,\"rects\":%u,\"commit_ns\":%" PRId64 ",\"at_ns\":%" PRId64
		   ",\"src\":[%u,%u,%u,%u],\"dst\":[%u,%u,%u,%u]}\n",
			viewer->number, frame->sequence, frame->buffer_id, frame->direct ? "true" : "false",
			frame->has_fence ? "true" : "false", ready ? "true" : "false", frame->n_rects,
			frame->commit_ns, now_ns, frame->src.x, frame->src.y, frame->src.width,
			frame->src.height, frame->dst.x, frame->dst.y, frame->dst.width, frame->dst.height);
}

static bool is_ready(int fd) {
	struct pollfd item = {.fd = fd, .events = POLLIN};
	return fd < 0 || poll(&item, 1, 0) == 1;
}

static void release(struct viewer *viewer, struct held *held) {
	struct es_frame_msg msg = {.type = ES_FRAME_RELEASE};
	msg.release.buffer_id = held->buffer_id;
	msg.release.sequence = held->sequence;
	msg.release.taken_ns = held->taken_ns;
	printf("{\"viewer\":%u,\"release\":%" PRIu64 ",\"at_ns\":%" PRId64 "}\n", viewer->number,
			held->sequence, clock_now_ns());
	held->sequence = 0;
	send_frame_msg(viewer, &msg);
}

static void wiggle(struct screen *screen) {
	uint32_t step = screen->n_moves++ % 64;
	struct es_device_msg msg = {.type = ES_DEVICE_POINTER_PLACE};
	msg.pointer_place.x = (uint16_t)(20000 + step * 300);
	msg.pointer_place.y = (uint16_t)(30000 + step * 200);
	send_device(screen, &msg);
}

static void handle_frame(
		struct screen *screen, struct viewer *viewer, const struct es_frame *frame, int fence) {
	int64_t now_ns = clock_now_ns();
	say_frame(viewer, frame, now_ns, is_ready(fence));
	for (size_t i = 0; i < MAX_HELD; i++) {
		if (viewer->held[i].sequence == 0) {
			viewer->held[i] = (struct held){
					.buffer_id = frame->buffer_id,
					.sequence = frame->sequence,
					.taken_ns = now_ns,
					.due_ns = now_ns + screen->options.hold_ms * ES_NS_PER_MS,
			};
			break;
		}
	}
	screen->n_frames += frame->buffer_id != 0 && viewer->primary;
	if (screen->options.moves_cursor) {
		wiggle(screen);
	}
	if (screen->options.random_steps == 0) {
		give_credit(viewer, 1);
	}
}

static void handle_frame_msg(
		struct screen *screen, struct viewer *viewer, struct es_link_packet *packet) {
	struct es_frame_msg msg;
	if (!frame_msg_decode(&msg, packet->data, packet->size, packet->n_fds)) {
		fail("the display sent a malformed message");
	}
	int fd = packet->n_fds > 0 ? packet->fds[0] : -1;
	switch (msg.type) {
	case ES_FRAME_MODE:
		printf("{\"viewer\":%u,\"mode\":[%u,%u],\"depth\":%u}\n", viewer->number,
				msg.mode.mode.width, msg.mode.mode.height, msg.mode.colour.depth);
		break;
	case ES_FRAME_BUFFER:
		say_buffer(viewer, &msg.buffer, fd);
		break;
	case ES_FRAME_FORGET:
		printf("{\"viewer\":%u,\"forget\":%" PRIu64 "}\n", viewer->number, msg.forget.id);
		break;
	case ES_FRAME_FRAME:
		handle_frame(screen, viewer, &msg.frame, msg.frame.has_fence ? fd : -1);
		break;
	case ES_FRAME_CURSOR_IMAGE:
		printf("{\"viewer\":%u,\"cursor\":[%u,%u]}\n", viewer->number, msg.cursor_image.width,
				msg.cursor_image.height);
		break;
	case ES_FRAME_CURSOR_MOVE:
		printf("{\"viewer\":%u,\"moved\":[%d,%d]}\n", viewer->number, msg.cursor_move.x,
				msg.cursor_move.y);
		break;
	default:
		fail("the display sent a message that it should not");
	}
}

static void read_viewer(struct screen *screen, struct viewer *viewer) {
	struct es_link_packet packet;
	for (;;) {
		switch (viewer->fd >= 0 ? link_recv(viewer->fd, &packet) : ES_LINK_AGAIN) {
		case ES_LINK_OK:
			handle_frame_msg(screen, viewer, &packet);
			link_packet_finish(&packet);
			break;
		case ES_LINK_AGAIN:
			return;
		case ES_LINK_CLOSED:
		case ES_LINK_BROKEN:
			printf("{\"viewer\":%u,\"hung_up\":true}\n", viewer->number);
			fd_close(&viewer->fd);
			return;
		}
	}
}

static void say_stats(const struct es_display_stats *stats) {
	printf("{\"committed\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"superseded\":%" PRIu64
		   ",\"direct\":%" PRIu64 ",\"composed\":%" PRIu64 ",\"fence_timeouts\":%" PRIu64
		   ",\"why\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]}\n",
			stats->committed, stats->sent, stats->superseded, stats->direct, stats->composed,
			stats->fence_timeouts, stats->compose_reason[0], stats->compose_reason[1],
			stats->compose_reason[2], stats->compose_reason[3], stats->compose_reason[4]);
}

static void fail_gone(struct screen *screen) {
	char text[128];
	int status = 0;
	waitpid(screen->display.pid, &status, 0);
	fprintf(stderr, "screen: the display %s\n",
			process_describe_status(status, text, sizeof(text)));
	fail("it is gone too early");
}

static void read_session(struct screen *screen) {
	struct es_link_packet packet;
	struct es_session_msg msg;
	switch (link_recv(screen->display.session, &packet)) {
	case ES_LINK_OK:
		break;
	case ES_LINK_AGAIN:
		return;
	default:
		fail_gone(screen);
	}
	if (!session_msg_decode(&msg, packet.data, packet.size, packet.n_fds)) {
		fail("the display sent a malformed message to its host");
	}
	link_packet_finish(&packet);
	if (msg.type == ES_SESSION_DISPLAY_STATS) {
		say_stats(&msg.display_stats);
	} else if (msg.type == ES_SESSION_END) {
		printf("{\"end\":%d,\"status\":%d}\n", msg.end.code, msg.end.status);
		screen->ended = true;
	} else if (msg.type == ES_SESSION_READY) {
		printf("{\"renderer\":\"%s\",\"display\":\"%s\"}\n", msg.ready.renderer,
				msg.ready.wayland_display);
	}
}

// --- time

static int release_due(struct screen *screen) {
	int64_t now_ns = clock_now_ns(), next_ns = now_ns + QUIET_MS * ES_NS_PER_MS;
	for (size_t v = 0; v < MAX_VIEWERS; v++) {
		struct viewer *viewer = &screen->viewers[v];
		for (size_t i = 0; i < MAX_HELD && viewer->fd >= 0; i++) {
			struct held *held = &viewer->held[i];
			if (held->sequence != 0 && held->due_ns <= now_ns) {
				release(viewer, held);
			} else if (held->sequence != 0 && held->due_ns < next_ns) {
				next_ns = held->due_ns;
			}
		}
	}
	return (int)((next_ns - now_ns + ES_NS_PER_MS - 1) / ES_NS_PER_MS);
}

// False: nothing came in the time given.
static bool pump(struct screen *screen, int timeout_ms) {
	struct pollfd items[MAX_VIEWERS + 1] = {{.fd = screen->display.session, .events = POLLIN}};
	for (size_t i = 0; i < MAX_VIEWERS; i++) {
		items[i + 1] = (struct pollfd){.fd = screen->viewers[i].fd, .events = POLLIN};
	}
	fflush(stdout);
	int n = poll(items, MAX_VIEWERS + 1, timeout_ms);
	if (n < 0 && errno != EINTR) {
		fail("poll");
	}
	for (size_t i = 0; i < MAX_VIEWERS; i++) {
		if (items[i + 1].revents != 0) {
			read_viewer(screen, &screen->viewers[i]);
		}
	}
	if (items[0].revents != 0) {
		read_session(screen);
	}
	return n > 0;
}

static size_t open_files(pid_t pid) {
	char path[64];
	size_t n = 0;
	for (int fd = 0; fd < 4096; fd++) {
		struct stat info;
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		n += lstat(path, &info) == 0;
	}
	return n;
}

static void ask_stats(struct screen *screen) {
	struct es_session_msg msg = {.type = ES_SESSION_STATS};
	send_session(screen, &msg, -1);
}

// --- the two courses

static void play(struct screen *screen) {
	bool resized = screen->options.resize == NULL;
	attach_frames(screen, 1, true);
	attach_device(screen);
	while (!screen->ended && screen->n_frames < screen->options.frames) {
		int timeout_ms = release_due(screen);
		if (!pump(screen, timeout_ms) && timeout_ms >= QUIET_MS) {
			fail("the display says nothing any more");
		}
		if (!resized && screen->n_frames >= screen->options.frames / 2) {
			uint32_t width = 0, height = 0;
			if (sscanf(screen->options.resize, "%ux%u", &width, &height) != 2) {
				fail("resize to what?");
			}
			set_mode(screen, width, height);
			resized = true;
		}
	}
}

static void step(struct screen *screen) {
	uint32_t number = 1 + random_below(screen, MAX_VIEWERS);
	struct viewer *viewer = &screen->viewers[number - 1];
	switch (random_below(screen, 12)) {
	case 0:
		attach_frames(screen, number, random_below(screen, 2) == 0);
		return;
	case 1:
		detach(screen, viewer);
		return;
	case 2:
		fd_close(&viewer->fd); // killed
		return;
	case 3:
		// In blocks of 16x4: software GL draws beyond the end of smaller parts of others' memory.
		set_mode(screen, 192 + 16 * random_below(screen, 12), 100 + 4 * random_below(screen, 50));
		return;
	case 4:
		if (viewer->fd >= 0) {
			tell_formats(screen, viewer, random_below(screen, 2) == 0);
		}
		return;
	case 5:
		if (viewer->fd >= 0 && random_below(screen, 8) == 0) {
			struct held never = {.buffer_id = 99999, .sequence = 99999};
			release(viewer, &never); // nonsense: it is hung up on
		}
		return;
	case 6:
		wiggle(screen);
		return;
	case 7:
	case 8:
		if (viewer->fd >= 0) {
			give_credit(viewer, random_below(screen, 3));
		}
		return;
	default:
		for (size_t i = 0; i < MAX_HELD && viewer->fd >= 0; i++) {
			if (viewer->held[i].sequence != 0 && random_below(screen, 3) > 0) {
				release(viewer, &viewer->held[i]);
			}
		}
		return;
	}
}

// Some encoder's life in all its ways; in the end there is none.
static void live_once(struct screen *screen) {
	for (uint32_t i = 0; i < screen->options.random_steps && !screen->ended; i++) {
		step(screen);
		pump(screen, (int)random_below(screen, 3));
	}
	for (size_t i = 0; i < MAX_VIEWERS; i++) {
		detach(screen, &screen->viewers[i]);
	}
}

// The display still shows pictures to one that comes anew.
static void show_again(struct screen *screen) {
	struct viewer *viewer = &screen->viewers[0];
	screen->n_frames = 0;
	attach_frames(screen, 1, true);
	while (screen->n_frames < 3 && !screen->ended) {
		release_due(screen);
		give_credit(viewer, 1);
		if (!pump(screen, QUIET_MS)) {
			fail("after all that the display shows nothing any more");
		}
	}
	detach(screen, viewer);
}

static void live(struct screen *screen) {
	attach_frames(screen, 1, true);
	while (screen->n_frames == 0 && pump(screen, QUIET_MS)) {
	}
	for (uint32_t run = 0; run < screen->options.runs && !screen->ended; run++) {
		attach_device(screen); // went with its viewer
		live_once(screen);
		show_again(screen);
		ask_stats(screen);
		pump(screen, QUIET_MS); // it has done all before
		printf("{\"run\":%u,\"files\":%zu}\n", run, open_files(screen->display.pid));
	}
}

static int end(struct screen *screen) {
	ask_stats(screen);
	pump(screen, QUIET_MS);
	struct es_session_msg msg = {.type = ES_SESSION_DRAIN};
	if (!screen->ended) {
		send_session(screen, &msg, -1);
	}
	while (!screen->ended && pump(screen, QUIET_MS)) {
		release_due(screen);
	}
	for (size_t i = 0; i < MAX_VIEWERS; i++) {
		fd_close(&screen->viewers[i].fd);
	}
	fd_close(&screen->device);
	int status = display_process_finish(&screen->display);
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!ok) {
		fprintf(stderr, "screen: the display ended with status 0x%x\n", (unsigned)status);
	}
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool parse(int key, struct options *o) {
	struct {
		int key;
		uint32_t *number;
	} numbers[] = {{'f', &o->frames}, {'h', &o->hold_ms}, {'r', &o->random_steps}, {'s', &o->seed},
			{'d', &o->depth}, {'n', &o->runs}};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (numbers[i].key == key) {
			return sscanf(optarg, "%u", numbers[i].number) == 1;
		}
	}
	switch (key) {
	case 'm':
		return sscanf(optarg, "%ux%u", &o->width, &o->height) == 2;
	case 'R':
		o->resize = optarg;
		return true;
	case 'S':
		return o->scales = true;
	case 'F':
		return o->takes_fences = true;
	case 'C':
		return o->moves_cursor = true;
	case 'D':
		return o->draws_cursor = true;
	case 'M':
		return o->memory_only = true;
	default:
		return false;
	}
}

int main(int argc, char *argv[]) {
	struct screen screen = {.display = {.session = -1}, .device = -1};
	struct options *options = &screen.options;
	*options = (struct options){
			.width = 320, .height = 240, .depth = 8, .frames = 50, .runs = 1, .seed = 1};
	int key;
	while ((key = getopt(argc, argv, "+f:h:r:n:s:d:m:R:SFCDM")) != -1) {
		if (!parse(key, options)) {
			fail("usage: screen [-f FRAMES] [-h HOLD_MS] [-r STEPS -n RUNS -s SEED] [-d DEPTH] [-m WxH] [-R WxH] "
				 "[-S scales] [-F takes fences] [-C moves the cursor] [-D display draws it] "
				 "[-M memory only] DISPLAY APP...");
		}
	}
	if (argc - optind < 2) {
		fail("which display, which app?");
	}
	log_init("screen", ES_LOG_WARN);
	for (size_t i = 0; i < MAX_VIEWERS; i++) {
		screen.viewers[i] = (struct viewer){.fd = -1, .number = (uint32_t)i + 1};
	}
	screen.seed = options->seed;
	screen.mode = (struct es_mode){options->width, options->height, 60000};
	if (!display_process_start(
				&screen.display, argv[optind], argv + optind + 1, &screen.mode, options->depth)) {
		fail("cannot start the display");
	}
	if (options->random_steps > 0) {
		live(&screen);
	} else {
		play(&screen);
	}
	return end(&screen);
}
