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
	// Not blocked while it is handled, since it is left by siglongjmp without restoring the mask.
	struct sigaction action = {.sa_handler = handle_sigbus, .sa_flags = SA_NODEFER};
	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) == 0;
}

bool sigbus_guard_run(void (*read)(void *data), void *data) {
	assert(active_guard == NULL);
	sigjmp_buf guard;
	if (sigsetjmp(guard, 0) != 0) {
		return false;
	}
	active_guard = &guard;
	read(data);
	active_guard = NULL;
	return true;
}
