#include "stream/sink_player.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "protocol/codec_string.h"
#include "protocol/player_msg.h"
#include "stream/player_clipboard.h"
#include "stream/player_flow.h"
#include "stream/player_input.h"
#include "stream/player_say.h"
#include "stream/player_sound.h"
#include "stream/recovery.h"
#include "stream/websocket.h"

// Messages per wake-up, so that a flood does not keep the streamer from its frames.
#define MAX_MESSAGES 256
#define PING_NS (2 * ES_NS_PER_S) // of silence; a page in the background does nothing by itself
#define STATS_NS ES_NS_PER_S
#define RESIZE_NS (200 * ES_NS_PER_MS) // between two: each costs an encoder's start
#define MIN_SOCKET_BUFFER 32768

enum { POLL_SOCKET, POLL_DEVICE, POLL_COUNT };

struct es_sink_player {
	struct es_sink base;

	// owned
	struct es_websocket *socket;
	struct es_player_input input;
	struct es_player_sound sound;
	struct es_player_clipboard clipboard;

	// state
	struct es_recovery recovery;
	struct es_player_flow flow;
	uint32_t first_kbps; // that an encoder begins with
	uint32_t limit_kbps, page_kbps; // at most; of the page: 0: as the host has it
	uint32_t lost_ms;
	uint8_t audio_packet_ms;
	struct es_player_msg config; // of the track
	bool config_told;
	bool idr_only; // the page's decoder copes with nothing else
	bool finishing, over, farewell; // farewell: the page has said goodbye, or knows of the end
	bool more_messages; // than were taken at once
	bool has_bitrate;
	bool hold_known, hold; // of the encoder
	bool tell_connected, tell_playing, playing, tell_over;
	bool has_unit; // on its way out, or held back until there is credit
	bool held;
	struct es_unit unit;
	int64_t packetized_ns;
	bool has_resize;
	struct es_mode resize;
	int64_t next_resize_ns, next_stats_ns, heard_ns, pinged_ns;
	enum es_end_code end_code;
	char end_text[ES_SESSION_MAX_TEXT];
	struct es_net_stats net;
	struct es_player_msg message; // of the page
};

static void sink_player_destroy(struct es_sink *sink) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	player_sound_finish(&player->sound);
	player_input_finish(&player->input);
	websocket_destroy(player->socket);
	free(player);
}

static void end(struct es_sink_player *player, enum es_end_code code, const char *text) {
	if (player->over) {
		return;
	}
	player_input_release_all(&player->input);
	player->end_code = code;
	snprintf(player->end_text, sizeof(player->end_text), "%s", text);
	player->over = true;
	player->farewell = true;
	player->tell_over = !player->finishing;
}

static bool is_live(const struct es_sink_player *player) {
	return !player->over && !player->finishing;
}

static void flush(struct es_sink_player *player) {
	if (!websocket_flush(player->socket)) {
		end(player, ES_END_CLIENT_LOST, "its connection is broken");
	}
}

// --- pictures

static enum es_sink_result sink_player_set_track(
		struct es_sink *sink, const struct es_sink_track *track) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	recovery_new_encoder(&player->recovery, clock_now_ns());
	struct es_player_msg *config = &player->config;
	*config = (struct es_player_msg){.type = ES_PLAYER_CONFIG};
	config->config.codec = track->codec;
	config->config.mode = track->mode;
	config->config.audio_channels = player->sound.audio != NULL ? 2 : 0;
	config->config.audio_packet_ms = player->audio_packet_ms;
	codec_string_read(config->config.codec_text, track->codec, track->headers, track->headers_size);
	player->config_told = false;
	// It knows only what it began with.
	player->has_bitrate = player->flow.kbps != player->first_kbps;
	player->hold_known = false;
	return ES_SINK_OK;
}

// Before the encoder's first picture, in which its parameters are in any case.
static bool tell_config(
		struct es_sink_player *player, const struct es_unit *unit, const uint8_t *data) {
	char *text = player->config.config.codec_text;
	if (!player->config_told) {
		player->config_told =
				(text[0] != '\0' ||
						codec_string_read(text, player->config.config.codec, data, unit->size)) &&
				player_say(player->socket, &player->config);
	}
	return player->config_told;
}

static uint32_t to_us(int64_t ns) {
	int64_t us = ns / ES_NS_PER_US;
	return us < 0 ? 0 : us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static bool put_picture(
		struct es_sink_player *player, const struct es_unit *unit, const uint8_t *data) {
	uint8_t header[ES_PLAYER_VIDEO_HEADER];
	int64_t now_ns = clock_now_ns();
	struct es_player_video video = {
			.key = unit->idr,
			.recovery = unit->recovery,
			.repeat = unit->kind != ES_UNIT_NEW,
			.frame = player->flow.next,
			.commit_us = (uint64_t)(unit->times.commit_ns / ES_NS_PER_US),
			.encode_us = to_us(unit->times.encoded_ns - unit->times.taken_ns),
			.host_us = to_us(now_ns - unit->times.commit_ns),
			.size = unit->size,
	};
	player_video_put(header, &video);
	if (!websocket_send_large(player->socket, header, sizeof(header), data, unit->size)) {
		return false;
	}
	uint32_t frame = video.frame;
	player->held = !player_flow_may_send(&player->flow);
	websocket_hold(player->socket, player->held);
	if (!player->held) {
		player_flow_sent(&player->flow, unit->size, now_ns);
	}
	recovery_sent(&player->recovery, unit, frame, now_ns);
	player->has_unit = true;
	player->unit = *unit;
	player->packetized_ns = now_ns;
	return true;
}

static bool has_room(const struct es_sink_player *player) {
	return websocket_is_free(player->socket) && !player->has_unit;
}

static bool has_credit(const struct es_sink_player *player) {
	return has_room(player) && player_flow_may_send(&player->flow);
}

static enum es_sink_result sink_player_write(
		struct es_sink *sink, const struct es_unit *unit, const uint8_t *data) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	int64_t now_ns = clock_now_ns();
	if (!is_live(player)) {
		recovery_unseen(&player->recovery);
		return ES_SINK_UNWANTED;
	}
	if (player_flow_tick(&player->flow, now_ns)) {
		player->has_bitrate = true;
	}
	if (!recovery_admits(&player->recovery, unit)) {
		recovery_withheld(&player->recovery, now_ns);
		if (!has_room(player)) {
			player_flow_skipped(&player->flow, !player->held);
		}
		return ES_SINK_DROPPED;
	}
	bool credit =
			player_flow_may_send(&player->flow) || player_flow_may_hold(&player->flow, unit->size);
	if (!has_room(player) || !credit || !tell_config(player, unit, data) ||
			!put_picture(player, unit, data)) {
		player_flow_skipped(&player->flow, !player->held);
		recovery_dropped(&player->recovery, unit, now_ns);
		return ES_SINK_DROPPED;
	}
	flush(player);
	return ES_SINK_OK;
}

// Units are copied by write; only the end has to be waited for.
static enum es_sink_result sink_player_flush(struct es_sink *sink) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	return player->finishing && !player->farewell ? ES_SINK_AGAIN : ES_SINK_OK;
}

static enum es_sink_result sink_player_finish(struct es_sink *sink, uint32_t reason) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	bool graceful = reason == ES_TERMINATE_GRACEFUL;
	struct es_player_msg msg = {.type = ES_PLAYER_END};
	msg.end.reason = graceful ? ES_PLAYER_END_OVER : ES_PLAYER_END_FAILED;
	snprintf(msg.end.text, sizeof(msg.end.text), "%s",
			graceful ? "the session is over" : "the host could not go on: see its log");
	player->finishing = true;
	player_input_release_all(&player->input);
	player_say(player->socket, &msg);
	websocket_close(player->socket, ES_WEBSOCKET_GOING_AWAY);
	player->farewell = player->farewell || !websocket_flush(player->socket);
	return ES_SINK_OK;
}

// --- sound, and what else the display says

static void take_device_message(void *data, const struct es_device_msg *msg) {
	struct es_sink_player *player = data;
	if (!is_live(player)) {
		return;
	}
	if (msg->type == ES_DEVICE_PCM) {
		player_sound_put(&player->sound, msg);
		return;
	}
	if (msg->type == ES_DEVICE_CLIPBOARD) {
		player_clipboard_copied(&player->clipboard, msg);
		return;
	}
	player_say(player->socket, &(struct es_player_msg){.type = ES_PLAYER_FEEDBACK, .device = *msg});
}

// --- the page

static void answer_ping(struct es_sink_player *player, const struct es_player_msg *msg) {
	struct es_player_msg pong = {.type = ES_PLAYER_PONG};
	pong.pong.browser_us = msg->ping.browser_us;
	pong.pong.host_us = (uint64_t)(clock_now_ns() / ES_NS_PER_US);
	player->net.rtt_us = msg->ping.rtt_us;
	player_say(player->socket, &pong);
}

static void limit_kbps(struct es_sink_player *player) {
	uint32_t host = player->limit_kbps, page = player->page_kbps;
	if (player_flow_limit(&player->flow, page != 0 && page < host ? page : host)) {
		player->has_bitrate = true;
	}
}

// The one that was held back goes now.
static void use_credit(struct es_sink_player *player, int64_t now_ns) {
	if (player->held && player_flow_may_send(&player->flow)) {
		player->held = false;
		websocket_hold(player->socket, false);
		player_flow_sent(&player->flow, player->unit.size, now_ns);
	}
}

static void take_message(struct es_sink_player *player, const struct es_player_msg *msg) {
	int64_t now_ns = clock_now_ns();
	switch (msg->type) {
	case ES_PLAYER_ACK:
		player->net.refused += !player_flow_acked(
				&player->flow, msg->ack.frame, (int64_t)msg->ack.held_us * ES_NS_PER_US, now_ns);
		use_credit(player, now_ns);
		return;
	case ES_PLAYER_IDR:
		player->net.idr_asked++;
		player->idr_only = player->idr_only || msg->idr.only;
		recovery_want_idr(&player->recovery, now_ns, (int64_t)player->net.rtt_us * ES_NS_PER_US);
		return;
	case ES_PLAYER_RESIZE:
		player->has_resize = true;
		player->resize = msg->resize;
		return;
	case ES_PLAYER_INPUT:
		player->net.input++;
		player_input_put(&player->input, &msg->device);
		return;
	case ES_PLAYER_PASTE:
		player_clipboard_paste(&player->clipboard, msg);
		return;
	case ES_PLAYER_MIC:
		player_sound_hear(&player->sound, msg, now_ns);
		return;
	case ES_PLAYER_PING:
		answer_ping(player, msg);
		return;
	case ES_PLAYER_BITRATE:
		player->page_kbps = msg->bitrate.kbps;
		limit_kbps(player);
		return;
	case ES_PLAYER_BYE:
		end(player, ES_END_CLIENT_LEFT, "the page was left");
		return;
	default:
		player->net.refused++;
		return;
	}
}

static void take_bytes(struct es_sink_player *player, const uint8_t *data, size_t size) {
	if (player->finishing) {
		return; // everything has been released; the app may be gone
	}
	if (player_msg_decode(&player->message, data, size, 0)) {
		take_message(player, &player->message);
	} else {
		player->net.refused++;
	}
}

static void read_socket(struct es_sink_player *player) {
	const uint8_t *data;
	size_t size;
	player->more_messages = false;
	for (int i = 0; i < MAX_MESSAGES && !player->over; i++) {
		enum es_websocket_event event = websocket_next(player->socket, &data, &size);
		switch (event) {
		case ES_WEBSOCKET_NONE:
			return;
		case ES_WEBSOCKET_CLOSED:
			end(player, ES_END_CLIENT_LEFT, "the page was closed");
			return;
		case ES_WEBSOCKET_BROKEN:
			end(player, ES_END_CLIENT_LOST, "it does not keep to the protocol of WebSocket");
			return;
		case ES_WEBSOCKET_MESSAGE:
			take_bytes(player, data, size);
			break;
		case ES_WEBSOCKET_ALIVE:
			break;
		}
		player->heard_ns = clock_now_ns();
	}
	player->more_messages = !player->over;
}

static int64_t lost_ns(const struct es_sink_player *player) {
	return player->heard_ns + player->lost_ms * ES_NS_PER_MS;
}

static int64_t quiet_ns(const struct es_sink_player *player) {
	int64_t since_ns = player->heard_ns > player->pinged_ns ? player->heard_ns : player->pinged_ns;
	return since_ns + PING_NS;
}

static void watch_page(struct es_sink_player *player, int64_t now_ns) {
	char text[96];
	if (now_ns >= lost_ns(player)) {
		snprintf(text, sizeof(text), "it has not answered for %" PRIu32 " ms", player->lost_ms);
		end(player, ES_END_CLIENT_LOST, text);
	} else if (now_ns >= quiet_ns(player)) {
		player->pinged_ns = now_ns;
		websocket_ping(player->socket);
	}
}

static void tell_stats(struct es_sink_player *player, int64_t now_ns) {
	if (now_ns < player->next_stats_ns || !player->config_told) {
		return;
	}
	player->next_stats_ns = now_ns + STATS_NS;
	struct es_player_msg msg = {.type = ES_PLAYER_STATS};
	msg.stats.bitrate_kbps = player->flow.kbps;
	msg.stats.sent = player->flow.next;
	msg.stats.skipped = (uint32_t)player->flow.skipped;
	msg.stats.bytes = player->base.n_bytes;
	player_say(player->socket, &msg);
}

// --- polling

static int64_t earliest(int64_t a, int64_t b) {
	return a < b ? a : b;
}

static size_t sink_player_poll(
		struct es_sink *sink, struct pollfd *pollfds, bool flushing, int64_t *wake_ns) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	short events = player->over ? 0 : POLLIN, device_events = POLLIN;
	bool telling = is_live(player) && player_clipboard_tells(&player->clipboard);
	events |= websocket_waits(player->socket) || telling ? POLLOUT : 0;
	device_events |=
			device_queue_waits(&player->input.queue) || player_clipboard_waits(&player->clipboard)
			? POLLOUT
			: 0;
	pollfds[POLL_SOCKET] = (struct pollfd){
			.fd = player->farewell ? -1 : websocket_fd(player->socket), .events = events};
	pollfds[POLL_DEVICE] = (struct pollfd){.fd = player->input.queue.fd, .events = device_events};
	*wake_ns = earliest(lost_ns(player), quiet_ns(player));
	*wake_ns = player->config_told ? earliest(*wake_ns, player->next_stats_ns) : *wake_ns;
	if (has_credit(player)) {
		*wake_ns = earliest(*wake_ns, recovery_wake_ns(&player->recovery));
	}
	if (player->has_resize) {
		*wake_ns = earliest(*wake_ns, player->next_resize_ns);
	}
	*wake_ns = earliest(*wake_ns, player_sound_wake_ns(&player->sound));
	if (player->more_messages) {
		*wake_ns = clock_now_ns();
	}
	if (player->over) {
		*wake_ns = ES_SINK_NEVER;
	}
	return POLL_COUNT;
}

static void sink_player_dispatch(struct es_sink *sink, const struct pollfd *pollfds, size_t n) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	if (pollfds[POLL_DEVICE].revents != 0) {
		device_queue_dispatch(&player->input.queue);
	}
	if (pollfds[POLL_SOCKET].revents != 0 || player->more_messages) {
		read_socket(player);
	}
	int64_t now_ns = clock_now_ns();
	if (is_live(player)) {
		player_sound_tick(&player->sound, now_ns);
		watch_page(player, now_ns);
		tell_stats(player, now_ns);
		player_clipboard_flush(&player->clipboard);
	}
	if (!websocket_flush(player->socket) && !player->over) {
		end(player, ES_END_CLIENT_LOST, "its connection is broken");
	}
}

// --- events

static bool next_sent(struct es_sink_player *player, struct es_sink_event *event) {
	if (!player->has_unit || !websocket_is_free(player->socket)) {
		return false;
	}
	player->has_unit = false;
	player->base.n_units++;
	player->base.n_bytes += player->unit.size + ES_PLAYER_VIDEO_HEADER;
	if (!player->playing) {
		player->playing = true;
		player->tell_playing = true;
	}
	*event = (struct es_sink_event){
			.type = ES_SINK_SENT, .sent = {player->unit, player->packetized_ns, clock_now_ns()}};
	return true;
}

// An encoder that makes nothing while nothing can be sent leaves no gap behind, and takes the newest frame
// when it goes on.
static bool next_hold(struct es_sink_player *player, struct es_sink_event *event) {
	bool hold = !has_credit(player);
	if (player->hold_known && player->hold == hold) {
		return false;
	}
	player_flow_hold(&player->flow, hold, player->has_unit && !player->held, clock_now_ns());
	player->hold_known = true;
	player->hold = hold;
	*event = (struct es_sink_event){.type = ES_SINK_WANTS_HOLD, .hold = {hold}};
	return true;
}

// What is asked for while it could not be sent would only be skipped, too.
static bool next_request(struct es_sink_player *player, struct es_sink_event *event) {
	struct es_recovery_ask ask;
	int64_t now_ns = clock_now_ns();
	if (has_credit(player) && recovery_next(&player->recovery, now_ns, &ask)) {
		*event = ask.type == ES_RECOVERY_ASK_IDR || player->idr_only
				? (struct es_sink_event){.type = ES_SINK_WANTS_IDR}
				: (struct es_sink_event){.type = ES_SINK_WANTS_INVALIDATION,
						  .invalidation = {ask.first, ask.last}};
		return true;
	}
	if (player->has_bitrate) {
		player->has_bitrate = false;
		*event = (struct es_sink_event){
				.type = ES_SINK_WANTS_BITRATE, .bitrate = {player->flow.kbps}};
		return true;
	}
	if (player->has_resize && now_ns >= player->next_resize_ns) {
		player->has_resize = false;
		player->next_resize_ns = now_ns + RESIZE_NS;
		*event = (struct es_sink_event){.type = ES_SINK_WANTS_MODE, .mode = player->resize};
		return true;
	}
	return next_hold(player, event);
}

static bool next_phase(struct es_sink_player *player, struct es_sink_event *event) {
	bool connected = player->tell_connected;
	if (!connected && !player->tell_playing) {
		return false;
	}
	player->tell_connected = false;
	if (!connected) {
		player->tell_playing = false;
	}
	*event = (struct es_sink_event){.type = ES_SINK_CLIENT,
			.client = {connected ? ES_CLIENT_CONNECTED : ES_CLIENT_PLAYING}};
	return true;
}

static bool sink_player_next_event(struct es_sink *sink, struct es_sink_event *event) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	if (next_sent(player, event) || next_phase(player, event)) {
		return true;
	}
	if (is_live(player) && next_request(player, event)) {
		return true;
	}
	if (player->tell_over) {
		player->tell_over = false;
		*event = (struct es_sink_event){.type = ES_SINK_END, .end = {.code = player->end_code}};
		snprintf(event->end.text, sizeof(event->end.text), "%.400s", player->end_text);
		return true;
	}
	return false;
}

static void sink_player_take_device(struct es_sink *sink, int fd) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	player_input_attach(&player->input, fd);
}

static void sink_player_limit_bitrate(struct es_sink *sink, uint32_t kbps) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	player->limit_kbps = kbps;
	limit_kbps(player);
}

static void sink_player_fill_net(struct es_sink *sink, struct es_net_stats *net) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	*net = player->net;
	net->bitrate_kbps = player->flow.kbps;
}

static void sink_player_fill_sound(struct es_sink *sink, struct es_sound_stats *sound) {
	struct es_sink_player *player = (struct es_sink_player *)sink;
	player_sound_fill(&player->sound, sound);
}

static const struct es_sink_impl sink_player_impl = {
		.destroy = sink_player_destroy,
		.set_track = sink_player_set_track,
		.write = sink_player_write,
		.flush = sink_player_flush,
		.finish = sink_player_finish,
		.poll = sink_player_poll,
		.dispatch = sink_player_dispatch,
		.next_event = sink_player_next_event,
		.take_device = sink_player_take_device,
		.fill_net = sink_player_fill_net,
		.fill_sound = sink_player_fill_sound,
		.limit_bitrate = sink_player_limit_bitrate,
};

// --- the start

// A socket takes no more than the pictures that may be on their way, and sends each at once. Over TLS it is
// a pair of local ones, which know nothing of TCP.
static void prepare_socket(const struct es_session_msg *start, int fd) {
	int64_t size = (int64_t)start->start_player.bitrate_kbps * 1000 / 8 * 1000 /
			start->start_player.refresh_mhz * ES_PLAYER_CREDIT;
	int buffer = size < MIN_SOCKET_BUFFER ? MIN_SOCKET_BUFFER
			: size > INT32_MAX			  ? INT32_MAX
										  : (int)size;
	int at_once = 1, unsent = MIN_SOCKET_BUFFER;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

static void init_state(struct es_sink_player *player, const struct es_session_msg *start) {
	player->base = (struct es_sink){.impl = &sink_player_impl, .live = true};
	player->first_kbps = player->limit_kbps = start->start_player.bitrate_kbps;
	player->lost_ms = start->start_player.lost_ms;
	player->audio_packet_ms = start->start_player.audio_packet_ms;
	player->heard_ns = clock_now_ns();
	player->tell_connected = true;
	player_flow_init(&player->flow, player->first_kbps, start->start_player.refresh_mhz);
	recovery_init(&player->recovery);
	recovery_new_viewer(&player->recovery, player->heard_ns);
	player_input_init(&player->input);
	player->input.queue.message = take_device_message;
	player->input.queue.data = player;
}

struct es_sink *sink_player_create(
		const struct es_session_msg *start, int fd, char *error, size_t cap) {
	struct es_sink_player *player = calloc(1, sizeof(*player));
	snprintf(error, cap, "out of memory");
	if (player == NULL) {
		fd_close(&fd);
		return NULL;
	}
	init_state(player, start);
	prepare_socket(start, fd);
	player->socket = websocket_create(fd);
	if (player->socket == NULL) {
		sink_player_destroy(&player->base);
		return NULL;
	}
	player_clipboard_init(&player->clipboard, player->socket, &player->input.queue);
	player_sound_init(&player->sound, start, player->socket, &player->input.queue);
	return &player->base;
}
