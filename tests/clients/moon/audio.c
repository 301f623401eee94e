#include "tests/clients/moon/audio.h"

#include <math.h>
#include <opus/opus_multistream.h>
#include <stdlib.h>
#include <string.h>

#include "tests/clients/moon/say.h"

#define RATE 48000
#define MAX_CHANNELS 8
#define MAX_FRAMES 5760
#define WINDOW (RATE / 2)
#define DECIMATION 8 // what is looked for is below 3 kHz
#define POINTS (WINDOW / DECIMATION)
#define SILENT 0.001f
#define CLICK 0.3f
#define CLICK_QUIET (RATE / 20) // before it
#define TURN 6.28318530717958647692

struct es_moon_audio {
	struct es_moon_audio_packets *packets;
	OpusMSDecoder *opus;
	uint8_t channels;
	int packet_frames;
	uint64_t opus_errors;
	int64_t first_ns, last_ns; // when packets came
	bool clicks;
	size_t quiet; // samples of the first channel since it was loud
	size_t n; // samples of each channel in the window
	float window[MAX_CHANNELS][WINDOW];
	float decoded[MAX_FRAMES * MAX_CHANNELS];
	float points[POINTS]; // scratch
};

// --- what is heard

static float level_of(const float *samples) {
	double sum = 0;
	for (size_t i = 0; i < WINDOW; i++) {
		sum += (double)samples[i] * samples[i];
	}
	return (float)sqrt(sum / WINDOW);
}

// Goertzel's.
static double power_at(const float *points, double hz) {
	double factor = 2 * cos(TURN * hz * DECIMATION / RATE), a = 0, b = 0;
	for (size_t i = 0; i < POINTS; i++) {
		double next = points[i] + factor * a - b;
		b = a;
		a = next;
	}
	return a * a + b * b - factor * a * b;
}

static double strongest(const float *points, double from, double to, double step) {
	double best = from, most = -1;
	for (double hz = from; hz <= to; hz += step) {
		double power = power_at(points, hz);
		if (power > most) {
			most = power;
			best = hz;
		}
	}
	return best;
}

static double dominant_hz(struct es_moon_audio *audio, const float *samples) {
	for (size_t i = 0; i < POINTS; i++) {
		float sum = 0;
		for (size_t k = 0; k < DECIMATION; k++) {
			sum += samples[i * DECIMATION + k];
		}
		audio->points[i] = sum * (float)(0.5 - 0.5 * cos(TURN * (double)i / POINTS));
	}
	double coarse = strongest(audio->points, 40, 2800, 2);
	return strongest(audio->points, coarse - 2, coarse + 2, 0.1);
}

static void say_window(struct es_moon_audio *audio) {
	double hz[MAX_CHANNELS] = {0}, levels[MAX_CHANNELS];
	for (uint8_t i = 0; i < audio->channels; i++) {
		levels[i] = (double)level_of(audio->window[i]);
		hz[i] = levels[i] > (double)SILENT ? dominant_hz(audio, audio->window[i]) : 0;
	}
	say_begin("sound");
	say_decimals("hz", hz, audio->channels);
	say_decimals("level", levels, audio->channels);
	say_number("at_ns", audio->last_ns);
	audio_say_statistics(audio);
	say_end();
	audio->n = 0;
}

// One who plays each packet as soon as it comes hears the click when its place in the packet is reached.
static void find_clicks(struct es_moon_audio *audio) {
	for (int i = 0; i < audio->packet_frames; i++, audio->quiet++) {
		if (fabsf(audio->decoded[i * audio->channels]) < CLICK) {
			continue;
		}
		if (audio->quiet > CLICK_QUIET) {
			say_begin("click");
			say_number("at_ns", audio->last_ns + (int64_t)i * 1000000000 / RATE);
			say_number("packet_ns", audio->last_ns);
			say_end();
		}
		audio->quiet = 0;
	}
}

static void handle_packet(void *data, uint16_t sequence, const uint8_t *opus, size_t size) {
	struct es_moon_audio *audio = data;
	audio->last_ns = now_ns();
	audio->first_ns = audio->first_ns == 0 ? audio->last_ns : audio->first_ns;
	int n = opus_multistream_decode_float(
			audio->opus, opus, (opus_int32)size, audio->decoded, audio->packet_frames, 0);
	if (n != audio->packet_frames) {
		audio->opus_errors++;
		return;
	}
	if (audio->clicks) {
		find_clicks(audio);
	}
	for (int i = 0; i < n; i++) {
		for (uint8_t c = 0; c < audio->channels; c++) {
			audio->window[c][audio->n] = audio->decoded[i * audio->channels + c];
		}
		if (++audio->n == WINDOW) {
			say_window(audio);
		}
	}
}

static void handle_violation(void *data, const char *what) {
	say_line("violation", "sound: %s", what);
}

// --- the host's layout, as Moonlight reads it

static bool read_layout(const struct es_moon_audio_params *params, int *streams, int *coupled,
		uint8_t mapping[MAX_CHANNELS]) {
	uint8_t n = params->channels;
	*streams = *coupled = 1;
	mapping[0] = 0;
	mapping[1] = 1;
	if (n == 2) {
		return true;
	}
	if (strlen(params->surround) != 3u + n) {
		return false;
	}
	*streams = params->surround[1] - '0';
	*coupled = params->surround[2] - '0';
	for (uint8_t i = 0; i < n; i++) {
		mapping[i] = (uint8_t)(params->surround[3 + i] - '0');
	}
	if (!params->high_quality) { // the last is that of LFE, which belongs in the fourth place
		uint8_t last = mapping[n - 1];
		memmove(mapping + 4, mapping + 3, n - 4u);
		mapping[3] = last;
	}
	return true;
}

struct es_moon_audio *audio_create(const struct es_moon_audio_params *params) {
	struct es_moon_audio *audio = calloc(1, sizeof(*audio));
	int streams, coupled, error = 0;
	uint8_t mapping[MAX_CHANNELS];
	if (audio == NULL || !read_layout(params, &streams, &coupled, mapping)) {
		say_error("no sound: surround-params \"%s\" of %u channels", params->surround,
				params->channels);
		free(audio);
		return NULL;
	}
	audio->channels = params->channels;
	audio->clicks = params->clicks;
	audio->packet_frames = RATE / 1000 * params->packet_ms;
	audio->opus = opus_multistream_decoder_create(
			RATE, params->channels, streams, coupled, mapping, &error);
	audio->packets = audio_packets_create(&(struct es_moon_audio_packets_params){
			.key = params->key,
			.key_id = params->key_id,
			.packet_ms = params->packet_ms,
			.data = audio,
			.packet = handle_packet,
			.violation = handle_violation,
	});
	if (audio->opus == NULL || audio->packets == NULL) {
		say_error("no sound: %s", opus_strerror(error));
		audio_destroy(audio);
		return NULL;
	}
	return audio;
}

void audio_destroy(struct es_moon_audio *audio) {
	if (audio != NULL) {
		if (audio->opus != NULL) {
			opus_multistream_decoder_destroy(audio->opus);
		}
		audio_packets_destroy(audio->packets);
		free(audio);
	}
}

void audio_take(struct es_moon_audio *audio, const uint8_t *data, size_t size) {
	audio_packets_take(audio->packets, data, size);
}

void audio_say_statistics(const struct es_moon_audio *audio) {
	const struct es_moon_audio_stats *stats = audio_packets_stats(audio->packets);
	say_number("audio_parity", (int64_t)stats->parity);
	say_number("audio_packets", (int64_t)stats->packets);
	say_number("audio_missing", (int64_t)stats->missing);
	say_number("audio_recovered", (int64_t)stats->recovered);
	say_number("audio_late", (int64_t)stats->late);
	say_number("audio_bad", (int64_t)(stats->forged + stats->violations + audio->opus_errors));
}
