// Commits whose picture is not drawn yet: such a one is held back, and what its surface commits after
// it, until its acquire fence has signalled. All else on the screen goes on. One that is not drawn
// after a second loses its picture, and is counted; the rest of the commit counts.
//
// Not held: an app whose pictures go to encoders as they are, if those wait for fences themselves.
#pragma once

#include <wayland-server-core.h>

struct es_commit_hold;
struct es_display;

// Watches all surfaces of the display's compositor, which must be there. NULL after a logged error.
struct es_commit_hold *commit_hold_create(struct es_display *display);
// NULL is fine. What is held is forgotten: no surface is of use any more.
void commit_hold_destroy(struct es_commit_hold *hold);
