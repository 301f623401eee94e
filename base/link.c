#define _GNU_SOURCE // MSG_CMSG_CLOEXEC, ETOOMANYREFS
#include "base/link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"

union control_buffer {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(ES_LINK_MAX_FDS * sizeof(int))];
};

bool link_pair(int fds[2]) {
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0;
}

static enum es_link_result result_from_errno(int error) {
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
		return ES_LINK_AGAIN;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return ES_LINK_CLOSED;
	default:
		return ES_LINK_BROKEN;
	}
}

static void add_fds(
		struct msghdr *header, union control_buffer *control, const int *fds, size_t n_fds) {
	memset(control, 0, sizeof(*control));
	header->msg_control = control->bytes;
	header->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	struct cmsghdr *item = CMSG_FIRSTHDR(header);
	item->cmsg_level = SOL_SOCKET;
	item->cmsg_type = SCM_RIGHTS;
	item->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(item), fds, n_fds * sizeof(int));
}

enum es_link_result link_send(int fd, const void *data, size_t size, const int *fds, size_t n_fds) {
	// an empty message would read as the end of the link
	if (size == 0 || size > ES_LINK_MAX_SIZE || n_fds > ES_LINK_MAX_FDS) {
		errno = EMSGSIZE;
		return ES_LINK_BROKEN;
	}
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	union control_buffer control;
	if (n_fds > 0) {
		add_fds(&header, &control, fds, n_fds);
	}
	ssize_t n;
	do {
		n = sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? result_from_errno(errno) : ES_LINK_OK;
}

// The kernel has already installed the fds: every one is taken here, or closed.
static void collect_fds(struct msghdr *header, struct es_link_packet *packet) {
	for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item != NULL;
			item = CMSG_NXTHDR(header, item)) {
		if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t n = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
			if (packet->n_fds < ES_LINK_MAX_FDS) {
				packet->fds[packet->n_fds++] = fd;
			} else {
				fd_close(&fd);
				header->msg_flags |= MSG_CTRUNC;
			}
		}
	}
}

static void clear(struct es_link_packet *packet) {
	packet->size = 0;
	packet->n_fds = 0;
	for (size_t i = 0; i < ES_LINK_MAX_FDS; i++) {
		packet->fds[i] = -1;
	}
}

enum es_link_result link_recv(int fd, struct es_link_packet *packet) {
	clear(packet);
	struct iovec part = {.iov_base = packet->data, .iov_len = sizeof(packet->data)};
	union control_buffer control;
	struct msghdr header = {
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;
	bool reset = false;
	do {
		n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n < 0 && errno == ECONNRESET && !reset) {
			// The peer closed without reading all that we sent. The kernel says so once, ahead of
			// what the peer had sent before: its last words are still there.
			reset = true;
			errno = EINTR;
		}
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		return result_from_errno(errno);
	}
	collect_fds(&header, packet);
	if (n == 0 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		link_packet_finish(packet);
		errno = EMSGSIZE;
		return n == 0 ? ES_LINK_CLOSED : ES_LINK_BROKEN;
	}
	packet->size = (size_t)n;
	return ES_LINK_OK;
}

int link_packet_take_fd(struct es_link_packet *packet, size_t index) {
	if (index >= packet->n_fds) {
		return -1;
	}
	int fd = packet->fds[index];
	packet->fds[index] = -1;
	return fd;
}

void link_packet_finish(struct es_link_packet *packet) {
	for (size_t i = 0; i < packet->n_fds; i++) {
		fd_close(&packet->fds[i]);
	}
	packet->n_fds = 0;
}
