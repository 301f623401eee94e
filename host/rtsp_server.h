// Answers RTSP, over which a client that has launched agrees on the stream. One request per
// connection; who has launched nothing is sent away at once. (Reference, section 5.)
#pragma once

#include <systemd/sd-event.h>

#include "host/play.h"

struct es_rtsp_server;

// listen_fd is taken over, also on failure; the others are borrowed. NULL after a logged error.
struct es_rtsp_server *rtsp_server_create(sd_event *event, int listen_fd, struct es_plays *plays);
void rtsp_server_destroy(struct es_rtsp_server *server); // NULL is fine
