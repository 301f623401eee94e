// Devices of this machine as the app's: keyboards, mice, touch screens and tablets of a seat of udev,
// through libinput and a seat manager (seatd or logind), which opens them for us. They come and go.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct es_display;
struct es_local_devices;

// What libraries are to know; before there are threads.
void local_devices_prepare(void);
// NULL after a logged reason: the session does without. Needs the display's seat, cursor and pen.
struct es_local_devices *local_devices_create(struct es_display *display, const char *seat);
void local_devices_destroy(struct es_local_devices *devices); // before the seat; NULL is fine

// The lights of their keyboards: WLR_LED_*.
void local_devices_set_leds(struct es_local_devices *devices, uint32_t leds);
