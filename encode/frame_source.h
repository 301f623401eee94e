// The encoder's end of the frame link: what the display sends becomes the newest frame with all
// damage since the one taken before, the cursor, and the imported buffers.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/link.h"
#include "encode/cursor_blend.h"
#include "encode/damage.h"
#include "encode/import_cache.h"
#include "protocol/frame_msg.h"

struct es_frame_source;

struct es_source_frame {
	struct es_frame frame;
	struct es_damage damage; // of it and of the frames that it displaced
	int64_t taken_ns;
	int acquire_fd; // to be waited for before reading, closed by the release; -1: nothing to wait for
};

// Takes the fd over, also on failure, and tells the display what the device (borrowed, it outlives the
// source) imports and can. NULL if that failed.
struct es_frame_source *frame_source_create(int fd, struct es_device *device);
void frame_source_destroy(struct es_frame_source *source); // NULL is fine
int frame_source_fd(const struct es_frame_source *source); // to poll for reading; borrowed

// Reads all messages that are there. ES_LINK_OK, or why the link is of no use any more (logged).
enum es_link_result frame_source_dispatch(struct es_frame_source *source);

// NULL before the first; *serial counts the modes.
const struct es_mode *frame_source_mode(const struct es_frame_source *source, uint32_t *serial);
const struct es_colour *frame_source_colour(const struct es_frame_source *source);

// An acquire fence that the newest frame waits for, to be polled for reading, and when it is given up;
// -1 if there is none.
int frame_source_fence_fd(const struct es_frame_source *source);
int64_t frame_source_fence_deadline_ns(const struct es_frame_source *source);

// The newest frame, if there is one and its fence has signalled, or is the device's to wait for. It must
// be released. A frame whose fence does not signal in time is dropped, released and counted as a failure.
bool frame_source_take(
		struct es_frame_source *source, int64_t now_ns, struct es_source_frame *taken);
// NULL if the display never announced that buffer or it could not be imported.
const struct es_import *frame_source_import(struct es_frame_source *source, uint64_t buffer_id);
// The buffer has been read, or will be when `fence_fd` (borrowed; -1: none) is readable. False: the link
// is of no use any more.
bool frame_source_release(
		struct es_frame_source *source, struct es_source_frame *taken, int fence_fd);

// Asks for one frame, unless one is asked for or there already. False: the link is of no use.
bool frame_source_want(struct es_frame_source *source);
// The same where one is there already, that cannot be encoded yet: a newer one takes its place.
bool frame_source_renew(struct es_frame_source *source);
// Says, once, that no frame is wanted because the streamer has not given a slot back: a slow reader is
// no hung encoder. False: the link is of no use.
bool frame_source_pause(struct es_frame_source *source);

// As the display last showed it. Borrowed.
struct es_cursor_blend *frame_source_cursor(struct es_frame_source *source);

// A frame that was taken could not be read: counted. The next one of the buffer may well be.
void frame_source_failed(struct es_frame_source *source, uint64_t buffer_id, const char *why);

struct es_import_stats frame_source_import_stats(const struct es_frame_source *source);
uint64_t frame_source_failures(const struct es_frame_source *source);
