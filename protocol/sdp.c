#include "protocol/sdp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "protocol/session_msg.h"

#define FEATURE_PEN_TOUCH 1
#define FEATURE_PAD_TOUCH_MOTION 2

#define CLIENT_FEC_STATUS 1
#define CLIENT_SESSION_ID 2
#define OLD_FEATURES 135
#define OLD_AUDIO_ENCRYPTION 0x20
#define ENCRYPTED_CONTROL_PROTOCOL 13

#define MAX_FPS (ES_MODE_MAX_REFRESH_MHZ / 1000)
#define MAX_SLICES 16 // more only cost bits, and no client asks for more than 4
#define ANY_NUMBER INT32_MAX
#define MAX_SHOWN 32 // of a client's text, in an error

// --- DESCRIBE

struct text {
	char *at;
	size_t room;
	bool ok;
};

__attribute__((format(__printf__, 2, 3))) static void add(
		struct text *text, const char *format, ...) {
	va_list args;
	va_start(args, format);
	int size = vsnprintf(text->at, text->room, format, args);
	va_end(args);
	if (size < 0 || (size_t)size >= text->room) {
		text->ok = false;
		text->room = 0;
		return;
	}
	text->at += size;
	text->room -= (size_t)size;
}

// Per number of channels: Opus streams, coupled ones, and where each channel lies. Of two lines the
// first is for normal quality, with the last digits turned as clients turn them back; the second
// for high quality. Pairs of front, rear and side are coupled, centre and bass alone.
static const char surround[] = "a=fmtp:97 surround-params=21101\n"
							   "a=fmtp:97 surround-params=642014235\n"
							   "a=fmtp:97 surround-params=660012345\n"
							   "a=fmtp:97 surround-params=85301623457\n"
							   "a=fmtp:97 surround-params=88001234567\n";

size_t sdp_describe(char *out, size_t cap, const struct es_sdp_offer *offer) {
	struct text text = {out, cap, true};
	add(&text, "a=x-ss-general.featureFlags:%d\n",
			(offer->pen_touch ? FEATURE_PEN_TOUCH : 0) |
					(offer->pad_touch_motion ? FEATURE_PAD_TOUCH_MOTION : 0));
	add(&text, "a=x-ss-general.encryptionSupported:%" PRIu32 "\n", offer->encryption_supported);
	add(&text, "a=x-ss-general.encryptionRequested:%" PRIu32 "\n", offer->encryption_requested);
	if (offer->invalidation) {
		add(&text, "a=x-nv-video[0].refPicInvalidation:1\n");
	}
	if (offer->codecs[ES_CODEC_HEVC]) { // how a VPS begins; clients look for nothing else
		add(&text, "sprop-parameter-sets=AAAAAU\n");
	}
	if (offer->codecs[ES_CODEC_AV1]) {
		add(&text, "a=rtpmap:98 AV1/90000\n");
	}
	add(&text, "%s", surround);
	return text.ok ? (size_t)(text.at - out) : 0;
}

// --- ANNOUNCE

enum attribute {
	CLIENT_FEATURES,
	ENCRYPTION,
	CHROMA,
	WIDTH,
	HEIGHT,
	FPS,
	PACKET_SIZE,
	MAXIMUM_KBPS,
	CONFIGURED_KBPS,
	VIDEO_TRAFFIC,
	AUDIO_TRAFFIC,
	FEATURES,
	RELIABLE_UDP,
	MIN_PARITY,
	SLICES,
	CODEC,
	DYNAMIC_RANGE,
	MAX_REFS,
	REFRESH_X100,
	CHANNELS,
	CHANNEL_MASK,
	AUDIO_QUALITY,
	PACKET_MS,
	CSC_MODE,
	N_ATTRIBUTES
};

#define REQUIRED (-1)

static const struct rule {
	const char *name;
	int32_t min, max;
	int32_t preset; // if absent, or REQUIRED
} rules[N_ATTRIBUTES] = {
		[CLIENT_FEATURES] = {"x-ml-general.featureFlags", 0, ANY_NUMBER, 0},
		[ENCRYPTION] = {"x-ss-general.encryptionEnabled", 0, 7, 0},
		[CHROMA] = {"x-ss-video[0].chromaSamplingType", 0, 1, 0},
		[WIDTH] = {"x-nv-video[0].clientViewportWd", ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE, REQUIRED},
		[HEIGHT] = {"x-nv-video[0].clientViewportHt", ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE, REQUIRED},
		[FPS] = {"x-nv-video[0].maxFPS", 1, MAX_FPS, REQUIRED},
		[PACKET_SIZE] = {"x-nv-video[0].packetSize", ES_GAMESTREAM_MIN_PACKET,
				ES_GAMESTREAM_MAX_PACKET, REQUIRED},
		[MAXIMUM_KBPS] = {"x-nv-vqos[0].bw.maximumBitrateKbps", 1, ANY_NUMBER, REQUIRED},
		[CONFIGURED_KBPS] = {"x-ml-video.configuredBitrateKbps", 0, ANY_NUMBER, 0},
		[VIDEO_TRAFFIC] = {"x-nv-vqos[0].qosTrafficType", 0, 255, 0},
		[AUDIO_TRAFFIC] = {"x-nv-aqos.qosTrafficType", 0, 255, 0},
		[FEATURES] = {"x-nv-general.featureFlags", 0, ANY_NUMBER, OLD_FEATURES},
		[RELIABLE_UDP] = {"x-nv-general.useReliableUdp", ENCRYPTED_CONTROL_PROTOCOL,
				ENCRYPTED_CONTROL_PROTOCOL, REQUIRED},
		[MIN_PARITY] = {"x-nv-vqos[0].fec.minRequiredFecPackets", 0, 2, 0},
		[SLICES] = {"x-nv-video[0].videoEncoderSlicesPerFrame", 0, 255, REQUIRED},
		[CODEC] = {"x-nv-vqos[0].bitStreamFormat", 0, ES_CODEC_COUNT - 1, 0},
		[DYNAMIC_RANGE] = {"x-nv-video[0].dynamicRangeMode", 0, 1, 0},
		[MAX_REFS] = {"x-nv-video[0].maxNumReferenceFrames", 0, 16, REQUIRED},
		[REFRESH_X100] = {"x-nv-video[0].clientRefreshRateX100", 0, ANY_NUMBER, 0},
		[CHANNELS] = {"x-nv-audio.surround.numChannels", 2, 8, REQUIRED},
		[CHANNEL_MASK] = {"x-nv-audio.surround.channelMask", 1, UINT16_MAX, REQUIRED},
		[AUDIO_QUALITY] = {"x-nv-audio.surround.AudioQuality", 0, 1, REQUIRED},
		[PACKET_MS] = {"x-nv-aqos.packetDuration", 5, 20, 5},
		[CSC_MODE] = {"x-nv-video[0].encoderCscMode", 0, 5, 0},
};

// A piece of the body; nothing in it ends with a NUL.
struct span {
	const char *text;
	size_t size;
};

struct parser {
	bool seen[N_ATTRIBUTES];
	int32_t values[N_ATTRIBUTES];
	char *error;
	size_t error_cap;
};

__attribute__((format(__printf__, 2, 3))) static bool refuse(
		struct parser *parser, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(parser->error, parser->error_cap, format, args);
	va_end(args);
	return false;
}

// A client's text in a form that may be shown.
static void make_shown(struct span s, char out[MAX_SHOWN + 1]) {
	size_t n = s.size < MAX_SHOWN ? s.size : MAX_SHOWN;
	for (size_t i = 0; i < n; i++) {
		out[i] = s.text[i] >= ' ' && s.text[i] <= '~' ? s.text[i] : '?';
	}
	out[n] = '\0';
}

// A decimal number that fits, and nothing else.
static bool parse_number(struct span s, int32_t *value) {
	bool negative = s.size > 0 && s.text[0] == '-';
	size_t i = negative ? 1 : 0;
	int64_t v = 0;
	if (i == s.size) {
		return false;
	}
	for (; i < s.size; i++) {
		if (s.text[i] < '0' || s.text[i] > '9') {
			return false;
		}
		v = v * 10 + (s.text[i] - '0');
		if (v > INT32_MAX) {
			return false;
		}
	}
	*value = (int32_t)(negative ? -v : v);
	return true;
}

static const struct rule *find_rule(struct span name) {
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		if (name.size == strlen(rules[i].name) &&
				memcmp(name.text, rules[i].name, name.size) == 0) {
			return &rules[i];
		}
	}
	return NULL;
}

// Said twice is fine, contradicted is not: which of the two was meant nobody knows.
static bool take_value(struct parser *parser, const struct rule *rule, struct span text) {
	char shown[MAX_SHOWN + 1];
	make_shown(text, shown);
	size_t i = (size_t)(rule - rules);
	int32_t value;
	if (!parse_number(text, &value)) {
		return refuse(parser, "%s: \"%s\" is not a number", rule->name, shown);
	}
	if (value < rule->min || value > rule->max) {
		return refuse(parser, "%s: %s is not within %" PRId32 " and %" PRId32, rule->name, shown,
				rule->min, rule->max);
	}
	if (parser->seen[i] && parser->values[i] != value) {
		return refuse(parser, "%s: %s after %" PRId32, rule->name, shown, parser->values[i]);
	}
	parser->seen[i] = true;
	parser->values[i] = value;
	return true;
}

static struct span trim_end(struct span s) {
	while (s.size > 0 && (s.text[s.size - 1] == ' ' || s.text[s.size - 1] == '\r')) {
		s.size--;
	}
	return s;
}

// "a=name:value "; other lines and names that nobody here knows mean nothing.
static bool parse_line(struct parser *parser, struct span line) {
	if (line.size < 2 || memcmp(line.text, "a=", 2) != 0) {
		return true;
	}
	const char *colon = memchr(line.text, ':', line.size);
	if (colon == NULL) {
		return true;
	}
	struct span name = {line.text + 2, (size_t)(colon - line.text) - 2};
	const struct rule *rule = find_rule(name);
	if (rule == NULL) {
		return true;
	}
	struct span value = {colon + 1, (size_t)(line.text + line.size - colon) - 1};
	return take_value(parser, rule, trim_end(value));
}

static bool parse_lines(struct parser *parser, const char *body, size_t size) {
	while (size > 0) {
		const char *end = memchr(body, '\n', size);
		size_t line_size = end != NULL ? (size_t)(end - body) : size;
		if (!parse_line(parser, (struct span){body, line_size})) {
			return false;
		}
		size_t step = end != NULL ? line_size + 1 : line_size;
		body += step;
		size -= step;
	}
	return true;
}

static bool fill_absent(struct parser *parser) {
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		if (parser->seen[i]) {
			continue;
		}
		if (rules[i].preset == REQUIRED) {
			return refuse(parser, "%s is missing", rules[i].name);
		}
		parser->values[i] = rules[i].preset;
	}
	return true;
}

// What a range cannot say.
static bool check_steps(struct parser *parser) {
	const int32_t *v = parser->values;
	if (v[PACKET_SIZE] % 16 != 0) {
		return refuse(parser, "%s: %" PRId32 " is not a multiple of 16", rules[PACKET_SIZE].name,
				v[PACKET_SIZE]);
	}
	if (v[CHANNELS] != 2 && v[CHANNELS] != 6 && v[CHANNELS] != 8) {
		return refuse(
				parser, "%s: %" PRId32 " is not 2, 6 or 8", rules[CHANNELS].name, v[CHANNELS]);
	}
	if (v[PACKET_MS] != 5 && v[PACKET_MS] != 10 && v[PACKET_MS] != 20) {
		return refuse(
				parser, "%s: %" PRId32 " is not 5, 10 or 20", rules[PACKET_MS].name, v[PACKET_MS]);
	}
	return true;
}

// The display's own rate if it is what the whole number stands for: 60 for 59.94.
static int32_t choose_refresh(int32_t fps, int32_t x100) {
	bool close = x100 >= fps * 99 && x100 <= fps * 101;
	int32_t mhz = close ? x100 * 10 : fps * 1000;
	return mhz < ES_MODE_MIN_REFRESH_MHZ ? ES_MODE_MIN_REFRESH_MHZ : mhz;
}

static uint32_t clamp_kbps(int64_t kbps) {
	return kbps < ES_MIN_KBPS ? ES_MIN_KBPS : kbps > ES_MAX_KBPS ? ES_MAX_KBPS : (uint32_t)kbps;
}

static void fill_video(struct es_announce *announce, const int32_t *v) {
	announce->codec = (enum es_codec)v[CODEC]; // in the same order
	announce->mode.width = (uint32_t)v[WIDTH] & ~1u;
	announce->mode.height = (uint32_t)v[HEIGHT] & ~1u;
	announce->mode.refresh_mhz = choose_refresh(v[FPS], v[REFRESH_X100]);
	announce->bitrate_kbps =
			clamp_kbps(v[CONFIGURED_KBPS] > 0 ? v[CONFIGURED_KBPS] : v[MAXIMUM_KBPS]);
	announce->packet_size = (uint16_t)v[PACKET_SIZE];
	announce->min_parity = (uint8_t)v[MIN_PARITY];
	announce->slices = (uint8_t)(v[SLICES] < 1 ? 1
					: v[SLICES] > MAX_SLICES   ? MAX_SLICES
											   : v[SLICES]);
	announce->max_refs = (uint8_t)v[MAX_REFS];
	announce->yuv444 = v[CHROMA] == 1;
	announce->ten_bit = v[DYNAMIC_RANGE] == 1;
	announce->full_range = (v[CSC_MODE] & 1) != 0;
	announce->colour_space = (uint8_t)(v[CSC_MODE] >> 1);
	announce->mark_video = v[VIDEO_TRAFFIC] != 0;
}

static void fill_audio(struct es_announce *announce, const int32_t *v, bool low_quality_host) {
	announce->audio_channels = (uint8_t)v[CHANNELS];
	announce->audio_mask = (uint16_t)v[CHANNEL_MASK];
	announce->audio_high_quality = v[CHANNELS] == 2 ? !low_quality_host : v[AUDIO_QUALITY] == 1;
	announce->audio_packet_ms = (uint8_t)v[PACKET_MS];
	announce->mark_audio = v[AUDIO_TRAFFIC] != 0;
}

bool sdp_parse_announce(struct es_announce *announce, const char *body, size_t size,
		bool low_audio_quality_host, char *error, size_t cap) {
	struct parser parser = {.error = error, .error_cap = cap};
	if (!parse_lines(&parser, body, size) || !fill_absent(&parser) || !check_steps(&parser)) {
		return false;
	}
	const int32_t *v = parser.values;
	*announce = (struct es_announce){
			.encryption = (uint32_t)v[ENCRYPTION],
			.fec_status = (v[CLIENT_FEATURES] & CLIENT_FEC_STATUS) != 0,
			.session_id = (v[CLIENT_FEATURES] & CLIENT_SESSION_ID) != 0,
	};
	if ((v[FEATURES] & OLD_AUDIO_ENCRYPTION) != 0) {
		announce->encryption |= ES_GAMESTREAM_ENCRYPT_AUDIO;
	}
	fill_video(announce, v);
	fill_audio(announce, v, low_audio_quality_host);
	return true;
}

// As the common host does it, so that a user's number means the same: parity, sound and what the
// packets cost come out of it.
uint32_t announce_video_kbps(const struct es_announce *announce, uint32_t fec_percent) {
	int64_t kbps = announce->bitrate_kbps;
	if (fec_percent <= 80) {
		kbps = kbps * (100 - (int64_t)fec_percent) / 100;
	}
	int64_t audio = announce->audio_channels * (announce->audio_high_quality ? 256 : 96);
	kbps -= audio < kbps / 5 ? audio : kbps / 5;
	kbps -= kbps / 10 > 500 ? 500 : kbps / 10;
	return clamp_kbps(kbps);
}
