#include "protocol/nvhttp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// Steers clients; the negative end says that we know their extensions.
#define APP_VERSION "7.1.431.-1"
#define GFE_VERSION "3.23.0.74"
#define MAX_LUMA_PIXELS_HEVC 1869449984u
#define CODEC_SUPPORT_ANY_HEVC (ES_CODEC_SUPPORT_HEVC | ES_CODEC_SUPPORT_HEVC10)

static void put(struct es_xml *xml, const char *text, size_t size) {
	if (!xml->ok || size >= xml->cap - xml->size) {
		xml->ok = false;
		return;
	}
	memcpy(xml->data + xml->size, text, size);
	xml->size += size;
	xml->data[xml->size] = '\0';
}

static void put_string(struct es_xml *xml, const char *text) {
	put(xml, text, strlen(text));
}

static void put_number(struct es_xml *xml, uint32_t number) {
	char text[16];
	snprintf(text, sizeof(text), "%" PRIu32, number);
	put_string(xml, text);
}

// --- texts from elsewhere

// The size of the UTF-8 sequence by its first byte, 0 if none starts with it; *least is the smallest
// character that needs so many bytes.
static size_t sequence_size(uint8_t first, uint32_t *least) {
	if (first < 0x80) {
		*least = 0;
		return 1;
	}
	if (first >= 0xc2 && first <= 0xdf) {
		*least = 0x80;
		return 2;
	}
	if (first >= 0xe0 && first <= 0xef) {
		*least = 0x800;
		return 3;
	}
	*least = 0x10000;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

static bool is_xml_char(uint32_t c) {
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) ||
			(c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

// The size of the character at the start of a text that ends with NUL; 0: it has no place in XML.
static size_t char_size(const char *text) {
	const uint8_t *bytes = (const uint8_t *)text;
	uint32_t least = 0;
	size_t size = sequence_size(bytes[0], &least);
	if (size <= 1) {
		return size == 1 && is_xml_char(bytes[0]) ? 1 : 0;
	}
	uint32_t c = bytes[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80) { // also the end
			return 0;
		}
		c = c << 6 | (bytes[i] & 0x3f);
	}
	return c >= least && is_xml_char(c) ? size : 0;
}

static const char *escape_of(char c) {
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&apos;";
	case '\t': // these three would become spaces in an attribute
		return "&#9;";
	case '\n':
		return "&#10;";
	case '\r':
		return "&#13;";
	default:
		return NULL;
	}
}

static void put_escaped(struct es_xml *xml, const char *text) {
	while (*text != '\0') {
		const char *escape = escape_of(*text);
		size_t size = char_size(text);
		if (escape != NULL) {
			put_string(xml, escape);
		} else if (size > 0) {
			put(xml, text, size);
		} else {
			put_string(xml, "\xef\xbf\xbd"); // U+FFFD, for one byte
		}
		text += size > 0 ? size : 1;
	}
}

// --- elements

static void put_start(struct es_xml *xml, const char *name) {
	put_string(xml, "<");
	put_string(xml, name);
	put_string(xml, ">");
}

static void put_end(struct es_xml *xml, const char *name) {
	put_string(xml, "</");
	put_string(xml, name);
	put_string(xml, ">");
}

static void put_element(struct es_xml *xml, const char *name, const char *text) {
	put_start(xml, name);
	put_escaped(xml, text);
	put_end(xml, name);
}

static void put_number_element(struct es_xml *xml, const char *name, uint32_t number) {
	put_start(xml, name);
	put_number(xml, number);
	put_end(xml, name);
}

static void start_root(struct es_xml *xml, int status_code, const char *message) {
	xml->size = 0;
	xml->ok = xml->cap > 0;
	put_string(xml, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<root status_code=\"");
	char code[16];
	snprintf(code, sizeof(code), "%d", status_code);
	put_string(xml, code);
	if (message != NULL) {
		put_string(xml, "\" status_message=\"");
		put_escaped(xml, message);
	}
	put_string(xml, "\">");
}

static bool end_root(struct es_xml *xml) {
	put_string(xml, "</root>\n");
	return xml->ok;
}

// --- documents

static void put_modes(struct es_xml *xml, const struct es_mode *modes, size_t n_modes) {
	put_start(xml, "SupportedDisplayMode");
	for (size_t i = 0; i < n_modes; i++) {
		put_start(xml, "DisplayMode");
		put_number_element(xml, "Width", modes[i].width);
		put_number_element(xml, "Height", modes[i].height);
		put_number_element(xml, "RefreshRate", (uint32_t)(modes[i].refresh_mhz + 500) / 1000);
		put_end(xml, "DisplayMode");
	}
	put_end(xml, "SupportedDisplayMode");
}

bool xml_serverinfo(struct es_xml *xml, const struct es_serverinfo *info) {
	bool has_hevc = (info->codec_support & CODEC_SUPPORT_ANY_HEVC) != 0;
	start_root(xml, 200, NULL);
	put_element(xml, "hostname", info->host_name);
	put_element(xml, "appversion", APP_VERSION);
	put_element(xml, "GfeVersion", GFE_VERSION);
	put_element(xml, "uniqueid", info->unique_id);
	put_number_element(xml, "HttpsPort", info->https_port);
	put_number_element(xml, "ExternalPort", info->http_port);
	put_number_element(xml, "MaxLumaPixelsHEVC", has_hevc ? MAX_LUMA_PIXELS_HEVC : 0);
	put_element(xml, "mac", info->mac);
	put_element(xml, "LocalIP", info->local_ip);
	put_number_element(xml, "ServerCodecModeSupport", info->codec_support);
	put_number_element(xml, "PairStatus", info->paired);
	put_number_element(xml, "currentgame", info->current_game);
	put_element(xml, "state",
			info->current_game != 0 ? "SUNSHINE_SERVER_BUSY" : "SUNSHINE_SERVER_FREE");
	put_modes(xml, info->modes, info->n_modes);
	return end_root(xml);
}

bool xml_applist(struct es_xml *xml, const struct es_applist_entry *apps, size_t n_apps) {
	start_root(xml, 200, NULL);
	for (size_t i = 0; i < n_apps; i++) {
		put_start(xml, "App");
		put_number_element(xml, "IsHdrSupported", apps[i].hdr);
		put_element(xml, "AppTitle", apps[i].title);
		put_number_element(xml, "ID", apps[i].id);
		put_end(xml, "App");
	}
	return end_root(xml);
}

bool xml_paired(struct es_xml *xml, bool paired, const char *name, const char *value) {
	start_root(xml, 200, NULL);
	put_number_element(xml, "paired", paired);
	if (name != NULL) {
		put_element(xml, name, value);
	}
	return end_root(xml);
}

bool xml_launched(struct es_xml *xml, const char *session_url, bool resumed) {
	start_root(xml, 200, NULL);
	put_element(xml, "sessionUrl0", session_url);
	put_number_element(xml, resumed ? "resume" : "gamesession", 1);
	return end_root(xml);
}

bool xml_cancelled(struct es_xml *xml) {
	start_root(xml, 200, NULL);
	put_number_element(xml, "cancel", 1);
	return end_root(xml);
}

bool xml_error(struct es_xml *xml, int status_code, const char *message, const char *tag) {
	start_root(xml, status_code, message);
	if (tag != NULL) {
		put_number_element(xml, tag, 0);
	}
	return end_root(xml);
}
