// An allow-list by groups, wide enough for what a C library of tomorrow does for the same work. What is on
// neither list is answered as by a kernel that does not know it (ENOSYS): C libraries fall back then.
#define _GNU_SOURCE // O_TMPFILE
#include "base/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/sanitized.h"

static const char *const everybody[] = {
		// memory
		"brk", "munmap", "mremap", "madvise", "mincore", "mlock", "mlock2", "munlock", "msync",
		"membarrier", "memfd_create", "get_mempolicy", "set_mempolicy", "mbind", "map_shadow_stack",
		// threads
		"set_robust_list", "get_robust_list", "set_tid_address", "futex", "futex_time64",
		"futex_waitv", "futex_wait", "futex_wake", "futex_requeue", "rseq", "gettid", "exit",
		"exit_group", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam",
		"sched_setparam", "sched_getscheduler", "sched_setscheduler", "sched_getattr",
		"sched_setattr", "sched_get_priority_max", "sched_get_priority_min",
		"sched_rr_get_interval", "getcpu", "getpriority", "setpriority", "arch_prctl", "prctl",
		"restart_syscall",
		// signals
		"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
		"rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaltstack", "sigreturn", "pause",
		// time
		"clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
		"clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "times",
		"timer_create", "timer_settime", "timer_settime64", "timer_gettime", "timer_gettime64",
		"timer_delete", "timer_getoverrun", "timerfd_create", "timerfd_settime",
		"timerfd_settime64", "timerfd_gettime", "timerfd_gettime64", "getitimer", "setitimer",
		"alarm",
		// waiting
		"poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
		"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
		"eventfd", "eventfd2", "pipe", "pipe2", "signalfd", "signalfd4",
		// open files
		"read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
		"pwritev2", "lseek", "_llseek", "close", "close_range", "dup", "dup2", "dup3", "fcntl",
		"fcntl64", "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "fstatfs", "fstatfs64",
		"ftruncate", "ftruncate64", "fallocate", "fsync", "fdatasync", "sync_file_range",
		"fadvise64", "fadvise64_64", "flock",
		// open sockets
		"send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg",
		"recvmmsg_time64", "getsockopt", "setsockopt", "getsockname", "getpeername", "shutdown",
		"socketpair",
		// about oneself and the machine
		"getpid", "getppid", "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32",
		"getegid", "getegid32", "getgroups", "getgroups32", "getresuid", "getresuid32", "getresgid",
		"getresgid32", "getpgrp", "getpgid", "getsid", "capget", "uname", "sysinfo", "getrusage",
		"getrlimit", "ugetrlimit", "getrandom"};

static const char *const readers[] = {"access", "faccessat", "faccessat2", "stat", "stat64",
		"lstat", "lstat64", "statfs", "statfs64", "readlink", "readlinkat", "getcwd", "getdents",
		"getdents64"};

static const char *const drivers[] = {"kcmp"}; // whether two fds are the same device

// What libraries try, and do without: these never end the process.
static const char *const tried_files[] = {"open", "openat", "access", "faccessat", "faccessat2",
		"stat", "lstat", "readlink", "readlinkat", "statfs", "getcwd", "getdents64"};
static const char *const tried_new[] = {
		"clone3", "openat2"}; // their flags lie out of reach, in memory

// Nothing of ours may ever do these: not for want of a version, so the error says so.
static const char *const refused[] = {
		// the network, other programs' sockets
		"socket", "connect", "bind", "listen", "accept", "accept4", "socketcall",
		// processes
		"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
		"process_madvise", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp", "personality",
		"seccomp", "uselib",
		// name spaces and mounts
		"unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "open_tree",
		"move_mount", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr",
		// the kernel
		"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
		"io_uring_register", "io_setup", "io_submit", "keyctl", "add_key", "request_key",
		"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
		"syslog", "acct", "swapon", "swapoff", "quotactl", "iopl", "ioperm", "modify_ldt",
		"vhangup", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname",
		"setdomainname", "fanotify_init", "lookup_dcookie", "vmsplice",
		// files, by name or handle
		"creat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat",
		"rmdir", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat",
		"fchmodat2", "chown", "fchown", "lchown", "fchownat", "truncate", "mknod", "mknodat",
		"utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr",
		"removexattr", "open_by_handle_at", "name_to_handle_at", "chdir", "fchdir", "umask",
		// who one is
		"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
		"setfsuid", "setfsgid", "capset", "setpgid", "setsid",
		// memory shared by name
		"shmget", "shmat", "shmctl", "semget", "semop", "msgget", "msgsnd", "msgrcv", "mq_open"};

// What the sanitizers' own code does in our process: reports in files, the symbolizer as a child; the
// leak check stops all threads from a helper process, which traces them. In such builds alone.
static const char *const sanitizers[] = {"open", "openat", "clone", "clone3", "fork", "vfork",
		"execve", "wait4", "waitid", "ptrace", "kill", "tkill", "tgkill", "unlink", "mkdir",
		"chdir", "personality", "mmap", "mmap2", "mprotect", "ioctl", "prlimit64", "setrlimit",
		"umask", "process_vm_readv", "rt_sigqueueinfo", "rt_tgsigqueueinfo"};

// Of what is refused, what a desktop does: sockets of its own machine, files, its app's processes.
static const char *const of_desktops[] = {"socket", "connect", "bind", "listen", "accept",
		"accept4", "pidfd_open", "pidfd_send_signal", "kcmp", "creat", "unlink", "unlinkat",
		"rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "link", "linkat", "symlink",
		"symlinkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "truncate", "utime", "utimes",
		"utimensat", "futimesat", "chdir", "fchdir", "umask", "shmget", "shmat", "shmctl",
		"setxattr", "fsetxattr"};

#define N(list) (sizeof(list) / sizeof((list)[0]))
#define NEW_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
			CLONE_NEWNET)
#define CHANGES_FILES (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
#define IOCTL_TYPE(letter) ((uint64_t)(unsigned char)(letter) << 8)

struct filter {
	scmp_filter_ctx context;
	uint32_t refuse; // action for what nothing of ours may do
	bool ok;
};

// A call that this library or architecture does not know needs no rule. Of two rules for all arguments
// the first stays.
static void add(struct filter *filter, uint32_t action, const char *name, unsigned n,
		const struct scmp_arg_cmp *args) {
	int number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR) {
		return;
	}
	int result = seccomp_rule_add_array(filter->context, action, number, n, args);
	// EACCES: what happens without a rule, too
	filter->ok = filter->ok &&
			(result == 0 || result == -EEXIST || result == -EDOM || result == -EACCES);
}

static void add_all(
		struct filter *filter, uint32_t action, const char *const *names, size_t n_names) {
	for (size_t i = 0; i < n_names; i++) {
		add(filter, action, names[i], 0, NULL);
	}
}

// Where the argument has these bits under the mask.
static void add_masked(struct filter *filter, uint32_t action, const char *name, unsigned arg,
		uint64_t mask, uint64_t bits) {
	struct scmp_arg_cmp masked = SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, bits);
	add(filter, action, name, 1, &masked);
}

// Allowed if none of these bits is in the argument.
static void allow_without(
		struct filter *filter, uint32_t otherwise, const char *name, unsigned arg, uint64_t bits) {
	add_masked(filter, SCMP_ACT_ALLOW, name, arg, bits, 0);
	for (uint64_t bit = 1; bit <= bits; bit <<= 1) {
		if ((bits & bit) != 0) {
			add_masked(filter, otherwise, name, arg, bit, bit);
		}
	}
}

static void allow_threads(struct filter *filter) {
	uint64_t mask = CLONE_THREAD | (uint32_t)NEW_NAMESPACES;
	add_masked(filter, SCMP_ACT_ALLOW, "clone", 0, mask, CLONE_THREAD);
	add_masked(filter, filter->refuse, "clone", 0, CLONE_THREAD, 0);
	for (uint64_t bit = 1; bit <= mask; bit <<= 1) {
		if ((bit & (uint32_t)NEW_NAMESPACES) != 0) {
			add_masked(filter, filter->refuse, "clone", 0, CLONE_THREAD | bit, CLONE_THREAD | bit);
		}
	}
}

// To its own threads: abort() and raise() need it.
static void allow_itself(struct filter *filter) {
	static const char *const calls[] = {"tgkill", "kill", "prlimit64"};
	for (size_t i = 0; i < N(calls); i++) {
		add_masked(filter, SCMP_ACT_ALLOW, calls[i], 0, UINT32_MAX, (uint64_t)getpid());
	}
	add_masked(filter, SCMP_ACT_ALLOW, "prlimit64", 0, UINT32_MAX, 0);
}

static void allow_memory(struct filter *filter, unsigned rights) {
	static const char *const calls[] = {"mmap", "mmap2", "mprotect"};
	for (size_t i = 0; i < N(calls); i++) {
		if ((rights & ES_RIGHT_LOAD_CODE) != 0) {
			add(filter, SCMP_ACT_ALLOW, calls[i], 0, NULL);
		} else {
			allow_without(filter, filter->refuse, calls[i], 2, PROT_EXEC);
		}
	}
}

static void allow_files(struct filter *filter, unsigned rights) {
	uint32_t no = SCMP_ACT_ERRNO(EACCES);
	if ((rights & (ES_RIGHT_READ_FILES | ES_RIGHT_DEVICES)) == 0) {
		add_all(filter, no, tried_files, N(tried_files));
		return;
	}
	uint64_t bits = CHANGES_FILES | ((rights & ES_RIGHT_DEVICES) != 0 ? 0 : O_ACCMODE);
	allow_without(filter, no, "openat", 2, bits);
	allow_without(filter, no, "open", 1, bits);
	add_all(filter, SCMP_ACT_ALLOW, readers, N(readers));
}

// A terminal may be behind standard error: TIOCSTI would type on it. So of the requests of type 'T' only
// those go that ask and set what every fd has; the kernel looks at 32 bits.
static void allow_ioctl(struct filter *filter, unsigned rights) {
	static const uint64_t plain[] = {
			TCGETS, 0x802c542a /* TCGETS2 */, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};
	static const char types[] = {'b', '>'}; // of DMA-BUFs and of fences
	for (size_t i = 0; i < N(plain); i++) {
		add_masked(filter, SCMP_ACT_ALLOW, "ioctl", 1, UINT32_MAX, plain[i]);
	}
	for (size_t i = 0; i < N(types); i++) {
		add_masked(filter, SCMP_ACT_ALLOW, "ioctl", 1, 0xff00, IOCTL_TYPE(types[i]));
	}
	// Any other type differs from 'T' in a bit at least.
	for (unsigned shift = 8; (rights & ES_RIGHT_DEVICES) != 0 && shift < 16; shift++) {
		uint64_t bit = UINT64_C(1) << shift;
		add_masked(filter, SCMP_ACT_ALLOW, "ioctl", 1, bit, ~IOCTL_TYPE('T') & bit);
	}
}

static void fill(struct filter *filter, unsigned rights) {
	add_all(filter, SCMP_ACT_ALLOW, everybody, N(everybody));
	if (ES_SANITIZED) {
		add_all(filter, SCMP_ACT_ALLOW, sanitizers, N(sanitizers));
		add_all(filter, SCMP_ACT_ALLOW, readers, N(readers));
	} else {
		allow_threads(filter);
		allow_itself(filter);
		allow_memory(filter, rights);
		allow_files(filter, rights);
		allow_ioctl(filter, rights);
	}
	if ((rights & ES_RIGHT_DEVICES) != 0) {
		add_all(filter, SCMP_ACT_ALLOW, drivers, N(drivers));
	}
	add_all(filter, SCMP_ACT_ERRNO(ENOSYS), tried_new, N(tried_new));
	add_all(filter, filter->refuse, refused, N(refused));
}

static bool contains(const char *const *list, size_t n, const char *name) {
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], name) == 0) {
			return true;
		}
	}
	return false;
}

// Sockets of other families than AF_UNIX and AF_NETLINK (devices that come and go).
static void refuse_network(struct filter *filter) {
	for (int family = AF_UNIX + 1; family < AF_NETLINK; family++) {
		add_masked(filter, filter->refuse, "socket", 0, UINT32_MAX, (uint64_t)family);
	}
	struct scmp_arg_cmp above = SCMP_CMP32(0, SCMP_CMP_GT, AF_NETLINK);
	add(filter, filter->refuse, "socket", 1, &above);
}

// All but what is named here may be done.
static void fill_desktop(struct filter *filter) {
	for (size_t i = 0; i < N(refused); i++) {
		bool allowed = contains(of_desktops, N(of_desktops), refused[i]) ||
				(ES_SANITIZED && contains(sanitizers, N(sanitizers), refused[i]));
		if (!allowed) {
			add(filter, filter->refuse, refused[i], 0, NULL);
		}
	}
	refuse_network(filter);
	add_masked(filter, filter->refuse, "ioctl", 1, UINT32_MAX, TIOCSTI);
	if (!ES_SANITIZED) {
		add_masked(filter, filter->refuse, "clone", 0, CLONE_THREAD, 0);
		for (uint64_t bit = 1; bit <= (uint32_t)NEW_NAMESPACES; bit <<= 1) {
			if ((bit & (uint32_t)NEW_NAMESPACES) != 0) {
				add_masked(filter, filter->refuse, "clone", 0, bit, bit);
			}
		}
		add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
	}
}

bool syscall_filter_available(void) {
	uint32_t action = SECCOMP_RET_ERRNO;
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool syscall_filter_apply(unsigned rights, bool kill) {
	bool desktop = (rights & ES_RIGHT_DESKTOP) != 0;
	uint32_t otherwise = kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS);
	struct filter filter = {
			.context = seccomp_init(desktop ? SCMP_ACT_ALLOW : otherwise),
			.refuse = kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM),
			.ok = true,
	};
	if (filter.context == NULL) {
		errno = ENOMEM;
		return false;
	}
	if (desktop) {
		fill_desktop(&filter);
		// Its threads, drivers' and PipeWire's, are there already.
		filter.ok = filter.ok && seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_TSYNC, 1) == 0;
	} else {
		fill(&filter, rights);
	}
	int result = filter.ok ? seccomp_load(filter.context) : -EINVAL;
	seccomp_release(filter.context);
	errno = -result;
	return result == 0;
}
