#include "protocol/fec.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/erasure_code.h>

// ISA-L's tables of all pairs used so far lie one after the other in a room of fixed size. When it is
// full all are forgotten: with the percentage changing for hours, the tables of all pairs would take
// gigabytes, while those of a session's usual frame sizes take one or two of these megabytes.
#define ROOM_SIZE (8u << 20)
#define BYTES_PER_COEFFICIENT 32u
#define ALIGNMENT 64u

struct es_fec {
	uint8_t *room;
	size_t used;
	uint32_t place[ES_FEC_MAX_SHARDS + 1][ES_FEC_MAX_SHARDS + 1]; // [data][parity], +1; 0: none
	uint8_t matrix[(ES_FEC_MAX_SHARDS + 1) / 2 * (ES_FEC_MAX_SHARDS + 1) / 2]; // scratch
};

struct es_fec *fec_create(void) {
	struct es_fec *fec = calloc(1, sizeof(*fec));
	if (fec == NULL) {
		return NULL;
	}
	fec->room = aligned_alloc(ALIGNMENT, ROOM_SIZE);
	if (fec->room == NULL) {
		fec_destroy(fec);
		return NULL;
	}
	return fec;
}

void fec_destroy(struct es_fec *fec) {
	if (fec == NULL) {
		return;
	}
	free(fec->room);
	free(fec);
}

static size_t tables_size(size_t n_data, size_t n_parity) {
	size_t size = n_data * n_parity * BYTES_PER_COEFFICIENT;
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void make_tables(struct es_fec *fec, size_t n_data, size_t n_parity) {
	size_t size = tables_size(n_data, n_parity);
	if (size > ROOM_SIZE - fec->used) {
		memset(fec->place, 0, sizeof(fec->place));
		fec->used = 0;
	}
	for (size_t row = 0; row < n_parity; row++) {
		for (size_t column = 0; column < n_data; column++) {
			fec->matrix[row * n_data + column] = gf_inv((uint8_t)((n_parity + column) ^ row));
		}
	}
	ec_init_tables((int)n_data, (int)n_parity, fec->matrix, fec->room + fec->used);
	fec->place[n_data][n_parity] = (uint32_t)fec->used + 1;
	fec->used += size;
}

bool fec_encode(struct es_fec *fec, size_t n_data, size_t n_parity, size_t size,
		const uint8_t *const *data, uint8_t *const *parity) {
	if (n_data == 0 || n_data > ES_FEC_MAX_SHARDS || n_parity > ES_FEC_MAX_SHARDS - n_data) {
		return false;
	}
	if (n_parity == 0) {
		return true;
	}
	if (fec->place[n_data][n_parity] == 0) {
		make_tables(fec, n_data, n_parity);
	}
	// ISA-L writes to none of the pointers that it takes without const.
	ec_encode_data((int)size, (int)n_data, (int)n_parity,
			fec->room + fec->place[n_data][n_parity] - 1, (uint8_t **)(uintptr_t)data,
			(uint8_t **)(uintptr_t)parity);
	return true;
}
