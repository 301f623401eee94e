// Stands in for all three rooms: says what a room says, when it is told to by a signal, and writes
// down what it is told over its session link, a line each, into $FAKE_LOG.
//
//           SIGUSR1              SIGUSR2                SIGURG        SIGWINCH
// display   the app has exited   the encoder is stuck   (none)        (none)
// encode    END: failed          (none)                 (none)        (none)
// stream    the client connects  the client leaves      NEED_ENCODER  another size
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/link.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

#define MAX_LINKS 16

struct fake {
	const char *name; // "display", "encode", "stream"
	const char *command; // of the display's app
	int links[MAX_LINKS]; // handed over, kept open
	size_t n_links;
	uint32_t viewer;
	int unit_fd; // streamer: read and answered
	bool unit_seen;
	bool stubborn, over;
	struct es_link_packet packet;
};

__attribute__((format(printf, 2, 3))) static void note(
		const struct fake *fake, const char *format, ...) {
	char line[512];
	int n = snprintf(line, sizeof(line), "%s ", fake->name);
	va_list args;
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	line[n++] = '\n';
	int fd = open(getenv("FAKE_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)!write(fd, line, (size_t)n);
		close(fd);
	}
}

static void say(const struct es_session_msg *msg) {
	uint8_t data[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, data, sizeof(data));
	link_send(ES_SESSION_FD, data, size, NULL, 0);
}

static void say_end(struct fake *fake, enum es_end_code code, int status) {
	struct es_session_msg msg = {.type = ES_SESSION_END, .end = {.code = code, .status = status}};
	snprintf(msg.end.text, sizeof(msg.end.text), "as the test wants it");
	say(&msg);
	// A display stays until it is let go of.
	fake->over = strcmp(fake->name, "display") != 0;
}

static void say_ready(void) {
	say(&(struct es_session_msg){.type = ES_SESSION_READY});
}

static void say_stats(const struct fake *fake) {
	if (strcmp(fake->name, "display") == 0) {
		say(&(struct es_session_msg){
				.type = ES_SESSION_DISPLAY_STATS, .display_stats = {.committed = 42}});
	} else if (strcmp(fake->name, "encode") == 0) {
		say(&(struct es_session_msg){.type = ES_SESSION_ENCODE_STATS});
	} else {
		say(&(struct es_session_msg){.type = ES_SESSION_STREAM_STATS});
	}
}

static void start_display(struct fake *fake, const struct es_session_msg *msg) {
	note(fake, "START %ux%u@%d now=%d keyboard=%s dir=%s app=%s env=%s",
			msg->start_display.mode.width, msg->start_display.mode.height,
			msg->start_display.mode.refresh_mhz, msg->start_display.start_now,
			msg->start_display.keyboard, getenv("XDG_RUNTIME_DIR"), fake->command,
			getenv("EARTHSHINE_APP_ENV_COLOUR"));
	if (strcmp(fake->command, "missing") == 0) {
		say_end(fake, ES_END_APP_NOT_STARTED, ENOENT);
		return;
	}
	fake->stubborn = strcmp(fake->command, "stubborn") == 0;
	if (strcmp(fake->command, "orphan") == 0 && fork() == 0) {
		close(ES_SESSION_FD);
		setsid();
		note(fake, "ORPHAN %d", (int)getpid());
		for (;;) {
			pause();
		}
	}
	say_ready();
}

static void take_attach(struct fake *fake, const struct es_session_msg *msg) {
	int fd = link_packet_take_fd(&fake->packet, 0);
	note(fake, "ATTACH %d viewer=%u%s", (int)msg->attach.kind, msg->attach.viewer,
			msg->attach.clipboard ? " clipboard" : "");
	fake->viewer = msg->attach.viewer;
	if (strcmp(fake->name, "stream") == 0 && msg->attach.kind == ES_ATTACH_UNIT) {
		if (fake->unit_fd >= 0) {
			close(fake->unit_fd);
		}
		fake->unit_fd = fd;
		fake->unit_seen = false;
	} else if (fake->n_links < MAX_LINKS) {
		fake->links[fake->n_links++] = fd;
	}
}

static void take_gamestream(struct fake *fake, const struct es_session_msg *msg) {
	const struct es_gamestream_start *start = &msg->start_gamestream;
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int n_bound = 0;
	for (size_t i = 0; i < 3; i++) {
		int fd = link_packet_take_fd(&fake->packet, i);
		n_bound += getsockname(fd, (struct sockaddr *)&address, &size) == 0;
		fake->links[fake->n_links++] = fd;
	}
	note(fake, "START sockets=%d packet=%u fec=%u encryption=%u kbps=%u peer=%s key0=%02x", n_bound,
			start->packet_size, start->fec_percent, start->encryption, start->bitrate_kbps,
			start->peer, start->key[0]);
	say_ready();
}

static void take(struct fake *fake, const struct es_session_msg *msg) {
	switch (msg->type) {
	case ES_SESSION_START_DISPLAY:
		start_display(fake, msg);
		return;
	case ES_SESSION_START_ENCODE:
		note(fake, "START %s %u slices=%u strict=%d", msg->start_encode.encoder,
				msg->start_encode.bitrate_kbps, msg->start_encode.slices, msg->start_encode.strict);
		say_ready();
		return;
	case ES_SESSION_START_GAMESTREAM:
		take_gamestream(fake, msg);
		return;
	case ES_SESSION_START_PLAYER:
		fake->links[fake->n_links++] = link_packet_take_fd(&fake->packet, 0);
		note(fake, "START player refresh=%d kbps=%u channels=%u", msg->start_player.refresh_mhz,
				msg->start_player.bitrate_kbps, msg->start_player.audio_channels);
		say_ready();
		return;
	case ES_SESSION_ATTACH:
		take_attach(fake, msg);
		return;
	case ES_SESSION_DETACH:
		note(fake, "DETACH viewer=%u", msg->detach.viewer);
		return;
	case ES_SESSION_MODE:
		note(fake, "MODE %ux%u@%d", msg->mode.width, msg->mode.height, msg->mode.refresh_mhz);
		return;
	case ES_SESSION_KEYBOARD:
		note(fake, "KEYBOARD '%s'", msg->keyboard.layout);
		return;
	case ES_SESSION_TERMINATE:
		note(fake, "TERMINATE %08x", msg->terminate.code);
		say_end(fake, ES_END_DRAINED, 0);
		return;
	case ES_SESSION_STATS:
		say_stats(fake);
		return;
	case ES_SESSION_DRAIN:
		note(fake, "DRAIN");
		if (!fake->stubborn) {
			say_end(fake, ES_END_DRAINED, 0);
		}
		return;
	default:
		note(fake, "UNEXPECTED %d", (int)msg->type);
		return;
	}
}

static void read_session(struct fake *fake) {
	enum es_link_result result = link_recv(ES_SESSION_FD, &fake->packet);
	struct es_session_msg msg;
	if (result == ES_LINK_AGAIN) {
		return;
	}
	if (result != ES_LINK_OK) {
		fake->over = true;
		return;
	}
	if (session_msg_decode(&msg, fake->packet.data, fake->packet.size, fake->packet.n_fds)) {
		take(fake, &msg);
	} else {
		note(fake, "GARBAGE");
	}
	link_packet_finish(&fake->packet);
}

// Gives every slot back at once.
static void read_units(struct fake *fake) {
	struct es_unit_msg msg;
	if (link_recv(fake->unit_fd, &fake->packet) != ES_LINK_OK) {
		close(fake->unit_fd);
		fake->unit_fd = -1;
		return;
	}
	if (unit_msg_decode(&msg, fake->packet.data, fake->packet.size, fake->packet.n_fds) &&
			msg.type == ES_UNIT_UNIT) {
		if (!fake->unit_seen) {
			note(fake, "UNIT idr=%d", msg.unit.idr);
			fake->unit_seen = true;
		}
		uint8_t data[ES_UNIT_MSG_MAX];
		struct es_unit_msg done = {.type = ES_UNIT_DONE, .done = {.slot = msg.unit.slot}};
		size_t size = unit_msg_encode(&done, data, sizeof(data));
		link_send(fake->unit_fd, data, size, NULL, 0);
	}
	link_packet_finish(&fake->packet);
}

static void signal_display(struct fake *fake, int number) {
	if (number == SIGUSR1) {
		say_end(fake, ES_END_APP_EXITED, 0);
	} else if (number == SIGUSR2) {
		say(&(struct es_session_msg){.type = ES_SESSION_STUCK, .stuck = {.viewer = fake->viewer}});
	}
}

static void signal_stream(struct fake *fake, int number) {
	struct es_session_msg msg = {.type = ES_SESSION_CLIENT};
	if (number == SIGUSR1) {
		msg.client.phase = ES_CLIENT_CONNECTED;
		say(&msg);
		msg.client.phase = ES_CLIENT_PLAYING;
		say(&msg);
	} else if (number == SIGUSR2) {
		say_end(fake, ES_END_CLIENT_LEFT, 0);
	} else if (number == SIGURG) {
		say(&(struct es_session_msg){.type = ES_SESSION_NEED_ENCODER});
	} else if (number == SIGWINCH) {
		say(&(struct es_session_msg){.type = ES_SESSION_RESIZE, .mode = {8192, 8192, 60000}});
		say(&(struct es_session_msg){.type = ES_SESSION_RESIZE, .mode = {641, 363, 60000}});
	}
}

static void read_signal(struct fake *fake, int fd) {
	struct signalfd_siginfo info;
	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
		return;
	}
	if (strcmp(fake->name, "display") == 0) {
		signal_display(fake, (int)info.ssi_signo);
	} else if (strcmp(fake->name, "stream") == 0) {
		signal_stream(fake, (int)info.ssi_signo);
	} else if (info.ssi_signo == SIGUSR1) {
		say_end(fake, ES_END_FAILED, 0);
	}
}

static void run(struct fake *fake) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGURG);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	while (!fake->over || fake->stubborn) {
		struct pollfd fds[] = {{.fd = fake->over ? -1 : ES_SESSION_FD, .events = POLLIN},
				{.fd = signal_fd, .events = POLLIN}, {.fd = fake->unit_fd, .events = POLLIN}};
		poll(fds, 3, -1);
		if (fds[0].revents != 0) {
			read_session(fake);
		}
		if (fds[1].revents != 0) {
			read_signal(fake, signal_fd);
		}
		if (fds[2].revents != 0 && fake->unit_fd == fds[2].fd) {
			read_units(fake);
		}
	}
}

// As `earthshine-encode --probe ENCODER WIDTHxHEIGHT`: fast enough for H.264 and HEVC.
static int probe(const char *encoder, const char *size) {
	printf("%s %s %s\n", encoder, size, strcmp(encoder, "svtav1") == 0 ? "5.5" : "400.0");
	return 0;
}

int main(int argc, char **argv) {
	if (argc == 4 && strcmp(argv[1], "--probe") == 0) {
		return probe(argv[2], argv[3]);
	}
	const char *dash = strrchr(argv[0], '-');
	struct fake fake = {.name = dash != NULL ? dash + 1 : "nobody",
			.command = argc > 2 ? argv[2] : "",
			.unit_fd = -1};
	run(&fake);
	return 0;
}
