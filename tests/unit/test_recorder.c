// Recordings: what goes in comes out, thinned out or not, and whatever is cut off.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "host/meter.h"
#include "host/recorder.h"
#include "host/recording_table.h"

struct fixture {
	char path[64];
	int state_fd, dir_fd;
	struct es_recorder *recorder;
	struct es_display_stats display;
	struct es_encode_stats encode;
	struct es_stream_stats stream;
	struct es_play_info info;
	int64_t now_ns;
	unsigned changes;
	char error[512];
};

static void on_change(void *data) {
	((struct fixture *)data)->changes++;
}

static void open_recorder(struct fixture *f) {
	f->recorder = recorder_create(f->state_fd, f->error, sizeof(f->error));
	assert_non_null(f->recorder);
	recorder_on_change(f->recorder, on_change, f);
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/es-recorder-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->state_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_recorder(f);
	f->dir_fd = openat(f->state_fd, "recordings", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dir_fd >= 0);
	f->now_ns = clock_now_ns();
	f->info = (struct es_play_info){
			.id = 7,
			.app_id = 3,
			.app_title = "A \"game\"",
			.client_name = "tv",
			.mode = {1280, 720, 60000},
			.encoder = "x264",
			.codec = ES_CODEC_H264,
			.viewer = 1,
			.display_stats = &f->display,
			.encode_stats = &f->encode,
			.stream_stats = &f->stream,
	};
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	recorder_destroy(f->recorder);
	DIR *dir = fdopendir(f->dir_fd);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		unlinkat(f->dir_fd, entry->d_name, 0);
	}
	closedir(dir);
	assert_int_equal(unlinkat(f->state_fd, "recordings", AT_REMOVEDIR), 0);
	fd_close(&f->state_fd);
	assert_int_equal(rmdir(f->path), 0);
	free(f);
	return 0;
}

// One window of a second: `value` can be told again in all columns that are looked at.
static void feed(struct fixture *f, uint32_t value) {
	struct es_window window = {
			.info = &f->info, .begin_ns = f->now_ns, .end_ns = f->now_ns + ES_NS_PER_S};
	f->now_ns = window.end_ns;
	f->stream.recent[ES_STAGE_ENCODE].p99_us = value;
	f->stream.recent[ES_STAGE_TOTAL] = (struct es_stage_summary){
			.p50_us = value, .p95_us = value + 1, .p99_us = value + 2, .max_us = value + 3};
	window.fresh.counts[ES_FIGURE_NEW] = 60;
	window.fresh.counts[ES_FIGURE_BYTES] = 125000;
	recorder_take(f->recorder, &window);
}

static void begin(struct fixture *f, bool frames, char id[ES_RECORDING_ID]) {
	struct es_recorder_state now;
	if (!recorder_start(f->recorder, frames, f->error, sizeof(f->error))) {
		fail_msg("%s", f->error);
	}
	recorder_state(f->recorder, &now);
	memcpy(id, now.id, ES_RECORDING_ID);
	assert_true(recording_id_is(id));
}

static struct es_recording_tables *load(
		const struct fixture *f, const char *id, enum es_recording_rows rows, size_t points) {
	int fd = recorder_open(f->recorder, id);
	assert_true(fd >= 0);
	struct es_recording_tables *tables = recording_tables_load(fd, rows, points);
	fd_close(&fd);
	return tables;
}

static uint32_t cell(
		const struct es_recording_tables *tables, size_t track, const char *column, size_t row) {
	uint32_t i = recording_column(tables->names, column);
	assert_true(i < tables->n_columns && row < tables->tables[track].n_rows);
	return tables->tables[track].values[row * tables->n_columns + i];
}

static void test_round_trip(void **state) {
	struct fixture *f = *state;
	char id[ES_RECORDING_ID];
	feed(f, 1); // nobody records: nothing happens
	begin(f, false, id);
	assert_false(recorder_start(f->recorder, false, f->error, sizeof(f->error)));
	assert_non_null(strstr(f->error, id));
	assert_int_equal(recorder_remove(f->recorder, id), EBUSY);
	for (uint32_t i = 0; i < 10; i++) {
		f->info.encoder = i < 5 ? "x264" : "vaapi";
		feed(f, 1000 * (i + 1));
	}
	f->info.id = 9;
	f->info.app_title = "Other";
	feed(f, 77);
	assert_true(recorder_stop(f->recorder));
	assert_false(recorder_stop(f->recorder));
	assert_int_equal(f->changes, 2);

	struct es_recording_tables *tables = load(f, id, ES_RECORDING_WINDOWS, 0);
	assert_non_null(tables);
	assert_true(tables->head.complete);
	assert_int_equal(tables->n_changes, 3);
	assert_string_equal(tables->changes[0].title, "A \"game\"");
	assert_string_equal(recording_tables_track(tables, 0, 0)->encoder, "x264");
	assert_string_equal(recording_tables_track(tables, 0, UINT64_MAX)->encoder, "vaapi");
	assert_int_equal(recording_tables_track(tables, 1, 0)->session, 9);
	assert_int_equal(tables->tables[0].n_rows, 10);
	assert_int_equal(tables->tables[1].n_rows, 1);
	assert_int_equal(cell(tables, 0, "total_p50_us", 4), 5000);
	assert_int_equal(cell(tables, 0, "total_max_us", 4), 5003);
	assert_int_equal(cell(tables, 0, "encode_p99_us", 9), 10000);
	assert_int_equal(cell(tables, 0, "goodput_kbps", 9), 1000);
	assert_int_equal(cell(tables, 0, "window_ms", 9), 1000);
	assert_int_equal(cell(tables, 1, "frames_new", 0), 60);
	size_t size;
	char *csv = recording_tables_csv(tables, &size);
	assert_non_null(strstr(csv, ",7,vaapi,h264,1280,720,60000,"));
	assert_int_equal(strlen(csv), size);
	free(csv);
	char *json = recording_table_json(tables, 1, &size);
	assert_non_null(strstr(json, "\"total_p50_us\":[77],"));
	free(json);
	recording_tables_destroy(tables);

	struct es_recording_overview overview;
	int fd = recorder_open(f->recorder, id);
	assert_true(recording_look(fd, &overview));
	fd_close(&fd);
	assert_true(overview.complete);
	assert_string_equal(overview.end.reason, "");
	assert_int_equal(overview.end.summary.n_samples, 11);
	assert_int_equal(overview.end.summary.n_tracks, 2);
	assert_string_equal(overview.end.summary.titles[1], "Other");
	assert_int_equal(overview.end.summary.frames_new, 660);
	assert_int_equal(overview.end.summary.total_max_us, 10003);
	assert_int_equal(recorder_remove(f->recorder, id), 0);
	assert_int_equal(recorder_remove(f->recorder, id), ENOENT);
}

// A spike that lasts one row of 10000 is still there with 100 points, and its place as well.
static void test_thinning(void **state) {
	struct fixture *f = *state;
	char id[ES_RECORDING_ID];
	begin(f, false, id);
	int64_t start_ns = f->now_ns;
	for (uint32_t i = 0; i < 10000; i++) {
		feed(f, i == 5432 ? 99999 : i == 7777 ? 1 : 500);
	}
	recorder_stop(f->recorder);
	struct es_recording_tables *tables = load(f, id, ES_RECORDING_WINDOWS, 101);
	const struct es_recording_table *table = &tables->tables[0];
	assert_int_equal(table->n_all, 10000);
	assert_int_equal(table->n_rows, 100);
	size_t spikes = 0, dips = 0;
	for (size_t row = 0; row < table->n_rows; row++) {
		uint32_t value = cell(tables, 0, "total_p50_us", row);
		assert_true(row == 0 || table->at_us[row] >= table->at_us[row - 1]);
		uint64_t stretch = row / 2;
		if (value == 99999) {
			spikes++;
			assert_int_equal(stretch, 5432 / 200);
			assert_int_equal(row % 2, 1); // what is smaller was there before
		} else if (value == 1) {
			dips++;
			assert_int_equal(stretch, 7777 / 200);
		} else {
			assert_int_equal(value, 500);
		}
	}
	assert_int_equal(spikes, 1);
	assert_int_equal(dips, 1);
	assert_true(table->at_us[99] <= (uint64_t)(f->now_ns - start_ns) / 1000 + 1000);
	recording_tables_destroy(tables);
}

static void test_frames(void **state) {
	struct fixture *f = *state;
	char id[ES_RECORDING_ID];
	struct es_frame_row rows[150] = {0};
	begin(f, true, id);
	recorder_take_frames(f->recorder, 7, rows, 1, 0); // not heard of yet
	feed(f, 5);
	for (size_t i = 0; i < 150; i++) {
		rows[i] = (struct es_frame_row){.at_ns = f->now_ns + (int64_t)i * 1500,
				.kind = 1,
				.bytes = (uint32_t)(1000 + i),
				.stages_us = {1, 2, 3, 4, 5, 6, 7}};
	}
	recorder_take_frames(f->recorder, 7, rows, 150, 4);
	recorder_stop(f->recorder);
	struct es_recording_tables *tables = load(f, id, ES_RECORDING_SINGLE_FRAMES, 0);
	assert_int_equal(tables->tables[0].n_rows, 150);
	assert_int_equal(tables->head.end.summary.n_frames, 150);
	assert_int_equal(tables->head.end.summary.frames_left_out, 4);
	assert_int_equal(cell(tables, 0, "bytes", 149), 1149);
	assert_int_equal(cell(tables, 0, "total_us", 149), 28);
	recording_tables_destroy(tables);
}

static uint8_t *read_all(const struct fixture *f, const char *id, size_t *size) {
	struct stat st;
	int fd = recorder_open(f->recorder, id);
	assert_int_equal(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	uint8_t *bytes = malloc(*size);
	assert_int_equal(read(fd, bytes, *size), *size);
	fd_close(&fd);
	return bytes;
}

static void write_as(const struct fixture *f, const char *name, const uint8_t *bytes, size_t size) {
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd_write_all(fd, bytes, size));
	fd_close(&fd);
}

// As kill -9 or a power cut leave it: whatever is there of the file is read, and the next host ends it.
static void test_cut_anywhere(void **state) {
	struct fixture *f = *state;
	char id[ES_RECORDING_ID];
	begin(f, false, id);
	for (uint32_t i = 0; i < 3; i++) {
		feed(f, 100 + i);
	}
	recorder_stop(f->recorder);
	size_t size, last = 0;
	uint8_t *bytes = read_all(f, id, &size);
	for (size_t cut = 0; cut < size; cut++) {
		write_as(f, "2000-01-01-1.esr", bytes, cut);
		struct es_recording_tables *tables = load(f, "2000-01-01-1", ES_RECORDING_WINDOWS, 0);
		if (cut < ES_RECORDING_HEADER) {
			assert_null(tables);
			continue;
		}
		assert_non_null(tables);
		assert_false(tables->head.complete);
		assert_true(tables->tables[0].n_rows >= last && tables->tables[0].n_rows <= last + 1);
		last = tables->tables[0].n_rows;
		recording_tables_destroy(tables);
	}
	assert_int_equal(last, 3);
	// a byte in its middle
	bytes[size / 2] ^= 1;
	write_as(f, "2000-01-01-1.esr", bytes, size - 1);
	recorder_destroy(f->recorder);
	open_recorder(f);
	struct es_recording_overview overview;
	int fd = recorder_open(f->recorder, "2000-01-01-1");
	assert_true(recording_look(fd, &overview));
	fd_close(&fd);
	assert_true(overview.complete);
	assert_non_null(strstr(overview.end.reason, "killed"));
	assert_true(overview.end.summary.n_samples < 3);
	free(bytes);
}

// A full disk, by a limit on files' sizes: the recording ends, readable and with its reason.
static void test_full_disk(void **state) {
	struct fixture *f = *state;
	char id[ES_RECORDING_ID];
	struct rlimit before, limit;
	signal(SIGXFSZ, SIG_IGN);
	begin(f, false, id);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 150000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	struct es_recorder_state now;
	unsigned fed = 0;
	do {
		feed(f, 1 + fed++);
		recorder_state(f->recorder, &now);
	} while (now.armed && fed < 10000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(fed > 100 && fed < 10000);
	assert_int_equal(f->changes, 2);
	assert_non_null(strstr(now.problem, "recordings/"));
	assert_non_null(strstr(now.problem, strerror(EFBIG)));
	struct es_recording_tables *tables = load(f, id, ES_RECORDING_WINDOWS, 0);
	assert_true(tables->head.complete);
	assert_string_equal(tables->head.end.reason, now.problem);
	// where nothing can be reserved, the last ones have made room for the end
	assert_true(tables->tables[0].n_rows < fed && tables->tables[0].n_rows > fed - 20);
	assert_int_equal(tables->head.end.summary.n_samples, tables->tables[0].n_rows);
	recording_tables_destroy(tables);
	feed(f, 1); // goes nowhere
	begin(f, false, id); // there is room again
}

// Three hours of four sessions: the file, and what recorder and reader hold meanwhile.
static void test_three_hours(void **state) {
	struct fixture *f = *state;
	char id[ES_RECORDING_ID];
	begin(f, false, id);
	struct mallinfo2 before = mallinfo2();
	for (uint32_t second = 0; second < 3 * 3600; second++) {
		for (uint32_t session = 1; session <= 4; session++) {
			f->info.id = session;
			feed(f, second);
			f->now_ns -= session < 4 ? ES_NS_PER_S : 0;
		}
	}
	assert_int_equal(mallinfo2().uordblks, before.uordblks);
	struct es_recorder_state now;
	recorder_state(f->recorder, &now);
	assert_true(now.armed);
	assert_int_equal(now.summary.n_samples, 4 * 3 * 3600);
	print_message("3 h of 4 sessions: %.1f MiB\n", (double)now.size / (1 << 20));
	assert_true(now.size < 16 << 20);
	struct es_recording_tables *tables = load(f, id, ES_RECORDING_WINDOWS, 0);
	struct mallinfo2 loaded = mallinfo2();
	assert_true(loaded.uordblks + loaded.hblkhd - before.uordblks - before.hblkhd < 32 << 20);
	assert_int_equal(tables->tables[3].n_rows, 3 * 3600);
	recording_tables_destroy(tables);
}

static void test_ids(void **state) {
	static const char *const bad[] = {"", "..", "2026-01-01", "2026-01-01-", "2026-01-01-0",
			"2026-01-01-01", "2026-01-01-10000", "2026-01-01-1x", "../26-01-01-1", "2026-01-01-1/",
			"a026-01-01-1", "2026-01-01-1.esr"};
	struct fixture *f = *state;
	assert_true(recording_id_is("2026-01-01-9999"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(recording_id_is(bad[i]));
		assert_int_equal(recorder_open(f->recorder, bad[i]), -1);
		assert_int_equal(recorder_remove(f->recorder, bad[i]), ENOENT);
	}
	char first[ES_RECORDING_ID], second[ES_RECORDING_ID];
	begin(f, false, first);
	recorder_stop(f->recorder);
	begin(f, false, second);
	assert_string_not_equal(first, second);
	char (*ids)[ES_RECORDING_ID];
	size_t n;
	assert_int_equal(symlinkat("/etc/passwd", f->dir_fd, "2026-01-01-5.esr"), 0);
	assert_int_equal(recorder_open(f->recorder, "2026-01-01-5"), -1);
	assert_true(recorder_list(f->recorder, &ids, &n));
	assert_int_equal(n, 3);
	free(ids);
}

static void on_window(void *data, const struct es_window *window) {
	*(struct es_window *)data = *window;
}

// Rooms that are replaced begin at 0 again; the display's figures go on.
static void test_meter(void **state) {
	struct fixture *f = *state;
	struct es_window window = {0};
	struct es_meter *meter = meter_create();
	meter_on_window(meter, on_window, &window);
	f->info.viewer_ns = 1000;
	f->display.committed = 100;
	f->stream.units_new = 90;
	f->encode.idr_made = 2;
	meter_hear(meter, &f->info, ES_NS_PER_S);
	assert_int_equal(window.begin_ns, 1000);
	assert_int_equal(window.fresh.counts[ES_FIGURE_NEW], 90);
	f->encode.idr_made = 1; // another encoder
	f->stream.units_new = 100;
	meter_hear(meter, &f->info, 2 * ES_NS_PER_S);
	assert_int_equal(window.begin_ns, ES_NS_PER_S);
	assert_int_equal(window.fresh.counts[ES_FIGURE_NEW], 10);
	assert_int_equal(window.fresh.counts[ES_FIGURE_IDR_MADE], 1);
	f->info.viewer = 2; // with as many frames as the one before had
	f->info.viewer_ns = 5 * ES_NS_PER_S;
	f->display.committed = 130;
	meter_hear(meter, &f->info, 6 * ES_NS_PER_S);
	assert_int_equal(window.begin_ns, 5 * ES_NS_PER_S);
	assert_int_equal(window.fresh.counts[ES_FIGURE_NEW], 100);
	assert_int_equal(window.fresh.counts[ES_FIGURE_COMMITTED], 30);
	assert_int_equal(meter_totals(meter)->counts[ES_FIGURE_NEW], 200);
	assert_int_equal(meter_totals(meter)->counts[ES_FIGURE_COMMITTED], 130);
	assert_int_equal(meter_totals(meter)->counts[ES_FIGURE_IDR_MADE], 4);
	meter_destroy(meter);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_thinning, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_frames, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_cut_anywhere, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_three_hours, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_ids, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_meter, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
