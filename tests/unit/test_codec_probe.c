#define _GNU_SOURCE
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "host/codec_probe.h"
#include "tests/unit/count_fds.h"

struct folder {
	char path[64];
};

static int make_folder(void **state) {
	struct folder *folder = calloc(1, sizeof(*folder));
	snprintf(folder->path, sizeof(folder->path), "/tmp/probe-XXXXXX");
	*state = folder;
	return mkdtemp(folder->path) != NULL ? 0 : 1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
	remove(path);
	return 0;
}

static int remove_folder(void **state) {
	struct folder *folder = *state;
	nftw(folder->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
	return 0;
}

static void test_lines(void **state) {
	struct es_codec_speed speed;
	assert_true(codec_speeds_parse_line(&speed, "x264 1280x720 123.4\n"));
	assert_string_equal(speed.encoder, "x264");
	assert_int_equal(speed.width, 1280);
	assert_int_equal(speed.height, 720);
	assert_true(speed.fps > 123.3 && speed.fps < 123.5);
	static const char *const bad[] = {"", "x264", "x264 1280x720", "x264 1280x720 fast",
			"x264 1280x720 1 2", "x264 1280 10", "x264 1280x720@60 10", "x264 1280x720 -1",
			"x264 1280x720 nan", "x264 1280x720 inf", "x264 0x720 10", "x264 99999x720 10",
			"fail x264 h264 not built in"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(codec_speeds_parse_line(&speed, bad[i]));
	}
}

static void test_sustains(void **state) {
	struct es_codec_speeds speeds = {0};
	struct es_mode hd = {1280, 720, 60000}, full = {1920, 1080, 60000}, small = {640, 360, 60000},
				   large = {3840, 2160, 30000};
	assert_false(codec_speeds_sustain(&speeds, "x265", &hd));
	assert_true(codec_speeds_set(&speeds, "x265", 1280, 720, 90));
	assert_true(codec_speeds_set(&speeds, "x265", 1920, 1080, 60));
	assert_true(codec_speeds_sustain(&speeds, "x265", &hd));
	assert_true(codec_speeds_sustain(&speeds, "x265", &small));
	assert_false(codec_speeds_sustain(&speeds, "x265", &full)); // nothing left for the app
	assert_false(codec_speeds_sustain(&speeds, "x265", &large)); // a quarter of 60
	assert_false(codec_speeds_sustain(&speeds, "svtav1", &small));
	assert_true(codec_speeds_set(&speeds, "x265", 1280, 720, 70)); // replaced
	assert_int_equal(speeds.n, 2);
	assert_false(codec_speeds_sustain(&speeds, "x265", &hd));
}

// A client goes by what it was told before it chose a mode.
static void test_offers(void **state) {
	static const struct es_mode modes[] = {{16, 16, 1000}, {320, 180, 30000}, {640, 360, 30000},
			{640, 360, 60000}, {1280, 720, 60000}, {3840, 2160, 120000}};
	int n_offered = 0;
	for (double fps = 1; fps < 4000; fps *= 1.3) {
		struct es_codec_speeds speeds = {0};
		assert_true(codec_speeds_set(&speeds, "x265", 640, 360, fps));
		bool named = codec_speeds_offer(&speeds, "x265", NULL);
		n_offered += named;
		for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
			bool offered = codec_speeds_offer(&speeds, "x265", &modes[i]);
			assert_true(named || !offered);
			assert_true(!offered || codec_speeds_sustain(&speeds, "x265", &modes[i]));
		}
		// Named is what the smallest useful mode has.
		assert_int_equal(named, codec_speeds_offer(&speeds, "x265", &modes[2]));
	}
	assert_true(n_offered > 5 && n_offered < 25);
	struct es_codec_speeds slow = {0};
	assert_true(codec_speeds_set(&slow, "x265", 640, 360, 20)); // of 320x180 it would do 80
	assert_true(codec_speeds_sustain(&slow, "x265", &modes[1]));
	assert_false(codec_speeds_offer(&slow, "x265", &modes[1]));
}

static void test_file(void **state) {
	const struct folder *folder = *state;
	char path[128];
	struct es_codec_speeds speeds = {0}, read = {0};
	snprintf(path, sizeof(path), "%s/cache/earthshine/speeds.json", folder->path); // made
	assert_false(codec_speeds_load(&read, path, "a"));
	codec_speeds_set(&speeds, "x264", 1280, 720, 200.5);
	codec_speeds_set(&speeds, "svtav1", 1920, 1080, 0);
	assert_true(codec_speeds_save(&speeds, path, "a"));
	assert_true(codec_speeds_load(&read, path, "a"));
	assert_memory_equal(&read, &speeds, sizeof(read));
	assert_false(codec_speeds_load(&read, path, "b")); // another machine
	assert_int_equal(truncate(path, 20), 0);
	assert_false(codec_speeds_load(&read, path, "a"));
}

struct probing {
	sd_event *event;
	struct es_children *children;
	struct es_ladder_facts facts;
	char program[128], cache[128];
	bool finished;
};

static void on_finished(void *data) {
	struct probing *probing = data;
	probing->finished = true;
}

static void write_program(const char *path, const char *text) {
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fchmod(fileno(file), 0700), 0);
	assert_int_equal(fclose(file), 0);
}

static void probing_init(struct probing *probing, const struct folder *folder) {
	*probing = (struct probing){0};
	snprintf(probing->program, sizeof(probing->program), "%s/encode", folder->path);
	snprintf(probing->cache, sizeof(probing->cache), "%s/speeds.json", folder->path);
	assert_int_equal(sd_event_new(&probing->event), 0);
	probing->children = children_create(probing->event);
	assert_non_null(probing->children);
}

static void probing_finish(struct probing *probing) {
	children_destroy(probing->children);
	sd_event_unref(probing->event);
}

static struct es_codec_probe *probe_start(struct probing *probing) {
	return codec_probe_create(&(struct es_codec_probe_params){
			.event = probing->event,
			.children = probing->children,
			.facts = &probing->facts,
			.word = "software",
			.program = probing->program,
			.cache = probing->cache,
			.finished = on_finished,
			.data = probing,
	});
}

static void run(struct probing *probing) {
	while (!probing->finished) {
		assert_true(sd_event_run(probing->event, 20000000) > 0);
	}
}

static void test_measures_once(void **state) {
	struct probing probing;
	size_t n_fds = count_fds();
	probing_init(&probing, *state);
	write_program(probing.program,
			"#!/bin/sh\necho run >>\"$(dirname \"$0\")/runs\"\necho \"$2 $3 100.0\"\n");
	struct es_codec_probe *probe = probe_start(&probing);
	assert_true(codec_probe_running(probe));
	assert_int_equal(codec_probe_speeds(probe)->n, 0); // only what needs no proof is offered
	run(&probing);
	assert_false(codec_probe_running(probe));
	size_t n = codec_probe_speeds(probe)->n, n_built = 0;
	for (size_t i = 0; i < n_rungs; i++) {
		n_built += rungs[i].built && !rungs[i].hardware;
	}
	assert_int_equal(n, 2 * n_built);
	codec_probe_destroy(probe);
	assert_int_equal(unlink(probing.program), 0); // not needed any more
	probe = probe_start(&probing);
	assert_false(codec_probe_running(probe));
	assert_int_equal(codec_probe_speeds(probe)->n, n);
	codec_probe_destroy(probe);
	probing_finish(&probing);
	assert_int_equal(count_fds(), n_fds);
}

// What could not be measured is not kept: the next start tries again.
static void test_fails(void **state) {
	static const char *const programs[] = {"#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nonsense\n",
			"#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\necho other 1280x720 900\n",
			"#!/nonexistent/interpreter\n"};
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct probing probing;
		probing_init(&probing, *state);
		write_program(probing.program, programs[i]);
		struct es_codec_probe *probe = probe_start(&probing);
		run(&probing);
		assert_int_equal(codec_probe_speeds(probe)->n, 0);
		assert_int_equal(access(probing.cache, F_OK), -1);
		codec_probe_destroy(probe);
		probing_finish(&probing);
	}
}

static void test_stops_in_the_middle(void **state) {
	struct probing probing;
	size_t n_fds = count_fds();
	probing_init(&probing, *state);
	write_program(probing.program, "#!/bin/sh\nexec sleep 1000\n");
	struct es_codec_probe *probe = probe_start(&probing);
	assert_true(sd_event_run(probing.event, 20000000) > 0); // it is started
	assert_int_equal(count_fds() > n_fds, 1);
	codec_probe_destroy(probe);
	children_kill_strangers(probing.children);
	probing_finish(&probing);
	assert_int_equal(count_fds(), n_fds);
}

static bool file_there(const struct folder *folder, const char *name) {
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	return access(path, F_OK) == 0;
}

// The first run hangs; it is cut short and does not count.
static void test_pauses(void **state) {
	struct probing probing;
	size_t n_fds = count_fds();
	probing_init(&probing, *state);
	write_program(probing.program,
			"#!/bin/sh\ncd \"$(dirname \"$0\")\"\n[ -e second ] || { echo >first; exec sleep 1000; }\n"
			"echo \"$2 $3 100.0\"\n");
	struct es_codec_probe *probe = probe_start(&probing);
	while (!file_there(*state, "first")) {
		sd_event_run(probing.event, 20000);
	}
	codec_probe_pause(probe, true);
	char second[128];
	snprintf(second, sizeof(second), "%s/second", ((struct folder *)*state)->path);
	write_program(second, "");
	sd_event_run(probing.event, 20000000); // it has ended
	assert_true(codec_probe_running(probe));
	codec_probe_pause(probe, false);
	run(&probing);
	assert_true(codec_probe_speeds(probe)->n > 0);
	codec_probe_destroy(probe);
	probing_finish(&probing);
	assert_int_equal(count_fds(), n_fds);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
	log_init("test", log_level_from_env(ES_LOG_ERROR));
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_lines),
			cmocka_unit_test(test_sustains),
			cmocka_unit_test(test_offers),
			IN_FOLDER(test_file),
			IN_FOLDER(test_measures_once),
			IN_FOLDER(test_fails),
			IN_FOLDER(test_stops_in_the_middle),
			IN_FOLDER(test_pauses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
