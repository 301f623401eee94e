// GameStream over HTTP: queries in, XML out. (Reference, section 3.) Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/crypto.h"
#include "protocol/mode.h"

// --- queries

#define ES_QUERY_MAX_PARAMS 48
#define ES_QUERY_MAX_SIZE 20480 // a certificate in hex is the longest

// "a=b&c=d", percent-decoded, '+' being a space. Names are matched without regard to case; the first
// of a name counts.
struct es_query {
	char text[ES_QUERY_MAX_SIZE + 1];
	struct {
		const char *name, *value; // into text
	} params[ES_QUERY_MAX_PARAMS];
	size_t n_params;
};
// False: too long, too many parameters, a bad escape or an embedded NUL.
bool query_parse(struct es_query *query, const char *text, size_t size);
const char *query_get(const struct es_query *query, const char *name); // NULL: not there

// Of /launch and /resume.
struct es_launch_params {
	bool has_app, has_mode;
	uint32_t app_id; // 1..2^31-1
	struct es_mode mode; // of the client's display; valid if has_mode
	uint8_t key[ES_KEY_SIZE]; // rikey
	uint32_t key_id; // rikeyid as unsigned
	bool hdr, play_on_host;
	uint32_t corever;
	uint32_t surround_mask, surround_channels; // 3, 2 if not said
	uint32_t pads; // bit mask of attached gamepads
};
// False with a reason that names the parameter (and shows no secret) in error[cap], and nothing in
// *params. An FPS above 1000 is in mHz (as other hosts take it).
bool launch_params_parse(struct es_launch_params *params, const struct es_query *query,
		bool app_required, char *error, size_t cap);
// The client id of a query: 1..64 hex digits or letters, '-' and '_'; NULL if missing or not such.
const char *query_unique_id(const struct es_query *query);

// --- answers

struct es_xml {
	char *data;
	size_t cap, size; // size without the closing NUL
	bool ok; // it all had room
};

#define ES_CODEC_SUPPORT_H264 0x00000001
#define ES_CODEC_SUPPORT_HEVC 0x00000100
#define ES_CODEC_SUPPORT_HEVC10 0x00000200
#define ES_CODEC_SUPPORT_AV1 0x00010000
#define ES_CODEC_SUPPORT_AV1_10 0x00020000

struct es_serverinfo {
	const char *host_name, *unique_id, *mac, *local_ip;
	uint16_t http_port, https_port;
	uint32_t codec_support; // ES_CODEC_SUPPORT_*
	bool paired;
	uint32_t current_game; // 0: none, state FREE
	const struct es_mode *modes; // for SupportedDisplayMode
	size_t n_modes;
};
struct es_applist_entry {
	uint32_t id;
	const char *title;
	bool hdr;
};

// Each writes one whole document; texts are escaped, bytes that are not UTF-8 or not allowed in XML are
// replaced. False if it had no room.
bool xml_serverinfo(struct es_xml *xml, const struct es_serverinfo *info);
bool xml_applist(struct es_xml *xml, const struct es_applist_entry *apps, size_t n_apps);
// <root status_code="200"> with <paired>1|0</paired> and, if name is not NULL, <name>value</name>.
bool xml_paired(struct es_xml *xml, bool paired, const char *name, const char *value);
bool xml_launched(struct es_xml *xml, const char *session_url, bool resumed);
bool xml_cancelled(struct es_xml *xml);
// status_message, and <tag>0</tag> if tag is not NULL ("gamesession", "resume", "paired", "cancel").
bool xml_error(struct es_xml *xml, int status_code, const char *message, const char *tag);
