#include "host/env_list.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count(char *const *list) {
	size_t n = 0;
	while (list != NULL && list[n] != NULL) {
		n++;
	}
	return n;
}

void env_list_free(char **list) {
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		free(list[i]);
	}
	free(list);
}

char **env_list_copy(char *const *list) {
	size_t n = count(list);
	char **copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(list[i]);
		if (copy[i] == NULL) {
			env_list_free(copy);
			return NULL;
		}
	}
	return copy;
}

static bool same_name(const char *a, const char *b) {
	size_t length = strcspn(a, "=");
	return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

bool env_list_set(char ***list, const char *prefix, const char *assignment) {
	size_t size = strlen(prefix) + strlen(assignment) + 1;
	char *item = malloc(size);
	if (item == NULL) {
		return false;
	}
	snprintf(item, size, "%s%s", prefix, assignment);
	size_t n = count(*list);
	for (size_t i = 0; i < n; i++) {
		if (same_name((*list)[i], item)) {
			free((*list)[i]);
			(*list)[i] = item;
			return true;
		}
	}
	char **grown = realloc(*list, (n + 2) * sizeof(*grown));
	if (grown == NULL) {
		free(item);
		return false;
	}
	grown[n] = item;
	grown[n + 1] = NULL;
	*list = grown;
	return true;
}

void env_list_drop(char **list, const char *name) {
	size_t kept = 0, n = count(list);
	for (size_t i = 0; i < n; i++) {
		if (same_name(list[i], name)) {
			free(list[i]);
		} else {
			list[kept++] = list[i];
		}
	}
	list[kept] = NULL;
}
