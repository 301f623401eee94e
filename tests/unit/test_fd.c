#define _GNU_SOURCE // seals
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/count_fds.h"

static void test_close_and_dup(void **state) {
	size_t n_fds = count_fds();
	int fd = fd_dup(STDERR_FILENO);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd_close(&fd);
	assert_int_equal(-1, fd);
	fd_close(&fd);
	assert_int_equal(n_fds, count_fds());
	errno = 0;
	assert_int_equal(-1, fd_dup(-1));
	assert_int_equal(EBADF, errno);
}

static void test_flags(void **state) {
	int fd = fd_dup(STDERR_FILENO);
	assert_true(fd_set_cloexec(fd, false));
	assert_false(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fd_set_cloexec(fd, true));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd_close(&fd);
	int ends[2];
	assert_int_equal(0, pipe(ends));
	assert_true(fd_set_nonblock(ends[0], true));
	assert_true(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
	assert_true(fd_set_nonblock(ends[0], false));
	assert_false(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
	assert_false(fd_set_cloexec(ends[0], true));
	assert_false(fd_set_nonblock(-1, true));
}

static void test_memfd(void **state) {
	int fd = fd_create_sealed_memfd("test", 12345);
	assert_true(fd >= 0);
	struct stat info;
	assert_int_equal(0, fstat(fd, &info));
	assert_int_equal(12345, info.st_size);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(-1, ftruncate(fd, 1));
	assert_int_equal(-1, ftruncate(fd, 20000));
	assert_int_equal(-1, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	int seals = fcntl(fd, F_GET_SEALS);
	assert_true((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) == (F_SEAL_SHRINK | F_SEAL_GROW));
	void *memory = mmap(NULL, 12345, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	munmap(memory, 12345);
	fd_close(&fd);
	size_t n_fds = count_fds();
	assert_int_equal(-1, fd_create_sealed_memfd("test", SIZE_MAX));
	assert_int_equal(EFBIG, errno);
	assert_int_equal(n_fds, count_fds());
}

static void test_write_all(void **state) {
	int ends[2];
	assert_int_equal(0, pipe(ends));
	assert_true(fd_write_all(ends[1], "hello", 5));
	assert_true(fd_write_all(ends[1], NULL, 0));
	char read_back[8];
	assert_int_equal(5, read(ends[0], read_back, sizeof(read_back)));
	assert_memory_equal("hello", read_back, 5);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	assert_false(fd_write_all(ends[1], "x", 1));
	assert_int_equal(EPIPE, errno);
	signal(SIGPIPE, SIG_DFL);
	close(ends[1]);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (full >= 0) {
		assert_false(fd_write_all(full, "x", 1));
		assert_int_equal(ENOSPC, errno);
		close(full);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_close_and_dup),
			cmocka_unit_test(test_flags),
			cmocka_unit_test(test_memfd),
			cmocka_unit_test(test_write_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
