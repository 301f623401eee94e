#include "host/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

static const struct es_container_choice choices[] = {
		{".mkv", ES_CONTAINER_MKV},
		{".mp4", ES_CONTAINER_MP4},
		{".ts", ES_CONTAINER_TS},
		{".h264", ES_CONTAINER_RAW, true, ES_CODEC_H264},
		{".hevc", ES_CONTAINER_RAW, true, ES_CODEC_HEVC},
		{".obu", ES_CONTAINER_RAW, true, ES_CODEC_AV1},
};

static const struct es_container_choice standard_output = {"-", ES_CONTAINER_RAW};

const struct es_container_choice *output_file_container(const char *path) {
	if (strcmp(path, "-") == 0) {
		return &standard_output;
	}
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	if (dot == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (strcasecmp(dot, choices[i].ending) == 0) {
			return &choices[i];
		}
	}
	return NULL;
}

bool output_file_holds(
		const struct es_container_choice *choice, enum es_codec codec, char *error, size_t cap) {
	if (choice->has_codec && choice->codec != codec) {
		snprintf(error, cap, "a %s file holds %s, not %s: use -c %s or another name",
				choice->ending, codec_name(choice->codec), codec_name(codec),
				codec_name(choice->codec));
		return false;
	}
	if (choice->container == ES_CONTAINER_TS && codec == ES_CODEC_AV1) {
		snprintf(error, cap, "a .ts file cannot hold av1: name it .mkv or .mp4");
		return false;
	}
	return true;
}

static bool open_path(struct es_output_file *file) {
	// Non-blocking: a named pipe that nobody reads would keep us for ever.
	const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	// Twice: only O_EXCL tells whether the file is ours to remove after a false start.
	file->fd = open(file->path, flags | O_EXCL, 0666);
	file->created = file->fd >= 0;
	if (file->fd < 0 && errno == EEXIST) {
		file->fd = open(file->path, flags, 0666);
	}
	if (file->fd < 0) {
		es_log(ES_LOG_ERROR, "cannot open '%s' for writing: %s; %s", file->path, strerror(errno),
				errno == ENXIO ? "start the reader of the pipe first"
							   : "choose another place with -o");
		return false;
	}
	return fd_set_nonblock(file->fd, false);
}

bool output_file_open(struct es_output_file *file, const char *path) {
	*file = (struct es_output_file){.path = path, .fd = -1};
	if (strcmp(path, "-") == 0) {
		file->fd = fd_dup(STDOUT_FILENO);
		if (file->fd < 0) {
			es_log(ES_LOG_ERROR, "cannot use standard output: %s", strerror(errno));
			return false;
		}
	} else if (!open_path(file)) {
		return false;
	}
	struct stat st;
	file->regular = fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode);
	return true;
}

bool output_file_begin(struct es_output_file *file) {
	// Standard output may be a file that the shell appends to: what lies there is not ours.
	if (!file->regular || strcmp(file->path, "-") == 0) {
		return true;
	}
	if (ftruncate(file->fd, 0) != 0) {
		es_log(ES_LOG_ERROR, "cannot empty '%s': %s", file->path, strerror(errno));
		return false;
	}
	return true;
}

uint64_t output_file_size(const struct es_output_file *file) {
	struct stat st;
	if (file->fd < 0 || !file->regular || fstat(file->fd, &st) != 0) {
		return 0;
	}
	return (uint64_t)st.st_size;
}

void output_file_finish(struct es_output_file *file, bool discard) {
	if (file->fd >= 0 && file->created && (discard || output_file_size(file) == 0)) {
		unlink(file->path);
	}
	fd_close(&file->fd);
}
