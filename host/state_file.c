#define _GNU_SOURCE
#include "host/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define MAX_PATH 4096

bool state_dir_path(char *path, size_t path_cap, char *error, size_t cap) {
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;
	if (state != NULL && state[0] == '/') { // as the XDG specification has it: else ignored
		n = snprintf(path, path_cap, "%s/earthshine", state);
	} else if (home != NULL && home[0] == '/') {
		n = snprintf(path, path_cap, "%s/.local/state/earthshine", home);
	} else {
		snprintf(error, cap,
				"neither XDG_STATE_HOME nor HOME names a folder for the pairings; set one of them");
		return false;
	}
	if (n <= 0 || (size_t)n >= path_cap) {
		snprintf(error, cap, "the path of the state folder is too long; set XDG_STATE_HOME");
		return false;
	}
	return true;
}

// Like mkdir -p -m 0700; what is there stays as it is.
static bool make_folders(const char *path) {
	char copy[MAX_PATH];
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) {
			return false;
		}
		*slash = '/';
	}
	return mkdir(copy, 0700) == 0 || errno == EEXIST;
}

static bool is_private(int fd, const char *path, char *error, size_t cap) {
	struct stat st;
	if (fstat(fd, &st) != 0) {
		snprintf(error, cap, "cannot examine '%s': %s", path, strerror(errno));
		return false;
	}
	if (st.st_uid != geteuid()) {
		snprintf(error, cap,
				"the state folder '%s' belongs to user %u, not to you; set XDG_STATE_HOME to a "
				"folder of yours",
				path, (unsigned)st.st_uid);
		return false;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(error, cap,
				"others can write to the state folder '%s' (mode %04o), so its pairings cannot be "
				"trusted; check them, then: chmod 700 '%s'",
				path, (unsigned)st.st_mode & 07777, path);
		return false;
	}
	return true;
}

int state_dir_open_at(const char *path, char *error, size_t cap) {
	if (!make_folders(path)) {
		snprintf(error, cap, "cannot make the state folder '%s': %s; set XDG_STATE_HOME", path,
				strerror(errno));
		return -1;
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(error, cap, "cannot open the state folder '%s': %s; set XDG_STATE_HOME", path,
				strerror(errno));
		return -1;
	}
	if (!is_private(fd, path, error, cap)) {
		fd_close(&fd);
	}
	return fd;
}

int state_dir_open(char *error, size_t cap) {
	char path[MAX_PATH];
	return state_dir_path(path, sizeof(path), error, cap) ? state_dir_open_at(path, error, cap)
														  : -1;
}

bool state_dir_lock(int dir_fd, char *error, size_t cap) {
	if (flock(dir_fd, LOCK_EX | LOCK_NB) == 0) {
		return true;
	}
	char path[MAX_PATH];
	state_file_describe(dir_fd, "", path, sizeof(path));
	if (errno == EWOULDBLOCK) {
		snprintf(error, cap,
				"another earthshine serve uses the state folder '%s'; end it, or set XDG_STATE_HOME "
				"to another one",
				path);
	} else {
		snprintf(error, cap, "cannot lock the state folder '%s': %s", path, strerror(errno));
	}
	return false;
}

void state_file_describe(int dir_fd, const char *name, char *out, size_t cap) {
	char link[64], folder[MAX_PATH] = "";
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
	ssize_t n = readlink(link, folder, sizeof(folder) - 1);
	folder[n > 0 ? n : 0] = '\0';
	snprintf(out, cap, "%s%s%s", folder, folder[0] != '\0' && name[0] != '\0' ? "/" : "", name);
}

static bool fail_write(int dir_fd, const char *name, char *error, size_t cap) {
	int reason = errno;
	char path[MAX_PATH];
	state_file_describe(dir_fd, name, path, sizeof(path));
	snprintf(error, cap, "cannot write '%s': %s", path, strerror(reason));
	return false;
}

static bool write_synced(int dir_fd, const char *temporary, const void *data, size_t size) {
	// Left by a host that was killed; one folder has one host, so it is nobody's.
	unlinkat(dir_fd, temporary, 0);
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir_fd, temporary, flags, 0600);
	if (fd < 0) {
		return false;
	}
	bool ok = fd_write_all(fd, data, size) && fsync(fd) == 0;
	int reason = errno;
	fd_close(&fd);
	errno = reason;
	return ok;
}

bool state_file_write(
		int dir_fd, const char *name, const void *data, size_t size, char *error, size_t cap) {
	char temporary[256];
	if (size > ES_STATE_FILE_MAX ||
			snprintf(temporary, sizeof(temporary), ".%s.new", name) >= (int)sizeof(temporary)) {
		errno = EFBIG;
		return fail_write(dir_fd, name, error, cap);
	}
	if (!write_synced(dir_fd, temporary, data, size) ||
			renameat(dir_fd, temporary, dir_fd, name) != 0) {
		fail_write(dir_fd, name, error, cap);
		unlinkat(dir_fd, temporary, 0);
		return false;
	}
	// What is there now is the new content, and would be taken back by a power cut only.
	if (fsync(dir_fd) != 0) {
		fail_write(dir_fd, name, error, cap);
		es_log(ES_LOG_WARN, "%s; it may be lost when the power fails now", error);
	}
	return true;
}

static bool is_sound(const struct stat *st, const char *path, char *error, size_t cap) {
	if (!S_ISREG(st->st_mode)) {
		snprintf(error, cap, "'%s' is not a file", path);
	} else if (st->st_uid != geteuid()) {
		snprintf(error, cap, "'%s' belongs to user %u, not to you", path, (unsigned)st->st_uid);
	} else if ((st->st_mode & 077) != 0) {
		snprintf(error, cap,
				"others have access to '%s' (mode %04o); if its content is as you left it: chmod 600 "
				"'%s'",
				path, (unsigned)st->st_mode & 07777, path);
	} else if ((unsigned long long)st->st_size > ES_STATE_FILE_MAX) {
		snprintf(error, cap, "'%s' is too large (%lld bytes) to be ours", path,
				(long long)st->st_size);
	} else {
		return true;
	}
	return false;
}

// As many bytes as fstat has told: nobody else writes to it, and we replace it whole.
static char *read_whole(int fd, size_t size) {
	char *data = malloc(size + 1);
	size_t at = 0;
	while (data != NULL && at < size) {
		ssize_t n = read(fd, data + at, size - at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			free(data);
			return NULL;
		}
		at += (size_t)n;
	}
	if (data != NULL) {
		data[size] = '\0';
	}
	return data;
}

enum es_state_read state_file_read(
		int dir_fd, const char *name, char **data, size_t *size, char *error, size_t cap) {
	char path[MAX_PATH];
	state_file_describe(dir_fd, name, path, sizeof(path));
	// Non-blocking: somebody's pipe of that name would keep us for ever.
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		return ES_STATE_ABSENT;
	}
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(error, cap, "cannot open '%s': %s", path, strerror(errno));
		fd_close(&fd);
		return ES_STATE_UNREADABLE;
	}
	*data = NULL;
	if (is_sound(&st, path, error, cap)) {
		*size = (size_t)st.st_size;
		*data = read_whole(fd, *size);
		if (*data == NULL) {
			snprintf(error, cap, "cannot read '%s': %s", path, strerror(errno));
		}
	}
	fd_close(&fd);
	return *data != NULL ? ES_STATE_READ : ES_STATE_UNREADABLE;
}
