// Gamepads by uhid: the kernel's own drivers for them make the event devices, so that apps find what they
// would find with real ones, hidraw included.
#include <errno.h>
#include <fcntl.h>
#include <linux/uhid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "compositor/pad.h"
#include "compositor/pad_model.h"

#define MAX_READ 16 // events per wake-up
#define MOTION_HZ 100

struct pad_uhid {
	struct es_pad base;
	int fd;
	struct wl_event_source *source, *timer; // timer: NULL for models without an interval
	const struct es_pad_model *model;
	struct es_pad_report report;
	uint8_t number;
	void (*feedback)(void *data, const struct es_device_msg *msg);
	void *data;
	struct uhid_event event; // that is being read: 4 KiB
};

static const struct es_pad_model *find_model(enum es_gamepad kind) {
	switch (kind) {
	case ES_GAMEPAD_DUALSENSE:
		return &pad_model_dualsense;
	case ES_GAMEPAD_DUALSHOCK4:
		return &pad_model_dualshock4;
	case ES_GAMEPAD_SWITCH:
		return &pad_model_switch;
	default:
		return NULL;
	}
}

bool pad_uhid_has(enum es_gamepad kind) {
	return find_model(kind) != NULL;
}

static bool send_event(struct pad_uhid *pad, const struct uhid_event *event, size_t size) {
	if (write(pad->fd, event, size) < 0) {
		es_log(ES_LOG_DEBUG, "gamepad %u: %s", pad->number, strerror(errno));
		return false;
	}
	return true;
}

static void send_input(struct pad_uhid *pad, const uint8_t *data, size_t size) {
	struct uhid_event event;
	event.type = UHID_INPUT2;
	event.u.input2.size = (uint16_t)size;
	memcpy(event.u.input2.data, data, size);
	send_event(pad, &event, offsetof(struct uhid_event, u.input2.data) + size);
}

static void send_report(struct pad_uhid *pad) {
	uint8_t data[ES_PAD_REPORT_SIZE];
	pad->report.time_us = (uint64_t)clock_now_ns() / 1000;
	pad->report.sequence++;
	size_t size = pad->model->pack(&pad->report, data);
	if (size > 0) {
		send_input(pad, data, size);
	}
}

// --- from the viewer

static struct es_pad_contact *find_contact(struct es_pad_report *report, bool down, uint32_t id) {
	for (size_t i = 0; i < ES_PAD_MAX_CONTACTS; i++) {
		struct es_pad_contact *contact = &report->contacts[i];
		if (contact->down == down && (!down || contact->id == id)) {
			return contact;
		}
	}
	return NULL;
}

static void put_touch(struct es_pad_report *report, const struct es_device_msg *msg) {
	struct es_pad_contact *contact = find_contact(report, true, msg->pad_touch.id);
	if (msg->pad_touch.phase == ES_TOUCH_CANCEL) {
		report->contacts[0].down = report->contacts[1].down = false;
		return;
	}
	if (msg->pad_touch.phase == ES_TOUCH_DOWN && contact == NULL) {
		contact = find_contact(report, false, 0);
		if (contact != NULL) {
			*contact = (struct es_pad_contact){
					.down = true, .id = msg->pad_touch.id, .number = report->n_contacts++};
		}
	}
	if (contact == NULL) {
		return; // a third finger, or one that never came down
	}
	contact->x = msg->pad_touch.x;
	contact->y = msg->pad_touch.y;
	contact->down = msg->pad_touch.phase != ES_TOUCH_UP;
}

static void put_state(struct es_pad_report *report, const struct es_device_msg *msg) {
	report->buttons = msg->pad_state.buttons;
	report->left_trigger = msg->pad_state.left_trigger;
	report->right_trigger = msg->pad_state.right_trigger;
	report->lx = msg->pad_state.lx;
	report->ly = msg->pad_state.ly;
	report->rx = msg->pad_state.rx;
	report->ry = msg->pad_state.ry;
}

static void uhid_put(struct es_pad *base, const struct es_device_msg *msg) {
	struct pad_uhid *pad = (struct pad_uhid *)base;
	int32_t *motion;
	switch (msg->type) {
	case ES_DEVICE_PAD_STATE:
		put_state(&pad->report, msg);
		break;
	case ES_DEVICE_PAD_TOUCH:
		put_touch(&pad->report, msg);
		break;
	case ES_DEVICE_PAD_MOTION:
		motion = msg->pad_motion.sensor == ES_PAD_GYROSCOPE ? pad->report.rotation
															: pad->report.acceleration;
		motion[0] = msg->pad_motion.x;
		motion[1] = msg->pad_motion.y;
		motion[2] = msg->pad_motion.z;
		break;
	case ES_DEVICE_PAD_BATTERY:
		pad->report.battery = msg->pad_battery.state;
		pad->report.percent = msg->pad_battery.percent;
		break;
	default:
		return;
	}
	send_report(pad);
}

// --- from the kernel

static void set_pad(struct es_device_msg *msg, uint8_t pad) {
	switch (msg->type) {
	case ES_DEVICE_RUMBLE:
		msg->rumble.pad = pad;
		return;
	case ES_DEVICE_LED:
		msg->led.pad = pad;
		return;
	case ES_DEVICE_TRIGGER_EFFECT:
		msg->trigger_effect.pad = pad;
		return;
	default:
		return;
	}
}

static void take_output(struct pad_uhid *pad, const uint8_t *data, size_t size) {
	struct es_pad_answers answers;
	answers.reply_size = answers.n_feedback = 0;
	pad->model->output(&pad->report, data, size, &answers);
	for (size_t i = 0; i < answers.n_feedback; i++) {
		set_pad(&answers.feedback[i], pad->number);
		pad->feedback(pad->data, &answers.feedback[i]);
	}
	if (answers.reply_size > 0) {
		send_input(pad, answers.reply, answers.reply_size);
	}
}

// Who asks waits for the answer.
static void answer_get(struct pad_uhid *pad, const struct uhid_get_report_req *request) {
	struct uhid_event event;
	memset(&event, 0, offsetof(struct uhid_event, u.get_report_reply.data));
	event.type = UHID_GET_REPORT_REPLY;
	event.u.get_report_reply.id = request->id;
	size_t size = 0;
	if (request->rtype == UHID_FEATURE_REPORT && pad->model->feature != NULL) {
		size = pad->model->feature(&pad->report, request->rnum, event.u.get_report_reply.data);
	}
	event.u.get_report_reply.err = size > 0 ? 0 : EIO;
	event.u.get_report_reply.size = (uint16_t)size;
	send_event(pad, &event, offsetof(struct uhid_event, u.get_report_reply.data) + size);
}

static void answer_set(struct pad_uhid *pad, const struct uhid_set_report_req *request) {
	struct uhid_event event;
	memset(&event, 0, offsetof(struct uhid_event, u) + sizeof(event.u.set_report_reply));
	event.type = UHID_SET_REPORT_REPLY;
	event.u.set_report_reply.id = request->id;
	send_event(pad, &event, offsetof(struct uhid_event, u) + sizeof(event.u.set_report_reply));
	if (request->rtype == UHID_OUTPUT_REPORT && request->size <= sizeof(request->data)) {
		take_output(pad, request->data, request->size);
	}
}

static void take_event(struct pad_uhid *pad) {
	const struct uhid_event *event = &pad->event;
	switch (event->type) {
	case UHID_OUTPUT:
		if (event->u.output.size <= sizeof(event->u.output.data)) {
			take_output(pad, event->u.output.data, event->u.output.size);
		}
		return;
	case UHID_GET_REPORT:
		answer_get(pad, &event->u.get_report);
		return;
	case UHID_SET_REPORT:
		answer_set(pad, &event->u.set_report);
		return;
	default:
		return; // started, opened, closed, stopped
	}
}

static int handle_readable(int fd, uint32_t mask, void *data) {
	struct pad_uhid *pad = data;
	for (int i = 0; i < MAX_READ && read(fd, &pad->event, sizeof(pad->event)) > 0; i++) {
		take_event(pad);
	}
	return 0;
}

static int handle_timer(void *data) {
	struct pad_uhid *pad = data;
	send_report(pad);
	wl_event_source_timer_update(pad->timer, pad->model->interval_ms);
	return 0;
}

// --- the device

static bool create_device(struct pad_uhid *pad, const struct es_pad_params *params) {
	const struct es_pad_model *model = pad->model;
	struct uhid_event *event = &pad->event;
	struct uhid_create2_req *create = &event->u.create2;
	const uint8_t *at = params->address;
	memset(event, 0, sizeof(*event));
	event->type = UHID_CREATE2;
	snprintf((char *)create->name, sizeof(create->name), "%s", model->name);
	snprintf((char *)create->phys, sizeof(create->phys), "%s", params->place);
	snprintf((char *)create->uniq, sizeof(create->uniq), "%02x:%02x:%02x:%02x:%02x:%02x", at[0],
			at[1], at[2], at[3], at[4], at[5]);
	create->bus = model->bus;
	create->vendor = model->vendor;
	create->product = model->product;
	create->version = model->version;
	create->rd_size = (uint16_t)model->descriptor_size;
	memcpy(create->rd_data, model->descriptor, model->descriptor_size);
	return write(pad->fd, event, sizeof(*event)) == sizeof(*event);
}

static void uhid_destroy(struct es_pad *base) {
	struct pad_uhid *pad = (struct pad_uhid *)base;
	if (pad->source != NULL) {
		wl_event_source_remove(pad->source);
	}
	if (pad->timer != NULL) {
		wl_event_source_remove(pad->timer);
	}
	fd_close(&pad->fd); // and with it the device is gone
	free(pad);
}

static const struct es_pad_impl uhid_impl = {.destroy = uhid_destroy, .put = uhid_put};

static bool open_device(struct pad_uhid *pad, const struct es_pad_params *params) {
	pad->fd = open("/dev/uhid", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (pad->fd < 0 || !create_device(pad, params)) {
		es_log(ES_LOG_INFO,
				"gamepad %u is no %s: /dev/uhid: %s; earthshine doctor says how to change "
				"that",
				params->number, pad->model->name, strerror(errno));
		return false;
	}
	pad->source =
			wl_event_loop_add_fd(params->loop, pad->fd, WL_EVENT_READABLE, handle_readable, pad);
	if (pad->model->interval_ms > 0) {
		pad->timer = wl_event_loop_add_timer(params->loop, handle_timer, pad);
		if (pad->timer == NULL) {
			return false;
		}
		wl_event_source_timer_update(pad->timer, pad->model->interval_ms);
	}
	return pad->source != NULL;
}

static void ask_for_motion(struct pad_uhid *pad, uint16_t capabilities) {
	struct es_device_msg msg = {.type = ES_DEVICE_MOTION_REQUEST,
			.motion_request = {pad->number, ES_PAD_ACCELEROMETER, MOTION_HZ}};
	if ((capabilities & ES_PAD_HAS_ACCELEROMETER) != 0) {
		pad->feedback(pad->data, &msg);
	}
	msg.motion_request.sensor = ES_PAD_GYROSCOPE;
	if ((capabilities & ES_PAD_HAS_GYROSCOPE) != 0) {
		pad->feedback(pad->data, &msg);
	}
}

struct es_pad *pad_uhid_create(const struct es_pad_params *params, enum es_gamepad kind) {
	struct pad_uhid *pad = calloc(1, sizeof(*pad));
	if (pad == NULL) {
		es_log(ES_LOG_WARN, "no gamepad %u: out of memory", params->number);
		return NULL;
	}
	pad->base.impl = &uhid_impl;
	pad->fd = -1;
	pad->model = find_model(kind);
	pad->number = params->number;
	pad->feedback = params->feedback;
	pad->data = params->data;
	pad->report.percent = ES_PAD_PERCENT_UNKNOWN;
	memcpy(pad->report.address, params->address, sizeof(pad->report.address));
	if (!open_device(pad, params)) {
		uhid_destroy(&pad->base);
		return NULL;
	}
	ask_for_motion(pad, params->capabilities);
	return &pad->base;
}
