#include "compositor/frame_link.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wlr/types/wlr_buffer.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "compositor/acquire_fence.h"
#include "compositor/cursor_plane.h"
#include "compositor/release_point.h"

#define MAX_CREDITS 2

// A buffer that the encoder knows.
struct es_link_buffer {
	struct es_frame_link *owner;
	struct wlr_buffer *wlr_buffer; // borrowed; NULL once it is destroyed
	uint64_t id;
	struct wl_list link; // es_frame_link.buffers
	struct wl_listener destroy;
};

static void tell_lost(void *data) {
	struct es_frame_link *link = data;
	link->lost = NULL; // libwayland has freed it
	link->events->lost(link, link->data);
}

// Told from an idle source: whoever is on the stack now still uses the link.
static void lose_at_level(struct es_frame_link *link, enum es_log_level level, const char *why) {
	if (link->closed) {
		return;
	}
	link->closed = true;
	es_log(level, "viewer %u: %s, dropping this encoder", link->viewer, why);
	wl_event_source_remove(link->source);
	link->source = NULL;
	link->lost = wl_event_loop_add_idle(link->loop, tell_lost, link);
}

static void lose(struct es_frame_link *link, const char *why) {
	lose_at_level(link, ES_LOG_WARN, why);
}

// So ends every session; whether it is early, the host knows and tells.
static void lose_peer(struct es_frame_link *link) {
	lose_at_level(link, ES_LOG_INFO, "the encoder is gone");
}

static bool send_msg(struct es_frame_link *link, const struct es_frame_msg *msg, const int *fds) {
	if (link->closed) {
		return false;
	}
	uint8_t bytes[ES_FRAME_MSG_MAX];
	size_t size = frame_msg_encode(msg, bytes, sizeof(bytes));
	size_t n_fds = frame_msg_n_fds(msg);
	switch (size == 0 ? ES_LINK_BROKEN : link_send(link->fd, bytes, size, fds, n_fds)) {
	case ES_LINK_OK:
		return true;
	case ES_LINK_AGAIN:
		lose(link, "the encoder does not read its messages");
		return false;
	case ES_LINK_CLOSED:
		lose_peer(link);
		return false;
	case ES_LINK_BROKEN:
		break;
	}
	lose(link, size == 0 ? "a message cannot be encoded" : strerror(errno));
	return false;
}

static void send_mode(struct es_frame_link *link, const struct es_mode *mode) {
	struct es_frame_msg msg = {.type = ES_FRAME_MODE};
	msg.mode.mode = *mode;
	msg.mode.colour = link->colour;
	send_msg(link, &msg, NULL);
}

static void forget_buffer(struct es_link_buffer *buffer) {
	wl_list_remove(&buffer->destroy.link);
	wl_list_remove(&buffer->link);
	free(buffer);
}

static void handle_buffer_destroy(struct wl_listener *listener, void *data) {
	struct es_link_buffer *buffer = wl_container_of(listener, buffer, destroy);
	struct es_frame_link *link = buffer->owner;
	struct es_frame_msg msg = {.type = ES_FRAME_FORGET, .forget = {.id = buffer->id}};
	forget_buffer(buffer);
	send_msg(link, &msg, NULL);
}

static bool describe_dmabuf(struct wlr_buffer *wlr_buffer, struct es_frame_buffer *out, int *fds) {
	struct wlr_dmabuf_attributes dmabuf;
	if (!wlr_buffer_get_dmabuf(wlr_buffer, &dmabuf) || dmabuf.n_planes < 1 ||
			dmabuf.n_planes > ES_FRAME_MAX_PLANES) {
		return false;
	}
	out->kind = ES_BUFFER_DMABUF;
	out->fourcc = dmabuf.format;
	out->modifier = dmabuf.modifier;
	out->n_planes = (uint32_t)dmabuf.n_planes;
	for (int i = 0; i < dmabuf.n_planes; i++) {
		out->offset[i] = dmabuf.offset[i];
		out->stride[i] = dmabuf.stride[i];
		fds[i] = dmabuf.fd[i];
	}
	return true;
}

static bool describe_memory(struct wlr_buffer *wlr_buffer, struct es_frame_buffer *out, int *fds) {
	struct wlr_shm_attributes shm;
	if (!wlr_buffer_get_shm(wlr_buffer, &shm) || shm.offset < 0 || shm.stride < 0) {
		return false;
	}
	out->kind = ES_BUFFER_MEMORY;
	out->fourcc = shm.format;
	out->modifier = DRM_FORMAT_MOD_LINEAR;
	out->n_planes = 1;
	out->offset[0] = (uint32_t)shm.offset;
	out->stride[0] = (uint32_t)shm.stride;
	fds[0] = shm.fd;
	return true;
}

static bool imports(const struct es_frame_link *link, const struct es_frame_buffer *buffer) {
	for (uint32_t i = 0; i < link->n_formats; i++) {
		if (link->formats[i].fourcc == buffer->fourcc &&
				link->formats[i].modifier == buffer->modifier) {
			return true;
		}
	}
	return false;
}

// Some buffers are both: memory for an encoder that does not import such a DMA-BUF.
static bool describe(const struct es_frame_link *link, struct wlr_buffer *wlr_buffer,
		struct es_frame_buffer *out, int *fds) {
	return (describe_dmabuf(wlr_buffer, out, fds) && imports(link, out)) ||
			describe_memory(wlr_buffer, out, fds) || describe_dmabuf(wlr_buffer, out, fds);
}

static bool announce(struct es_frame_link *link, struct wlr_buffer *wlr_buffer, uint64_t id) {
	int fds[ES_FRAME_MAX_PLANES];
	struct es_frame_msg msg = {.type = ES_FRAME_BUFFER};
	msg.buffer.id = id;
	msg.buffer.width = (uint32_t)wlr_buffer->width;
	msg.buffer.height = (uint32_t)wlr_buffer->height;
	if (!describe(link, wlr_buffer, &msg.buffer, fds)) {
		lose(link, "a buffer is neither memory nor a DMA-BUF");
		return false;
	}
	return send_msg(link, &msg, fds);
}

// The buffer as the encoder knows it; announced if it is new. NULL: the link is lost.
static struct es_link_buffer *known_buffer(
		struct es_frame_link *link, struct wlr_buffer *wlr_buffer) {
	struct es_link_buffer *buffer;
	wl_list_for_each (buffer, &link->buffers, link) {
		if (buffer->wlr_buffer == wlr_buffer) {
			return buffer;
		}
	}
	// Once per buffer, not per frame.
	buffer = calloc(1, sizeof(*buffer));
	if (buffer == NULL) {
		lose(link, "out of memory");
		return NULL;
	}
	buffer->owner = link;
	buffer->wlr_buffer = wlr_buffer;
	buffer->id = ++link->last_buffer_id;
	buffer->destroy.notify = handle_buffer_destroy;
	wl_signal_add(&wlr_buffer->events.destroy, &buffer->destroy);
	wl_list_insert(&link->buffers, &buffer->link);
	if (!announce(link, wlr_buffer, buffer->id)) {
		forget_buffer(buffer);
		return NULL;
	}
	return buffer;
}

static bool cursor_picture_changed(const struct es_frame_link *link) {
	return link->cursor_generation != link->cursor->generation;
}

// Only where a picture is.
static bool cursor_place_changed(const struct es_frame_link *link) {
	return link->cursor->memfd >= 0 &&
			(link->cursor_x != link->cursor->x || link->cursor_y != link->cursor->y);
}

bool frame_link_cursor_changed(const struct es_frame_link *link) {
	return cursor_picture_changed(link) || cursor_place_changed(link);
}

static bool send_cursor_state(struct es_frame_link *link) {
	const struct es_cursor_plane *cursor = link->cursor;
	if (cursor_picture_changed(link)) {
		struct es_frame_msg msg = {.type = ES_FRAME_CURSOR_IMAGE, .cursor_image = cursor->image};
		if (!send_msg(link, &msg, &cursor->memfd)) {
			return false;
		}
		link->cursor_generation = cursor->generation;
	}
	if (cursor_place_changed(link)) {
		struct es_frame_msg msg = {.type = ES_FRAME_CURSOR_MOVE};
		msg.cursor_move.x = cursor->x;
		msg.cursor_move.y = cursor->y;
		if (!send_msg(link, &msg, NULL)) {
			return false;
		}
		link->cursor_x = cursor->x;
		link->cursor_y = cursor->y;
	}
	return true;
}

static struct es_sent_frame *find_sent(struct es_frame_link *link, uint64_t sequence) {
	for (size_t i = 0; i < ES_LINK_MAX_SENT; i++) {
		if (link->sent[i].sequence == sequence) {
			return &link->sent[i];
		}
	}
	return NULL;
}

// The encoder has read it.
static void finish_sent(struct es_sent_frame *sent) {
	if (sent->fence != NULL) {
		wl_event_source_remove(sent->fence);
	}
	fd_close(&sent->fence_fd);
	struct wlr_buffer *buffer = sent->buffer;
	release_point_unref(sent->release);
	*sent = (struct es_sent_frame){.fence_fd = -1, .link = sent->link};
	wlr_buffer_unlock(buffer);
}

static void tell_released(struct es_sent_frame *sent) {
	struct es_frame_link *link = sent->link;
	uint32_t commit_seq = sent->commit_seq;
	uint64_t sequence = sent->sequence;
	int64_t taken_ns = sent->taken_ns;
	finish_sent(sent);
	link->events->released(link, commit_seq, sequence, taken_ns, link->data);
}

static int handle_fence(int fd, uint32_t mask, void *data) {
	tell_released(data);
	return 0;
}

static void handle_release(
		struct es_frame_link *link, const struct es_frame_msg *msg, int fence_fd) {
	struct es_sent_frame *sent = find_sent(link, msg->release.sequence);
	if (msg->release.sequence == 0 || sent == NULL || sent->fence != NULL ||
			msg->release.buffer_id != sent->buffer_id) {
		fd_close(&fence_fd);
		lose(link, "a buffer came back that was not lent");
		return;
	}
	// Its clock is ours, but its word is a peer's.
	int64_t now_ns = clock_now_ns(), taken_ns = msg->release.taken_ns;
	sent->taken_ns = taken_ns < sent->sent_ns ? sent->sent_ns : taken_ns;
	sent->taken_ns = sent->taken_ns > now_ns ? now_ns : sent->taken_ns;
	if (fence_fd < 0) {
		tell_released(sent);
		return;
	}
	// An app that waits on the GPU itself need not wait for us to see it.
	if (release_point_add_fence(sent->release, fence_fd)) {
		release_point_unref(sent->release);
		sent->release = NULL;
	}
	sent->fence_fd = fence_fd;
	sent->fence = wl_event_loop_add_fd(link->loop, fence_fd, WL_EVENT_READABLE, handle_fence, sent);
	if (sent->fence == NULL) {
		lose(link, "out of memory");
	}
}

static void handle_credit(struct es_frame_link *link, uint32_t n) {
	link->credits = link->credits + n < MAX_CREDITS ? link->credits + n : MAX_CREDITS;
	link->answered = link->answered || link->owes_credit;
	link->owes_credit = false;
	link->told_ns = 0;
	link->events->credit(link, link->data);
}

static void handle_formats(struct es_frame_link *link, const struct es_frame_msg *msg) {
	link->blends_cursor = msg->formats.blends_cursor;
	link->scales = msg->formats.scales;
	link->takes_fences = link->wait.early = msg->formats.takes_fences;
	link->n_formats = msg->formats.n;
	memcpy(link->formats, msg->formats.entries, msg->formats.n * sizeof(link->formats[0]));
	link->events->formats(link, link->data);
}

static void handle_msg(struct es_frame_link *link, struct es_link_packet *packet) {
	struct es_frame_msg msg;
	if (!frame_msg_decode(&msg, packet->data, packet->size, packet->n_fds)) {
		lose(link, "a malformed message");
		return;
	}
	switch (msg.type) {
	case ES_FRAME_CREDIT:
		handle_credit(link, msg.credit.n);
		return;
	case ES_FRAME_RELEASE:
		handle_release(link, &msg, link_packet_take_fd(packet, 0));
		return;
	case ES_FRAME_FORMATS:
		handle_formats(link, &msg);
		return;
	default:
		lose(link, "a message that an encoder does not send");
		return;
	}
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct es_frame_link *link = data;
	// One message a call: each may end in the link's destruction by its owner, and the loop comes
	// back as long as there is more.
	struct es_link_packet packet;
	switch (link_recv(fd, &packet)) {
	case ES_LINK_OK:
		handle_msg(link, &packet);
		link_packet_finish(&packet);
		break;
	case ES_LINK_AGAIN:
		break;
	case ES_LINK_CLOSED:
		lose_peer(link);
		break;
	case ES_LINK_BROKEN:
		lose(link, "a message cannot be received");
		break;
	}
	return 0;
}

struct es_frame_link *frame_link_create(struct wl_event_loop *loop, int fd,
		const struct es_attach *attach, const struct es_cursor_plane *cursor,
		const struct es_mode *mode, const struct es_colour *colour,
		const struct es_frame_link_events *events, void *data) {
	struct es_frame_link *link = calloc(1, sizeof(*link));
	if (link == NULL) {
		fd_close(&fd);
		es_log(ES_LOG_ERROR, "viewer %u gets no picture: out of memory", attach->viewer);
		return NULL;
	}
	*link = (struct es_frame_link){
			.loop = loop,
			.events = events,
			.data = data,
			.cursor = cursor,
			.fd = fd,
			.viewer = attach->viewer,
			.primary = attach->primary,
			.colour = *colour,
			.stuck_ns = attach->stuck_ms * ES_NS_PER_MS,
			.no_credit_since_ns = clock_now_ns(),
			.blends_cursor = true,
	};
	wl_list_init(&link->buffers);
	wl_list_init(&link->link);
	frame_wait_init(&link->wait);
	frame_slot_init(&link->slot);
	for (size_t i = 0; i < ES_LINK_MAX_SENT; i++) {
		link->sent[i] = (struct es_sent_frame){.fence_fd = -1, .link = link};
	}
	link->source = wl_event_loop_add_fd(loop, fd, WL_EVENT_READABLE, handle_readable, link);
	if (link->source == NULL) {
		es_log(ES_LOG_ERROR, "viewer %u gets no picture: out of memory", attach->viewer);
		frame_link_destroy(link);
		return NULL;
	}
	frame_link_set_mode(link, mode);
	return link;
}

void frame_link_destroy(struct es_frame_link *link) {
	if (link == NULL) {
		return;
	}
	// What follows may destroy buffers: nothing is to be sent any more.
	link->closed = true;
	for (size_t i = 0; i < ES_LINK_MAX_SENT; i++) {
		finish_sent(&link->sent[i]);
	}
	frame_wait_finish(&link->wait);
	frame_slot_finish(&link->slot);
	struct es_link_buffer *buffer, *tmp;
	wl_list_for_each_safe (buffer, tmp, &link->buffers, link) {
		forget_buffer(buffer);
	}
	if (link->source != NULL) {
		wl_event_source_remove(link->source);
	}
	if (link->lost != NULL) {
		wl_event_source_remove(link->lost);
	}
	wl_list_remove(&link->link);
	fd_close(&link->fd);
	free(link);
}

void frame_link_set_mode(struct es_frame_link *link, const struct es_mode *mode) {
	frame_wait_drop(&link->wait);
	frame_slot_drop(&link->slot, NULL);
	frame_slot_damage_whole(&link->slot, mode->width, mode->height);
	send_mode(link, mode);
}

bool frame_link_settle(
		struct es_frame_link *link, uint64_t sequence, struct es_slot_frame *displaced) {
	struct es_slot_frame frame;
	pixman_region32_t damage;
	*displaced = (struct es_slot_frame){0};
	if (!frame_wait_take(&link->wait, &frame, &damage)) {
		return false;
	}
	// Counted from here: the cursor may have moved in frames of its own while this one waited.
	frame.sequence = sequence;
	frame_slot_put(&link->slot, &frame, &damage, displaced);
	slot_frame_let_go(&frame); // the slot holds it now
	pixman_region32_fini(&damage);
	return true;
}

bool frame_link_wants_frame(const struct es_frame_link *link) {
	bool room = false;
	for (size_t i = 0; i < ES_LINK_MAX_SENT; i++) {
		room |= link->sent[i].sequence == 0;
	}
	return !link->closed && link->credits > 0 && room;
}

// Holds of the frame's buffer and release point go to the frames sent.
static bool send_frame(struct es_frame_link *link, const struct es_frame_msg *msg,
		const struct es_slot_frame *frame) {
	struct es_sent_frame *sent = find_sent(link, 0);
	int fence = acquire_fence_sync_file(frame->fence);
	if (!send_cursor_state(link) || !send_msg(link, msg, &fence)) {
		return false;
	}
	sent->buffer = frame->buffer;
	sent->release = frame->release;
	sent->buffer_id = msg->frame.buffer_id;
	sent->sequence = frame->sequence;
	sent->commit_seq = frame->commit_seq;
	sent->sent_ns = clock_now_ns();
	link->owes_credit = true;
	if (--link->credits == 0) {
		link->no_credit_since_ns = sent->sent_ns;
	}
	return true;
}

bool frame_link_flush(struct es_frame_link *link, struct es_slot_frame *frame) {
	struct es_frame_msg msg = {.type = ES_FRAME_FRAME};
	if (!frame_link_wants_frame(link) ||
			!frame_slot_take(&link->slot, frame, msg.frame.rects, &msg.frame.n_rects)) {
		return false;
	}
	struct es_link_buffer *buffer = known_buffer(link, frame->buffer);
	if (buffer == NULL) {
		slot_frame_let_go(frame);
		return false;
	}
	msg.frame.buffer_id = buffer->id;
	msg.frame.sequence = frame->sequence;
	msg.frame.commit_ns = frame->commit_ns;
	msg.frame.compose_ns = frame->compose_ns;
	msg.frame.put_ns = frame->put_ns;
	msg.frame.direct = frame->direct;
	msg.frame.src = frame->src;
	msg.frame.dst = frame->dst;
	msg.frame.has_fence = acquire_fence_state(frame->fence) == ES_FENCE_PENDING;
	if (!send_frame(link, &msg, frame)) {
		slot_frame_let_go(frame);
		return false;
	}
	acquire_fence_unref(frame->fence);
	frame->fence = NULL;
	frame->release = NULL;
	return true;
}

bool frame_link_send_cursor(struct es_frame_link *link, uint64_t sequence) {
	int64_t now_ns = clock_now_ns();
	struct es_frame_msg msg = {.type = ES_FRAME_FRAME};
	msg.frame.sequence = sequence;
	msg.frame.commit_ns = msg.frame.compose_ns = msg.frame.put_ns = now_ns;
	const struct es_slot_frame frame = {.sequence = sequence};
	return frame_link_wants_frame(link) && send_frame(link, &msg, &frame);
}

void frame_link_for_each_held(const struct es_frame_link *link,
		void (*visit)(struct wlr_buffer *buffer, void *data), void *data) {
	for (size_t i = 0; i < ES_LINK_MAX_SENT; i++) {
		if (link->sent[i].buffer != NULL) {
			visit(link->sent[i].buffer, data);
		}
	}
	for (size_t i = 0; i < link->wait.n; i++) {
		visit(link->wait.frames[i].frame.buffer, data);
	}
	if (frame_slot_full(&link->slot)) {
		visit(link->slot.frame.buffer, data);
	}
}
