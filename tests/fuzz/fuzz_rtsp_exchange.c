#define _GNU_SOURCE
// Connection after connection to the RTSP server, of a client with keys, one without, and strangers.
// Each is one piece of the input: a byte that says who speaks, a length, and what is said.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/rtsp_exchange.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tools/fake_plays.h"
#include "tests/vectors/rtsp_vectors.h"

enum speaker { CLEAR, SEALED, STRANGER, RAW, N_SPEAKERS };

static const char clear_peer[] = "192.0.2.1", sealed_peer[] = "192.0.2.2";

static void launch(struct es_plays *plays, uint32_t client_id, const char *peer, uint32_t corever) {
	struct es_client client = {.id = client_id, .legacy = true};
	struct es_app app = {.id = 1};
	uint8_t key[ES_KEY_SIZE] = {1, 2, 3};
	struct es_play *play;
	char error[128];
	struct es_play_request request = {.client = &client,
			.app = &app,
			.mode = {1280, 720, 60000},
			.key = key,
			.corever = corever,
			.peer = peer};
	if (plays_launch(plays, &request, &play, error, sizeof(error)) != 200) {
		abort();
	}
}

struct state {
	struct es_plays *plays;
	struct es_gcm *gcm;
	uint32_t sequence, answered;
	uint8_t in[ES_RTSP_EXCHANGE_IN], out[ES_RTSP_EXCHANGE_OUT];
};

static void check_clear(const struct state *state, size_t size) {
	if (size < 13 || memcmp(state->out, "RTSP/1.0 ", 9) != 0 ||
			memmem(state->out, size, "\r\n\r\n", 4) == NULL) {
		abort();
	}
}

// Encrypted with the right key, and never twice with one number.
static void check_sealed(struct state *state, size_t size) {
	uint8_t plain[ES_RTSP_EXCHANGE_OUT];
	size_t plain_size;
	uint32_t sequence;
	if (rtsp_open(state->gcm, 'H', state->out, size, plain, &plain_size, &sequence) !=
					ES_RTSP_COMPLETE ||
			sequence <= state->answered) {
		abort();
	}
	state->answered = sequence;
	memcpy(state->out, plain, plain_size);
	check_clear(state, plain_size);
}

static void speak(struct state *state, enum speaker speaker, const uint8_t *data, size_t size) {
	const char *peer = speaker == CLEAR ? clear_peer
			: speaker == STRANGER		? "192.0.2.3"
										: sealed_peer;
	size_t out_size = 0;
	if (speaker == SEALED) {
		size = rtsp_seal(
				state->gcm, 'C', ++state->sequence, data, size, state->in, sizeof(state->in));
	} else if (size > 0) {
		memcpy(state->in, data, size);
	}
	if (rtsp_exchange(state->plays, peer, state->in, size, state->out, &out_size) !=
			ES_RTSP_ANSWER) {
		return;
	}
	switch (speaker) {
	case CLEAR:
		check_clear(state, out_size);
		return;
	case SEALED:
		check_sealed(state, out_size);
		return;
	default: // has forged a frame
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const uint8_t key[ES_KEY_SIZE] = {1, 2, 3};
	log_init("fuzz_rtsp_exchange", ES_LOG_ERROR); // what is refused is told as a warning
	struct state state = {.plays = plays_create(NULL, NULL), .gcm = gcm_create(key)};
	if (state.plays == NULL || state.gcm == NULL) {
		abort();
	}
	launch(state.plays, 1, clear_peer, 0);
	launch(state.plays, 2, sealed_peer, 1);
	while (size >= 3) {
		enum speaker speaker = (enum speaker)(data[0] % N_SPEAKERS);
		size_t part = (size_t)data[1] << 8 | data[2];
		data += 3;
		size -= 3;
		part = part < size ? part : size;
		part = part < ES_RTSP_MAX_REQUEST ? part : ES_RTSP_MAX_REQUEST;
		speak(&state, speaker, data, part);
		data += part;
		size -= part;
	}
	gcm_destroy(state.gcm);
	plays_destroy(state.plays);
	return 0;
}

// Each request alone from each speaker; and the whole talk.
size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	size_t n = n_rtsp_vectors, at = 0;
	size_t first = index < 2 * n ? index % n : 0, last = index < 2 * n ? first : n - 1;
	enum speaker speaker = index < n || index == 2 * n ? CLEAR : SEALED;
	if (index > 2 * n + 1) {
		return 0;
	}
	for (size_t i = first; i <= last; i++) {
		size_t size = strlen(rtsp_vectors[i].text);
		if (at + 3 + size > cap) {
			break;
		}
		out[at] = (uint8_t)speaker;
		out[at + 1] = (uint8_t)(size >> 8);
		out[at + 2] = (uint8_t)size;
		memcpy(out + at + 3, rtsp_vectors[i].text, size);
		at += 3 + size;
	}
	return at;
}
