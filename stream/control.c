#include "stream/control.h"

#include <arpa/inet.h>
#include <enet/enet.h>
#include <enet/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "protocol/crypto.h"

#define MAX_PEERS 4 // the others are refused as soon as they are known
#define MAX_DUPLICATES 2
#define MAX_PACKET (64 << 10)
#define MAX_WAITING (256 << 10)
#define SOCKET_BUFFER (256 << 10)
#define PING_INTERVAL_MS 1000 // of ours, while the client says nothing; its own are ten a second
#define WAKE_BUSY_NS (50 * ES_NS_PER_MS) // something is not acknowledged yet
#define WAKE_IDLE_NS (500 * ES_NS_PER_MS)
#define WARNING_NS ES_NS_PER_S // before the client counts as lost
#define TERMINATE_NS (900 * ES_NS_PER_MS)
#define NO_PEER 0xfff
#define MAX_CLOCK_ERROR_MS 50

enum es_control_state { WAITING, CONNECTED, ENDED };

struct es_control {
	// owned
	ENetHost *host; // with the socket
	struct es_control_crypt crypt;

	// state
	ENetPeer *peer; // NULL: not connected
	enum es_control_state state;
	uint32_t connect_data;
	bool any_data; // the client knows no connect data
	enet_uint32 address; // of the client, in network order
	int64_t lost_ns;
	int64_t heard_ns; // the client's last datagram, at first our beginning
	bool warned;
	bool terminating, heard_of_end;
	int64_t terminate_ns; // when it counts as heard
	int64_t service_ns; // when ENet wants to be called again
	uint64_t refused;
	struct es_control_msg message;
};

// ENet counts milliseconds of the time of day, which may jump. It is not put right more often than it
// has to be: time that goes back, even by one, makes ENet refuse the acknowledgement of what was
// just sent.
static void set_time(void) {
	enet_uint32 now_ms = (enet_uint32)(clock_now_ns() / ES_NS_PER_MS);
	if (ENET_TIME_DIFFERENCE(enet_time_get(), now_ms) > MAX_CLOCK_ERROR_MS) {
		enet_time_set(now_ms);
	}
}

// Not before the connection is there: ENet gives a slot to whoever knocks.
static bool is_knock_allowed(const struct es_control *control, const uint8_t *data, size_t size) {
	ENetProtocolConnect connect;
	uint16_t flags = (uint16_t)(data[0] << 8 | data[1]);
	size_t header = (flags & ENET_PROTOCOL_HEADER_FLAG_SENT_TIME) != 0
			? sizeof(ENetProtocolHeader)
			: offsetof(ENetProtocolHeader, sentTime);
	if (size != header + sizeof(connect)) {
		return false;
	}
	memcpy(&connect, data + header, sizeof(connect));
	if ((connect.header.command & ENET_PROTOCOL_COMMAND_MASK) != ENET_PROTOCOL_COMMAND_CONNECT) {
		return false;
	}
	uint32_t given = ENET_NET_TO_HOST_32(connect.data);
	return crypto_equal(&given, &control->connect_data, sizeof(given)) ||
			(control->any_data && given == 0);
}

// 1: ENet does not see the datagram.
static int ENET_CALLBACK on_datagram(ENetHost *host, ENetEvent *event) {
	struct es_control *control = host->peers[0].data;
	const uint8_t *data = host->receivedData;
	size_t size = host->receivedDataLength;
	bool ok = host->receivedAddress.host == control->address && size >= 2;
	if (ok && ((data[0] << 8 | data[1]) & NO_PEER) == NO_PEER) {
		ok = is_knock_allowed(control, data, size);
	}
	if (!ok) {
		control->refused++;
		return 1;
	}
	if (control->peer != NULL && control->peer->address.port == host->receivedAddress.port) {
		control->heard_ns = clock_now_ns();
		control->warned = false;
	}
	return 0;
}

ENetHost *control_host_create(void) {
	ENetHost *host = enet_initialize() == 0 ? enet_host_create(NULL, MAX_PEERS, 0, 0, 0) : NULL;
	if (host != NULL) {
		enet_socket_destroy(host->socket);
		host->socket = ENET_SOCKET_NULL;
	}
	return host;
}

void control_host_destroy(ENetHost *host) {
	if (host != NULL) {
		enet_host_destroy(host);
	}
}

// ENet's own socket is replaced by ours, which is bound.
static bool set_up_host(struct es_control *control, ENetHost *host, int fd) {
	control->host = host != NULL ? host : control_host_create();
	if (control->host == NULL) {
		return false;
	}
	set_time();
	control->host->socket = fd;
	enet_socket_set_option(fd, ENET_SOCKOPT_NONBLOCK, 1);
	enet_socket_set_option(fd, ENET_SOCKOPT_RCVBUF, SOCKET_BUFFER);
	enet_socket_set_option(fd, ENET_SOCKOPT_SNDBUF, SOCKET_BUFFER);
	control->host->duplicatePeers = MAX_DUPLICATES;
	control->host->maximumPacketSize = MAX_PACKET;
	control->host->maximumWaitingData = MAX_WAITING;
	control->host->peers[0].data = control; // for on_datagram, which is given nothing else
	control->host->intercept = on_datagram;
	return true;
}

// ENet speaks IPv4 only.
static bool parse_peer(enet_uint32 *address, const char *text) {
	static const char mapped[] = "::ffff:";
	if (strncmp(text, mapped, sizeof(mapped) - 1) == 0) {
		text += sizeof(mapped) - 1;
	}
	struct in_addr parsed;
	if (inet_pton(AF_INET, text, &parsed) != 1) {
		return false;
	}
	*address = parsed.s_addr;
	return true;
}

struct es_control *control_create(
		int fd, ENetHost *host, const struct es_gamestream_start *start, char *error, size_t cap) {
	struct es_control *control = calloc(1, sizeof(*control));
	snprintf(error, cap, "out of memory");
	if (control == NULL) {
		control_host_destroy(host);
		fd_close(&fd);
		return NULL;
	}
	if (!parse_peer(&control->address, start->peer)) {
		snprintf(error, cap,
				"cannot serve the client at %s: the control connection speaks IPv4 only; let it "
				"connect to this machine's IPv4 address",
				start->peer);
		goto fail;
	}
	control->connect_data = start->connect_data;
	control->any_data = start->legacy_ping;
	control->lost_ns = start->lost_ms * ES_NS_PER_MS;
	control->heard_ns = clock_now_ns();
	control->service_ns = INT64_MAX;
	bool legacy = (start->encryption & ES_GAMESTREAM_ENCRYPT_CONTROL) == 0;
	if (!control_crypt_init(&control->crypt, start->key, legacy, true)) {
		goto fail;
	}
	bool ok = set_up_host(control, host, fd);
	host = NULL; // the connection's now
	if (!ok) {
		goto fail;
	}
	return control;

fail:
	control_host_destroy(host);
	fd_close(&fd);
	control_destroy(control);
	return NULL;
}

void control_destroy(struct es_control *control) {
	if (control == NULL) {
		return;
	}
	if (control->host != NULL) {
		if (control->peer != NULL) {
			enet_peer_disconnect_now(control->peer, 0);
		}
		enet_host_destroy(control->host);
	}
	control_crypt_finish(&control->crypt);
	crypto_wipe(control, sizeof(*control));
	free(control);
}

int control_fd(const struct es_control *control) {
	return control->host->socket;
}

static bool has_work(const struct es_control *control) {
	for (size_t i = 0; i < control->host->peerCount; i++) {
		ENetPeer *peer = &control->host->peers[i];
		bool half_open = peer->state != ENET_PEER_STATE_DISCONNECTED && peer != control->peer;
		if (half_open || (peer == control->peer && !enet_list_empty(&peer->sentReliableCommands))) {
			return true;
		}
	}
	return false;
}

// ENet has no fd for its timers: repetitions, pings and half-open connections.
static void plan_service(struct es_control *control) {
	bool busy = has_work(control);
	control->service_ns = INT64_MAX;
	if (busy || control->state == CONNECTED) {
		control->service_ns = clock_now_ns() + (busy ? WAKE_BUSY_NS : WAKE_IDLE_NS);
	}
}

int64_t control_wake_ns(const struct es_control *control) {
	if (control->state == ENDED) {
		return INT64_MAX;
	}
	int64_t wake_ns = control->heard_ns + control->lost_ns;
	if (control->state == CONNECTED && !control->warned) {
		wake_ns -= WARNING_NS;
	}
	if (control->service_ns < wake_ns) {
		wake_ns = control->service_ns;
	}
	if (control->terminating && control->terminate_ns < wake_ns) {
		wake_ns = control->terminate_ns;
	}
	return wake_ns;
}

// True: this is the client's one connection.
static bool take_connection(struct es_control *control, const ENetEvent *event) {
	uint32_t given = event->data;
	bool known = crypto_equal(&given, &control->connect_data, sizeof(given)) ||
			(control->any_data && given == 0);
	if (!known || control->peer != NULL || control->state == ENDED) {
		control->refused++;
		es_log(ES_LOG_DEBUG, "a second control connection is refused");
		enet_peer_disconnect_now(event->peer, 0);
		return false;
	}
	control->peer = event->peer;
	control->state = CONNECTED;
	control->heard_ns = clock_now_ns();
	uint32_t lost_ms = (uint32_t)(control->lost_ns / ES_NS_PER_MS);
	enet_peer_timeout(event->peer, ENET_PEER_TIMEOUT_LIMIT, lost_ms, lost_ms);
	enet_peer_ping_interval(event->peer, PING_INTERVAL_MS);
	return true;
}

static bool take_packet(struct es_control *control, const ENetEvent *event) {
	bool ok = event->peer == control->peer &&
			control_open(&control->crypt, &control->message, event->packet->data,
					event->packet->dataLength) == ES_CONTROL_OPENED;
	control->refused += !ok;
	enet_packet_destroy(event->packet);
	return ok;
}

static enum es_control_event take_event(struct es_control *control, const ENetEvent *event) {
	switch (event->type) {
	case ENET_EVENT_TYPE_CONNECT:
		return take_connection(control, event) ? ES_CONTROL_EVENT_CONNECTED : ES_CONTROL_EVENT_NONE;
	case ENET_EVENT_TYPE_RECEIVE:
		return take_packet(control, event) ? ES_CONTROL_EVENT_MESSAGE : ES_CONTROL_EVENT_NONE;
	case ENET_EVENT_TYPE_DISCONNECT:
		if (event->peer != control->peer) {
			return ES_CONTROL_EVENT_NONE;
		}
		control->peer = NULL;
		control->state = ENDED;
		// By the client, or by ENet because nothing was acknowledged for too long.
		return clock_now_ns() - control->heard_ns < control->lost_ns / 2 ? ES_CONTROL_EVENT_LEFT
																		 : ES_CONTROL_EVENT_LOST;
	default:
		return ES_CONTROL_EVENT_NONE;
	}
}

static void hang_up(struct es_control *control) {
	control->state = ENDED;
	if (control->peer != NULL) {
		enet_peer_disconnect_now(control->peer, 0);
		control->peer = NULL;
	}
}

// What the clock says.
static enum es_control_event take_time(struct es_control *control) {
	int64_t now_ns = clock_now_ns();
	if (control->terminating && (control->heard_of_end || now_ns >= control->terminate_ns)) {
		hang_up(control);
		return ES_CONTROL_EVENT_NONE;
	}
	if (now_ns >= control->heard_ns + control->lost_ns) {
		hang_up(control);
		return ES_CONTROL_EVENT_LOST;
	}
	if (control->state == CONNECTED && !control->warned &&
			now_ns >= control->heard_ns + control->lost_ns - WARNING_NS) {
		control->warned = true;
		return ES_CONTROL_EVENT_SILENT;
	}
	return ES_CONTROL_EVENT_NONE;
}

enum es_control_event control_next(struct es_control *control) {
	ENetEvent event;
	set_time();
	while (control->state != ENDED) {
		int n = enet_host_service(control->host, &event, 0);
		if (n < 0) {
			es_log(ES_LOG_DEBUG, "the control socket reports an error");
		}
		if (n <= 0) {
			plan_service(control);
			return take_time(control);
		}
		enum es_control_event taken = take_event(control, &event);
		if (taken != ES_CONTROL_EVENT_NONE) {
			return taken;
		}
	}
	return ES_CONTROL_EVENT_NONE;
}

const struct es_control_msg *control_message(const struct es_control *control) {
	return &control->message;
}

static ENetPacket *seal(
		struct es_control *control, uint16_t type, const void *payload, size_t size) {
	uint8_t data[ES_CONTROL_MAX_PAYLOAD + ES_CONTROL_OVERHEAD];
	size_t sealed = control_seal(&control->crypt, type, payload, size, data, sizeof(data));
	return sealed > 0 ? enet_packet_create(data, sealed, ENET_PACKET_FLAG_RELIABLE) : NULL;
}

static bool post(struct es_control *control, ENetPacket *packet) {
	set_time();
	if (enet_peer_send(control->peer, 0, packet) != 0) {
		enet_packet_destroy(packet);
		return false;
	}
	enet_host_flush(control->host);
	plan_service(control);
	return true;
}

bool control_send(struct es_control *control, uint16_t type, const void *payload, size_t size) {
	if (control->peer == NULL) {
		return false;
	}
	ENetPacket *packet = seal(control, type, payload, size);
	return packet != NULL && post(control, packet);
}

// ENet is done with the packet: it was acknowledged, or the connection is gone.
static void ENET_CALLBACK on_heard(ENetPacket *packet) {
	struct es_control *control = packet->userData;
	control->heard_of_end = true;
}

void control_terminate(struct es_control *control, uint32_t code) {
	uint8_t payload[32];
	if (control->terminating) {
		return;
	}
	control->terminating = true;
	control->terminate_ns = clock_now_ns() + TERMINATE_NS;
	ENetPacket *packet = NULL;
	if (control->peer != NULL) {
		packet = seal(
				control, ES_CONTROL_TERMINATION, payload, control_put_termination(payload, code));
	}
	if (packet == NULL) {
		hang_up(control);
		return;
	}
	packet->userData = control;
	packet->freeCallback = on_heard;
	if (!post(control, packet)) {
		hang_up(control);
	}
}

bool control_terminated(const struct es_control *control) {
	return control->state == ENDED;
}

uint32_t control_rtt_us(const struct es_control *control) {
	// ENet's first guess is no measurement.
	if (control->peer == NULL || control->peer->lastReceiveTime == 0) {
		return 0;
	}
	return control->peer->roundTripTime * 1000;
}

uint64_t control_refused(const struct es_control *control) {
	return control->refused;
}
