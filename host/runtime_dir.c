#define _GNU_SOURCE
#include "host/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define MAX_X11_DISPLAY 33

static bool make_private(struct es_runtime_dir *dir) {
	const char *tmp = getenv("TMPDIR");
	if (tmp == NULL || tmp[0] != '/') {
		tmp = "/tmp";
	}
	snprintf(dir->path, sizeof(dir->path), "%s/earthshine-XXXXXX", tmp);
	if (mkdtemp(dir->path) == NULL) {
		es_log(ES_LOG_ERROR,
				"XDG_RUNTIME_DIR is not set and no directory could be made in '%s': %s; set it to a "
				"directory of yours with mode 0700",
				tmp, strerror(errno));
		return false;
	}
	dir->made = true;
	if (setenv("XDG_RUNTIME_DIR", dir->path, 1) != 0) {
		es_log(ES_LOG_ERROR, "cannot set XDG_RUNTIME_DIR: %s", strerror(errno));
		return false;
	}
	es_log(ES_LOG_DEBUG, "XDG_RUNTIME_DIR is not set: using '%s' for this run", dir->path);
	return true;
}

static const char *why_unusable(const char *path) {
	struct stat st;
	struct sockaddr_un address;
	if (path[0] != '/') {
		return "is not an absolute path";
	}
	if (strlen(path) + strlen("/wayland-00.lock") >= sizeof(address.sun_path)) {
		return "is too long for a socket's name";
	}
	if (stat(path, &st) != 0) {
		return errno == ENOENT ? "does not exist" : strerror(errno);
	}
	if (!S_ISDIR(st.st_mode)) {
		return "is not a directory";
	}
	if (access(path, W_OK | X_OK) != 0) {
		return "is not writable";
	}
	return NULL;
}

static void lock_name(const struct es_runtime_dir *dir, int i, char *out, size_t cap) {
	snprintf(out, cap, "%s/wayland-%d.lock", dir->path, i);
}

bool runtime_dir_init(struct es_runtime_dir *dir) {
	*dir = (struct es_runtime_dir){0};
	const char *path = getenv("XDG_RUNTIME_DIR");
	if (path == NULL || path[0] == '\0') {
		if (!make_private(dir)) {
			return false;
		}
		path = dir->path;
	} else {
		snprintf(dir->path, sizeof(dir->path), "%s", path);
	}
	const char *why = why_unusable(path);
	if (why != NULL) {
		es_log(ES_LOG_ERROR,
				"XDG_RUNTIME_DIR '%s' %s; set it to a directory of yours with mode 0700, or unset it and "
				"a private one is made",
				path, why);
		runtime_dir_finish(dir);
		return false;
	}
	for (int i = 0; i < ES_RUNTIME_DIR_DISPLAYS; i++) {
		char name[sizeof(dir->path) + 32];
		lock_name(dir, i, name, sizeof(name));
		dir->existed[i] = access(name, F_OK) == 0;
	}
	return true;
}

// A socket whose lock can be had belongs to nobody (libwayland's own rule).
static void clear_wayland(const struct es_runtime_dir *dir, int i) {
	char name[sizeof(dir->path) + 32];
	lock_name(dir, i, name, sizeof(name));
	int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		char socket_name[sizeof(name)];
		snprintf(socket_name, sizeof(socket_name), "%s/wayland-%d", dir->path, i);
		unlink(socket_name);
		unlink(name);
	}
	fd_close(&fd);
}

static void clear_x11(int i, pid_t pid) {
	char name[64], text[32] = "";
	snprintf(name, sizeof(name), "/tmp/.X%d-lock", i);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return;
	}
	ssize_t n = read(fd, text, sizeof(text) - 1);
	fd_close(&fd);
	if (n <= 0 || strtol(text, NULL, 10) != pid) {
		return;
	}
	char socket_name[64];
	snprintf(socket_name, sizeof(socket_name), "/tmp/.X11-unix/X%d", i);
	unlink(socket_name);
	unlink(name);
}

void runtime_dir_clear_after(const struct es_runtime_dir *dir, pid_t pid) {
	for (int i = 0; i < ES_RUNTIME_DIR_DISPLAYS; i++) {
		if (!dir->existed[i]) {
			clear_wayland(dir, i);
		}
	}
	for (int i = 0; i < MAX_X11_DISPLAY; i++) {
		clear_x11(i, pid);
	}
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
	if (remove(path) != 0 && errno != ENOENT) {
		es_log(ES_LOG_WARN, "cannot remove '%s': %s", path, strerror(errno));
	}
	return 0;
}

void runtime_dir_finish(struct es_runtime_dir *dir) {
	if (dir->made) {
		// Its own file systems only: an app may have mounted something there.
		nftw(dir->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		dir->made = false;
	}
}

static bool make_folder(const char *path) {
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool runtime_dir_make_session(struct es_runtime_dir *dir, const char *name) {
	*dir = (struct es_runtime_dir){0};
	const char *parent = getenv("XDG_RUNTIME_DIR");
	char ours[sizeof(dir->path) - 64];
	int n = parent == NULL || parent[0] == '\0'
			? -1
			: snprintf(ours, sizeof(ours), "%s/earthshine", parent);
	if (n < 0 || (size_t)n >= sizeof(ours)) {
		es_log(ES_LOG_ERROR,
				"XDG_RUNTIME_DIR is not set or too long: set it to a directory of yours with mode "
				"0700");
		return false;
	}
	snprintf(dir->path, sizeof(dir->path), "%s/%s", ours, name);
	if (access(dir->path, F_OK) == 0) {
		dir->made = true;
		runtime_dir_finish(dir);
	}
	// Not "exists already": that would be somebody else's.
	if (!make_folder(ours) || mkdir(dir->path, 0700) != 0) {
		es_log(ES_LOG_ERROR, "cannot make '%s' for a session: %s", dir->path, strerror(errno));
		return false;
	}
	dir->made = true;
	const char *why = why_unusable(dir->path);
	if (why != NULL) {
		es_log(ES_LOG_ERROR, "'%s' cannot hold a session's sockets: it %s", dir->path, why);
		runtime_dir_finish(dir);
		return false;
	}
	return true;
}
