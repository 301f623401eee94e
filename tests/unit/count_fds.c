#include "tests/unit/count_fds.h"

#include <dirent.h>

size_t count_fds(void) {
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;
	while (dir != NULL && readdir(dir) != NULL) {
		n++;
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return n;
}
