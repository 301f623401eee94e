// Memory that is a DMA-BUF at the same time, through /dev/udmabuf: for a GPU that renders into
// DMA-BUFs but whose node hands none out.
#pragma once

struct wlr_allocator;

// NULL if the kernel, the rights or wlroots do not have it.
struct wlr_allocator *udmabuf_allocator_create(void);
