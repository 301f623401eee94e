#include "host/rtsp_exchange.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct exchange {
	struct es_plays *plays;
	const char *peer;
	// found
	struct es_play *play;
	struct es_play_offer offer;
	struct es_gcm *gcm; // NULL: in clear
	uint32_t host_sequence; // of the answer, if it is encrypted
	const char *text;
	size_t text_size;
	// to answer
	uint8_t *out;
	size_t out_size;
};

#define MAX_HEADERS 4

struct answer {
	int code;
	struct es_rtsp_header headers[MAX_HEADERS];
	size_t n_headers;
	char values[MAX_HEADERS][96];
	char body[4096];
};

static void add_header(struct answer *answer, const char *name, const char *format, ...)
		__attribute__((format(printf, 3, 4)));

static void add_header(struct answer *answer, const char *name, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(answer->values[answer->n_headers], sizeof(answer->values[0]), format, args);
	va_end(args);
	answer->headers[answer->n_headers] =
			(struct es_rtsp_header){name, answer->values[answer->n_headers]};
	answer->n_headers++;
}

// --- methods

static void describe(struct exchange *exchange, struct answer *answer) {
	if (sdp_describe(answer->body, sizeof(answer->body), &exchange->offer.sdp) == 0) {
		answer->code = 500;
	}
}

static void set_up(
		struct exchange *exchange, const struct es_rtsp_request *request, struct answer *answer) {
	const struct es_play_offer *offer = &exchange->offer;
	uint16_t port;
	switch (request->target) {
	case ES_RTSP_AUDIO:
		port = offer->audio_port;
		break;
	case ES_RTSP_VIDEO:
		port = offer->video_port;
		break;
	case ES_RTSP_CONTROL:
		port = offer->control_port;
		break;
	default:
		answer->code = 404;
		return;
	}
	add_header(answer, "Session", "%s;timeout = 90", offer->token);
	add_header(answer, "Transport", "server_port=%u", port);
	if (request->target == ES_RTSP_CONTROL) {
		add_header(answer, "X-SS-Connect-Data", "%" PRIu32, offer->connect_data);
	} else {
		add_header(answer, "X-SS-Ping-Payload", "%s", offer->ping);
	}
}

static void announce(
		struct exchange *exchange, const struct es_rtsp_request *request, struct answer *answer) {
	struct es_announce choice;
	struct es_play_info info;
	char error[256] = "";
	play_info(exchange->play, &info);
	if (info.state != ES_PLAY_PENDING) {
		answer->code = 400;
		snprintf(error, sizeof(error), "it was announced before");
	} else if (!sdp_parse_announce(&choice, request->body, request->body_size,
					   strstr(request->host, "0.0.0.0") != NULL, error, sizeof(error))) {
		answer->code = 400;
		es_log(ES_LOG_WARN, "session %" PRIu32 ": the client asks for what cannot be: %s", info.id,
				error);
	} else {
		answer->code = play_negotiate(exchange->play, &choice, error, sizeof(error));
	}
	if (answer->code != 200) {
		es_log(ES_LOG_DEBUG, "session %" PRIu32 ": ANNOUNCE is answered with %d: %s", info.id,
				answer->code, error);
	}
}

static void respond(
		struct exchange *exchange, const struct es_rtsp_request *request, struct answer *answer) {
	answer->code = 200;
	switch (request->method) {
	case ES_RTSP_OPTIONS:
	case ES_RTSP_PLAY: // everything starts with ANNOUNCE
		break;
	case ES_RTSP_DESCRIBE:
		describe(exchange, answer);
		break;
	case ES_RTSP_SETUP:
		set_up(exchange, request, answer);
		break;
	case ES_RTSP_ANNOUNCE:
		announce(exchange, request, answer);
		break;
	default:
		answer->code = 404;
		break;
	}
}

// --- framing

static enum es_rtsp_exchanged send_answer(
		struct exchange *exchange, uint32_t cseq, const struct answer *answer) {
	char text[ES_RTSP_MAX_RESPONSE];
	size_t size = rtsp_format(text, sizeof(text), answer->code, cseq, answer->headers,
			answer->n_headers, answer->body);
	if (size == 0) {
		return ES_RTSP_CLOSE;
	}
	if (exchange->gcm == NULL) {
		memcpy(exchange->out, text, size);
		exchange->out_size = size;
		return ES_RTSP_ANSWER;
	}
	exchange->out_size = rtsp_seal(exchange->gcm, 'H', exchange->host_sequence, text, size,
			exchange->out, ES_RTSP_EXCHANGE_OUT);
	return exchange->out_size > 0 ? ES_RTSP_ANSWER : ES_RTSP_CLOSE;
}

static enum es_rtsp_exchanged answer_text(struct exchange *exchange) {
	struct es_rtsp_request request;
	struct answer answer = {.code = 400};
	switch (rtsp_parse(&request, exchange->text, exchange->text_size)) {
	case ES_RTSP_INCOMPLETE:
		if (exchange->gcm == NULL) {
			return ES_RTSP_MORE;
		}
		return send_answer(exchange, 0, &answer); // a frame holds a whole request
	case ES_RTSP_BAD:
		return send_answer(exchange, 0, &answer);
	case ES_RTSP_COMPLETE:
		break;
	}
	// A session that was replaced by a newer launch of the same client.
	if (request.session[0] != '\0' && strcmp(request.session, exchange->offer.token) != 0) {
		answer.code = 454;
		return send_answer(exchange, request.cseq, &answer);
	}
	respond(exchange, &request, &answer);
	return send_answer(exchange, request.cseq, &answer);
}

// One key after the other: the frame tells by its tag whose it is.
static enum es_rtsp_exchanged exchange_encrypted(
		struct exchange *exchange, const uint8_t *in, size_t size) {
	uint8_t plain[ES_RTSP_EXCHANGE_IN];
	enum es_rtsp_exchanged result = ES_RTSP_CLOSE;
	struct es_play *play = NULL;
	while ((play = plays_next_pending(exchange->plays, play, exchange->peer)) != NULL) {
		size_t plain_size;
		uint32_t sequence;
		play_offer(play, &exchange->offer);
		struct es_gcm *gcm = gcm_create(exchange->offer.key);
		if (gcm == NULL) {
			break;
		}
		enum es_rtsp_parsed opened = rtsp_open(gcm, 'C', in, size, plain, &plain_size, &sequence);
		if (opened == ES_RTSP_COMPLETE && sequence > *exchange->offer.client_sequence) {
			*exchange->offer.client_sequence = sequence;
			// Counted before the request is answered: that may end the session.
			exchange->host_sequence = ++*exchange->offer.host_sequence;
			exchange->play = play;
			exchange->gcm = gcm;
			exchange->text = (const char *)plain;
			exchange->text_size = plain_size;
			result = answer_text(exchange);
		}
		gcm_destroy(gcm);
		if (opened != ES_RTSP_BAD) {
			result = opened == ES_RTSP_INCOMPLETE ? ES_RTSP_MORE : result;
			break;
		}
	}
	crypto_wipe(plain, sizeof(plain));
	return result;
}

static enum es_rtsp_exchanged exchange_clear(
		struct exchange *exchange, const char *in, size_t size) {
	struct es_play *play = NULL;
	// The newest, if there are several.
	while ((play = plays_next_pending(exchange->plays, play, exchange->peer)) != NULL) {
		struct es_play_offer offer;
		play_offer(play, &offer);
		if (!offer.encrypted) {
			exchange->play = play;
			exchange->offer = offer;
		}
	}
	if (exchange->play == NULL) {
		es_log(ES_LOG_DEBUG, "RTSP in clear from %s was refused", exchange->peer);
		return ES_RTSP_CLOSE;
	}
	exchange->text = in;
	exchange->text_size = size;
	return answer_text(exchange);
}

enum es_rtsp_exchanged rtsp_exchange(struct es_plays *plays, const char *peer, const void *in,
		size_t size, uint8_t out[ES_RTSP_EXCHANGE_OUT], size_t *out_size) {
	struct exchange exchange = {.plays = plays, .peer = peer, .out = out};
	const uint8_t *bytes = in;
	if (size == 0) {
		return ES_RTSP_MORE;
	}
	enum es_rtsp_exchanged result = (bytes[0] & 0x80) != 0 ? exchange_encrypted(&exchange, in, size)
														   : exchange_clear(&exchange, in, size);
	*out_size = exchange.out_size;
	return result;
}
