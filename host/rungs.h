// The rungs of the ladder: every encoder that can be asked for by name, per codec best first, and which
// of them this build has.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

struct es_rung {
	const char *name; // as after -e
	enum es_codec codec;
	// Used only where it was proved, watched closely, and followed by the next one when it fails; the
	// others are what is left then.
	bool hardware;
	bool needs_gpu; // a render node
	bool on_request; // only by its name
	uint16_t vendor; // PCI vendor of the GPUs that it is for, 0: any
	uint16_t not_vendor; // that it is not for, 0: none
	bool built;
	const char *remedy; // for those that are not built
};

extern const struct es_rung rungs[];
extern const size_t n_rungs;

// True for a word that -e takes: a name above or "auto" or "software".
bool rungs_is_word(const char *word);
// All of them, as "auto, software, vaapi, ...".
void rungs_list_words(char *out, size_t cap);

// The codec that a name implies; false for words that do several codecs.
bool rungs_codec(const char *word, enum es_codec *codec);

// NULL: there is none.
const struct es_rung *rungs_find(const char *name, enum es_codec codec);

// Whether the word may name this rung: "auto" all but those on request, "software" those that are no
// hardware.
bool rungs_match(const struct es_rung *rung, const char *word);

// Whether a word can give an encoder for the codec in this build at all; what is known of this machine
// is not asked. False with the reason in error[cap].
bool rungs_check(const char *word, enum es_codec codec, char *error, size_t cap);
