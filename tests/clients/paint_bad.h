// The ways of misbehaving that have a file of their own.
#pragma once

struct es_paint;

void paint_bad_dmabuf_planes(struct es_paint *paint);
void paint_bad_dmabuf_truncated(struct es_paint *paint);
void paint_bad_dmabuf_modifier(struct es_paint *paint);
void paint_bad_dmabuf_stride(struct es_paint *paint);
void paint_bad_dmabuf_offset(struct es_paint *paint);
void paint_bad_dmabuf_format(struct es_paint *paint);
void paint_bad_dmabuf_file(struct es_paint *paint);
void paint_bad_dmabuf_destroyed(struct es_paint *paint);
void paint_bad_dmabuf_thousand(struct es_paint *paint);
