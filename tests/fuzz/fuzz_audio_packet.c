// The test client's audio against anything: datagrams of any bytes, each behind a length. Whatever comes,
// packets are handed out in order, none twice.
#include <stdlib.h>
#include <string.h>

#include "protocol/audio_packet.h"
#include "tests/clients/moon/audio_packets.h"
#include "tests/fuzz/fuzz.h"

struct order {
	bool begun;
	uint16_t next;
};

static void handle_packet(void *data, uint16_t sequence, const uint8_t *opus, size_t size) {
	struct order *order = data;
	if (order->begun && sequence != order->next) {
		abort();
	}
	order->begun = true;
	order->next = (uint16_t)(sequence + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const uint8_t key[ES_KEY_SIZE] = {1};
	struct order order = {0};
	struct es_moon_audio_packets *packets = audio_packets_create(
			&(struct es_moon_audio_packets_params){.key = size > 0 && (data[0] & 1) ? key : NULL,
					.packet_ms = 5,
					.data = &order,
					.packet = handle_packet});
	while (packets != NULL && size > 1) {
		size_t length = data[0] < size ? data[0] : size - 1;
		audio_packets_take(packets, data + 1, length);
		data += 1 + length;
		size -= 1 + length;
	}
	audio_packets_destroy(packets);
	return 0;
}

static void add_datagram(
		uint8_t *out, size_t cap, size_t *size, const uint8_t *data, size_t data_size) {
	if (*size + 1 + data_size <= cap) {
		out[*size] = (uint8_t)data_size;
		memcpy(out + *size + 1, data, data_size);
		*size += 1 + data_size;
	}
}

// Two blocks, of which the second lacks a datagram; clear and encrypted (their first lengths are even and
// odd), across the end of the sequence.
size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const uint8_t key[ES_KEY_SIZE] = {1}, opus[17] = {2, 3};
	size_t size = 0;
	struct es_audio_datagrams datagrams;
	struct es_audio_packetizer *packetizer = index > 1
			? NULL
			: audio_packetizer_create(&(struct es_audio_packetizer_params){
					  .key = index == 1 ? key : NULL, .packet_ms = 5});
	if (packetizer == NULL) {
		return 0;
	}
	audio_packetizer_counters(packetizer)->sequence = 65528;
	if (index == 1) {
		add_datagram(out, cap, &size, opus, 1);
	}
	for (int i = 0; i < 12; i++) {
		audio_packetizer_put(packetizer, opus, index == 1 ? 17 : 6, &datagrams);
		for (size_t k = 0; i != 9 && k < datagrams.n; k++) {
			add_datagram(out, cap, &size, datagrams.data[k], datagrams.sizes[k]);
		}
	}
	audio_packetizer_destroy(packetizer);
	return size;
}
