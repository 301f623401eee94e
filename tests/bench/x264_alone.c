// What x264 alone costs for the pictures that the paint client shows: CPU time of the encoder
// calls, pictures and hints lying ready in memory. Once as a plain user of libx264 would run it
// with the same threads, a VBV of one frame and the same hints; once by our own module.
//
// x264_alone WIDTH HEIGHT REFRESH_MHZ BITRATE DAMAGE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <x264.h>

#include "encode/convert.h"
#include "encode/damage.h"
#include "encode/encoder.h"
#include "encode/picture.h"
#include "tests/clients/paint_picture.h"

#define FOURCC_XRGB8888 UINT32_C(0x34325258) // as DRM_FORMAT_XRGB8888
#define WARM_UP 20
#define PICTURES 300

struct es_alone {
	struct es_mode mode;
	uint32_t bitrate_kbps;
	// owned
	struct es_paint_picture paint;
	uint32_t *px;
	struct es_picture picture;
	uint8_t *map;
	struct es_damage damage;
};

static int64_t cpu_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void add_area(struct es_alone *alone, uint32_t number) {
	struct es_paint_rect area = paint_picture_area(&alone->paint, number);
	damage_add(&alone->damage, area.x, area.y, area.width, area.height);
}

// Picture `number` as the encode thread would have it: converted where it changed, and the map.
static void prepare(struct es_alone *alone, uint32_t number) {
	paint_picture_draw(&alone->paint, alone->px, number - 1, number);
	damage_clear(&alone->damage);
	if (number == 1) {
		damage_add_all(&alone->damage);
	} else {
		add_area(alone, number - 1);
		add_area(alone, number);
	}
	const struct es_pixels pixels = {
			.data = (const uint8_t *)alone->px,
			.stride = alone->mode.width * 4,
			.width = alone->mode.width,
			.height = alone->mode.height,
			.fourcc = FOURCC_XRGB8888,
	};
	for (size_t i = 0; i < alone->damage.n; i++) {
		convert_rect(&pixels, &alone->picture, &alone->damage.rects[i]);
	}
	damage_map(&alone->damage, alone->map, X264_MBINFO_CONSTANT);
}

static x264_t *open_plain(const struct es_alone *alone, int threads) {
	x264_param_t param;
	if (x264_param_default_preset(&param, "ultrafast", "zerolatency") != 0) {
		return NULL;
	}
	param.i_log_level = X264_LOG_ERROR;
	param.i_csp = X264_CSP_NV12;
	param.i_width = (int)picture_coded_width(&alone->picture);
	param.i_height = (int)picture_coded_height(&alone->picture);
	param.i_fps_num = (uint32_t)alone->mode.refresh_mhz;
	param.i_fps_den = 1000;
	param.b_vfr_input = 0;
	param.i_threads = threads;
	param.b_sliced_threads = threads > 1;
	param.i_keyint_max = X264_KEYINT_MAX_INFINITE;
	param.i_scenecut_threshold = 0;
	param.analyse.b_mb_info = 1;
	param.rc.i_rc_method = X264_RC_ABR;
	param.rc.i_bitrate = (int)alone->bitrate_kbps;
	param.rc.i_vbv_max_bitrate = (int)alone->bitrate_kbps;
	param.rc.i_vbv_buffer_size =
			(int)((int64_t)alone->bitrate_kbps * 1000 / alone->mode.refresh_mhz);
	return x264_encoder_open(&param);
}

// Mean CPU ms per picture after the warm-up, -1 on failure.
static double run_plain(struct es_alone *alone, int threads, uint64_t *bytes) {
	x264_t *x264 = open_plain(alone, threads);
	int64_t spent_ns = 0;
	*bytes = 0;
	for (uint32_t number = 1; x264 != NULL && number <= WARM_UP + PICTURES; number++) {
		prepare(alone, number);
		x264_picture_t in, out;
		x264_picture_init(&in);
		in.i_pts = number;
		in.img.i_csp = X264_CSP_NV12;
		in.img.i_plane = 2;
		for (int i = 0; i < 2; i++) {
			in.img.plane[i] = alone->picture.plane[i];
			in.img.i_stride[i] = (int)alone->picture.stride[i];
		}
		in.prop.mb_info = number == 1 ? NULL : alone->map;
		x264_nal_t *nals;
		int n_nals;
		int64_t before = cpu_ns();
		int size = x264_encoder_encode(x264, &nals, &n_nals, &in, &out);
		if (number > WARM_UP) {
			spent_ns += cpu_ns() - before;
			*bytes += (uint64_t)(size > 0 ? size : 0);
		}
	}
	if (x264 == NULL) {
		return -1;
	}
	x264_encoder_close(x264);
	return (double)spent_ns / 1e6 / PICTURES;
}

static double run_module(struct es_alone *alone, int threads, uint64_t *bytes) {
	const struct es_encoder_params params = {
			.codec = ES_CODEC_H264,
			.mode = alone->mode,
			.colour = colour_sdr(),
			.bitrate_kbps = alone->bitrate_kbps,
			.threads = (uint32_t)threads,
	};
	size_t cap = (size_t)8 << 20;
	uint8_t *unit = malloc(cap);
	const struct es_encoder_impl *impl = encoder_find("x264", ES_CODEC_H264);
	char why[96];
	struct es_device *device =
			impl != NULL && unit != NULL ? device_create(impl->device, "", why, sizeof(why)) : NULL;
	struct es_encoder *encoder = device != NULL ? encoder_create(impl, device, &params) : NULL;
	int64_t spent_ns = 0;
	*bytes = 0;
	bool ok = encoder != NULL;
	for (uint32_t number = 1; ok && number <= WARM_UP + PICTURES; number++) {
		prepare(alone, number);
		const struct es_encode_request request = {
				.sequence = number,
				.unchanged = number == 1 ? NULL : alone->map,
				.damage = alone->damage.rects,
				.n_damage = alone->damage.n,
		};
		struct es_encoded encoded;
		int64_t before = cpu_ns();
		ok = encoder_encode(encoder, &alone->picture, &request, unit, cap, &encoded);
		if (number > WARM_UP) {
			spent_ns += cpu_ns() - before;
			*bytes += encoded.size;
		}
	}
	encoder_destroy(encoder);
	device_destroy(device);
	free(unit);
	return ok ? (double)spent_ns / 1e6 / PICTURES : -1;
}

static bool parse_arguments(struct es_alone *alone, char **argv, enum es_paint_damage *damage,
		int32_t *area_width, int32_t *area_height) {
	alone->mode.width = (uint32_t)strtoul(argv[1], NULL, 10);
	alone->mode.height = (uint32_t)strtoul(argv[2], NULL, 10);
	alone->mode.refresh_mhz = (int32_t)strtol(argv[3], NULL, 10);
	alone->bitrate_kbps = (uint32_t)strtoul(argv[4], NULL, 10);
	if (strchr(argv[4], 'M') != NULL) {
		alone->bitrate_kbps *= 1000;
	}
	*damage = strncmp(argv[5], "moving:", 7) == 0 ? ES_PAINT_MOVING
			: strncmp(argv[5], "rect:", 5) == 0	  ? ES_PAINT_RECT
												  : ES_PAINT_FULL;
	const char *colon = strchr(argv[5], ':');
	if (*damage != ES_PAINT_FULL &&
			(colon == NULL || sscanf(colon + 1, "%dx%d", area_width, area_height) != 2)) {
		return false;
	}
	return mode_valid(&alone->mode) && alone->bitrate_kbps > 0;
}

static bool init(struct es_alone *alone, enum es_paint_damage damage, int32_t area_width,
		int32_t area_height) {
	uint32_t width = alone->mode.width, height = alone->mode.height;
	damage_init(&alone->damage, width, height);
	alone->px = malloc((size_t)width * height * sizeof(*alone->px));
	alone->map = malloc(damage_map_size(width, height));
	return alone->px != NULL && alone->map != NULL &&
			picture_init(&alone->picture, ES_PICTURE_NV12, width, height) &&
			paint_picture_init(&alone->paint, ES_PAINT_TEXT, damage, (int32_t)width,
					(int32_t)height, area_width, area_height);
}

static int measure(struct es_alone *alone) {
	// As the module chooses by itself.
	double pictures = (double)alone->mode.width * alone->mode.height * alone->mode.refresh_mhz /
			1e3 / (1920.0 * 1080 * 31);
	int threads = pictures > 1 && sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
	uint64_t plain_bytes, module_bytes;
	double plain = run_plain(alone, threads, &plain_bytes);
	double module = run_module(alone, threads, &module_bytes);
	if (plain < 0 || module < 0) {
		fprintf(stderr, "x264_alone: the encoder failed\n");
		return 1;
	}
	printf("{\"x264_ms_per_frame\":%.4f,\"module_ms_per_frame\":%.4f,\"x264_bytes\":%" PRIu64
		   ",\"module_bytes\":%" PRIu64 ",\"threads\":%d}\n",
			plain, module, plain_bytes, module_bytes, threads);
	return 0;
}

int main(int argc, char **argv) {
	struct es_alone alone = {0};
	enum es_paint_damage damage;
	int32_t area_width = 0, area_height = 0;
	if (argc != 6 || !parse_arguments(&alone, argv, &damage, &area_width, &area_height)) {
		fprintf(stderr,
				"usage: x264_alone WIDTH HEIGHT REFRESH_MHZ BITRATE "
				"full|rect:WxH|moving:WxH\n");
		return 2;
	}
	int code = 1;
	if (init(&alone, damage, area_width, area_height)) {
		code = measure(&alone);
	}
	paint_picture_finish(&alone.paint);
	picture_finish(&alone.picture);
	free(alone.px);
	free(alone.map);
	return code;
}
