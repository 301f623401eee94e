#include "host/encoder_choice.h"

#include <stdio.h>
#include <string.h>

#include "config.h"

const struct es_encoder_choice encoder_choices[] = {
		{"x264", ES_CODEC_H264, ES_HAVE_X264, "build with -Dx264=enabled (libx264)"},
		{"x265", ES_CODEC_HEVC, ES_HAVE_LAVC,
				"build with -Dlavc=enabled (libavcodec with libx265)"},
		{"svtav1", ES_CODEC_AV1, ES_HAVE_SVTAV1, "build with -Dsvtav1=enabled (SVT-AV1)"},
};
const size_t n_encoder_choices = sizeof(encoder_choices) / sizeof(encoder_choices[0]);

static const char *const any_words[] = {"auto", "software"};
static const char *const hardware_words[] = {"vaapi", "vulkan", "nvenc"};

static bool is_any(const char *word) {
	return strcmp(word, any_words[0]) == 0 || strcmp(word, any_words[1]) == 0;
}

static bool is_hardware(const char *word) {
	for (size_t i = 0; i < sizeof(hardware_words) / sizeof(hardware_words[0]); i++) {
		if (strcmp(word, hardware_words[i]) == 0) {
			return true;
		}
	}
	return false;
}

static const struct es_encoder_choice *find(const char *name) {
	for (size_t i = 0; i < n_encoder_choices; i++) {
		if (strcmp(name, encoder_choices[i].name) == 0) {
			return &encoder_choices[i];
		}
	}
	return NULL;
}

static const struct es_encoder_choice *find_codec(enum es_codec codec) {
	for (size_t i = 0; i < n_encoder_choices; i++) {
		if (encoder_choices[i].codec == codec) {
			return &encoder_choices[i];
		}
	}
	return NULL;
}

bool encoder_choice_is_word(const char *word) {
	return is_any(word) || is_hardware(word) || find(word) != NULL;
}

bool encoder_choice_codec(const char *word, enum es_codec *codec) {
	const struct es_encoder_choice *choice = find(word);
	if (choice == NULL) {
		return false;
	}
	*codec = choice->codec;
	return true;
}

const char *encoder_choice_resolve(const char *word, enum es_codec codec, char *error, size_t cap) {
	if (is_hardware(word)) {
		snprintf(error, cap, "encoder '%s' is not available in this build: use -e software", word);
		return NULL;
	}
	const struct es_encoder_choice *choice = is_any(word) ? find_codec(codec) : find(word);
	if (choice == NULL) {
		snprintf(error, cap, "there is no software encoder for %s", codec_name(codec));
		return NULL;
	}
	if (choice->codec != codec) {
		snprintf(error, cap, "encoder '%s' makes %s, not %s: leave -e out or use -c %s",
				choice->name, codec_name(choice->codec), codec_name(codec),
				codec_name(choice->codec));
		return NULL;
	}
	if (!choice->built) {
		snprintf(error, cap, "encoder '%s' (%s) is not available in this build: %s", choice->name,
				codec_name(codec), choice->remedy);
		return NULL;
	}
	return choice->name;
}
