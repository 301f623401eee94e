#include "protocol/frame_msg.h"

#include <string.h>

#include "protocol/bytes.h"

#define LETTER 'F'

static void put_mode_msg(struct es_writer *w, const struct es_frame_msg *msg) {
	put_mode(w, &msg->mode.mode);
	put_colour(w, &msg->mode.colour);
}

static void get_mode_msg(struct es_reader *r, struct es_frame_msg *msg) {
	get_mode(r, &msg->mode.mode);
	get_colour(r, &msg->mode.colour);
}

static bool buffer_valid(const struct es_frame_msg *msg) {
	const struct es_frame_buffer *buffer = &msg->buffer;
	bool memory = buffer->kind == ES_BUFFER_MEMORY;
	if (!memory && buffer->kind != ES_BUFFER_DMABUF) {
		return false;
	}
	if (buffer->id == 0 || buffer->width == 0 || buffer->width > ES_MODE_MAX_SIZE ||
			buffer->height == 0 || buffer->height > ES_MODE_MAX_SIZE || buffer->fourcc == 0 ||
			buffer->n_planes == 0 || buffer->n_planes > ES_FRAME_MAX_PLANES) {
		return false;
	}
	if (memory && (buffer->n_planes != 1 || buffer->modifier != 0)) {
		return false;
	}
	for (uint32_t i = 0; i < buffer->n_planes; i++) {
		if (buffer->offset[i] > ES_FRAME_MAX_OFFSET || buffer->stride[i] == 0 ||
				buffer->stride[i] > ES_FRAME_MAX_STRIDE) {
			return false;
		}
	}
	return true;
}

static void put_buffer(struct es_writer *w, const struct es_frame_msg *msg) {
	const struct es_frame_buffer *buffer = &msg->buffer;
	put_le64(w, buffer->id);
	put_u8(w, (uint8_t)buffer->kind);
	put_le32(w, buffer->width);
	put_le32(w, buffer->height);
	put_le32(w, buffer->fourcc);
	put_le64(w, buffer->modifier);
	put_u8(w, (uint8_t)buffer->n_planes);
	for (uint32_t i = 0; i < buffer->n_planes; i++) {
		put_le32(w, buffer->offset[i]);
		put_le32(w, buffer->stride[i]);
	}
}

static void get_buffer(struct es_reader *r, struct es_frame_msg *msg) {
	struct es_frame_buffer *buffer = &msg->buffer;
	buffer->id = get_le64(r);
	buffer->kind = get_u8(r);
	buffer->width = get_le32(r);
	buffer->height = get_le32(r);
	buffer->fourcc = get_le32(r);
	buffer->modifier = get_le64(r);
	buffer->n_planes = get_u8(r);
	for (uint32_t i = 0; i < buffer->n_planes && i < ES_FRAME_MAX_PLANES; i++) {
		buffer->offset[i] = get_le32(r);
		buffer->stride[i] = get_le32(r);
	}
}

static bool forget_valid(const struct es_frame_msg *msg) {
	return msg->forget.id != 0;
}

static void put_forget(struct es_writer *w, const struct es_frame_msg *msg) {
	put_le64(w, msg->forget.id);
}

static void get_forget(struct es_reader *r, struct es_frame_msg *msg) {
	msg->forget.id = get_le64(r);
}

static bool rect_valid(const struct es_rect *rect) {
	return rect->width > 0 && rect->height > 0 && rect->x < ES_MODE_MAX_SIZE &&
			rect->y < ES_MODE_MAX_SIZE && rect->width <= ES_MODE_MAX_SIZE - rect->x &&
			rect->height <= ES_MODE_MAX_SIZE - rect->y;
}

static bool is_zero_rect(const struct es_rect *rect) {
	return rect->x == 0 && rect->y == 0 && rect->width == 0 && rect->height == 0;
}

static bool is_zero_box(const struct es_box *box) {
	return box->x == 0 && box->y == 0 && box->width == 0 && box->height == 0;
}

static bool box_valid(const struct es_box *box) {
	const uint32_t max = ES_MODE_MAX_SIZE * ES_BOX_UNIT;
	return box->width > 0 && box->height > 0 && box->x < max && box->y < max &&
			box->width <= max - box->x && box->height <= max - box->y;
}

static bool boxes_valid(const struct es_frame *frame) {
	bool whole_src = is_zero_box(&frame->src), whole_dst = is_zero_rect(&frame->dst);
	if (frame->buffer_id == 0) {
		return whole_src && whole_dst;
	}
	return (whole_src || box_valid(&frame->src)) && (whole_dst || rect_valid(&frame->dst));
}

static bool frame_valid(const struct es_frame_msg *msg) {
	const struct es_frame *frame = &msg->frame;
	if (!boxes_valid(frame) || frame->sequence == 0 || frame->n_rects > ES_FRAME_MAX_RECTS ||
			frame->commit_ns < 0 || frame->compose_ns < frame->commit_ns ||
			frame->put_ns < frame->compose_ns) {
		return false;
	}
	for (uint32_t i = 0; i < frame->n_rects; i++) {
		if (!rect_valid(&frame->rects[i])) {
			return false;
		}
	}
	return frame->buffer_id != 0 || (frame->n_rects == 0 && !frame->direct && !frame->has_fence);
}

static void put_rect(struct es_writer *w, const struct es_rect *rect) {
	put_le16(w, (uint16_t)rect->x);
	put_le16(w, (uint16_t)rect->y);
	put_le16(w, (uint16_t)rect->width);
	put_le16(w, (uint16_t)rect->height);
}

static void get_rect(struct es_reader *r, struct es_rect *rect) {
	rect->x = get_le16(r);
	rect->y = get_le16(r);
	rect->width = get_le16(r);
	rect->height = get_le16(r);
}

static void put_frame(struct es_writer *w, const struct es_frame_msg *msg) {
	const struct es_frame *frame = &msg->frame;
	put_le64(w, frame->buffer_id);
	put_le64(w, frame->sequence);
	put_le64s(w, frame->commit_ns);
	put_le64s(w, frame->compose_ns);
	put_le64s(w, frame->put_ns);
	put_bool(w, frame->direct);
	put_bool(w, frame->has_fence);
	put_le32(w, frame->src.x);
	put_le32(w, frame->src.y);
	put_le32(w, frame->src.width);
	put_le32(w, frame->src.height);
	put_rect(w, &frame->dst);
	put_u8(w, (uint8_t)frame->n_rects);
	for (uint32_t i = 0; i < frame->n_rects; i++) {
		put_rect(w, &frame->rects[i]);
	}
}

static void get_frame(struct es_reader *r, struct es_frame_msg *msg) {
	struct es_frame *frame = &msg->frame;
	frame->buffer_id = get_le64(r);
	frame->sequence = get_le64(r);
	frame->commit_ns = get_le64s(r);
	frame->compose_ns = get_le64s(r);
	frame->put_ns = get_le64s(r);
	frame->direct = get_bool(r);
	frame->has_fence = get_bool(r);
	frame->src.x = get_le32(r);
	frame->src.y = get_le32(r);
	frame->src.width = get_le32(r);
	frame->src.height = get_le32(r);
	get_rect(r, &frame->dst);
	frame->n_rects = get_u8(r);
	for (uint32_t i = 0; i < frame->n_rects && i < ES_FRAME_MAX_RECTS; i++) {
		get_rect(r, &frame->rects[i]);
	}
}

static bool place_valid(int32_t x, int32_t y) {
	return x >= -ES_CURSOR_MAX_PLACE && x <= ES_CURSOR_MAX_PLACE && y >= -ES_CURSOR_MAX_PLACE &&
			y <= ES_CURSOR_MAX_PLACE;
}

static bool cursor_image_valid(const struct es_frame_msg *msg) {
	const struct es_frame_cursor_image *image = &msg->cursor_image;
	if (image->width == 0) {
		return image->height == 0 && image->hotspot_x == 0 && image->hotspot_y == 0;
	}
	return image->height > 0 && image->width <= ES_CURSOR_MAX_SIZE &&
			image->height <= ES_CURSOR_MAX_SIZE && place_valid(image->hotspot_x, image->hotspot_y);
}

static void put_cursor_image(struct es_writer *w, const struct es_frame_msg *msg) {
	put_le32(w, msg->cursor_image.width);
	put_le32(w, msg->cursor_image.height);
	put_le32s(w, msg->cursor_image.hotspot_x);
	put_le32s(w, msg->cursor_image.hotspot_y);
}

static void get_cursor_image(struct es_reader *r, struct es_frame_msg *msg) {
	msg->cursor_image.width = get_le32(r);
	msg->cursor_image.height = get_le32(r);
	msg->cursor_image.hotspot_x = get_le32s(r);
	msg->cursor_image.hotspot_y = get_le32s(r);
}

static bool cursor_move_valid(const struct es_frame_msg *msg) {
	return place_valid(msg->cursor_move.x, msg->cursor_move.y);
}

static void put_cursor_move(struct es_writer *w, const struct es_frame_msg *msg) {
	put_le32s(w, msg->cursor_move.x);
	put_le32s(w, msg->cursor_move.y);
}

static void get_cursor_move(struct es_reader *r, struct es_frame_msg *msg) {
	msg->cursor_move.x = get_le32s(r);
	msg->cursor_move.y = get_le32s(r);
}

static bool formats_valid(const struct es_frame_msg *msg) {
	if (msg->formats.n > ES_FRAME_MAX_FORMATS) {
		return false;
	}
	for (uint32_t i = 0; i < msg->formats.n; i++) {
		if (msg->formats.entries[i].fourcc == 0) {
			return false;
		}
	}
	return true;
}

static void put_formats(struct es_writer *w, const struct es_frame_msg *msg) {
	put_bool(w, msg->formats.blends_cursor);
	put_bool(w, msg->formats.scales);
	put_bool(w, msg->formats.takes_fences);
	put_le16(w, (uint16_t)msg->formats.n);
	for (uint32_t i = 0; i < msg->formats.n; i++) {
		put_le32(w, msg->formats.entries[i].fourcc);
		put_le64(w, msg->formats.entries[i].modifier);
	}
}

static void get_formats(struct es_reader *r, struct es_frame_msg *msg) {
	msg->formats.blends_cursor = get_bool(r);
	msg->formats.scales = get_bool(r);
	msg->formats.takes_fences = get_bool(r);
	msg->formats.n = get_le16(r);
	for (uint32_t i = 0; i < msg->formats.n && i < ES_FRAME_MAX_FORMATS; i++) {
		msg->formats.entries[i].fourcc = get_le32(r);
		msg->formats.entries[i].modifier = get_le64(r);
	}
}

static bool credit_valid(const struct es_frame_msg *msg) {
	return msg->credit.n <= 2;
}

static void put_credit(struct es_writer *w, const struct es_frame_msg *msg) {
	put_u8(w, (uint8_t)msg->credit.n);
}

static void get_credit(struct es_reader *r, struct es_frame_msg *msg) {
	msg->credit.n = get_u8(r);
}

static bool release_valid(const struct es_frame_msg *msg) {
	return msg->release.sequence > 0 && msg->release.taken_ns >= 0 &&
			(msg->release.buffer_id != 0 || !msg->release.has_fence);
}

static void put_release(struct es_writer *w, const struct es_frame_msg *msg) {
	put_le64(w, msg->release.buffer_id);
	put_le64(w, msg->release.sequence);
	put_le64s(w, msg->release.taken_ns);
	put_bool(w, msg->release.has_fence);
}

static void get_release(struct es_reader *r, struct es_frame_msg *msg) {
	msg->release.buffer_id = get_le64(r);
	msg->release.sequence = get_le64(r);
	msg->release.taken_ns = get_le64s(r);
	msg->release.has_fence = get_bool(r);
}

// `valid` sees what the bytes alone cannot say: both directions pass it.
static const struct kind {
	enum es_frame_msg_type type;
	void (*put)(struct es_writer *w, const struct es_frame_msg *msg);
	void (*get)(struct es_reader *r, struct es_frame_msg *msg);
	bool (*valid)(const struct es_frame_msg *msg); // optional
} kinds[] = {
		{ES_FRAME_MODE, put_mode_msg, get_mode_msg, NULL},
		{ES_FRAME_BUFFER, put_buffer, get_buffer, buffer_valid},
		{ES_FRAME_FORGET, put_forget, get_forget, forget_valid},
		{ES_FRAME_FRAME, put_frame, get_frame, frame_valid},
		{ES_FRAME_CURSOR_IMAGE, put_cursor_image, get_cursor_image, cursor_image_valid},
		{ES_FRAME_CURSOR_MOVE, put_cursor_move, get_cursor_move, cursor_move_valid},
		{ES_FRAME_FORMATS, put_formats, get_formats, formats_valid},
		{ES_FRAME_CREDIT, put_credit, get_credit, credit_valid},
		{ES_FRAME_RELEASE, put_release, get_release, release_valid},
};

static const struct kind *find_kind(uint32_t type) {
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type == type) {
			return &kinds[i];
		}
	}
	return NULL;
}

size_t frame_msg_n_fds(const struct es_frame_msg *msg) {
	switch (msg->type) {
	case ES_FRAME_BUFFER:
		return msg->buffer.kind == ES_BUFFER_DMABUF ? msg->buffer.n_planes : 1;
	case ES_FRAME_FRAME:
		return msg->frame.has_fence ? 1 : 0;
	case ES_FRAME_CURSOR_IMAGE:
		return msg->cursor_image.width > 0 ? 1 : 0;
	case ES_FRAME_RELEASE:
		return msg->release.has_fence ? 1 : 0;
	default:
		return 0;
	}
}

size_t frame_msg_encode(const struct es_frame_msg *msg, void *out, size_t cap) {
	const struct kind *kind = find_kind(msg->type);
	if (kind == NULL || (kind->valid != NULL && !kind->valid(msg))) {
		return 0;
	}
	struct es_writer w = writer_init(out, cap);
	put_header(&w, LETTER, ES_FRAME_VERSION, (uint16_t)kind->type);
	kind->put(&w, msg);
	return w.ok ? w.pos : 0;
}

bool frame_msg_decode(struct es_frame_msg *msg, const void *data, size_t size, size_t n_fds) {
	memset(msg, 0, sizeof(*msg));
	struct es_reader r = reader_init(data, size);
	const struct kind *kind = find_kind(get_header(&r, LETTER, ES_FRAME_VERSION));
	if (kind == NULL) {
		return false;
	}
	msg->type = kind->type;
	kind->get(&r, msg);
	return reader_done(&r) && (kind->valid == NULL || kind->valid(msg)) &&
			n_fds == frame_msg_n_fds(msg);
}
