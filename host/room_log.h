// What a room logs, on its way into the host's log ring: at most so many lines a second, so that a room that
// writes many neither keeps the host busy nor drives out all else. Where nothing is kept there is none of this.
#pragma once

#include <systemd/sd-event.h>

struct es_room_log;

// `label` is that of the room, borrowed. *room_fd is the room's end, which the caller closes; -1 and NULL: nobody
// keeps lines, or it cannot be had.
struct es_room_log *room_log_create(sd_event *event, const char *label, int *room_fd);
// The room has ended: its last lines. NULL is fine, here and below.
void room_log_finish(struct es_room_log *log);
void room_log_destroy(struct es_room_log *log);
