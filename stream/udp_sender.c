#define _GNU_SOURCE // sendmmsg
#include "stream/udp_sender.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/uio.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

void udp_sender_init(struct es_udp_sender *sender, int fd) {
	*sender = (struct es_udp_sender){.fd = fd, .segments = true};
}

bool udp_sender_set_dscp(const struct es_udp_sender *sender, uint8_t dscp) {
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	if (getsockname(sender->fd, (struct sockaddr *)&address, &size) != 0) {
		return false;
	}
	int value = dscp << 2;
	return address.ss_family == AF_INET6
			? setsockopt(sender->fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value)) == 0
			: setsockopt(sender->fd, IPPROTO_IP, IP_TOS, &value, sizeof(value)) == 0;
}

// All in one: the kernel, or the network card, cuts it.
static bool send_segments(const struct es_udp_sender *sender, const struct sockaddr *peer,
		socklen_t peer_size, const uint8_t *data, uint32_t n, size_t size) {
	struct iovec bytes = {.iov_base = (void *)(uintptr_t)data, .iov_len = n * size};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(uint16_t))];
	} control;
	memset(&control, 0, sizeof(control));
	struct msghdr message = {
			.msg_name = (void *)(uintptr_t)peer,
			.msg_namelen = peer_size,
			.msg_iov = &bytes,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_UDP;
	header->cmsg_type = UDP_SEGMENT;
	header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
	memcpy(CMSG_DATA(header), &(uint16_t){(uint16_t)size}, sizeof(uint16_t));
	return sendmsg(sender->fd, &message, MSG_DONTWAIT) >= 0;
}

static int send_each(const struct es_udp_sender *sender, const struct sockaddr *peer,
		socklen_t peer_size, const uint8_t *data, uint32_t n, size_t size) {
	struct iovec bytes[ES_UDP_MAX_DATAGRAMS];
	struct mmsghdr messages[ES_UDP_MAX_DATAGRAMS];
	for (uint32_t i = 0; i < n; i++) {
		bytes[i] =
				(struct iovec){.iov_base = (void *)(uintptr_t)(data + i * size), .iov_len = size};
		messages[i].msg_hdr = (struct msghdr){
				.msg_name = (void *)(uintptr_t)peer,
				.msg_namelen = peer_size,
				.msg_iov = &bytes[i],
				.msg_iovlen = 1,
		};
	}
	return sendmmsg(sender->fd, messages, n, MSG_DONTWAIT);
}

// What a kernel, driver or route that cannot cut says: EINVAL and EIO among others. Whatever else it
// meant, the plain way will say it again.
static bool is_refusal(int error) {
	return error != EAGAIN && error != EINTR && error != ENOBUFS;
}

int udp_sender_send(struct es_udp_sender *sender, const struct sockaddr *peer, socklen_t peer_size,
		const uint8_t *data, uint32_t n, size_t size) {
	assert(n > 0 && n <= ES_UDP_MAX_DATAGRAMS && n * size <= 65000);
	if (n > 1 && sender->segments) {
		if (send_segments(sender, peer, peer_size, data, n, size)) {
			return (int)n;
		}
		if (!is_refusal(errno)) {
			return -1;
		}
		int sent = send_each(sender, peer, peer_size, data, n, size);
		sender->segments = sent < 0; // the plain way works, so it was the cutting
		return sent;
	}
	return send_each(sender, peer, peer_size, data, n, size);
}
