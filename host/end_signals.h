// The signals that ask us to end, and SIGCHLD, as a file descriptor.
#pragma once

#include <stdbool.h>

// Holds them back from here on, so that none finds us with half-made files. SIGHUP stays ignored
// where it is (nohup). SIGPIPE and SIGXFSZ are ignored: errors of write say it. False with errno.
bool end_signals_block(void);

// A signalfd for what end_signals_block holds back; the caller owns it. -1 with errno.
int end_signals_open(void);
