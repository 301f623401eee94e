// A process that gets no processor is told from one that has hung.
#define _GNU_SOURCE // sched_setaffinity
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/starvation.h"

#define S ES_NS_PER_S
#define MS ES_NS_PER_MS

// One that worked until 10 s, and then was in this state.
static bool judge_after(int64_t cpu_ns, int64_t wait_ns, unsigned n_ready) {
	struct es_starvation starvation = {0};
	struct es_run_time at = {.cpu_ns = 5 * S, .wait_ns = 7 * S};
	starvation_note(&starvation, &at, 9 * S);
	starvation_note(&starvation, &at, 10 * S);
	at.cpu_ns += cpu_ns;
	at.wait_ns += wait_ns;
	at.n_ready = n_ready;
	return starvation_judge(&starvation, &at, S, 11 * S);
}

static void test_judgement(void **state) {
	assert_true(judge_after(100 * MS, 900 * MS, 1)); // starves
	assert_true(judge_after(0, 0, 1)); // has not had a turn yet
	assert_false(judge_after(0, 0, 0)); // sleeps, is stopped
	assert_false(judge_after(10 * MS, 50 * MS, 0)); // the same, after a little work
	assert_false(judge_after(990 * MS, 10 * MS, 1)); // turns in circles
	assert_false(judge_after(200 * MS, 400 * MS, 0)); // slept for the most part
	assert_false(judge_after(-S, -S, 0)); // threads have ended
}

static void test_nothing_to_compare_with(void **state) {
	struct es_starvation starvation = {0};
	struct es_run_time at = {.wait_ns = S, .n_ready = 1};
	assert_false(starvation_judge(&starvation, &at, S, 10 * S));
	struct es_starvation young = {0};
	starvation_note(&young, &(struct es_run_time){0}, 10 * S);
	assert_false(starvation_judge(&young, &at, S, 10 * S + S / 4));
}

static void test_bounded(void **state) {
	struct es_starvation starvation = {0};
	struct es_run_time at = {0};
	int64_t now_ns = 10 * S;
	starvation_note(&starvation, &at, now_ns);
	for (int i = 0; i < 3 * ES_STARVATION_GRANTS; i++) {
		now_ns += S;
		at.wait_ns += S;
		assert_int_equal(starvation_judge(&starvation, &at, S, now_ns), i < ES_STARVATION_GRANTS);
	}
	// It has worked for a while, and is asked about anew.
	now_ns += 60 * S;
	starvation_note(&starvation, &at, now_ns);
	at.wait_ns += S;
	assert_true(starvation_judge(&starvation, &at, S, now_ns + S));
	assert_int_equal(starvation.n_grants, 1);
}

static void test_patience_of_seconds(void **state) {
	struct es_starvation starvation = {0};
	struct es_run_time at = {0};
	for (int i = 0; i < 10; i++) {
		at.wait_ns += i < 5 ? 0 : S;
		starvation_note(&starvation, &at, (10 + i) * S);
	}
	assert_true(starvation_judge(&starvation, &at, 5 * S, 19 * S + S / 2));
}

// --- as the kernel counts

static void share_one_processor(void) {
	cpu_set_t all, one;
	CPU_ZERO(&one);
	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
		}
	}
	sched_setaffinity(0, sizeof(one), &one);
}

static volatile unsigned turns;

static pid_t start(int niceness, bool works) {
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		share_one_processor();
		setpriority(PRIO_PROCESS, 0, niceness);
		alarm(60);
		while (!works) {
			pause();
		}
		for (;;) {
			turns = turns + 1;
		}
	}
	return pid;
}

static void end(pid_t pid) {
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct es_run_time look(pid_t pid) {
	struct es_run_time at;
	if (!run_time_read(pid, &at)) {
		skip(); // a kernel that does not count
	}
	return at;
}

static bool judge_real(pid_t pid) {
	struct es_starvation starvation = {0};
	struct es_run_time at = look(pid);
	int64_t start_ns = clock_now_ns(), now_ns;
	starvation_note(&starvation, &at, start_ns);
	do {
		usleep(10000);
		now_ns = clock_now_ns();
	} while (now_ns - start_ns < 300 * MS);
	at = look(pid);
	return starvation_judge(&starvation, &at, now_ns - start_ns, now_ns);
}

static void test_stopped(void **state) {
	pid_t pid = start(0, true);
	kill(pid, SIGSTOP);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
	assert_false(judge_real(pid));
	end(pid);
}

static void test_asleep(void **state) {
	pid_t pid = start(0, false);
	for (unsigned n_ready = 1; n_ready > 0;) {
		n_ready = look(pid).n_ready; // until it sleeps
	}
	assert_false(judge_real(pid));
	end(pid);
}

static void test_starved(void **state) {
	pid_t greedy = start(0, true), poor = start(19, true);
	while (look(poor).cpu_ns == 0 || look(greedy).cpu_ns < 50 * MS) {
		usleep(1000);
	}
	assert_true(judge_real(poor));
	end(poor);
	end(greedy);
}

static void test_gone(void **state) {
	pid_t pid = start(0, false);
	end(pid);
	struct es_run_time at;
	assert_false(run_time_read(pid, &at));
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_judgement),
			cmocka_unit_test(test_nothing_to_compare_with),
			cmocka_unit_test(test_bounded),
			cmocka_unit_test(test_patience_of_seconds),
			cmocka_unit_test(test_stopped),
			cmocka_unit_test(test_asleep),
			cmocka_unit_test(test_starved),
			cmocka_unit_test(test_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
