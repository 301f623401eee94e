// State files: the old or the new content, whatever happens.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/state_file.h"

#define KILLS 500
#define FILE_NAME "list.json"

struct fixture {
	char base[64], path[128];
	int dir_fd;
	char error[512];
};

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	snprintf(f->base, sizeof(f->base), "/tmp/es-state-XXXXXX");
	assert_non_null(mkdtemp(f->base));
	snprintf(f->path, sizeof(f->path), "%s/deep/down/earthshine", f->base);
	f->dir_fd = state_dir_open_at(f->path, f->error, sizeof(f->error));
	assert_true(f->dir_fd >= 0);
	*state = f;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	char path[512];
	DIR *dir = opendir(f->path);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		snprintf(path, sizeof(path), "%s/%s", f->path, entry->d_name);
		unlink(path);
	}
	closedir(dir);
	rmdir(f->path);
	static const char *const above[] = {"/deep/down", "/deep", ""};
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->base, above[i]);
		assert_int_equal(rmdir(path), 0);
	}
	fd_close(&f->dir_fd);
	free(f);
	return 0;
}

static size_t count_files(const struct fixture *f) {
	size_t n = 0;
	DIR *dir = opendir(f->path);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	}
	closedir(dir);
	return n;
}

static void test_write_and_read(void **state) {
	struct fixture *f = *state;
	char *data = NULL;
	size_t size = 0;
	assert_int_equal(
			state_file_read(f->dir_fd, FILE_NAME, &data, &size, f->error, sizeof(f->error)),
			ES_STATE_ABSENT);
	static const char *const texts[] = {"one\n", "a longer second\n", ""};
	for (size_t i = 0; i < 3; i++) {
		assert_true(state_file_write(
				f->dir_fd, FILE_NAME, texts[i], strlen(texts[i]), f->error, sizeof(f->error)));
		assert_int_equal(
				state_file_read(f->dir_fd, FILE_NAME, &data, &size, f->error, sizeof(f->error)),
				ES_STATE_READ);
		assert_int_equal(size, strlen(texts[i]));
		assert_string_equal(data, texts[i]);
		free(data);
	}
	struct stat st;
	assert_int_equal(fstatat(f->dir_fd, FILE_NAME, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(count_files(f), 1);
}

static void expect_refused(struct fixture *f, const char *word) {
	char *data = NULL;
	size_t size = 0;
	f->error[0] = '\0';
	assert_int_equal(
			state_file_read(f->dir_fd, FILE_NAME, &data, &size, f->error, sizeof(f->error)),
			ES_STATE_UNREADABLE);
	assert_null(data);
	assert_non_null(strstr(f->error, FILE_NAME));
	assert_non_null(strstr(f->error, word));
}

static void test_unsound_files(void **state) {
	struct fixture *f = *state;
	assert_true(state_file_write(f->dir_fd, FILE_NAME, "x", 1, f->error, sizeof(f->error)));
	assert_int_equal(fchmodat(f->dir_fd, FILE_NAME, 0620, 0), 0);
	expect_refused(f, "chmod 600");
	assert_int_equal(unlinkat(f->dir_fd, FILE_NAME, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", f->dir_fd, FILE_NAME), 0);
	expect_refused(f, strerror(ELOOP));
	assert_int_equal(unlinkat(f->dir_fd, FILE_NAME, 0), 0);
	assert_int_equal(mkfifoat(f->dir_fd, FILE_NAME, 0600), 0);
	expect_refused(f, "not a file");
	assert_int_equal(unlinkat(f->dir_fd, FILE_NAME, 0), 0);
	int fd = openat(f->dir_fd, FILE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)ES_STATE_FILE_MAX + 1), 0);
	fd_close(&fd);
	expect_refused(f, "too large");
}

static void test_open_folder(void **state) {
	struct fixture *f = *state;
	assert_int_equal(chmod(f->path, 0770), 0);
	assert_int_equal(state_dir_open_at(f->path, f->error, sizeof(f->error)), -1);
	assert_non_null(strstr(f->error, f->path));
	assert_non_null(strstr(f->error, "chmod 700"));
	assert_int_equal(chmod(f->path, 0700), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", f->base, 1), 0);
	char path[4096];
	assert_true(state_dir_path(path, sizeof(path), f->error, sizeof(f->error)));
	assert_int_equal(strncmp(path, f->base, strlen(f->base)), 0);
	assert_string_equal(path + strlen(f->base), "/earthshine");
	assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);
	assert_int_equal(setenv("HOME", "/home/me", 1), 0);
	assert_true(state_dir_path(path, sizeof(path), f->error, sizeof(f->error)));
	assert_string_equal(path, "/home/me/.local/state/earthshine");
	assert_int_equal(unsetenv("HOME"), 0);
	assert_false(state_dir_path(path, sizeof(path), f->error, sizeof(f->error)));
	assert_non_null(strstr(f->error, "XDG_STATE_HOME"));
}

static void test_lock(void **state) {
	struct fixture *f = *state;
	assert_true(state_dir_lock(f->dir_fd, f->error, sizeof(f->error)));
	int other = state_dir_open_at(f->path, f->error, sizeof(f->error));
	assert_true(other >= 0);
	assert_false(state_dir_lock(other, f->error, sizeof(f->error)));
	assert_non_null(strstr(f->error, f->path));
	fd_close(&f->dir_fd);
	assert_true(state_dir_lock(other, f->error, sizeof(f->error)));
	f->dir_fd = other;
}

// Content that tells its generation and whether it is whole: the number, so many times.
static size_t make_content(uint32_t generation, uint32_t *out, size_t cap) {
	size_t n = 1 + generation * 7919 % cap;
	for (size_t i = 0; i < n; i++) {
		out[i] = i == 0 ? (uint32_t)n : generation;
	}
	out[n] = generation;
	return (n + 1) * sizeof(*out);
}

#define MAX_NUMBERS 20000

static void write_for_ever(const struct fixture *f, uint32_t generation, int tell_fd) {
	static uint32_t numbers[MAX_NUMBERS + 1];
	char error[512];
	for (;; generation++) {
		size_t size = make_content(generation, numbers, MAX_NUMBERS);
		if (!state_file_write(f->dir_fd, FILE_NAME, numbers, size, error, sizeof(error)) ||
				write(tell_fd, &generation, sizeof(generation)) != sizeof(generation)) {
			_exit(1);
		}
	}
}

// The last generation whose write has returned.
static uint32_t last_told(int fd, uint32_t before) {
	uint32_t told;
	while (read(fd, &told, sizeof(told)) == sizeof(told)) {
		before = told;
	}
	return before;
}

static uint32_t read_generation(struct fixture *f) {
	char *data = NULL;
	size_t size = 0;
	assert_int_equal(
			state_file_read(f->dir_fd, FILE_NAME, &data, &size, f->error, sizeof(f->error)),
			ES_STATE_READ);
	const uint32_t *numbers = (const uint32_t *)(void *)data;
	assert_true(size >= 2 * sizeof(uint32_t));
	assert_int_equal(size, (numbers[0] + 1) * sizeof(uint32_t));
	uint32_t generation = numbers[numbers[0]];
	for (size_t i = 1; i <= numbers[0]; i++) {
		assert_int_equal(numbers[i], generation);
	}
	free(data);
	return generation;
}

static uint32_t kill_one_writer(struct fixture *f, uint32_t last, long wait_ns) {
	int tell[2];
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		write_for_ever(f, last + 1, tell[1]);
	}
	fd_close(&tell[1]);
	// Not to wait for anything: the kill has to come at any moment of a write.
	const struct timespec pause = {.tv_nsec = wait_ns};
	nanosleep(&pause, NULL);
	int status;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	uint32_t told = last_told(tell[0], last);
	fd_close(&tell[0]);
	uint32_t found = read_generation(f);
	assert_true(found == told || found == told + 1);
	return found;
}

static void test_kills(void **state) {
	struct fixture *f = *state;
	uint32_t numbers[2];
	size_t size = make_content(0, numbers, 1);
	assert_true(state_file_write(f->dir_fd, FILE_NAME, numbers, size, f->error, sizeof(f->error)));
	uint32_t last = 0, random = 1;
	for (int i = 0; i < KILLS; i++) {
		random = random * 1664525 + 1013904223;
		last = kill_one_writer(f, last, (long)(random >> 8) % 3000000);
	}
	assert_true(last > 0);
	assert_true(count_files(f) <= 2); // what the last one left is there once, not 500 times
	assert_true(state_file_write(f->dir_fd, FILE_NAME, "x", 1, f->error, sizeof(f->error)));
	assert_int_equal(count_files(f), 1);
}

static void expect_old(struct fixture *f, const char *old) {
	char *data = NULL;
	size_t size = 0;
	assert_int_equal(
			state_file_read(f->dir_fd, FILE_NAME, &data, &size, f->error, sizeof(f->error)),
			ES_STATE_READ);
	assert_string_equal(data, old);
	free(data);
	assert_int_equal(count_files(f), 1);
}

static void test_file_size_limit(void **state) {
	struct fixture *f = *state;
	static char large[65536];
	assert_true(state_file_write(f->dir_fd, FILE_NAME, "old", 3, f->error, sizeof(f->error)));
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit before, limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 10000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	bool ok = state_file_write(
			f->dir_fd, FILE_NAME, large, sizeof(large), f->error, sizeof(f->error));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_false(ok);
	assert_non_null(strstr(f->error, strerror(EFBIG)));
	expect_old(f, "old");
}

static bool write_text(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fd_write_all(fd, text, strlen(text));
	fd_close(&fd);
	return ok;
}

// A file system of 32 KiB over the folder, in a namespace of this process alone.
static bool mount_small_disk(const struct fixture *f) {
	char users[64], groups[64];
	snprintf(users, sizeof(users), "%u %u 1", getuid(), getuid());
	snprintf(groups, sizeof(groups), "%u %u 1", getgid(), getgid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/uid_map", users) &&
			write_text("/proc/self/setgroups", "deny") &&
			write_text("/proc/self/gid_map", groups) &&
			mount("none", f->path, "tmpfs", 0, "size=32k,mode=700") == 0;
}

// In a child: 0 right, 1 wrong, 2 no such file system to be had.
static int fill_small_disk(struct fixture *f) {
	static char large[65536];
	if (!mount_small_disk(f)) {
		return 2;
	}
	int dir_fd = state_dir_open_at(f->path, f->error, sizeof(f->error));
	if (dir_fd < 0 || !state_file_write(dir_fd, FILE_NAME, "old", 3, f->error, sizeof(f->error)) ||
			state_file_write(dir_fd, FILE_NAME, large, sizeof(large), f->error, sizeof(f->error)) ||
			strstr(f->error, strerror(ENOSPC)) == NULL) {
		fprintf(stderr, "fd %d: %s\n", dir_fd, f->error);
		return 1;
	}
	char *data = NULL;
	size_t size = 0;
	bool old = state_file_read(dir_fd, FILE_NAME, &data, &size, f->error, sizeof(f->error)) ==
					ES_STATE_READ &&
			strcmp(data, "old") == 0 && count_files(f) == 1;
	free(data);
	// and there is room again for what fits
	return old && state_file_write(dir_fd, FILE_NAME, "new", 3, f->error, sizeof(f->error)) ? 0 : 1;
}

static void test_full_disk(void **state) {
	struct fixture *f = *state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(fill_small_disk(f));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2) {
		skip(); // no user namespaces here; RLIMIT_FSIZE has shown much the same
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_write_and_read, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_unsound_files, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_open_folder, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_kills, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_file_size_limit, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
