#include "compositor/scan_out.h"

// Video processors scale within such limits.
#define MAX_RATIO 8

static bool is_whole_src(const struct es_scan_out *c) {
	return (c->src_width == 0 && c->src_height == 0) ||
			(c->src_x == 0 && c->src_y == 0 && c->src_width == c->buffer_width &&
					c->src_height == c->buffer_height);
}

// What wlroots leaves out is filled in.
static struct es_scan_out complete(const struct es_scan_out *candidate) {
	struct es_scan_out c = *candidate;
	if (is_whole_src(&c)) {
		c.src_x = c.src_y = 0;
		c.src_width = c.buffer_width;
		c.src_height = c.buffer_height;
	}
	if (c.dst_width == 0 && c.dst_height == 0) {
		c.dst_width = c.buffer_width;
		c.dst_height = c.buffer_height;
	}
	return c;
}

static bool fills_screen(const struct es_scan_out *c) {
	return c->dst_x == 0 && c->dst_y == 0 && c->dst_width == c->screen_width &&
			c->dst_height == c->screen_height;
}

static bool lies_inside(const struct es_scan_out *c) {
	return c->dst_x >= 0 && c->dst_y >= 0 && c->dst_width > 0 && c->dst_height > 0 &&
			c->dst_width <= c->screen_width - c->dst_x &&
			c->dst_height <= c->screen_height - c->dst_y && c->src_x >= 0 && c->src_y >= 0 &&
			c->src_width > 0 && c->src_height > 0 && c->src_x + c->src_width <= c->buffer_width &&
			c->src_y + c->src_height <= c->buffer_height;
}

// Colour is kept for two pixels at a time: an edge between them would bleed. The screen's own edges
// are cut off.
static bool is_even(int from, int length, int screen) {
	return from % 2 == 0 && (length % 2 == 0 || from + length == screen);
}

static bool is_moderate(double from, int to) {
	return from <= (double)to * MAX_RATIO && to <= from * MAX_RATIO;
}

static bool to_units(double value, uint32_t *units) {
	double scaled = value * ES_BOX_UNIT;
	if (scaled < 0 || scaled > (double)ES_MODE_MAX_SIZE * ES_BOX_UNIT) {
		return false;
	}
	*units = (uint32_t)scaled;
	return (double)*units == scaled;
}

static bool is_exact(const struct es_scan_out *c, struct es_box *src) {
	return to_units(c->src_x, &src->x) && to_units(c->src_y, &src->y) &&
			to_units(c->src_width, &src->width) && to_units(c->src_height, &src->height);
}

bool scan_out_boxes(const struct es_scan_out *candidate, bool scales, struct es_box *src,
		struct es_rect *dst, enum es_compose_reason *reason) {
	struct es_scan_out c = complete(candidate);
	*src = (struct es_box){0};
	*dst = (struct es_rect){0};
	if (c.buffer_width == c.screen_width && c.buffer_height == c.screen_height &&
			is_whole_src(&c) && fills_screen(&c)) {
		return true;
	}
	*reason = fills_screen(&c) ? ES_COMPOSE_SCALED : ES_COMPOSE_LAYERS;
	if (!scales || !lies_inside(&c) || !is_exact(&c, src) ||
			!is_even(c.dst_x, c.dst_width, c.screen_width) ||
			!is_even(c.dst_y, c.dst_height, c.screen_height) ||
			!is_moderate(c.src_width, c.dst_width) || !is_moderate(c.src_height, c.dst_height)) {
		*src = (struct es_box){0};
		return false;
	}
	*dst = (struct es_rect){
			.x = (uint32_t)c.dst_x,
			.y = (uint32_t)c.dst_y,
			.width = (uint32_t)c.dst_width,
			.height = (uint32_t)c.dst_height,
	};
	return true;
}
