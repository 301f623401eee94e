// Which encoders this machine can be trusted with: from the caches, or found out once, in the
// background: hardware by a self-test on each GPU, software by running it for about a second.
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "host/children.h"
#include "host/codec_speeds.h"
#include "host/ladder.h"

struct es_codec_probe;

struct es_codec_probe_params {
	sd_event *event; // borrowed, as children and facts
	struct es_children *children;
	struct es_ladder_facts *facts; // where the self-tests' results go
	const char *word; // of the encoders that may be used, as after -e; borrowed
	const char *program; // that tests and measures; NULL: our encoder
	const char *cache; // path of the speeds' file; NULL: in $XDG_CACHE_HOME
	void (*finished)(void *data); // once, from the event loop, if there was something to do
	void *data;
};

// Reads the cache, and starts what is missing. What was lost at work is tried again. NULL: no memory.
struct es_codec_probe *codec_probe_create(const struct es_codec_probe_params *params);
void codec_probe_destroy(struct es_codec_probe *probe); // NULL is fine; stops it

// While paused nothing is tried: sessions would be slowed down, and the encoders found slow.
void codec_probe_pause(struct es_codec_probe *probe, bool paused);

bool codec_probe_running(const struct es_codec_probe *probe);
// Empty until it has finished.
const struct es_codec_speeds *codec_probe_speeds(const struct es_codec_probe *probe);
