#include "host/settings_tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void tell_text(const char *text, char *out, size_t cap) {
	snprintf(out, cap, "%s", text);
}

static void tell_number(uint64_t number, char *out, size_t cap) {
	snprintf(out, cap, "%" PRIu64, number);
}

static void tell_bool(bool yes, char *out, size_t cap) {
	tell_text(yes ? "yes" : "no", out, cap);
}

static void tell_name(const struct es_settings *s, char *out, size_t cap) {
	tell_text(s->name, out, cap);
}

static void tell_listen(const struct es_settings *s, char *out, size_t cap) {
	tell_text(s->address, out, cap);
}

static void tell_port(const struct es_settings *s, char *out, size_t cap) {
	tell_number(s->port, out, cap);
}

static void tell_announce(const struct es_settings *s, char *out, size_t cap) {
	tell_bool(s->announce, out, cap);
}

static void tell_encryption(const struct es_settings *s, char *out, size_t cap) {
	static const char *const words[] = {
			[ES_ENCRYPT_ASKED] = "asked",
			[ES_ENCRYPT_REQUIRED] = "required",
			[ES_ENCRYPT_OFF] = "off",
	};
	tell_text(words[s->encryption], out, cap);
}

static void tell_fec(const struct es_settings *s, char *out, size_t cap) {
	tell_number(s->fec_percent, out, cap);
}

static void tell_keepalive(const struct es_settings *s, char *out, size_t cap) {
	tell_number(s->keepalive_ms > 0 ? 1000 / s->keepalive_ms : 0, out, cap);
}

static void tell_max_sessions(const struct es_settings *s, char *out, size_t cap) {
	tell_number(s->max_sessions, out, cap);
}

// Many modes have one rate: the first usual one that fits.
static void tell_max_pixel_rate(const struct es_settings *s, char *out, size_t cap) {
	static const struct {
		uint32_t width, height;
	} sizes[] = {{3840, 2160}, {2560, 1440}, {1920, 1080}, {1280, 720}, {1280, 800}, {1920, 1200},
			{2560, 1600}, {3440, 1440}, {7680, 4320}, {640, 360}};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t pixels = (uint64_t)sizes[i].width * sizes[i].height;
		if (s->max_pixel_rate % pixels == 0 && s->max_pixel_rate / pixels <= 1000) {
			snprintf(out, cap, "%" PRIu32 "x%" PRIu32 "@%" PRIu64, sizes[i].width, sizes[i].height,
					s->max_pixel_rate / pixels);
			return;
		}
	}
	snprintf(out, cap, "%" PRIu64 " pixels per second", s->max_pixel_rate);
}

static void tell_max_bitrate(const struct es_settings *s, char *out, size_t cap) {
	bool whole = s->max_kbps % 1000 == 0;
	snprintf(
			out, cap, "%" PRIu32 "%s", whole ? s->max_kbps / 1000 : s->max_kbps, whole ? "M" : "k");
}

static void tell_idle(const struct es_settings *s, char *out, size_t cap) {
	bool hours = s->idle_minutes % 60 == 0;
	if (s->idle_minutes == 0) {
		tell_text("never", out, cap);
	} else {
		snprintf(out, cap, "%" PRIu32 "%s", hours ? s->idle_minutes / 60 : s->idle_minutes,
				hours ? "h" : "m");
	}
}

static void tell_keyboard(const struct es_settings *s, char *out, size_t cap) {
	tell_text(s->keyboard, out, cap);
}

static void tell_encoder(const struct es_settings *s, char *out, size_t cap) {
	tell_text(s->encoder, out, cap);
}

static void tell_gpu(const struct es_settings *s, char *out, size_t cap) {
	tell_text(s->gpu, out, cap);
}

static void tell_microphone(const struct es_settings *s, char *out, size_t cap) {
	tell_bool(s->microphone, out, cap);
}

static void tell_sound(const struct es_settings *s, char *out, size_t cap) {
	tell_bool(s->sound, out, cap);
}

static void tell_screen_source(const struct es_settings *s, char *out, size_t cap) {
	tell_bool(s->screen_source, out, cap);
}

static void tell_inhibit(const struct es_settings *s, char *out, size_t cap) {
	tell_bool(s->inhibit_sleep, out, cap);
}

const struct es_setting settings_list[] = {
		{"name", true, "What devices call this host", tell_name},
		{"listen", false, "IPv4 address to listen on; 0.0.0.0: all of them", tell_listen},
		{"port", false, "Base port of GameStream; 0: any free ones", tell_port},
		{"announce", true, "Whether devices in the local network find the host", tell_announce},
		{"encryption", true, "Of video and sound: asked, required or off", tell_encryption},
		{"fec", true, "Percent of parity that is sent at least", tell_fec},
		{"keepalive", true, "How often a second a still picture is repeated", tell_keepalive},
		{"max-sessions", true, "How many sessions may run at once", tell_max_sessions},
		{"max-pixel-rate", true, "The largest screen of a session, as 3840x2160@120",
				tell_max_pixel_rate},
		{"max-bitrate", true, "The highest rate of a session, as 150M", tell_max_bitrate},
		{"idle", true, "After how long a session without a device ends, as 90m, 24h or never",
				tell_idle},
		{"keyboard", true, "xkb layout of apps; empty: the system's", tell_keyboard},
		{"encoder", true, "auto, software, or the name of an encoder", tell_encoder},
		{"gpu", true, "auto, or the GPU to render and encode on", tell_gpu},
		{"sound", true, "Whether apps have a sound card", tell_sound},
		{"microphone", true, "Whether apps have a microphone beside it", tell_microphone},
		{"screen-source", true, "Whether the user's PipeWire has the screens", tell_screen_source},
		{"inhibit-sleep", true, "Whether the machine stays awake while somebody plays",
				tell_inhibit},
		{NULL, false, NULL, NULL},
};

const struct es_setting *settings_find(const char *name) {
	for (const struct es_setting *setting = settings_list; setting->name != NULL; setting++) {
		if (strcmp(setting->name, name) == 0) {
			return setting;
		}
	}
	return NULL;
}
