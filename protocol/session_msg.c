#include "protocol/session_msg.h"

#include <string.h>

#include "protocol/bytes.h"

#define LETTER 'S'
#define MIN_SCALE_MILLI 250
#define MIN_STUCK_MS 100
#define MAX_STUCK_MS 60000
#define MAX_SCALE_MILLI 8000

static bool kbps_valid(uint32_t kbps) {
	return kbps >= ES_MIN_KBPS && kbps <= ES_MAX_KBPS;
}

static bool codec_valid(enum es_codec codec) {
	return (unsigned)codec < ES_CODEC_COUNT;
}

static bool channels_valid(uint8_t channels) {
	return channels == 0 || channels == 2 || channels == 6 || channels == 8;
}

static bool start_display_valid(const struct es_session_msg *msg) {
	int32_t detached_mhz = msg->start_display.detached_mhz;
	return msg->start_display.scale_milli >= MIN_SCALE_MILLI &&
			msg->start_display.scale_milli <= MAX_SCALE_MILLI &&
			(detached_mhz == 0 ||
					(detached_mhz >= ES_MODE_MIN_REFRESH_MHZ &&
							detached_mhz <= ES_MODE_MAX_REFRESH_MHZ)) &&
			channels_valid(msg->start_display.audio_channels) &&
			msg->start_display.gamepad < ES_GAMEPAD_COUNT;
}

static void put_start_display(struct es_writer *w, const struct es_session_msg *msg) {
	put_mode(w, &msg->start_display.mode);
	put_le32(w, msg->start_display.scale_milli);
	put_le32s(w, msg->start_display.detached_mhz);
	put_text(w, msg->start_display.name, sizeof(msg->start_display.name));
	put_bool(w, msg->start_display.start_now);
	put_text(w, msg->start_display.keyboard, sizeof(msg->start_display.keyboard));
	put_colour(w, &msg->start_display.colour);
	put_u8(w, msg->start_display.audio_channels);
	put_text(w, msg->start_display.sound_node, sizeof(msg->start_display.sound_node));
	put_u8(w, (uint8_t)msg->start_display.gamepad);
	put_bool(w, msg->start_display.microphone);
	put_text(w, msg->start_display.seat, sizeof(msg->start_display.seat));
	put_bool(w, msg->start_display.screen_source);
}

static void get_start_display(struct es_reader *r, struct es_session_msg *msg) {
	get_mode(r, &msg->start_display.mode);
	msg->start_display.scale_milli = get_le32(r);
	msg->start_display.detached_mhz = get_le32s(r);
	get_text(r, msg->start_display.name, sizeof(msg->start_display.name));
	msg->start_display.start_now = get_bool(r);
	get_text(r, msg->start_display.keyboard, sizeof(msg->start_display.keyboard));
	get_colour(r, &msg->start_display.colour);
	msg->start_display.audio_channels = get_u8(r);
	get_text(r, msg->start_display.sound_node, sizeof(msg->start_display.sound_node));
	msg->start_display.gamepad = get_u8(r);
	msg->start_display.microphone = get_bool(r);
	get_text(r, msg->start_display.seat, sizeof(msg->start_display.seat));
	msg->start_display.screen_source = get_bool(r);
}

static bool start_encode_valid(const struct es_session_msg *msg) {
	return codec_valid(msg->start_encode.codec) && kbps_valid(msg->start_encode.bitrate_kbps) &&
			msg->start_encode.threads <= ES_SESSION_MAX_THREADS;
}

static void put_start_encode(struct es_writer *w, const struct es_session_msg *msg) {
	put_u8(w, (uint8_t)msg->start_encode.codec);
	put_text(w, msg->start_encode.encoder, sizeof(msg->start_encode.encoder));
	put_le32(w, msg->start_encode.bitrate_kbps);
	put_le32(w, msg->start_encode.threads);
	put_u8(w, msg->start_encode.slices);
	put_u8(w, msg->start_encode.max_refs);
	put_le32(w, msg->start_encode.keepalive_ms);
	put_bool(w, msg->start_encode.strict);
	put_text(w, msg->start_encode.device, sizeof(msg->start_encode.device));
	put_text(w, msg->start_encode.without, sizeof(msg->start_encode.without));
}

static void get_start_encode(struct es_reader *r, struct es_session_msg *msg) {
	msg->start_encode.codec = get_u8(r);
	get_text(r, msg->start_encode.encoder, sizeof(msg->start_encode.encoder));
	msg->start_encode.bitrate_kbps = get_le32(r);
	msg->start_encode.threads = get_le32(r);
	msg->start_encode.slices = get_u8(r);
	msg->start_encode.max_refs = get_u8(r);
	msg->start_encode.keepalive_ms = get_le32(r);
	msg->start_encode.strict = get_bool(r);
	get_text(r, msg->start_encode.device, sizeof(msg->start_encode.device));
	get_text(r, msg->start_encode.without, sizeof(msg->start_encode.without));
}

static bool start_stream_valid(const struct es_session_msg *msg) {
	return msg->start_stream.container >= ES_CONTAINER_MKV &&
			msg->start_stream.container <= ES_CONTAINER_RAW &&
			channels_valid(msg->start_stream.audio_channels);
}

static void put_start_stream(struct es_writer *w, const struct es_session_msg *msg) {
	put_u8(w, (uint8_t)msg->start_stream.container);
	put_text(w, msg->start_stream.path, sizeof(msg->start_stream.path));
	put_u8(w, msg->start_stream.audio_channels);
}

static void get_start_stream(struct es_reader *r, struct es_session_msg *msg) {
	msg->start_stream.container = get_u8(r);
	get_text(r, msg->start_stream.path, sizeof(msg->start_stream.path));
	msg->start_stream.audio_channels = get_u8(r);
}

static bool start_gamestream_valid(const struct es_session_msg *msg) {
	const struct es_gamestream_start *start = &msg->start_gamestream;
	return (start->encryption & ~7u) == 0 && start->packet_size >= ES_GAMESTREAM_MIN_PACKET &&
			start->packet_size <= ES_GAMESTREAM_MAX_PACKET && start->packet_size % 16 == 0 &&
			start->fec_percent <= 100 && start->min_parity <= 2 && start->dscp_video < 64 &&
			start->dscp_audio < 64 && start->refresh_mhz >= ES_MODE_MIN_REFRESH_MHZ &&
			start->refresh_mhz <= ES_MODE_MAX_REFRESH_MHZ && kbps_valid(start->bitrate_kbps) &&
			start->lost_ms > 0 && channels_valid(start->audio_channels) &&
			(start->audio_channels == 0 || start->audio_packet_ms == 5 ||
					start->audio_packet_ms == 10 || start->audio_packet_ms == 20);
}

static void put_start_gamestream(struct es_writer *w, const struct es_session_msg *msg) {
	const struct es_gamestream_start *start = &msg->start_gamestream;
	put_bytes(w, start->key, sizeof(start->key));
	put_le32(w, start->key_id);
	put_bytes(w, start->ping, sizeof(start->ping));
	put_le32(w, start->connect_data);
	put_text(w, start->peer, sizeof(start->peer));
	put_le32(w, start->encryption);
	put_bool(w, start->legacy_ping);
	put_le16(w, start->packet_size);
	put_u8(w, start->fec_percent);
	put_u8(w, start->min_parity);
	put_u8(w, start->dscp_video);
	put_u8(w, start->dscp_audio);
	put_le32s(w, start->refresh_mhz);
	put_le32(w, start->bitrate_kbps);
	put_le32(w, start->lost_ms);
	put_u8(w, start->audio_channels);
	put_u8(w, start->audio_packet_ms);
	put_bool(w, start->audio_high_quality);
}

static void get_start_gamestream(struct es_reader *r, struct es_session_msg *msg) {
	struct es_gamestream_start *start = &msg->start_gamestream;
	get_bytes(r, start->key, sizeof(start->key));
	start->key_id = get_le32(r);
	get_bytes(r, start->ping, sizeof(start->ping));
	start->connect_data = get_le32(r);
	get_text(r, start->peer, sizeof(start->peer));
	start->encryption = get_le32(r);
	start->legacy_ping = get_bool(r);
	start->packet_size = get_le16(r);
	start->fec_percent = get_u8(r);
	start->min_parity = get_u8(r);
	start->dscp_video = get_u8(r);
	start->dscp_audio = get_u8(r);
	start->refresh_mhz = get_le32s(r);
	start->bitrate_kbps = get_le32(r);
	start->lost_ms = get_le32(r);
	start->audio_channels = get_u8(r);
	start->audio_packet_ms = get_u8(r);
	start->audio_high_quality = get_bool(r);
}

static bool start_player_valid(const struct es_session_msg *msg) {
	uint8_t channels = msg->start_player.audio_channels, ms = msg->start_player.audio_packet_ms;
	return msg->start_player.refresh_mhz >= ES_MODE_MIN_REFRESH_MHZ &&
			msg->start_player.refresh_mhz <= ES_MODE_MAX_REFRESH_MHZ &&
			kbps_valid(msg->start_player.bitrate_kbps) && msg->start_player.lost_ms > 0 &&
			(channels == 0 || (channels == 2 && (ms == 5 || ms == 10 || ms == 20)));
}

static void put_start_player(struct es_writer *w, const struct es_session_msg *msg) {
	put_le32s(w, msg->start_player.refresh_mhz);
	put_le32(w, msg->start_player.bitrate_kbps);
	put_le32(w, msg->start_player.lost_ms);
	put_u8(w, msg->start_player.audio_channels);
	put_u8(w, msg->start_player.audio_packet_ms);
}

static void get_start_player(struct es_reader *r, struct es_session_msg *msg) {
	msg->start_player.refresh_mhz = get_le32s(r);
	msg->start_player.bitrate_kbps = get_le32(r);
	msg->start_player.lost_ms = get_le32(r);
	msg->start_player.audio_channels = get_u8(r);
	msg->start_player.audio_packet_ms = get_u8(r);
}

static void put_terminate(struct es_writer *w, const struct es_session_msg *msg) {
	put_le32(w, msg->terminate.code);
}

static void get_terminate(struct es_reader *r, struct es_session_msg *msg) {
	msg->terminate.code = get_le32(r);
}

static void put_keyboard(struct es_writer *w, const struct es_session_msg *msg) {
	put_text(w, msg->keyboard.layout, sizeof(msg->keyboard.layout));
}

static void get_keyboard(struct es_reader *r, struct es_session_msg *msg) {
	get_text(r, msg->keyboard.layout, sizeof(msg->keyboard.layout));
}

static bool client_valid(const struct es_session_msg *msg) {
	return msg->client.phase >= ES_CLIENT_CONNECTED && msg->client.phase <= ES_CLIENT_PLAYING;
}

static void put_client(struct es_writer *w, const struct es_session_msg *msg) {
	put_u8(w, (uint8_t)msg->client.phase);
}

static void get_client(struct es_reader *r, struct es_session_msg *msg) {
	msg->client.phase = get_u8(r);
}

static bool attach_valid(const struct es_session_msg *msg) {
	const struct es_attach *attach = &msg->attach;
	if (attach->clipboard && attach->kind != ES_ATTACH_DEVICE) {
		return false;
	}
	if (attach->kind == ES_ATTACH_FRAME) {
		return attach->stuck_ms >= MIN_STUCK_MS && attach->stuck_ms <= MAX_STUCK_MS;
	}
	return attach->kind > ES_ATTACH_FRAME && attach->kind <= ES_ATTACH_DEVICE &&
			attach->stuck_ms == 0;
}

static void put_attach(struct es_writer *w, const struct es_session_msg *msg) {
	put_u8(w, (uint8_t)msg->attach.kind);
	put_le32(w, msg->attach.viewer);
	put_bool(w, msg->attach.primary);
	put_le32(w, msg->attach.stuck_ms);
	put_bool(w, msg->attach.clipboard);
}

static void get_attach(struct es_reader *r, struct es_session_msg *msg) {
	msg->attach.kind = get_u8(r);
	msg->attach.viewer = get_le32(r);
	msg->attach.primary = get_bool(r);
	msg->attach.stuck_ms = get_le32(r);
	msg->attach.clipboard = get_bool(r);
}

static void put_detach(struct es_writer *w, const struct es_session_msg *msg) {
	put_le32(w, msg->detach.viewer);
}

static void get_detach(struct es_reader *r, struct es_session_msg *msg) {
	msg->detach.viewer = get_le32(r);
}

static void put_stuck(struct es_writer *w, const struct es_session_msg *msg) {
	put_le32(w, msg->stuck.viewer);
}

static void get_stuck(struct es_reader *r, struct es_session_msg *msg) {
	msg->stuck.viewer = get_le32(r);
}

static void put_mode_msg(struct es_writer *w, const struct es_session_msg *msg) {
	put_mode(w, &msg->mode);
}

static void get_mode_msg(struct es_reader *r, struct es_session_msg *msg) {
	get_mode(r, &msg->mode);
}

static bool bitrate_valid(const struct es_session_msg *msg) {
	return kbps_valid(msg->bitrate.kbps);
}

static void put_bitrate(struct es_writer *w, const struct es_session_msg *msg) {
	put_le32(w, msg->bitrate.kbps);
}

static void get_bitrate(struct es_reader *r, struct es_session_msg *msg) {
	msg->bitrate.kbps = get_le32(r);
}

static void put_ready(struct es_writer *w, const struct es_session_msg *msg) {
	put_text(w, msg->ready.wayland_display, sizeof(msg->ready.wayland_display));
	put_text(w, msg->ready.x11_display, sizeof(msg->ready.x11_display));
	put_text(w, msg->ready.renderer, sizeof(msg->ready.renderer));
}

static void get_ready(struct es_reader *r, struct es_session_msg *msg) {
	get_text(r, msg->ready.wayland_display, sizeof(msg->ready.wayland_display));
	get_text(r, msg->ready.x11_display, sizeof(msg->ready.x11_display));
	get_text(r, msg->ready.renderer, sizeof(msg->ready.renderer));
}

static void put_usage(struct es_writer *w, const struct es_usage *usage) {
	put_le64(w, usage->cpu_us);
	put_le64(w, usage->peak_rss_kib);
}

static void get_usage(struct es_reader *r, struct es_usage *usage) {
	usage->cpu_us = get_le64(r);
	usage->peak_rss_kib = get_le64(r);
}

static void put_display_stats(struct es_writer *w, const struct es_session_msg *msg) {
	const struct es_display_stats *stats = &msg->display_stats;
	put_le64(w, stats->committed);
	put_le64(w, stats->superseded);
	put_le64(w, stats->sent);
	put_le64(w, stats->direct);
	put_le64(w, stats->composed);
	for (size_t i = 0; i < ES_COMPOSE_REASON_COUNT; i++) {
		put_le64(w, stats->compose_reason[i]);
	}
	put_le64(w, stats->composed_px);
	put_le64(w, stats->damage_px);
	put_le64(w, stats->fence_timeouts);
	put_usage(w, &stats->usage);
	put_le64(w, stats->sound_dropped);
}

static void get_display_stats(struct es_reader *r, struct es_session_msg *msg) {
	struct es_display_stats *stats = &msg->display_stats;
	stats->committed = get_le64(r);
	stats->superseded = get_le64(r);
	stats->sent = get_le64(r);
	stats->direct = get_le64(r);
	stats->composed = get_le64(r);
	for (size_t i = 0; i < ES_COMPOSE_REASON_COUNT; i++) {
		stats->compose_reason[i] = get_le64(r);
	}
	stats->composed_px = get_le64(r);
	stats->damage_px = get_le64(r);
	stats->fence_timeouts = get_le64(r);
	get_usage(r, &stats->usage);
	stats->sound_dropped = get_le64(r);
}

static void put_encode_stats(struct es_writer *w, const struct es_session_msg *msg) {
	const struct es_encode_stats *stats = &msg->encode_stats;
	put_le64(w, stats->frames_new);
	put_le64(w, stats->frames_repeated);
	put_le64(w, stats->frames_cursor);
	put_le64(w, stats->idr_asked);
	put_le64(w, stats->idr_made);
	put_le64(w, stats->invalidations_asked);
	put_le64(w, stats->invalidations_made);
	put_le64(w, stats->cache_hits);
	put_le64(w, stats->cache_misses);
	put_le64(w, stats->cache_evictions);
	put_le64(w, stats->converted_px);
	put_le64(w, stats->bytes);
	put_le64(w, stats->import_failures);
	put_usage(w, &stats->usage);
}

static void get_encode_stats(struct es_reader *r, struct es_session_msg *msg) {
	struct es_encode_stats *stats = &msg->encode_stats;
	stats->frames_new = get_le64(r);
	stats->frames_repeated = get_le64(r);
	stats->frames_cursor = get_le64(r);
	stats->idr_asked = get_le64(r);
	stats->idr_made = get_le64(r);
	stats->invalidations_asked = get_le64(r);
	stats->invalidations_made = get_le64(r);
	stats->cache_hits = get_le64(r);
	stats->cache_misses = get_le64(r);
	stats->cache_evictions = get_le64(r);
	stats->converted_px = get_le64(r);
	stats->bytes = get_le64(r);
	stats->import_failures = get_le64(r);
	get_usage(r, &stats->usage);
}

static void put_stages(struct es_writer *w, const struct es_stage_summary *stages) {
	for (size_t i = 0; i < ES_STAGE_COUNT; i++) {
		put_le32(w, stages[i].p50_us);
		put_le32(w, stages[i].p95_us);
		put_le32(w, stages[i].p99_us);
		put_le32(w, stages[i].max_us);
		put_le64(w, stages[i].sum_ns);
	}
}

static void get_stages(struct es_reader *r, struct es_stage_summary *stages) {
	for (size_t i = 0; i < ES_STAGE_COUNT; i++) {
		stages[i].p50_us = get_le32(r);
		stages[i].p95_us = get_le32(r);
		stages[i].p99_us = get_le32(r);
		stages[i].max_us = get_le32(r);
		stages[i].sum_ns = get_le64(r);
	}
}

static void put_net(struct es_writer *w, const struct es_net_stats *net) {
	put_le64(w, net->datagrams);
	put_le64(w, net->parity);
	put_le64(w, net->lost);
	put_le64(w, net->idr_asked);
	put_le64(w, net->invalidations_asked);
	put_le64(w, net->refused);
	put_le32(w, net->fec_percent);
	put_le32(w, net->rtt_us);
	put_le32(w, net->bitrate_kbps);
	put_le64(w, net->input);
}

static void get_net(struct es_reader *r, struct es_net_stats *net) {
	net->datagrams = get_le64(r);
	net->parity = get_le64(r);
	net->lost = get_le64(r);
	net->idr_asked = get_le64(r);
	net->invalidations_asked = get_le64(r);
	net->refused = get_le64(r);
	net->fec_percent = get_le32(r);
	net->rtt_us = get_le32(r);
	net->bitrate_kbps = get_le32(r);
	net->input = get_le64(r);
}

static void put_sound(struct es_writer *w, const struct es_sound_stats *sound) {
	put_le64(w, sound->packets);
	put_le64(w, sound->dropped);
	put_le64(w, sound->inserted);
	put_le32(w, sound->p50_us);
	put_le32(w, sound->p99_us);
}

static void get_sound(struct es_reader *r, struct es_sound_stats *sound) {
	sound->packets = get_le64(r);
	sound->dropped = get_le64(r);
	sound->inserted = get_le64(r);
	sound->p50_us = get_le32(r);
	sound->p99_us = get_le32(r);
}

static bool stream_stats_valid(const struct es_session_msg *msg) {
	const struct es_stream_stats *stats = &msg->stream_stats;
	return stats->first_ns >= 0 && stats->last_ns >= stats->first_ns && codec_valid(stats->codec);
}

static void put_stream_stats(struct es_writer *w, const struct es_session_msg *msg) {
	const struct es_stream_stats *stats = &msg->stream_stats;
	put_le64(w, stats->units_new);
	put_le64(w, stats->units_repeated);
	put_le64(w, stats->units_cursor);
	put_le64(w, stats->dropped);
	put_le64(w, stats->bytes);
	put_le64s(w, stats->first_ns);
	put_le64s(w, stats->last_ns);
	put_le64(w, stats->missed_slots);
	put_stages(w, stats->session);
	put_stages(w, stats->recent);
	put_text(w, stats->encoder, sizeof(stats->encoder));
	put_u8(w, (uint8_t)stats->codec);
	put_net(w, &stats->net);
	put_usage(w, &stats->usage);
	put_sound(w, &stats->sound);
	for (int i = 0; i < ES_LATENCY_BOUNDS; i++) {
		put_le64(w, stats->encode_within[i]);
		put_le64(w, stats->total_within[i]);
	}
}

static void get_stream_stats(struct es_reader *r, struct es_session_msg *msg) {
	struct es_stream_stats *stats = &msg->stream_stats;
	stats->units_new = get_le64(r);
	stats->units_repeated = get_le64(r);
	stats->units_cursor = get_le64(r);
	stats->dropped = get_le64(r);
	stats->bytes = get_le64(r);
	stats->first_ns = get_le64s(r);
	stats->last_ns = get_le64s(r);
	stats->missed_slots = get_le64(r);
	get_stages(r, stats->session);
	get_stages(r, stats->recent);
	get_text(r, stats->encoder, sizeof(stats->encoder));
	stats->codec = get_u8(r);
	get_net(r, &stats->net);
	get_usage(r, &stats->usage);
	get_sound(r, &stats->sound);
	for (int i = 0; i < ES_LATENCY_BOUNDS; i++) {
		stats->encode_within[i] = get_le64(r);
		stats->total_within[i] = get_le64(r);
	}
}

static void put_rows(struct es_writer *w, const struct es_session_msg *msg) {
	put_bool(w, msg->rows.on);
}

static void get_rows(struct es_reader *r, struct es_session_msg *msg) {
	msg->rows.on = get_bool(r);
}

static bool frames_valid(const struct es_session_msg *msg) {
	for (size_t i = 0; i < msg->frames.n && i < ES_SESSION_MAX_ROWS; i++) {
		if (msg->frames.rows[i].at_ns < 0) {
			return false;
		}
	}
	return msg->frames.n > 0 && msg->frames.n <= ES_SESSION_MAX_ROWS;
}

static void put_frames(struct es_writer *w, const struct es_session_msg *msg) {
	put_le32(w, msg->frames.dropped);
	put_u8(w, msg->frames.n);
	for (size_t i = 0; i < msg->frames.n; i++) {
		const struct es_frame_row *row = &msg->frames.rows[i];
		put_le64s(w, row->at_ns);
		put_u8(w, row->kind);
		put_le32(w, row->bytes);
		for (int stage = 0; stage < ES_STAGE_TOTAL; stage++) {
			put_le32(w, row->stages_us[stage]);
		}
	}
}

static void get_frames(struct es_reader *r, struct es_session_msg *msg) {
	msg->frames.dropped = get_le32(r);
	msg->frames.n = get_u8(r);
	for (size_t i = 0; i < msg->frames.n && i < ES_SESSION_MAX_ROWS; i++) {
		struct es_frame_row *row = &msg->frames.rows[i];
		row->at_ns = get_le64s(r);
		row->kind = get_u8(r);
		row->bytes = get_le32(r);
		for (int stage = 0; stage < ES_STAGE_TOTAL; stage++) {
			row->stages_us[stage] = get_le32(r);
		}
	}
}

static bool end_valid(const struct es_session_msg *msg) {
	return msg->end.code >= ES_END_DRAINED && msg->end.code <= ES_END_CLIENT_LOST;
}

static void put_end(struct es_writer *w, const struct es_session_msg *msg) {
	put_u8(w, (uint8_t)msg->end.code);
	put_le32s(w, msg->end.status);
	put_text(w, msg->end.text, sizeof(msg->end.text));
}

static void get_end(struct es_reader *r, struct es_session_msg *msg) {
	msg->end.code = get_u8(r);
	msg->end.status = get_le32s(r);
	get_text(r, msg->end.text, sizeof(msg->end.text));
}

static void put_nothing(struct es_writer *w, const struct es_session_msg *msg) {
}

static void get_nothing(struct es_reader *r, struct es_session_msg *msg) {
}

// As in frame_msg.c.
static const struct kind {
	enum es_session_msg_type type;
	void (*put)(struct es_writer *w, const struct es_session_msg *msg);
	void (*get)(struct es_reader *r, struct es_session_msg *msg);
	bool (*valid)(const struct es_session_msg *msg); // optional
} kinds[] = {
		{ES_SESSION_START_DISPLAY, put_start_display, get_start_display, start_display_valid},
		{ES_SESSION_START_ENCODE, put_start_encode, get_start_encode, start_encode_valid},
		{ES_SESSION_START_STREAM, put_start_stream, get_start_stream, start_stream_valid},
		{ES_SESSION_ATTACH, put_attach, get_attach, attach_valid},
		{ES_SESSION_DETACH, put_detach, get_detach, NULL},
		{ES_SESSION_MODE, put_mode_msg, get_mode_msg, NULL},
		{ES_SESSION_BITRATE, put_bitrate, get_bitrate, bitrate_valid},
		{ES_SESSION_IDR, put_nothing, get_nothing, NULL},
		{ES_SESSION_STATS, put_nothing, get_nothing, NULL},
		{ES_SESSION_DRAIN, put_nothing, get_nothing, NULL},
		{ES_SESSION_START_GAMESTREAM, put_start_gamestream, get_start_gamestream,
				start_gamestream_valid},
		{ES_SESSION_TERMINATE, put_terminate, get_terminate, NULL},
		{ES_SESSION_KEYBOARD, put_keyboard, get_keyboard, NULL},
		{ES_SESSION_START_PLAYER, put_start_player, get_start_player, start_player_valid},
		{ES_SESSION_ROWS, put_rows, get_rows, NULL},
		{ES_SESSION_READY, put_ready, get_ready, NULL},
		{ES_SESSION_DISPLAY_STATS, put_display_stats, get_display_stats, NULL},
		{ES_SESSION_ENCODE_STATS, put_encode_stats, get_encode_stats, NULL},
		{ES_SESSION_STREAM_STATS, put_stream_stats, get_stream_stats, stream_stats_valid},
		{ES_SESSION_STUCK, put_stuck, get_stuck, NULL},
		{ES_SESSION_NEED_ENCODER, put_nothing, get_nothing, NULL},
		{ES_SESSION_END, put_end, get_end, end_valid},
		{ES_SESSION_CLIENT, put_client, get_client, client_valid},
		{ES_SESSION_RESIZE, put_mode_msg, get_mode_msg, NULL},
		{ES_SESSION_FRAMES, put_frames, get_frames, frames_valid},
};

static const struct kind *find_kind(uint32_t type) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type) {
			return &kinds[i];
		}
	}
	return NULL;
}

size_t session_msg_n_fds(const struct es_session_msg *msg) {
	switch (msg->type) {
	case ES_SESSION_START_GAMESTREAM:
		return 3;
	case ES_SESSION_START_STREAM:
	case ES_SESSION_START_PLAYER:
	case ES_SESSION_ATTACH:
		return 1;
	default:
		return 0;
	}
}

size_t session_msg_encode(const struct es_session_msg *msg, void *out, size_t cap) {
	const struct kind *kind = find_kind(msg->type);
	if (kind == NULL || (kind->valid != NULL && !kind->valid(msg))) {
		return 0;
	}
	struct es_writer w = writer_init(out, cap);
	put_header(&w, LETTER, ES_SESSION_VERSION, (uint16_t)kind->type);
	kind->put(&w, msg);
	return w.ok ? w.pos : 0;
}

bool session_msg_decode(struct es_session_msg *msg, const void *data, size_t size, size_t n_fds) {
	memset(msg, 0, sizeof(*msg));
	struct es_reader r = reader_init(data, size);
	const struct kind *kind = find_kind(get_header(&r, LETTER, ES_SESSION_VERSION));
	if (kind == NULL) {
		return false;
	}
	msg->type = kind->type;
	kind->get(&r, msg);
	return reader_done(&r) && (kind->valid == NULL || kind->valid(msg)) &&
			n_fds == session_msg_n_fds(msg);
}
