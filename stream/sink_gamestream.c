#include "stream/sink_gamestream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "protocol/crypto.h"
#include "protocol/input_msg.h"
#include "stream/audio_sender.h"
#include "stream/control.h"
#include "stream/client_feedback.h"
#include "stream/client_input.h"
#include "stream/ping.h"
#include "stream/rate.h"
#include "stream/recovery.h"
#include "stream/video_sender.h"

// Messages per wake-up, so that a flood does not keep the streamer from its frames.
#define MAX_MESSAGES 256

enum { POLL_VIDEO, POLL_AUDIO, POLL_CONTROL, POLL_SENT, POLL_DEVICE, POLL_COUNT };
_Static_assert(POLL_COUNT <= ES_SINK_MAX_FDS, "fds");

struct es_sink_gamestream {
	struct es_sink base;

	// owned
	int video_fd, audio_fd;
	struct es_video_sender *sender;
	struct es_audio_sender *audio; // NULL: no sound
	struct es_control *control;
	struct es_ping video_ping, audio_ping;
	struct es_client_input input;

	// state
	struct es_recovery recovery;
	struct es_rate rate;
	bool connected, ready; // ready: connected, and there is an address to send to
	bool has_begun; // the client has said so
	bool finishing, over;
	bool more_messages; // than were taken at once
	bool has_bitrate;
	bool tell_connected, tell_playing, playing, tell_over;
	bool failure_logged;
	bool may_pad; // a unit of this codec may end with zeros
	uint32_t kbps;
	uint8_t fec_percent;
	uint32_t lost_ms;
	enum es_end_code end_code;
	char peer[ES_SESSION_MAX_ADDRESS];
	struct es_net_stats net;
};

static void sink_gamestream_destroy(struct es_sink *sink) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	client_input_finish(&game->input);
	control_destroy(game->control);
	audio_sender_destroy(game->audio);
	video_sender_destroy(game->sender);
	fd_close(&game->video_fd);
	fd_close(&game->audio_fd);
	ping_finish(&game->video_ping);
	ping_finish(&game->audio_ping);
	free(game);
}

static enum es_sink_result sink_gamestream_set_track(
		struct es_sink *sink, const struct es_sink_track *track) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	recovery_new_encoder(&game->recovery, clock_now_ns());
	game->may_pad = track->codec != ES_CODEC_AV1;
	game->has_bitrate = game->kbps != game->rate.params.kbps; // it knows only what it began with
	return ES_SINK_OK;
}

// --- frames

static void tick(struct es_sink_gamestream *game, int64_t now_ns) {
	rate_rtt(&game->rate, control_rtt_us(game->control));
	if (rate_tick(&game->rate, now_ns, &game->kbps)) {
		game->has_bitrate = true;
	}
}

static void set_fec(struct es_sink_gamestream *game, size_t size) {
	uint8_t percent = rate_fec(&game->rate, size);
	if (percent != game->fec_percent) {
		game->fec_percent = percent;
		video_sender_set_fec(game->sender, percent);
	}
}

static enum es_frame_type frame_type(const struct es_unit *unit) {
	return unit->idr ? ES_FRAME_IDR : unit->recovery ? ES_FRAME_RECOVERY : ES_FRAME_P;
}

static enum es_sink_result sink_gamestream_write(
		struct es_sink *sink, const struct es_unit *unit, const uint8_t *data) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	if (!game->ready || game->over || game->finishing) {
		recovery_unseen(&game->recovery);
		return ES_SINK_UNWANTED;
	}
	int64_t now_ns = clock_now_ns();
	tick(game, now_ns);
	if (!recovery_admits(&game->recovery, unit)) {
		recovery_withheld(&game->recovery, now_ns);
		return ES_SINK_DROPPED;
	}
	uint32_t frame;
	struct es_put_frame put = {.unit = unit, .data = data, .type = frame_type(unit)};
	put.padding = game->may_pad ? (uint32_t)rate_padding(&game->rate, unit->size) : 0;
	set_fec(game, unit->size + put.padding);
	if (!video_sender_put(game->sender, &put, &frame)) {
		recovery_dropped(&game->recovery, unit, now_ns);
		return ES_SINK_DROPPED;
	}
	recovery_sent(&game->recovery, unit, frame, now_ns);
	return ES_SINK_OK;
}

// Units are copied by write; only the end has to be waited for.
static enum es_sink_result sink_gamestream_flush(struct es_sink *sink) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	return game->finishing && !control_terminated(game->control) ? ES_SINK_AGAIN : ES_SINK_OK;
}

static enum es_sink_result sink_gamestream_finish(struct es_sink *sink, uint32_t reason) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	game->finishing = true;
	client_input_release_all(&game->input);
	control_terminate(game->control, reason);
	return ES_SINK_OK;
}

// --- the client

static void get_ready(struct es_sink_gamestream *game) {
	if (game->connected && game->video_ping.known && !game->ready) {
		game->ready = true;
		recovery_new_viewer(&game->recovery, clock_now_ns());
	}
}

static void read_video_socket(struct es_sink_gamestream *game) {
	if (!ping_read(&game->video_ping, game->video_fd)) {
		return;
	}
	video_sender_set_peer(game->sender, (const struct sockaddr *)&game->video_ping.address,
			game->video_ping.address_size);
	get_ready(game);
}

static void read_audio_socket(struct es_sink_gamestream *game) {
	if (ping_read(&game->audio_ping, game->audio_fd) && game->audio != NULL) {
		audio_sender_set_peer(game->audio, (const struct sockaddr *)&game->audio_ping.address,
				game->audio_ping.address_size);
	}
}

// Of the display.
static void take_device_message(void *data, const struct es_device_msg *msg) {
	struct es_sink_gamestream *game = data;
	uint8_t payload[ES_CLIENT_FEEDBACK_SIZE];
	uint16_t type;
	if (!game->connected || game->finishing || game->over) {
		return;
	}
	if (msg->type == ES_DEVICE_PCM) {
		if (game->audio != NULL) {
			audio_sender_put(game->audio, msg);
		}
		return;
	}
	size_t size = client_feedback_put(msg, &type, payload);
	if (size > 0) {
		control_send(game->control, type, payload, size);
	}
}

static void take_input(struct es_sink_gamestream *game, const struct es_control_msg *message) {
	struct es_input input;
	if (game->finishing) {
		return; // everything has been released; the app may be gone
	}
	if (!input_parse(&input, message->payload, message->size)) {
		game->net.refused++;
		return;
	}
	game->net.input++;
	client_input_put(&game->input, &input);
}

// What was sent more recently the client cannot have seen when it asked: the shortest round trip, because
// a request too many costs an IDR, and one too few the picture.
static int64_t rtt_ns(const struct es_sink_gamestream *game) {
	int64_t shortest_ns = game->rate.min_rtt_us * ES_NS_PER_US - ES_NS_PER_MS; // ENet rounds up
	return shortest_ns < ES_RECOVERY_IDR_NS ? shortest_ns : ES_RECOVERY_IDR_NS;
}

// The client begins with such a request ("start A"), before it can have lost anything: what it gets first
// is an IDR in any case.
static void take_idr_request(struct es_sink_gamestream *game) {
	bool is_start = !game->has_begun;
	game->has_begun = true;
	game->net.idr_asked += !is_start;
	if (game->playing && !is_start) {
		rate_broken(&game->rate);
		recovery_want_idr(&game->recovery, clock_now_ns(), rtt_ns(game));
	}
}

static void take_invalidation(
		struct es_sink_gamestream *game, const struct es_control_msg *message) {
	uint32_t first, last;
	game->net.invalidations_asked++;
	if (!control_parse_invalidate(&first, &last, message) ||
			!recovery_want_invalidation(&game->recovery, first, last, clock_now_ns())) {
		game->net.refused++;
		return;
	}
	rate_broken(&game->rate);
}

static void take_fec_status(struct es_sink_gamestream *game, const struct es_control_msg *message) {
	struct es_fec_status status;
	if (!control_parse_fec_status(&status, message) || !rate_report(&game->rate, &status)) {
		game->net.refused++;
	}
}

static void take_message(struct es_sink_gamestream *game, const struct es_control_msg *message) {
	switch (message->type) {
	case ES_CONTROL_INPUT:
		take_input(game, message);
		return;
	case ES_CONTROL_IDR:
		take_idr_request(game);
		return;
	case ES_CONTROL_INVALIDATE:
		take_invalidation(game, message);
		return;
	case ES_CONTROL_FEC_STATUS:
		take_fec_status(game, message);
		return;
	default:
		return; // the pings that keep the connection alive, and what is of no use here
	}
}

static void end(struct es_sink_gamestream *game, enum es_end_code code) {
	client_input_release_all(&game->input);
	game->end_code = code;
	game->over = true;
	game->tell_over = !game->finishing;
}

static void take_control_event(struct es_sink_gamestream *game, enum es_control_event event) {
	switch (event) {
	case ES_CONTROL_EVENT_CONNECTED:
		game->connected = true;
		game->tell_connected = true;
		get_ready(game);
		return;
	case ES_CONTROL_EVENT_MESSAGE:
		take_message(game, control_message(game->control));
		return;
	case ES_CONTROL_EVENT_SILENT:
		client_input_release_all(&game->input);
		return;
	case ES_CONTROL_EVENT_LEFT:
		end(game, ES_END_CLIENT_LEFT);
		return;
	case ES_CONTROL_EVENT_LOST:
		end(game, ES_END_CLIENT_LOST);
		return;
	case ES_CONTROL_EVENT_NONE:
		return;
	}
}

static void read_control(struct es_sink_gamestream *game) {
	for (int i = 0; i < MAX_MESSAGES && !game->over; i++) {
		enum es_control_event event = control_next(game->control);
		if (event == ES_CONTROL_EVENT_NONE) {
			game->more_messages = false;
			return;
		}
		take_control_event(game, event);
	}
	game->more_messages = !game->over;
}

// --- polling

static size_t sink_gamestream_poll(
		struct es_sink *sink, struct pollfd *pollfds, bool flushing, int64_t *wake_ns) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	short device_events = POLLIN;
	if (device_queue_waits(&game->input.queue)) {
		device_events |= POLLOUT;
	}
	pollfds[POLL_VIDEO] = (struct pollfd){.fd = game->video_fd, .events = POLLIN};
	pollfds[POLL_AUDIO] = (struct pollfd){.fd = game->audio_fd, .events = POLLIN};
	pollfds[POLL_CONTROL] = (struct pollfd){.fd = control_fd(game->control), .events = POLLIN};
	pollfds[POLL_SENT] = (struct pollfd){.fd = video_sender_fd(game->sender), .events = POLLIN};
	pollfds[POLL_DEVICE] = (struct pollfd){.fd = game->input.queue.fd, .events = device_events};
	int64_t control_ns = control_wake_ns(game->control);
	int64_t recovery_ns = game->ready ? recovery_wake_ns(&game->recovery) : ES_SINK_NEVER;
	*wake_ns = control_ns < recovery_ns ? control_ns : recovery_ns;
	int64_t audio_ns = game->audio != NULL ? audio_sender_wake_ns(game->audio) : ES_SINK_NEVER;
	*wake_ns = audio_ns < *wake_ns ? audio_ns : *wake_ns;
	if (game->more_messages) {
		*wake_ns = clock_now_ns();
	}
	return POLL_COUNT;
}

static void sink_gamestream_dispatch(struct es_sink *sink, const struct pollfd *pollfds, size_t n) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	if (pollfds[POLL_VIDEO].revents != 0) {
		read_video_socket(game);
	}
	if (pollfds[POLL_AUDIO].revents != 0) {
		read_audio_socket(game);
	}
	if (game->audio != NULL) {
		audio_sender_tick(game->audio);
	}
	if (pollfds[POLL_DEVICE].revents != 0) {
		device_queue_dispatch(&game->input.queue);
	}
	if (pollfds[POLL_CONTROL].revents != 0 || game->more_messages ||
			clock_now_ns() >= control_wake_ns(game->control)) {
		read_control(game);
	}
}

// --- events

static void set_end_event(const struct es_sink_gamestream *game, struct es_sink_event *event) {
	*event = (struct es_sink_event){.type = ES_SINK_END, .end = {.code = game->end_code}};
	char *text = event->end.text;
	size_t cap = sizeof(event->end.text);
	if (game->end_code == ES_END_CLIENT_LEFT) {
		snprintf(text, cap, "the client at %s has left", game->peer);
	} else if (game->connected) {
		snprintf(text, cap, "the client at %s has not answered for %" PRIu32 " ms", game->peer,
				game->lost_ms);
	} else {
		snprintf(text, cap,
				"the client at %s opened no control connection within %" PRIu32
				" ms: check that the media ports are let through by the firewall",
				game->peer, game->lost_ms);
	}
}

static void count_sent(struct es_sink_gamestream *game, const struct es_sent_frame *sent) {
	game->base.n_units++;
	game->base.n_bytes += sent->n_bytes;
	game->net.datagrams += sent->n_datagrams;
	game->net.parity += sent->n_parity;
	rate_sent(&game->rate, sent->n_datagrams);
	if (sent->failed && !game->failure_logged) {
		game->failure_logged = true;
		es_log(ES_LOG_WARN,
				"the network takes not all of what is sent to %s: check its route and firewall",
				game->peer);
	}
	if (!game->playing) {
		game->playing = true;
		game->tell_playing = true;
	}
}

static bool next_request(struct es_sink_gamestream *game, struct es_sink_event *event) {
	struct es_recovery_ask ask;
	if (game->ready && recovery_next(&game->recovery, clock_now_ns(), &ask)) {
		*event = ask.type == ES_RECOVERY_ASK_IDR
				? (struct es_sink_event){.type = ES_SINK_WANTS_IDR}
				: (struct es_sink_event){.type = ES_SINK_WANTS_INVALIDATION,
						  .invalidation = {ask.first, ask.last}};
		return true;
	}
	if (game->has_bitrate) {
		game->has_bitrate = false;
		*event = (struct es_sink_event){.type = ES_SINK_WANTS_BITRATE, .bitrate = {game->kbps}};
		return true;
	}
	return false;
}

static bool next_phase(struct es_sink_gamestream *game, struct es_sink_event *event) {
	bool connected = game->tell_connected;
	if (!connected && !game->tell_playing) {
		return false;
	}
	game->tell_connected = false;
	if (!connected) {
		game->tell_playing = false;
	}
	*event = (struct es_sink_event){.type = ES_SINK_CLIENT,
			.client = {connected ? ES_CLIENT_CONNECTED : ES_CLIENT_PLAYING}};
	return true;
}

static bool sink_gamestream_next_event(struct es_sink *sink, struct es_sink_event *event) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	struct es_sent_frame sent;
	if (next_request(game, event) || next_phase(game, event)) {
		return true;
	}
	if (video_sender_take_sent(game->sender, &sent)) {
		count_sent(game, &sent);
		*event = (struct es_sink_event){
				.type = ES_SINK_SENT, .sent = {sent.unit, sent.packetized_ns, sent.sent_ns}};
		return true;
	}
	if (game->tell_over) {
		game->tell_over = false;
		set_end_event(game, event);
		return true;
	}
	return false;
}

static void sink_gamestream_take_device(struct es_sink *sink, int fd) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	client_input_attach(&game->input, fd);
}

static void sink_gamestream_fill_sound(struct es_sink *sink, struct es_sound_stats *sound) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	if (game->audio != NULL) {
		audio_sender_fill(game->audio, sound);
	}
}

static void sink_gamestream_fill_net(struct es_sink *sink, struct es_net_stats *net) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	*net = game->net;
	net->lost = game->rate.lost;
	net->refused +=
			control_refused(game->control) + game->video_ping.refused + game->audio_ping.refused;
	net->fec_percent = game->fec_percent;
	net->rtt_us = control_rtt_us(game->control);
	net->bitrate_kbps = game->kbps;
}

static void sink_gamestream_limit_bitrate(struct es_sink *sink, uint32_t kbps) {
	struct es_sink_gamestream *game = (struct es_sink_gamestream *)sink;
	rate_limit(&game->rate, kbps);
	game->kbps = kbps;
	game->has_bitrate = true;
}

static const struct es_sink_impl sink_gamestream_impl = {
		.destroy = sink_gamestream_destroy,
		.set_track = sink_gamestream_set_track,
		.write = sink_gamestream_write,
		.flush = sink_gamestream_flush,
		.finish = sink_gamestream_finish,
		.poll = sink_gamestream_poll,
		.dispatch = sink_gamestream_dispatch,
		.next_event = sink_gamestream_next_event,
		.take_device = sink_gamestream_take_device,
		.fill_net = sink_gamestream_fill_net,
		.fill_sound = sink_gamestream_fill_sound,
		.limit_bitrate = sink_gamestream_limit_bitrate,
};

static bool create_sender(
		struct es_sink_gamestream *game, const struct es_gamestream_start *start) {
	bool encrypted = (start->encryption & ES_GAMESTREAM_ENCRYPT_VIDEO) != 0;
	struct es_video_sender_params params = {
			.fd = game->video_fd,
			.packet_size = start->packet_size,
			.min_parity = start->min_parity,
			.dscp = start->dscp_video,
			.key = encrypted ? start->key : NULL,
			.refresh_mhz = start->refresh_mhz,
	};
	game->sender = video_sender_create(&params);
	if (game->sender == NULL) {
		return false;
	}
	game->fec_percent = start->fec_percent;
	video_sender_set_fec(game->sender, start->fec_percent);
	return true;
}

static void init_state(struct es_sink_gamestream *game, const struct es_gamestream_start *start) {
	struct es_rate_params rate = {
			.fec_percent = start->fec_percent,
			.min_parity = start->min_parity,
			.packet_size = start->packet_size,
			.kbps = start->bitrate_kbps,
			.refresh_mhz = start->refresh_mhz,
	};
	game->base = (struct es_sink){.impl = &sink_gamestream_impl, .live = true};
	game->kbps = start->bitrate_kbps;
	game->lost_ms = start->lost_ms;
	snprintf(game->peer, sizeof(game->peer), "%s", start->peer);
	rate_init(&game->rate, &rate);
	recovery_init(&game->recovery);
	client_input_init(&game->input);
	game->input.queue.message = take_device_message;
	game->input.queue.data = game;
}

struct es_sink *sink_gamestream_create(const struct es_gamestream_start *start,
		const struct es_gamestream_sockets *sockets, char *error, size_t cap) {
	struct es_sink_gamestream *game = calloc(1, sizeof(*game));
	struct es_gamestream_sockets taken = *sockets;
	snprintf(error, cap, "out of memory");
	if (game == NULL) {
		fd_close(&taken.video);
		fd_close(&taken.audio);
		fd_close(&taken.control);
		control_host_destroy(taken.control_host);
		return NULL;
	}
	init_state(game, start);
	game->video_fd = taken.video;
	game->audio_fd = taken.audio;
	bool ok = ping_init(&game->video_ping, start) && ping_init(&game->audio_ping, start);
	if (!ok) {
		snprintf(error, cap, "cannot serve the client at \"%s\": it is no numeric address",
				start->peer);
		fd_close(&taken.control);
		control_host_destroy(taken.control_host);
		goto fail;
	}
	game->control = control_create(taken.control, taken.control_host, start, error, cap);
	if (game->control == NULL || !create_sender(game, start)) {
		goto fail;
	}
	if (start->audio_channels > 0) {
		game->audio = audio_sender_create(start, game->audio_fd); // without it there is a picture
	}
	return &game->base;

fail:
	sink_gamestream_destroy(&game->base);
	return NULL;
}
