#define _GNU_SOURCE
#include "host/recording_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/quantity.h"
#include "host/recording_read.h"
#include "host/state_file.h"

#define AHEAD 16384
#define MAX_NUMBER 9999

struct es_recording_file {
	int dir_fd; // borrowed
	int fd;
	char name[ES_RECORDING_ID + 8];
	uint64_t size; // of the whole records
	uint64_t reserved; // up to there
	bool unreservable; // a file system that cannot
};

// --- names

bool recording_id_is(const char *text) {
	static const char pattern[] = "dddd-dd-dd-";
	uint64_t number;
	size_t i = 0;
	for (; pattern[i] != '\0'; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		if (pattern[i] == 'd' ? !digit : text[i] != pattern[i]) {
			return false;
		}
	}
	return text[i] != '0' && quantity_whole(text + i, 1, MAX_NUMBER, &number);
}

void recording_name(const char *id, char *out) {
	snprintf(out, ES_RECORDING_ID + 8, "%.*s.esr", ES_RECORDING_ID - 1, id);
}

bool recording_id_make(int dir_fd, int64_t started_ms, char id[ES_RECORDING_ID]) {
	time_t seconds = (time_t)(started_ms / 1000);
	struct tm day;
	char name[ES_RECORDING_ID + 8];
	if (localtime_r(&seconds, &day) == NULL || day.tm_year < 0 || day.tm_year > 8099) {
		return false;
	}
	for (int number = 1; number <= MAX_NUMBER; number++) {
		struct stat st;
		snprintf(id, ES_RECORDING_ID, "%04d-%02d-%02d-%d", day.tm_year + 1900, day.tm_mon + 1,
				day.tm_mday, number);
		recording_name(id, name);
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			return errno == ENOENT;
		}
	}
	return false;
}

// --- writing

static bool fail(const struct es_recording_file *file, char *error, size_t cap) {
	int reason = errno;
	char path[4096];
	state_file_describe(file->dir_fd, file->name, path, sizeof(path));
	snprintf(error, cap, "cannot write '%s': %s", path, strerror(reason));
	return false;
}

// Room for AHEAD more than `size`, if the file system can promise any.
static bool reserve(struct es_recording_file *file, size_t size) {
	if (file->unreservable || file->size + size + AHEAD / 2 <= file->reserved) {
		return true;
	}
	off_t length = (off_t)(size + AHEAD);
	if (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, (off_t)file->size, length) == 0) {
		file->reserved = file->size + (uint64_t)length;
		return true;
	}
	file->unreservable = errno == EOPNOTSUPP || errno == ENOSYS;
	return file->unreservable;
}

static bool append(struct es_recording_file *file, const uint8_t *data, size_t size) {
	size_t done = 0;
	while (done < size) {
		ssize_t n = pwrite(file->fd, data + done, size - done, (off_t)(file->size + done));
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			int reason = n == 0 ? ENOSPC : errno;
			if (done > 0 && ftruncate(file->fd, (off_t)file->size) != 0) {
				reason = errno; // a reader stops at the torn record
			}
			errno = reason;
			return false;
		}
		done += (size_t)n;
	}
	file->size += size;
	return true;
}

struct es_recording_file *recording_file_create(int dir_fd, const char *id,
		const struct es_recording_header *header, char *error, size_t cap) {
	struct es_recording_file *file = calloc(1, sizeof(*file));
	uint8_t bytes[ES_RECORDING_HEADER];
	if (file == NULL) {
		snprintf(error, cap, "out of memory");
		return NULL;
	}
	file->dir_fd = dir_fd;
	recording_name(id, file->name);
	file->fd = openat(dir_fd, file->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t size = recording_put_header(header, bytes);
	if (file->fd < 0 || !reserve(file, size) || !append(file, bytes, size)) {
		fail(file, error, cap);
		if (file->fd >= 0) {
			unlinkat(dir_fd, file->name, 0);
		}
		recording_file_destroy(file);
		return NULL;
	}
	return file;
}

bool recording_file_put(struct es_recording_file *file, const uint8_t *record, size_t size,
		char *error, size_t cap) {
	return (reserve(file, size) && append(file, record, size)) || fail(file, error, cap);
}

static bool append_end(struct es_recording_file *file, const struct es_recording_end *end) {
	uint8_t record[ES_RECORDING_RECORD_MAX];
	return append(file, record, recording_put_end(end, record));
}

// Where nothing could be reserved: the last records make room.
static bool append_end_instead(struct es_recording_file *file, const struct es_recording_end *end) {
	struct es_recording_overview overview;
	int reason = errno;
	bool ok = file->size > 2 * ES_RECORDING_RECORD_MAX &&
			ftruncate(file->fd, (off_t)(file->size - ES_RECORDING_RECORD_MAX)) == 0 &&
			recording_look(file->fd, &overview);
	if (ok) {
		file->size = overview.used;
		memcpy(overview.end.reason, end->reason, sizeof(end->reason));
		ok = ftruncate(file->fd, (off_t)file->size) == 0 && append_end(file, &overview.end);
	}
	errno = reason;
	return ok;
}

bool recording_file_end(struct es_recording_file *file, const struct es_recording_end *end,
		char *error, size_t cap) {
	// What was reserved and not used is given back by the truncation.
	return ((append_end(file, end) || append_end_instead(file, end)) &&
				   ftruncate(file->fd, (off_t)file->size) == 0 && fdatasync(file->fd) == 0 &&
				   fsync(file->dir_fd) == 0) ||
			fail(file, error, cap);
}

static bool mend(struct es_recording_file *file, char *error, size_t cap) {
	struct es_recording_overview overview;
	errno = EIO;
	if (file->fd < 0 || !recording_look(file->fd, &overview)) {
		return errno == 0 || fail(file, error, cap); // 0: not one of ours
	}
	if (overview.complete) {
		return true;
	}
	snprintf(overview.end.reason, sizeof(overview.end.reason),
			"the host was killed or the machine went down");
	file->size = overview.used;
	return (ftruncate(file->fd, (off_t)file->size) == 0 || fail(file, error, cap)) &&
			recording_file_end(file, &overview.end, error, cap);
}

bool recording_file_mend(int dir_fd, const char *id, char *error, size_t cap) {
	struct es_recording_file file = {.dir_fd = dir_fd};
	recording_name(id, file.name);
	file.fd = openat(dir_fd, file.name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool ok = file.fd >= 0 ? mend(&file, error, cap) : fail(&file, error, cap);
	fd_close(&file.fd);
	return ok;
}

void recording_file_destroy(struct es_recording_file *file) {
	if (file != NULL) {
		fd_close(&file->fd);
		free(file);
	}
}

uint64_t recording_file_size(const struct es_recording_file *file) {
	return file->size;
}
