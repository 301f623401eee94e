// Which encoders can be asked for by name, and which of them this build has.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/mode.h"

struct es_encoder_choice {
	const char *name; // as after -e
	enum es_codec codec;
	bool built;
	const char *remedy; // for those that are not built
};

extern const struct es_encoder_choice encoder_choices[];
extern const size_t n_encoder_choices;

// True for a word that -e takes: a name above or "auto", "software", "vaapi", "vulkan", "nvenc".
bool encoder_choice_is_word(const char *word);

// The codec that a name implies; false for words that do several codecs.
bool encoder_choice_codec(const char *word, enum es_codec *codec);

// The name to start for a word and a codec; NULL with the reason in error[cap].
const char *encoder_choice_resolve(const char *word, enum es_codec codec, char *error, size_t cap);
