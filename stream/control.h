// The control connection to a GameStream client: ENet on a socket that was handed in, with limits, for one
// peer. Datagrams of strangers never reach ENet, and none but the connect data that was agreed on
// opens a connection.
//
// One thread. Nothing blocks.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/control_msg.h"
#include "protocol/session_msg.h"

struct es_control;
struct _ENetHost;

enum es_control_event {
	ES_CONTROL_EVENT_NONE,
	ES_CONTROL_EVENT_CONNECTED,
	ES_CONTROL_EVENT_MESSAGE, // in control_message until the next call
	ES_CONTROL_EVENT_SILENT, // if nothing comes within a second, the client is lost
	ES_CONTROL_EVENT_LEFT,
	ES_CONTROL_EVENT_LOST, // it never came, or no longer answers
};

// What control_create needs, without a socket. ENet makes one for a moment, so this is for a process
// that gives up that right before it knows its client. NULL: out of memory. Owned by the caller.
struct _ENetHost *control_host_create(void);
void control_host_destroy(struct _ENetHost *host); // NULL is fine

// Takes fd and host over, also on failure; host may be NULL, and is made then. NULL with a text that
// names the remedy.
struct es_control *control_create(int fd, struct _ENetHost *host,
		const struct es_gamestream_start *start, char *error, size_t cap);
void control_destroy(struct es_control *control); // drops the connection; NULL is fine

int control_fd(const struct es_control *control);
// When control_next is to be called at the latest.
int64_t control_wake_ns(const struct es_control *control);

// Does what is due; to be called until NONE when fd is readable or the time has come. After LEFT and LOST
// nothing more comes.
enum es_control_event control_next(struct es_control *control);
const struct es_control_msg *control_message(const struct es_control *control);

// False: no connection, or the counter of the encryption is used up.
bool control_send(struct es_control *control, uint16_t type, const void *payload, size_t size);

// Tells the client that it is over. Then control_next goes on being called until it is known to have
// heard, at most a second.
void control_terminate(struct es_control *control, uint32_t code);
bool control_terminated(const struct es_control *control);

uint32_t control_rtt_us(const struct es_control *control); // smoothed; 0: not known
uint64_t control_refused(const struct es_control *control); // datagrams and messages
