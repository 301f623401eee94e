#define _GNU_SOURCE // memfd_create, F_DUPFD_CLOEXEC, seals
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

void fd_close(int *fd) {
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

int fd_dup(int fd) {
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static bool set_flag(int fd, int get, int set, int flag, bool on) {
	int flags = fcntl(fd, get);
	if (flags < 0) {
		return false;
	}
	int wanted = on ? flags | flag : flags & ~flag;
	return wanted == flags || fcntl(fd, set, wanted) == 0;
}

bool fd_set_cloexec(int fd, bool cloexec) {
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, cloexec);
}

bool fd_set_nonblock(int fd, bool nonblock) {
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, nonblock);
}

// Kernels that are configured strictly refuse a memfd that does not say that it is no program;
// kernels before 6.3 do not know the word.
static int create_memfd(const char *name) {
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL) {
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	}
	return fd;
}

int fd_create_sealed_memfd(const char *name, size_t size) {
	if (size > INT64_MAX) {
		errno = EFBIG;
		return -1;
	}
	int fd = create_memfd(name);
	if (fd < 0) {
		return -1;
	}
	if (ftruncate(fd, (off_t)size) != 0 ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		int saved_errno = errno;
		fd_close(&fd);
		errno = saved_errno;
	}
	return fd;
}

bool fd_write_all(int fd, const void *data, size_t size) {
	const char *bytes = data;
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return false;
		}
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}
