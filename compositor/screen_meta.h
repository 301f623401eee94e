// What goes with a picture of the screen for PipeWire's consumers: time, damage, cursor.
#pragma once

#include <pixman.h>
#include <stdint.h>

#include "compositor/cursor_plane.h"

#define ES_SCREEN_METAS 3

struct spa_buffer;
struct spa_pod;
struct spa_pod_builder;

// What a consumer may ask for.
void screen_meta_build(
		struct spa_pod_builder *builder, const struct spa_pod *params[ES_SCREEN_METAS]);

// Each does nothing if the consumer has not asked for it.
void screen_meta_put_header(struct spa_buffer *buffer, uint64_t sequence);
void screen_meta_put_damage(struct spa_buffer *buffer, pixman_region32_t *damage);
// told: the generation of the picture that the consumer has; 0: none.
void screen_meta_put_cursor(
		struct spa_buffer *buffer, const struct es_cursor_plane *plane, uint64_t *told);
