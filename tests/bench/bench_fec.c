// From an access unit to datagrams ready to be sent: what a frame of 100 kB takes at 20 % of parity,
// clear and encrypted, and how much of ISA-L's own speed is left of the erasure code. Medians; the
// last line is one JSON object.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/erasure_code.h>

#include "base/clock.h"
#include "protocol/video_packet.h"

#define PACKET_SIZE 1392
#define SHARD (PACKET_SIZE + 16)
#define FRAME_SIZE 100000
#define PERCENT 20
#define ROUNDS 2000
#define WARM_UP 50
#define MAX_DATAGRAM (SHARD + ES_VIDEO_PREFIX)

struct bench {
	struct es_packetizer *packetizer;
	struct es_fec *fec;
	uint8_t *unit, *out;
	size_t n_data, n_parity; // of the block at work
	uint8_t *shards[ES_FEC_MAX_SHARDS];
	uint8_t *tables; // of raw ISA-L
	int64_t took_ns[ROUNDS];
};

static int compare(const void *a, const void *b) {
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static double median_us(struct bench *bench) {
	qsort(bench->took_ns, ROUNDS, sizeof(bench->took_ns[0]), compare);
	return (double)bench->took_ns[ROUNDS / 2] / 1e3;
}

static void make_frame(struct bench *bench) {
	struct es_frame_info info = {.type = ES_FRAME_P, .timestamp = 1, .fec_percent = PERCENT};
	packetizer_make(bench->packetizer, &info, bench->unit, FRAME_SIZE, bench->out);
}

static void run_fec(struct bench *bench) {
	fec_encode(bench->fec, bench->n_data, bench->n_parity, SHARD,
			(const uint8_t *const *)bench->shards, bench->shards + bench->n_data);
}

static void run_raw(struct bench *bench) {
	ec_encode_data(SHARD, (int)bench->n_data, (int)bench->n_parity, bench->tables, bench->shards,
			bench->shards + bench->n_data);
}

static double measure_us(struct bench *bench, void (*run)(struct bench *)) {
	for (int i = 0; i < WARM_UP; i++) {
		run(bench);
	}
	for (int i = 0; i < ROUNDS; i++) {
		int64_t begin_ns = clock_now_ns();
		run(bench);
		bench->took_ns[i] = clock_now_ns() - begin_ns;
	}
	return median_us(bench);
}

static double frame_us(struct bench *bench, const uint8_t *key, struct es_frame_shape *shape) {
	struct es_packetizer_params params = {.packet_size = PACKET_SIZE, .min_parity = 2, .key = key};
	bench->packetizer = packetizer_create(&params);
	if (bench->packetizer == NULL) {
		exit(1);
	}
	*shape = packetizer_shape(bench->packetizer, FRAME_SIZE, PERCENT);
	double us = measure_us(bench, make_frame);
	packetizer_destroy(bench->packetizer);
	return us;
}

// ISA-L's own tables from a matrix of its own: the coefficients do not change its speed.
static double raw_us(struct bench *bench) {
	uint8_t *matrix = malloc((bench->n_data + bench->n_parity) * bench->n_data);
	if (matrix == NULL) {
		exit(1);
	}
	gf_gen_cauchy1_matrix(matrix, (int)(bench->n_data + bench->n_parity), (int)bench->n_data);
	ec_init_tables((int)bench->n_data, (int)bench->n_parity, matrix + bench->n_data * bench->n_data,
			bench->tables);
	free(matrix);
	return measure_us(bench, run_raw);
}

static double share(struct bench *bench, size_t n_data, size_t n_parity) {
	bench->n_data = n_data;
	bench->n_parity = n_parity;
	double raw = raw_us(bench), fec = measure_us(bench, run_fec);
	printf("%3zu + %2zu shards: %6.1f us, raw ISA-L %6.1f us (%.1f GB/s of data)\n", n_data,
			n_parity, fec, raw, (double)(n_data * SHARD) / fec / 1e3);
	return raw / fec * 100;
}

static bool init(struct bench *bench) {
	bench->fec = fec_create();
	bench->unit = malloc(FRAME_SIZE);
	bench->out = malloc((size_t)ES_FEC_MAX_SHARDS * MAX_DATAGRAM);
	bench->tables = malloc((size_t)32 * 128 * 128);
	if (bench->fec == NULL || bench->unit == NULL || bench->out == NULL || bench->tables == NULL) {
		return false;
	}
	for (size_t i = 0; i < FRAME_SIZE; i++) {
		bench->unit[i] = (uint8_t)(i * 2654435761u >> 24);
	}
	memset(bench->out, 0x5a, (size_t)ES_FEC_MAX_SHARDS * MAX_DATAGRAM);
	for (size_t i = 0; i < ES_FEC_MAX_SHARDS; i++) {
		bench->shards[i] = bench->out + i * SHARD;
	}
	return true;
}

int main(void) {
	static const uint8_t key[ES_KEY_SIZE] = {1, 2, 3};
	static const size_t shapes[][2] = {{6, 2}, {31, 7}, {73, 15}, {106, 22}, {212, 43}};
	struct bench *bench = calloc(1, sizeof(*bench));
	if (bench == NULL || !init(bench)) {
		fprintf(stderr, "bench_fec: out of memory\n");
		return 1;
	}
	struct es_frame_shape shape;
	double clear_us = frame_us(bench, NULL, &shape), encrypted_us = frame_us(bench, key, &shape);
	printf("%d bytes, %d %%, %u datagrams: %.1f us clear, %.1f us encrypted\n", FRAME_SIZE, PERCENT,
			shape.n_datagrams, clear_us, encrypted_us);
	double least = 1000;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		double percent = share(bench, shapes[i][0], shapes[i][1]);
		least = percent < least ? percent : least;
	}
	printf("{\"frame_bytes\":%d,\"datagrams\":%u,\"clear_us\":%.1f,\"encrypted_us\":%.1f,"
		   "\"goal_us\":150,\"least_percent_of_isal\":%.1f,\"goal_percent\":80}\n",
			FRAME_SIZE, shape.n_datagrams, clear_us, encrypted_us, least);
	fec_destroy(bench->fec);
	free(bench->unit);
	free(bench->out);
	free(bench->tables);
	free(bench);
	return 0;
}
