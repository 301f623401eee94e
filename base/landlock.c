#define _GNU_SOURCE // O_PATH, syscall
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

// Younger than the headers of some systems that have them at run time.
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#define ACCESS_TCP (1ULL << 0 | 1ULL << 1) // bind, connect
#define SCOPE_ALL (1ULL << 0 | 1ULL << 1) // abstract sockets, signals

#define FIRST_FS ((LANDLOCK_ACCESS_FS_REFER) - 1) // all of version 1
#define READ_DIR LANDLOCK_ACCESS_FS_READ_DIR
#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define USE_DEVICE (READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

// As the kernel has it: older ones take the first members alone.
struct ruleset {
	uint64_t fs, net, scoped;
};

int landlock_abi(void) {
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi > 0 ? (int)abi : 0;
}

static uint64_t fs_of(int abi) {
	uint64_t fs = FIRST_FS;
	fs |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
	fs |= abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0;
	fs |= abi >= 5 ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0;
	return fs;
}

static bool allow(int ruleset, const char *path, uint64_t access) {
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0) {
		return true; // not here: nothing to be allowed
	}
	struct stat info;
	if (fstat(fd, &info) != 0 || !S_ISDIR(info.st_mode)) {
		access &= ~(uint64_t)READ_DIR; // refused for anything else
	}
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
	bool ok = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	fd_close(&fd);
	return ok;
}

static bool allow_all(int ruleset, const char *const *paths, uint64_t access) {
	for (; paths != NULL && *paths != NULL; paths++) {
		if (!allow(ruleset, *paths, access)) {
			return false;
		}
	}
	return true;
}

int landlock_apply(const struct es_landlock *rights) {
	int abi = landlock_abi();
	struct ruleset attr = {
			.fs = rights->any_file ? 0 : fs_of(abi),
			.net = abi >= ES_LANDLOCK_ABI_NET ? ACCESS_TCP : 0,
			.scoped = abi >= ES_LANDLOCK_ABI_SCOPE ? SCOPE_ALL : 0,
	};
	size_t size = abi >= ES_LANDLOCK_ABI_SCOPE ? sizeof(attr)
			: abi >= ES_LANDLOCK_ABI_NET	   ? offsetof(struct ruleset, scoped)
											   : offsetof(struct ruleset, net);
	if (abi == 0) {
		return 0; // errno says why
	}
	if ((attr.fs | attr.net | attr.scoped) == 0) {
		errno = EOPNOTSUPP;
		return 0;
	}
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0) {
		return 0;
	}
	bool ok = allow_all(ruleset, rights->readable, attr.fs & (READ_FILE | READ_DIR)) &&
			allow_all(ruleset, rights->devices, attr.fs & (USE_DEVICE | READ_DIR)) &&
			syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	int error = errno;
	fd_close(&ruleset);
	errno = error;
	return ok ? abi : 0;
}
