#include "protocol/nvhttp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_FPS (ES_MODE_MAX_REFRESH_MHZ / 1000)
#define MAX_UNIQUE_ID 64
#define SHOWN "%.40s" // of a value in a reason

// --- queries

static int hex_digit(char c) {
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// One character of `text`; returns how many bytes of it were taken, 0 if it is none.
static size_t decode_char(const char *text, size_t size, char *out) {
	if (text[0] == '+') {
		*out = ' ';
		return 1;
	}
	if (text[0] != '%') {
		*out = text[0];
		return text[0] != '\0' ? 1 : 0;
	}
	int high = size >= 3 ? hex_digit(text[1]) : -1, low = size >= 3 ? hex_digit(text[2]) : -1;
	if (high < 0 || low < 0 || (high == 0 && low == 0)) {
		return 0;
	}
	*out = (char)(high << 4 | low);
	return 3;
}

// Decodes up to one of the characters in `ends` or the end of the text. False: not well-formed.
static bool decode_part(const char **text, const char *end, const char *ends, char **out) {
	while (*text < end && (**text == '\0' || strchr(ends, **text) == NULL)) {
		size_t taken = decode_char(*text, (size_t)(end - *text), *out);
		if (taken == 0) {
			return false;
		}
		*text += taken;
		(*out)++;
	}
	*(*out)++ = '\0';
	return true;
}

static bool parse_param(struct es_query *query, const char **text, const char *end, char **out) {
	const char *name = *out;
	if (!decode_part(text, end, "=&", out)) {
		return false;
	}
	const char *value = *out - 1; // the name's NUL
	if (*text < end && **text == '=') {
		(*text)++;
		value = *out;
		if (!decode_part(text, end, "&", out)) {
			return false;
		}
	}
	if (name[0] == '\0') {
		return true; // as in "a=b&&c=d"
	}
	if (query->n_params == ES_QUERY_MAX_PARAMS) {
		return false;
	}
	query->params[query->n_params].name = name;
	query->params[query->n_params].value = value;
	query->n_params++;
	return true;
}

// The decoded text is never longer than the query: each '=' and '&' makes room for a NUL.
bool query_parse(struct es_query *query, const char *text, size_t size) {
	query->n_params = 0;
	if (size > ES_QUERY_MAX_SIZE) {
		return false;
	}
	const char *end = text + size;
	char *out = query->text;
	while (text < end) {
		if (!parse_param(query, &text, end, &out)) {
			query->n_params = 0;
			return false;
		}
		if (text < end) {
			text++; // the '&'
		}
	}
	return true;
}

static char lower(char c) {
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_name(const char *a, const char *b) {
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

const char *query_get(const struct es_query *query, const char *name) {
	for (size_t i = 0; i < query->n_params; i++) {
		if (same_name(query->params[i].name, name)) {
			return query->params[i].value;
		}
	}
	return NULL;
}

static bool is_id_char(char c) {
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
}

const char *query_unique_id(const struct es_query *query) {
	const char *id = query_get(query, "uniqueid");
	size_t length = id != NULL ? strlen(id) : 0;
	if (length == 0 || length > MAX_UNIQUE_ID) {
		return NULL;
	}
	for (size_t i = 0; i < length; i++) {
		if (!is_id_char(id[i])) {
			return NULL;
		}
	}
	return id;
}

// --- launch

struct reading {
	const struct es_query *query;
	char *error;
	size_t cap;
};

// Digits up to the first other character; false if there is none or the number is above max.
static bool take_digits(const char **text, uint64_t max, uint64_t *out) {
	const char *at = *text;
	uint64_t value = 0;
	while (*at >= '0' && *at <= '9') {
		value = 10 * value + (uint64_t)(*at++ - '0');
		if (value > max) {
			return false;
		}
	}
	if (at == *text) {
		return false;
	}
	*text = at;
	*out = value;
	return true;
}

static bool parse_i32(const char *text, int32_t *out) {
	bool negative = *text == '-';
	uint64_t value = 0;
	text += negative;
	if (!take_digits(&text, (uint64_t)INT32_MAX + negative, &value) || *text != '\0') {
		return false;
	}
	*out = (int32_t)(negative ? -(int64_t)value : (int64_t)value);
	return true;
}

static bool missing(const struct reading *in, const char *name) {
	snprintf(in->error, in->cap, "The parameter %s is missing", name);
	return false;
}

// *out stays if there is no such parameter.
static bool read_number(
		const struct reading *in, const char *name, int32_t min, int32_t max, int32_t *out) {
	const char *text = query_get(in->query, name);
	int32_t value = 0;
	if (text == NULL) {
		return true;
	}
	if (!parse_i32(text, &value) || value < min || value > max) {
		snprintf(in->error, in->cap,
				"The parameter %s=" SHOWN " is not a number from %" PRId32 " to %" PRId32, name,
				text, min, max);
		return false;
	}
	*out = value;
	return true;
}

static bool read_key(const struct reading *in, struct es_launch_params *params) {
	const char *key = query_get(in->query, "rikey"), *id = query_get(in->query, "rikeyid");
	if (key == NULL || id == NULL) {
		return missing(in, key == NULL ? "rikey" : "rikeyid");
	}
	if (!hex_decode(key, strlen(key), params->key, sizeof(params->key))) {
		snprintf(in->error, in->cap, "The parameter rikey is not 32 hexadecimal digits");
		return false;
	}
	int32_t key_id = 0;
	if (!parse_i32(id, &key_id)) {
		snprintf(in->error, in->cap, "The parameter rikeyid is not a number of 32 bits");
		return false;
	}
	params->key_id = (uint32_t)key_id;
	return true;
}

static bool read_app(const struct reading *in, struct es_launch_params *params, bool required) {
	params->has_app = query_get(in->query, "appid") != NULL;
	if (!params->has_app) {
		return !required || missing(in, "appid");
	}
	int32_t id = 0;
	bool ok = read_number(in, "appid", 1, INT32_MAX, &id);
	params->app_id = (uint32_t)id;
	return ok;
}

static bool parse_display(const char *text, struct es_mode *mode) {
	uint64_t width = 0, height = 0, rate = 0;
	if (!take_digits(&text, ES_MODE_MAX_SIZE, &width) || *text++ != 'x' ||
			!take_digits(&text, ES_MODE_MAX_SIZE, &height) || *text++ != 'x' ||
			!take_digits(&text, MAX_FPS * 1000, &rate) || *text != '\0') {
		return false;
	}
	if (rate <= 1000) {
		rate *= 1000;
	}
	*mode = (struct es_mode){(uint32_t)width, (uint32_t)height, (int32_t)rate};
	return rate <= MAX_FPS * 1000 && mode_valid(mode);
}

static bool read_mode(const struct reading *in, struct es_launch_params *params) {
	const char *text = query_get(in->query, "mode");
	params->has_mode = text != NULL;
	if (text == NULL || parse_display(text, &params->mode)) {
		return true;
	}
	snprintf(in->error, in->cap,
			"The parameter mode=" SHOWN
			" is not WIDTHxHEIGHTxFPS with %d to %d pixels and 1 to %d fps",
			text, ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE, MAX_FPS);
	return false;
}

// The mask in the upper, the number of channels in the lower half.
static bool read_surround(const struct reading *in, struct es_launch_params *params) {
	int32_t info = 0x30002;
	if (!read_number(in, "surroundAudioInfo", 0x10001, INT32_MAX, &info)) {
		return false;
	}
	params->surround_mask = (uint32_t)info >> 16;
	params->surround_channels = (uint32_t)info & 0xffff;
	if (params->surround_channels < 1 || params->surround_channels > 8) {
		snprintf(in->error, in->cap, "The parameter surroundAudioInfo has not 1 to 8 channels");
		return false;
	}
	return true;
}

// Two names for the same, by the age of the client.
static bool read_pads(const struct reading *in, struct es_launch_params *params) {
	int32_t pads = 0;
	if (!read_number(in, "remoteControllersBitmap", INT32_MIN, INT32_MAX, &pads) ||
			!read_number(in, "gcmap", INT32_MIN, INT32_MAX, &pads)) {
		return false;
	}
	params->pads = (uint32_t)pads & 0xffff; // there are 16 at most
	return true;
}

static bool read_flags(const struct reading *in, struct es_launch_params *params) {
	int32_t hdr = 0, play_on_host = 0, corever = 0;
	if (!read_number(in, "hdrMode", INT32_MIN, INT32_MAX, &hdr) ||
			!read_number(in, "localAudioPlayMode", INT32_MIN, INT32_MAX, &play_on_host) ||
			!read_number(in, "corever", 0, INT32_MAX, &corever)) {
		return false;
	}
	params->hdr = hdr != 0;
	params->play_on_host = play_on_host != 0;
	params->corever = (uint32_t)corever;
	return true;
}

bool launch_params_parse(struct es_launch_params *params, const struct es_query *query,
		bool app_required, char *error, size_t cap) {
	memset(params, 0, sizeof(*params));
	const struct reading in = {query, error, cap};
	bool ok = read_key(&in, params) && read_app(&in, params, app_required) &&
			read_mode(&in, params) && read_surround(&in, params) && read_pads(&in, params) &&
			read_flags(&in, params);
	if (!ok) {
		crypto_wipe(params, sizeof(*params));
	}
	return ok;
}
