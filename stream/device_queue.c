#include "stream/device_queue.h"

#include <string.h>

#include "base/fd.h"
#include "base/log.h"

#define MAX_READ 64 // messages per call
#define MAX_WHEEL ES_DEVICE_MAX_WHEEL

void device_queue_init(struct es_device_queue *queue) {
	queue->fd = -1;
	queue->overflown = queue->overflow_logged = false;
	queue->first = queue->n = 0;
	queue->message = NULL;
}

static void forget(struct es_device_queue *queue) {
	queue->first = queue->n = 0;
}

static void lose_display(struct es_device_queue *queue) {
	es_log(ES_LOG_DEBUG, "the display takes no more input");
	fd_close(&queue->fd);
	queue->overflown = false;
	forget(queue);
}

static enum es_link_result send_entry(
		struct es_device_queue *queue, const struct es_device_queue_entry *entry) {
	enum es_link_result result = link_send(queue->fd, entry->data, entry->size, NULL, 0);
	if (result != ES_LINK_OK && result != ES_LINK_AGAIN) {
		lose_display(queue);
	}
	return result;
}

static bool encode(struct es_device_queue_entry *entry, const struct es_device_msg *msg) {
	uint8_t data[ES_DEVICE_QUEUE_SIZE];
	size_t size = device_msg_encode(msg, data, sizeof(data));
	if (size == 0) {
		return false;
	}
	entry->type = msg->type;
	entry->size = (uint8_t)size;
	memcpy(entry->data, data, size);
	return true;
}

static void flush(struct es_device_queue *queue) {
	struct es_device_queue_entry release;
	if (queue->overflown && queue->fd >= 0) {
		encode(&release, &(struct es_device_msg){.type = ES_DEVICE_RELEASE_ALL});
		if (send_entry(queue, &release) != ES_LINK_OK) {
			return;
		}
		queue->overflown = false;
	}
	while (queue->n > 0 && queue->fd >= 0) {
		if (send_entry(queue, &queue->entries[queue->first]) != ES_LINK_OK) {
			return;
		}
		queue->first = (queue->first + 1) % ES_DEVICE_QUEUE_LENGTH;
		queue->n--;
	}
}

void device_queue_finish(struct es_device_queue *queue) {
	if (queue->fd >= 0) {
		flush(queue);
	}
	fd_close(&queue->fd);
}

void device_queue_attach(struct es_device_queue *queue, int fd) {
	fd_close(&queue->fd);
	queue->fd = fd;
	queue->overflown = false;
	forget(queue);
}

static int32_t add(int32_t a, int32_t b, int32_t limit) {
	int64_t sum = (int64_t)a + b;
	return (int32_t)(sum > limit ? limit : sum < -limit ? -limit : sum);
}

static bool is_pad(enum es_device_msg_type type) {
	return type == ES_DEVICE_PAD_STATE || type == ES_DEVICE_PAD_MOTION;
}

static uint8_t pad_of(const struct es_device_msg *msg) {
	return msg->type == ES_DEVICE_PAD_STATE ? msg->pad_state.pad : msg->pad_motion.pad;
}

// Where nothing is pressed or released between the two.
static bool replaces(const struct es_device_msg *msg, const struct es_device_msg *before) {
	if (msg->type == ES_DEVICE_PAD_MOTION) {
		return msg->pad_motion.sensor == before->pad_motion.sensor;
	}
	return msg->pad_state.buttons == before->pad_state.buttons &&
			(msg->pad_state.left_trigger > 0) == (before->pad_state.left_trigger > 0) &&
			(msg->pad_state.right_trigger > 0) == (before->pad_state.right_trigger > 0);
}

// Pads and their sensors take turns, so what the new one replaces need not be the last.
static bool merge_pad(struct es_device_queue *queue, const struct es_device_msg *msg) {
	for (size_t i = queue->n; i > 0; i--) {
		struct es_device_queue_entry *entry =
				&queue->entries[(queue->first + i - 1) % ES_DEVICE_QUEUE_LENGTH];
		struct es_device_msg before;
		if (!is_pad(entry->type) || !device_msg_decode(&before, entry->data, entry->size, 0)) {
			return false;
		}
		if (before.type != msg->type || pad_of(&before) != pad_of(msg)) {
			continue;
		}
		if (replaces(msg, &before)) {
			return encode(entry, msg);
		}
		if (msg->type == ES_DEVICE_PAD_STATE) {
			return false;
		}
	}
	return false;
}

// True: what waits last says both now.
static bool merge(struct es_device_queue *queue, const struct es_device_msg *msg) {
	size_t last = (queue->first + queue->n - 1) % ES_DEVICE_QUEUE_LENGTH;
	struct es_device_queue_entry *entry = &queue->entries[last];
	struct es_device_msg before;
	if (queue->n == 0 || entry->type != msg->type ||
			!device_msg_decode(&before, entry->data, entry->size, 0)) {
		return false;
	}
	switch (msg->type) {
	case ES_DEVICE_POINTER_MOVE:
		before.pointer_move.dx =
				add(before.pointer_move.dx, msg->pointer_move.dx, ES_DEVICE_MAX_MOVE);
		before.pointer_move.dy =
				add(before.pointer_move.dy, msg->pointer_move.dy, ES_DEVICE_MAX_MOVE);
		break;
	case ES_DEVICE_POINTER_WHEEL:
		before.pointer_wheel.x120 =
				add(before.pointer_wheel.x120, msg->pointer_wheel.x120, MAX_WHEEL);
		before.pointer_wheel.y120 =
				add(before.pointer_wheel.y120, msg->pointer_wheel.y120, MAX_WHEEL);
		break;
	case ES_DEVICE_POINTER_PLACE:
		before = *msg;
		break;
	case ES_DEVICE_TOUCH:
		if (before.touch.phase != ES_TOUCH_MOTION || msg->touch.phase != ES_TOUCH_MOTION ||
				before.touch.id != msg->touch.id) {
			return false;
		}
		before = *msg;
		break;
	case ES_DEVICE_PEN:
		if (before.pen.phase != msg->pen.phase || before.pen.buttons != msg->pen.buttons ||
				(msg->pen.phase != ES_PEN_MOTION && msg->pen.phase != ES_PEN_HOVER)) {
			return false;
		}
		before = *msg;
		break;
	default:
		return false;
	}
	return encode(entry, &before);
}

bool device_queue_put(struct es_device_queue *queue, const struct es_device_msg *msg) {
	if (queue->fd < 0 || queue->overflown) {
		return false;
	}
	if (is_pad(msg->type) ? merge_pad(queue, msg) : merge(queue, msg)) {
		return true;
	}
	if (queue->n == ES_DEVICE_QUEUE_LENGTH) {
		es_log(queue->overflow_logged ? ES_LOG_DEBUG : ES_LOG_WARN,
				"the display does not take its input: all keys are released");
		queue->overflow_logged = true;
		queue->overflown = true;
		forget(queue);
		return false;
	}
	size_t last = (queue->first + queue->n) % ES_DEVICE_QUEUE_LENGTH;
	if (!encode(&queue->entries[last], msg)) {
		return true;
	}
	queue->n++;
	flush(queue);
	return queue->fd >= 0;
}

bool device_queue_send_now(struct es_device_queue *queue, const struct es_device_msg *msg) {
	uint8_t data[ES_DEVICE_MSG_MAX];
	size_t size = queue->fd >= 0 ? device_msg_encode(msg, data, sizeof(data)) : 0;
	if (size == 0) {
		return false;
	}
	enum es_link_result result = link_send(queue->fd, data, size, NULL, 0);
	if (result != ES_LINK_OK && result != ES_LINK_AGAIN) {
		lose_display(queue);
	}
	return result == ES_LINK_OK;
}

bool device_queue_waits(const struct es_device_queue *queue) {
	return queue->n > 0 || queue->overflown;
}

static void take_message(struct es_device_queue *queue) {
	const struct es_link_packet *packet = &queue->packet;
	struct es_device_msg msg;
	if (queue->message == NULL) {
		return;
	}
	if (device_msg_decode(&msg, packet->data, packet->size, packet->n_fds)) {
		queue->message(queue->data, &msg);
	} else {
		es_log(ES_LOG_DEBUG, "a malformed message of %zu bytes from the display", packet->size);
	}
}

void device_queue_dispatch(struct es_device_queue *queue) {
	for (int i = 0; i < MAX_READ && queue->fd >= 0; i++) {
		enum es_link_result result = link_recv(queue->fd, &queue->packet);
		if (result == ES_LINK_AGAIN) {
			break;
		}
		if (result != ES_LINK_OK) {
			lose_display(queue);
			return;
		}
		take_message(queue);
		link_packet_finish(&queue->packet);
	}
	flush(queue);
}
