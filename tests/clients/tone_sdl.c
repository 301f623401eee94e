// A tone, as a game plays it: through SDL, on the default device, until it is ended.
//   tone_sdl HZ
#include <SDL3/SDL.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE 48000
#define TURN 6.28318530717958647692

struct tone {
	double hz;
	uint64_t position;
};

static void SDLCALL feed(void *data, SDL_AudioStream *stream, int more, int total) {
	struct tone *tone = data;
	float samples[256];
	while (more > 0) {
		for (int i = 0; i < 256; i += 2, tone->position++) {
			double turn = TURN * tone->hz * (double)tone->position / RATE;
			samples[i] = samples[i + 1] = 0.3f * (float)sin(turn);
		}
		SDL_PutAudioStreamData(stream, samples, sizeof(samples));
		more -= (int)sizeof(samples);
	}
}

int main(int argc, char **argv) {
	static const SDL_AudioSpec spec = {.format = SDL_AUDIO_F32, .channels = 2, .freq = RATE};
	struct tone tone = {.hz = argc > 1 ? strtod(argv[1], NULL) : 440};
	if (!SDL_Init(SDL_INIT_AUDIO)) {
		fprintf(stderr, "tone_sdl: %s\n", SDL_GetError());
		return 1;
	}
	SDL_AudioStream *stream =
			SDL_OpenAudioDeviceStream(SDL_AUDIO_DEVICE_DEFAULT_PLAYBACK, &spec, feed, &tone);
	if (stream == NULL || !SDL_ResumeAudioStreamDevice(stream)) {
		fprintf(stderr, "tone_sdl: %s\n", SDL_GetError());
		SDL_Quit();
		return 1;
	}
	SDL_Event event;
	while (SDL_WaitEvent(&event) && event.type != SDL_EVENT_QUIT) {
	}
	SDL_Quit();
	return 0;
}
