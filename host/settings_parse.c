#include "host/settings_parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "host/gpu.h"
#include "host/nearest.h"
#include "host/quantity.h"
#include "host/rungs.h"
#include "host/safe_text.h"
#include "host/settings_syntax.h"
#include "protocol/keymap.h"
#include "protocol/mode.h"

#define MIN_PORT 1029 // HTTPS is five below, and must not need root
#define MAX_PORT 65000 // the ports of sessions follow it
#define MAX_IDLE_MINUTES (60 * 24 * 366)

bool settings_refuse(const struct es_settings_parse *parse, int line, const char *format, ...) {
	char text[ES_SETTINGS_ERROR_MAX], safe[ES_SETTINGS_ERROR_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	safe_text(safe, sizeof(safe), text); // it quotes what may be no text at all
	snprintf(parse->error, parse->cap, "%s:%d: %s", parse->path, line, safe);
	return false;
}

bool settings_expect(const struct es_settings_parse *parse, const struct scfg_directive *directive,
		size_t least, size_t most, const char *usage) {
	if (directive->params_len >= least && directive->params_len <= most) {
		return true;
	}
	return settings_refuse(parse, directive->lineno,
			"'%s' has %zu values; write: %s (a value with blanks in quotes)", directive->name,
			directive->params_len, usage);
}

static bool replace(
		const struct es_settings_parse *parse, char **text, const struct scfg_directive *d) {
	char *copy = strdup(d->params[0]);
	if (copy == NULL) {
		return settings_refuse(parse, d->lineno, "out of memory");
	}
	free(*text);
	*text = copy;
	return true;
}

static bool take_name(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	const char *name = d->params[0];
	if (name[0] == '\0' || strlen(name) > 63 || !safe_text_is(name)) {
		return settings_refuse(
				parse, d->lineno, "name '%s' is not plain text of 1 to 63 bytes", name);
	}
	return replace(parse, &parse->settings->name, d);
}

static bool take_listen(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	struct in_addr address;
	if (inet_pton(AF_INET, d->params[0], &address) != 1) {
		return settings_refuse(parse, d->lineno,
				"listen '%s' is not an IPv4 address of this machine (0.0.0.0: all of them)",
				d->params[0]);
	}
	return replace(parse, &parse->settings->address, d);
}

static bool take_port(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	uint64_t port;
	if (!quantity_whole(d->params[0], 0, MAX_PORT, &port) || (port > 0 && port < MIN_PORT)) {
		return settings_refuse(parse, d->lineno,
				"port '%s' is not a whole number from %d to %d, nor 0 (any free ones); clients expect "
				"47989",
				d->params[0], MIN_PORT, MAX_PORT);
	}
	parse->settings->port = (uint16_t)port;
	return true;
}

bool settings_yes_no(
		const struct es_settings_parse *parse, const struct scfg_directive *d, bool *value) {
	bool yes = strcmp(d->params[0], "yes") == 0;
	if (!yes && strcmp(d->params[0], "no") != 0) {
		return settings_refuse(
				parse, d->lineno, "%s '%s' is neither yes nor no", d->name, d->params[0]);
	}
	*value = yes;
	return true;
}

static bool take_announce(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	return settings_yes_no(parse, d, &parse->settings->announce);
}

static bool take_screen_source(
		const struct es_settings_parse *parse, const struct scfg_directive *d) {
	return settings_yes_no(parse, d, &parse->settings->screen_source);
}

static bool take_sound(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	return settings_yes_no(parse, d, &parse->settings->sound);
}

static bool take_microphone(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	return settings_yes_no(parse, d, &parse->settings->microphone);
}

static bool take_inhibit(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	return settings_yes_no(parse, d, &parse->settings->inhibit_sleep);
}

static bool take_encryption(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	static const struct {
		const char *word;
		enum es_encryption_policy policy;
	} words[] = {{"asked", ES_ENCRYPT_ASKED}, {"required", ES_ENCRYPT_REQUIRED},
			{"off", ES_ENCRYPT_OFF}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(d->params[0], words[i].word) == 0) {
			parse->settings->encryption = words[i].policy;
			return true;
		}
	}
	return settings_refuse(
			parse, d->lineno, "encryption '%s' is none of asked, required, off", d->params[0]);
}

static bool take_whole(const struct es_settings_parse *parse, const struct scfg_directive *d,
		uint64_t least, uint64_t most, uint64_t *value) {
	return quantity_whole(d->params[0], least, most, value) ||
			settings_refuse(parse, d->lineno, "%s '%s' is not a whole number from %llu to %llu",
					d->name, d->params[0], (unsigned long long)least, (unsigned long long)most);
}

static bool take_fec(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	uint64_t v = 0;
	bool ok = take_whole(parse, d, 0, 100, &v);
	parse->settings->fec_percent = (uint8_t)v;
	return ok;
}

static bool take_keepalive(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	uint64_t per_second = 0;
	bool ok = take_whole(parse, d, 0, 60, &per_second);
	parse->settings->keepalive_ms = per_second > 0 ? (uint32_t)(1000 / per_second) : 0;
	return ok;
}

static bool take_max_sessions(
		const struct es_settings_parse *parse, const struct scfg_directive *d) {
	uint64_t v = 0;
	bool ok = take_whole(parse, d, 1, 25, &v); // as many as ports fit behind MAX_PORT
	parse->settings->max_sessions = (uint32_t)v;
	return ok;
}

static bool take_max_pixel_rate(
		const struct es_settings_parse *parse, const struct scfg_directive *d) {
	struct es_mode mode = {0};
	if (!mode_parse(d->params[0], &mode) || strchr(d->params[0], '@') == NULL) {
		return settings_refuse(parse, d->lineno,
				"max-pixel-rate '%s' is not WIDTHxHEIGHT@HZ (as 3840x2160@60)", d->params[0]);
	}
	parse->settings->max_pixel_rate =
			(uint64_t)mode.width * mode.height * (uint64_t)mode.refresh_mhz / 1000;
	return true;
}

static bool take_max_bitrate(
		const struct es_settings_parse *parse, const struct scfg_directive *d) {
	return quantity_bitrate(d->params[0], &parse->settings->max_kbps) ||
			settings_refuse(parse, d->lineno,
					"max-bitrate '%s' is not a number of bit/s with k or M from 100k to 1000M (as 150M)",
					d->params[0]);
}

static bool take_idle(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	const char *text = d->params[0];
	size_t len = strlen(text);
	uint64_t v = 0, unit = len > 0 && text[len - 1] == 'h' ? 60 : 1;
	bool number = len > 1 && strchr("mh", text[len - 1]) != NULL &&
			quantity_decimal(text, len - 1, 0, MAX_IDLE_MINUTES, &v) && strchr(text, '.') == NULL &&
			v > 0 && v * unit <= MAX_IDLE_MINUTES;
	if (!number && strcmp(text, "never") != 0) {
		return settings_refuse(parse, d->lineno,
				"idle '%s' is not a number of minutes or hours (as 90m or 24h), nor never", text);
	}
	parse->settings->idle_minutes = number ? (uint32_t)(v * unit) : 0;
	return true;
}

static bool take_keyboard(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	if (!keymap_is_layout(d->params[0])) {
		return settings_refuse(parse, d->lineno,
				"keyboard '%s' is not an xkb layout (as us, or de(nodeadkeys))", d->params[0]);
	}
	return replace(parse, &parse->settings->keyboard, d);
}

const char *settings_seat(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	static const char letters[] =
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *seat = d->params[0];
	if (strcmp(seat, "none") == 0) {
		return "";
	}
	if (strncmp(seat, "seat", 4) == 0 && seat[strspn(seat, letters)] == '\0' &&
			strlen(seat) < ES_SESSION_MAX_SEAT) {
		return seat;
	}
	settings_refuse(parse, d->lineno,
			"local-devices '%s' is no seat of udev (as seat-sofa, of at most %d letters, digits, - "
			"and _; `loginctl attach seat-sofa /sys/...` puts a device there), nor none",
			seat, ES_SESSION_MAX_SEAT - 1);
	return NULL;
}

static bool take_local_devices(
		const struct es_settings_parse *parse, const struct scfg_directive *d) {
	const char *seat = settings_seat(parse, d);
	char *copy = seat != NULL ? strdup(seat) : NULL;
	if (copy == NULL) {
		return seat != NULL ? settings_refuse(parse, d->lineno, "out of memory") : false;
	}
	free(parse->settings->local_devices);
	parse->settings->local_devices = copy;
	return true;
}

static bool take_encoder(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	if (!rungs_is_word(d->params[0])) {
		char words[128];
		rungs_list_words(words, sizeof(words));
		return settings_refuse(parse, d->lineno, "encoder '%s' is none of %s", d->params[0], words);
	}
	return replace(parse, &parse->settings->encoder, d);
}

static bool take_gpu(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	if (!gpu_choice_valid(d->params[0])) {
		return settings_refuse(parse, d->lineno,
				"gpu '%s' is none of auto, the path of a render node (/dev/dri/renderD128), a PCI slot "
				"(0000:03:00.0), PCI ids (1002:73bf)",
				d->params[0]);
	}
	return replace(parse, &parse->settings->gpu, d);
}

static const struct directive {
	const char *name;
	const char *usage; // NULL: checks its values itself, and may come more than once
	bool (*take)(const struct es_settings_parse *parse, const struct scfg_directive *directive);
} table[] = {
		{"name", "name TEXT", take_name},
		{"listen", "listen ADDRESS", take_listen},
		{"port", "port NUMBER", take_port},
		{"announce", "announce yes|no", take_announce},
		{"encryption", "encryption asked|required|off", take_encryption},
		{"fec", "fec PERCENT", take_fec},
		{"keepalive", "keepalive TIMES-A-SECOND", take_keepalive},
		{"max-sessions", "max-sessions NUMBER", take_max_sessions},
		{"max-pixel-rate", "max-pixel-rate WIDTHxHEIGHT@HZ", take_max_pixel_rate},
		{"max-bitrate", "max-bitrate RATE", take_max_bitrate},
		{"idle", "idle 90m|24h|never", take_idle},
		{"keyboard", "keyboard LAYOUT", take_keyboard},
		{"local-devices", "local-devices SEAT|none", take_local_devices},
		{"encoder", "encoder auto|software|NAME", take_encoder},
		{"gpu", "gpu auto|/dev/dri/renderD128|SLOT|VENDOR:DEVICE", take_gpu},
		{"screen-source", "screen-source yes|no", take_screen_source},
		{"sound", "sound yes|no", take_sound},
		{"microphone", "microphone yes|no", take_microphone},
		{"inhibit-sleep", "inhibit-sleep yes|no", take_inhibit},
		{"console-port", "console-port NUMBER|off", settings_take_console},
		{"console-address", "console-address ADDRESS", settings_take_console},
		{"console-name", NULL, settings_take_console},
		{"console-certificate", NULL, settings_take_console},
		{"metrics-address", "metrics-address ADDRESS:PORT", settings_take_console},
		{"console-plain", "console-plain yes|no", settings_take_console},
		{"app", NULL, settings_take_app},
};
#define N_DIRECTIVES (sizeof(table) / sizeof(table[0]))

static bool refuse_unknown(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	const char *names[N_DIRECTIVES];
	for (size_t i = 0; i < N_DIRECTIVES; i++) {
		names[i] = table[i].name;
	}
	const char *nearest = nearest_word(d->name, names, N_DIRECTIVES);
	return settings_refuse(parse, d->lineno, "unknown directive '%s'%s%s%s", d->name,
			nearest != NULL ? "; did you mean '" : "; see earthshine(5)",
			nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static size_t find_directive(const char *name) {
	size_t i = 0;
	while (i < N_DIRECTIVES && strcmp(table[i].name, name) != 0) {
		i++;
	}
	return i;
}

static uint64_t bit_of(const char *name) {
	size_t i = find_directive(name);
	return i < N_DIRECTIVES ? UINT64_C(1) << i : 0;
}

enum es_settings_source settings_source(const struct es_settings *settings, const char *name) {
	uint64_t bit = bit_of(name);
	return (settings->fixed & bit) != 0	   ? ES_SOURCE_COMMAND_LINE
			: (settings->given & bit) != 0 ? ES_SOURCE_FILE
										   : ES_SOURCE_DEFAULT;
}

void settings_fix(struct es_settings *settings, const char *name) {
	settings->fixed |= bit_of(name);
}

bool settings_set(struct es_settings *settings, const char *name, const char *value, char *error,
		size_t cap) {
	char why[ES_SETTINGS_ERROR_MAX], *params[] = {(char *)value};
	const struct es_settings_parse parse = {
			.path = "value", .settings = settings, .error = why, .cap = sizeof(why)};
	const struct scfg_directive directive = {
			.name = (char *)name, .params = params, .params_len = 1, .lineno = 1};
	size_t i = find_directive(name);
	if (i == N_DIRECTIVES || table[i].usage == NULL) {
		snprintf(error, cap, "there is no setting '%s'", name);
		return false;
	}
	if (!table[i].take(&parse, &directive)) {
		const char *text = strstr(why, ": "); // behind the place, which is none
		snprintf(error, cap, "%s", text != NULL ? text + 2 : why);
		return false;
	}
	return true;
}

static bool take_directive(const struct es_settings_parse *parse, const struct scfg_directive *d,
		int first_lines[N_DIRECTIVES]) {
	for (size_t i = 0; i < N_DIRECTIVES; i++) {
		if (strcmp(d->name, table[i].name) != 0) {
			continue;
		}
		if (table[i].usage == NULL) {
			return table[i].take(parse, d);
		}
		if (first_lines[i] > 0) {
			return settings_refuse(parse, d->lineno, "'%s' is there already in line %d; remove one",
					d->name, first_lines[i]);
		}
		first_lines[i] = d->lineno;
		parse->settings->given |= UINT64_C(1) << i;
		if (d->children.directives_len > 0) {
			return settings_refuse(parse, d->lineno, "'%s' takes no block in { }", d->name);
		}
		return settings_expect(parse, d, 1, 1, table[i].usage) && table[i].take(parse, d);
	}
	return refuse_unknown(parse, d);
}

// The apps without an id get the lowest ones that are free, in order: adding one at the end, or one
// with an id, changes no other's.
static void number_apps(struct es_settings *settings) {
	uint32_t next = 1;
	for (size_t i = 0; i < settings->n_apps; i++) {
		if (settings->apps[i].id != 0) {
			continue;
		}
		while (settings_find_app(settings, next) != NULL) {
			next++;
		}
		settings->apps[i].id = next++;
	}
}

static bool take_all(const struct es_settings_parse *parse, const struct scfg_block *block) {
	int first_lines[N_DIRECTIVES] = {0};
	for (size_t i = 0; i < block->directives_len; i++) {
		if (!take_directive(parse, &block->directives[i], first_lines)) {
			return false;
		}
	}
	number_apps(parse->settings);
	return true;
}

static struct es_settings *make_defaults(void) {
	struct es_settings *settings = calloc(1, sizeof(*settings));
	if (settings == NULL) {
		return NULL;
	}
	*settings = (struct es_settings){
			.name = strdup(""), // settled by settings_load
			.address = strdup("0.0.0.0"),
			.port = 47989,
			.announce = true,
			.encryption = ES_ENCRYPT_ASKED,
			.max_sessions = 4,
			.max_pixel_rate = UINT64_C(3840) * 2160 * 120,
			.max_kbps = 500000,
			.idle_minutes = 24 * 60,
			.fec_percent = 20,
			.keepalive_ms = 500,
			.keyboard = strdup(""),
			.local_devices = strdup(""),
			.encoder = strdup("auto"),
			.gpu = strdup("auto"),
			.sound = true,
			.microphone = true,
			.inhibit_sleep = true,
			.console.names = calloc(1, sizeof(char *)),
	};
	if (settings->name == NULL || settings->address == NULL || settings->keyboard == NULL ||
			settings->local_devices == NULL || settings->encoder == NULL || settings->gpu == NULL ||
			settings->console.names == NULL) {
		settings_destroy(settings);
		return NULL;
	}
	return settings;
}

static bool parse_text(const struct es_settings_parse *parse, const char *text, size_t size) {
	int line = 0;
	const char *why = "";
	if (!settings_syntax(text, size, &line, &why)) {
		return settings_refuse(parse, line, "%s", why);
	}
	if (size == 0) {
		return true; // which fmemopen refuses
	}
	FILE *file = fmemopen((char *)text, size, "r");
	if (file == NULL) {
		return settings_refuse(parse, 1, "cannot be read: %s", strerror(errno));
	}
	struct scfg_block block = {0};
	bool ok = scfg_parse_file(&block, file) == 0;
	fclose(file);
	if (!ok) {
		return settings_refuse(parse, 1, "the file cannot be parsed; see earthshine(5)");
	}
	ok = take_all(parse, &block);
	scfg_block_finish(&block);
	return ok;
}

struct es_settings *settings_parse(
		const char *text, size_t size, const char *path, char *error, size_t cap) {
	struct es_settings_parse parse = {
			.path = path, .settings = make_defaults(), .error = error, .cap = cap};
	if (parse.settings == NULL) {
		snprintf(error, cap, "%s: out of memory", path);
		return NULL;
	}
	if (!parse_text(&parse, text, size) || !settings_check_console(&parse)) {
		settings_destroy(parse.settings);
		return NULL;
	}
	return parse.settings;
}
