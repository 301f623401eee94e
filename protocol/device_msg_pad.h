// Of the device link: the gamepads' part of device_msg.c, and of no use without it.
#pragma once

#include <stdbool.h>

#include "protocol/bytes.h"
#include "protocol/device_msg.h"

bool pad_arrival_valid(const struct es_device_msg *msg);
void put_pad_arrival(struct es_writer *w, const struct es_device_msg *msg);
void get_pad_arrival(struct es_reader *r, struct es_device_msg *msg);
bool pad_removal_valid(const struct es_device_msg *msg);
void put_pad_removal(struct es_writer *w, const struct es_device_msg *msg);
void get_pad_removal(struct es_reader *r, struct es_device_msg *msg);
bool pad_state_valid(const struct es_device_msg *msg);
void put_pad_state(struct es_writer *w, const struct es_device_msg *msg);
void get_pad_state(struct es_reader *r, struct es_device_msg *msg);
bool pad_touch_valid(const struct es_device_msg *msg);
void put_pad_touch(struct es_writer *w, const struct es_device_msg *msg);
void get_pad_touch(struct es_reader *r, struct es_device_msg *msg);
bool pad_motion_valid(const struct es_device_msg *msg);
void put_pad_motion(struct es_writer *w, const struct es_device_msg *msg);
void get_pad_motion(struct es_reader *r, struct es_device_msg *msg);
bool pad_battery_valid(const struct es_device_msg *msg);
void put_pad_battery(struct es_writer *w, const struct es_device_msg *msg);
void get_pad_battery(struct es_reader *r, struct es_device_msg *msg);
bool rumble_valid(const struct es_device_msg *msg);
void put_rumble(struct es_writer *w, const struct es_device_msg *msg);
void get_rumble(struct es_reader *r, struct es_device_msg *msg);
bool led_valid(const struct es_device_msg *msg);
void put_led(struct es_writer *w, const struct es_device_msg *msg);
void get_led(struct es_reader *r, struct es_device_msg *msg);
bool motion_request_valid(const struct es_device_msg *msg);
void put_motion_request(struct es_writer *w, const struct es_device_msg *msg);
void get_motion_request(struct es_reader *r, struct es_device_msg *msg);
bool trigger_rumble_valid(const struct es_device_msg *msg);
void put_trigger_rumble(struct es_writer *w, const struct es_device_msg *msg);
void get_trigger_rumble(struct es_reader *r, struct es_device_msg *msg);
bool trigger_effect_valid(const struct es_device_msg *msg);
void put_trigger_effect(struct es_writer *w, const struct es_device_msg *msg);
void get_trigger_effect(struct es_reader *r, struct es_device_msg *msg);
