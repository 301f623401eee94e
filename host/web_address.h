// The URLs by which a browser reaches the console.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "host/settings.h"

#define ES_WEB_MAX_ADDRESSES 8
#define ES_WEB_ADDRESS_SIZE 320

// "https://192.168.1.20:47990/": by its configured names, this machine's addresses and localhost. How
// many; 0: there is no console (port 0).
size_t web_address_list(const struct es_settings *settings, uint16_t port,
		char out[ES_WEB_MAX_ADDRESSES][ES_WEB_ADDRESS_SIZE]);
