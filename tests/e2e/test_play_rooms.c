// Sessions with the real display, the real encoder and a real app. Their client is played by the
// test, as is its streamer, which says when an encoder's first unit has come.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "host/play_state.h"
#include "tests/unit/plays_fixture.h"

const char *fixture_find_room(const char *name) {
	if (strcmp(name, "earthshine-display") == 0) {
		return DISPLAY_ROOM;
	}
	return strcmp(name, "earthshine-encode") == 0 ? ENCODE_ROOM : NULL;
}

static void use_app(struct es_fixture *f, char **argv) {
	f->apps[0].command = argv;
	static char layout[] = "";
	f->settings.keyboard = layout; // the system's
}

static void cancel(struct es_fixture *f) {
	int n_done = 0;
	plays_cancel(f->plays, &f->clients[0], fixture_count_done, &n_done);
	fixture_expect_none(f);
	assert_int_equal(n_done, 1);
}

static void resume(struct es_fixture *f, uint32_t width, uint32_t height) {
	struct es_play_request request = fixture_request(f, 0, 0);
	struct es_announce announce = fixture_announce();
	struct es_play *play;
	char error[256];
	announce.mode.width = width;
	announce.mode.height = height;
	assert_int_equal(plays_resume(f->plays, &request, &play, error, sizeof(error)), 200);
	fixture_negotiate(f, play, &announce);
	fixture_signal(f, fixture_streamer(play), SIGUSR1);
	fixture_expect_state(f, play, ES_PLAY_PLAYING);
}

static bool has_commits(struct es_fixture *f, void *data) {
	struct es_play_info info;
	play_info(data, &info);
	return info.display_stats->committed > 0 && info.encode_stats->frames_new > 0;
}

// The app draws all the time; the encoder is killed, the client leaves and comes back.
static void test_course(void **state) {
	struct es_fixture *f = *state;
	char program[] = PAINT;
	char *argv[] = {program, NULL};
	use_app(f, argv);
	struct es_play *play = fixture_play(f, 0, 0);
	fixture_expect(f, "stream UNIT idr=1", 1);
	assert_true(fixture_run_until(f, has_commits, play));
	kill(fixture_encoder(play), SIGKILL);
	fixture_expect(f, "stream UNIT idr=1", 2);
	fixture_signal(f, fixture_streamer(play), SIGUSR2);
	fixture_expect_state(f, play, ES_PLAY_DETACHED);
	resume(f, 640, 360);
	fixture_expect(f, "stream UNIT idr=1", 3);
	cancel(f);
}

static void test_display_killed(void **state) {
	struct es_fixture *f = *state;
	char program[] = PAINT;
	char *argv[] = {program, NULL};
	use_app(f, argv);
	struct es_play *play = fixture_play(f, 0, 0);
	fixture_expect(f, "stream UNIT idr=1", 1);
	kill(fixture_display(play), SIGKILL);
	fixture_expect_none(f);
	fixture_expect(f, "stream TERMINATE 800e9403", 1);
}

static void test_app_ends(void **state) {
	struct es_fixture *f = *state;
	char program[] = PAINT, option[] = "--frames", number[] = "30";
	char *argv[] = {program, option, number, NULL};
	use_app(f, argv);
	fixture_play(f, 0, 0);
	fixture_expect_none(f);
	fixture_expect(f, "stream TERMINATE 80030023", 1);
}

static void test_app_missing(void **state) {
	struct es_fixture *f = *state;
	char program[] = "/nonexistent/game";
	char *argv[] = {program, NULL};
	use_app(f, argv);
	fixture_launch(f, 0, 0);
	fixture_expect_none(f);
}

#define COURSE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
			COURSE(test_course),
			COURSE(test_display_killed),
			COURSE(test_app_ends),
			COURSE(test_app_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
