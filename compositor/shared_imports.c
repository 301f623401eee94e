#include "compositor/shared_imports.h"

#include <string.h>

void shared_imports_begin(struct es_imports *imports, bool blends_cursor, bool scales,
		const struct es_frame_format *formats, uint32_t n) {
	*imports = (struct es_imports){
			.blends_cursor = blends_cursor,
			.scales = scales,
			.n_formats = n,
	};
	memcpy(imports->formats, formats, n * sizeof(formats[0]));
}

static bool has(
		const struct es_frame_format *formats, uint32_t n, const struct es_frame_format *wanted) {
	for (uint32_t i = 0; i < n; i++) {
		if (formats[i].fourcc == wanted->fourcc && formats[i].modifier == wanted->modifier) {
			return true;
		}
	}
	return false;
}

void shared_imports_limit(struct es_imports *imports, bool blends_cursor, bool scales,
		const struct es_frame_format *formats, uint32_t n) {
	imports->blends_cursor &= blends_cursor;
	imports->scales &= scales;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < imports->n_formats; i++) {
		if (has(formats, n, &imports->formats[i])) {
			imports->formats[kept++] = imports->formats[i];
		}
	}
	imports->n_formats = kept;
}
