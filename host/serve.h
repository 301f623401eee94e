// `earthshine serve`: the host as a service. Puts the parts together and runs the event loop.
#pragma once

// Returns the process's exit status: 0 after a drain, 1 failed, 2 usage.
int serve_command(int argc, char **argv);
