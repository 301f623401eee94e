// A message to a browser's page.
#pragma once

#include <stdbool.h>

#include "protocol/player_msg.h"
#include "stream/websocket.h"

// False: there is no room, it is left out.
bool player_say(struct es_websocket *socket, const struct es_player_msg *msg);
