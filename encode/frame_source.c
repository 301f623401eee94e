#include "encode/frame_source.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#define FENCE_TIMEOUT_NS (1 * ES_NS_PER_S)

struct es_frame_source {
	int fd; // owned
	struct es_import_cache *imports; // owned
	struct es_cursor_blend *cursor; // owned

	uint32_t mode_serial; // 0: no mode yet
	struct es_mode mode;
	struct es_colour colour;

	bool takes_fences; // the device waits for them

	bool pending; // the newest frame waits to be taken
	struct es_frame frame;
	int fence_fd; // of it
	int64_t fence_deadline_ns;
	struct es_damage damage; // of it and of those it displaced
	bool credit_out;
	bool paused; // told so

	uint64_t failures;
	uint64_t failed_id; // of the buffer that was last complained about
	struct es_link_packet packet; // too large for the stack of every call
};

static bool send_with_fd(struct es_frame_source *source, const struct es_frame_msg *msg, int fd) {
	uint8_t bytes[ES_FRAME_MSG_MAX];
	size_t size = frame_msg_encode(msg, bytes, sizeof(bytes));
	assert(size > 0);
	// Only a display that does not read can have filled the socket.
	return link_send(source->fd, bytes, size, &fd, frame_msg_n_fds(msg)) == ES_LINK_OK;
}

static bool send_message(struct es_frame_source *source, const struct es_frame_msg *msg) {
	return send_with_fd(source, msg, -1);
}

static bool send_release(struct es_frame_source *source, const struct es_frame *frame,
		int64_t taken_ns, int fence_fd) {
	struct es_frame_msg msg = {
			.type = ES_FRAME_RELEASE,
			.release = {.buffer_id = frame->buffer_id,
					.sequence = frame->sequence,
					.taken_ns = taken_ns,
					.has_fence = fence_fd >= 0},
	};
	return send_with_fd(source, &msg, fence_fd);
}

// Gives an untaken frame's buffer back. Its damage stays.
static void displace_pending(struct es_frame_source *source) {
	if (source->pending) {
		source->pending = false;
		fd_close(&source->fence_fd);
		send_release(source, &source->frame, clock_now_ns(), -1);
	}
}

static void handle_mode(struct es_frame_source *source, const struct es_frame_msg *msg) {
	displace_pending(source);
	source->mode = msg->mode.mode;
	source->colour = msg->mode.colour;
	source->mode_serial++;
	damage_init(&source->damage, source->mode.width, source->mode.height);
}

static void handle_buffer(struct es_frame_source *source, const struct es_frame_buffer *buffer) {
	const char *why;
	if (!import_cache_add(source->imports, buffer, source->packet.fds, &why)) {
		es_log(ES_LOG_WARN,
				"cannot import buffer %" PRIu64 " (%ux%u, stride %u), its frames are lost: %s",
				buffer->id, buffer->width, buffer->height, buffer->stride[0], why);
	}
}

static void handle_frame(struct es_frame_source *source, const struct es_frame *frame) {
	source->credit_out = false;
	if (frame->buffer_id == 0 && source->pending) {
		// Only the cursor: no reason to give up pixels that wait.
		send_release(source, frame, clock_now_ns(), -1);
		return;
	}
	displace_pending(source);
	source->pending = true;
	source->frame = *frame;
	source->fence_fd = frame->has_fence ? link_packet_take_fd(&source->packet, 0) : -1;
	source->fence_deadline_ns = clock_now_ns() + FENCE_TIMEOUT_NS;
	damage_add_rects(&source->damage, frame->rects, frame->n_rects);
}

static bool read_exactly(int fd, void *out, size_t size) {
	size_t done = 0;
	while (done < size) {
		// Not mapped: a display that truncates it only makes the read short.
		ssize_t n = pread(fd, (uint8_t *)out + done, size - done, (off_t)done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		done += (size_t)n;
	}
	return true;
}

static void handle_cursor_image(
		struct es_frame_source *source, const struct es_frame_cursor_image *image) {
	size_t size = (size_t)image->width * image->height * 4;
	uint32_t *argb = size > 0 ? malloc(size) : NULL;
	if (argb != NULL && !read_exactly(source->packet.fds[0], argb, size)) {
		es_log(ES_LOG_WARN, "cannot read the cursor's picture, hiding it");
		free(argb);
		argb = NULL;
	}
	cursor_blend_set_image(
			source->cursor, argb, image->width, image->height, image->hotspot_x, image->hotspot_y);
	free(argb);
}

// False: the display said something that only encoders say, or pixels before a mode.
static bool handle_message(struct es_frame_source *source, const struct es_frame_msg *msg) {
	if (source->mode_serial == 0 && msg->type != ES_FRAME_MODE) {
		return false;
	}
	switch (msg->type) {
	case ES_FRAME_MODE:
		handle_mode(source, msg);
		return true;
	case ES_FRAME_BUFFER:
		handle_buffer(source, &msg->buffer);
		return true;
	case ES_FRAME_FORGET:
		import_cache_forget(source->imports, msg->forget.id);
		return true;
	case ES_FRAME_FRAME:
		handle_frame(source, &msg->frame);
		return true;
	case ES_FRAME_CURSOR_IMAGE:
		handle_cursor_image(source, &msg->cursor_image);
		return true;
	case ES_FRAME_CURSOR_MOVE:
		cursor_blend_move(source->cursor, msg->cursor_move.x, msg->cursor_move.y);
		return true;
	default:
		return false;
	}
}

static bool read_message(struct es_frame_source *source) {
	struct es_frame_msg msg;
	struct es_link_packet *packet = &source->packet;
	bool ok = frame_msg_decode(&msg, packet->data, packet->size, packet->n_fds) &&
			handle_message(source, &msg);
	link_packet_finish(packet);
	if (!ok) {
		es_log(ES_LOG_ERROR, "the display sent something that is not a frame message");
	}
	return ok;
}

static bool send_formats(struct es_frame_source *source, struct es_device *device) {
	struct es_frame_msg msg = {
			.type = ES_FRAME_FORMATS,
			.formats = {.blends_cursor = device_blends_cursor(device),
					.scales = device_scales(device),
					.takes_fences = device_takes_fences(device)},
	};
	msg.formats.n = (uint32_t)device_formats(device, msg.formats.entries, ES_FRAME_MAX_FORMATS);
	return send_message(source, &msg);
}

struct es_frame_source *frame_source_create(int fd, struct es_device *device) {
	struct es_frame_source *source = calloc(1, sizeof(*source));
	if (source == NULL) {
		fd_close(&fd);
		return NULL;
	}
	source->fd = fd;
	source->fence_fd = -1;
	source->takes_fences = device_takes_fences(device);
	source->imports = import_cache_create(device);
	source->cursor = cursor_blend_create();
	if (source->imports == NULL || source->cursor == NULL) {
		goto fail;
	}
	if (!send_formats(source, device)) {
		goto fail;
	}
	return source;

fail:
	frame_source_destroy(source);
	return NULL;
}

void frame_source_destroy(struct es_frame_source *source) {
	if (source == NULL) {
		return;
	}
	fd_close(&source->fence_fd);
	fd_close(&source->fd);
	import_cache_destroy(source->imports);
	cursor_blend_destroy(source->cursor);
	free(source);
}

int frame_source_fd(const struct es_frame_source *source) {
	return source->fd;
}

enum es_link_result frame_source_dispatch(struct es_frame_source *source) {
	while (true) {
		enum es_link_result result = link_recv(source->fd, &source->packet);
		if (result == ES_LINK_AGAIN) {
			return ES_LINK_OK;
		}
		if (result != ES_LINK_OK) {
			return result;
		}
		if (!read_message(source)) {
			return ES_LINK_BROKEN;
		}
	}
}

const struct es_mode *frame_source_mode(const struct es_frame_source *source, uint32_t *serial) {
	*serial = source->mode_serial;
	return source->mode_serial == 0 ? NULL : &source->mode;
}

const struct es_colour *frame_source_colour(const struct es_frame_source *source) {
	return &source->colour;
}

int frame_source_fence_fd(const struct es_frame_source *source) {
	return source->pending && !source->takes_fences ? source->fence_fd : -1;
}

int64_t frame_source_fence_deadline_ns(const struct es_frame_source *source) {
	return frame_source_fence_fd(source) < 0 ? -1 : source->fence_deadline_ns;
}

static bool fence_signalled(int fd) {
	struct pollfd item = {.fd = fd, .events = POLLIN};
	return poll(&item, 1, 0) == 1;
}

bool frame_source_take(
		struct es_frame_source *source, int64_t now_ns, struct es_source_frame *taken) {
	if (!source->pending) {
		return false;
	}
	int fence_fd = frame_source_fence_fd(source);
	if (fence_fd >= 0 && !fence_signalled(fence_fd)) {
		if (now_ns >= source->fence_deadline_ns) {
			source->failures++;
			displace_pending(source);
		}
		return false;
	}
	taken->acquire_fd = -1;
	if (source->takes_fences) {
		taken->acquire_fd = source->fence_fd;
		source->fence_fd = -1;
	}
	fd_close(&source->fence_fd);
	source->pending = false;
	taken->frame = source->frame;
	taken->damage = source->damage;
	taken->taken_ns = now_ns;
	damage_clear(&source->damage);
	return true;
}

const struct es_import *frame_source_import(struct es_frame_source *source, uint64_t buffer_id) {
	return import_cache_find(source->imports, buffer_id);
}

bool frame_source_release(
		struct es_frame_source *source, struct es_source_frame *taken, int fence_fd) {
	fd_close(&taken->acquire_fd);
	return send_release(source, &taken->frame, taken->taken_ns, fence_fd);
}

static bool send_credit(struct es_frame_source *source, uint32_t n) {
	return send_message(
			source, &(struct es_frame_msg){.type = ES_FRAME_CREDIT, .credit = {.n = n}});
}

bool frame_source_renew(struct es_frame_source *source) {
	if (source->credit_out) {
		return true;
	}
	source->credit_out = true;
	source->paused = false;
	return send_credit(source, 1);
}

bool frame_source_want(struct es_frame_source *source) {
	return source->pending || frame_source_renew(source);
}

bool frame_source_pause(struct es_frame_source *source) {
	if (source->pending || source->credit_out || source->paused) {
		return true;
	}
	source->paused = true;
	return send_credit(source, 0);
}

struct es_cursor_blend *frame_source_cursor(struct es_frame_source *source) {
	return source->cursor;
}

void frame_source_failed(struct es_frame_source *source, uint64_t buffer_id, const char *why) {
	source->failures++;
	if (buffer_id != source->failed_id) {
		es_log(ES_LOG_WARN, "cannot read buffer %" PRIu64 ", its frame is lost: %s", buffer_id,
				why);
	}
	source->failed_id = buffer_id;
}

struct es_import_stats frame_source_import_stats(const struct es_frame_source *source) {
	return import_cache_stats(source->imports);
}

uint64_t frame_source_failures(const struct es_frame_source *source) {
	return source->failures;
}
