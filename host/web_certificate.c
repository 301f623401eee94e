#include "host/web_certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "protocol/crypto.h"

#define MAX_FILE ((size_t)64 * 1024)

// Ended by a NUL; wiped and freed by the caller.
static char *read_text(const char *path, char *error, size_t cap) {
	char *text = calloc(1, MAX_FILE + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t size = 0;
	ssize_t n = text != NULL && fd >= 0 ? 1 : -1;
	while (n > 0 && size < MAX_FILE) {
		n = read(fd, text + size, MAX_FILE - size);
		size += n > 0 ? (size_t)n : 0;
	}
	int reason = errno;
	fd_close(&fd);
	if (n != 0) {
		snprintf(error, cap, "cannot read '%s': %s", path,
				n > 0 ? "it is too large" : strerror(reason));
		free(text);
		return NULL;
	}
	return text;
}

bool web_certificate_load(struct es_http_server *server, const struct es_console_settings *console,
		char *error, size_t cap) {
	char why[256];
	if (console->certificate == NULL) {
		return true;
	}
	char *cert = read_text(console->certificate, error, cap);
	char *key = cert != NULL ? read_text(console->key, error, cap) : NULL;
	bool ok = key != NULL && http_server_set_certificate(server, key, cert, why, sizeof(why));
	if (key != NULL && !ok) {
		snprintf(error, cap, "'%s' and '%s' are not a certificate and its key: %s",
				console->certificate, console->key, why);
	}
	if (key != NULL) {
		crypto_wipe(key, strlen(key));
	}
	free(key);
	free(cert);
	return ok;
}
