// GameStream video on its way out: packetizer, a bounded ring of datagrams, and a thread that sends them
// paced. Nothing here waits for the network: a full ring drops the newest frame whole.
//
// All calls on the streamer's thread; the send thread is private. What was put is the ring's; between
// put and the last sendmmsg nothing allocates, logs or blocks but the pacing itself.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"
#include "protocol/video_packet.h"

// Datagrams that may go out in any millisecond.
#define ES_SENDER_BURST 16

struct es_video_sender;

struct es_video_sender_params {
	int fd; // bound UDP socket, borrowed, stays open longer than the sender
	uint16_t packet_size;
	uint8_t min_parity;
	uint8_t dscp; // 0: unmarked
	const uint8_t *key; // to encrypt with; NULL: clear
	int32_t refresh_mhz;
};

// NULL: no memory, descriptors or threads (logged).
struct es_video_sender *video_sender_create(const struct es_video_sender_params *params);
void video_sender_destroy(struct es_video_sender *sender); // ends the thread; NULL is fine

// Where to: an address that has proved itself. Before, frames are refused (dropped).
void video_sender_set_peer(
		struct es_video_sender *sender, const struct sockaddr *peer, socklen_t size);
void video_sender_set_fec(
		struct es_video_sender *sender, uint8_t percent); // from the next frame on; before, 20

struct es_put_frame {
	const struct es_unit *unit; // copied
	const uint8_t *data; // read during the call only
	enum es_frame_type type;
	uint32_t padding; // zero bytes to send behind the data
};
// Packetizes the frame and leaves it to the send thread. *frame: its frameIndex. False: dropped whole
// (ring full, larger than the protocol can carry, or no peer yet); no frameIndex is used up. The ring is
// full behind two frame intervals' worth of full bursts, or with 64 frames that were not taken back.
bool video_sender_put(
		struct es_video_sender *sender, const struct es_put_frame *put, uint32_t *frame);

// Frames that have gone out: the fd is readable when there are some.
int video_sender_fd(const struct es_video_sender *sender);
struct es_sent_frame {
	struct es_unit unit;
	uint32_t frame;
	int64_t packetized_ns, sent_ns; // sent_ns: last datagram given to the kernel
	uint32_t n_datagrams, n_parity;
	uint64_t n_bytes;
	bool failed; // the kernel refused some of it, or it took too long: the client cannot have it whole
};
bool video_sender_take_sent(struct es_video_sender *sender, struct es_sent_frame *sent);
