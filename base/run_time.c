#include "base/run_time.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

// Of /proc/PID/task/NAME; "" if it cannot be read.
static void read_text(int task_fd, const char *name, const char *file, char *out, size_t cap) {
	char path[64];
	snprintf(path, sizeof(path), "%.32s/%s", name, file);
	int fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, out, cap - 1) : 0;
	fd_close(&fd);
	out[size > 0 ? size : 0] = '\0';
}

static bool is_ready(const char *stat) {
	const char *rest = strrchr(stat, ')'); // the name before it may hold anything
	return rest != NULL && strncmp(rest, ") R", 3) == 0;
}

// False if it does not count.
static bool add_thread(int task_fd, const char *name, struct es_run_time *sum) {
	char text[1024];
	int64_t cpu_ns, wait_ns;
	read_text(task_fd, name, "schedstat", text, sizeof(text));
	if (sscanf(text, "%" SCNd64 " %" SCNd64, &cpu_ns, &wait_ns) != 2) {
		return false;
	}
	sum->cpu_ns += cpu_ns;
	sum->wait_ns += wait_ns;
	read_text(task_fd, name, "stat", text, sizeof(text));
	sum->n_ready += is_ready(text);
	return true;
}

bool run_time_read(pid_t pid, struct es_run_time *out) {
	char path[64];
	*out = (struct es_run_time){0};
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	if (dir == NULL) {
		return false;
	}
	bool any = false;
	struct dirent *item;
	while ((item = readdir(dir)) != NULL) {
		any |= item->d_name[0] != '.' && add_thread(dirfd(dir), item->d_name, out);
	}
	closedir(dir);
	return any;
}
