#include "tests/clients/moon/control.h"

#include <enet/enet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/clients/moon/say.h"

#define CHANNELS 48
#define CONNECT_TIMEOUT_MS 10000
#define PEER_TIMEOUT_MS 10000
#define LEAVE_TIMEOUT_MS 2000

struct es_moon_control {
	ENetHost *host;
	ENetPeer *peer;
	struct es_control_crypt crypt, forger;
	bool crypt_ready, forger_ready;
	uint8_t last_input[ES_CONTROL_MAX_PAYLOAD + ES_CONTROL_OVERHEAD];
	size_t last_input_size;
	enum es_moon_channel last_channel;
	struct es_moon_control_stats stats;
};

static bool wait_connected(struct es_moon_control *control) {
	ENetEvent event;
	int64_t until = now_ns() + CONNECT_TIMEOUT_MS * INT64_C(1000000);
	while (now_ns() < until) {
		int n = enet_host_service(control->host, &event, 100);
		if (n < 0 || (n > 0 && event.type == ENET_EVENT_TYPE_DISCONNECT)) {
			return false;
		}
		if (n > 0 && event.type == ENET_EVENT_TYPE_CONNECT) {
			enet_peer_timeout(control->peer, 2, PEER_TIMEOUT_MS, PEER_TIMEOUT_MS);
			return true;
		}
	}
	return false;
}

static bool init_crypts(
		struct es_moon_control *control, const uint8_t key[ES_KEY_SIZE], bool legacy) {
	uint8_t wrong[ES_KEY_SIZE];
	crypto_random(wrong, sizeof(wrong));
	control->crypt_ready = control_crypt_init(&control->crypt, key, legacy, false);
	control->forger_ready = control_crypt_init(&control->forger, wrong, legacy, false);
	return control->crypt_ready && control->forger_ready;
}

struct es_moon_control *control_connect(const char *host, uint16_t port, uint32_t connect_data,
		const uint8_t key[ES_KEY_SIZE], bool legacy) {
	struct es_moon_control *control = calloc(1, sizeof(*control));
	ENetAddress address = {.port = port};
	if (control == NULL || !init_crypts(control, key, legacy) || enet_initialize() != 0) {
		goto fail;
	}
	control->host = enet_host_create(NULL, 1, 0, 0, 0);
	if (control->host == NULL || enet_address_set_host_ip(&address, host) != 0) {
		goto fail;
	}
	control->peer = enet_host_connect(control->host, &address, CHANNELS, connect_data);
	if (control->peer == NULL || !wait_connected(control)) {
		say_error("no control connection to port %u", port);
		goto fail;
	}
	return control;

fail:
	control_destroy(control);
	return NULL;
}

void control_destroy(struct es_moon_control *control) {
	if (control == NULL) {
		return;
	}
	if (control->host != NULL) {
		enet_host_destroy(control->host);
		enet_deinitialize();
	}
	if (control->crypt_ready) {
		control_crypt_finish(&control->crypt);
	}
	if (control->forger_ready) {
		control_crypt_finish(&control->forger);
	}
	free(control);
}

void control_leave(struct es_moon_control *control) {
	ENetEvent event;
	int64_t until = now_ns() + LEAVE_TIMEOUT_MS * INT64_C(1000000);
	enet_peer_disconnect_later(control->peer, 0);
	while (now_ns() < until && enet_host_service(control->host, &event, 100) >= 0) {
		if (event.type == ENET_EVENT_TYPE_RECEIVE) {
			enet_packet_destroy(event.packet);
		} else if (event.type == ENET_EVENT_TYPE_DISCONNECT) {
			return;
		}
	}
}

int control_fd(const struct es_moon_control *control) {
	return control->host->socket;
}

static bool send_bytes(struct es_moon_control *control, enum es_moon_channel channel,
		enum es_moon_delivery delivery, const void *data, size_t size) {
	static const enet_uint32 flags[] = {
			[MOON_RELIABLE] = ENET_PACKET_FLAG_RELIABLE,
			[MOON_UNRELIABLE] = 0,
			[MOON_UNSEQUENCED] = ENET_PACKET_FLAG_UNSEQUENCED,
	};
	ENetPacket *packet = size > 0 ? enet_packet_create(data, size, flags[delivery]) : NULL;
	if (packet == NULL || enet_peer_send(control->peer, (enet_uint8)channel, packet) != 0) {
		if (packet != NULL) {
			enet_packet_destroy(packet);
		}
		return false;
	}
	enet_host_flush(control->host);
	return true;
}

bool control_send(struct es_moon_control *control, enum es_moon_channel channel,
		enum es_moon_delivery delivery, uint16_t type, const void *payload, size_t size) {
	uint8_t data[ES_CONTROL_MAX_PAYLOAD + ES_CONTROL_OVERHEAD];
	size_t n = control_seal(&control->crypt, type, payload, size, data, sizeof(data));
	if (type == ES_CONTROL_INPUT) {
		memcpy(control->last_input, data, n);
		control->last_input_size = n;
		control->last_channel = channel;
	}
	return send_bytes(control, channel, delivery, data, n);
}

bool control_send_forged(
		struct es_moon_control *control, uint16_t type, const void *payload, size_t size) {
	uint8_t data[ES_CONTROL_MAX_PAYLOAD + ES_CONTROL_OVERHEAD];
	control->forger.next_sequence = control->crypt.next_sequence;
	size_t n = control_seal(&control->forger, type, payload, size, data, sizeof(data));
	return send_bytes(control, MOON_CHANNEL_KEYBOARD, MOON_RELIABLE, data, n);
}

bool control_send_replay(struct es_moon_control *control) {
	return send_bytes(control, control->last_channel, MOON_RELIABLE, control->last_input,
			control->last_input_size);
}

// True: the message is for the caller.
static bool open_packet(
		struct es_moon_control *control, const ENetPacket *packet, struct es_control_msg *msg) {
	control->stats.received++;
	switch (control_open(&control->crypt, msg, packet->data, packet->dataLength)) {
	case ES_CONTROL_OPENED:
		return true;
	case ES_CONTROL_MALFORMED:
		control->stats.malformed++;
		return false;
	case ES_CONTROL_FORGED:
		control->stats.forged++;
		return false;
	case ES_CONTROL_REPLAYED:
		control->stats.replayed++;
		return false;
	}
	return false;
}

enum es_moon_event control_next(struct es_moon_control *control, struct es_control_msg *msg) {
	ENetEvent event;
	while (enet_host_service(control->host, &event, 0) > 0) {
		if (event.type == ENET_EVENT_TYPE_DISCONNECT) {
			return MOON_DISCONNECTED;
		}
		if (event.type != ENET_EVENT_TYPE_RECEIVE) {
			continue;
		}
		bool ours = open_packet(control, event.packet, msg);
		enet_packet_destroy(event.packet);
		if (ours) {
			return MOON_MESSAGE;
		}
	}
	return MOON_NOTHING;
}

const struct es_moon_control_stats *control_stats(const struct es_moon_control *control) {
	return &control->stats;
}
