#define _GNU_SOURCE
#include "host/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATH 4096

bool cache_file_path(const char *name, char *out, size_t cap) {
	const char *folder = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n = -1;
	if (folder != NULL && folder[0] == '/') {
		n = snprintf(out, cap, "%s/earthshine/%s", folder, name);
	} else if (home != NULL && home[0] == '/') {
		n = snprintf(out, cap, "%s/.cache/earthshine/%s", home, name);
	}
	return n > 0 && (size_t)n < cap;
}

char *cache_file_read(const char *path, size_t *size) {
	char *text = malloc(ES_CACHE_FILE_MAX + 2);
	// Non-blocking: what lies there may be a pipe.
	int fd = text != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (file == NULL) {
		if (fd >= 0) {
			close(fd);
		}
		free(text);
		return NULL;
	}
	*size = fread(text, 1, ES_CACHE_FILE_MAX + 1, file);
	bool ok = ferror(file) == 0 && *size <= ES_CACHE_FILE_MAX;
	fclose(file);
	if (!ok) {
		free(text);
		return NULL;
	}
	text[*size] = '\0';
	return text;
}

static void make_folders(const char *path) {
	char folder[MAX_PATH];
	snprintf(folder, sizeof(folder), "%s", path);
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(folder, '/');
		if (slash == NULL || slash == folder) {
			return;
		}
		*slash = '\0';
		char *upper = strrchr(folder, '/');
		if (i == 0 && upper != NULL && upper != folder) {
			*upper = '\0';
			mkdir(folder, 0700);
			*upper = '/';
		}
		mkdir(folder, 0700);
	}
}

bool cache_file_write(const char *path, const char *text, size_t size) {
	char temporary[MAX_PATH];
	int n = snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return false;
	}
	make_folders(path);
	FILE *file = fopen(temporary, "we");
	if (file == NULL) {
		return false;
	}
	bool ok = fwrite(text, 1, size, file) == size;
	ok = fclose(file) == 0 && ok;
	ok = ok && rename(temporary, path) == 0;
	int saved = errno;
	if (!ok) {
		unlink(temporary);
	}
	errno = saved;
	return ok;
}
