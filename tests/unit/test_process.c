#include "base/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/count_fds.h"

// Children say through this pipe that they are where the test wants them.
static int ready_pipe[2];

static void say_ready(void) {
	ssize_t written = write(ready_pipe[1], "x", 1);
	(void)written;
}

static void wait_ready(size_t n) {
	char byte;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(1, read(ready_pipe[0], &byte, 1));
	}
}

static void sleep_forever(void) {
	say_ready();
	for (;;) {
		pause();
	}
}

static pid_t start(void (*child)(void)) {
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		child();
		_exit(0);
	}
	return pid;
}

static int setup(void **state) {
	return process_become_subreaper() && pipe(ready_pipe) == 0 ? 0 : -1;
}

// No process may be left but the dead.
static int teardown(void **state) {
	close(ready_pipe[0]);
	close(ready_pipe[1]);
	pid_t pid;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
	}
	return pid == 0 ? -1 : 0;
}

static int64_t end_all(int grace_ms, const pid_t *keep, size_t n_keep) {
	size_t n_fds = count_fds();
	int64_t before_ns = clock_now_ns();
	process_end_descendants(grace_ms, keep, n_keep);
	assert_int_equal(n_fds, count_fds());
	return (clock_now_ns() - before_ns) / ES_NS_PER_MS;
}

static void test_nothing_to_end(void **state) {
	assert_true(end_all(5000, NULL, 0) < 4000);
	assert_int_equal(0, process_signal_descendants(SIGTERM, NULL, 0));
}

static void test_term_is_enough(void **state) {
	for (int i = 0; i < 5; i++) {
		start(sleep_forever);
	}
	wait_ready(5);
	assert_true(end_all(20000, NULL, 0) < 15000);
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG)); // reaped
}

static void ignore_term(void) {
	signal(SIGTERM, SIG_IGN);
	sleep_forever();
}

static void test_kill_after_grace(void **state) {
	start(ignore_term);
	start(sleep_forever);
	wait_ready(2);
	assert_true(end_all(300, NULL, 0) >= 300);
	start(ignore_term);
	wait_ready(1);
	assert_true(end_all(0, NULL, 0) < 4000); // at once
}

static void daemonise(void) {
	setsid();
	if (fork() == 0) {
		if (fork() == 0) {
			setsid();
			sleep_forever();
		}
	}
}

static void test_daemons_do_not_escape(void **state) {
	start(daemonise);
	wait_ready(1);
	assert_true(end_all(20000, NULL, 0) < 15000);
}

static void fork_and_go(int number) {
	static volatile int generation;
	if (fork() == 0) {
		if (++generation > 20) {
			_exit(0);
		}
	} else {
		_exit(0);
	}
}

// On TERM a copy of it stays and the process that got the signal goes.
static void respawn(void) {
	signal(SIGTERM, fork_and_go);
	sleep_forever();
}

static void test_respawning(void **state) {
	start(respawn);
	wait_ready(1);
	assert_true(end_all(20000, NULL, 0) < 15000);
}

static void run_ahead(void) {
	signal(SIGTERM, SIG_IGN);
	setpgid(0, 0);
	say_ready();
	for (;;) {
		pid_t pid = fork();
		if (pid > 0) {
			_exit(0);
		}
	}
}

// A new pid every moment, as no reading of /proc can follow.
static void test_running_ahead(void **state) {
	start(run_ahead);
	wait_ready(1);
	assert_true(end_all(50, NULL, 0) < 4000);
}

static void start_family(void) {
	start(sleep_forever);
	sleep_forever();
}

static void test_keep(void **state) {
	pid_t kept = start(start_family);
	start(start_family);
	wait_ready(4);
	assert_int_equal(2, process_signal_descendants(0, &kept, 1));
	assert_int_equal(4, process_signal_descendants(0, NULL, 0));
	end_all(20000, &kept, 1);
	assert_int_equal(2, process_signal_descendants(0, NULL, 0));
	assert_int_equal(0, waitpid(kept, NULL, WNOHANG));
	end_all(20000, NULL, 0);
}

static void fail_with_7(void) {
	_exit(7);
}

// The status of a child that had ended before belongs to whoever waits for it.
static void test_earlier_status_stays(void **state) {
	pid_t pid = start(fail_with_7);
	siginfo_t info;
	assert_int_equal(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	start(sleep_forever);
	wait_ready(1);
	end_all(20000, NULL, 0);
	int status;
	assert_int_equal(pid, waitpid(pid, &status, WNOHANG));
	assert_int_equal(7, process_exit_code(status));
}

static void die_by_segv(void) {
	signal(SIGSEGV, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	raise(SIGSEGV);
}

static void test_exit_code(void **state) {
	int status;
	assert_int_equal(0, process_exit_code(0));
	waitpid(start(fail_with_7), &status, 0);
	assert_int_equal(7, process_exit_code(status));
	waitpid(start(die_by_segv), &status, 0);
	assert_int_equal(128 + SIGSEGV, process_exit_code(status));
}

static bool ignored(int number) {
	struct sigaction action;
	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void prepare_and_check(void) {
	process_prepare_child(0);
	sigset_t mask;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	bool ok = !ignored(SIGPIPE) && !ignored(SIGINT) && ignored(SIGHUP) &&
			!sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGCHLD) && limit.rlim_cur == 77;
	_exit(ok ? 0 : 1);
}

static void test_prepare_child(void **state) {
	struct rlimit before, limit;
	sigset_t mask, old_mask;
	getrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &(struct rlimit){77, before.rlim_max}));
	process_raise_nofile();
	getrlimit(RLIMIT_NOFILE, &limit);
	assert_true(limit.rlim_cur == limit.rlim_max);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &old_mask);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	int status;
	waitpid(start(prepare_and_check), &status, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(0, process_exit_code(status));
}

static void die_with_parent(void) {
	process_prepare_child(SIGKILL);
	sleep_forever();
}

static void start_dependent(void) {
	start(die_with_parent);
	sleep_forever();
}

static void test_death_signal(void **state) {
	pid_t parent = start(start_dependent);
	wait_ready(2);
	kill(parent, SIGKILL);
	assert_int_equal(parent, waitpid(parent, NULL, 0));
	int status;
	assert_true(waitpid(-1, &status, 0) > 0); // the orphan came to us
	assert_int_equal(128 + SIGKILL, process_exit_code(status));
}

static void test_usage(void **state) {
	struct es_process_usage before = process_usage();
	assert_true(before.peak_rss_kib > 100);
	assert_true(before.cpu_us >= 0);
	while (process_usage().cpu_us < before.cpu_us + 10000) {
	}
}

#define PROCESS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
			PROCESS_TEST(test_nothing_to_end),
			PROCESS_TEST(test_term_is_enough),
			PROCESS_TEST(test_kill_after_grace),
			PROCESS_TEST(test_daemons_do_not_escape),
			PROCESS_TEST(test_respawning),
			PROCESS_TEST(test_running_ahead),
			PROCESS_TEST(test_keep),
			PROCESS_TEST(test_earlier_status_stays),
			PROCESS_TEST(test_exit_code),
			PROCESS_TEST(test_prepare_child),
			PROCESS_TEST(test_death_signal),
			PROCESS_TEST(test_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
