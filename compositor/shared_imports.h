// What all encoders that look at the screen can take: an app's own buffer goes to each of them, or to
// none.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/frame_msg.h"

struct es_imports {
	bool blends_cursor, scales;
	uint32_t n_formats;
	struct es_frame_format formats[ES_FRAME_MAX_FORMATS];
};

// Begins with what one encoder takes...
void shared_imports_begin(struct es_imports *imports, bool blends_cursor, bool scales,
		const struct es_frame_format *formats, uint32_t n);
// ... and leaves out what another does not.
void shared_imports_limit(struct es_imports *imports, bool blends_cursor, bool scales,
		const struct es_frame_format *formats, uint32_t n);
