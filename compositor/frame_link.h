// The display's end of one viewer's frame link: announces buffers, sends frames against credit,
// gives buffers back when the encoder has read them.
//
// An encoder may crash, hang or talk nonsense at any moment: the link then tells its owner once
// that it is lost, and neither sends nor receives any more.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wayland-server-core.h>

#include "compositor/frame_slot.h"
#include "compositor/frame_wait.h"
#include "protocol/frame_msg.h"
#include "protocol/session_msg.h"

#define ES_LINK_MAX_SENT 4 // frames that one encoder may hold

struct es_cursor_plane;
struct es_frame_link;

// Called from the event loop, never from within the functions below.
struct es_frame_link_events {
	// The encoder wants one more frame.
	void (*credit)(struct es_frame_link *link, void *data);
	// The encode thread had this frame at taken_ns, and its buffer has been read.
	void (*released)(struct es_frame_link *link, uint32_t commit_seq, uint64_t sequence,
			int64_t taken_ns, void *data);
	// The encoder told what it imports: link->formats.
	void (*formats)(struct es_frame_link *link, void *data);
	// EOF or nonsense. Destroy the link, now or later. (From none of the others.)
	void (*lost)(struct es_frame_link *link, void *data);
};

struct es_sent_frame {
	struct wlr_buffer *buffer; // locked; NULL: only the cursor
	struct es_release_point *release; // referenced
	uint64_t buffer_id; // 0: only the cursor
	uint64_t sequence; // 0: entry unused
	uint32_t commit_seq;
	int64_t sent_ns, taken_ns;
	int fence_fd; // owned: readable once the buffer has been read; -1: none
	struct wl_event_source *fence;
	struct es_frame_link *link;
};

struct es_frame_link {
	// borrowed
	struct wl_event_loop *loop;
	const struct es_frame_link_events *events;
	void *data;
	const struct es_cursor_plane *cursor;

	// owned
	int fd;
	struct wl_event_source *source; // NULL once lost
	struct wl_event_source *lost; // idle; NULL: not lost, or told
	struct es_frame_wait wait; // before the slot
	struct es_frame_slot slot;
	struct wl_list buffers; // es_link_buffer.link

	// immutable
	uint32_t viewer;
	bool primary;
	struct es_colour colour; // of the screen
	int64_t stuck_ns; // given up after not answering for so long

	// state
	struct wl_list link; // es_viewers.links
	bool closed; // lost, or being destroyed
	uint32_t credits;
	int64_t no_credit_since_ns;
	bool owes_credit; // a frame was sent and no credit came since
	int64_t told_ns; // that it does not answer; 0: not since it last did
	bool answered; // at least one frame has been encoded
	uint64_t last_buffer_id;
	struct es_sent_frame sent[ES_LINK_MAX_SENT];
	uint64_t cursor_generation; // what the encoder has been told
	int32_t cursor_x, cursor_y;
	bool blends_cursor, scales, takes_fences;
	uint32_t n_formats;
	struct es_frame_format formats[ES_FRAME_MAX_FORMATS];
};

// Owns fd from here on, in any case. Sends the mode and the cursor. NULL after a logged error.
struct es_frame_link *frame_link_create(struct wl_event_loop *loop, int fd,
		const struct es_attach *attach, const struct es_cursor_plane *cursor,
		const struct es_mode *mode, const struct es_colour *colour,
		const struct es_frame_link_events *events, void *data);
// Gives all buffers back; calls nothing. NULL is fine.
void frame_link_destroy(struct es_frame_link *link);

// The screen has changed: the slot and what waits for it are emptied, all of it is new.
void frame_link_set_mode(struct es_frame_link *link, const struct es_mode *mode);

// Puts what waits for its fence and is ready into the slot; *displaced (buffer NULL) as of
// frame_slot_put. False: there was nothing.
bool frame_link_settle(
		struct es_frame_link *link, uint64_t sequence, struct es_slot_frame *displaced);

// Whether a frame that is put into the slot would be sent at once.
bool frame_link_wants_frame(const struct es_frame_link *link);
bool frame_link_cursor_changed(const struct es_frame_link *link);

// Sends the slot's frame if there is one and a credit, *frame telling which (its buffer is the
// link's business). False: nothing was sent.
bool frame_link_flush(struct es_frame_link *link, struct es_slot_frame *frame);
// Sends a frame that only moves the cursor; needs a credit.
bool frame_link_send_cursor(struct es_frame_link *link, uint64_t sequence);

// Calls visit for each buffer that a waiting frame, the slot or a frame sent holds.
void frame_link_for_each_held(const struct es_frame_link *link,
		void (*visit)(struct wlr_buffer *buffer, void *data), void *data);
