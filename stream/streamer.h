// One viewer's streamer: takes access units from whichever encoder is attached and hands
// them to its sink, until the host, the encoder or the viewer says that it is over.
#pragma once

struct es_streamer;

// session_fd stays the caller's. NULL: no memory.
struct es_streamer *streamer_create(int session_fd);
void streamer_destroy(struct es_streamer *streamer); // NULL is fine

// The loop; returns the process's exit status. Sleeps while there is nothing to do: no timer but the
// end's deadline and what the sink asks for.
int streamer_run(struct es_streamer *streamer);
