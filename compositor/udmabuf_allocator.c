#include "compositor/udmabuf_allocator.h"

#include <stddef.h>

// wlroots exports this one but declares it in none of the headers that it installs; its automatic
// choice never takes it where there is a render node. Weak: a wlroots without it still links.
struct wlr_allocator *wlr_udmabuf_allocator_create(void) __attribute__((weak));

struct wlr_allocator *udmabuf_allocator_create(void) {
	return wlr_udmabuf_allocator_create != NULL ? wlr_udmabuf_allocator_create() : NULL;
}
