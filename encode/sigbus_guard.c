#include "encode/sigbus_guard.h"

#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

// A signal handler has no other way to its thread's guard.
static _Thread_local sigjmp_buf *volatile active_guard;

static void handle_sigbus(int signal_number) {
	sigjmp_buf *guard = active_guard;
	if (guard != NULL) {
		active_guard = NULL;
		siglongjmp(*guard, 1);
	}
	// Not ours: the default action, when the faulting instruction runs again.
	signal(signal_number, SIG_DFL);
}

bool sigbus_guard_install(void) {
	struct sigaction action = {.sa_handler = handle_sigbus};
	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) == 0;
}

// It is blocked while it is handled, and the handler was left by siglongjmp. Saving the signal mask with
// each guard would be a system call for each frame.
static void unblock_sigbus(void) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool sigbus_guard_run(void (*read)(void *data), void *data) {
	assert(active_guard == NULL);
	sigjmp_buf guard;
	if (sigsetjmp(guard, 0) != 0) {
		unblock_sigbus();
		return false;
	}
	active_guard = &guard;
	read(data);
	active_guard = NULL;
	return true;
}
