// Tells a window that has the screen to itself what its buffers should be from now on: wlroots does
// so when the window becomes one that could be scanned out, not when the encoders change.
#pragma once

struct es_display;

void scan_out_feedback_renew(struct es_display *display);
