// Decoded pictures as RGB, for tests that compare them with what an app has drawn.
#pragma once

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

struct es_rgb {
	uint32_t width, height;
	uint8_t *px; // owned; 3 bytes per pixel
};

// BT.709, by the range that the frame says; 8-bit 4:2:0 only. False after a message.
bool picture_from_frame(const AVFrame *frame, struct es_rgb *rgb);
bool picture_write(const struct es_rgb *rgb, const char *path);
void picture_finish(struct es_rgb *rgb);

// Prints one line of JSON: mean absolute difference per channel between the frame and a PPM
// file, over the area that both have. False if it cannot be compared.
bool picture_compare(const AVFrame *frame, const char *path, int64_t index);
