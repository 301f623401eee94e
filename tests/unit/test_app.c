// Real processes: an app, what it leaves behind, and a child of the display's own that stays.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "compositor/app.h"
#include "compositor/display.h"
#include "compositor/spawner.h"

struct room {
	struct es_display display; // first: display_handle_app_exit gets it
	bool exited, stopped;
	int status;
};

void display_handle_app_exit(struct es_display *display, int status) {
	struct room *room = (struct room *)display;
	assert_false(room->exited);
	room->exited = true;
	room->status = status;
}

static void on_stopped(void *data) {
	struct room *room = data;
	assert_false(room->stopped);
	room->stopped = true;
}

static void run_until(struct room *room, const bool *flag) {
	for (int i = 0; i < 1000 && !*flag; i++) {
		wl_event_loop_dispatch(room->display.loop, 100);
	}
	assert_true(*flag);
}

static int setup(void **state) {
	struct room *room = calloc(1, sizeof(*room));
	assert_non_null(room);
	room->display.loop = wl_event_loop_create();
	snprintf(room->display.wayland_socket, sizeof(room->display.wayland_socket), "wayland-test");
	*state = room;
	return 0;
}

static int teardown(void **state) {
	struct room *room = *state;
	app_destroy(room->display.app);
	spawner_destroy(room->display.spawner);
	wl_event_loop_destroy(room->display.loop);
	free(room);
	return 0;
}

static void use(struct room *room, const char *const argv[]) {
	room->display.spawner = spawner_create((char *const *)(uintptr_t)argv, NULL);
	assert_non_null(room->display.spawner);
}

static struct es_app *start(struct room *room, const char *script) {
	const char *argv[] = {"sh", "-c", script, NULL};
	int error;
	use(room, argv);
	room->display.app = app_start(&room->display, &error);
	assert_int_equal(error, 0);
	assert_non_null(room->display.app);
	return room->display.app;
}

static void test_exit_status(void **state) {
	struct room *room = *state;
	start(room, "exit 7");
	run_until(room, &room->exited);
	assert_true(WIFEXITED(room->status));
	assert_int_equal(WEXITSTATUS(room->status), 7);
}

static void test_not_found(void **state) {
	struct room *room = *state;
	const char *argv[] = {"no such program", NULL};
	int error = 0;
	use(room, argv);
	assert_null(app_start(&room->display, &error));
	assert_int_equal(error, ENOENT);
}

static void test_not_executable(void **state) {
	struct room *room = *state;
	const char *argv[] = {"/etc/passwd", NULL};
	int error = 0;
	use(room, argv);
	assert_null(app_start(&room->display, &error));
	assert_int_equal(error, EACCES);
}

// Another session, an orphan, and one that has been stopped.
static void test_stop_ends_all(void **state) {
	struct room *room = *state;
	struct es_app *app = start(room,
			"(setsid sleep 100 &); (sleep 100 & sleep 100); sleep 100 & kill -STOP $!; sleep 100");
	wl_event_loop_dispatch(room->display.loop, 200);
	app_stop(app, on_stopped, room);
	assert_false(room->stopped);
	run_until(room, &room->stopped);
	assert_true(room->exited);
	assert_true(WIFSIGNALED(room->status));
	assert_int_equal(process_signal_descendants(0, NULL, 0), 1); // the spawner
}

static void test_stop_after_the_end(void **state) {
	struct room *room = *state;
	struct es_app *app = start(room, "exit 0");
	run_until(room, &room->exited);
	app_stop(app, on_stopped, room);
	assert_false(room->stopped);
	run_until(room, &room->stopped);
}

static void test_spares_what_is_ours(void **state) {
	struct room *room = *state;
	pid_t ours = fork();
	if (ours == 0) {
		execlp("sleep", "sleep", "100", NULL);
		_exit(127);
	}
	struct es_app *app = start(room, "sleep 100");
	app_stop(app, on_stopped, room);
	run_until(room, &room->stopped);
	assert_int_equal(process_signal_descendants(0, NULL, 0), 2);
	assert_int_equal(kill(ours, SIGKILL), 0);
	assert_int_equal(waitpid(ours, NULL, 0), ours);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_exit_status, setup, teardown),
			cmocka_unit_test_setup_teardown(test_not_found, setup, teardown),
			cmocka_unit_test_setup_teardown(test_not_executable, setup, teardown),
			cmocka_unit_test_setup_teardown(test_stop_ends_all, setup, teardown),
			cmocka_unit_test_setup_teardown(test_stop_after_the_end, setup, teardown),
			cmocka_unit_test_setup_teardown(test_spares_what_is_ours, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
