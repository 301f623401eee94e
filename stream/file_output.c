#include "stream/file_output.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define FIRST_CAPACITY ((size_t)256 << 10)

static enum es_output_kind kind_of(int fd) {
	struct stat st;
	if (fstat(fd, &st) != 0) {
		return ES_OUTPUT_STREAM;
	}
	if (S_ISSOCK(st.st_mode)) {
		return ES_OUTPUT_SOCKET;
	}
	// With O_APPEND the position of a write is not ours to choose.
	bool append = (fcntl(fd, F_GETFL) & O_APPEND) != 0;
	return S_ISREG(st.st_mode) && !append ? ES_OUTPUT_FILE : ES_OUTPUT_STREAM;
}

bool file_output_init(struct es_file_output *output, int fd) {
	*output = (struct es_file_output){.fd = fd, .kind = kind_of(fd)};
	if (output->kind == ES_OUTPUT_FILE) {
		off_t start = lseek(fd, 0, SEEK_CUR);
		output->start = start > 0 ? start : 0;
	}
	output->gather = malloc(FIRST_CAPACITY);
	output->pending = output->gather;
	output->capacity = output->gather != NULL ? FIRST_CAPACITY : 0;
	return output->gather != NULL;
}

void file_output_finish(struct es_file_output *output) {
	fd_close(&output->fd);
	free(output->gather);
	output->gather = NULL;
}

bool file_output_seekable(const struct es_file_output *output) {
	return output->kind == ES_OUTPUT_FILE;
}

int64_t file_output_end(const struct es_file_output *output) {
	return output->base + (int64_t)output->pending_size;
}

bool file_output_seek(struct es_file_output *output, int64_t position) {
	bool gathered = position >= output->base && position <= file_output_end(output);
	if (position < 0 || (!gathered && output->kind != ES_OUTPUT_FILE)) {
		return false;
	}
	output->position = position;
	return true;
}

// All of it, at our position, into a regular file.
static bool write_at(
		struct es_file_output *output, const uint8_t *data, size_t size, int64_t position) {
	while (size > 0) {
		ssize_t n = pwrite(output->fd, data, size, (off_t)(output->start + position));
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			output->error = n < 0 ? errno : ENOSPC;
			return false;
		}
		data += n;
		size -= (size_t)n;
		position += n;
	}
	return true;
}

static bool reserve(struct es_file_output *output, size_t size) {
	if (size <= output->capacity) {
		return true;
	}
	size_t capacity = output->capacity;
	while (capacity < size) {
		capacity *= 2;
	}
	uint8_t *gather = realloc(output->gather, capacity);
	if (gather == NULL) {
		output->error = ENOMEM;
		return false;
	}
	output->gather = gather;
	output->pending = gather;
	output->capacity = capacity;
	return true;
}

// What lies behind the good part of a regular file.
static bool cut(struct es_file_output *output) {
	output->shelter_end = 0;
	if (ftruncate(output->fd, (off_t)(output->start + output->good)) != 0) {
		output->error = errno;
		return false;
	}
	return true;
}

// A muxer that completes what it wrote earlier, at the end; what is gathered goes out first, so that
// the file never refers to bytes that are not there, and a length that it is given is right.
static bool patch(struct es_file_output *output, const uint8_t *data, size_t size) {
	if (output->kind != ES_OUTPUT_FILE) {
		output->error = ESPIPE;
		return false;
	}
	if (file_output_flush(output) != ES_SINK_OK || !cut(output) ||
			!write_at(output, data, size, output->position)) {
		return false;
	}
	output->position += (int64_t)size;
	if (output->position > output->base) {
		output->base = output->position;
	}
	return true;
}

bool file_output_write(struct es_file_output *output, const uint8_t *data, size_t size) {
	if (output->error != 0) {
		return false;
	}
	if (output->position < output->base || output->position > file_output_end(output)) {
		return patch(output, data, size);
	}
	size_t offset = (size_t)(output->position - output->base);
	if (!reserve(output, offset + size)) {
		return false;
	}
	memcpy(output->gather + offset, data, size);
	output->position += (int64_t)size;
	if (offset + size > output->pending_size) {
		output->pending_size = offset + size;
	}
	return true;
}

void file_output_lend(struct es_file_output *output, const uint8_t *data, size_t size) {
	assert(output->pending_size == 0);
	output->pending = data;
	output->pending_size = size;
	output->position = output->base + (int64_t)size;
}

void file_output_set_shelter(struct es_file_output *output, const struct es_shelter *shelter) {
	output->shelter = output->kind == ES_OUTPUT_FILE ? shelter : NULL;
}

static void pending_done(struct es_file_output *output) {
	output->base += (int64_t)output->pending_size;
	output->pending = output->gather;
	output->pending_size = 0;
	output->pending_sent = 0;
	output->good = output->base;
}

// Lengthens the file for the element at its end. Until that says so too, a moment later, a reader
// would complain: so this is done seldom, in large steps.
static bool extend_shelter(struct es_file_output *output, int64_t needed) {
	int64_t end = output->base + needed + output->shelter->reserve;
	if (ftruncate(output->fd, (off_t)(output->start + end)) != 0) {
		// Near a limit: only what this unit needs.
		end = output->base + needed;
		if (ftruncate(output->fd, (off_t)(output->start + end)) != 0) {
			output->error = errno;
			return false;
		}
	}
	output->shelter_end = end;
	return true;
}

// First everything, with the element's head in place of its own; then its own. With a reserve, the
// element over what is left of it comes behind.
static bool write_sheltered(struct es_file_output *output) {
	const struct es_shelter *shelter = output->shelter;
	size_t size = output->pending_size, header_size = shelter->header_size;
	int64_t end = output->base + (int64_t)size;
	size_t total = size;
	if (shelter->reserve > 0) {
		total += header_size;
		if ((output->shelter_end < output->base + (int64_t)total &&
					!extend_shelter(output, (int64_t)total)) ||
				!reserve(output, total)) {
			return false;
		}
		shelter->make_header((uint64_t)(output->shelter_end - end), output->gather + size);
		end = output->shelter_end;
	}
	uint8_t own[ES_SHELTER_MAX_HEADER];
	memcpy(own, output->gather, header_size);
	shelter->make_header((uint64_t)(end - output->base), output->gather);
	return write_at(output, output->gather, total, output->base) &&
			write_at(output, own, header_size, output->base);
}

static enum es_sink_result flush_file(struct es_file_output *output) {
	bool sheltered = output->shelter != NULL && output->pending == output->gather &&
			output->pending_size >= output->shelter->header_size;
	bool ok = sheltered ? write_sheltered(output)
						: write_at(output, output->pending, output->pending_size, output->base);
	return ok ? ES_SINK_OK : ES_SINK_FAILED;
}

// Writes without blocking and without changing the descriptor's flags, which other processes
// share: a pipe that polls as writable has room for PIPE_BUF bytes.
static ssize_t write_some(struct es_file_output *output, const uint8_t *data, size_t size) {
	if (output->kind == ES_OUTPUT_SOCKET) {
		return send(output->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	struct pollfd pollfd = {.fd = output->fd, .events = POLLOUT};
	if (poll(&pollfd, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(output->fd, data, size < PIPE_BUF ? size : PIPE_BUF);
}

static enum es_sink_result flush_stream(struct es_file_output *output) {
	while (output->pending_sent < output->pending_size) {
		ssize_t n = write_some(output, output->pending + output->pending_sent,
				output->pending_size - output->pending_sent);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return ES_SINK_AGAIN;
		}
		if (n <= 0) {
			output->error = n < 0 ? errno : ENOSPC;
			return ES_SINK_FAILED;
		}
		output->pending_sent += (size_t)n;
	}
	return ES_SINK_OK;
}

enum es_sink_result file_output_flush(struct es_file_output *output) {
	if (output->error != 0) {
		return ES_SINK_FAILED;
	}
	if (output->pending_size == 0) {
		return ES_SINK_OK;
	}
	enum es_sink_result result =
			output->kind == ES_OUTPUT_FILE ? flush_file(output) : flush_stream(output);
	if (result == ES_SINK_OK) {
		pending_done(output);
	}
	return result;
}

void file_output_rollback(struct es_file_output *output) {
	output->pending = output->gather;
	output->pending_size = 0;
	output->pending_sent = 0;
	output->error = 0;
	output->base = output->good;
	output->position = output->good;
	file_output_close_shelter(output);
}

void file_output_close_shelter(struct es_file_output *output) {
	if (output->kind == ES_OUTPUT_FILE && output->error == 0) {
		cut(output);
	}
}
