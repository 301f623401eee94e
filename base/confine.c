#define _GNU_SOURCE // syscall
#include "base/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/sanitized.h"
#include "base/syscall_filter.h"

enum mode { MODE_ON, MODE_OFF, MODE_KILL };

static enum mode mode_from_env(void) {
	const char *value = getenv("EARTHSHINE_CONFINE");
	if (value == NULL || strcmp(value, "on") == 0) {
		return MODE_ON;
	}
	if (strcmp(value, "off") == 0) {
		es_log(ES_LOG_WARN, "not confined, as EARTHSHINE_CONFINE=off says");
		return MODE_OFF;
	}
	if (strcmp(value, "kill") != 0) {
		es_log(ES_LOG_WARN, "EARTHSHINE_CONFINE is '%s', not on, off or kill: taken for on", value);
		return MODE_ON;
	}
	return MODE_KILL;
}

// Nobody of the same user may look into its memory, and none of it gets into a core file.
static void hide_memory(void) {
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

// Only root has any to lose.
static void drop_capabilities(void) {
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	}
	if (syscall(SYS_capset, &header, none) != 0) {
		es_log(ES_LOG_WARN, "cannot drop capabilities: %s", strerror(errno));
	}
}

// They would keep all their rights.
static void check_single_thread(void) {
	struct stat info;
	if (!ES_SANITIZED && stat("/proc/self/task", &info) == 0 && info.st_nlink > 3) {
		es_log(ES_LOG_WARN, "confined too late: there are other threads");
	}
}

static int restrict_files(const struct es_confinement *needs) {
	struct es_landlock rights = {
			.any_file = ES_SANITIZED, // their reports and symbols
			.readable = needs->readable,
			.devices = needs->devices,
	};
	int abi = landlock_apply(&rights);
	if (abi == 0) {
		es_log(ES_LOG_DEBUG, "without Landlock (%s): files are closed by system calls alone",
				strerror(errno));
	} else if (abi < ES_LANDLOCK_ABI_SCOPE) {
		es_log(ES_LOG_DEBUG, "Landlock here is version %d: %d has abstract sockets and signals",
				abi, ES_LANDLOCK_ABI_SCOPE);
	}
	return abi;
}

void confine(const struct es_confinement *needs) {
	enum mode mode = mode_from_env();
	if (needs->holds_keys) {
		hide_memory();
	}
	if (mode == MODE_OFF) {
		return;
	}
	bool desktop = (needs->rights & ES_RIGHT_DESKTOP) != 0;
	if (!desktop) {
		check_single_thread();
	}
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		es_log(ES_LOG_WARN, "not confined: no_new_privs: %s", strerror(errno));
		return;
	}
	// Before the filter, which refuses it. A desktop signals an app that is not confined as it is.
	int abi = desktop ? 0 : restrict_files(needs);
	// Nobody can list what drivers try and do without.
	bool kill = mode == MODE_KILL && (needs->rights & (ES_RIGHT_DEVICES | ES_RIGHT_DESKTOP)) == 0;
	bool filtered = syscall_filter_apply(needs->rights, kill);
	if (!filtered) {
		es_log(ES_LOG_INFO, "without a filter of system calls (%s)", strerror(errno));
	}
	es_log(ES_LOG_DEBUG,
			"confined: no new privileges, no capabilities, system calls %s%s, Landlock %d",
			filtered ? "filtered" : "not filtered", kill ? " (kill)" : "", abi);
}
