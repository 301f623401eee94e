// The streamer as a process: the test is its host and its encoders, good and bad ones.
#define _GNU_SOURCE // memfd_create
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"
#include "tests/unit/streamer_peers.h"

static void host_start(struct host *host, int output) {
	struct es_session_msg message = {.type = ES_SESSION_START_STREAM,
			.start_stream = {.container = ES_CONTAINER_RAW, .path = "the output"}};
	host_send(host, &message, output);
	close(output);
}

// With a file for output.
static void host_start_file(struct host *host) {
	host_create(host);
	const char *dir = getenv("TMPDIR");
	snprintf(host->path, sizeof(host->path), "%s/es-streamer-%d.raw", dir != NULL ? dir : "/tmp",
			(int)getpid());
	int fd = open(host->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	host_start(host, fd);
	host_expect(host, ES_SESSION_READY);
}

static off_t file_size(const char *path) {
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void test_units_reach_the_file(void **state) {
	struct host host;
	struct encoder encoder;
	host_start_file(&host);
	encoder_start(&encoder, &host);
	for (int i = 0; i < 20; i++) {
		encoder_unit(&encoder, 1000, i == 0);
		struct es_unit_msg done = encoder_expect(&encoder, ES_UNIT_DONE);
		assert_int_equal(done.done.slot, encoder.sequence % N_SLOTS);
		// DONE means written.
		assert_int_equal(file_size(host.path), 1000 * (i + 1));
	}
	host_send(&host, &(struct es_session_msg){.type = ES_SESSION_STATS}, -1);
	host_expect(&host, ES_SESSION_STREAM_STATS);
	assert_int_equal(host.stats.units_new, 20);
	assert_int_equal(host.stats.bytes, 20000);
	assert_string_equal(host.stats.encoder, "test");
	assert_true(host.stats.usage.cpu_us > 0);
	uint64_t sum_ns = 0;
	for (int i = 0; i < ES_STAGE_TOTAL; i++) {
		sum_ns += host.stats.session[i].sum_ns;
	}
	assert_true(sum_ns == host.stats.session[ES_STAGE_TOTAL].sum_ns);
	encoder_send(&encoder, &(struct es_unit_msg){.type = ES_UNIT_END}, -1);
	const struct es_session_msg *end = host_expect(&host, ES_SESSION_END);
	assert_int_equal(end->end.code, ES_END_DRAINED);
	assert_string_equal(end->end.text, "");
	assert_int_equal(host.stats.units_new, 20);
	encoder_finish(&encoder);
	assert_int_equal(host_finish(&host), 0);
}

// The encoder leaves without having read DONE: its last units and END count all the same.
static void test_last_words_of_an_encoder(void **state) {
	for (int round = 0; round < 20; round++) {
		struct host host;
		struct encoder encoder;
		host_start_file(&host);
		encoder_start(&encoder, &host);
		for (int i = 0; i < N_SLOTS; i++) {
			encoder_unit(&encoder, 50000, i == 0);
		}
		if (round % 2 == 0) {
			wait_readable(encoder.fd);
		}
		encoder_send(&encoder, &(struct es_unit_msg){.type = ES_UNIT_END}, -1);
		encoder_finish(&encoder);
		host_expect(&host, ES_SESSION_END);
		assert_int_equal(host.message.end.code, ES_END_DRAINED);
		assert_int_equal(host.stats.units_new, N_SLOTS);
		assert_int_equal(file_size(host.path), 50000 * N_SLOTS);
		assert_int_equal(host_finish(&host), 0);
	}
}

static void test_another_encoder_takes_over(void **state) {
	struct host host;
	struct encoder first, second;
	host_start_file(&host);
	encoder_start(&first, &host);
	encoder_unit(&first, 100, true);
	encoder_expect(&first, ES_UNIT_DONE);
	encoder_finish(&first);
	host_expect(&host, ES_SESSION_NEED_ENCODER);
	encoder_start(&second, &host);
	for (int i = 0; i < 3; i++) {
		encoder_unit(&second, 100, false);
		encoder_expect(&second, ES_UNIT_DONE);
		if (i == 0) {
			encoder_expect(&second, ES_UNIT_IDR);
		}
	}
	assert_int_equal(file_size(host.path), 100);
	encoder_unit(&second, 100, true);
	encoder_expect(&second, ES_UNIT_DONE);
	encoder_unit(&second, 100, false);
	encoder_expect(&second, ES_UNIT_DONE);
	assert_int_equal(file_size(host.path), 300);
	host_send(&host, &(struct es_session_msg){.type = ES_SESSION_STATS}, -1);
	host_expect(&host, ES_SESSION_STREAM_STATS);
	assert_int_equal(host.stats.dropped, 3);
	assert_int_equal(host.stats.units_new, 3);
	// A third is attached before the second is gone.
	struct encoder third;
	encoder_start(&third, &host);
	encoder_unit(&third, 100, true);
	encoder_expect(&third, ES_UNIT_DONE);
	encoder_send(&third, &(struct es_unit_msg){.type = ES_UNIT_END}, -1);
	assert_int_equal(host_expect(&host, ES_SESSION_END)->end.code, ES_END_DRAINED);
	encoder_finish(&second);
	encoder_finish(&third);
	assert_int_equal(host_finish(&host), 0);
}

// Each breaks one rule.
static void break_slot(struct encoder *encoder) {
	encoder_ring(encoder);
	struct es_unit_msg message = make_unit(encoder, 100, true);
	message.unit.slot = N_SLOTS;
	encoder_send(encoder, &message, -1);
}

static void break_size(struct encoder *encoder) {
	encoder_ring(encoder);
	encoder_unit(encoder, 100, true);
	struct es_unit_msg message = make_unit(encoder, SLOT_SIZE + 1, true);
	encoder_send(encoder, &message, -1);
}

static void break_sequence(struct encoder *encoder) {
	encoder_ring(encoder);
	encoder_unit(encoder, 100, true);
	encoder->sequence--;
	encoder_unit(encoder, 100, true);
}

static void break_times(struct encoder *encoder) {
	encoder_ring(encoder);
	struct es_unit_msg message = make_unit(encoder, 100, true);
	message.unit.times.encoded_ns += 3600 * ES_NS_PER_S;
	encoder_send(encoder, &message, -1);
}

static void break_order(struct encoder *encoder) {
	struct es_unit_msg message = make_unit(encoder, 100, true);
	encoder_send(encoder, &message, -1);
}

static void break_seal(struct encoder *encoder) {
	encoder->memory = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(encoder->memory, N_SLOTS * SLOT_SIZE), 0);
	struct es_unit_msg message = {
			.type = ES_UNIT_RING, .ring = {.n_slots = N_SLOTS, .slot_size = SLOT_SIZE}};
	encoder_send(encoder, &message, encoder->memory);
}

static void break_ring_size(struct encoder *encoder) {
	encoder->memory = fd_create_sealed_memfd("test", SLOT_SIZE);
	struct es_unit_msg message = {
			.type = ES_UNIT_RING, .ring = {.n_slots = N_SLOTS, .slot_size = SLOT_SIZE}};
	encoder_send(encoder, &message, encoder->memory);
}

static void break_ring_kind(struct encoder *encoder) {
	encoder->memory = open("/dev/zero", O_RDWR | O_CLOEXEC);
	struct es_unit_msg message = {
			.type = ES_UNIT_RING, .ring = {.n_slots = N_SLOTS, .slot_size = SLOT_SIZE}};
	encoder_send(encoder, &message, encoder->memory);
}

static void break_direction(struct encoder *encoder) {
	encoder_send(encoder, &(struct es_unit_msg){.type = ES_UNIT_DONE}, -1);
}

static void break_bytes(struct encoder *encoder) {
	uint8_t garbage[300];
	memset(garbage, 'U', sizeof(garbage));
	link_send(encoder->fd, garbage, sizeof(garbage), NULL, 0);
}

static void test_bad_encoders_are_dropped(void **state) {
	static void (*const breaks[])(struct encoder *) = {break_slot, break_size, break_sequence,
			break_times, break_order, break_seal, break_ring_size, break_ring_kind, break_direction,
			break_bytes};
	struct host host;
	host_start_file(&host);
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		struct encoder encoder;
		encoder_attach(&encoder, &host);
		encoder_announce(&encoder);
		breaks[i](&encoder);
		host_expect(&host, ES_SESSION_NEED_ENCODER);
		encoder_finish(&encoder);
	}
	struct encoder good;
	encoder_start(&good, &host);
	off_t before = file_size(host.path);
	encoder_unit(&good, SLOT_SIZE, true);
	encoder_expect(&good, ES_UNIT_DONE);
	assert_int_equal(file_size(host.path), before + SLOT_SIZE);
	encoder_send(&good, &(struct es_unit_msg){.type = ES_UNIT_END}, -1);
	assert_int_equal(host_expect(&host, ES_SESSION_END)->end.code, ES_END_DRAINED);
	encoder_finish(&good);
	assert_int_equal(host_finish(&host), 0);
}

static void test_no_unit_at_all(void **state) {
	struct host host;
	host_start_file(&host);
	host_send(&host, &(struct es_session_msg){.type = ES_SESSION_DRAIN}, -1);
	const struct es_session_msg *end = host_expect(&host, ES_SESSION_END);
	assert_int_equal(end->end.code, ES_END_DRAINED);
	assert_non_null(strstr(end->end.text, "no frame was encoded"));
	assert_int_equal(file_size(host.path), 0);
	assert_int_equal(host_finish(&host), 0);
}

static void test_output_not_writable(void **state) {
	struct host host;
	host_create(&host);
	host_start(&host, open("/dev/null", O_RDONLY | O_CLOEXEC));
	const struct es_session_msg *end = host_expect(&host, ES_SESSION_END);
	assert_int_equal(end->end.code, ES_END_FAILED);
	assert_non_null(strstr(end->end.text, "reading only"));
	assert_int_equal(host_finish(&host), 1);
}

// A pipe that nobody reads holds up the encoder, but neither DRAIN nor the host's end.
static void fill_pipe(struct host *host, struct encoder *encoder, int *reader) {
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	*reader = ends[0];
	host_create(host);
	host_start(host, ends[1]);
	host_expect(host, ES_SESSION_READY);
	encoder_start(encoder, host);
	encoder_unit(encoder, 60000, true);
	encoder_expect(encoder, ES_UNIT_DONE);
	encoder_unit(encoder, 60000, false);
	struct pollfd pollfd = {.fd = encoder->fd, .events = POLLIN};
	assert_int_equal(poll(&pollfd, 1, 100), 0);
	host_send(host, &(struct es_session_msg){.type = ES_SESSION_STATS}, -1);
	host_expect(host, ES_SESSION_STREAM_STATS);
	assert_int_equal(host->stats.units_new, 1);
}

static void test_drain_while_the_reader_is_stuck(void **state) {
	struct host host;
	struct encoder encoder;
	int reader;
	fill_pipe(&host, &encoder, &reader);
	int64_t begin_ns = clock_now_ns();
	host_send(&host, &(struct es_session_msg){.type = ES_SESSION_DRAIN}, -1);
	const struct es_session_msg *end = host_expect(&host, ES_SESSION_END);
	assert_true(clock_now_ns() - begin_ns < WAIT_MS / 2 * ES_NS_PER_MS);
	assert_int_equal(end->end.code, ES_END_FAILED);
	assert_non_null(strstr(end->end.text, "takes no more"));
	encoder_finish(&encoder);
	assert_int_equal(host_finish(&host), 1);
	close(reader);
}

static void test_host_dies_while_the_reader_is_stuck(void **state) {
	struct host host;
	struct encoder encoder;
	int reader;
	fill_pipe(&host, &encoder, &reader);
	int64_t begin_ns = clock_now_ns();
	assert_int_equal(host_finish(&host), 1);
	assert_true(clock_now_ns() - begin_ns < WAIT_MS / 2 * ES_NS_PER_MS);
	encoder_finish(&encoder);
	close(reader);
}

static void test_reader_goes_while_still(void **state) {
	struct host host;
	struct encoder encoder;
	int ends[2];
	host_create(&host);
	assert_int_equal(pipe(ends), 0); // not before: the streamer must not hold its reading end
	host_start(&host, ends[1]);
	host_expect(&host, ES_SESSION_READY);
	encoder_start(&encoder, &host);
	encoder_unit(&encoder, 100, true);
	encoder_expect(&encoder, ES_UNIT_DONE);
	close(ends[0]);
	const struct es_session_msg *end = host_expect(&host, ES_SESSION_END);
	assert_int_equal(end->end.code, ES_END_FAILED);
	assert_non_null(strstr(end->end.text, "reader is gone"));
	encoder_finish(&encoder);
	assert_int_equal(host_finish(&host), 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_units_reach_the_file),
			cmocka_unit_test(test_last_words_of_an_encoder),
			cmocka_unit_test(test_another_encoder_takes_over),
			cmocka_unit_test(test_bad_encoders_are_dropped),
			cmocka_unit_test(test_no_unit_at_all),
			cmocka_unit_test(test_output_not_writable),
			cmocka_unit_test(test_drain_while_the_reader_is_stuck),
			cmocka_unit_test(test_host_dies_while_the_reader_is_stuck),
			cmocka_unit_test(test_reader_goes_while_still),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
