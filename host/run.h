// `earthshine run`: checks all that can be checked, runs the app, and tells how it went.
#pragma once

// argv[0] is the word "run". Returns the exit status.
int run_command(int argc, char **argv);
