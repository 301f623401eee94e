// From a picture to an access unit at the streamer: the encoder for the screen's mode, the slots to
// write into, and what the streamer has asked for.
//
// All on the encode thread. What makes going on impossible is written into the failure given to create.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/cursor_blend.h"
#include "encode/failure.h"
#include "encode/pipeline.h"
#include "protocol/session_msg.h"
#include "protocol/unit_msg.h"

struct es_unit_maker;

// NULL: no memory. `failure` is borrowed.
struct es_unit_maker *unit_maker_create(struct es_failure *failure);
void unit_maker_destroy(struct es_unit_maker *maker); // NULL is fine

// The host's START: which encoder, and its device. Nothing below but attaching and asking may come
// before.
bool unit_maker_start(struct es_unit_maker *maker, const struct es_session_msg *start);
bool unit_maker_started(const struct es_unit_maker *maker);
// Borrowed, lives as long as the maker; NULL before the start.
struct es_device *unit_maker_device(const struct es_unit_maker *maker);

// The link to the streamer; attach takes the fd over and replaces the one before. A link that is of no
// use any more is detached here: the host will say what to do.
void unit_maker_attach(struct es_unit_maker *maker, int fd);
void unit_maker_detach(struct es_unit_maker *maker);
bool unit_maker_attached(const struct es_unit_maker *maker);
int unit_maker_fd(const struct es_unit_maker *maker); // to poll for reading; borrowed, -1: detached
void unit_maker_dispatch(struct es_unit_maker *maker); // reads all messages that are there

// What the host asks for. False: the encoder does not go on with that rate.
void unit_maker_ask_idr(struct es_unit_maker *maker);
bool unit_maker_set_bitrate(struct es_unit_maker *maker, uint32_t kbps);
// Between two units: what was asked for until now counts from the next one on.
void unit_maker_apply_requests(struct es_unit_maker *maker);

// Opens the encoder anew for a mode, to be announced to the streamer.
bool unit_maker_set_mode(
		struct es_unit_maker *maker, const struct es_mode *mode, const struct es_colour *colour);
// To convert into; borrowed until the next mode. NULL before the first.
struct es_pipeline *unit_maker_pipeline(const struct es_unit_maker *maker);
uint8_t unit_maker_good_qp(const struct es_unit_maker *maker); // see es_encoder_impl
// Tells the streamer about the mode, once. Needs a mode and a link. False: not yet, because it still
// reads units of the mode before, or the link was of no use.
bool unit_maker_announce(struct es_unit_maker *maker);

uint32_t unit_maker_n_free(const struct es_unit_maker *maker); // slots; 0 without a link
bool unit_maker_held(const struct es_unit_maker *maker); // the streamer wants none for now
// The picture was encoded before and can be again.
bool unit_maker_can_repeat(const struct es_unit_maker *maker);
// An IDR or a recovery is due, with the next frame or without.
bool unit_maker_owes(const struct es_unit_maker *maker);
// A change right after the newest unit takes longer than one after another repeat would.
bool unit_maker_unsettled(const struct es_unit_maker *maker);

// Encodes the picture with the cursor (NULL: none) into a free slot, of which there must be one, and
// sends it. `unit` brings its kind, the display's sequence and the times up to converted; the rest is
// filled in.
bool unit_maker_encode(struct es_unit_maker *maker, struct es_cursor_blend *cursor,
		enum es_pipeline_purpose purpose, struct es_unit *unit);
// Tells the streamer, if there is one, that no unit follows.
void unit_maker_end(struct es_unit_maker *maker);

// What was asked for, made and converted; nothing about buffers and the process.
struct es_encode_stats unit_maker_stats(const struct es_unit_maker *maker);
