// The encode process's loop between a host, a display and a streamer played by the test.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/link.h"
#include "encode/decode_back.h"
#include "encode/encoder.h"
#include "protocol/frame_msg.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

#define WIDTH 320
#define HEIGHT 180
#define REFRESH_MHZ 20000 // long enough that no refinement comes between two frames

#define PATIENCE_MS 60000
#define SILENCE_MS 300 // many periods

struct house {
	pthread_t thread;
	int session_fd; // taken over by the loop
	int host, display, streamer; // our ends
	int exit_status;
	const uint8_t *ring;
	size_t ring_size;
	uint32_t slot_size;
	struct es_colour colour; // of the next mode
	struct es_frame_msg formats; // as announced
	struct es_unit_msg codec;
	uint64_t frame_sequence;
	char end_text[ES_SESSION_MAX_TEXT];
	struct es_link_packet packet;
};

bool wait_readable(int fd, int timeout_ms);
void receive(struct house *house, int fd);
void to_host(struct house *house, const struct es_session_msg *msg, const int *fd);
struct es_session_msg from_host(struct house *house);
void to_display(struct house *house, const struct es_frame_msg *msg, const int *fd);
struct es_frame_msg expect_frame_msg(struct house *house, enum es_frame_msg_type type);
void to_streamer(struct house *house, const struct es_unit_msg *msg);
struct es_unit_msg expect_unit_msg(struct house *house, enum es_unit_msg_type type);
void done(struct house *house, uint32_t slot);
struct es_unit expect_unit(struct house *house, enum es_unit_kind kind);
void expect_stream(struct house *house);
// Neither a frame is asked for nor a unit made.
void expect_silence(struct house *house);
int attach(struct house *house, enum es_attach_kind kind);
void send_mode(struct house *house, uint32_t width, uint32_t height);
// Up to START, without waiting for what comes of it.
struct house *open_house(const char *encoder, enum es_codec codec);
struct house *start(const struct es_encoder_impl *impl);
// Up to the first credit.
struct house *start_attached(const struct es_encoder_impl *impl);
struct house *start_attached_as(const struct es_encoder_impl *impl, const struct es_colour *colour);
void finish(struct house *house, int exit_status);
// The last figures and the reason; the process ends.
struct es_encode_stats expect_end(struct house *house, enum es_end_code code);
// DRAIN and all that follows, after `pending` units.
void drain(struct house *house, bool picture);
// Returns the memory.
int announce(struct house *house, uint64_t id, uint32_t width, uint32_t height);
void paint(int fd, uint32_t width, uint32_t height, uint32_t colour);
// `fence`: -1, or anything that becomes readable.
void send_fenced_frame(struct house *house, uint64_t buffer_id, int fence);
void send_frame(struct house *house, uint64_t buffer_id);
// A frame, its release, its unit, and the next credit.
struct es_unit show(struct house *house, uint64_t buffer_id, enum es_unit_kind kind);
// Takes repeats until there are no more.
uint32_t let_it_settle(struct house *house);
struct es_encode_stats ask_stats(struct house *house);
uint32_t decoded_luma(struct house *house, struct es_decode_back *decoder, struct es_unit unit);
