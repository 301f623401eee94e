#include "stream/audio.h"

#include <opus/opus_multistream.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "protocol/audio_packet.h"

#define MAX_CHANNELS 8
#define MAX_PACKET_FRAMES 960
#define MAX_BLOCK_FRAMES 1920 // as many samples of one channel as a message holds
#define MAX_FILE_PACKET 4000
#define FILE_KBPS 64 // of each channel
// A block that comes this far from where it was expected begins a new count.
#define PAUSE_NS (200 * ES_NS_PER_MS)
// Without a block for so long the sound has stopped. A file has time, where the machine stands still.
#define STOP_NS (60 * ES_NS_PER_MS)
#define FILE_STOP_NS (500 * ES_NS_PER_MS)
// What goes in or is left out at a time, where the clocks part: 5 ms.
#define STEP_FRAMES 240
// Before it is a whole step, or a leap of just one would stay for ever.
#define STEP_AT_NS (9 * ES_NS_PER_MS / 2)
#define SMOOTHING 8 // blocks over which a difference is averaged
#define LEVEL (1.0f / 32768.0f)

enum { FL, FR, FC, LFE, RL, RR, SL, SR };

struct es_audio {
	struct es_audio_params params;
	OpusMSEncoder *opus; // owned
	int n_streams, n_coupled;
	uint8_t mapping[MAX_CHANNELS];
	size_t packet_size; // of all packets; 0: any
	uint32_t packet_frames;
	uint8_t from; // channels that `mix` is for
	float mix[MAX_CHANNELS][MAX_CHANNELS]; // [to][from]
	uint8_t place[MAX_CHANNELS]; // of each channel in the encoder's input

	bool running; // the count of samples has a beginning
	int64_t next_ns; // when the next sample is expected, or the last count has ended
	int64_t drift_ns; // by how much blocks are later than that, averaged
	int64_t last_put_ns;
	uint32_t skip; // samples of each channel to leave out
	uint32_t n; // samples of each channel that wait
	struct es_audio_counts counts;
	float pending[(2 * MAX_PACKET_FRAMES + MAX_BLOCK_FRAMES) * MAX_CHANNELS];
	uint8_t out[MAX_FILE_PACKET];
};

// --- layouts

static const struct layout {
	uint8_t channels;
	bool high;
	int n_streams, n_coupled;
	int kbps;
	uint8_t mapping[MAX_CHANNELS];
} layouts[] = {
		{2, false, 1, 1, 96, {0, 1}},
		{2, true, 1, 1, 512, {0, 1}},
		{6, false, 4, 2, 256, {0, 1, 4, 5, 2, 3}},
		{6, true, 6, 0, 1536, {0, 1, 2, 3, 4, 5}},
		{8, false, 5, 3, 450, {0, 1, 6, 7, 2, 3, 4, 5}},
		{8, true, 8, 0, 2048, {0, 1, 2, 3, 4, 5, 6, 7}},
};

static const struct layout *find_layout(const struct es_audio_params *params) {
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].channels == params->channels && layouts[i].high == params->high_quality) {
			return &layouts[i];
		}
	}
	return NULL;
}

// More than two channels on two: the front less loud, so that all of it together rarely clips.
static void mix_to_stereo(struct es_audio *audio) {
	for (uint8_t to = FL; to <= FR; to++) {
		audio->mix[to][to] = 0.7071f;
		audio->mix[to][FC] = 0.5f;
		audio->mix[to][LFE] = 0.25f;
		audio->mix[to][RL + to] = 0.5f;
		if (audio->from == 8) {
			audio->mix[to][SL + to] = 0.5f;
		}
	}
}

static void choose_mix(struct es_audio *audio, uint8_t from) {
	uint8_t to = audio->params.channels;
	audio->from = from;
	memset(audio->mix, 0, sizeof(audio->mix));
	if (to == 2 && from >= 6) {
		mix_to_stereo(audio);
		return;
	}
	for (uint8_t i = 0; i < to && i < from; i++) {
		audio->mix[i][i] = 1;
	}
	if (from == 1) {
		audio->mix[FL][FL] = audio->mix[FR][FL] = 0.7071f;
	} else if (from == 8 && to == 6) {
		audio->mix[RL][SL] = audio->mix[RR][SR] = 0.7071f;
		audio->mix[RL][RL] = audio->mix[RR][RR] = 0.7071f;
	}
}

static void choose_places(struct es_audio *audio) {
	static const uint8_t vorbis_6[] = {[FL] = 0, [FR] = 2, [FC] = 1, [LFE] = 5, [RL] = 3, [RR] = 4};
	static const uint8_t vorbis_8[] = {
			[FL] = 0, [FR] = 2, [FC] = 1, [LFE] = 7, [RL] = 5, [RR] = 6, [SL] = 3, [SR] = 4};
	for (uint8_t i = 0; i < MAX_CHANNELS; i++) {
		bool vorbis = audio->params.file && audio->params.channels > 2;
		audio->place[i] = !vorbis			  ? i
				: audio->params.channels == 8 ? vorbis_8[i]
				: i < 6						  ? vorbis_6[i]
											  : i;
	}
}

// --- the encoder

static bool set_options(struct es_audio *audio, int kbps) {
	// What does not fit into a datagram cannot be sent.
	int most = ES_AUDIO_MAX_OPUS * 8 / audio->params.packet_ms;
	kbps = !audio->params.file && kbps > most ? most : kbps;
	if (!audio->params.file) {
		audio->packet_size = (size_t)kbps * audio->params.packet_ms / 8;
	}
	return opus_multistream_encoder_ctl(audio->opus, OPUS_SET_BITRATE(kbps * 1000)) == OPUS_OK &&
			opus_multistream_encoder_ctl(audio->opus, OPUS_SET_VBR(audio->params.file)) == OPUS_OK;
}

static bool create_encoder(struct es_audio *audio) {
	const struct layout *layout = find_layout(&audio->params);
	int error = OPUS_BAD_ARG;
	if (layout == NULL) {
		return false;
	}
	audio->n_streams = layout->n_streams;
	audio->n_coupled = layout->n_coupled;
	memcpy(audio->mapping, layout->mapping, sizeof(audio->mapping));
	if (audio->params.file) {
		audio->opus = opus_multistream_surround_encoder_create(ES_AUDIO_RATE, layout->channels,
				layout->channels > 2, &audio->n_streams, &audio->n_coupled, audio->mapping,
				OPUS_APPLICATION_AUDIO, &error);
	} else {
		audio->opus = opus_multistream_encoder_create(ES_AUDIO_RATE, layout->channels,
				layout->n_streams, layout->n_coupled, layout->mapping,
				OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
	}
	if (audio->opus == NULL) {
		es_log(ES_LOG_ERROR, "no sound: Opus refuses %d channels: %s", layout->channels,
				opus_strerror(error));
		return false;
	}
	return set_options(audio, audio->params.file ? FILE_KBPS * layout->channels : layout->kbps);
}

struct es_audio *audio_create(const struct es_audio_params *params) {
	struct es_audio *audio = calloc(1, sizeof(*audio));
	if (audio == NULL) {
		es_log(ES_LOG_ERROR, "no sound: out of memory");
		return NULL;
	}
	audio->params = *params;
	audio->packet_frames = params->packet_ms * (ES_AUDIO_RATE / 1000u);
	choose_mix(audio, params->channels);
	choose_places(audio);
	if (audio->packet_frames > MAX_PACKET_FRAMES || !create_encoder(audio)) {
		audio_destroy(audio);
		return NULL;
	}
	return audio;
}

void audio_destroy(struct es_audio *audio) {
	if (audio == NULL) {
		return;
	}
	if (audio->opus != NULL) {
		opus_multistream_encoder_destroy(audio->opus);
	}
	free(audio);
}

static int64_t duration_ns(uint64_t n_frames) {
	return (int64_t)(n_frames * (uint64_t)ES_NS_PER_S / ES_AUDIO_RATE);
}

static void encode_one(struct es_audio *audio) {
	size_t cap = audio->packet_size > 0 ? audio->packet_size : sizeof(audio->out);
	int size = opus_multistream_encode_float(
			audio->opus, audio->pending, (int)audio->packet_frames, audio->out, (opus_int32)cap);
	if (size > 0 && audio->packet_size > 0 && (size_t)size < audio->packet_size &&
			opus_multistream_packet_pad(audio->out, size, (opus_int32)cap, audio->n_streams) ==
					OPUS_OK) {
		size = (int)cap; // parity wants all of one size
	}
	struct es_audio_packet packet = {
			.data = audio->out,
			.size = size > 0 ? (size_t)size : 0,
			.time_ns = audio->next_ns - duration_ns(audio->n),
			.n_frames = audio->packet_frames,
	};
	audio->n -= audio->packet_frames;
	memmove(audio->pending, audio->pending + audio->packet_frames * audio->params.channels,
			(size_t)audio->n * audio->params.channels * sizeof(float));
	if (packet.size > 0) {
		audio->counts.packets++;
		audio->params.packet(audio->params.data, &packet);
	}
}

static void encode_full(struct es_audio *audio) {
	while (audio->n >= audio->packet_frames) {
		encode_one(audio);
	}
}

// --- samples

static void add_silence(struct es_audio *audio, uint32_t n) {
	memset(audio->pending + audio->n * audio->params.channels, 0,
			(size_t)n * audio->params.channels * sizeof(float));
	audio->n += n;
	audio->next_ns += duration_ns(n);
}

static void add_samples(struct es_audio *audio, const int16_t *samples, uint32_t n) {
	uint8_t to = audio->params.channels, from = audio->from;
	float *out = audio->pending + (size_t)audio->n * to;
	for (uint32_t i = 0; i < n; i++, samples += from, out += to) {
		for (uint8_t t = 0; t < to; t++) {
			float sum = 0;
			for (uint8_t f = 0; f < from; f++) {
				sum += audio->mix[t][f] * samples[f];
			}
			out[audio->place[t]] = sum * LEVEL;
		}
	}
	audio->n += n;
	audio->next_ns += duration_ns(n);
}

// The rest of the last sound, before a pause or the end.
static void end_count(struct es_audio *audio) {
	uint8_t block = audio->params.block > 0 ? audio->params.block : 1;
	if (!audio->running) {
		return;
	}
	if (audio->n > 0) {
		add_silence(audio, audio->packet_frames - audio->n);
		encode_full(audio);
	}
	// At least one more: the encoder is behind by a part of a packet. Also where it makes none any more,
	// there is an end.
	for (uint8_t i = 0; i < block && (i == 0 || audio->counts.packets % block != 0); i++) {
		add_silence(audio, audio->packet_frames);
		encode_full(audio);
	}
	audio->running = false;
	audio->skip = 0;
	audio->drift_ns = 0;
}

// What the tail of the last one has taken the place of, because the sound had not stopped but was late, is
// left out: else all that follows would be later than the pictures.
static void begin_count(struct es_audio *audio, int64_t time_ns) {
	int64_t overlap_ns = audio->next_ns - time_ns;
	audio->running = true;
	if (overlap_ns <= 0 || overlap_ns > PAUSE_NS) {
		audio->next_ns = time_ns;
		return;
	}
	audio->skip = (uint32_t)(overlap_ns * (ES_AUDIO_RATE / 1000) / ES_NS_PER_MS);
	audio->counts.dropped++;
}

static void follow_clock(struct es_audio *audio, int64_t time_ns) {
	int64_t step_ns = duration_ns(STEP_FRAMES);
	int64_t difference_ns = time_ns - audio->next_ns + duration_ns(audio->skip);
	if (audio->running && (difference_ns > PAUSE_NS || difference_ns < -PAUSE_NS)) {
		end_count(audio);
	}
	if (!audio->running) {
		begin_count(audio, time_ns);
		return;
	}
	audio->drift_ns += (difference_ns - audio->drift_ns) / SMOOTHING;
	if (audio->drift_ns > STEP_AT_NS) {
		audio->drift_ns -= step_ns;
		audio->counts.inserted++;
		add_silence(audio, STEP_FRAMES);
		encode_full(audio);
	} else if (audio->drift_ns < -STEP_AT_NS && audio->skip == 0) {
		audio->drift_ns += step_ns;
		audio->counts.dropped++;
		audio->skip = STEP_FRAMES;
	}
}

void audio_put(struct es_audio *audio, const struct es_device_msg *pcm, int64_t now_ns) {
	uint32_t n = pcm->pcm.n_samples / pcm->pcm.channels;
	if (pcm->pcm.channels != audio->from) {
		choose_mix(audio, pcm->pcm.channels);
	}
	audio->last_put_ns = now_ns;
	follow_clock(audio, pcm->pcm.time_ns);
	uint32_t skipped = audio->skip < n ? audio->skip : n;
	audio->skip -= skipped;
	add_samples(audio, pcm->pcm.samples + (size_t)skipped * pcm->pcm.channels, n - skipped);
	encode_full(audio);
}

void audio_flush(struct es_audio *audio) {
	end_count(audio);
}

int64_t audio_wake_ns(const struct es_audio *audio) {
	int64_t stop_ns = audio->params.file ? FILE_STOP_NS : STOP_NS;
	return audio->running ? audio->last_put_ns + stop_ns : ES_AUDIO_NEVER;
}

struct es_audio_counts audio_counts(const struct es_audio *audio) {
	return audio->counts;
}

size_t audio_head(const struct es_audio *audio, uint8_t out[64]) {
	opus_int32 skip = 0;
	uint8_t channels = audio->params.channels;
	opus_multistream_encoder_ctl(audio->opus, OPUS_GET_LOOKAHEAD(&skip));
	uint8_t head[21] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, channels, (uint8_t)skip,
			(uint8_t)(skip >> 8), 0x80, 0xbb, 0, 0, 0, 0, channels > 2 ? 1 : 0,
			(uint8_t)audio->n_streams, (uint8_t)audio->n_coupled};
	memcpy(out, head, sizeof(head));
	if (channels <= 2) {
		return 19;
	}
	memcpy(out + sizeof(head), audio->mapping, channels);
	return sizeof(head) + channels;
}
