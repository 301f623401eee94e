#include "tests/clients/moon/rtsp_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "protocol/rtsp.h"
#include "protocol/session_msg.h"
#include "tests/clients/moon/say.h"

#define REFUSED_FOR_MS 10000 // as Moonlight: tried again every 500 ms
#define RETRY_MS 500
#define ANSWER_TIMEOUT_S 15
#define MAX_ANSWER 65536

struct es_moon_rtsp {
	const char *url;
	bool encrypted;
	struct sockaddr_in address;
	struct es_gcm *gcm;
	uint32_t cseq; // and the sequence of encrypted frames
	uint32_t host_sequence; // last seen
	char session[64];
	char answer[MAX_ANSWER + 1];
	size_t answer_size;
	int code;
	const char *body; // into answer
	const char *failure;
};

static bool parse_url(struct es_moon_rtsp *rtsp) {
	char host[64];
	const char *authority = strstr(rtsp->url, "://");
	const char *colon = strrchr(rtsp->url, ':');
	if (authority == NULL || colon <= authority ||
			(size_t)(colon - authority - 3) >= sizeof(host)) {
		return false;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - authority - 3), authority + 3);
	rtsp->encrypted = strncmp(rtsp->url, "rtspenc://", 10) == 0;
	rtsp->address.sin_family = AF_INET;
	rtsp->address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return inet_pton(AF_INET, host, &rtsp->address.sin_addr) == 1;
}

static int connect_once(const struct es_moon_rtsp *rtsp) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	if (fd < 0) {
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&rtsp->address, sizeof(rtsp->address)) == 0) {
		return fd;
	}
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int connect_patiently(const struct es_moon_rtsp *rtsp) {
	int64_t until = now_ns() + REFUSED_FOR_MS * INT64_C(1000000);
	for (;;) {
		int fd = connect_once(rtsp);
		if (fd >= 0 || errno != ECONNREFUSED || now_ns() > until) {
			return fd;
		}
		poll(NULL, 0, RETRY_MS);
	}
}

static bool send_all(int fd, const char *data, size_t size) {
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		if (n <= 0) {
			return false;
		}
		data += n;
		size -= (size_t)n;
	}
	return true;
}

// Until the host closes the connection, which is the end of an answer.
static bool receive_all(struct es_moon_rtsp *rtsp, int fd) {
	rtsp->answer_size = 0;
	for (;;) {
		ssize_t n = recv(fd, rtsp->answer + rtsp->answer_size, MAX_ANSWER - rtsp->answer_size, 0);
		if (n <= 0) {
			rtsp->answer[rtsp->answer_size] = '\0';
			return n == 0 && rtsp->answer_size > 0;
		}
		rtsp->answer_size += (size_t)n;
	}
}

static bool send_request(struct es_moon_rtsp *rtsp, int fd, const char *text, size_t size) {
	char frame[ES_RTSP_MAX_REQUEST + ES_RTSP_FRAME_OVERHEAD];
	if (!rtsp->encrypted) {
		return send_all(fd, text, size);
	}
	size_t n = rtsp_seal(rtsp->gcm, 'C', rtsp->cseq, text, size, frame, sizeof(frame));
	return n > 0 && send_all(fd, frame, n);
}

static bool open_answer(struct es_moon_rtsp *rtsp) {
	if (!rtsp->encrypted) {
		return true;
	}
	char *plain = malloc(rtsp->answer_size);
	size_t size = 0;
	uint32_t sequence = 0;
	bool ok = plain != NULL &&
			rtsp_open(rtsp->gcm, 'H', rtsp->answer, rtsp->answer_size, plain, &size, &sequence) ==
					ES_RTSP_COMPLETE &&
			sequence > rtsp->host_sequence;
	if (ok) {
		rtsp->host_sequence = sequence;
		memcpy(rtsp->answer, plain, size);
		rtsp->answer_size = size;
		rtsp->answer[size] = '\0';
	}
	free(plain);
	return ok;
}

static bool parse_answer(struct es_moon_rtsp *rtsp) {
	int end = 0;
	if (sscanf(rtsp->answer, "RTSP/1.0 %d %*[^\r\n]%n", &rtsp->code, &end) != 1 || end == 0 ||
			strncmp(rtsp->answer + end, "\r\n", 2) != 0) {
		return false;
	}
	const char *blank = strstr(rtsp->answer, "\r\n\r\n");
	if (blank == NULL || blank == rtsp->answer + end) { // at least one header
		return false;
	}
	rtsp->body = blank + 4;
	return true;
}

// The value of a header: one colon and one space after its name, as the real client wants it.
static bool header(const struct es_moon_rtsp *rtsp, const char *name, char *out, size_t cap) {
	const char *line = strstr(rtsp->answer, "\r\n");
	size_t length = strlen(name);
	for (; line != NULL && line + 2 < rtsp->body - 2; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, length) == 0 && strncmp(line + 2 + length, ": ", 2) == 0) {
			const char *value = line + 4 + length, *end = strstr(value, "\r\n");
			if (end == NULL || (size_t)(end - value) >= cap) {
				return false;
			}
			memcpy(out, value, (size_t)(end - value));
			out[end - value] = '\0';
			return true;
		}
	}
	return false;
}

static bool exchange(struct es_moon_rtsp *rtsp, const char *text, size_t size) {
	int fd = connect_patiently(rtsp);
	if (fd < 0) {
		rtsp->failure = strerror(errno);
		return false;
	}
	bool ok = send_request(rtsp, fd, text, size);
	rtsp->failure = "no answer";
	ok = ok && receive_all(rtsp, fd);
	close(fd);
	if (!ok) {
		return false;
	}
	rtsp->failure = "an answer that is not as it must be";
	return open_answer(rtsp) && parse_answer(rtsp);
}

static void append(char *text, size_t cap, size_t *size, const char *format, ...)
		__attribute__((format(printf, 4, 5)));
static void append(char *text, size_t cap, size_t *size, const char *format, ...) {
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text + *size, cap - *size, format, args);
	va_end(args);
	*size += n > 0 ? (size_t)n : 0;
	*size = *size < cap ? *size : cap - 1;
}

// One request and its answer; false after a message if the answer is not 200.
static bool request(struct es_moon_rtsp *rtsp, const char *method, const char *target,
		const char *headers, const char *body) {
	char text[ES_RTSP_MAX_REQUEST], host[INET_ADDRSTRLEN];
	size_t size = 0;
	rtsp->cseq++;
	rtsp->code = 0;
	inet_ntop(AF_INET, &rtsp->address.sin_addr, host, sizeof(host));
	append(text, sizeof(text), &size, "%s %s RTSP/1.0\r\nCSeq: %u\r\nX-GS-ClientVersion: 14\r\n",
			method, target, rtsp->cseq);
	append(text, sizeof(text), &size, "Host: %s\r\n", host);
	if (rtsp->session[0] != '\0') {
		append(text, sizeof(text), &size, "Session: %s\r\n", rtsp->session);
	}
	append(text, sizeof(text), &size, "%s", headers);
	if (body != NULL) {
		append(text, sizeof(text), &size,
				"Content-type: application/sdp\r\nContent-length: %zu\r\n\r\n%s", strlen(body),
				body);
	} else {
		append(text, sizeof(text), &size, "\r\n");
	}
	bool ok = exchange(rtsp, text, size);
	if (!ok || rtsp->code != 200) {
		say_begin("rtsp");
		say_text("method", method);
		say_text("target", target);
		say_number("code", rtsp->code);
		say_text("text", ok ? "refused" : rtsp->failure);
		say_end();
		return false;
	}
	return true;
}

static uint16_t setup(struct es_moon_rtsp *rtsp, const char *target) {
	char transport[128], session[96];
	if (!request(rtsp, "SETUP", target,
				"Transport: unicast;X-GS-ClientPort=50000-50001\r\n"
				"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
				NULL)) {
		return 0;
	}
	if (rtsp->session[0] == '\0' && header(rtsp, "Session", session, sizeof(session))) {
		session[strcspn(session, ";")] = '\0';
		snprintf(rtsp->session, sizeof(rtsp->session), "%.63s", session);
	}
	if (rtsp->session[0] == '\0' || !header(rtsp, "Transport", transport, sizeof(transport))) {
		say_error("SETUP %s: no Session or Transport", target);
		return 0;
	}
	const char *port = strstr(transport, "server_port=");
	unsigned long number = port != NULL ? strtoul(port + 12, NULL, 10) : 0;
	if (number == 0 || number > 65535) {
		say_error("SETUP %s: no server_port in Transport", target);
		return 0;
	}
	return (uint16_t)number;
}

static bool setup_media(struct es_moon_rtsp *rtsp, struct es_moon_terms *terms,
		es_moon_audio_ready audio_ready, void *data) {
	char value[64];
	terms->audio_port = setup(rtsp, "streamid=audio/0/0");
	if (terms->audio_port == 0) {
		return false;
	}
	if (header(rtsp, "X-SS-Ping-Payload", value, sizeof(value)) && strlen(value) == 16) {
		snprintf(terms->ping, sizeof(terms->ping), "%.16s", value);
	}
	audio_ready(data, terms);
	terms->video_port = setup(rtsp, "streamid=video/0/0");
	if (terms->video_port == 0) {
		return false;
	}
	if (header(rtsp, "X-SS-Ping-Payload", value, sizeof(value)) && strlen(value) == 16) {
		snprintf(terms->ping, sizeof(terms->ping), "%.16s", value);
	}
	terms->control_port = setup(rtsp, "streamid=control/13/0");
	if (terms->control_port == 0 || !header(rtsp, "X-SS-Connect-Data", value, sizeof(value))) {
		return false;
	}
	terms->connect_data = (uint32_t)strtoul(value, NULL, 10);
	return true;
}

static uint32_t number_after(const char *text, const char *name) {
	const char *at = strstr(text, name);
	return at != NULL ? (uint32_t)strtoul(at + strlen(name), NULL, 10) : 0;
}

// The codec as Moonlight chooses it from the markers.
static bool is_offered(const char *sdp, enum es_codec codec) {
	switch (codec) {
	case ES_CODEC_AV1:
		return strstr(sdp, "AV1/90000") != NULL;
	case ES_CODEC_HEVC:
		return strstr(sdp, "sprop-parameter-sets=AAAAAU") != NULL;
	default:
		return true;
	}
}

// As Moonlight: the first of a channel count is of normal quality, the second of high.
static void choose_surround(
		const char *sdp, const struct es_moon_wishes *wishes, struct es_moon_terms *terms) {
	char name[64];
	snprintf(name, sizeof(name), "a=fmtp:97 surround-params=%u", wishes->audio_channels);
	const char *at = strstr(sdp, name);
	if (at != NULL && wishes->audio_high_quality && wishes->audio_channels > 2) {
		at = strstr(at + 1, name);
	}
	if (at != NULL) {
		at += strlen(name) - 1;
		snprintf(terms->surround, sizeof(terms->surround), "%.*s", (int)strspn(at, "0123456789"),
				at);
	}
}

static bool choose(struct es_moon_rtsp *rtsp, const struct es_moon_wishes *wishes,
		struct es_moon_terms *terms) {
	const char *sdp = rtsp->body;
	uint32_t supported = number_after(sdp, "x-ss-general.encryptionSupported:");
	uint32_t requested = number_after(sdp, "x-ss-general.encryptionRequested:");
	uint32_t features = number_after(sdp, "x-ss-general.featureFlags:");
	terms->encryption = wishes->exact_encryption
			? wishes->encryption
			: supported & (ES_GAMESTREAM_ENCRYPT_CONTROL | requested | wishes->encryption);
	terms->host_invalidates = strstr(sdp, "x-nv-video[0].refPicInvalidation:1") != NULL;
	terms->pen_touch = features & 1;
	choose_surround(sdp, wishes, terms);
	bool video_encrypted = terms->encryption & ES_GAMESTREAM_ENCRYPT_VIDEO;
	uint16_t packet_size = wishes->packet_size != 0 ? wishes->packet_size : 1392;
	terms->packet_size = (uint16_t)(packet_size - (video_encrypted ? 32 : 0));
	say_begin("described");
	say_number("encryption_supported", supported);
	say_number("encryption_requested", requested);
	say_number("encryption", terms->encryption);
	say_bool("invalidation", terms->host_invalidates);
	say_bool("hevc", is_offered(sdp, ES_CODEC_HEVC));
	say_bool("av1", is_offered(sdp, ES_CODEC_AV1));
	say_bool("encrypted_rtsp", rtsp->encrypted);
	say_end();
	return is_offered(sdp, wishes->codec);
}

static void write_video(char *text, size_t cap, size_t *n, const struct es_moon_wishes *wishes,
		const struct es_moon_terms *terms) {
	uint32_t fps = (uint32_t)((wishes->mode.refresh_mhz + 500) / 1000);
	append(text, cap, n, "a=x-ss-video[0].chromaSamplingType:0 \r\n");
	append(text, cap, n, "a=x-nv-video[0].clientViewportWd:%u \r\n", wishes->mode.width);
	append(text, cap, n, "a=x-nv-video[0].clientViewportHt:%u \r\n", wishes->mode.height);
	append(text, cap, n, "a=x-nv-video[0].maxFPS:%u \r\n", fps);
	append(text, cap, n, "a=x-nv-video[0].packetSize:%u \r\n", terms->packet_size);
	append(text, cap, n, "a=x-nv-video[0].rateControlMode:4 \r\n");
	append(text, cap, n, "a=x-nv-video[0].timeoutLengthMs:7000 \r\n");
	append(text, cap, n, "a=x-nv-video[0].framesWithInvalidRefThreshold:0 \r\n");
	uint32_t peak = wishes->bitrate_kbps * 4 / 5;
	append(text, cap, n, "a=x-nv-video[0].initialBitrateKbps:%u \r\n", peak);
	append(text, cap, n, "a=x-nv-video[0].initialPeakBitrateKbps:%u \r\n", peak);
	append(text, cap, n, "a=x-nv-vqos[0].bw.minimumBitrateKbps:%u \r\n", peak);
	append(text, cap, n, "a=x-nv-vqos[0].bw.maximumBitrateKbps:%u \r\n", peak);
	append(text, cap, n, "a=x-ml-video.configuredBitrateKbps:%u \r\n", wishes->bitrate_kbps);
	append(text, cap, n, "a=x-nv-vqos[0].fec.enable:1 \r\n");
	append(text, cap, n, "a=x-nv-vqos[0].videoQualityScoreUpdateTime:5000 \r\n");
	append(text, cap, n, "a=x-nv-vqos[0].qosTrafficType:5 \r\n");
}

static void write_general(char *text, size_t cap, size_t *n, const struct es_moon_wishes *wishes,
		const struct es_moon_terms *terms) {
	bool audio_encrypted = terms->encryption & ES_GAMESTREAM_ENCRYPT_AUDIO;
	append(text, cap, n, "a=x-nv-aqos.qosTrafficType:4 \r\n");
	append(text, cap, n, "a=x-nv-general.featureFlags:%d \r\n", audio_encrypted ? 167 : 135);
	append(text, cap, n, "a=x-nv-general.useReliableUdp:13 \r\n");
	append(text, cap, n, "a=x-nv-vqos[0].fec.minRequiredFecPackets:2 \r\n");
	append(text, cap, n, "a=x-nv-vqos[0].bllFec.enable:0 \r\n");
	append(text, cap, n, "a=x-nv-vqos[0].drc.enable:0 \r\n");
	append(text, cap, n, "a=x-nv-general.enableRecoveryMode:0 \r\n");
	append(text, cap, n, "a=x-nv-video[0].videoEncoderSlicesPerFrame:%u \r\n", wishes->slices);
	if (wishes->codec != ES_CODEC_AV1) {
		append(text, cap, n, "a=x-nv-clientSupportHevc:%d \r\n", wishes->codec == ES_CODEC_HEVC);
	}
	append(text, cap, n, "a=x-nv-vqos[0].bitStreamFormat:%d \r\n", (int)wishes->codec);
	append(text, cap, n, "a=x-nv-video[0].dynamicRangeMode:0 \r\n");
	append(text, cap, n, "a=x-nv-video[0].maxNumReferenceFrames:%d \r\n",
			wishes->invalidate && terms->host_invalidates ? 0 : 1);
	append(text, cap, n, "a=x-nv-video[0].clientRefreshRateX100:%d \r\n",
			wishes->mode.refresh_mhz / 10);
	uint8_t channels = wishes->audio_channels;
	append(text, cap, n, "a=x-nv-audio.surround.numChannels:%u \r\n", channels);
	append(text, cap, n, "a=x-nv-audio.surround.channelMask:%d \r\n",
			channels == 8			? 0x63f
					: channels == 6 ? 0x3f
									: 3);
	append(text, cap, n, "a=x-nv-audio.surround.enable:%d \r\n", channels > 2);
	append(text, cap, n, "a=x-nv-audio.surround.AudioQuality:%d \r\n",
			channels > 2 && wishes->audio_high_quality);
	append(text, cap, n, "a=x-nv-aqos.packetDuration:%u \r\n", wishes->audio_packet_ms);
	append(text, cap, n, "a=x-nv-video[0].encoderCscMode:2 \r\n");
}

static bool announce(struct es_moon_rtsp *rtsp, const struct es_moon_wishes *wishes,
		const struct es_moon_terms *terms) {
	char text[8192], host[INET_ADDRSTRLEN];
	size_t n = 0;
	inet_ntop(AF_INET, &rtsp->address.sin_addr, host, sizeof(host));
	append(text, sizeof(text), &n, "v=0\r\no=android 0 14 IN IPv4 %s\r\n", host);
	append(text, sizeof(text), &n, "s=NVIDIA Streaming Client\r\n");
	append(text, sizeof(text), &n, "a=x-ml-general.featureFlags:3 \r\n");
	append(text, sizeof(text), &n, "a=x-ss-general.encryptionEnabled:%u \r\n", terms->encryption);
	write_video(text, sizeof(text), &n, wishes, terms);
	write_general(text, sizeof(text), &n, wishes, terms);
	if (wishes->extra != NULL) {
		append(text, sizeof(text), &n, "%s", wishes->extra);
	}
	append(text, sizeof(text), &n, "t=0 0\r\nm=video %u  \r\n", terms->video_port);
	return request(rtsp, "ANNOUNCE", "streamid=control/13/0", "", text);
}

static bool talk(struct es_moon_rtsp *rtsp, const struct es_moon_wishes *wishes,
		struct es_moon_terms *terms, es_moon_audio_ready audio_ready, void *data) {
	if (!request(rtsp, "OPTIONS", rtsp->url, "", NULL) ||
			!request(rtsp, "DESCRIBE", rtsp->url,
					"Accept: application/sdp\r\n"
					"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
					NULL)) {
		return false;
	}
	if (!choose(rtsp, wishes, terms)) {
		say_error("the host does not offer %s", codec_name(wishes->codec));
		return false;
	}
	return setup_media(rtsp, terms, audio_ready, data) && announce(rtsp, wishes, terms) &&
			request(rtsp, "PLAY", "/", "", NULL);
}

bool rtsp_negotiate(const char *url, const uint8_t key[ES_KEY_SIZE],
		const struct es_moon_wishes *wishes, struct es_moon_terms *terms,
		es_moon_audio_ready audio_ready, void *data) {
	struct es_moon_rtsp *rtsp = calloc(1, sizeof(*rtsp));
	memset(terms, 0, sizeof(*terms));
	if (rtsp == NULL) {
		return false;
	}
	rtsp->url = url;
	rtsp->gcm = gcm_create(key);
	bool ok = parse_url(rtsp) && rtsp->gcm != NULL;
	if (!ok) {
		say_error("sessionUrl0 is not an address with a port");
	}
	ok = ok && talk(rtsp, wishes, terms, audio_ready, data);
	gcm_destroy(rtsp->gcm);
	free(rtsp);
	return ok;
}
