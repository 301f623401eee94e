#include "encode/nvenc_refs.h"

void nvenc_refs_init(struct es_nvenc_refs *refs, uint32_t dpb_frames) {
	*refs = (struct es_nvenc_refs){.dpb_frames = dpb_frames};
}

void nvenc_refs_encoded(struct es_nvenc_refs *refs, uint64_t sequence, bool idr) {
	refs->last = sequence;
	if (idr) {
		refs->idr = sequence;
		refs->named_first = refs->named_last = 0;
	}
}

static bool was_named(const struct es_nvenc_refs *refs, uint64_t first, uint64_t last) {
	return refs->named_last != 0 && first >= refs->named_first && last <= refs->named_last;
}

static bool follows_named(const struct es_nvenc_refs *refs, uint64_t first) {
	return refs->named_last != 0 && first >= refs->named_first && first <= refs->named_last + 1;
}

bool nvenc_refs_lost(
		struct es_nvenc_refs *refs, uint64_t first, uint64_t last, uint64_t *from, uint64_t *to) {
	*from = 1;
	*to = 0;
	if (last < refs->idr || first > refs->last || was_named(refs, first, last)) {
		return true; // nothing that is to come refers to it
	}
	// Everything after the first may show what was predicted from it, and what was named right before
	// it is of no use either.
	uint64_t useless = follows_named(refs, first) ? refs->named_first : first;
	if (first <= refs->idr || refs->last - useless + 1 >= refs->dpb_frames) {
		return false;
	}
	*from = first;
	*to = refs->last;
	refs->named_first = useless;
	refs->named_last = refs->last;
	return true;
}
