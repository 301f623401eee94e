// Which encoders are used where, what is remembered of them, and what comes when one fails.
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/doctor_report.h"
#include "host/encoder_slot.h"
#include "host/ladder.h"
#include "host/ladder_probe.h"
#include "host/probe_process.h"
#include "tests/unit/count_fds.h"

#define AMD 0x1002
#define INTEL 0x8086
#define NVIDIA 0x10de

// A machine of the test's own: files below `root`.
struct machine {
	char root[64], cache[96], program[96];
	struct es_ladder_facts facts;
};

static struct machine *current;

// Instead of our encoder.
bool __wrap_spawn_find_room(const char *name, char *out, size_t cap);
bool __wrap_spawn_find_room(const char *name, char *out, size_t cap) {
	return current != NULL && (size_t)snprintf(out, cap, "%s", current->program) < cap;
}

__attribute__((format(printf, 2, 3))) static void write_text(
		const char *path, const char *format, ...) {
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	va_list args;
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	assert_int_equal(fclose(file), 0);
}

static void make_folder(const struct machine *m, const char *path) {
	char all[256];
	snprintf(all, sizeof(all), "%s%s", m->root, path);
	for (char *at = all + strlen(m->root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		mkdir(all, 0700);
		*at = '/';
	}
	mkdir(all, 0700);
}

static void add_gpu(
		const struct machine *m, int number, unsigned vendor, unsigned device, const char *slot) {
	char path[256], link[256];
	make_folder(m, "/dev/dri");
	snprintf(path, sizeof(path), "%s/dev/dri/renderD%d", m->root, number);
	write_text(path, "%s", "");
	snprintf(path, sizeof(path), "/devices/%s", slot);
	make_folder(m, path);
	snprintf(path, sizeof(path), "%s/devices/%s/vendor", m->root, slot);
	write_text(path, "0x%04x\n", vendor);
	snprintf(path, sizeof(path), "%s/devices/%s/device", m->root, slot);
	write_text(path, "0x%04x\n", device);
	snprintf(path, sizeof(path), "%s/devices/%s/driver", m->root, slot);
	assert_int_equal(symlink("../../drivers/some", path), 0);
	snprintf(path, sizeof(path), "/sys/class/drm/renderD%d", number);
	make_folder(m, path);
	snprintf(path, sizeof(path), "%s/devices/%s", m->root, slot);
	snprintf(link, sizeof(link), "%s/sys/class/drm/renderD%d/device", m->root, number);
	assert_int_equal(symlink(path, link), 0);
}

static void look(struct machine *m, const char *choice) {
	ladder_facts_init(&m->facts, choice, m->root, m->cache);
}

static int setup(void **state) {
	struct machine *m = calloc(1, sizeof(*m));
	snprintf(m->root, sizeof(m->root), "/tmp/ladder-XXXXXX");
	*state = current = m;
	if (mkdtemp(m->root) == NULL) {
		return 1;
	}
	snprintf(m->cache, sizeof(m->cache), "%s/cache/encoders.json", m->root);
	snprintf(m->program, sizeof(m->program), "%s/encode", m->root);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
	remove(path);
	return 0;
}

static int teardown(void **state) {
	struct machine *m = *state;
	nftw(m->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(m);
	current = NULL;
	return 0;
}

// Records a state for every candidate of that encoder, or of all ("").
static void prove(struct machine *m, const char *encoder, enum es_proof_state proof_state) {
	struct es_candidate all[ES_CANDIDATES_MAX];
	size_t n = ladder_candidates(&m->facts, "auto", all, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (encoder[0] == '\0' || strcmp(all[i].rung->name, encoder) == 0) {
			struct es_proof proof = ladder_new_proof(&m->facts, &all[i]);
			proof.state = proof_state;
			proof.fps = proof_state == ES_PROOF_OK ? 300 : 0;
			proof_set_reason(&proof, proof_state == ES_PROOF_OK ? "" : "as the test wants it");
			ladder_facts_record(&m->facts, &proof);
		}
	}
}

// The ladder must be these names, of which those that are not in this build are left out.
static void expect_ladder(struct machine *m, const char *word, enum es_codec codec,
		const char *node, const char *const *names, const char *on) {
	struct es_ladder ladder;
	char error[768] = "";
	assert_true(ladder_make(&ladder, &m->facts, word, codec, node, error, sizeof(error)));
	size_t n = 0;
	bool hardware = false;
	for (size_t i = 0; names[i] != NULL; i++) {
		const struct es_rung *rung = rungs_find(names[i], codec);
		if (rung != NULL && rung->built) {
			assert_true(n < ladder.n);
			assert_string_equal(ladder.items[n]->name, names[i]);
			hardware = hardware || rung->hardware;
			n++;
		}
	}
	assert_int_equal(ladder.n, n);
	assert_string_equal(ladder.node, hardware ? on : "");
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NODE "/dev/dri/renderD128"
#define NODE2 "/dev/dri/renderD129"

static void test_gpus(void **state) {
	struct machine *m = *state;
	struct es_gpu gpus[ES_GPUS_MAX];
	assert_int_equal(gpus_find(gpus, ES_GPUS_MAX, m->root), 0);
	add_gpu(m, 129, INTEL, 0x56a0, "0000:00:02.0");
	add_gpu(m, 128, AMD, 0x73bf, "0000:0c:00.0");
	assert_int_equal(gpus_find(gpus, ES_GPUS_MAX, m->root), 2);
	assert_string_equal(gpus[0].node, NODE);
	assert_int_equal(gpus[0].vendor, AMD);
	assert_int_equal(gpus[0].device, 0x73bf);
	assert_string_equal(gpus[0].slot, "0000:0c:00.0");
	assert_string_equal(gpus[0].driver, "some");
	assert_int_equal(gpus[0].error, 0);
	assert_string_equal(gpus[1].node, NODE2);
	static const char *const first[] = {
			"auto", NODE, "0000:0c:00.0", "0c:00.0", "0C:00.0", "1002:73bf", "1002:73BF"};
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		assert_true(gpu_choice_valid(first[i]));
		assert_true(gpu_matches(&gpus[0], first[i]));
		assert_int_equal(gpu_matches(&gpus[1], first[i]), i == 0);
	}
	static const char *const bad[] = {"", "0", "amd", "renderD128", "1002", "1002:", "1002:73bff",
			"0c:00", "0000:0c:00.", "zz:00.0", "1002-73bf"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(gpu_choice_valid(bad[i]));
	}
}

static void test_order_by_vendor(void **state) {
	struct machine *m = *state;
	look(m, "auto");
	expect_ladder(m, "auto", ES_CODEC_H264, NULL, NAMES("x264"), "");
	assert_string_equal(ladder_render_node(&m->facts, "auto"), "");
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	look(m, "auto");
	// Nothing is used that was not proved.
	expect_ladder(m, "auto", ES_CODEC_H264, NULL, NAMES("x264"), "");
	prove(m, "", ES_PROOF_OK);
	expect_ladder(m, "auto", ES_CODEC_H264, NULL, NAMES("vaapi", "vulkan", "x264"), NODE);
	expect_ladder(m, "auto", ES_CODEC_HEVC, NULL, NAMES("vaapi", "vulkan", "x265"), NODE);
	expect_ladder(m, "software", ES_CODEC_AV1, NULL, NAMES("svtav1"), "");
	expect_ladder(m, "x264", ES_CODEC_H264, NULL, NAMES("x264"), "");
	if (rungs_find("vulkan", ES_CODEC_H264)->built) { // what follows comes after
		expect_ladder(m, "vulkan", ES_CODEC_H264, NULL, NAMES("vulkan", "vaapi", "x264"), NODE);
	}
}

static void test_order_nvidia(void **state) {
	struct machine *m = *state;
	add_gpu(m, 128, NVIDIA, 1, "0000:01:00.0");
	look(m, "auto");
	prove(m, "", ES_PROOF_OK);
	expect_ladder(m, "auto", ES_CODEC_H264, NULL, NAMES("nvenc", "vulkan", "x264"), NODE);
}

static void test_two_gpus(void **state) {
	struct machine *m = *state;
	add_gpu(m, 128, NVIDIA, 1, "0000:01:00.0");
	add_gpu(m, 129, INTEL, 2, "0000:00:02.0");
	look(m, "auto");
	prove(m, "", ES_PROOF_OK);
	expect_ladder(m, "auto", ES_CODEC_AV1, NULL, NAMES("nvenc", "vulkan", "svtav1"), NODE);
	expect_ladder(m, "auto", ES_CODEC_AV1, NODE2, NAMES("vaapi", "vulkan", "svtav1"), NODE2);
	expect_ladder(m, "auto", ES_CODEC_AV1, "", NAMES("svtav1"), ""); // rendered elsewhere
	look(m, "8086:0002");
	expect_ladder(m, "auto", ES_CODEC_AV1, NULL, NAMES("vaapi", "vulkan", "svtav1"), NODE2);
	look(m, "/dev/dri/renderD130");
	expect_ladder(m, "auto", ES_CODEC_AV1, NULL, NAMES("svtav1"), "");
}

static void test_reasons(void **state) {
	struct machine *m = *state;
	struct es_ladder ladder;
	char error[768];
	if (!rungs_find("vaapi", ES_CODEC_H264)->built) {
		skip();
	}
#define EXPECT_REFUSED(word, text) \
	assert_false( \
			ladder_make(&ladder, &m->facts, word, ES_CODEC_H264, NULL, error, sizeof(error))); \
	assert_non_null(strstr(error, text))
	look(m, "auto");
	EXPECT_REFUSED("vaapi", "there is no render node in /dev/dri");
	EXPECT_REFUSED("svtav1", "makes av1, not h264");
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	look(m, "auto");
	EXPECT_REFUSED("vaapi", "was not tried yet");
	if (rungs_find("nvenc", ES_CODEC_H264)->built) {
		EXPECT_REFUSED("nvenc", "not made for the GPU at " NODE);
	}
	prove(m, "vaapi", ES_PROOF_FAILED);
	EXPECT_REFUSED("vaapi", NODE ": as the test wants it");
	EXPECT_REFUSED("vaapi", "earthshine doctor");
	prove(m, "vaapi", ES_PROOF_LOST);
	EXPECT_REFUSED("vaapi", "it failed at work: as the test wants it");
	look(m, "1002:0003");
	EXPECT_REFUSED("vaapi", "no GPU is '1002:0003': there is " NODE);
}

// What is not proved, or was and failed at work, is passed over, here and in the next process.
static void test_lost(void **state) {
	struct machine *m = *state;
	struct es_ladder ladder;
	char error[256];
	if (!rungs_find("vaapi", ES_CODEC_H264)->built) {
		skip();
	}
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	look(m, "auto");
	prove(m, "", ES_PROOF_OK);
	assert_true(ladder_make(&ladder, &m->facts, "auto", ES_CODEC_H264, NULL, error, sizeof(error)));
	assert_true(ladder_fps(&m->facts, &ladder, ladder.items[0]) > 299);
	ladder_mark_lost(&m->facts, &ladder, ladder.items[0], "it \x1b[31m is gone");
	for (int i = 0; i < 2; i++) {
		expect_ladder(m, "auto", ES_CODEC_H264, NULL, NAMES("vulkan", "x264"), NODE);
		expect_ladder(m, "auto", ES_CODEC_HEVC, NULL, NAMES("vaapi", "vulkan", "x265"), NODE);
		look(m, "auto");
	}
	prove(m, "vaapi", ES_PROOF_OK);
	expect_ladder(m, "auto", ES_CODEC_H264, NULL, NAMES("vaapi", "vulkan", "x264"), NODE);
}

static void test_key(void **state) {
	struct machine *m = *state;
	char before[ES_DRIVER_KEY_SIZE], path[256];
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	make_folder(m, "/usr/lib/x86_64-linux-gnu/dri");
	look(m, "auto");
	memcpy(before, m->facts.keys[0], sizeof(before));
	look(m, "auto");
	assert_string_equal(m->facts.keys[0], before);
	assert_string_not_equal(m->facts.key, before);
	// A driver was installed.
	snprintf(path, sizeof(path), "%s/usr/lib/x86_64-linux-gnu/dri", m->root);
	const struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	look(m, "auto");
	assert_string_not_equal(m->facts.keys[0], before);
	memcpy(before, m->facts.keys[0], sizeof(before));
	make_folder(m, "/sys/module/amdgpu");
	snprintf(path, sizeof(path), "%s/sys/module/amdgpu/version", m->root);
	write_text(path, "6.1\n");
	look(m, "auto");
	assert_string_not_equal(m->facts.keys[0], before);
	memcpy(before, m->facts.keys[0], sizeof(before));
	write_text(m->program, "our encoder is another");
	look(m, "auto");
	assert_string_not_equal(m->facts.keys[0], before);
}

static struct es_proof make_proof(const char *key, const char *boot, enum es_proof_state state) {
	struct es_proof proof = {.codec = ES_CODEC_HEVC, .state = state};
	snprintf(proof.node, sizeof(proof.node), NODE);
	snprintf(proof.key, sizeof(proof.key), "%s", key);
	snprintf(proof.boot, sizeof(proof.boot), "%s", boot);
	snprintf(proof.encoder, sizeof(proof.encoder), "vaapi");
	return proof;
}

static void test_what_counts(void **state) {
	struct es_proofs proofs = {0};
	struct es_proof proof = make_proof("k1", "b1", ES_PROOF_TIMED_OUT);
	proofs_set(&proofs, &proof);
	assert_non_null(proofs_find(&proofs, NODE, "k1", "b1", "vaapi", ES_CODEC_HEVC));
	assert_null(proofs_find(&proofs, NODE, "k1", "b2", "vaapi", ES_CODEC_HEVC)); // another boot
	assert_null(proofs_find(&proofs, NODE, "k2", "b1", "vaapi", ES_CODEC_HEVC));
	assert_null(proofs_find(&proofs, NODE2, "k1", "b1", "vaapi", ES_CODEC_HEVC));
	assert_null(proofs_find(&proofs, NODE, "k1", "b1", "vaapi", ES_CODEC_H264));
	proof.state = ES_PROOF_FAILED;
	proofs_set(&proofs, &proof); // in its place
	assert_int_equal(proofs.n, 1);
	assert_non_null(proofs_find(&proofs, NODE, "k1", "b2", "vaapi", ES_CODEC_HEVC));
	proof = make_proof("k2", "b2", ES_PROOF_OK); // a new driver: what was known of the old one goes
	proof.codec = ES_CODEC_AV1;
	proofs_set(&proofs, &proof);
	assert_int_equal(proofs.n, 1);
	for (int i = 0; i < 3 * ES_PROOFS_MAX; i++) {
		snprintf(proof.node, sizeof(proof.node), "/dev/dri/renderD%d", i);
		proofs_set(&proofs, &proof);
	}
	assert_int_equal(proofs.n, ES_PROOFS_MAX);
}

static void test_file(void **state) {
	struct es_proofs proofs = {0}, read;
	size_t size;
	for (int i = 0; i < ES_PROOF_STATE_COUNT; i++) {
		struct es_proof proof = make_proof("0123456789abcdef", "boot", (enum es_proof_state)i);
		memset(proof.node, 0, sizeof(proof.node)); // it is compared byte by byte
		snprintf(proof.node, sizeof(proof.node), "/dev/dri/renderD%d", i);
		proof.fps = 1.5 * i;
		snprintf(proof.without, sizeof(proof.without), "XB24:linear");
		proof_set_reason(&proof, "one \"two\" \xff\xfe \x1b[0m \\ drei: \xc3\xa4");
		proofs_set(&proofs, &proof);
	}
	char *text = proofs_format(&proofs, &size);
	assert_non_null(text);
	assert_true(proofs_parse(&read, text, size));
	assert_int_equal(read.n, proofs.n);
	for (size_t i = 0; i < read.n; i++) {
		assert_memory_equal(&read.items[i], &proofs.items[i], sizeof(read.items[i]));
	}
	for (size_t cut = 0; cut < size; cut += 7) {
		assert_false(proofs_parse(&read, text, cut));
		assert_int_equal(read.n, 0);
	}
	free(text);
}

// A file of anybody's making, which `run` and `serve` read at their start.
static void test_bad_files(void **state) {
	struct machine *m = *state;
	static const char *const bad[] = {"", "{", "[]", "null", "{\"format\":2}",
			"{\"format\":1,\"proofs\":[]}", "{\"format\":2,\"proofs\":{}}",
			"{\"format\":2,\"proofs\":[1]}", "{\"format\":2,\"proofs\":[{}]}",
			"{\"format\":2,\"proofs\":[{\"node\":\"" NODE "\",\"key\":\"k\",\"boot\":\"b\","
			"\"encoder\":\"vaapi\",\"codec\":\"h264\",\"state\":\"great\",\"fps\":1,"
			"\"reason\":\"\",\"without\":\"\"}]}",
			"{\"format\":2,\"proofs\":[{\"node\":\"" NODE "\",\"key\":\"k\",\"boot\":\"b\","
			"\"encoder\":\"vaapi\",\"codec\":\"h264\",\"state\":\"ok\",\"fps\":-1,"
			"\"reason\":\"\",\"without\":\"\"}]}",
			"{\"format\":2,\"proofs\":[{\"node\":\"\\u001b\",\"key\":\"k\",\"boot\":\"b\","
			"\"encoder\":\"vaapi\",\"codec\":\"h264\",\"state\":\"ok\",\"fps\":1,"
			"\"reason\":\"\",\"without\":\"\"}]}"};
	make_folder(m, "/cache");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_text(m->cache, "%s", bad[i]);
		look(m, "auto");
		assert_int_equal(m->facts.proofs.n, 0);
	}
	// What cannot be read is replaced with the first that is found out.
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	look(m, "auto");
	prove(m, "", ES_PROOF_OK);
	size_t n = m->facts.proofs.n;
	look(m, "auto");
	assert_int_equal(m->facts.proofs.n, n);
	unlink(m->cache);
	assert_int_equal(mkfifo(m->cache, 0600), 0); // nobody writes
	look(m, "auto");
	assert_int_equal(m->facts.proofs.n, 0);
}

static struct es_proof conclude(const char *output, int status, bool timed_out, bool stuck) {
	struct es_proof proof = {.codec = ES_CODEC_H264, .fps = 7};
	snprintf(proof.encoder, sizeof(proof.encoder), "vaapi");
	proof_conclude(&proof, &(struct es_trial){output, status, 5000, timed_out, stuck});
	return proof;
}

static void test_trials(void **state) {
	struct es_proof p = conclude("noise\nok vaapi h264 123.5\n", 0, false, false);
	assert_int_equal(p.state, ES_PROOF_OK);
	assert_true(p.fps > 123 && p.fps < 124);
	assert_string_equal(p.without, "");
	p = conclude("without vaapi h264 XB24:linear AR24:tiled\nok vaapi h264 5\n", 0, false, false);
	assert_int_equal(p.state, ES_PROOF_OK);
	assert_string_equal(p.without, "XB24:linear AR24:tiled");
	assert_int_equal(conclude("ok vaapi h264 0\n", 0, false, false).state, ES_PROOF_FAILED);
	assert_int_equal(conclude("ok vaapi h264 x\n", 0, false, false).state, ES_PROOF_FAILED);
	assert_int_equal(conclude("ok vaapi hevc 5\n", 0, false, false).state, ES_PROOF_FAILED);
	assert_int_equal(conclude("ok vaapi h264 5\n", 1 << 8, false, false).state, ES_PROOF_FAILED);
	p = conclude("fail vaapi h264 picture 2 is green", 1 << 8, false, false);
	assert_int_equal(p.state, ES_PROOF_FAILED);
	assert_string_equal(p.reason, "picture 2 is green");
	p = conclude("unavailable vaapi h264 no driver\n", 3 << 8, false, false);
	assert_int_equal(p.state, ES_PROOF_UNAVAILABLE);
	assert_string_equal(p.reason, "no driver");
	p = conclude("ok vaapi h264 5\n", SIGSEGV, false, false); // it crashed on its way out
	assert_int_equal(p.state, ES_PROOF_FAILED);
	assert_non_null(strstr(p.reason, "signal 11"));
	p = conclude("ok vaapi h264 5\n", SIGKILL, true, false);
	assert_int_equal(p.state, ES_PROOF_TIMED_OUT);
	assert_string_equal(p.reason, "no answer within 5 s");
	assert_int_equal(conclude("", 0, true, true).state, ES_PROOF_TIMED_OUT);
}

static void write_program(const struct machine *m, const char *text) {
	write_text(m->program, "#!/bin/sh\n%s\n", text);
	assert_int_equal(chmod(m->program, 0700), 0);
}

static void test_probe(void **state) {
	struct machine *m = *state;
	struct es_candidate all[ES_CANDIDATES_MAX];
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	write_program(m, "[ \"$1 $4 $5\" = '--probe --device " NODE "' ] && echo \"ok $2 $3 60\"");
	look(m, "auto");
	size_t n = ladder_candidates(&m->facts, "auto", all, ES_CANDIDATES_MAX), n_fds = count_fds();
	if (n == 0) {
		skip();
	}
	for (size_t i = 0; i < n; i++) {
		assert_null(ladder_proof(&m->facts, &all[i]));
		ladder_probe(&m->facts, &all[i]);
		assert_int_equal(ladder_proof(&m->facts, &all[i])->state, ES_PROOF_OK);
	}
	write_program(m, "kill -11 $$");
	ladder_probe(&m->facts, &all[0]);
	look(m, "auto");
	n = ladder_candidates(&m->facts, "auto", all, ES_CANDIDATES_MAX);
	assert_null(ladder_proof(&m->facts, &all[1])); // another program, other facts
	write_program(m, "kill -11 $$");
	look(m, "auto");
	ladder_probe(&m->facts, &all[0]);
	assert_int_equal(ladder_proof(&m->facts, &all[0])->state, ES_PROOF_FAILED);
	assert_non_null(strstr(ladder_proof(&m->facts, &all[0])->reason, "signal 11"));
	assert_int_equal(count_fds(), n_fds);
}

// A trial that cannot be ended: its GPU is left alone, other GPUs are not.
static void test_hung_device(void **state) {
	struct machine *m = *state;
	struct es_candidate all[ES_CANDIDATES_MAX];
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	add_gpu(m, 129, AMD, 1, "0000:02:00.0");
	look(m, "auto");
	size_t n = ladder_candidates(&m->facts, "auto", all, ES_CANDIDATES_MAX);
	if (n == 0) {
		skip();
	}
	ladder_probe_record(
			&m->facts, &all[0], &(struct es_trial){.output = "", .timed_out = true, .stuck = true});
	for (size_t i = 0; i < n; i++) {
		const struct es_proof *proof = ladder_proof(&m->facts, &all[i]);
		if (all[i].gpu == all[0].gpu) {
			assert_int_equal(proof->state, ES_PROOF_TIMED_OUT);
			assert_non_null(strstr(proof->reason, "hangs"));
		} else {
			assert_null(proof);
		}
	}
}

struct wait {
	bool ended, timed_out;
	char output[64];
};

static void on_ended(void *data, const struct es_trial *trial) {
	struct wait *wait = data;
	wait->ended = true;
	wait->timed_out = trial->timed_out;
	snprintf(wait->output, sizeof(wait->output), "%s", trial->output);
}

static void test_time_limit(void **state) {
	struct machine *m = *state;
	static const char *const programs[] = {"echo word; exec sleep 1000", "echo word"};
	for (size_t i = 0; i < 2; i++) {
		sd_event *event;
		struct wait wait = {0};
		size_t n_fds = count_fds();
		assert_int_equal(sd_event_new(&event), 0);
		struct es_children *children = children_create(event);
		write_program(m, programs[i]);
		char *argv[] = {m->program, NULL};
		struct es_probe_process *process = probe_process_start(&(struct es_probe_start){
				.event = event,
				.children = children,
				.program = m->program,
				.argv = argv,
				.limit_ms = i == 0 ? 1000 : 30000,
				.ended = on_ended,
				.data = &wait,
		});
		assert_non_null(process);
		while (!wait.ended) {
			assert_true(sd_event_run(event, 30000000) > 0);
		}
		assert_int_equal(wait.timed_out, i == 0);
		assert_string_equal(wait.output, "word\n");
		probe_process_destroy(process);
		children_destroy(children);
		sd_event_unref(event);
		assert_int_equal(count_fds(), n_fds);
	}
}

static const struct es_rung hardware = {.name = "one", .hardware = true, .needs_gpu = true};
static const struct es_rung other = {.name = "two", .hardware = true, .needs_gpu = true};
static const struct es_rung software = {.name = "three"};

// What a rung was found to read wrong goes with it to every encoder, and with no other.
static void test_formats(void **state) {
	struct machine *m = *state;
	struct es_ladder ladder;
	struct es_encoder_slot slot;
	struct es_candidate all[ES_CANDIDATES_MAX];
	struct es_session_msg msg = {.type = ES_SESSION_START_ENCODE};
	char error[768];
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	look(m, "auto");
	size_t n = ladder_candidates(&m->facts, "auto", all, ES_CANDIDATES_MAX);
	for (size_t i = 0; i < n; i++) {
		struct es_proof proof = ladder_new_proof(&m->facts, &all[i]);
		snprintf(proof.without, sizeof(proof.without), "%s",
				i == 0 ? "XB24:linear XR24:tiled" : "AR24:linear");
		ladder_facts_record(&m->facts, &proof);
	}
	if (n == 0 || !all[0].rung->built) {
		return; // none of a GPU in this build
	}
	look(m, "auto");
	assert_true(ladder_make(
			&ladder, &m->facts, "auto", all[0].rung->codec, NULL, error, sizeof(error)));
	assert_ptr_equal(ladder.items[0], all[0].rung);
	encoder_slot_init(&slot, &ladder);
	encoder_slot_fill(&slot, &msg);
	assert_string_equal(msg.start_encode.without, "XB24:linear XR24:tiled");
	while (slot.at + 1 < slot.ladder.n) {
		slot.at++;
	}
	encoder_slot_fill(&slot, &msg);
	assert_string_equal(msg.start_encode.without, ""); // software
}

static void begin_slot(struct machine *m, struct es_encoder_slot *slot) {
	look(m, "auto");
	encoder_slot_init(slot,
			&(struct es_ladder){.items = {&hardware, &other, &software}, .n = 3, .node = NODE});
	encoder_slot_started(slot, ES_NS_PER_S);
}

static void test_slot(void **state) {
	struct machine *m = *state;
	struct es_encoder_slot slot;
	struct es_session_msg msg = {.type = ES_SESSION_START_ENCODE};
	int64_t now = 10 * ES_NS_PER_S;
	add_gpu(m, 128, AMD, 1, "0000:01:00.0");
	begin_slot(m, &slot);
	encoder_slot_fill(&slot, &msg);
	assert_string_equal(msg.start_encode.encoder, "one");
	assert_string_equal(msg.start_encode.device, NODE);
	assert_int_equal(encoder_slot_stuck_ms(&slot, false), 1000);
	assert_true(encoder_slot_settled(&slot, now));
	encoder_slot_blame(&slot, "first");
	encoder_slot_blame(&slot, "second");
	assert_int_equal(encoder_slot_lost(&slot, &m->facts, "killed", now), ES_SLOT_NEXT);
	assert_string_equal(encoder_slot_rung(&slot)->name, "two");
	assert_int_equal(m->facts.proofs.n, 1);
	assert_int_equal(m->facts.proofs.items[0].state, ES_PROOF_LOST);
	assert_string_equal(m->facts.proofs.items[0].reason, "first");
	// One that fails at once is passed over; nothing is said of other sessions.
	encoder_slot_started(&slot, now);
	encoder_slot_failed(&slot, "not this size", now + 1);
	assert_int_equal(encoder_slot_lost(&slot, &m->facts, "exited", now + 2), ES_SLOT_NEXT);
	assert_int_equal(m->facts.proofs.n, 1);
	encoder_slot_fill(&slot, &msg);
	assert_string_equal(msg.start_encode.encoder, "three");
	assert_string_equal(msg.start_encode.device, "");
	assert_int_equal(encoder_slot_stuck_ms(&slot, false), 5000);
	assert_int_equal(encoder_slot_stuck_ms(&slot, true), 1000);
	// Software is started again, as often as is reasonable.
	for (int i = 0; i < ES_RESTART_MAX; i++) {
		encoder_slot_started(&slot, now + i);
		assert_int_equal(encoder_slot_lost(&slot, &m->facts, "killed", now + i + 1), ES_SLOT_AGAIN);
	}
	encoder_slot_started(&slot, now + 10);
	assert_int_equal(encoder_slot_lost(&slot, &m->facts, "killed", now + 11), ES_SLOT_GIVE_UP);
	assert_false(slot.broken);
	assert_int_equal(m->facts.proofs.n, 1);
}

static void test_slot_never_works(void **state) {
	struct machine *m = *state;
	struct es_encoder_slot slot;
	look(m, "auto");
	encoder_slot_init(&slot, &(struct es_ladder){.items = {&software}, .n = 1});
	encoder_slot_started(&slot, ES_NS_PER_S);
	encoder_slot_failed(&slot, "does not open", ES_NS_PER_S + 1);
	assert_int_equal(
			encoder_slot_lost(&slot, &m->facts, "exited", ES_NS_PER_S + 2), ES_SLOT_GIVE_UP);
	assert_true(slot.broken);
}

static void test_report_hides(void **state) {
	static const char *const words[] = {"/home/ann", "ann", "box", "a", NULL};
	char out[64], small[12];
	doctor_report_hide(out, sizeof(out), "/home/ann/x and ann on a box", words);
	assert_string_equal(out, "(hidden)/x and (hidden) on a (hidden)");
	doctor_report_hide(small, sizeof(small), "as it is, ann", words);
	assert_string_equal(small, "as it is, (");
	doctor_report_hide(out, sizeof(out), "", words);
	assert_string_equal(out, "");
}

#define ON_MACHINE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
	log_init("test", log_level_from_env(ES_LOG_ERROR));
	const struct CMUnitTest tests[] = {
			ON_MACHINE(test_gpus),
			ON_MACHINE(test_order_by_vendor),
			ON_MACHINE(test_order_nvidia),
			ON_MACHINE(test_two_gpus),
			ON_MACHINE(test_reasons),
			ON_MACHINE(test_lost),
			ON_MACHINE(test_key),
			cmocka_unit_test(test_what_counts),
			cmocka_unit_test(test_file),
			ON_MACHINE(test_bad_files),
			cmocka_unit_test(test_trials),
			ON_MACHINE(test_formats),
			ON_MACHINE(test_probe),
			ON_MACHINE(test_hung_device),
			ON_MACHINE(test_time_limit),
			ON_MACHINE(test_slot),
			ON_MACHINE(test_slot_never_works),
			cmocka_unit_test(test_report_hides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
