#include "stream/player_say.h"

_Static_assert(ES_PLAYER_MSG_MAX <= ES_WEBSOCKET_MAX_SMALL, "any message");

bool player_say(struct es_websocket *socket, const struct es_player_msg *msg) {
	uint8_t data[ES_PLAYER_MSG_MAX];
	size_t size = player_msg_encode(msg, data, sizeof(data));
	return size > 0 && websocket_send(socket, data, size);
}
