#include "host/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/gpu.h"
#include "host/nearest.h"
#include "host/options.h"
#include "host/output_file.h"
#include "host/quantity.h"
#include "host/rungs.h"

#define MAX_SECONDS (INT64_C(366) * 24 * 3600)

// What was asked for, before it is known to fit together.
struct run_request {
	struct es_run_options *options;
	bool codec_given, bitrate_given;
};

bool cli_parse_seconds(const char *text, int64_t *ns) {
	uint64_t v;
	if (!quantity_decimal(text, strlen(text), 9, (uint64_t)(MAX_SECONDS * ES_NS_PER_S), &v) ||
			v == 0) {
		return false;
	}
	*ns = (int64_t)v;
	return true;
}

bool cli_parse_scale(const char *text, uint32_t *milli) {
	uint64_t v;
	if (!quantity_decimal(text, strlen(text), 3, 8000, &v) || v < 250) {
		return false;
	}
	*milli = (uint32_t)v;
	return true;
}

uint32_t cli_default_bitrate_kbps(const struct es_mode *mode, enum es_codec codec) {
	uint64_t mhz = (uint64_t)mode->refresh_mhz;
	if (mhz > 60000) {
		mhz = 60000 + (mhz - 60000) / 2;
	}
	uint64_t milli_bits = codec == ES_CODEC_H264 ? 160 : 100; // per pixel
	uint64_t kbps = (uint64_t)mode->width * mode->height * mhz / 1000 * milli_bits / 1000 / 1000;
	kbps = (kbps + 99) / 100 * 100;
	if (kbps < 500) {
		return 500;
	}
	return kbps > 200000 ? 200000 : (uint32_t)kbps;
}

static bool parse_size(
		const char *value, uint32_t *size, const char *what, char *error, size_t cap) {
	uint64_t v;
	if (!quantity_decimal(value, strlen(value), 0, ES_MODE_MAX_SIZE, &v) || v < ES_MODE_MIN_SIZE) {
		snprintf(error, cap, "%s '%s' is not a whole number of pixels from %d to %d", what, value,
				ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE);
		return false;
	}
	*size = (uint32_t)v;
	return true;
}

static bool apply_width(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	return parse_size(value, &r->options->mode.width, "width", error, cap);
}

static bool apply_height(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	return parse_size(value, &r->options->mode.height, "height", error, cap);
}

static bool apply_refresh(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!refresh_parse(value, &r->options->mode.refresh_mhz)) {
		snprintf(error, cap, "refresh rate '%s' is not a number of Hz from %d to %d (as 59.94)",
				value, ES_MODE_MIN_REFRESH_MHZ / 1000, ES_MODE_MAX_REFRESH_MHZ / 1000);
		return false;
	}
	return true;
}

static bool apply_screen(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!mode_parse(value, &r->options->mode)) {
		snprintf(error, cap,
				"screen '%s' is not WIDTHxHEIGHT or WIDTHxHEIGHT@HZ with %d to %d pixels a side and "
				"%d to %d Hz (as 1280x720@60)",
				value, ES_MODE_MIN_SIZE, ES_MODE_MAX_SIZE, ES_MODE_MIN_REFRESH_MHZ / 1000,
				ES_MODE_MAX_REFRESH_MHZ / 1000);
		return false;
	}
	return true;
}

static bool apply_scale(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!cli_parse_scale(value, &r->options->scale_milli)) {
		snprintf(error, cap, "scale '%s' is not a number from 0.25 to 8 (as 1.5)", value);
		return false;
	}
	return true;
}

static bool apply_output(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (value[0] == '\0') {
		snprintf(error, cap, "the name of the output file is empty");
		return false;
	}
	r->options->output = value;
	return true;
}

static bool apply_codec(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!codec_parse(value, &r->options->codec)) {
		snprintf(error, cap, "unknown codec '%s': h264, hevc or av1", value);
		return false;
	}
	r->codec_given = true;
	return true;
}

static bool apply_depth(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (strcmp(value, "8") != 0 && strcmp(value, "10") != 0) {
		snprintf(error, cap, "'%s' bits a colour: it is 8 or 10", value);
		return false;
	}
	r->options->colour.depth = value[0] == '8' ? 8 : 10;
	return true;
}

static bool apply_chroma(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (strcmp(value, "420") != 0 && strcmp(value, "444") != 0) {
		snprintf(error, cap, "unknown chroma '%s': 420 or 444", value);
		return false;
	}
	r->options->colour.yuv444 = strcmp(value, "444") == 0;
	return true;
}

static bool apply_encoder(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!rungs_is_word(value)) {
		char words[128];
		rungs_list_words(words, sizeof(words));
		snprintf(error, cap, "unknown encoder '%s': it is one of %s", value, words);
		return false;
	}
	r->options->encoder = value;
	return true;
}

static bool apply_gpu(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!gpu_choice_valid(value)) {
		snprintf(error, cap,
				"GPU '%s' is none of: auto, the path of a render node (/dev/dri/renderD128), a PCI "
				"slot (0000:03:00.0), PCI ids (1002:73bf)",
				value);
		return false;
	}
	r->options->gpu = value;
	return true;
}

static bool apply_bitrate(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!quantity_bitrate(value, &r->options->bitrate_kbps)) {
		snprintf(error, cap,
				"bitrate '%s' is not a number of bit/s with k or M from 100k to 1000M (as 20M)",
				value);
		return false;
	}
	r->bitrate_given = true;
	return true;
}

static bool apply_time(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (!cli_parse_seconds(value, &r->options->duration_ns)) {
		snprintf(error, cap, "time '%s' is not a number of seconds above 0, at most a year", value);
		return false;
	}
	return true;
}

static bool apply_stats(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	if (value[0] == '\0') {
		snprintf(error, cap, "the name of the statistics file is empty");
		return false;
	}
	r->options->stats_path = value;
	return true;
}

static bool apply_ready_fd(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	uint64_t fd;
	if (!quantity_decimal(value, strlen(value), 0, 1 << 20, &fd)) {
		snprintf(error, cap, "'%s' is not the number of a file descriptor", value);
		return false;
	}
	int flags = fcntl((int)fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
		snprintf(error, cap, "file descriptor %d is not open for writing", (int)fd);
		return false;
	}
	r->options->ready_fd = (int)fd;
	return true;
}

static bool apply_no_sound(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	r->options->no_sound = true;
	return true;
}

static bool apply_quiet(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	r->options->quiet = true;
	return true;
}

static bool apply_verbose(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	r->options->verbose = true;
	return true;
}

static bool apply_help(void *data, const char *value, char *error, size_t cap) {
	struct run_request *r = data;
	r->options->help = true;
	return true;
}

static const struct es_option run_table[] = {
		{'s', "screen", "WxH[@HZ]", "size and refresh of the virtual screen (1280x720@60)",
				apply_screen},
		{'W', "width", "PIXELS", "width alone", apply_width},
		{'H', "height", "PIXELS", "height alone", apply_height},
		{'r', "refresh", "HZ", "refresh rate alone, as 59.94", apply_refresh},
		{0, "scale", "FACTOR", "scale of the screen for the app (1)", apply_scale},
		{'o', "output", "FILE", "name.mkv .mp4 .ts .h264 .hevc .obu, or - (earthshine-DATE.mkv)",
				apply_output},
		{'c', "codec", "CODEC", "h264, hevc or av1 (by -o and -e, else h264)", apply_codec},
		{0, "depth", "BITS", "8 or 10 for each colour (8)", apply_depth},
		{0, "chroma", "KIND", "420, or 444 for sharp coloured text (420)", apply_chroma},
		{'e', "encoder", "NAME", "auto, software, vaapi, vulkan, nvenc, x264, ... (auto)",
				apply_encoder},
		{0, "gpu", "GPU", "render node, PCI slot or vendor:device; auto: the first that encodes",
				apply_gpu},
		{'b', "bitrate", "RATE", "bit/s, as 20M or 800k (by size and refresh)", apply_bitrate},
		{'t', "time", "SECONDS", "end the app after this time, with status 0", apply_time},
		{'T', "stats", "FILE", "write statistics as JSON at the end", apply_stats},
		{'R', "ready-fd", "N", "write the displays' names there when apps can connect",
				apply_ready_fd},
		{0, "no-sound", NULL, "without the app's sound, which is heard as ever", apply_no_sound},
		{'q', "quiet", NULL, "say nothing but errors", apply_quiet},
		{'v', "verbose", NULL, "say more", apply_verbose},
		{'h', "help", NULL, "this text", apply_help},
};
#define N_RUN_OPTIONS (sizeof(run_table) / sizeof(run_table[0]))

// The codec that was asked for, or the one that the other choices imply.
static void settle_codec(const struct run_request *r, const struct es_container_choice *container) {
	if (r->codec_given) {
		return;
	}
	if (container->has_codec) {
		r->options->codec = container->codec;
	} else if (!rungs_codec(r->options->encoder, &r->options->codec)) {
		r->options->codec = ES_CODEC_H264;
	}
}

static bool settle_standard_output(const struct es_run_options *options, char *error, size_t cap) {
	bool video = strcmp(options->output, "-") == 0;
	bool stats = options->stats_path != NULL && strcmp(options->stats_path, "-") == 0;
	if (video && stats) {
		snprintf(error, cap, "-o - and --stats - cannot both use standard output");
		return false;
	}
	if (video && options->ready_fd == STDOUT_FILENO) {
		snprintf(error, cap, "-o - and --ready-fd 1 cannot both use standard output");
		return false;
	}
	if (video && isatty(STDOUT_FILENO)) {
		snprintf(error, cap,
				"-o - would write the video to the terminal: redirect it to a file or pipe");
		return false;
	}
	return true;
}

static bool settle(struct run_request *r, time_t now, char *error, size_t cap) {
	struct es_run_options *options = r->options;
	if (options->output == NULL) {
		struct tm tm;
		localtime_r(&now, &tm);
		strftime(options->default_output, sizeof(options->default_output),
				"earthshine-%Y%m%d-%H%M%S.mkv", &tm);
		options->output = options->default_output;
	}
	const struct es_container_choice *container = output_file_container(options->output);
	if (container == NULL) {
		snprintf(error, cap,
				"unknown kind of output file '%s': the name must end in .mkv, .mp4, .ts, .h264, .hevc or "
				".obu, or be -",
				options->output);
		return false;
	}
	options->container = container->container;
	settle_codec(r, container);
	if (!output_file_holds(container, options->codec, error, cap) ||
			!settle_standard_output(options, error, cap)) {
		return false;
	}
	if (options->codec == ES_CODEC_AV1 && options->colour.yuv444) {
		snprintf(error, cap, "--chroma 444 is not for av1: use -c h264 or -c hevc");
		return false;
	}
	if (!rungs_check(options->encoder, options->codec, error, cap)) {
		return false;
	}
	if (!r->bitrate_given) {
		options->bitrate_kbps = cli_default_bitrate_kbps(&options->mode, options->codec);
	}
	return true;
}

enum es_cli_result cli_parse_run(struct es_run_options *options, int argc, char **argv, time_t now,
		char *error, size_t cap) {
	*options = (struct es_run_options){
			.mode = {.width = 1280, .height = 720, .refresh_mhz = 60000},
			.scale_milli = 1000,
			.colour = colour_sdr(),
			.encoder = "auto",
			.gpu = "auto",
			.ready_fd = -1,
	};
	struct run_request r = {.options = options};
	int first = options_parse(run_table, N_RUN_OPTIONS, argc, argv, &r, error, cap);
	if (first < 0) {
		return ES_CLI_BAD;
	}
	if (options->help) {
		return ES_CLI_HELP;
	}
	options->command = &argv[first];
	if (first >= argc || argv[first][0] == '\0') {
		snprintf(error, cap, "no app was named: earthshine run [options] -- command [arguments]");
		return ES_CLI_BAD;
	}
	return settle(&r, now, error, cap) ? ES_CLI_OK : ES_CLI_BAD;
}

void cli_print_run_help(FILE *out) {
	fputs("Usage: earthshine run [options] -- command [arguments]\n\n"
		  "Starts the command inside a virtual screen and records every frame that it shows.\n\n",
			out);
	options_print(out, run_table, N_RUN_OPTIONS);
	fputs("\nExit status: the command's; 128+N if it or the run was ended by signal N; 126 or 127 if it\n"
		  "could not be started; 1 if earthshine failed; 2 for a mistake in the options.\n"
		  "See earthshine(1).\n",
			out);
}
