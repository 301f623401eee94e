#define _GNU_SOURCE
#include "host/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/control_path.h"

#define MAX_ANSWER ((size_t)128 << 20) // a recording of days

static int connect_to_host(struct sockaddr_un *address, int timeout_s) {
	char error[512];
	if (!control_path(address->sun_path, sizeof(address->sun_path), error, sizeof(error))) {
		es_log(ES_LOG_ERROR, "%s", error);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval timeout = {.tv_sec = timeout_s};
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
			setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
			connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
		return fd;
	}
	if (errno == ENOENT || errno == ECONNREFUSED) {
		es_log(ES_LOG_ERROR,
				"no earthshine serve of yours runs here (nobody listens on '%s'); start it with "
				"`earthshine serve` or `systemctl --user start earthshine`",
				address->sun_path);
	} else {
		es_log(ES_LOG_ERROR, "cannot reach the host on '%s': %s", address->sun_path,
				strerror(errno));
	}
	fd_close(&fd);
	return -1;
}

// Up to the end of the line; NULL with errno.
static char *receive_line(int fd, size_t *size) {
	char *text = NULL;
	size_t cap = 0;
	*size = 0;
	while (*size < MAX_ANSWER) {
		if (*size == cap) {
			cap = cap > 0 ? 2 * cap : 4096;
			char *larger = realloc(text, cap);
			if (larger == NULL) {
				break;
			}
			text = larger;
		}
		ssize_t n = recv(fd, text + *size, cap - *size, 0);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n == 0 ? ECONNRESET : errno;
			break;
		}
		*size += (size_t)n;
		if (text[*size - 1] == '\n') {
			return text;
		}
	}
	int reason = errno;
	free(text);
	errno = reason;
	return NULL;
}

static yyjson_doc *parse(const char *text, size_t size) {
	yyjson_doc *doc = yyjson_read(text, size, 0);
	if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
		es_log(ES_LOG_ERROR, "the host's answer is not understood; is it of another version?");
		yyjson_doc_free(doc);
		return NULL;
	}
	return doc;
}

yyjson_doc *control_client_ask(const yyjson_mut_doc *request, int timeout_s) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = 0;
	char *line = yyjson_mut_write(
			request, YYJSON_WRITE_NEWLINE_AT_END | YYJSON_WRITE_ESCAPE_UNICODE, &size);
	if (line == NULL) {
		es_log(ES_LOG_ERROR, "this cannot be sent to the host: is it UTF-8?");
		return NULL;
	}
	int fd = connect_to_host(&address, timeout_s);
	char *answer = NULL;
	if (fd >= 0 && send(fd, line, size, MSG_NOSIGNAL) == (ssize_t)size) {
		answer = receive_line(fd, &size);
	}
	if (fd >= 0 && answer == NULL) {
		bool late = errno == EAGAIN || errno == EWOULDBLOCK;
		es_log(ES_LOG_ERROR, "the host on '%s' did not answer: %s", address.sun_path,
				late ? "it seems to hang" : strerror(errno));
	}
	fd_close(&fd);
	free(line);
	yyjson_doc *doc = answer != NULL ? parse(answer, size) : NULL;
	free(answer);
	return doc;
}
