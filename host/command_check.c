#include "host/command_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_path(const char *path) {
	struct stat st;
	if (stat(path, &st) != 0) {
		return errno == EACCES ? EACCES : ENOENT;
	}
	return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : EACCES;
}

int command_check(const char *command) {
	if (strchr(command, '/') != NULL) {
		return check_path(command);
	}
	const char *path = getenv("PATH");
	if (path == NULL) {
		return 0; // the search has a default of its own
	}
	int result = ENOENT;
	while (true) {
		size_t len = strcspn(path, ":");
		char candidate[4096];
		int n = snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)len, path,
				len > 0 ? "/" : "", command);
		int error = n > 0 && (size_t)n < sizeof(candidate) ? check_path(candidate) : ENOENT;
		if (error == 0) {
			return 0;
		}
		if (error == EACCES) {
			result = EACCES; // as execvp: go on, but remember
		}
		if (path[len] == '\0') {
			return result;
		}
		path += len + 1;
	}
}
