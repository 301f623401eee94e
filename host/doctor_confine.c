#include "host/doctor_confine.h"

#include "base/landlock.h"
#include "base/syscall_filter.h"
#include "host/findings.h"

#define SECCOMP_REMEDY \
	"the encoder and the streamer may make any system call: use a kernel with CONFIG_SECCOMP_FILTER, " \
	"in a container one that lets them use seccomp"
#define LANDLOCK_REMEDY \
	"the encoder may read all that you may: needs Linux 5.13 or newer, with landlock among the lsm= of " \
	"the kernel's command line; newer versions do more"

void doctor_check_confine(struct es_findings *findings) {
	bool filters = syscall_filter_available();
	findings_add(findings, "seccomp", filters, SECCOMP_REMEDY, "%s",
			filters ? "system calls of encoder and streamer are filtered" : "not in this kernel");
	int abi = landlock_abi();
	if (abi == 0) {
		findings_add(findings, "Landlock", false, LANDLOCK_REMEDY, "not in this kernel, or off");
	} else if (abi < ES_LANDLOCK_ABI_SCOPE) {
		findings_add(findings, "Landlock", true, NULL,
				"version %d: files%s; signals and abstract sockets from version %d on", abi,
				abi >= ES_LANDLOCK_ABI_NET ? ", TCP" : "", ES_LANDLOCK_ABI_SCOPE);
	} else {
		findings_add(findings, "Landlock", true, NULL,
				"version %d: files, TCP, signals, abstract sockets", abi);
	}
}
