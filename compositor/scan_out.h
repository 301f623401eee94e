// Which app's buffer an encoder can read as the whole picture, and what it is told about it. Pure:
// figures in, figures out.
#pragma once

#include <stdbool.h>

#include "protocol/frame_msg.h"
#include "protocol/session_msg.h"

// Boxes as wlroots has them: all 0 means whole, or native size at 0,0.
struct es_scan_out {
	int screen_width, screen_height;
	int buffer_width, buffer_height;
	double src_x, src_y, src_width, src_height;
	int dst_x, dst_y, dst_width, dst_height;
};

// True: *src and *dst are as in struct es_frame. False: *reason says why it has to be composed.
bool scan_out_boxes(const struct es_scan_out *candidate, bool scales, struct es_box *src,
		struct es_rect *dst, enum es_compose_reason *reason);
