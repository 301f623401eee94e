// Lists of "NAME=value", ended by NULL, as environments are.
#pragma once

#include <stdbool.h>

// A copy (of any list of strings); NULL: no memory. An empty one for NULL.
char **env_list_copy(char *const *list);
void env_list_free(char **list); // NULL is fine

// Replaces or adds `prefix``assignment`, as in ("", "LANG=C"). False: no memory, *list as before.
bool env_list_set(char ***list, const char *prefix, const char *assignment);
// Takes a variable out, if it is there.
void env_list_drop(char **list, const char *name);
