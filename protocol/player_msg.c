#include "protocol/player_msg.h"

#include <string.h>

#include "protocol/bytes.h"

#define LETTER 'P'
#define DEVICE_LETTER 'D'
#define HEADER 4
#define VIDEO_KEY 1
#define VIDEO_RECOVERY 2
#define VIDEO_REPEAT 4

static bool us_valid(uint64_t us) {
	return us <= ES_PLAYER_MAX_US;
}

static bool config_valid(const struct es_player_msg *msg) {
	return (unsigned)msg->config.codec < ES_CODEC_COUNT && msg->config.codec_text[0] != '\0' &&
			(msg->config.audio_channels == 0 || msg->config.audio_channels == 2);
}

static void put_config(struct es_writer *w, const struct es_player_msg *msg) {
	put_u8(w, (uint8_t)msg->config.codec);
	put_u8(w, msg->config.audio_channels);
	put_u8(w, msg->config.audio_packet_ms);
	put_mode(w, &msg->config.mode);
	put_text(w, msg->config.codec_text, sizeof(msg->config.codec_text));
}

static void get_config(struct es_reader *r, struct es_player_msg *msg) {
	msg->config.codec = get_u8(r);
	msg->config.audio_channels = get_u8(r);
	msg->config.audio_packet_ms = get_u8(r);
	get_mode(r, &msg->config.mode);
	get_text(r, msg->config.codec_text, sizeof(msg->config.codec_text));
}

// --- sound, which reaches to the end of its message

static bool opus_valid(uint16_t size) {
	return size > 0 && size <= ES_PLAYER_MAX_OPUS;
}

static void get_opus(struct es_reader *r, uint16_t *size, uint8_t *opus) {
	size_t left = r->size - r->pos;
	if (!r->ok || left == 0 || left > ES_PLAYER_MAX_OPUS) {
		r->ok = false;
		return;
	}
	*size = (uint16_t)left;
	get_bytes(r, opus, left);
}

static bool audio_valid(const struct es_player_msg *msg) {
	return us_valid(msg->audio.time_us) && opus_valid(msg->audio.size);
}

static void put_audio(struct es_writer *w, const struct es_player_msg *msg) {
	put_le32(w, msg->audio.index);
	put_le64(w, msg->audio.time_us);
	put_bytes(w, msg->audio.opus, msg->audio.size);
}

static void get_audio(struct es_reader *r, struct es_player_msg *msg) {
	msg->audio.index = get_le32(r);
	msg->audio.time_us = get_le64(r);
	get_opus(r, &msg->audio.size, msg->audio.opus);
}

static bool mic_valid(const struct es_player_msg *msg) {
	return opus_valid(msg->mic.size);
}

static void put_mic(struct es_writer *w, const struct es_player_msg *msg) {
	put_le32(w, msg->mic.index);
	put_bytes(w, msg->mic.opus, msg->mic.size);
}

static void get_mic(struct es_reader *r, struct es_player_msg *msg) {
	msg->mic.index = get_le32(r);
	get_opus(r, &msg->mic.size, msg->mic.opus);
}

// --- messages of the device link, without the link's header

static bool feedback_valid(const struct es_player_msg *msg) {
	return msg->device.type >= ES_DEVICE_RUMBLE && msg->device.type <= ES_DEVICE_TRIGGER_EFFECT &&
			msg->device.type != ES_DEVICE_PCM;
}

static bool input_valid(const struct es_player_msg *msg) {
	return msg->device.type >= ES_DEVICE_KEY && msg->device.type <= ES_DEVICE_PAD_BATTERY;
}

static bool clipboard_valid(const struct es_player_msg *msg) {
	return msg->device.type == ES_DEVICE_CLIPBOARD &&
			msg->device.clipboard.n <= ES_PLAYER_CLIPBOARD_PART;
}

static void put_device(struct es_writer *w, const struct es_player_msg *msg) {
	uint8_t data[ES_PLAYER_MSG_MAX];
	size_t size = device_msg_encode(&msg->device, data, sizeof(data));
	if (size < HEADER) {
		w->ok = false;
		return;
	}
	put_le16(w, (uint16_t)msg->device.type);
	put_bytes(w, data + HEADER, size - HEADER);
}

static void get_device(struct es_reader *r, struct es_player_msg *msg) {
	uint8_t data[ES_PLAYER_MSG_MAX];
	struct es_writer w = writer_init(data, sizeof(data));
	put_header(&w, DEVICE_LETTER, ES_DEVICE_VERSION, get_le16(r));
	size_t left = r->ok ? r->size - r->pos : 0;
	if (left > sizeof(data) - HEADER) {
		r->ok = false;
		return;
	}
	get_bytes(r, data + HEADER, left);
	r->ok = r->ok && device_msg_decode(&msg->device, data, HEADER + left, 0);
}

// --- figures and times

static bool stats_valid(const struct es_player_msg *msg) {
	return us_valid(msg->stats.bytes);
}

static void put_stats(struct es_writer *w, const struct es_player_msg *msg) {
	put_le32(w, msg->stats.bitrate_kbps);
	put_le32(w, msg->stats.sent);
	put_le32(w, msg->stats.skipped);
	put_le64(w, msg->stats.bytes);
}

static void get_stats(struct es_reader *r, struct es_player_msg *msg) {
	msg->stats.bitrate_kbps = get_le32(r);
	msg->stats.sent = get_le32(r);
	msg->stats.skipped = get_le32(r);
	msg->stats.bytes = get_le64(r);
}

static bool pong_valid(const struct es_player_msg *msg) {
	return us_valid(msg->pong.browser_us) && us_valid(msg->pong.host_us);
}

static void put_pong(struct es_writer *w, const struct es_player_msg *msg) {
	put_le64(w, msg->pong.browser_us);
	put_le64(w, msg->pong.host_us);
}

static void get_pong(struct es_reader *r, struct es_player_msg *msg) {
	msg->pong.browser_us = get_le64(r);
	msg->pong.host_us = get_le64(r);
}

static bool ping_valid(const struct es_player_msg *msg) {
	return us_valid(msg->ping.browser_us);
}

static void put_ping(struct es_writer *w, const struct es_player_msg *msg) {
	put_le64(w, msg->ping.browser_us);
	put_le32(w, msg->ping.rtt_us);
}

static void get_ping(struct es_reader *r, struct es_player_msg *msg) {
	msg->ping.browser_us = get_le64(r);
	msg->ping.rtt_us = get_le32(r);
}

static void put_ack(struct es_writer *w, const struct es_player_msg *msg) {
	put_le32(w, msg->ack.frame);
	put_le32(w, msg->ack.drawn_us);
	put_le32(w, msg->ack.held_us);
}

static void get_ack(struct es_reader *r, struct es_player_msg *msg) {
	msg->ack.frame = get_le32(r);
	msg->ack.drawn_us = get_le32(r);
	msg->ack.held_us = get_le32(r);
}

// --- the rest

static bool end_valid(const struct es_player_msg *msg) {
	return msg->end.reason >= ES_PLAYER_END_OVER && msg->end.reason <= ES_PLAYER_END_FAILED;
}

static void put_end(struct es_writer *w, const struct es_player_msg *msg) {
	put_u8(w, (uint8_t)msg->end.reason);
	put_text(w, msg->end.text, sizeof(msg->end.text));
}

static void get_end(struct es_reader *r, struct es_player_msg *msg) {
	msg->end.reason = get_u8(r);
	get_text(r, msg->end.text, sizeof(msg->end.text));
}

static void put_idr(struct es_writer *w, const struct es_player_msg *msg) {
	put_bool(w, msg->idr.only);
}

static void get_idr(struct es_reader *r, struct es_player_msg *msg) {
	msg->idr.only = get_bool(r);
}

static void put_resize(struct es_writer *w, const struct es_player_msg *msg) {
	put_mode(w, &msg->resize);
}

static void get_resize(struct es_reader *r, struct es_player_msg *msg) {
	get_mode(r, &msg->resize);
}

static bool bitrate_valid(const struct es_player_msg *msg) {
	return msg->bitrate.kbps >= ES_MIN_KBPS && msg->bitrate.kbps <= ES_MAX_KBPS;
}

static void put_bitrate(struct es_writer *w, const struct es_player_msg *msg) {
	put_le32(w, msg->bitrate.kbps);
}

static void get_bitrate(struct es_reader *r, struct es_player_msg *msg) {
	msg->bitrate.kbps = get_le32(r);
}

static void put_nothing(struct es_writer *w, const struct es_player_msg *msg) {
}

static void get_nothing(struct es_reader *r, struct es_player_msg *msg) {
}

// As in frame_msg.c.
static const struct kind {
	enum es_player_msg_type type;
	void (*put)(struct es_writer *w, const struct es_player_msg *msg);
	void (*get)(struct es_reader *r, struct es_player_msg *msg);
	bool (*valid)(const struct es_player_msg *msg); // optional
} kinds[] = {
		{ES_PLAYER_CONFIG, put_config, get_config, config_valid},
		{ES_PLAYER_AUDIO, put_audio, get_audio, audio_valid},
		{ES_PLAYER_FEEDBACK, put_device, get_device, feedback_valid},
		{ES_PLAYER_STATS, put_stats, get_stats, stats_valid},
		{ES_PLAYER_PONG, put_pong, get_pong, pong_valid},
		{ES_PLAYER_END, put_end, get_end, end_valid},
		{ES_PLAYER_COPIED, put_device, get_device, clipboard_valid},
		{ES_PLAYER_ACK, put_ack, get_ack, NULL},
		{ES_PLAYER_IDR, put_idr, get_idr, NULL},
		{ES_PLAYER_RESIZE, put_resize, get_resize, NULL},
		{ES_PLAYER_INPUT, put_device, get_device, input_valid},
		{ES_PLAYER_MIC, put_mic, get_mic, mic_valid},
		{ES_PLAYER_PING, put_ping, get_ping, ping_valid},
		{ES_PLAYER_BITRATE, put_bitrate, get_bitrate, bitrate_valid},
		{ES_PLAYER_BYE, put_nothing, get_nothing, NULL},
		{ES_PLAYER_PASTE, put_device, get_device, clipboard_valid},
};

static const struct kind *find_kind(uint32_t type) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type) {
			return &kinds[i];
		}
	}
	return NULL;
}

size_t player_msg_encode(const struct es_player_msg *msg, void *out, size_t cap) {
	const struct kind *kind = find_kind(msg->type);
	if (kind == NULL || (kind->valid != NULL && !kind->valid(msg))) {
		return 0;
	}
	struct es_writer w = writer_init(out, cap);
	put_header(&w, LETTER, ES_PLAYER_VERSION, (uint16_t)kind->type);
	kind->put(&w, msg);
	return w.ok ? w.pos : 0;
}

bool player_msg_decode(struct es_player_msg *msg, const void *data, size_t size, size_t n_fds) {
	memset(msg, 0, sizeof(*msg));
	struct es_reader r = reader_init(data, size);
	const struct kind *kind = find_kind(get_header(&r, LETTER, ES_PLAYER_VERSION));
	if (kind == NULL) {
		return false;
	}
	msg->type = kind->type;
	kind->get(&r, msg);
	return reader_done(&r) && (kind->valid == NULL || kind->valid(msg)) && n_fds == 0;
}

// --- pictures

void player_video_put(uint8_t out[ES_PLAYER_VIDEO_HEADER], const struct es_player_video *video) {
	struct es_writer w = writer_init(out, ES_PLAYER_VIDEO_HEADER);
	put_header(&w, LETTER, ES_PLAYER_VERSION, ES_PLAYER_VIDEO);
	put_le32(&w,
			(video->key ? VIDEO_KEY : 0u) | (video->recovery ? VIDEO_RECOVERY : 0u) |
					(video->repeat ? VIDEO_REPEAT : 0u));
	put_le32(&w, video->frame);
	put_le32(&w, video->size);
	put_le64(&w, video->commit_us);
	put_le32(&w, video->encode_us);
	put_le32(&w, video->host_us);
}

bool player_video_get(struct es_player_video *video, const void *data, size_t size) {
	struct es_reader r = reader_init(data, size);
	uint16_t type = get_header(&r, LETTER, ES_PLAYER_VERSION);
	uint32_t flags = get_le32(&r);
	video->key = (flags & VIDEO_KEY) != 0;
	video->recovery = (flags & VIDEO_RECOVERY) != 0;
	video->repeat = (flags & VIDEO_REPEAT) != 0;
	video->frame = get_le32(&r);
	video->size = get_le32(&r);
	video->commit_us = get_le64(&r);
	video->encode_us = get_le32(&r);
	video->host_us = get_le32(&r);
	return r.ok && type == ES_PLAYER_VIDEO &&
			flags <= (VIDEO_KEY | VIDEO_RECOVERY | VIDEO_REPEAT) && video->size > 0 &&
			video->size == size - r.pos && us_valid(video->commit_us);
}
