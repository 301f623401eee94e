#define _GNU_SOURCE
#include "host/end_signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static void fill(sigset_t *set) {
	static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		// A blocked signal reaches the signalfd even if it is ignored.
		struct sigaction action;
		bool ignored = signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &action) == 0 &&
				action.sa_handler == SIG_IGN;
		if (!ignored) {
			sigaddset(set, signals[i]);
		}
	}
}

bool end_signals_block(void) {
	sigset_t set;
	fill(&set);
	return signal(SIGPIPE, SIG_IGN) != SIG_ERR && signal(SIGXFSZ, SIG_IGN) != SIG_ERR &&
			sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

int end_signals_open(void) {
	sigset_t set;
	fill(&set);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
