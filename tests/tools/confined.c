// Gives up the rights of a room, and then tries one by one what it may not do any more, and what it
// must still be able to do.
//
//     confined encoder|device-encoder|streamer|display FORBIDDEN_FILE UNIX_SOCKET PID
//
// FORBIDDEN_FILE can be read by this user, UNIX_SOCKET listens, PID is another process of this user; on
// the abstract socket of the same name somebody listens, too. Prints what went wrong and exits with 1.
// EARTHSHINE_TEST_FILTER_ONLY: without Landlock, as on older kernels.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/process.h"
#include "compositor/rights.h"
#include "encode/rights.h"
#include "stream/rights.h"

struct probe {
	const char *file, *socket_path;
	pid_t other;
	int dir_fd; // of the file, opened before
	int udp_fd; // an unbound socket, made before
	int unix_fd;
	bool reads_files, loads_code, uses_devices, desktop;
	bool scoped; // Landlock keeps abstract sockets and signals apart
	int n_wrong;
};

#define ANY_ERROR 0

// `result` is what a system call gave: it must have failed with `error`.
static void must_fail(struct probe *probe, const char *what, long result, int error) {
	int found = errno;
	if (result >= 0) {
		printf("%s: worked\n", what);
		probe->n_wrong++;
	} else if (error != ANY_ERROR && found != error) {
		printf("%s: failed with \"%s\" instead of \"%s\"\n", what, strerror(found),
				strerror(error));
		probe->n_wrong++;
	}
}

static void must_work(struct probe *probe, const char *what, bool worked) {
	if (!worked) {
		printf("%s: does not work: %s\n", what, strerror(errno));
		probe->n_wrong++;
	}
}

static void try_files(struct probe *probe) {
	char path[4096];
	snprintf(path, sizeof(path), "%s.new", probe->file);
	must_fail(probe, "open a file of the user", open(probe->file, O_RDONLY | O_CLOEXEC), EACCES);
	must_fail(probe, "open it below an open folder",
			openat(probe->dir_fd, strrchr(probe->file, '/') + 1, O_RDONLY | O_CLOEXEC), EACCES);
	must_fail(probe, "open it for writing", open(probe->file, O_WRONLY | O_CLOEXEC), EACCES);
	must_fail(probe, "open it for both", open(probe->file, O_RDWR | O_CLOEXEC), EACCES);
	must_fail(probe, "make a file", open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600), EACCES);
	must_fail(probe, "make a nameless file", open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
			EACCES);
	must_fail(probe, "creat",
			syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0600), EACCES);
	uint64_t how[3] = {O_RDONLY | O_CLOEXEC};
	must_fail(probe, "openat2", syscall(SYS_openat2, AT_FDCWD, probe->file, how, sizeof(how)),
			ENOSYS);
	must_fail(probe, "truncate", truncate(probe->file, 0), EPERM);
	must_fail(probe, "unlink", unlink(probe->file), EPERM);
	must_fail(probe, "rename", rename(probe->file, path), EPERM);
	must_fail(probe, "link", link(probe->file, path), EPERM);
	must_fail(probe, "symlink", symlink(probe->file, path), EPERM);
	must_fail(probe, "mkdir", mkdir(path, 0700), EPERM);
	must_fail(probe, "chmod", chmod(probe->file, 0666), EPERM);
	must_fail(probe, "chdir", chdir("/"), EPERM);
	must_fail(probe, "chroot", chroot("/tmp"), EPERM);
	must_fail(probe, "open /dev/uinput", open("/dev/uinput", O_RDWR | O_CLOEXEC), ANY_ERROR);
	must_fail(probe, "open /dev/mem", open("/dev/mem", O_RDONLY | O_CLOEXEC), ANY_ERROR);
}

static void try_processes(struct probe *probe) {
	char path[64], word[16];
	char *argv[] = {word, NULL};
	snprintf(word, sizeof(word), "true");
	must_fail(probe, "exec", execve("/bin/true", argv, argv + 1), EPERM);
	must_fail(probe, "exec of a file descriptor",
			syscall(SYS_execveat, probe->dir_fd, "true", argv, argv + 1, 0), EPERM);
	must_fail(probe, "fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), EPERM);
#ifdef SYS_fork
	must_fail(probe, "the old fork", syscall(SYS_fork), EPERM);
#endif
	must_fail(probe, "ptrace of another", ptrace(PTRACE_SEIZE, probe->other, 0, 0), EPERM);
	must_fail(probe, "be traced", ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM);
	char byte;
	struct iovec local = {&byte, 1}, remote = {&byte, 1};
	must_fail(probe, "read another's memory",
			process_vm_readv(probe->other, &local, 1, &remote, 1, 0), EPERM);
	must_fail(probe, "write another's memory",
			process_vm_writev(probe->other, &local, 1, &remote, 1, 0), EPERM);
	if (probe->desktop) {
		must_work(probe, "signal another", kill(probe->other, 0) == 0);
		must_work(probe, "open a file of the user", open(probe->file, O_RDONLY | O_CLOEXEC) >= 0);
		return;
	}
	must_fail(probe, "pidfd_open", syscall(SYS_pidfd_open, probe->other, 0), EPERM);
	must_fail(probe, "signal another", kill(probe->other, 0), ANY_ERROR);
	must_fail(probe, "signal all", kill(-1, 0), ANY_ERROR);
	must_fail(probe, "change another's limits",
			prlimit(probe->other, RLIMIT_NOFILE, NULL, &(struct rlimit){0}), ANY_ERROR);
	static const char *const files[] = {"environ", "mem", "maps", "fd/0", "root/etc"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)probe->other, files[i]);
		must_fail(probe, path, open(path, O_RDONLY | O_CLOEXEC), EACCES);
	}
}

static void try_network(struct probe *probe) {
	struct sockaddr_in tcp = {
			.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un named = {.sun_family = AF_UNIX}, abstract = {.sun_family = AF_UNIX};
	snprintf(named.sun_path, sizeof(named.sun_path), "%s", probe->socket_path);
	snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1, "%s", probe->socket_path);
	must_fail(probe, "a TCP socket", socket(AF_INET, SOCK_STREAM, 0), EPERM);
	must_fail(probe, "a UDP socket", socket(AF_INET, SOCK_DGRAM, 0), EPERM);
	must_fail(probe, "an IPv6 socket", socket(AF_INET6, SOCK_DGRAM, 0), EPERM);
	must_fail(probe, "a packet socket", socket(AF_PACKET, SOCK_RAW, 0), EPERM);
	must_fail(probe, "a socket of virtual machines", socket(AF_VSOCK, SOCK_STREAM, 0), EPERM);
	must_fail(probe, "a Bluetooth socket", socket(AF_BLUETOOTH, SOCK_SEQPACKET, 0), EPERM);
	if (probe->desktop) {
		must_work(probe, "a unix socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
		return;
	}
	must_fail(probe, "a unix socket", socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	must_fail(probe, "a netlink socket", socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
	must_fail(
			probe, "connect", connect(probe->udp_fd, (struct sockaddr *)&tcp, sizeof(tcp)), EPERM);
	must_fail(probe, "bind", bind(probe->udp_fd, (struct sockaddr *)&tcp, sizeof(tcp)), EPERM);
	must_fail(probe, "listen", listen(probe->unix_fd, 1), EPERM);
	must_fail(probe, "connect to a socket of the user",
			connect(probe->unix_fd, (struct sockaddr *)&named, sizeof(named)), EPERM);
	if (probe->scoped) { // without it, an inherited unix socket alone could; there is none
		must_fail(probe, "send to an abstract socket",
				sendto(probe->unix_fd, "x", 1, 0, (struct sockaddr *)&abstract,
						(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
								strlen(probe->socket_path))),
				EPERM);
	}
}

static void try_kernel(struct probe *probe) {
	static const int spaces[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID,
			CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		char what[64];
		snprintf(what, sizeof(what), "unshare %#x", (unsigned)spaces[i]);
		must_fail(probe, what, unshare(spaces[i]), EPERM);
		snprintf(what, sizeof(what), "clone %#x", (unsigned)spaces[i]);
		must_fail(probe, what, syscall(SYS_clone, spaces[i] | SIGCHLD, 0, 0, 0, 0), EPERM);
		must_fail(probe, "clone a thread into it",
				syscall(SYS_clone, spaces[i] | CLONE_THREAD | CLONE_VM | CLONE_SIGHAND, 0, 0, 0, 0),
				EPERM);
	}
	uint64_t args[8] = {CLONE_NEWUSER};
	must_fail(probe, "clone3", syscall(SYS_clone3, args, sizeof(args)), ENOSYS);
	must_fail(probe, "mount", mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
	must_fail(probe, "fsopen", syscall(SYS_fsopen, "tmpfs", 0), EPERM);
	struct io_uring_params ring = {0};
	must_fail(probe, "io_uring", syscall(SYS_io_uring_setup, 1, &ring), EPERM);
	must_fail(probe, "bpf", syscall(SYS_bpf, 0, NULL, 0), EPERM);
	must_fail(probe, "perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), EPERM);
	must_fail(probe, "userfaultfd", syscall(SYS_userfaultfd, 0), EPERM);
	must_fail(probe, "keyctl", syscall(SYS_keyctl, 0, -3, 0), EPERM);
	must_fail(probe, "add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM);
	must_fail(probe, "a module", syscall(SYS_finit_module, probe->dir_fd, "", 0), EPERM);
	must_fail(probe, "setuid", setuid(0), EPERM);
	must_fail(probe, "another filter", syscall(SYS_seccomp, 1, 0, NULL), EPERM);
	must_fail(probe, "a call of tomorrow", syscall(1000), ENOSYS);
	int typed = probe->desktop ? EPERM : ENOSYS;
	must_fail(probe, "type on a terminal", ioctl(STDERR_FILENO, TIOCSTI, "x"), typed);
	must_fail(probe, "type with a long request",
			syscall(SYS_ioctl, STDERR_FILENO, TIOCSTI | UINT64_C(1) << 32, "x"), typed);
	if (!probe->loads_code && !probe->desktop) {
		must_fail(probe, "map memory as code",
				(long)(intptr_t)mmap(
						NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
				EPERM);
		void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must_fail(probe, "make memory code", mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM);
		munmap(page, 4096);
	}
}

static void *run_thread(void *data) {
	return data;
}

static void do_work(struct probe *probe) {
	pthread_t thread;
	void *result = NULL;
	int error = pthread_create(&thread, NULL, run_thread, probe);
	errno = error;
	must_work(probe, "a thread", error == 0 && pthread_join(thread, &result) == 0);
	int fd = memfd_create("confined", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	must_work(probe, "a memfd", fd >= 0 && ftruncate(fd, 4096) == 0);
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must_work(probe, "map it", map != MAP_FAILED && mprotect(map, 4096, PROT_READ) == 0);
	int flags = 1;
	must_work(probe, "FIONBIO", ioctl(probe->udp_fd, FIONBIO, &flags) == 0);
	int size = 65536;
	must_work(probe, "set a buffer's size",
			setsockopt(probe->udp_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	struct sockaddr_in address = {
			.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must_work(probe, "send a datagram",
			sendto(probe->udp_fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address,
					sizeof(address)) == 1);
	must_work(probe, "its own statistics", process_usage().peak_rss_kib > 0);
	fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	if (probe->reads_files) {
		must_work(probe, "read what processors there are", fd >= 0);
	} else {
		must_fail(probe, "open a file that all may read", fd, EACCES);
	}
	fd = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
	if (probe->loads_code) {
		must_work(probe, "read what is installed", fd >= 0);
		must_work(probe, "map it as code",
				mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	} else {
		must_fail(probe, "read what is installed", fd, EACCES);
	}
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (probe->uses_devices) {
		must_work(probe, "open a device", fd >= 0);
	} else {
		must_fail(probe, "open a device", fd, EACCES);
	}
	must_fail(
			probe, "look into its own memory", open("/proc/self/mem", O_RDWR | O_CLOEXEC), EACCES);
}

static const struct es_confinement *find_rights(const char *room) {
	return strcmp(room, "encoder") == 0			  ? &rights_software
			: strcmp(room, "device-encoder") == 0 ? &rights_device
			: strcmp(room, "streamer") == 0		  ? &stream_rights
			: strcmp(room, "display") == 0		  ? &display_rights
												  : NULL;
}

int main(int argc, char **argv) {
	const struct es_confinement *rights = argc == 5 ? find_rights(argv[1]) : NULL;
	if (rights == NULL) {
		return 2;
	}
	log_init("confined", ES_LOG_DEBUG);
	char *folder = strdup(argv[2]);
	*strrchr(folder, '/') = '\0';
	struct probe probe = {
			.file = argv[2],
			.socket_path = argv[3],
			.other = (pid_t)strtol(argv[4], NULL, 10),
			.dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			.udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
			.unix_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
			.reads_files = (rights->rights & ES_RIGHT_READ_FILES) != 0,
			.loads_code = (rights->rights & ES_RIGHT_LOAD_CODE) != 0,
			.uses_devices = (rights->rights & ES_RIGHT_DEVICES) != 0,
			.desktop = (rights->rights & ES_RIGHT_DESKTOP) != 0,
			.scoped = landlock_abi() >= ES_LANDLOCK_ABI_SCOPE,
	};
	free(folder);
	setvbuf(stdout, NULL, _IOLBF, 4096);
	process_keep_usage();
	confine(rights);
	if (!probe.desktop) {
		do_work(&probe);
		try_files(&probe);
	}
	try_processes(&probe);
	try_network(&probe);
	try_kernel(&probe);
	printf("%s: %d wrong\n", argv[1], probe.n_wrong);
	return probe.n_wrong == 0 ? 0 : 1;
}
