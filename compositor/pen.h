// The pen: a tablet of the screen's size with a tip and an eraser, for apps that know tablets; a pointer
// for the others. Driven by remote_input.c.
#pragma once

#include "protocol/device_msg.h"

struct es_display;
struct es_pen;

// NULL after a logged error. Needs seat and globals.
struct es_pen *pen_create(struct es_display *display);
void pen_destroy(struct es_pen *pen); // before the seat; NULL is fine

// An ES_DEVICE_PEN.
void pen_put(struct es_pen *pen, const struct es_device_msg *msg);
// Takes the pen out of reach, its buttons and tip up before.
void pen_release(struct es_pen *pen);
