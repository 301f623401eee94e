// Frames of any size, percentage, packet size and counters: what the packetizer makes of them is what a
// client takes, with as much lost as there is parity for.
#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/video_packet.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tools/video_frame.h"

#define N_SIZES 6
#define MAX_DATAGRAMS 4092
#define MAX_UNIT (900 * 64)
#define SEED_SIZE 32
#define MAX_LOST 3 // of a block

static const uint16_t packet_sizes[N_SIZES] = {32, 48, 64, 80, 112, 256};
static const uint8_t key[ES_KEY_SIZE] = {1, 2, 3};

// Made once: making them would take most of the time.
struct tools {
	struct es_packetizer *packetizers[N_SIZES][3][2]; // by minimum of parity, by encryption
	struct video_frame_decoder *decoders[N_SIZES];
	struct es_gcm *gcm;
	uint8_t rubbish[MAX_UNIT];
};

struct input {
	size_t packet_size; // index
	uint8_t min_parity, percent;
	bool encrypted;
	size_t size;
	struct es_packet_counters counters;
	uint32_t losses;
	struct es_frame_info info;
};

static void need(bool holds) {
	if (!holds) {
		abort();
	}
}

// FNV-1a
static uint32_t hash_of(const uint8_t *data, size_t size) {
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ data[i]) * 16777619u;
	}
	return hash ^ hash >> 16;
}

// Mostly few datagrams; with small packets now and then more than four blocks with parity can hold. By
// all of the input: the fuzzer would try nothing else once it has found out how.
static size_t choose_size(uint32_t hash, uint32_t value, size_t payload) {
	size_t limit = payload > 64 ? 3 : hash % 2048 == 0 ? 900 : hash % 64 == 0 ? 60 : 6;
	return 1 + value % (limit * payload);
}

static struct input read_input(const uint8_t *data, size_t size) {
	struct es_reader r = reader_init(data, size);
	struct input input = {.packet_size = get_u8(&r) % N_SIZES};
	input.min_parity = get_u8(&r) % 3;
	input.encrypted = get_u8(&r) & 1;
	input.info.fec_percent = get_u8(&r);
	uint32_t hash = hash_of(data, size);
	input.size = choose_size(hash, get_le32(&r), packet_sizes[input.packet_size] - 16u);
	input.counters.packet_index = get_le32(&r) & 0xffffff;
	input.counters.sequence = (uint16_t)input.counters.packet_index;
	input.counters.frame = get_le32(&r);
	input.counters.iv = get_le32(&r);
	input.losses = get_le32(&r);
	input.info.type = get_u8(&r);
	input.info.latency = get_le16(&r);
	input.info.timestamp = get_le32(&r);
	return input;
}

static struct es_packetizer *find_packetizer(struct tools *tools, const struct input *input) {
	struct es_packetizer **packetizer =
			&tools->packetizers[input->packet_size][input->min_parity][input->encrypted];
	struct es_packetizer_params params = {
			.packet_size = packet_sizes[input->packet_size],
			.min_parity = input->min_parity,
			.key = input->encrypted ? key : NULL,
	};
	*packetizer = *packetizer != NULL ? *packetizer : packetizer_create(&params);
	need(*packetizer != NULL);
	*packetizer_counters(*packetizer) = input->counters;
	return *packetizer;
}

static struct video_frame_decoder *find_decoder(struct tools *tools, const struct input *input) {
	struct video_frame_decoder **decoder = &tools->decoders[input->packet_size];
	if (*decoder == NULL) {
		*decoder = video_frame_decoder_create(packet_sizes[input->packet_size]);
	}
	need(*decoder != NULL);
	return *decoder;
}

static void decrypt(struct tools *tools, uint8_t *datagram, size_t size) {
	uint8_t *text = datagram + ES_VIDEO_PREFIX;
	tools->gcm = tools->gcm != NULL ? tools->gcm : gcm_create(key);
	need(tools->gcm != NULL);
	need(gcm_open(tools->gcm, datagram, ES_GCM_IV_SIZE, text, size - ES_VIDEO_PREFIX, datagram + 16,
			text));
}

static void check(const struct input *input, const struct video_frame *frame, const uint8_t *unit) {
	need(frame->size == input->size && memcmp(frame->unit, unit, input->size) == 0);
	need(frame->frame == input->counters.frame && frame->timestamp == input->info.timestamp);
	need(frame->first_sequence == input->counters.sequence);
	need(frame->first_index == input->counters.packet_index);
	need(frame->type == (uint8_t)input->info.type && frame->latency == input->info.latency);
}

// As many of each block as it has parity, but not so many that repair takes all the time, from a place
// that the input chooses.
static void lose(const struct video_frame *frame, const struct input *input, const uint8_t **at) {
	for (size_t b = 0; b < frame->n_blocks; b++) {
		size_t n = frame->n_data[b] + frame->n_parity[b];
		for (size_t i = 0; i < frame->n_parity[b] && i < MAX_LOST; i++) {
			at[(input->losses + i) % n] = NULL;
		}
		at += n;
	}
}

static void check_shape(const struct es_packetizer *packetizer, const struct input *input,
		const struct es_frame_shape *shape, const struct video_frame *frame) {
	size_t n_data = 0, n_parity = 0;
	for (size_t b = 0; b < frame->n_blocks; b++) {
		n_data += frame->n_data[b];
		n_parity += frame->n_parity[b];
		need(frame->n_parity[b] == 0 || frame->n_parity[b] >= input->min_parity);
		need(frame->n_parity[b] * 100 >= frame->n_data[b] * input->info.fec_percent ||
				frame->n_parity[b] == 0);
	}
	need(shape->n_blocks == frame->n_blocks && shape->n_parity == n_parity);
	need(shape->n_datagrams == n_data + n_parity);
}

static void run(struct tools *tools, const struct input *input) {
	struct es_packetizer *packetizer = find_packetizer(tools, input);
	struct video_frame_decoder *decoder = find_decoder(tools, input);
	struct es_frame_shape shape =
			packetizer_shape(packetizer, input->size, input->info.fec_percent);
	if (shape.n_datagrams == 0) {
		need(input->size + 8 > (size_t)MAX_DATAGRAMS * (packet_sizes[input->packet_size] - 16u));
		return;
	}
	uint8_t *unit = malloc(input->size);
	uint8_t *out = malloc((size_t)shape.n_datagrams * shape.datagram_size);
	const uint8_t **at = calloc(shape.n_datagrams, sizeof(*at));
	need(unit != NULL && out != NULL && at != NULL);
	memcpy(unit, tools->rubbish, input->size);
	packetizer_make(packetizer, &input->info, unit, input->size, out);
	for (size_t i = 0; i < shape.n_datagrams; i++) {
		uint8_t *datagram = out + i * shape.datagram_size;
		at[i] = datagram + (input->encrypted ? ES_VIDEO_PREFIX : 0);
		if (input->encrypted) {
			decrypt(tools, datagram, shape.datagram_size);
		}
	}
	struct video_frame frame;
	need(video_frame_decode(decoder, at, shape.n_datagrams, &frame) == VIDEO_FRAME_WHOLE);
	check_shape(packetizer, input, &shape, &frame);
	lose(&frame, input, at);
	need(video_frame_decode(decoder, at, shape.n_datagrams, &frame) == VIDEO_FRAME_WHOLE);
	check(input, &frame, unit);
	free(at);
	free(out);
	free(unit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tools tools;
	for (uint32_t i = 0; tools.rubbish[0] == 0 && i < MAX_UNIT; i++) {
		tools.rubbish[MAX_UNIT - 1 - i] = (uint8_t)((i * 2654435761u >> 24) | 1);
	}
	struct input input = read_input(data, size);
	run(&tools, &input);
	return 0;
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const uint8_t seeds[][SEED_SIZE] = {
			{0, 2, 0, 20, 0xc0, 0x1f, 0, 0, 0, 0, 0, 0, 1},
			{1, 2, 1, 20, 57, 0, 0, 0, 0xf0, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 9},
			{2, 0, 0, 100, 1, 1, 1, 1, 0xff, 0xff, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3},
			{3, 1, 1, 0, 9, 9, 9, 9},
			{4, 2, 1, 25, 0x40, 0x9c, 0, 0, 0, 0, 0, 0, 1},
			{5, 2, 0, 1, 3},
	};
	if (index >= sizeof(seeds) / sizeof(seeds[0]) || cap < SEED_SIZE) {
		return 0;
	}
	memcpy(out, seeds[index], SEED_SIZE);
	return SEED_SIZE;
}
