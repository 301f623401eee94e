#define _GNU_SOURCE
#include "host/app_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define MAX_SIZE ((off_t)8 << 20)

const char *app_image_type(const void *data, size_t size) {
	static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	static const unsigned char jpeg[] = {0xff, 0xd8, 0xff};
	if (size > sizeof(png) && memcmp(data, png, sizeof(png)) == 0) {
		return "image/png";
	}
	return size > sizeof(jpeg) && memcmp(data, jpeg, sizeof(jpeg)) == 0 ? "image/jpeg" : NULL;
}

static char *read_whole(int fd, size_t size) {
	char *data = malloc(size);
	for (size_t at = 0; data != NULL && at < size;) {
		ssize_t n = read(fd, data + at, size - at);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			free(data);
			return NULL;
		}
		at += (size_t)n;
	}
	return data;
}

void *app_image_read(const char *path, size_t *size, const char **type) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *data = NULL;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
			st.st_size <= MAX_SIZE) {
		*size = (size_t)st.st_size;
		data = read_whole(fd, *size);
	}
	fd_close(&fd);
	*type = data != NULL ? app_image_type(data, *size) : NULL;
	if (*type == NULL) {
		free(data);
		return NULL;
	}
	return data;
}
