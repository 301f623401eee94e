#include "host/room_log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/link.h"
#include "base/log_link.h"

#define MANY 1000

struct fixture {
	sd_event *event;
	struct es_room_log *log;
	int room_fd;
	unsigned n; // lines that the tap was told of
	enum es_log_level level; // of the last one
	char text[ES_LOG_LINK_TEXT + 64];
};

static void on_line(void *data, enum es_log_level level, const char *text) {
	struct fixture *f = data;
	f->n++;
	f->level = level;
	snprintf(f->text, sizeof(f->text), "%s", text);
}

static int set_up(void **state) {
	static struct fixture f;
	f = (struct fixture){.room_fd = -1};
	log_set_tap(on_line, &f);
	assert_true(sd_event_new(&f.event) >= 0);
	f.log = room_log_create(f.event, "encoder of session 7", &f.room_fd);
	assert_non_null(f.log);
	*state = &f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	room_log_destroy(f->log);
	fd_close(&f->room_fd);
	sd_event_unref(f->event);
	log_set_tap(NULL, NULL);
	return 0;
}

// Becomes a room, which says nothing on standard error.
static pid_t fork_room(struct fixture *f) {
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0) {
		return pid;
	}
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	log_set_tap(NULL, NULL);
	if (dup2(null, STDERR_FILENO) < 0 || dup2(f->room_fd, ES_LOG_LINK_FD) < 0) {
		_exit(1);
	}
	log_init("room", ES_LOG_INFO);
	log_link_join();
	return 0;
}

static void wait_room(pid_t pid) {
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void dispatch(struct fixture *f) {
	while (sd_event_run(f->event, 0) > 0) {
	}
}

static void test_lines(void **state) {
	struct fixture *f = *state;
	pid_t pid = fork_room(f);
	if (pid == 0) {
		es_log(ES_LOG_DEBUG, "not this");
		es_log(ES_LOG_WARN, "a \x1b[2J of %d", 5);
		_exit(0);
	}
	wait_room(pid);
	dispatch(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->level, ES_LOG_WARN);
	assert_string_equal(f->text, "encoder of session 7: a  [2J of 5");
	// A long one is cut; the last words of a room that has ended are heard.
	pid = fork_room(f);
	if (pid == 0) {
		char text[2 * ES_LOG_LINK_TEXT];
		memset(text, 'x', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		es_log(ES_LOG_ERROR, "%s", text);
		_exit(0);
	}
	wait_room(pid);
	fd_close(&f->room_fd);
	room_log_finish(f->log);
	assert_int_equal(f->n, 2);
	assert_int_equal(f->level, ES_LOG_ERROR);
	assert_int_equal(strlen(f->text), strlen("encoder of session 7: ") + ES_LOG_LINK_TEXT - 1);
	room_log_finish(f->log); // nothing more
	dispatch(f);
	assert_int_equal(f->n, 2);
}

// So many that nobody reads them: the room goes on, and its next line tells of the gap.
static void test_flood(void **state) {
	struct fixture *f = *state;
	int go[2], full[2];
	char byte;
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(full), 0);
	pid_t pid = fork_room(f);
	if (pid == 0) {
		for (int i = 0; i < MANY; i++) {
			es_log(ES_LOG_INFO, "line %d", i);
		}
		bool ok = write(full[1], "", 1) == 1 && read(go[0], &byte, 1) == 1;
		es_log(ES_LOG_INFO, "the last");
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(read(full[0], &byte, 1), 1);
	dispatch(f);
	assert_int_equal(f->n, 100); // of a second
	assert_string_equal(f->text, "encoder of session 7: line 99");
	room_log_finish(f->log);
	unsigned before = f->n;
	assert_true(before > 100 && before < MANY);
	assert_int_equal(write(go[1], "", 1), 1);
	wait_room(pid);
	room_log_finish(f->log);
	assert_int_equal(f->n, before + 2);
	assert_string_equal(f->text, "encoder of session 7: the last");
	for (int i = 0; i < 2; i++) {
		close(go[i]);
		close(full[i]);
	}
}

static void test_garbage(void **state) {
	struct fixture *f = *state;
	static const struct {
		size_t size;
		char bytes[4];
	} bad[] = {{1, {0}}, {3, {ES_LOG_DEBUG + 1, 0, 'x'}}, {3, {0, 2, 'x'}}};
	struct es_log_link_line line;
	char large[ES_LOG_LINK_TEXT + 2] = {0};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(log_link_parse(&line, bad[i].bytes, bad[i].size));
	}
	assert_false(log_link_parse(&line, large, sizeof(large)));
	assert_true(log_link_parse(&line, large, sizeof(large) - 1));
	// Nothing is heard of who says such a thing any more.
	assert_int_equal(link_send(f->room_fd, bad[1].bytes, bad[1].size, NULL, 0), ES_LINK_OK);
	dispatch(f);
	assert_int_equal(f->n, 0);
	assert_int_equal(link_send(f->room_fd, bad[1].bytes, bad[1].size, NULL, 0), ES_LINK_CLOSED);
	room_log_finish(f->log);
}

static void test_nobody_keeps_lines(void **state) {
	struct fixture *f = *state;
	int fd = 0;
	log_set_tap(NULL, NULL);
	assert_null(room_log_create(f->event, "display of session 1", &fd));
	assert_int_equal(fd, -1);
	room_log_finish(NULL);
	room_log_destroy(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_nobody_keeps_lines, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
