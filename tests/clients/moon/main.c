// Our own headless GameStream client, written from the wire reference: pairs, launches, receives,
// repairs, decodes, sends input, and misbehaves on request. Tests drive it by its command line and by
// lines on standard input; it answers with one JSON object per line.
#include <curl/curl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/session_msg.h"
#include "tests/clients/moon/launch.h"
#include "tests/clients/moon/pair.h"
#include "tests/clients/moon/play.h"
#include "tests/clients/moon/say.h"

struct moon {
	struct es_moon_options play;
	struct es_moon_identity identity;
	const char *command, *folder, *pin, *device_name, *order, *path, *query;
	bool https, has_identity;
};

enum option_key {
	OPTION_HOST = 256,
	OPTION_FROM,
	OPTION_HTTP,
	OPTION_HTTPS,
	OPTION_UNIQUE_ID,
	OPTION_IDENTITY,
	OPTION_PIN,
	OPTION_NAME,
	OPTION_ORDER,
	OPTION_PATH,
	OPTION_QUERY,
	OPTION_PLAIN,
	OPTION_APP,
	OPTION_RESUME,
	OPTION_MODE,
	OPTION_CODEC,
	OPTION_SECONDS,
	OPTION_FRAMES,
	OPTION_ENCRYPT,
	OPTION_LEGACY,
	OPTION_BITRATE,
	OPTION_PACKET_SIZE,
	OPTION_SLICES,
	OPTION_EXTRA,
	OPTION_OUT,
	OPTION_MAP,
	OPTION_NO_INVALIDATE,
	OPTION_IMPAIR,
	OPTION_FORGE,
	OPTION_REPLAY,
	OPTION_WRONG_PING,
	OPTION_NO_DECODE,
	OPTION_SHADOW,
	OPTION_LOSE,
	OPTION_FIND,
	OPTION_STAY,
	OPTION_SOUND,
	OPTION_KEY,
	OPTION_CLICKS,
};

static const struct option option_table[] = {
		{"host", required_argument, NULL, OPTION_HOST},
		{"from", required_argument, NULL, OPTION_FROM},
		{"http", required_argument, NULL, OPTION_HTTP},
		{"https", required_argument, NULL, OPTION_HTTPS},
		{"uniqueid", required_argument, NULL, OPTION_UNIQUE_ID},
		{"identity", required_argument, NULL, OPTION_IDENTITY},
		{"pin", required_argument, NULL, OPTION_PIN},
		{"name", required_argument, NULL, OPTION_NAME},
		{"order", required_argument, NULL, OPTION_ORDER},
		{"path", required_argument, NULL, OPTION_PATH},
		{"query", required_argument, NULL, OPTION_QUERY},
		{"plain", no_argument, NULL, OPTION_PLAIN},
		{"app", required_argument, NULL, OPTION_APP},
		{"resume", no_argument, NULL, OPTION_RESUME},
		{"mode", required_argument, NULL, OPTION_MODE},
		{"codec", required_argument, NULL, OPTION_CODEC},
		{"seconds", required_argument, NULL, OPTION_SECONDS},
		{"frames", required_argument, NULL, OPTION_FRAMES},
		{"encrypt", required_argument, NULL, OPTION_ENCRYPT},
		{"legacy", no_argument, NULL, OPTION_LEGACY},
		{"bitrate", required_argument, NULL, OPTION_BITRATE},
		{"packet-size", required_argument, NULL, OPTION_PACKET_SIZE},
		{"slices", required_argument, NULL, OPTION_SLICES},
		{"announce", required_argument, NULL, OPTION_EXTRA},
		{"out", required_argument, NULL, OPTION_OUT},
		{"map", required_argument, NULL, OPTION_MAP},
		{"no-invalidate", no_argument, NULL, OPTION_NO_INVALIDATE},
		{"impair", required_argument, NULL, OPTION_IMPAIR},
		{"forge-control", required_argument, NULL, OPTION_FORGE},
		{"replay-control", required_argument, NULL, OPTION_REPLAY},
		{"wrong-ping", no_argument, NULL, OPTION_WRONG_PING},
		{"no-decode", no_argument, NULL, OPTION_NO_DECODE},
		{"shadow", no_argument, NULL, OPTION_SHADOW},
		{"lose", required_argument, NULL, OPTION_LOSE},
		{"find", required_argument, NULL, OPTION_FIND},
		{"stay", no_argument, NULL, OPTION_STAY},
		{"sound", required_argument, NULL, OPTION_SOUND},
		{"key", required_argument, NULL, OPTION_KEY},
		{"clicks", no_argument, NULL, OPTION_CLICKS},
		{0},
};

static void usage(FILE *out) {
	fputs("usage: moon COMMAND --host ADDRESS --http PORT [--https PORT] [--identity DIR]\n"
		  "  [--from ADDRESS]         of our own, for HTTP\n"
		  "  pair --pin 1234 [--name DEVICE] [--order 12345]\n"
		  "  serverinfo [--plain]     over HTTPS, or over HTTP\n"
		  "  applist | cancel | get --path /PATH [--query Q] [--plain]\n"
		  "  launch | resume --app ID --mode WxHxFPS\n"
		  "  play --app ID | --resume, and\n"
		  "    --mode WxHxFPS --codec h264|hevc|av1 --seconds N --frames N --bitrate KBPS\n"
		  "    --encrypt none|rtsp|all  what is encrypted; else as the host asks for\n"
		  "    --legacy                 the old control encryption, and clear RTSP\n"
		  "    --packet-size P --slices N --announce LINES\n"
		  "    --out FILE               the bitstream\n"
		  "    --map VIDEO,AUDIO,CONTROL  ports of a proxy\n"
		  "    --no-invalidate          asks for IDRs after a loss\n"
		  "    --impair NAME=VALUE      of what is received, see impair_model.h\n"
		  "    --forge-control N --replay-control N --wrong-ping --key HEX\n"
		  "    --no-decode --stay\n"
		  "    --lose FIRST,EVERY       frames that count as lost though they came; 0: FIRST only\n"
		  "    --find Y,U,V             where this colour is in each picture\n"
		  "    --shadow                 a second decoder gets those, too; are the pictures the same?\n"
		  "    --sound CHANNELS,MS,0|1  of a packet, and whether it is of high quality\n"
		  "    --clicks                 a line for each sudden sound\n"
		  "  and commands on standard input: see input_command.h, pad_command.h; also idr, rfi FIRST LAST,\n"
		  "  forge N, replay N, vanish, quit\n",
			out);
}

static bool parse_number(const char *text, unsigned long min, unsigned long max, uint32_t *out) {
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	*out = (uint32_t)value;
	return end != text && *end == '\0' && value >= min && value <= max;
}

static bool parse_port(const char *text, uint16_t *port) {
	uint32_t value = 0;
	bool ok = parse_number(text, 1, 65535, &value);
	*port = (uint16_t)value;
	return ok;
}

static bool parse_mode_text(const char *text, struct es_mode *mode) {
	char at[64];
	snprintf(at, sizeof(at), "%s", text);
	char *last = strrchr(at, 'x');
	if (last == NULL || last == strchr(at, 'x')) {
		return false;
	}
	*last = '@';
	return mode_parse(at, mode);
}

static bool parse_encrypt(const char *text, struct es_moon_options *play) {
	play->wishes.exact_encryption = true;
	play->wishes.encryption = ES_GAMESTREAM_ENCRYPT_CONTROL;
	if (strcmp(text, "none") == 0) {
		play->clear_rtsp = true;
		return true;
	}
	if (strcmp(text, "all") == 0) {
		play->wishes.encryption |= ES_GAMESTREAM_ENCRYPT_VIDEO | ES_GAMESTREAM_ENCRYPT_AUDIO;
		return true;
	}
	return strcmp(text, "rtsp") == 0;
}

static bool parse_map(const char *text, uint16_t map[3]) {
	unsigned int ports[3];
	if (sscanf(text, "%u,%u,%u", &ports[0], &ports[1], &ports[2]) != 3) {
		return false;
	}
	for (int i = 0; i < 3; i++) {
		map[i] = (uint16_t)ports[i];
	}
	return true;
}

static bool parse_lose(const char *text, struct es_moon_options *play) {
	unsigned int first, every;
	if (sscanf(text, "%u,%u", &first, &every) != 2 || first == 0) {
		return false;
	}
	play->lose_first = first;
	play->lose_every = every;
	return true;
}

static bool parse_colour(const char *text, struct es_moon_options *play) {
	unsigned int yuv[3];
	if (sscanf(text, "%u,%u,%u", &yuv[0], &yuv[1], &yuv[2]) != 3) {
		return false;
	}
	for (int i = 0; i < 3; i++) {
		play->searched[i] = (uint8_t)yuv[i];
	}
	play->search = true;
	return true;
}

static bool parse_sound(const char *text, struct es_moon_wishes *wishes) {
	unsigned int channels, packet_ms, high;
	if (sscanf(text, "%u,%u,%u", &channels, &packet_ms, &high) != 3 ||
			(channels != 2 && channels != 6 && channels != 8) || packet_ms == 0 || packet_ms > 20) {
		return false;
	}
	wishes->audio_channels = (uint8_t)channels;
	wishes->audio_packet_ms = (uint8_t)packet_ms;
	wishes->audio_high_quality = high != 0;
	return true;
}

static bool parse_who(int key, struct moon *moon) {
	struct es_moon_web *web = &moon->play.web;
	switch (key) {
	case OPTION_HOST:
		web->host = optarg;
		return true;
	case OPTION_FROM:
		web->from = optarg;
		return true;
	case OPTION_HTTP:
		return parse_port(optarg, &web->http_port);
	case OPTION_HTTPS:
		return parse_port(optarg, &web->https_port);
	case OPTION_UNIQUE_ID:
		web->unique_id = optarg;
		return true;
	case OPTION_IDENTITY:
		moon->folder = optarg;
		return true;
	case OPTION_PIN:
		moon->pin = optarg;
		return true;
	case OPTION_NAME:
		moon->device_name = optarg;
		return true;
	case OPTION_ORDER:
		moon->order = optarg;
		return true;
	case OPTION_PATH:
		moon->path = optarg;
		return true;
	case OPTION_QUERY:
		moon->query = optarg;
		return true;
	case OPTION_PLAIN:
		moon->https = false;
		return true;
	default:
		return false;
	}
}

static bool parse_trouble(int key, struct es_moon_options *play) {
	switch (key) {
	case OPTION_MAP:
		return parse_map(optarg, play->map);
	case OPTION_NO_INVALIDATE:
		play->wishes.invalidate = false;
		return true;
	case OPTION_IMPAIR:
		return impair_parse(&play->impair, optarg);
	case OPTION_FORGE:
		return parse_number(optarg, 0, 100000, &play->forge);
	case OPTION_REPLAY:
		return parse_number(optarg, 0, 100000, &play->replay);
	case OPTION_WRONG_PING:
		play->wrong_ping = true;
		return true;
	case OPTION_NO_DECODE:
		play->no_decode = true;
		return true;
	case OPTION_SHADOW:
		play->shadow = true;
		return true;
	case OPTION_LOSE:
		return parse_lose(optarg, play);
	case OPTION_FIND:
		return parse_colour(optarg, play);
	case OPTION_CLICKS:
		play->clicks = true;
		return true;
	case OPTION_STAY:
		play->stay = true;
		return true;
	case OPTION_KEY:
		play->key_hex = optarg;
		return strlen(optarg) == 32;
	default:
		return false;
	}
}

static bool parse_play(int key, struct es_moon_options *play) {
	struct es_moon_wishes *wishes = &play->wishes;
	uint32_t value = 0;
	bool ok;
	switch (key) {
	case OPTION_APP:
		return parse_number(optarg, 0, INT32_MAX, &play->app);
	case OPTION_RESUME:
		play->resume = true;
		return true;
	case OPTION_MODE:
		return parse_mode_text(optarg, &wishes->mode);
	case OPTION_CODEC:
		return codec_parse(optarg, &wishes->codec);
	case OPTION_SECONDS:
		play->seconds = strtod(optarg, NULL);
		return play->seconds > 0;
	case OPTION_FRAMES:
		return parse_number(optarg, 1, 100000000, &play->frames);
	case OPTION_ENCRYPT:
		return parse_encrypt(optarg, play);
	case OPTION_LEGACY:
		play->clear_rtsp = wishes->exact_encryption = true;
		wishes->encryption = 0;
		return true;
	case OPTION_BITRATE:
		return parse_number(optarg, 1, 1000000, &wishes->bitrate_kbps);
	case OPTION_PACKET_SIZE:
		ok = parse_number(optarg, 1, 1424, &value);
		wishes->packet_size = (uint16_t)value;
		return ok;
	case OPTION_SLICES:
		ok = parse_number(optarg, 1, 255, &value);
		wishes->slices = (uint8_t)value;
		return ok;
	case OPTION_SOUND:
		return parse_sound(optarg, wishes);
	case OPTION_EXTRA:
		wishes->extra = optarg;
		return true;
	case OPTION_OUT:
		play->out = optarg;
		return true;
	default:
		return parse_trouble(key, play);
	}
}

static bool parse_options(struct moon *moon, int argc, char **argv) {
	int key;
	while ((key = getopt_long(argc, argv, "", option_table, NULL)) != -1) {
		if (!parse_who(key, moon) && !parse_play(key, &moon->play)) {
			return false;
		}
	}
	if (optind + 1 != argc || moon->play.web.host == NULL || moon->play.web.http_port == 0) {
		return false;
	}
	moon->command = argv[optind];
	return true;
}

// Any GET; its answer as it is.
static int get(struct moon *moon, const char *path, const char *query) {
	struct es_moon_answer answer;
	const char *error = NULL;
	bool ok = web_get(&moon->play.web, moon->https, path, query, 30, &answer, &error);
	say_begin("answer");
	say_bool("ok", ok);
	say_number("http_status", ok ? answer.http_status : 0);
	say_number("status", ok ? answer.status : -1);
	say_text("message", ok ? answer.message : error);
	say_text("body", ok ? answer.body : "");
	say_end();
	return ok && answer.status == 200 ? 0 : 1;
}

static int run_command(struct moon *moon) {
	char url[256];
	uint8_t key[ES_KEY_SIZE];
	int32_t key_id;
	const char *command = moon->command;
	if (strcmp(command, "serverinfo") == 0) {
		return get(moon, "/serverinfo", "");
	}
	if (strcmp(command, "get") == 0 && moon->path != NULL) {
		return get(moon, moon->path, moon->query);
	}
	if (!moon->has_identity) {
		usage(stderr);
		return 2;
	}
	if (strcmp(command, "pair") == 0 && moon->pin != NULL) {
		return pair_with_host(
					   &moon->play.web, &moon->identity, moon->pin, moon->device_name, moon->order)
				? 0
				: 1;
	}
	if (strcmp(command, "applist") == 0 || strcmp(command, "cancel") == 0) {
		return get(moon, command[0] == 'a' ? "/applist" : "/cancel", "");
	}
	if (strcmp(command, "launch") == 0 || strcmp(command, "resume") == 0) {
		moon->play.resume = command[0] == 'r';
		return launch_app(&moon->play, url, sizeof(url), key, &key_id) ? 0 : 1;
	}
	if (strcmp(command, "play") == 0) {
		return play_run(&moon->play);
	}
	usage(stderr);
	return 2;
}

int main(int argc, char **argv) {
	struct moon moon = {
			.device_name = "roth",
			.order = "12345",
			.query = "",
			.https = true,
			.play =
					{
							.web = {.unique_id = "0123456789ABCDEF"},
							.wishes =
									{
											.mode = {640, 360, 60000},
											.bitrate_kbps = 10000,
											.slices = 1,
											.invalidate = true,
											.audio_channels = 2,
											.audio_packet_ms = 5,
									},
					},
	};
	if (!parse_options(&moon, argc, argv)) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int status = 1;
	if (moon.folder == NULL || identity_open(&moon.identity, moon.folder)) {
		moon.has_identity = moon.folder != NULL;
		moon.play.web.identity = moon.has_identity ? &moon.identity : NULL;
		status = run_command(&moon);
	}
	curl_global_cleanup();
	return status;
}
