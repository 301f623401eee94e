#define _GNU_SOURCE // PR_SET_TIMERSLACK beside POSIX
#include "stream/video_sender.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "stream/pacer.h"
#include "stream/packet_ring.h"
#include "stream/udp_sender.h"

#define DEFAULT_FEC_PERCENT 20
#define SOCKET_BUFFER (1 << 20)
// The largest frame that the protocol can carry: four blocks without parity.
#define MAX_FRAME_DATAGRAMS (ES_VIDEO_MAX_BLOCKS * 1023)
// A frame that has to wait for more than two frame intervals of full bursts comes too late to be worth
// sending; at high rates at least this, a third of a large IDR.
#define MIN_WAITING 512
// What is still not out after this is not sent any more: the client has given it up. The largest frame
// takes 256 ms by itself.
#define MAX_AGE_NS (400 * ES_NS_PER_MS)
#define FULL_SOCKET_WAIT_MS 10 // at most, then it is looked whether to go on

_Static_assert(ES_SENDER_BURST == ES_PACER_BURST, "the contract is the pacer's");
_Static_assert(ES_SENDER_BURST <= ES_UDP_MAX_DATAGRAMS, "a group goes out in one call");

// A frame on its round: the streamer's thread writes it before put and reads it after take, the send
// thread has it in between.
struct frame {
	struct es_sent_frame sent;
	struct sockaddr_storage peer;
	socklen_t peer_size;
	int64_t put_ns;
};

struct es_video_sender {
	// immutable
	uint32_t datagram_size;

	// owned
	struct es_packetizer *packetizer; // streamer's thread only
	struct es_packet_ring *ring;
	int sent_fd; // eventfd: frames that are done
	pthread_t thread;
	bool running;

	// streamer's thread only
	struct sockaddr_storage peer;
	socklen_t peer_size; // 0: none yet
	uint8_t fec_percent;
	int64_t first_ns; // capture time of the first frame; 0: none yet
	uint32_t timestamp; // of the latest frame

	// send thread only
	struct es_udp_sender udp;
	struct es_pacer pacer;

	// by index of the ring
	struct frame frames[ES_RING_FRAMES];
};

// --- send thread

// After a send that failed. True: try again. False: for good, it took too long, or the sender is to end.
static bool wait_for_room(struct es_video_sender *sender, const struct frame *frame, int error) {
	int64_t until_ns = clock_now_ns();
	switch (error) {
	case EINTR:
		break;
	case EAGAIN:
		poll(&(struct pollfd){.fd = sender->udp.fd, .events = POLLOUT}, 1, FULL_SOCKET_WAIT_MS);
		break;
	case ENOBUFS: // the device's queue; the socket is always writable then
		until_ns += ES_NS_PER_MS;
		break;
	default:
		return false;
	}
	return clock_now_ns() - frame->put_ns <= MAX_AGE_NS &&
			packet_ring_wait_until(sender->ring, until_ns);
}

static bool send_group(struct es_video_sender *sender, const struct frame *frame,
		const uint8_t *data, uint32_t n) {
	while (n > 0) {
		int sent = udp_sender_send(&sender->udp, (const struct sockaddr *)&frame->peer,
				frame->peer_size, data, n, sender->datagram_size);
		if (sent < 0 && !wait_for_room(sender, frame, errno)) {
			return false;
		}
		if (sent > 0) {
			pacer_sent(&sender->pacer, (uint32_t)sent, clock_now_ns());
			packet_ring_advance(sender->ring, (uint32_t)sent);
			data += (size_t)sent * sender->datagram_size;
			n -= (uint32_t)sent;
		}
	}
	return true;
}

// False: the kernel refused it, it took too long, or the sender is to end.
static bool send_frame(
		struct es_video_sender *sender, const struct frame *frame, const uint8_t *data) {
	pacer_begin(&sender->pacer, frame->sent.n_datagrams);
	uint32_t n;
	while ((n = pacer_group(&sender->pacer)) > 0) {
		if (!packet_ring_wait_until(sender->ring, pacer_due_ns(&sender->pacer)) ||
				clock_now_ns() - frame->put_ns > MAX_AGE_NS ||
				!send_group(sender, frame, data, n)) {
			return false;
		}
		data += (size_t)n * sender->datagram_size;
	}
	return true;
}

static void *run_sender(void *data) {
	struct es_video_sender *sender = data;
	// By default the kernel wakes up to 50 us late, each millisecond of a large frame.
	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	struct es_ring_frame at;
	while (packet_ring_next(sender->ring, &at)) {
		struct frame *frame = &sender->frames[at.index];
		frame->sent.failed = !send_frame(sender, frame, at.data);
		frame->sent.sent_ns = clock_now_ns();
		packet_ring_done(sender->ring); // the streamer's thread has the frame from here on
		eventfd_write(sender->sent_fd, 1);
	}
	return NULL;
}

// --- streamer's thread

// Signals are for the loop.
static bool start_thread(struct es_video_sender *sender) {
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sender->running = pthread_create(&sender->thread, NULL, run_sender, sender) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return sender->running;
}

static void prepare_socket(
		struct es_video_sender *sender, const struct es_video_sender_params *params) {
	int size = SOCKET_BUFFER; // as much of it as the system allows
	if (setsockopt(params->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0) {
		es_log(ES_LOG_DEBUG, "the video socket keeps its buffer: %s", strerror(errno));
	}
	udp_sender_init(&sender->udp, params->fd);
	if (params->dscp != 0 && !udp_sender_set_dscp(&sender->udp, params->dscp)) {
		es_log(ES_LOG_WARN, "cannot mark video with DSCP %u, sending it unmarked: %s", params->dscp,
				strerror(errno));
	}
}

static uint32_t max_waiting(int32_t refresh_mhz) {
	int64_t n = 2 * clock_period_ns(refresh_mhz) * ES_SENDER_BURST / ES_NS_PER_MS;
	return n < MIN_WAITING			  ? MIN_WAITING
			: n > MAX_FRAME_DATAGRAMS ? MAX_FRAME_DATAGRAMS
									  : (uint32_t)n;
}

static bool init(struct es_video_sender *sender, const struct es_video_sender_params *params) {
	struct es_packetizer_params packetizer_params = {
			.packet_size = params->packet_size,
			.min_parity = params->min_parity,
			.key = params->key,
	};
	sender->packetizer = packetizer_create(&packetizer_params);
	if (sender->packetizer == NULL) {
		return false;
	}
	sender->datagram_size = packetizer_shape(sender->packetizer, 1, 0).datagram_size;
	struct es_packet_ring_params ring_params = {
			.datagram_size = sender->datagram_size,
			.max_frame = MAX_FRAME_DATAGRAMS,
			.max_waiting = max_waiting(params->refresh_mhz),
	};
	sender->ring = packet_ring_create(&ring_params);
	sender->sent_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return sender->ring != NULL && sender->sent_fd >= 0 && start_thread(sender);
}

struct es_video_sender *video_sender_create(const struct es_video_sender_params *params) {
	struct es_video_sender *sender = calloc(1, sizeof(*sender));
	if (sender == NULL) {
		es_log(ES_LOG_ERROR, "cannot send video: out of memory");
		return NULL;
	}
	sender->sent_fd = -1;
	sender->fec_percent = DEFAULT_FEC_PERCENT;
	pacer_init(&sender->pacer);
	prepare_socket(sender, params);
	if (!init(sender, params)) {
		es_log(ES_LOG_ERROR, "cannot send video: out of memory, file descriptors or threads");
		video_sender_destroy(sender);
		return NULL;
	}
	return sender;
}

void video_sender_destroy(struct es_video_sender *sender) {
	if (sender == NULL) {
		return;
	}
	if (sender->running) {
		packet_ring_stop(sender->ring);
		pthread_join(sender->thread, NULL);
	}
	packet_ring_destroy(sender->ring);
	packetizer_destroy(sender->packetizer);
	fd_close(&sender->sent_fd);
	free(sender);
}

void video_sender_set_peer(
		struct es_video_sender *sender, const struct sockaddr *peer, socklen_t size) {
	if (size > 0 && size <= sizeof(sender->peer)) {
		memcpy(&sender->peer, peer, size);
		sender->peer_size = size;
	}
}

void video_sender_set_fec(struct es_video_sender *sender, uint8_t percent) {
	sender->fec_percent = percent;
}

// 90 kHz since the first frame, and never 0, which would mean unknown. It wraps after 13 hours.
static uint32_t timestamp_of(struct es_video_sender *sender, const struct es_unit *unit) {
	if (sender->first_ns == 0) {
		sender->first_ns = unit->times.commit_ns;
	}
	int64_t since_ns = unit->times.commit_ns - sender->first_ns;
	uint32_t timestamp = since_ns > 0 ? (uint32_t)((uint64_t)since_ns * 9 / 100000) + 1 : 1;
	if (timestamp == 0 || (int32_t)(timestamp - sender->timestamp) < 0) {
		return sender->timestamp; // what came earlier is not shown later
	}
	return timestamp;
}

// From commit to now in 0.1 ms; 0, unknown, for what no app has committed.
static uint16_t latency_of(const struct es_unit *unit, int64_t now_ns) {
	int64_t tenths = (now_ns - unit->times.commit_ns) / (100 * ES_NS_PER_US);
	if (unit->kind != ES_UNIT_NEW || tenths < 0) {
		return 0;
	}
	return tenths < 1 ? 1 : tenths < UINT16_MAX ? (uint16_t)tenths : UINT16_MAX;
}

bool video_sender_put(
		struct es_video_sender *sender, const struct es_put_frame *put, uint32_t *frame) {
	const struct es_unit *unit = put->unit;
	struct es_frame_shape shape =
			packetizer_shape(sender->packetizer, unit->size + put->padding, sender->fec_percent);
	struct es_ring_frame room;
	if (sender->peer_size == 0 || shape.n_datagrams == 0 ||
			!packet_ring_reserve(sender->ring, shape.n_datagrams, &room)) {
		return false;
	}
	int64_t now_ns = clock_now_ns();
	sender->timestamp = timestamp_of(sender, unit);
	struct es_frame_info info = {
			.type = put->type,
			.timestamp = sender->timestamp,
			.latency = latency_of(unit, now_ns),
			.fec_percent = sender->fec_percent,
			.padding = put->padding,
	};
	*frame = packetizer_counters(sender->packetizer)->frame;
	packetizer_make(sender->packetizer, &info, put->data, unit->size, room.data);
	struct frame *entry = &sender->frames[room.index];
	entry->sent = (struct es_sent_frame){
			.unit = *unit,
			.frame = *frame,
			.packetized_ns = clock_now_ns(),
			.n_datagrams = shape.n_datagrams,
			.n_parity = shape.n_parity,
			.n_bytes = (uint64_t)shape.n_datagrams * shape.datagram_size,
	};
	entry->peer = sender->peer;
	entry->peer_size = sender->peer_size;
	entry->put_ns = entry->sent.packetized_ns;
	packet_ring_put(sender->ring); // the send thread has the frame from here on
	return true;
}

int video_sender_fd(const struct es_video_sender *sender) {
	return sender->sent_fd;
}

bool video_sender_take_sent(struct es_video_sender *sender, struct es_sent_frame *sent) {
	eventfd_t count;
	struct es_ring_frame frame;
	if (packet_ring_take(sender->ring, &frame)) {
		*sent = sender->frames[frame.index].sent;
		return true;
	}
	// Emptied only now: a frame that is done after this makes it readable again, one that was done
	// just before is looked for once more.
	if (eventfd_read(sender->sent_fd, &count) == 0 && packet_ring_take(sender->ring, &frame)) {
		*sent = sender->frames[frame.index].sent;
		return true;
	}
	return false;
}
