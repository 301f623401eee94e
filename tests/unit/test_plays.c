// The course of sessions, with rooms that do what the test wants.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/play_state.h"
#include "protocol/nvhttp.h"
#include "tests/unit/count_fds.h"
#include "tests/unit/plays_fixture.h"

const char *fixture_find_room(const char *name) {
	return NULL;
}

static bool is_gone(pid_t pid) {
	return kill(pid, 0) != 0 && errno == ESRCH;
}

static int resume(struct es_fixture *f, size_t client, struct es_play **play) {
	struct es_play_request request = fixture_request(f, client, 0);
	char error[512];
	return plays_resume(f->plays, &request, play, error, sizeof(error));
}

static void cancel(struct es_fixture *f, size_t client) {
	int n_done = 0;
	plays_cancel(f->plays, &f->clients[client], fixture_count_done, &n_done);
	fixture_expect_none(f);
	assert_int_equal(n_done, 1);
}

// --- the usual course

static void test_launch_offers(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_launch(f, 0, 0);
	struct es_play_offer offer, again;
	play_offer(play, &offer);
	assert_true(offer.encrypted);
	assert_int_equal(strlen(offer.ping), 16);
	assert_int_equal(
			strspn(offer.ping, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
			16);
	assert_true(offer.video_port != 0 && offer.audio_port != 0 && offer.control_port != 0);
	assert_true(offer.video_port != offer.audio_port && offer.audio_port != offer.control_port);
	assert_true(offer.sdp.codecs[ES_CODEC_H264]);
	assert_false(offer.sdp.codecs[ES_CODEC_AV1]); // too slow, as the fake says
	assert_int_equal(offer.sdp.encryption_supported, 7);
	assert_int_equal(offer.sdp.encryption_requested, 7);
	(*offer.client_sequence)++;
	play_offer(play, &again);
	assert_int_equal(*again.client_sequence, 1);
	assert_ptr_equal(plays_next_pending(f->plays, NULL, "127.0.0.1"), play);
	assert_null(plays_next_pending(f->plays, play, "127.0.0.1"));
	assert_null(plays_next_pending(f->plays, NULL, "127.0.0.2"));
	fixture_expect(f, "display START 1280x720@60000 now=1 keyboard=de dir=", 1);
	char line[256];
	snprintf(line, sizeof(line),
			"display START 1280x720@60000 now=1 keyboard=de dir=%s/earthshine/session-1 app=plain "
			"env=red\n",
			f->folder);
	fixture_expect(f, line, 1);
	cancel(f, 0);
}

static void test_play_and_leave(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0);
	struct es_play_info info;
	play_info(play, &info);
	assert_string_equal(info.encoder, "x264");
	assert_string_equal(info.client_name, "client 0");
	assert_null(plays_next_pending(f->plays, NULL, "127.0.0.1"));
	fixture_expect(f, "stream START sockets=3 packet=1392 fec=20 encryption=7 kbps=", 1);
	fixture_expect(f, "encode START x264 ", 1);
	fixture_expect(f, "stream ATTACH 2 viewer=1", 1);
	fixture_expect(f, "encode ATTACH 2 viewer=1", 1);
	fixture_expect(f, "stream ATTACH 3 viewer=1", 1);
	fixture_expect(f, "display ATTACH 3 viewer=1", 1);
	fixture_expect(f, "display ATTACH 1 viewer=1", 1);
	fixture_expect(f, "encode ATTACH 1 viewer=1", 1);
	assert_int_equal(fixture_count(f, "display MODE"), 0);
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	fixture_expect(f, "display DETACH viewer=1", 1);
	play_info(play, &info);
	assert_string_equal(info.encoder, "");
	cancel(f, 0);
	assert_true(f->n_changes > 3);
	char path[128];
	snprintf(path, sizeof(path), "%s/earthshine/session-1", f->folder);
	assert_int_equal(access(path, F_OK), -1);
}

static bool has_stats(struct es_fixture *f, void *data) {
	struct es_play_info info;
	play_info(data, &info);
	return info.display_stats->committed == 42;
}

static void test_stats_come(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0);
	assert_true(fixture_run_until(f, has_stats, play));
	cancel(f, 0);
}

static void test_resume_at_another_mode(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0), *resumed;
	pid_t display = fixture_display(play);
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	assert_int_equal(resume(f, 1, &resumed), 200); // another client
	assert_ptr_equal(resumed, play);
	struct es_announce announce = fixture_announce();
	announce.mode = (struct es_mode){800, 600, 59940};
	fixture_negotiate(f, play, &announce);
	fixture_signal(f, fixture_streamer(play), SIGUSR1);
	fixture_expect_state(f, play, ES_PLAY_PLAYING);
	fixture_expect(f, "display MODE 800x600@59940", 1);
	fixture_expect(f, "display ATTACH 1 viewer=2", 1);
	assert_int_equal(fixture_display(play), display);
	assert_null(plays_current(f->plays, &f->clients[0]));
	cancel(f, 1);
}

// The keys are those of who types: its own layout, else the app's.
static void test_keyboard_of_the_client(void **state) {
	struct es_fixture *f = *state;
	snprintf(f->clients[0].keyboard, sizeof(f->clients[0].keyboard), "fr(azerty)");
	struct es_play *play = fixture_play(f, 0, 0), *resumed;
	fixture_expect(f, "display START 1280x720@60000 now=1 keyboard=fr(azerty) ", 1);
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	assert_int_equal(resume(f, 1, &resumed), 200);
	fixture_connect(f, play);
	fixture_expect(f, "display KEYBOARD 'de'\n", 1);
	plays_set_keyboard(f->plays, f->clients[0].id, "it"); // who does not play it now
	plays_set_keyboard(f->plays, f->clients[1].id, "de"); // as it is
	plays_set_keyboard(f->plays, f->clients[1].id, "us");
	fixture_expect(f, "display KEYBOARD 'us'\n", 1);
	fixture_expect(f, "display KEYBOARD", 2);
	cancel(f, 1);
}

// Each has its own right to the clipboard, which ends at once when it is taken away.
static void test_clipboard_of_the_client(void **state) {
	struct es_fixture *f = *state;
	f->clients[0].clipboard = true;
	struct es_play *play = fixture_play(f, 0, 0), *resumed;
	fixture_expect(f, "display ATTACH 3 viewer=1 clipboard\n", 1);
	plays_set_clipboard(f->plays, f->clients[0].id, true); // as it is
	plays_set_clipboard(f->plays, f->clients[1].id, false); // who does not play
	plays_set_clipboard(f->plays, f->clients[0].id, false);
	fixture_expect(f, "display ATTACH 3 viewer=1\n", 1);
	fixture_expect(f, "display ATTACH 3 viewer=1", 2);
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	assert_int_equal(resume(f, 1, &resumed), 200);
	fixture_connect(f, play);
	fixture_expect(f, "display ATTACH 3 viewer=2\n", 1);
	cancel(f, 1);
}

static void test_resume_ends_own_connection(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0), *resumed;
	assert_int_equal(resume(f, 1, &resumed), 400);
	assert_int_equal(resume(f, 0, &resumed), 200);
	fixture_expect(f, "stream TERMINATE 80030023", 1);
	fixture_expect_state(f, play, ES_PLAY_PENDING);
	fixture_connect(f, play);
	cancel(f, 0);
	fixture_expect(f, "stream TERMINATE 80030023", 2);
	fixture_expect(f, "display DRAIN", 1);
}

// A paired device may be hostile: what it can make us start is bounded.
static void test_hasty_resumes(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0), *resumed;
	struct es_announce announce = fixture_announce();
	char error[512] = "";
	for (int i = 0; i < 4; i++) { // the loop does not run: none of them has time to end
		assert_int_equal(resume(f, 0, &resumed), 200);
		assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 200);
	}
	assert_int_equal(resume(f, 0, &resumed), 503);
	assert_null(resumed);
	fixture_expect_state(f, play, ES_PLAY_NEGOTIATED); // the last one goes on
	cancel(f, 0);
}

// --- refusals

static void test_refusals_of_launch(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play;
	char error[512];
	struct es_play_request request = fixture_request(f, 0, 0), other = fixture_request(f, 1, 1);
	request.mode.width = 3840;
	assert_int_equal(plays_launch(f->plays, &request, &play, error, sizeof(error)), 400);
	assert_non_null(strstr(error, "165888000")); // value
	assert_non_null(strstr(error, "124416000")); // limit
	request.mode.width = 1280;
	request.corever = 0;
	assert_int_equal(plays_launch(f->plays, &request, &play, error, sizeof(error)), 403);
	f->clients[0].legacy = true;
	assert_int_equal(plays_launch(f->plays, &request, &play, error, sizeof(error)), 200);
	struct es_play_offer offer;
	play_offer(play, &offer);
	assert_false(offer.encrypted);
	assert_int_equal(plays_launch(f->plays, &request, &play, error, sizeof(error)), 400);
	assert_non_null(strstr(error, "already running"));
	other.key = request.key;
	assert_int_equal(plays_launch(f->plays, &other, &play, error, sizeof(error)), 400);
	assert_non_null(strstr(error, "key"));
	other = fixture_request(f, 1, 1);
	f->settings.max_sessions = 1;
	assert_int_equal(plays_launch(f->plays, &other, &play, error, sizeof(error)), 503);
	assert_int_equal(resume(f, 1, &play), 400);
	cancel(f, 0);
	assert_int_equal(resume(f, 1, &play), 503);
}

static void test_refusals_of_announce(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_launch(f, 0, 0);
	char error[512];
	struct es_announce announce = fixture_announce();
	announce.ten_bit = true;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 400);
	assert_non_null(strstr(error, "10 bit"));
	announce = fixture_announce();
	announce.yuv444 = true;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 400);
	announce = fixture_announce();
	announce.codec = ES_CODEC_AV1;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 400);
	announce = fixture_announce();
	announce.mode.refresh_mhz = 480000;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 400);
	announce = fixture_announce();
	announce.encryption = 6;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 403);
	f->settings.encryption = ES_ENCRYPT_REQUIRED;
	announce.encryption = 1;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 403);
	f->settings.encryption = ES_ENCRYPT_OFF;
	announce.encryption = 3;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 400);
	announce.encryption = 5; // audio by the old flag
	announce.bitrate_kbps = 500000;
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 200);
	assert_int_equal(play_negotiate(play, &announce, error, sizeof(error)), 400); // twice
	fixture_expect(f, "encode START x264 20000 slices=4 strict=1", 1); // max_kbps
	cancel(f, 0);
}

static void test_codecs_by_speed(void **state) {
	struct es_fixture *f = *state;
	uint32_t support = plays_codec_support(f->plays);
	assert_true(support & ES_CODEC_SUPPORT_H264);
	assert_false(support & ES_CODEC_SUPPORT_AV1);
	struct es_mode huge = {7680, 4320, 480000};
	assert_true(plays_offers(f->plays, ES_CODEC_H264, &huge)); // always
	assert_false(plays_offers(f->plays, ES_CODEC_HEVC, &huge));
}

static void test_private_stays_private(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 2), *resumed;
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	assert_null(plays_current(f->plays, &f->clients[1]));
	assert_int_equal(resume(f, 1, &resumed), 503);
	plays_revoke(f->plays, f->clients[0].id);
	fixture_expect_none(f);
}

static void test_revoked_is_disconnected(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0);
	plays_revoke(f->plays, f->clients[0].id);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	fixture_expect(f, "stream TERMINATE 80030023", 1);
	assert_ptr_equal(plays_current(f->plays, &f->clients[1]), play);
	cancel(f, 1);
}

// --- what dies

static void test_encoder_is_replaced(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0);
	pid_t streamer = fixture_streamer(play);
	fixture_expect(f, "encode ATTACH 1 viewer=1", 1);
	kill(fixture_encoder(play), SIGKILL);
	fixture_expect(f, "encode ATTACH 1 viewer=1", 2);
	fixture_expect(f, "display ATTACH 1 viewer=1", 2);
	fixture_expect(f, "stream ATTACH 2 viewer=1", 2);
	fixture_signal(f, fixture_display(play), SIGUSR2); // stuck
	fixture_expect(f, "encode ATTACH 1 viewer=1", 3);
	assert_int_equal(fixture_streamer(play), streamer);
	assert_int_equal(fixture_count(f, "display ATTACH 3"), 1); // input was never let go
	assert_int_equal(fixture_count(f, "display DETACH"), 0);
	kill(fixture_encoder(play), SIGKILL);
	fixture_expect(f, "encode ATTACH 1 viewer=1", 4);
	kill(fixture_encoder(play), SIGKILL);
	fixture_expect(f, "encode ATTACH 1 viewer=1", 5);
	kill(fixture_encoder(play), SIGKILL);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	fixture_expect(f, "stream TERMINATE 800e9403", 1);
	cancel(f, 0);
}

static void test_streamer_dies(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0), *resumed;
	kill(fixture_streamer(play), SIGKILL);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	fixture_expect(f, "display DETACH viewer=1", 1);
	assert_int_equal(resume(f, 0, &resumed), 200);
	fixture_connect(f, resumed);
	cancel(f, 0);
}

static void test_app_exits(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = fixture_play(f, 0, 0);
	fixture_signal(f, fixture_display(play), SIGUSR1);
	fixture_expect_none(f);
	fixture_expect(f, "stream TERMINATE 80030023", 1);
	assert_int_equal(fixture_count(f, "display DRAIN"), 0);
}

static bool read_orphan(struct es_fixture *f, void *data) {
	FILE *file = fopen(getenv("FAKE_LOG"), "re");
	char line[256];
	int pid = 0;
	while (file != NULL && pid == 0 && fgets(line, sizeof(line), file) != NULL) {
		sscanf(line, "display ORPHAN %d", &pid);
	}
	if (file != NULL) {
		fclose(file);
	}
	*(pid_t *)data = pid;
	return pid != 0;
}

static void test_display_dies(void **state) {
	struct es_fixture *f = *state;
	struct es_play *other = fixture_play(f, 1, 0), *play = fixture_play(f, 0, 1);
	pid_t orphan;
	assert_true(fixture_run_until(f, read_orphan, &orphan));
	pid_t kept[] = {fixture_display(other), fixture_encoder(other), fixture_streamer(other)};
	int n_done = 0;
	kill(fixture_display(play), SIGKILL);
	plays_cancel(f->plays, &f->clients[0], fixture_count_done, &n_done);
	fixture_expect(f, "stream TERMINATE", 1);
	while (n_done == 0) {
		sd_event_run(f->event, 100000);
	}
	assert_true(is_gone(orphan));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(kill(kept[i], 0), 0);
	}
	assert_int_equal(plays_count(f->plays), 1);
	cancel(f, 1);
}

static void test_app_is_missing(void **state) {
	struct es_fixture *f = *state;
	static char missing[] = "missing";
	f->apps[0].command[0] = missing;
	struct es_play *play = fixture_launch(f, 0, 0);
	fixture_expect_state(f, play, ES_PLAY_ENDING);
	fixture_expect_none(f);
}

static void test_connection_never_comes(void **state) {
	struct es_fixture *f = *state;
	struct es_play *detached = fixture_play(f, 1, 0), *resumed;
	fixture_signal(f, fixture_streamer(detached), SIGUSR2);
	fixture_expect_state(f, detached, ES_PLAY_DETACHED);
	assert_int_equal(resume(f, 1, &resumed), 200);
	struct es_play *launched = fixture_launch(f, 0, 0);
	int64_t start_ns = clock_now_ns();
	fixture_expect_state(f, detached, ES_PLAY_DETACHED);
	while (plays_count(f->plays) > 1) {
		sd_event_run(f->event, 100000);
	}
	assert_ptr_not_equal(plays_at(f->plays, 0), launched);
	int64_t took_ns = clock_now_ns() - start_ns;
	assert_true(took_ns > 9 * ES_NS_PER_S && took_ns < 40 * ES_NS_PER_S);
	// The idle time is one minute: almost over.
	detached->detached_ns -= 60 * ES_NS_PER_S;
	plays_set_settings(f->plays, &f->settings);
	fixture_expect_none(f);
}

// --- around the app

static void test_commands_around_the_app(void **state) {
	struct es_fixture *f = *state;
	char before[256], after[256];
	snprintf(before, sizeof(before), "%s/before", f->folder);
	snprintf(after, sizeof(after), "%s/after", f->folder);
	char mkdir_word[] = "mkdir", sh[] = "sh", option[] = "-c";
	char script[] = "test -z \"$NOTIFY_SOCKET\" && test \"$COLOUR\" = red && mkdir \"$0\"";
	char *before_words[] = {sh, option, script, before, NULL},
		 *after_words[] = {mkdir_word, after, NULL};
	f->apps[0].before = before_words;
	f->apps[0].after = after_words;
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	struct es_play *play = fixture_launch(f, 0, 0);
	unsetenv("NOTIFY_SOCKET");
	fixture_connect(f, play); // whether the display is there or not
	fixture_expect(f, "display ATTACH 1 viewer=1", 1);
	assert_int_equal(access(before, F_OK), 0);
	assert_int_equal(access(after, F_OK), -1);
	cancel(f, 0);
	assert_int_equal(access(after, F_OK), 0);
	// Now the command before fails, because the folder is there.
	assert_int_equal(rmdir(after), 0);
	play = fixture_launch(f, 0, 0);
	fixture_expect_none(f);
	assert_int_equal(fixture_count(f, "display START"), 1);
	assert_int_equal(access(after, F_OK), -1); // nothing to undo
}

// What a command leaves running is not ended with another session's display.
static void test_daemon_of_a_command(void **state) {
	struct es_fixture *f = *state;
	char sh[] = "sh", option[] = "-c", text[192], path[128];
	snprintf(path, sizeof(path), "%s/daemon", f->folder);
	snprintf(text, sizeof(text), "sleep 1000 & echo $! >%s", path);
	char *words[] = {sh, option, text, NULL};
	f->apps[0].before = words;
	struct es_play *first = fixture_play(f, 0, 0), *second = fixture_play(f, 1, 1);
	fixture_expect(f, "display START", 2);
	FILE *file = fopen(path, "re");
	int daemon = 0;
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &daemon), 1);
	fclose(file);
	kill(fixture_display(second), SIGKILL);
	while (plays_count(f->plays) > 1) {
		sd_event_run(f->event, 100000);
	}
	assert_ptr_equal(plays_at(f->plays, 0), first);
	assert_int_equal(kill(daemon, SIGKILL), 0);
	while (!is_gone(daemon)) { // reaped
		sd_event_run(f->event, 100000);
	}
	cancel(f, 0);
}

static void count_drained(void *data) {
	(*(int *)data)++;
}

static void test_drain(void **state) {
	struct es_fixture *f = *state;
	fixture_play(f, 0, 0);
	fixture_launch(f, 1, 1);
	int n_done = 0, n_cancelled = 0, n_drained = 0;
	plays_cancel(f->plays, &f->clients[1], fixture_count_done, &n_cancelled);
	plays_forget(f->plays, &n_cancelled);
	plays_drain(f->plays, count_drained, &n_drained);
	char error[256];
	struct es_play *play;
	struct es_play_request request = fixture_request(f, 0, 0);
	assert_int_equal(plays_launch(f->plays, &request, &play, error, sizeof(error)), 503);
	fixture_expect_none(f);
	assert_int_equal(n_cancelled, 0);
	assert_int_equal(n_drained, 1);
	assert_false(plays_stop(f->plays, 0, fixture_count_done, &n_done, error, sizeof(error)));
}

// A display that obeys nothing is killed in the end.
static void test_stubborn_display(void **state) {
	struct es_fixture *f = *state;
	static char stubborn[] = "stubborn";
	f->apps[0].command[0] = stubborn;
	fixture_play(f, 0, 0);
	cancel(f, 0);
}

static void test_many_cycles(void **state) {
	struct es_fixture *f = *state;
	const char *text = getenv("ES_TEST_CYCLES");
	long n = text != NULL ? strtol(text, NULL, 10) : 30;
	size_t n_fds = count_fds();
	for (long i = 0; i < n; i++) {
		used_keys_finish(&f->plays->keys); // there are only 256 of the test's
		struct es_play *play = fixture_play(f, 0, 0), *resumed;
		fixture_signal(f, fixture_streamer(play), SIGUSR2);
		fixture_expect_state(f, play, ES_PLAY_DETACHED);
		assert_int_equal(resume(f, 0, &resumed), 200);
		fixture_connect(f, play);
		cancel(f, 0);
		assert_int_equal(count_fds(), n_fds);
	}
}

#define COURSE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
			COURSE(test_launch_offers),
			COURSE(test_play_and_leave),
			COURSE(test_stats_come),
			COURSE(test_resume_at_another_mode),
			COURSE(test_keyboard_of_the_client),
			COURSE(test_clipboard_of_the_client),
			COURSE(test_resume_ends_own_connection),
			COURSE(test_hasty_resumes),
			COURSE(test_refusals_of_launch),
			COURSE(test_refusals_of_announce),
			COURSE(test_codecs_by_speed),
			COURSE(test_private_stays_private),
			COURSE(test_revoked_is_disconnected),
			COURSE(test_encoder_is_replaced),
			COURSE(test_streamer_dies),
			COURSE(test_app_exits),
			COURSE(test_display_dies),
			COURSE(test_app_is_missing),
			COURSE(test_connection_never_comes),
			COURSE(test_commands_around_the_app),
			COURSE(test_daemon_of_a_command),
			COURSE(test_drain),
			COURSE(test_stubborn_display),
			COURSE(test_many_cycles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
