#define _GNU_SOURCE
#include "host/port_owner.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN 0x0A

// The inode of the socket that listens on the port; 0: none.
static unsigned long find_inode(const char *table, uint16_t port) {
	FILE *f = fopen(table, "re");
	if (f == NULL) {
		return 0;
	}
	char line[512];
	unsigned long found = 0;
	while (found == 0 && fgets(line, sizeof(line), f) != NULL) {
		unsigned local_port, state;
		unsigned long inode;
		if (sscanf(line,
					" %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
					&local_port, &state, &inode) == 3 &&
				local_port == port && state == TCP_LISTEN) {
			found = inode;
		}
	}
	fclose(f);
	return found;
}

static bool holds_socket(const char *pid, const char *socket_name) {
	char path[300], target[64];
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	if (dir == NULL) {
		return false;
	}
	bool found = false;
	struct dirent *entry;
	while (!found && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			found = strcmp(target, socket_name) == 0;
		}
	}
	closedir(dir);
	return found;
}

static void name_process(const char *pid, char *out, size_t cap) {
	char path[300], name[64] = "a process";
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	FILE *f = fopen(path, "re");
	if (f != NULL) {
		if (fgets(name, sizeof(name), f) != NULL) {
			name[strcspn(name, "\n")] = '\0';
		}
		fclose(f);
	}
	snprintf(out, cap, "%s (pid %s)", name, pid);
}

bool port_owner(uint16_t port, char *out, size_t cap) {
	unsigned long inode = find_inode("/proc/net/tcp", port);
	if (inode == 0) {
		inode = find_inode("/proc/net/tcp6", port);
	}
	DIR *proc = inode != 0 ? opendir("/proc") : NULL;
	if (proc == NULL) {
		return false;
	}
	char socket_name[64];
	snprintf(socket_name, sizeof(socket_name), "socket:[%lu]", inode);
	bool found = false;
	struct dirent *entry;
	while (!found && (entry = readdir(proc)) != NULL) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
				holds_socket(entry->d_name, socket_name)) {
			name_process(entry->d_name, out, cap);
			found = true;
		}
	}
	closedir(proc);
	return found;
}
