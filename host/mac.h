// The network card behind an address of ours, for wake-on-LAN.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ES_MAC_TEXT_SIZE 18

// "12:34:56:78:9a:bc" of the interface that has this IPv4 address. False, out is all zeros, if there
// is none or it is no Ethernet (loopback, a tunnel).
bool mac_of_address(const char *address, char out[ES_MAC_TEXT_SIZE]);
// Its index; 0: no interface has that address.
unsigned mac_interface_of_address(const char *address);
