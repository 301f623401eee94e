// The three UDP sockets over which one client's media come and go: bound here, used by its streamer
// alone.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_MEDIA_PORTS_FIRST 9 // of session 0, from the base port: video, control, audio
#define ES_MEDIA_PORTS_STEP 20 // from one session to the next
#define ES_MEDIA_PORTS_MAX 64 // sessions that are tried

enum es_media { ES_MEDIA_VIDEO, ES_MEDIA_AUDIO, ES_MEDIA_CONTROL, ES_MEDIA_COUNT };

struct es_media_ports {
	int fds[ES_MEDIA_COUNT]; // owned, -1: closed; non-blocking
	uint16_t ports[ES_MEDIA_COUNT]; // as bound
};

void media_ports_init(struct es_media_ports *ports); // all closed

// Binds the ports of the first session n for which all three are free: base + 9 + 20 n (video), + 10
// (control), + 11 (audio); with base 0, three that the kernel chooses. `address` is IPv4. False with
// the reason in error[cap]; nothing is open then.
bool media_ports_open(
		struct es_media_ports *ports, const char *address, uint16_t base, char *error, size_t cap);
void media_ports_close(struct es_media_ports *ports);
