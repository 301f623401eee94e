// Plays host and streamer for one earthshine-display and its app: says a tone into its microphone, sets and
// hears its clipboard, as told by lines on its standard input. Writes JSON lines.
//
//   attach yes|no    a new device link, with or without the right to the clipboard
//   detach           the viewer is gone
//   tone HZ          speaks from now on; 0: no more
//   set HEX          the clipboard
//   end              ends the app, and this
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "protocol/clipboard_text.h"
#include "protocol/session_msg.h"

#define BLOCK_NS (5 * ES_NS_PER_MS)
#define TURN 6.28318530717958647692
#define VIEWER 1

struct talk {
	pid_t pid;
	int session, device;
	double hz, turns; // of the tone
	int64_t next_ns; // block
	struct es_clipboard_text heard, said;
	bool ended;
	char line[2 * ES_DEVICE_MAX_CLIPBOARD + 64];
	size_t n_line;
};

static void fail(const char *what) {
	fprintf(stderr, "talk: %s\n", what);
	exit(EXIT_FAILURE);
}

static void send_session(struct talk *talk, const struct es_session_msg *msg, int fd) {
	uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, bytes, sizeof(bytes));
	if (size == 0 || link_send(talk->session, bytes, size, &fd, fd >= 0) != ES_LINK_OK) {
		fail("a message to the display cannot be sent");
	}
}

static void send_device(struct talk *talk, const struct es_device_msg *msg) {
	uint8_t bytes[ES_DEVICE_MSG_MAX];
	size_t size = device_msg_encode(msg, bytes, sizeof(bytes));
	struct pollfd item = {.fd = talk->device, .events = POLLOUT};
	while (talk->device >= 0 && link_send(talk->device, bytes, size, NULL, 0) == ES_LINK_AGAIN) {
		poll(&item, 1, -1);
	}
}

static void start(struct talk *talk, bool sound, bool microphone, char *program, char **app) {
	int fds[2];
	char dashes[] = "--", *argv[64] = {program, dashes};
	for (size_t i = 0; app[i] != NULL && i + 3 < 64; i++) {
		argv[i + 2] = app[i];
	}
	if (!link_pair(fds) || (talk->pid = fork()) < 0) {
		fail("cannot start the display");
	}
	if (talk->pid == 0) {
		if (dup2(fds[1], ES_SESSION_FD) == ES_SESSION_FD && fd_set_cloexec(ES_SESSION_FD, false)) {
			execv(program, argv);
		}
		_exit(127);
	}
	fd_close(&fds[1]);
	talk->session = fds[0];
	struct es_session_msg msg = {.type = ES_SESSION_START_DISPLAY};
	msg.start_display.mode = (struct es_mode){320, 240, 60000};
	msg.start_display.scale_milli = 1000;
	msg.start_display.colour = colour_sdr();
	msg.start_display.start_now = true;
	msg.start_display.audio_channels = sound ? 2 : 0;
	msg.start_display.microphone = microphone;
	snprintf(msg.start_display.name, sizeof(msg.start_display.name), "talk");
	snprintf(msg.start_display.sound_node, sizeof(msg.start_display.sound_node), "earthshine.talk");
	send_session(talk, &msg, -1);
}

static void attach(struct talk *talk, bool clipboard) {
	int fds[2];
	if (!link_pair(fds)) {
		fail("no socket");
	}
	struct es_session_msg msg = {.type = ES_SESSION_ATTACH};
	msg.attach = (struct es_attach){
			.kind = ES_ATTACH_DEVICE, .viewer = VIEWER, .primary = true, .clipboard = clipboard};
	send_session(talk, &msg, fds[1]);
	fd_close(&fds[1]);
	fd_close(&talk->device);
	talk->device = fds[0];
}

static void set_clipboard(struct talk *talk, const char *hex) {
	struct es_device_msg msg;
	uint32_t offset = 0;
	unsigned byte;
	struct es_clipboard_text *text = &talk->said;
	text->size = 0;
	while (text->size < sizeof(text->bytes) && sscanf(hex + 2 * text->size, "%2x", &byte) == 1) {
		text->bytes[text->size++] = (char)byte;
	}
	while (clipboard_text_part(&msg, text->bytes, text->size, &offset)) {
		send_device(talk, &msg);
	}
}

static void obey(struct talk *talk, const char *line) {
	struct es_session_msg msg = {.type = ES_SESSION_DETACH, .detach = {.viewer = VIEWER}};
	if (strncmp(line, "attach ", 7) == 0) {
		attach(talk, strcmp(line + 7, "yes") == 0);
	} else if (strcmp(line, "detach") == 0) {
		send_session(talk, &msg, -1);
		fd_close(&talk->device);
	} else if (strncmp(line, "tone ", 5) == 0) {
		talk->hz = strtod(line + 5, NULL);
		talk->next_ns = clock_now_ns();
	} else if (strncmp(line, "set ", 4) == 0) {
		set_clipboard(talk, line + 4);
	} else if (strcmp(line, "end") == 0) {
		msg = (struct es_session_msg){.type = ES_SESSION_DRAIN};
		send_session(talk, &msg, -1);
	} else {
		fail("what is it to do?");
	}
}

// False: nobody tells it any more.
static bool read_orders(struct talk *talk) {
	ssize_t n = read(STDIN_FILENO, talk->line + talk->n_line, sizeof(talk->line) - talk->n_line);
	if (n <= 0) {
		return n < 0 && errno == EINTR;
	}
	talk->n_line += (size_t)n;
	char *end;
	while ((end = memchr(talk->line, '\n', talk->n_line)) != NULL) {
		*end = '\0';
		obey(talk, talk->line);
		talk->n_line -= (size_t)(end + 1 - talk->line);
		memmove(talk->line, end + 1, talk->n_line);
	}
	return talk->n_line < sizeof(talk->line);
}

static void speak(struct talk *talk) {
	struct es_device_msg msg = {.type = ES_DEVICE_MIC_PCM};
	msg.mic_pcm.n_samples = ES_DEVICE_MAX_MIC_SAMPLES;
	while (talk->next_ns <= clock_now_ns()) {
		for (size_t i = 0; i < ES_DEVICE_MAX_MIC_SAMPLES; i++) {
			msg.mic_pcm.samples[i] = (int16_t)(8000 * sin(TURN * talk->turns));
			talk->turns += talk->hz / 48000;
		}
		send_device(talk, &msg);
		talk->next_ns += BLOCK_NS;
	}
}

static void read_device(struct talk *talk) {
	static struct es_link_packet packet;
	struct es_device_msg msg;
	enum es_link_result result = link_recv(talk->device, &packet);
	if (result == ES_LINK_AGAIN) {
		return;
	}
	if (result != ES_LINK_OK) {
		printf("{\"hung_up\":true}\n");
		fd_close(&talk->device);
		return;
	}
	bool ok = device_msg_decode(&msg, packet.data, packet.size, packet.n_fds);
	link_packet_finish(&packet);
	if (!ok) {
		fail("the display sent a malformed message");
	}
	if (msg.type == ES_DEVICE_CLIPBOARD && clipboard_text_put(&talk->heard, &msg)) {
		printf("{\"clipboard\":\"");
		for (uint32_t i = 0; i < talk->heard.size; i++) {
			printf("%02x", (unsigned)(uint8_t)talk->heard.bytes[i]);
		}
		printf("\"}\n");
	}
}

static void read_session(struct talk *talk) {
	static struct es_link_packet packet;
	struct es_session_msg msg;
	enum es_link_result result = link_recv(talk->session, &packet);
	if (result == ES_LINK_AGAIN) {
		return;
	}
	if (result != ES_LINK_OK || !session_msg_decode(&msg, packet.data, packet.size, packet.n_fds)) {
		fail("the display is gone");
	}
	link_packet_finish(&packet);
	if (msg.type == ES_SESSION_READY) {
		printf("{\"display\":\"%s\",\"x11\":\"%s\"}\n", msg.ready.wayland_display,
				msg.ready.x11_display);
	} else if (msg.type == ES_SESSION_END) {
		printf("{\"end\":%d,\"status\":%d}\n", msg.end.code, msg.end.status);
		talk->ended = true;
	}
}

static void run(struct talk *talk) {
	while (!talk->ended) {
		int64_t left_ns = talk->next_ns - clock_now_ns();
		int timeout_ms = talk->hz <= 0 ? -1 : left_ns > 0 ? (int)(left_ns / ES_NS_PER_MS) + 1 : 0;
		struct pollfd items[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				{.fd = talk->session, .events = POLLIN}, {.fd = talk->device, .events = POLLIN}};
		fflush(stdout);
		poll(items, 3, timeout_ms);
		if (items[0].revents != 0 && !read_orders(talk)) {
			return;
		}
		if (items[1].revents != 0) {
			read_session(talk);
		}
		if (items[2].revents != 0 && talk->device >= 0) {
			read_device(talk);
		}
		if (talk->hz > 0) {
			speak(talk);
		}
	}
}

int main(int argc, char *argv[]) {
	static struct talk talk = {.session = -1, .device = -1};
	bool microphone = argc > 1 && strcmp(argv[1], "-m") == 0;
	bool sound = microphone || (argc > 1 && strcmp(argv[1], "-s") == 0);
	if (argc < 3 + sound) {
		fail("usage: talk [-s sound | -m with a microphone] DISPLAY APP...");
	}
	log_init("talk", ES_LOG_WARN);
	start(&talk, sound, microphone, argv[1 + sound], argv + 2 + sound);
	run(&talk);
	fd_close(&talk.session); // the display ends with it
	fd_close(&talk.device);
	int status = 0;
	waitpid(talk.pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "talk: the display ended with status 0x%x\n", (unsigned)status);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
