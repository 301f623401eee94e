#define _GNU_SOURCE
#include "tests/clients/moon/play.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/crypto.h"
#include "protocol/session_msg.h"
#include "tests/clients/moon/audio.h"
#include "tests/clients/moon/control.h"
#include "tests/clients/moon/delay_line.h"
#include "tests/clients/moon/input_command.h"
#include "tests/clients/moon/pad_command.h"
#include "tests/clients/moon/launch.h"
#include "tests/clients/moon/say.h"
#include "tests/clients/moon/video.h"
#include "tests/clients/moon/viewing.h"

#define NS_PER_MS INT64_C(1000000)
#define PING_NS (500 * NS_PER_MS) // of the media ports
#define CONTROL_PING_NS (100 * NS_PER_MS)
#define NO_VIDEO_NS (10000 * NS_PER_MS)
#define TICK_MS 10 // ENet's own timers
#define MAX_DATAGRAM 2048
#define MAX_LINE 1024

struct es_moon_play {
	struct es_moon_options *options;
	struct es_moon_terms terms;
	struct es_moon_control *control;
	struct es_moon_video *video;
	struct es_viewing viewing;
	struct es_delay_line delay_line; // in front of the video
	struct es_moon_audio *audio;
	struct es_delay_line audio_line;
	int video_fd, audio_fd;
	uint8_t key[ES_KEY_SIZE];
	int32_t key_id;

	uint32_t ping_number[2];
	int64_t next_ping_ns, next_control_ping_ns, started_ns, asked_ns;
	uint64_t audio_datagrams, strangers;
	char line[MAX_LINE];
	size_t line_size;
	bool stdin_open, vanished;

	const char *end; // why it ends, NULL: it goes on
	bool has_code;
	uint32_t code; // of the termination message
};

// --- what the video tells

static void handle_whole(void *data, const struct es_moon_frame *frame) {
	struct es_moon_play *play = data;
	viewing_take_whole(&play->viewing, frame);
}

static void handle_frame(void *data, const struct es_moon_frame *frame) {
	struct es_moon_play *play = data;
	viewing_take(&play->viewing, frame);
	if (play->options->frames > 0 && play->viewing.decoded >= play->options->frames) {
		play->end = "frames";
	}
}

static void handle_dropped(void *data, const struct es_moon_frame *frame) {
	say_begin("dropped");
	say_number("frame", frame->number);
	say_number("type", frame->type);
	say_number("at_ns", frame->at_ns);
	say_end();
}

static void handle_lost(void *data, uint32_t first, uint32_t last) {
	say_begin("lost");
	say_number("first", first);
	say_number("last", last);
	say_number("at_ns", now_ns());
	say_end();
}

static void handle_ask_idr(void *data) {
	struct es_moon_play *play = data;
	static const uint8_t payload[2] = {0};
	if (play->control != NULL) {
		say_begin("idr-asked");
		say_number("at_ns", now_ns());
		say_end();
		control_send(play->control, MOON_CHANNEL_URGENT, MOON_RELIABLE, ES_CONTROL_IDR, payload,
				sizeof(payload));
	}
}

static void handle_ask_invalidate(void *data, uint32_t first, uint32_t last) {
	struct es_moon_play *play = data;
	uint8_t payload[32];
	if (play->control != NULL) {
		say_begin("invalidation-asked");
		say_number("first", first);
		say_number("last", last);
		say_number("at_ns", now_ns());
		say_end();
		control_send(play->control, MOON_CHANNEL_URGENT, MOON_RELIABLE, ES_CONTROL_INVALIDATE,
				payload, control_put_invalidate(payload, first, last));
	}
}

static void handle_fec_status(void *data, const struct es_fec_status *status) {
	struct es_moon_play *play = data;
	uint8_t payload[32];
	if (play->control != NULL) {
		control_send(play->control, MOON_CHANNEL_GENERIC, MOON_UNSEQUENCED, ES_CONTROL_FEC_STATUS,
				payload, control_put_fec_status(payload, status));
	}
}

// --- sockets

static int open_socket(void) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = 4 << 20;
	struct sockaddr_in any = {.sin_family = AF_INET};
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
			close(fd);
			fd = -1;
		}
	}
	return fd;
}

static void ping(struct es_moon_play *play, int which, int fd, uint16_t port) {
	uint8_t data[20] = "PING";
	size_t size = 4;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	inet_pton(AF_INET, play->options->web.host, &to.sin_addr);
	if (play->terms.ping[0] != '\0') {
		uint32_t number = htonl(++play->ping_number[which]);
		memcpy(data, play->terms.ping, 16);
		memcpy(data + 16, &number, sizeof(number));
		size = sizeof(data);
	}
	if (play->options->wrong_ping) {
		data[0] ^= 1;
	}
	sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof(to));
}

static void handle_audio_ready(void *data, const struct es_moon_terms *terms) {
	struct es_moon_play *play = data;
	uint16_t port = play->options->map[1] != 0 ? play->options->map[1] : terms->audio_port;
	play->terms = *terms;
	ping(play, 1, play->audio_fd, port);
}

// For a test that searches the host's logs for them.
static void say_secrets(const struct es_moon_play *play) {
	say_begin("secrets");
	say_text("ping", play->terms.ping);
	say_number("connect_data", play->terms.connect_data);
	say_number("key_id", play->key_id);
	say_end();
}

static void map_ports(struct es_moon_play *play) {
	const uint16_t *map = play->options->map;
	say_begin("ports");
	say_number("video", play->terms.video_port);
	say_number("audio", play->terms.audio_port);
	say_number("control", play->terms.control_port);
	say_end();
	play->terms.video_port = map[0] != 0 ? map[0] : play->terms.video_port;
	play->terms.audio_port = map[1] != 0 ? map[1] : play->terms.audio_port;
	play->terms.control_port = map[2] != 0 ? map[2] : play->terms.control_port;
}

// --- datagrams

static void handle_datagram(void *data, uint8_t *datagram, size_t size, int64_t now) {
	struct es_moon_play *play = data;
	video_take(play->video, datagram, size, now);
}

static void handle_audio_datagram(void *data, uint8_t *datagram, size_t size, int64_t now) {
	struct es_moon_play *play = data;
	audio_take(play->audio, datagram, size);
}

static void receive(struct es_moon_play *play, int fd, bool is_video) {
	uint8_t data[MAX_DATAGRAM];
	struct sockaddr_in from;
	uint16_t port = is_video ? play->terms.video_port : play->terms.audio_port;
	for (;;) {
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length);
		if (size < 0) {
			return;
		}
		if (ntohs(from.sin_port) != port) {
			play->strangers++;
		} else if (is_video) {
			delay_line_put(&play->delay_line, data, (size_t)size, now_ns());
		} else {
			play->audio_datagrams++;
			delay_line_put(&play->audio_line, data, (size_t)size, now_ns());
		}
	}
}

// --- control

static void handle_message(struct es_moon_play *play, const struct es_control_msg *msg) {
	if (msg->type == ES_CONTROL_TERMINATION && msg->size == 4) {
		play->code = (uint32_t)msg->payload[0] << 24 | (uint32_t)msg->payload[1] << 16 |
				(uint32_t)msg->payload[2] << 8 | msg->payload[3];
		play->has_code = true;
		play->end = "termination";
		return;
	}
	if (pad_say(msg)) {
		return;
	}
	say_begin("message");
	say_number("type", msg->type);
	say_number("size", (int64_t)msg->size);
	say_end();
}

static void service_control(struct es_moon_play *play) {
	struct es_control_msg msg;
	enum es_moon_event event;
	while ((event = control_next(play->control, &msg)) != MOON_NOTHING) {
		if (event == MOON_DISCONNECTED) {
			if (play->end == NULL) {
				play->end = "disconnected";
			}
			return;
		}
		handle_message(play, &msg);
	}
}

static void keep_alive(struct es_moon_play *play, int64_t now) {
	static const uint8_t control_ping[8] = {4, 0};
	if (now >= play->next_control_ping_ns) {
		play->next_control_ping_ns = now + CONTROL_PING_NS;
		control_send(play->control, MOON_CHANNEL_GENERIC, MOON_RELIABLE, ES_CONTROL_PING,
				control_ping, sizeof(control_ping));
	}
	if (now >= play->next_ping_ns) {
		play->next_ping_ns = now + PING_NS;
		ping(play, 0, play->video_fd, play->terms.video_port);
		ping(play, 1, play->audio_fd, play->terms.audio_port);
	}
}

static void start_control(struct es_moon_play *play) {
	static const uint8_t start_a[2] = {0}, start_b[1] = {0};
	// "enable haptics", and the two small moves that wake a display
	static const uint8_t haptics[10] = {0, 0, 0, 6, 0x0d, 0, 0, 0, 1, 0};
	control_send(play->control, MOON_CHANNEL_GENERIC, MOON_RELIABLE, ES_CONTROL_IDR, start_a,
			sizeof(start_a));
	control_send(play->control, MOON_CHANNEL_GENERIC, MOON_RELIABLE, ES_CONTROL_START_B, start_b,
			sizeof(start_b));
	control_send(play->control, MOON_CHANNEL_GENERIC, MOON_RELIABLE, ES_CONTROL_INPUT, haptics,
			sizeof(haptics));
	input_command(play->control, "mouse rel 1 1");
	input_command(play->control, "mouse rel -1 -1");
}

// --- commands

// A key press that no host may take: of another key, or one that it has had already.
static void misbehave(struct es_moon_play *play, uint32_t forged, uint32_t replayed) {
	uint8_t packet[64];
	enum es_moon_channel channel;
	enum es_moon_delivery delivery;
	size_t size = input_packet("key 0x51 down", packet, &channel, &delivery);
	for (uint32_t i = 0; i < forged; i++) {
		control_send_forged(play->control, ES_CONTROL_INPUT, packet, size);
	}
	for (uint32_t i = 0; i < replayed; i++) {
		control_send_replay(play->control);
	}
}

static void handle_line(struct es_moon_play *play, const char *line) {
	unsigned int first, last;
	if (strcmp(line, "quit") == 0) {
		play->end = "quit";
	} else if (strcmp(line, "vanish") == 0) {
		play->vanished = true;
	} else if (strcmp(line, "idr") == 0) {
		handle_ask_idr(play);
	} else if (sscanf(line, "rfi %u %u", &first, &last) == 2) {
		handle_ask_invalidate(play, first, last);
	} else if (sscanf(line, "forge %u", &first) == 1) {
		misbehave(play, first, 0);
	} else if (sscanf(line, "replay %u", &first) == 1) {
		misbehave(play, 0, first);
	} else if (!input_command(play->control, line) && !pad_command(play->control, line)) {
		say_error("not a command: %s", line);
		return;
	}
	say_line("done", "%s", line);
}

static void read_commands(struct es_moon_play *play) {
	ssize_t n = read(STDIN_FILENO, play->line + play->line_size, MAX_LINE - 1 - play->line_size);
	if (n <= 0) {
		play->stdin_open = false;
		if (!play->options->stay) {
			play->end = "quit";
		}
		return;
	}
	play->line_size += (size_t)n;
	char *newline;
	while ((newline = memchr(play->line, '\n', play->line_size)) != NULL) {
		*newline = '\0';
		handle_line(play, play->line);
		play->line_size -= (size_t)(newline + 1 - play->line);
		memmove(play->line, newline + 1, play->line_size);
	}
	if (play->line_size == MAX_LINE - 1) {
		play->line_size = 0;
	}
}

// --- the whole

static void check_time(struct es_moon_play *play, int64_t now) {
	if (play->options->seconds > 0 &&
			(double)(now - play->started_ns) / 1e9 >= play->options->seconds) {
		play->end = "seconds";
	} else if (video_stats(play->video)->datagrams == 0 && now - play->started_ns > NO_VIDEO_NS) {
		play->end = "no-video";
	}
}

static void loop(struct es_moon_play *play) {
	while (play->end == NULL) {
		bool here = !play->vanished;
		struct pollfd fds[] = {
				{.fd = play->stdin_open ? STDIN_FILENO : -1, .events = POLLIN},
				{.fd = here ? play->video_fd : -1, .events = POLLIN},
				{.fd = here ? play->audio_fd : -1, .events = POLLIN},
				{.fd = here ? control_fd(play->control) : -1, .events = POLLIN},
		};
		poll(fds, 4, here ? TICK_MS : -1);
		if (fds[0].revents != 0) {
			read_commands(play);
		}
		if (play->vanished) {
			continue;
		}
		receive(play, play->video_fd, true);
		receive(play, play->audio_fd, false);
		int64_t now = now_ns();
		delay_line_run(&play->delay_line, now);
		delay_line_run(&play->audio_line, now);
		keep_alive(play, now);
		service_control(play);
		if (play->end == NULL) {
			check_time(play, now);
		}
	}
}

static void say_statistics(const struct es_moon_play *play) {
	const struct es_moon_video_stats *video = video_stats(play->video);
	const struct es_moon_control_stats *control = control_stats(play->control);
	viewing_say_statistics(&play->viewing);
	say_number("datagrams", (int64_t)video->datagrams);
	say_number("bytes", (int64_t)video->bytes);
	say_number("parity", (int64_t)video->parity);
	say_number("forged", (int64_t)video->forged);
	say_number("late", (int64_t)video->late);
	say_number("duplicate", (int64_t)video->duplicate);
	say_number("frames", (int64_t)video->frames);
	say_number("dropped", (int64_t)video->dropped);
	say_number("lost", (int64_t)video->lost);
	say_number("recovered", (int64_t)video->recovered);
	say_number("recovered_frames", (int64_t)video->recovered_frames);
	say_number("idr_frames", (int64_t)video->idr_frames);
	say_number("recovery_frames", (int64_t)video->recovery_frames);
	say_number("idr_asked", (int64_t)video->idr_asked);
	say_number("invalidations_asked", (int64_t)video->invalidations_asked);
	say_number("violations", (int64_t)video->violations);
	say_number("audio_datagrams", (int64_t)play->audio_datagrams);
	audio_say_statistics(play->audio);
	say_number("strangers", (int64_t)play->strangers);
	say_number("control_bad", (int64_t)(control->malformed + control->forged + control->replayed));
}

static void say_the_end(const struct es_moon_play *play) {
	char code[16];
	snprintf(code, sizeof(code), "0x%08x", play->code);
	say_begin("end");
	say_text("reason", play->end);
	say_text("code", play->has_code ? code : NULL);
	say_statistics(play);
	say_end();
}

static bool make_audio(struct es_moon_play *play) {
	const struct es_moon_wishes *wishes = &play->options->wishes;
	bool encrypted = play->terms.encryption & ES_GAMESTREAM_ENCRYPT_AUDIO;
	play->audio = audio_create(&(struct es_moon_audio_params){
			.key = encrypted ? play->key : NULL,
			.key_id = (uint32_t)play->key_id,
			.channels = wishes->audio_channels,
			.packet_ms = wishes->audio_packet_ms,
			.high_quality = wishes->audio_high_quality,
			.surround = play->terms.surround,
			.clicks = play->options->clicks,
	});
	return play->audio != NULL;
}

static bool make_receiver(struct es_moon_play *play) {
	const struct es_moon_options *options = play->options;
	bool encrypted = play->terms.encryption & ES_GAMESTREAM_ENCRYPT_VIDEO;
	const struct es_moon_video_params params = {
			.codec = options->wishes.codec,
			.packet_size = play->terms.packet_size,
			.key = encrypted ? play->key : NULL,
			.invalidate = play->terms.host_invalidates && options->wishes.invalidate,
			.lose_first = options->lose_first,
			.lose_every = options->lose_every,
			.calls = {play, handle_frame, handle_dropped, handle_lost, handle_ask_idr,
					handle_ask_invalidate, handle_fec_status, handle_whole},
	};
	play->video = video_create(&params);
	play->delay_line.take = handle_datagram;
	play->audio_line.take = handle_audio_datagram;
	play->delay_line.data = play->audio_line.data = play;
	bool ok = play->video != NULL && make_audio(play) &&
			delay_line_init(&play->delay_line, &options->impair) &&
			delay_line_init(&play->audio_line, &options->impair) &&
			viewing_init(
					&play->viewing, options->wishes.codec, !options->no_decode, options->out) &&
			(!options->shadow || viewing_add_shadow(&play->viewing, options->wishes.codec));
	if (ok && options->search) {
		viewing_search(&play->viewing, options->searched);
	}
	return ok;
}

static bool connect_all(struct es_moon_play *play) {
	char url[256];
	play->video_fd = open_socket();
	play->audio_fd = open_socket();
	if (play->video_fd < 0 || play->audio_fd < 0) {
		say_error("no sockets: %s", strerror(errno));
		return false;
	}
	if (!launch_app(play->options, url, sizeof(url), play->key, &play->key_id) ||
			!rtsp_negotiate(url, play->key, &play->options->wishes, &play->terms,
					handle_audio_ready, play)) {
		return false;
	}
	say_secrets(play);
	map_ports(play);
	bool legacy = !(play->terms.encryption & ES_GAMESTREAM_ENCRYPT_CONTROL);
	play->control = control_connect(play->options->web.host, play->terms.control_port,
			play->terms.connect_data, play->key, legacy);
	return play->control != NULL && make_receiver(play);
}

static void finish(struct es_moon_play *play) {
	control_destroy(play->control);
	viewing_finish(&play->viewing);
	video_destroy(play->video);
	delay_line_finish(&play->delay_line);
	delay_line_finish(&play->audio_line);
	audio_destroy(play->audio);
	if (play->video_fd >= 0) {
		close(play->video_fd);
	}
	if (play->audio_fd >= 0) {
		close(play->audio_fd);
	}
}

int play_run(struct es_moon_options *options) {
	struct es_moon_play play = {
			.options = options, .video_fd = -1, .audio_fd = -1, .stdin_open = true};
	int status = 1;
	if (connect_all(&play)) {
		say_begin("connected");
		say_number("at_ns", now_ns());
		say_end();
		start_control(&play);
		misbehave(&play, options->forge, options->replay);
		play.started_ns = now_ns();
		loop(&play);
		say_the_end(&play);
		if (strcmp(play.end, "disconnected") != 0 && strcmp(play.end, "no-video") != 0) {
			status = 0;
			control_leave(play.control);
		}
	}
	finish(&play);
	return status;
}
