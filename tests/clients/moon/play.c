#define _GNU_SOURCE
#include "tests/clients/moon/play.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/crypto.h"
#include "protocol/session_msg.h"
#include "tests/clients/moon/bitstream.h"
#include "tests/clients/moon/control.h"
#include "tests/clients/moon/decode.h"
#include "tests/clients/moon/input_command.h"
#include "tests/clients/moon/say.h"
#include "tests/clients/moon/video.h"

#define NS_PER_MS INT64_C(1000000)
#define PING_NS (500 * NS_PER_MS) // of the media ports
#define CONTROL_PING_NS (100 * NS_PER_MS)
#define NO_VIDEO_NS (10000 * NS_PER_MS)
#define TICK_MS 10 // ENet's own timers
#define LAUNCH_TIMEOUT_S 120
#define MAX_DATAGRAM 2048
#define MAX_LINE 1024
#define MAX_GIVEN 64
#define MAX_HELD 512 // datagrams that come later than they came

struct held {
	int64_t at_ns; // 0: free
	size_t size;
	uint8_t data[MAX_DATAGRAM];
};

struct es_moon_play {
	struct es_moon_options *options;
	struct es_moon_terms terms;
	struct es_moon_control *control;
	struct es_moon_video *video;
	struct es_moon_decoder *decoder;
	int video_fd, audio_fd;
	FILE *out;
	uint8_t key[ES_KEY_SIZE];
	int32_t key_id;

	struct es_impair_model impair;
	struct held *held; // MAX_HELD, or NULL if nothing is held back
	uint32_t ping_number[2];
	int64_t next_ping_ns, next_control_ping_ns, started_ns, asked_ns;
	int64_t first_frame_ns;
	struct es_moon_frame given[MAX_GIVEN]; // to the decoder, by number; their data is gone
	uint32_t decoded, marked, wrong_marks, decode_errors, max_gap_ms;
	int64_t last_frame_ns;
	uint64_t audio_datagrams, strangers;
	char line[MAX_LINE];
	size_t line_size;
	bool stdin_open, vanished;

	const char *end; // why it ends, NULL: it goes on
	bool has_code;
	uint32_t code; // of the termination message
};

// --- launch

bool play_launch(
		struct es_moon_options *options, char *url, size_t cap, uint8_t key[16], int32_t *key_id) {
	char query[512], hex[33], started[16] = "", app[32] = "";
	struct es_moon_answer answer;
	const char *error = NULL;
	if (options->key_hex != NULL) {
		hex_decode(options->key_hex, strlen(options->key_hex), key, 16);
	} else {
		crypto_random(key, 16);
	}
	crypto_random(key_id, sizeof(*key_id));
	hex_encode(key, 16, hex);
	const struct es_mode *mode = &options->wishes.mode;
	if (options->app != 0) {
		snprintf(app, sizeof(app), "appid=%u&", options->app);
	}
	snprintf(query, sizeof(query),
			"%smode=%ux%ux%d&additionalStates=1&sops=0&rikey=%s&rikeyid=%d"
			"&localAudioPlayMode=0&surroundAudioInfo=196610&remoteControllersBitmap=0&gcmap=0%s",
			app, mode->width, mode->height, (mode->refresh_mhz + 500) / 1000, hex, *key_id,
			options->clear_rtsp ? "" : "&corever=1");
	int64_t asked_ns = now_ns();
	bool ok = web_get(&options->web, true, options->resume ? "/resume" : "/launch", query,
			LAUNCH_TIMEOUT_S, &answer, &error);
	bool sure = ok && answer.status == 200 && answer_get(&answer, "sessionUrl0", url, cap) &&
			answer_get(&answer, options->resume ? "resume" : "gamesession", started,
					sizeof(started)) &&
			strcmp(started, "0") != 0;
	say_begin("launched");
	say_bool("ok", sure);
	say_bool("resumed", options->resume);
	say_number("status", ok ? answer.status : -1);
	say_text("message", ok ? answer.message : error);
	say_text("url", sure ? url : NULL);
	say_number("asked_ns", asked_ns);
	say_number("at_ns", now_ns());
	say_end();
	return sure;
}

// --- what the video tells

static void handle_picture(void *data, const struct es_moon_picture *picture) {
	struct es_moon_play *play = data;
	// the decoder may have kept it for a while
	const struct es_moon_frame *frame = &play->given[picture->frame % MAX_GIVEN];
	bool marked = picture->mark == ES_MARK_OK;
	play->marked += marked;
	play->wrong_marks += picture->mark == ES_MARK_BAD_CRC;
	say_begin("frame");
	say_number("index", play->decoded++);
	say_number("frame", picture->frame);
	say_number("type", frame->type);
	if (marked) {
		say_number("number", picture->number);
	} else {
		say_null("number");
	}
	say_number("at_ns", frame->at_ns);
	say_number("recovered", frame->recovered);
	say_number("size", (int64_t)frame->size);
	say_number("timestamp", frame->timestamp);
	say_number("latency", frame->latency);
	say_number("width", picture->width);
	say_number("height", picture->height);
	say_number("luma", picture->luma);
	say_end();
}

static void note_gap(struct es_moon_play *play, const struct es_moon_frame *frame) {
	if (play->last_frame_ns != 0) {
		uint32_t gap_ms = (uint32_t)((frame->at_ns - play->last_frame_ns) / NS_PER_MS);
		play->max_gap_ms = gap_ms > play->max_gap_ms ? gap_ms : play->max_gap_ms;
	}
	play->last_frame_ns = frame->at_ns;
	if (play->first_frame_ns == 0) {
		play->first_frame_ns = frame->at_ns;
	}
}

static void handle_frame(void *data, const struct es_moon_frame *frame) {
	struct es_moon_play *play = data;
	note_gap(play, frame);
	if (play->out != NULL) {
		fwrite(frame->data, 1, frame->size, play->out);
	}
	if (play->decoder == NULL) {
		play->decoded++;
	} else {
		play->given[frame->number % MAX_GIVEN] = *frame;
		if (!decoder_feed(play->decoder, frame->number, frame->data, frame->size)) {
			play->decode_errors++;
			say_line("decode-error", "frame %u", frame->number);
		}
	}
	if (play->options->frames > 0 && play->decoded >= play->options->frames) {
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

static void hold(struct es_moon_play *play, int64_t at_ns, const uint8_t *data, size_t size) {
	for (size_t i = 0; play->held != NULL && i < MAX_HELD; i++) {
		struct held *held = &play->held[i];
		if (held->at_ns == 0) {
			held->at_ns = at_ns;
			held->size = size;
			memcpy(held->data, data, size);
			return;
		}
	}
}

static void take_held(struct es_moon_play *play, int64_t now) {
	for (;;) {
		struct held *next = NULL;
		for (size_t i = 0; play->held != NULL && i < MAX_HELD; i++) {
			struct held *held = &play->held[i];
			if (held->at_ns != 0 && held->at_ns <= now &&
					(next == NULL || held->at_ns < next->at_ns)) {
				next = held;
			}
		}
		if (next == NULL) {
			return;
		}
		next->at_ns = 0;
		video_take(play->video, next->data, next->size, now);
	}
}

static void take_video(struct es_moon_play *play, uint8_t *data, size_t size, int64_t now) {
	struct es_impair_fate fate = impair_decide(&play->impair, now, size);
	if (fate.corrupt && size > 0) {
		data[fate.corrupt_at / 8 % size] ^= (uint8_t)(1u << fate.corrupt_at % 8);
	}
	if (fate.copy_at_ns != ES_IMPAIR_LOST) {
		hold(play, fate.copy_at_ns, data, size);
	}
	if (fate.at_ns > now) {
		hold(play, fate.at_ns, data, size);
	} else if (fate.at_ns != ES_IMPAIR_LOST) {
		video_take(play->video, data, size, now);
	}
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
			take_video(play, data, (size_t)size, now_ns());
		} else {
			play->audio_datagrams++;
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
	} else if (!input_command(play->control, line)) {
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
		take_held(play, now);
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
	say_number("decoded", play->decoded);
	say_number("marked", play->marked);
	say_number("wrong_marks", play->wrong_marks);
	say_number("decode_errors", play->decode_errors);
	say_number("max_gap_ms", play->max_gap_ms);
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
	say_number("strangers", (int64_t)play->strangers);
	say_number("control_bad", (int64_t)(control->malformed + control->forged + control->replayed));
	say_number("first_frame_ns", play->first_frame_ns);
	say_number("last_frame_ns", play->last_frame_ns);
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

static bool make_receiver(struct es_moon_play *play) {
	const struct es_moon_options *options = play->options;
	bool encrypted = play->terms.encryption & ES_GAMESTREAM_ENCRYPT_VIDEO;
	const struct es_moon_video_params params = {
			.codec = options->wishes.codec,
			.packet_size = play->terms.packet_size,
			.key = encrypted ? play->key : NULL,
			.invalidate = play->terms.host_invalidates && options->wishes.invalidate,
			.calls = {play, handle_frame, handle_dropped, handle_lost, handle_ask_idr,
					handle_ask_invalidate, handle_fec_status},
	};
	play->video = video_create(&params);
	if (!options->no_decode) {
		play->decoder = decoder_create(options->wishes.codec, handle_picture, play);
	}
	impair_init(&play->impair, &options->impair);
	if (options->impair.delay_ms > 0 || options->impair.jitter_ms > 0 ||
			options->impair.reorder > 0 || options->impair.duplicate > 0) {
		play->held = calloc(MAX_HELD, sizeof(*play->held));
	}
	if (options->out != NULL) {
		play->out = fopen(options->out, "we");
	}
	return play->video != NULL && (options->no_decode || play->decoder != NULL) &&
			(options->out == NULL || play->out != NULL);
}

static bool connect_all(struct es_moon_play *play) {
	char url[256];
	play->video_fd = open_socket();
	play->audio_fd = open_socket();
	if (play->video_fd < 0 || play->audio_fd < 0) {
		say_error("no sockets: %s", strerror(errno));
		return false;
	}
	if (!play_launch(play->options, url, sizeof(url), play->key, &play->key_id) ||
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
	decoder_destroy(play->decoder);
	video_destroy(play->video);
	free(play->held);
	if (play->out != NULL) {
		fclose(play->out);
	}
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
