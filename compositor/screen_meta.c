#include "compositor/screen_meta.h"

#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>
#include <spa/param/param.h>
#include <spa/param/video/raw.h>
#include <spa/pod/builder.h>
#include <string.h>

#include "base/clock.h"

#define MAX_REGIONS 16
#define MAX_CURSOR 256
#define CURSOR_SIZE(side) \
	(int)(sizeof(struct spa_meta_cursor) + sizeof(struct spa_meta_bitmap) + (side) * (side) * 4)

static const struct spa_pod *build(
		struct spa_pod_builder *builder, uint32_t type, int size, int least) {
	return spa_pod_builder_add_object(builder, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta,
			SPA_PARAM_META_type, SPA_POD_Id(type), SPA_PARAM_META_size,
			SPA_POD_CHOICE_RANGE_Int(size, least, size));
}

void screen_meta_build(
		struct spa_pod_builder *builder, const struct spa_pod *params[ES_SCREEN_METAS]) {
	const int header = sizeof(struct spa_meta_header), region = sizeof(struct spa_meta_region);
	params[0] = build(builder, SPA_META_Header, header, header);
	params[1] = build(builder, SPA_META_VideoDamage, region * MAX_REGIONS, region);
	params[2] = build(builder, SPA_META_Cursor, CURSOR_SIZE(MAX_CURSOR), CURSOR_SIZE(1));
}

void screen_meta_put_header(struct spa_buffer *buffer, uint64_t sequence) {
	struct spa_meta_header *header =
			spa_buffer_find_meta_data(buffer, SPA_META_Header, sizeof(*header));
	if (header != NULL) {
		*header = (struct spa_meta_header){.pts = clock_now_ns(), .seq = sequence};
	}
}

void screen_meta_put_damage(struct spa_buffer *buffer, pixman_region32_t *damage) {
	struct spa_meta *meta = spa_buffer_find_meta(buffer, SPA_META_VideoDamage);
	if (meta == NULL) {
		return;
	}
	int n = 0, room = (int)(meta->size / sizeof(struct spa_meta_region));
	const pixman_box32_t *boxes = pixman_region32_rectangles(damage, &n);
	if (n > room) {
		boxes = pixman_region32_extents(damage);
		n = 1;
	}
	struct spa_meta_region *region;
	spa_meta_for_each(region, meta) { // an empty one is the end
		region->region = SPA_REGION(0, 0, 0, 0);
		if (n > 0) {
			region->region = SPA_REGION(boxes->x1, boxes->y1, (uint32_t)(boxes->x2 - boxes->x1),
					(uint32_t)(boxes->y2 - boxes->y1));
			boxes++;
			n--;
		}
	}
}

static void put_image(const struct es_cursor_plane *plane, struct spa_meta_cursor *cursor) {
	struct spa_meta_bitmap *bitmap =
			SPA_PTROFF(cursor, cursor->bitmap_offset, struct spa_meta_bitmap);
	size_t stride = (size_t)plane->image.width * 4;
	*bitmap = (struct spa_meta_bitmap){
			.format = SPA_VIDEO_FORMAT_BGRA,
			.size = SPA_RECTANGLE(plane->image.width, plane->image.height),
			.stride = (int32_t)stride,
			.offset = sizeof(*bitmap),
	};
	memcpy(SPA_PTROFF(bitmap, bitmap->offset, uint8_t), plane->pixels,
			stride * plane->image.height);
}

void screen_meta_put_cursor(
		struct spa_buffer *buffer, const struct es_cursor_plane *plane, uint64_t *told) {
	struct spa_meta *meta = spa_buffer_find_meta(buffer, SPA_META_Cursor);
	if (meta == NULL || meta->size < (uint32_t)CURSOR_SIZE(1)) {
		return;
	}
	struct spa_meta_cursor *cursor = meta->data;
	bool shown = plane->image.width > 0 && plane->pixels != NULL;
	size_t size = sizeof(*cursor) + sizeof(struct spa_meta_bitmap) +
			(size_t)plane->image.width * 4 * plane->image.height;
	*cursor = (struct spa_meta_cursor){
			.id = 1,
			.position = SPA_POINT(plane->x, plane->y),
			.hotspot = SPA_POINT(plane->image.hotspot_x, plane->image.hotspot_y),
	};
	if (!shown) { // an empty picture hides it
		cursor->bitmap_offset = sizeof(*cursor);
		*SPA_PTROFF(cursor, cursor->bitmap_offset, struct spa_meta_bitmap) =
				(struct spa_meta_bitmap){.format = SPA_VIDEO_FORMAT_BGRA};
		*told = 0;
	} else if (plane->generation != *told && size <= meta->size) {
		cursor->bitmap_offset = sizeof(*cursor);
		put_image(plane, cursor);
		*told = plane->generation;
	}
}
