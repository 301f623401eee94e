// Sessions that are played in a browser, with rooms that do what the test wants.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/play_state.h"
#include "host/play_web.h"
#include "tests/unit/plays_fixture.h"

const char *fixture_find_room(const char *name) {
	return NULL;
}

static int try_launch(struct es_fixture *f, size_t app, struct es_mode mode, enum es_codec codec,
		struct es_play **play, char error[256]) {
	struct es_web_launch launch = {&f->apps[app], mode, codec, "a page", app == 1};
	return plays_launch_web(f->plays, &launch, play, error, 256);
}

static struct es_play *launch(struct es_fixture *f, size_t app) {
	struct es_play *play;
	char error[256] = "";
	struct es_mode mode = {1280, 720, 60000};
	if (try_launch(f, app, mode, ES_CODEC_H264, &play, error) != 200) {
		fail_msg("launch is refused: %s", error);
	}
	return play;
}

// The page's end; its streamer is told that it connects.
static int join(struct es_fixture *f, struct es_play *play) {
	int ends[2], n = fixture_count(f, "stream START");
	char error[256] = "";
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_true(play_web_admit(f->plays, play->id, error, sizeof(error)));
	play_web_open(f->plays, play->id, ends[0], "a page");
	fixture_expect(f, "stream START", n + 1);
	fixture_signal(f, fixture_streamer(play), SIGUSR1);
	fixture_expect_state(f, play, ES_PLAY_PLAYING);
	return ends[1];
}

static bool is_shut(struct es_fixture *f, void *data) {
	char byte;
	return recv(*(int *)data, &byte, 1, MSG_DONTWAIT) == 0;
}

static void expect_shut(struct es_fixture *f, int page) {
	assert_true(fixture_run_until(f, is_shut, &page));
	close(page);
}

static void end_session(struct es_fixture *f) {
	char error[256];
	int n_done = 0;
	assert_true(plays_stop(f->plays, 0, fixture_count_done, &n_done, error, sizeof(error)));
	fixture_expect_none(f);
	assert_int_equal(n_done, 1);
}

static void test_course(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = launch(f, 0);
	fixture_expect(f, "display START 1280x720@60000", 1);
	int page = join(f, play);
	fixture_expect(f, "stream START player refresh=60000 kbps=8294 channels=0", 1);
	fixture_expect(f, "encode START x264 8294 slices=0 strict=1", 1);
	struct es_play_info info;
	play_info(play, &info);
	assert_string_equal(info.client_name, "a page");
	// another size, as far as it is allowed
	fixture_signal(f, fixture_streamer(play), SIGWINCH);
	fixture_expect(f, "display MODE 640x362@60000", 1);
	// it leaves, and comes back
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	expect_shut(f, page);
	page = join(f, play);
	// another page takes its place
	int other = join(f, play);
	fixture_expect(f, "stream TERMINATE 80030023", 1);
	expect_shut(f, page);
	end_session(f);
	fixture_expect(f, "stream TERMINATE 80030023", 2);
	expect_shut(f, other);
}

static void test_clipboard(void **state) {
	struct es_fixture *f = *state;
	for (size_t app = 0; app < 2; app++) {
		struct es_play *play = launch(f, app);
		int page = join(f, play);
		struct es_play_info info;
		play_info(play, &info);
		assert_int_equal(info.web_clipboard, app == 1);
		fixture_expect(f, "display ATTACH 3 viewer=1 clipboard\n", (int)app);
		close(page);
		end_session(f);
	}
}

static void test_killed_streamer(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = launch(f, 0);
	int page = join(f, play);
	kill(fixture_streamer(play), SIGKILL);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	expect_shut(f, page);
	end_session(f);
}

static int resume(struct es_fixture *f, size_t client, struct es_play **play) {
	struct es_play_request request = fixture_request(f, client, 0);
	char error[512];
	return plays_resume(f->plays, &request, play, error, sizeof(error));
}

// What a page has left can be resumed by Moonlight, and the other way round; but nobody is thrown out.
static void test_both_kinds(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play = launch(f, 0), *resumed;
	char error[256];
	int page = join(f, play);
	assert_int_equal(resume(f, 0, &resumed), 400);
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	expect_shut(f, page);
	assert_int_equal(resume(f, 0, &resumed), 200);
	assert_ptr_equal(resumed, play);
	fixture_connect(f, play);
	assert_false(play_web_admit(f->plays, play->id, error, sizeof(error)));
	assert_non_null(strstr(error, "client 0"));
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	close(join(f, play));
	end_session(f);
}

static void test_private(void **state) {
	struct es_fixture *f = *state;
	char error[256];
	struct es_play *play = fixture_play(f, 0, 2);
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	assert_false(play_web_admit(f->plays, play->id, error, sizeof(error)));
	end_session(f);
}

static void test_refused(void **state) {
	struct es_fixture *f = *state;
	struct es_play *play;
	char error[256];
	int ends[2];
	struct es_mode good = {1280, 720, 60000}, large = {8192, 8192, 60000}, none = {8, 8, 60000};
	assert_int_equal(try_launch(f, 0, large, ES_CODEC_H264, &play, error), 400);
	assert_int_equal(try_launch(f, 0, none, ES_CODEC_H264, &play, error), 400);
	assert_int_equal(try_launch(f, 0, good, ES_CODEC_HEVC, &play, error), 400);
	assert_non_null(strstr(error, "h264"));
	assert_int_equal(try_launch(f, 0, good, ES_CODEC_AV1, &play, error), 400); // too slow
	assert_null(play);
	assert_false(play_web_admit(f->plays, 1, error, sizeof(error)));
	assert_non_null(strstr(error, "no session 1"));
	// what cannot be played is shut at once
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(plays_attach_web(f->plays, 1, ends[0], "a page", error, sizeof(error)), 404);
	expect_shut(f, ends[1]);
	for (int i = 0; i < 3; i++) {
		launch(f, 0);
	}
	assert_int_equal(try_launch(f, 0, good, ES_CODEC_H264, &play, error), 503);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
			TEST(test_course),
			TEST(test_clipboard),
			TEST(test_killed_streamer),
			TEST(test_both_kinds),
			TEST(test_private),
			TEST(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
