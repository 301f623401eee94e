// Which units an encoder is told to refer to no more after a loss. No calls into it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct es_nvenc_refs {
	uint32_t dpb_frames; // that can be referred to
	uint64_t last; // unit encoded; 0: none
	uint64_t idr; // unit
	// What was named last: the unit after it refers to none of these.
	uint64_t named_first, named_last; // 0: none
};

void nvenc_refs_init(struct es_nvenc_refs *refs, uint32_t dpb_frames);
void nvenc_refs_encoded(struct es_nvenc_refs *refs, uint64_t sequence, bool idr);

// Units first..last are lost. True: name *from..*to, which is nothing if *from > *to. False: only an IDR
// helps.
bool nvenc_refs_lost(
		struct es_nvenc_refs *refs, uint64_t first, uint64_t last, uint64_t *from, uint64_t *to);
