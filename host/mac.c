#define _GNU_SOURCE
#include "host/mac.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NONE "00:00:00:00:00:00"

static const struct ifaddrs *find_interface(const struct ifaddrs *list, const char *address) {
	struct in_addr wanted;
	if (inet_pton(AF_INET, address, &wanted) != 1) {
		return NULL;
	}
	for (; list != NULL; list = list->ifa_next) {
		if (list->ifa_addr == NULL || list->ifa_addr->sa_family != AF_INET) {
			continue;
		}
		struct sockaddr_in in;
		memcpy(&in, list->ifa_addr, sizeof(in));
		if (in.sin_addr.s_addr == wanted.s_addr) {
			return list;
		}
	}
	return NULL;
}

// Interfaces are listed once more with what they have in place of an address below IP.
static bool find_hardware(const struct ifaddrs *list, const char *name, uint8_t mac[6]) {
	static const uint8_t zeros[6] = {0};
	for (; list != NULL; list = list->ifa_next) {
		if (list->ifa_addr == NULL || list->ifa_addr->sa_family != AF_PACKET ||
				strcmp(list->ifa_name, name) != 0) {
			continue;
		}
		struct sockaddr_ll hardware;
		memcpy(&hardware, list->ifa_addr, sizeof(hardware));
		memcpy(mac, hardware.sll_addr, 6);
		return hardware.sll_hatype == ARPHRD_ETHER && hardware.sll_halen == 6 &&
				memcmp(mac, zeros, 6) != 0;
	}
	return false;
}

bool mac_of_address(const char *address, char out[ES_MAC_TEXT_SIZE]) {
	struct ifaddrs *list = NULL;
	uint8_t mac[6];
	snprintf(out, ES_MAC_TEXT_SIZE, "%s", NONE);
	if (getifaddrs(&list) != 0) {
		return false;
	}
	const struct ifaddrs *interface = find_interface(list, address);
	bool found = interface != NULL && find_hardware(list, interface->ifa_name, mac);
	freeifaddrs(list);
	if (found) {
		snprintf(out, ES_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
				mac[3], mac[4], mac[5]);
	}
	return found;
}

unsigned mac_interface_of_address(const char *address) {
	struct ifaddrs *list = NULL;
	if (getifaddrs(&list) != 0) {
		return 0;
	}
	const struct ifaddrs *interface = find_interface(list, address);
	unsigned index = interface != NULL ? if_nametoindex(interface->ifa_name) : 0;
	freeifaddrs(list);
	return index;
}
