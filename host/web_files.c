#define _GNU_SOURCE
#include "host/web_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "protocol/crypto.h"

#define MAX_FILE ((size_t)4 << 20)
#define MAX_PATH 256
#define BESIDE "data/web" // in a build folder
#define ETAG_BYTES 12

static const struct {
	const char *ending, *type;
} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".mjs", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".json", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".woff2", "font/woff2"},
		{".txt", "text/plain; charset=utf-8"},
};

static int open_folder(const char *path) {
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int web_files_open(const char *root, char *error, size_t cap) {
	char path[4096];
	if (root == NULL) {
		ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(BESIDE) - 1);
		path[n > 0 ? n : 0] = '\0';
		char *name = strrchr(path, '/');
		if (name != NULL) {
			memcpy(name + 1, BESIDE, sizeof(BESIDE));
		}
		root = name != NULL && access(path, F_OK) == 0 ? path : ES_DATADIR "/web";
	}
	int fd = open_folder(root);
	if (fd < 0) {
		snprintf(error, cap,
				"the console's files are not in '%s': %s; install earthshine again, or name their "
				"folder by --web-root",
				root, strerror(errno));
	}
	return fd;
}

// The file's name to a path: "/" is index.html, "/play" is play.html. Only plain characters, so that
// there is nothing to decode and nothing to escape from. NULL in *type: it is none.
static bool find_name(const char *path, char out[MAX_PATH], const char **type) {
	static const char plain[] =
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
	size_t size = strlen(path);
	if (path[0] != '/' || strspn(path, plain) != size || strstr(path, "/.") != NULL ||
			strstr(path, "//") != NULL) {
		return false;
	}
	const char *name = strrchr(path, '/') + 1;
	const char *ending = strrchr(name, '.');
	const char *more = ending != NULL ? "" : ".html";
	if (name[0] == '\0') {
		more = "index.html";
	}
	if (snprintf(out, MAX_PATH, "%s%s", path + 1, more) >= MAX_PATH) {
		return false;
	}
	ending = strrchr(out, '.');
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(ending, types[i].ending) == 0) {
			*type = types[i].type;
			return true;
		}
	}
	return false;
}

static int open_beneath(int root_fd, const char *name) {
	struct open_how how = {
			.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, root_fd, name, &how, sizeof(how));
}

static char *read_whole(int fd, size_t *size) {
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > MAX_FILE) {
		return NULL;
	}
	char *data = malloc((size_t)st.st_size + 1);
	*size = 0;
	while (data != NULL && *size < (size_t)st.st_size) {
		ssize_t n = read(fd, data + *size, (size_t)st.st_size - *size);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			free(data);
			return NULL;
		}
		*size += (size_t)n;
	}
	return data;
}

static void answer_data(
		struct es_http_request *request, const char *type, const char *data, size_t size) {
	uint8_t hash[ES_SHA256_SIZE];
	char etag[2 * ETAG_BYTES + 3] = "\"";
	crypto_sha256(data, size, hash);
	hex_encode(hash, ETAG_BYTES, etag + 1);
	etag[2 * ETAG_BYTES + 1] = '"';
	etag[2 * ETAG_BYTES + 2] = '\0';
	http_answer_header(request, "ETag", etag);
	http_answer_header(request, "Cache-Control", "no-cache");
	const char *known = NULL;
	if (http_request_header(request, "If-None-Match", &known) && known != NULL &&
			strstr(known, etag) != NULL) {
		http_answer(request, 304, NULL, "", 0, true);
	} else {
		http_answer(request, 200, type, data, size, false);
	}
}

void web_files_answer(int root_fd, struct es_http_request *request) {
	static const char nothing[] = "There is nothing at this path.\n";
	char name[MAX_PATH];
	const char *type = NULL;
	int fd = find_name(http_request_path(request), name, &type) ? open_beneath(root_fd, name) : -1;
	size_t size = 0;
	char *data = fd >= 0 ? read_whole(fd, &size) : NULL;
	fd_close(&fd);
	if (data == NULL) {
		http_answer(request, 404, "text/plain; charset=utf-8", nothing, strlen(nothing), true);
		return;
	}
	answer_data(request, type, data, size);
	free(data);
}
