// The frame link, display <-> encode: buffers announced once, then a small message per frame.
//
// Every message begins with 'F', version, le16 type. Decoding refuses any other link,
// version or type, trailing bytes, values out of range and a wrong number of fds.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/mode.h"

#define ES_FRAME_VERSION 2
#define ES_FRAME_MAX_RECTS 16
#define ES_FRAME_MAX_PLANES 4
#define ES_FRAME_MAX_FORMATS 256
#define ES_FRAME_MSG_MAX 8192 // bytes of the longest encoded message
#define ES_CURSOR_MAX_SIZE 512
#define ES_CURSOR_MAX_PLACE 16384 // cursor and hotspot lie within +- this, clamp them
#define ES_FRAME_MAX_STRIDE (UINT32_C(1) << 20)
#define ES_FRAME_MAX_OFFSET (UINT32_C(1) << 31)

enum es_frame_msg_type {
	// display -> encode
	ES_FRAME_MODE = 1, // always first; again when the screen changes
	ES_FRAME_BUFFER, // + fds: one for memory, n_planes for a DMA-BUF
	ES_FRAME_FORGET, // the buffer is gone: drop its import
	ES_FRAME_FRAME, // + 0 or 1 fd: the acquire fence (sync_file)
	ES_FRAME_CURSOR_IMAGE, // + 1 fd: premultiplied ARGB8888, stride = 4 * width; or none: hidden
	ES_FRAME_CURSOR_MOVE, // position only
	// encode -> display
	ES_FRAME_FORMATS = 64, // what it imports for direct scan-out; empty: memory only
	ES_FRAME_CREDIT, // more frames are wanted; 0: done with the last, but waiting for the streamer
	ES_FRAME_RELEASE, // + 0 or 1 fd: a fence after which the buffer has been read
};

enum es_buffer_kind { ES_BUFFER_MEMORY = 1, ES_BUFFER_DMABUF = 2 };

struct es_rect {
	uint32_t x, y, width, height; // pixels of the screen; never empty, never outside it
};

// Part of a buffer, in 1/256 of its pixels (as Wayland's viewports have it).
#define ES_BOX_UNIT 256
struct es_box {
	uint32_t x, y, width, height;
};

struct es_frame_buffer {
	uint64_t id; // never 0, never used again
	enum es_buffer_kind kind;
	uint32_t width, height; // 1..ES_MODE_MAX_SIZE
	uint32_t fourcc; // DRM_FORMAT_*, not 0
	uint64_t modifier; // DRM_FORMAT_MOD_LINEAR for memory
	uint32_t n_planes; // 1 for memory
	uint32_t offset[ES_FRAME_MAX_PLANES];
	uint32_t stride[ES_FRAME_MAX_PLANES]; // never 0
};

// A frame without a buffer (id 0) says that only the cursor changed: no damage, no fence.
// Its times ascend: commit_ns <= compose_ns <= put_ns; a picture without a commit has
// commit_ns = compose_ns.
struct es_frame {
	uint64_t buffer_id;
	uint64_t sequence; // counts frames of this display, from 1
	int64_t commit_ns; // newest content-changing surface commit in it; compose_ns if there is none
	int64_t compose_ns; // the output began to compose
	int64_t put_ns; // output commit: it lay in the frame slot from here on
	bool direct; // the app's own buffer (scan-out), not composed
	bool has_fence;
	// What is shown of the buffer, and where; all 0: all of it, on the whole screen. Anything else only
	// to an encoder that scales; around dst the screen is black.
	struct es_box src;
	struct es_rect dst;
	uint32_t n_rects; // damage since the frame sent before on this link
	struct es_rect rects[ES_FRAME_MAX_RECTS];
};

struct es_frame_cursor_image {
	uint32_t width, height; // 0x0: hidden, no fd, hotspot 0,0
	int32_t hotspot_x, hotspot_y;
};

struct es_frame_format {
	uint32_t fourcc;
	uint64_t modifier;
};

struct es_frame_msg {
	enum es_frame_msg_type type;
	union {
		struct {
			struct es_mode mode;
			struct es_colour colour;
		} mode;
		struct es_frame_buffer buffer;
		struct {
			uint64_t id;
		} forget;
		struct es_frame frame;
		struct es_frame_cursor_image cursor_image;
		struct {
			int32_t x, y; // of the hotspot, pixels of the screen, may lie outside it
		} cursor_move;
		struct {
			bool blends_cursor; // false: the display draws the cursor itself
			bool scales; // takes frames with src and dst
			// Takes frames whose fence has not signalled and waits on the GPU; false: the display waits.
			bool takes_fences;
			uint32_t n;
			struct es_frame_format entries[ES_FRAME_MAX_FORMATS];
		} formats;
		struct {
			uint32_t n; // 0..2
		} credit;
		struct {
			uint64_t buffer_id; // 0: a cursor-only frame was taken
			uint64_t sequence;
			int64_t taken_ns; // the encode thread had it
			bool has_fence;
		} release;
	};
};

// How many fds travel with the message.
size_t frame_msg_n_fds(const struct es_frame_msg *msg);
// Bytes written; 0 if anything is out of range (as decoding would refuse it) or no room.
size_t frame_msg_encode(const struct es_frame_msg *msg, void *out, size_t cap);
// False on anything malformed, *msg is then not to be read. n_fds: fds that came along.
// What is accepted encodes to the same bytes again. Whether slots, ids and rectangles fit the
// mode and the buffers announced before is for the room to check.
bool frame_msg_decode(struct es_frame_msg *msg, const void *data, size_t size, size_t n_fds);
