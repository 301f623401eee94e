// Which codecs this machine can be trusted with: from the cache, or measured once, in the
// background, by running each encoder for about a second.
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "host/children.h"
#include "host/codec_speeds.h"

struct es_codec_probe;

struct es_codec_probe_params {
	sd_event *event; // borrowed, as children
	struct es_children *children;
	const char *program; // that measures; NULL: our encoder
	const char *cache; // path of the file; NULL: in $XDG_CACHE_HOME
	void (*finished)(void *data); // once, from the event loop, if there was something to measure
	void *data;
};

// Reads the cache, and starts measuring if it is of no use. NULL: no memory.
struct es_codec_probe *codec_probe_create(const struct es_codec_probe_params *params);
void codec_probe_destroy(struct es_codec_probe *probe); // NULL is fine; stops measuring

// While paused nothing is measured: sessions would be slowed down, and the encoders found slow.
void codec_probe_pause(struct es_codec_probe *probe, bool paused);

bool codec_probe_running(const struct es_codec_probe *probe);
// Empty until it has finished.
const struct es_codec_speeds *codec_probe_speeds(const struct es_codec_probe *probe);
