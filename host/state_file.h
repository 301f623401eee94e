// What must survive the host: small files in one private folder, each replaced as a whole. Whatever
// happens while one is written (a full disk, a kill, a power cut), it holds the old or the new
// content.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ES_STATE_FILE_MAX ((size_t)16 << 20)

// Path of the folder: $XDG_STATE_HOME/earthshine, else ~/.local/state/earthshine. False with the
// reason in error[cap].
bool state_dir_path(char *path, size_t path_cap, char *error, size_t cap);

// Opens the folder, and makes it (0700) with all above it if it is not there. Refused, with the reason
// in error[cap] and -1: a folder of somebody else or that others can write. The caller closes it.
int state_dir_open(char *error, size_t cap);
int state_dir_open_at(const char *path, char *error, size_t cap);

// Keeps other hosts out of it for as long as dir_fd is open. False: there is one.
bool state_dir_lock(int dir_fd, char *error, size_t cap);

// Puts the content on disk (written, synced, renamed, folder synced) under that name with mode 0600.
// False with the reason in error[cap]: the old content is there still.
bool state_file_write(
		int dir_fd, const char *name, const void *data, size_t size, char *error, size_t cap);

enum es_state_read {
	ES_STATE_READ, // *data (ended by a NUL that *size does not count) is the caller's to free
	ES_STATE_ABSENT, // there is no such file
	ES_STATE_UNREADABLE, // there is one, the reason is in error[cap]
};
enum es_state_read state_file_read(
		int dir_fd, const char *name, char **data, size_t *size, char *error, size_t cap);

// "FOLDER/NAME" for messages.
void state_file_describe(int dir_fd, const char *name, char *out, size_t cap);
