// How hard a picture will be to encode, told before it is encoded and for next to nothing:
// every eighth luma row of the damaged area is compared with what it was (temporal) and
// with itself one pixel to the side (spatial). Drives rate_control.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/picture.h"
#include "protocol/frame_msg.h"

struct es_complexity {
	uint32_t width, height;
	uint8_t *rows; // owned: the sampled rows as they were
	uint8_t *row; // owned: one as it is, where it has more than eight bits
};

// In grey levels times pixels.
struct es_complexity_cost {
	double inter; // predicted from the picture before, the cheaper way for each row
	double intra; // of the sampled rows in the rectangles, coded alone
};

// False without memory.
bool complexity_init(struct es_complexity *complexity, uint32_t width, uint32_t height);
void complexity_finish(struct es_complexity *complexity);

// Looks at the luma of `picture` inside the rectangles, which cover all that changed since the
// call before, and remembers it. Encode thread; allocates nothing.
struct es_complexity_cost complexity_measure(struct es_complexity *complexity,
		const struct es_picture *picture, const struct es_rect *rects, size_t n_rects);
// The same, and remembers nothing.
struct es_complexity_cost complexity_peek(struct es_complexity *complexity,
		const struct es_picture *picture, const struct es_rect *rects, size_t n_rects);
