// Transform coefficients of H.264 as CAVLC (ITU-T H.264, 9.2). Pure.
#pragma once

#include <stdint.h>

#include "encode/nal_bits.h"

#define ES_CAVLC_CHROMA_DC (-1)

// One block's n_levels (4 if it is a chroma DC block, 15 or 16 else) quantised coefficients in scan order,
// each below 2048 in size. `context`: nC, how many the blocks beside it have, or ES_CAVLC_CHROMA_DC.
void cavlc_put_block(
		struct es_nal_bits *bits, const int16_t *levels, unsigned int n_levels, int context);
