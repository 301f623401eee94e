// What `earthshine doctor` asks: which renderer works here, and whether there is an Xwayland.
#pragma once

#include <stdbool.h>

// Prints one "key value" line each on standard output. False: nothing can be composed here.
bool probe_print(void);
