#define _GNU_SOURCE
#include "host/control_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define MAX_PATH 4096

static bool is_ours(const char *path) {
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

// False: the variable names none, and this is ours to make.
static bool find_runtime_dir(char *path, size_t cap) {
	const char *named = getenv("XDG_RUNTIME_DIR");
	if (named != NULL && named[0] != '\0') {
		snprintf(path, cap, "%s", named);
		return true;
	}
	snprintf(path, cap, "/run/user/%u", (unsigned)geteuid());
	if (!is_ours(path)) {
		snprintf(path, cap, "/tmp/earthshine-%u", (unsigned)geteuid());
	}
	return false;
}

bool control_path(char *path, size_t path_cap, char *error, size_t cap) {
	char folder[MAX_PATH];
	find_runtime_dir(folder, sizeof(folder));
	int n = snprintf(path, path_cap, "%s/earthshine/control", folder);
	struct sockaddr_un address;
	if (n <= 0 || (size_t)n >= path_cap || (size_t)n >= sizeof(address.sun_path)) {
		snprintf(error, cap, "XDG_RUNTIME_DIR '%s' is too long for a socket's name", folder);
		return false;
	}
	return true;
}

// Opens the folder, made if need be. Others must not be able to put a socket of theirs into it.
static int open_private(const char *path, char *error, size_t cap) {
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		snprintf(error, cap, "cannot make '%s': %s; set XDG_RUNTIME_DIR to a folder of yours", path,
				strerror(errno));
		return -1;
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(error, cap, "cannot open '%s': %s; set XDG_RUNTIME_DIR to a folder of yours", path,
				strerror(errno));
		fd_close(&fd);
		return -1;
	}
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(error, cap,
				"'%s' is not yours or others can write to it; set XDG_RUNTIME_DIR to a folder of "
				"yours with mode 0700",
				path);
		fd_close(&fd);
	}
	return fd;
}

int control_path_settle(char *error, size_t cap) {
	char folder[MAX_PATH - 32], ours[MAX_PATH];
	if (!find_runtime_dir(folder, sizeof(folder))) {
		int fd = open_private(folder, error, cap);
		if (fd < 0 || setenv("XDG_RUNTIME_DIR", folder, 1) != 0) {
			fd_close(&fd);
			return -1;
		}
		fd_close(&fd);
	}
	snprintf(ours, sizeof(ours), "%s/earthshine", folder);
	return open_private(ours, error, cap);
}
