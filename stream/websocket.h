// The host's end of a WebSocket (RFC 6455) that somebody else has opened: binary messages only, of limited
// size from the peer, without extensions. Nothing here waits, and nothing allocates once it was made.
//
// What is small is kept until the socket takes it, within limits. Of what is large there is one
// message at a time: the next one is taken when the last byte of the one before is out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES_WEBSOCKET_MAX_IN 4096 // bytes of a message from the peer
#define ES_WEBSOCKET_MAX_SMALL 2048
#define ES_WEBSOCKET_MAX_LARGE (UINT32_C(32) << 20)

// As of section 7.4.1.
#define ES_WEBSOCKET_NORMAL 1000
#define ES_WEBSOCKET_GOING_AWAY 1001
#define ES_WEBSOCKET_PROTOCOL 1002
#define ES_WEBSOCKET_UNSUPPORTED 1003
#define ES_WEBSOCKET_TOO_LONG 1009

enum es_websocket_event {
	ES_WEBSOCKET_NONE, // for now
	ES_WEBSOCKET_MESSAGE,
	ES_WEBSOCKET_ALIVE, // the peer has said something of no content
	ES_WEBSOCKET_CLOSED, // by the peer, or the connection is gone
	ES_WEBSOCKET_BROKEN, // the peer does not keep to the protocol; it has been told
};

struct es_websocket;

// Takes fd over, a stream socket. NULL: no memory.
struct es_websocket *websocket_create(int fd);
void websocket_destroy(struct es_websocket *socket); // NULL is fine

int websocket_fd(const struct es_websocket *socket);
// Whether to poll for room.
bool websocket_waits(const struct es_websocket *socket);
// Whether a large message would be taken.
bool websocket_is_free(const struct es_websocket *socket);

// What has come. The message is the socket's until the next call. After CLOSED or BROKEN there is nothing
// more.
enum es_websocket_event websocket_next(
		struct es_websocket *socket, const uint8_t **data, size_t *size);

// One message of at most ES_WEBSOCKET_MAX_SMALL. False: there is no room, it is left out.
bool websocket_send(struct es_websocket *socket, const void *data, size_t size);
// One of a header and a body, which are copied. False: it is too long, or the last one is still on its way.
bool websocket_send_large(struct es_websocket *socket, const void *header, size_t header_size,
		const void *data, size_t size);
// Holds back a large message whose first byte has not gone out, and those that follow; or no longer.
void websocket_hold(struct es_websocket *socket, bool held);
void websocket_ping(struct es_websocket *socket);
// No more messages after this one.
void websocket_close(struct es_websocket *socket, uint16_t code);
// Sends what there is. False: the connection is gone.
bool websocket_flush(struct es_websocket *socket);
