// A sound that can be recognised, as games play theirs: through a PipeWire stream that is silent otherwise.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct es_click;
struct es_click *click_create(void); // NULL after a message
void click_destroy(struct es_click *click); // NULL is fine

// In the next samples that PipeWire asks for.
void click_play(struct es_click *click);
// When those of the last click were written; 0: not yet. CLOCK_MONOTONIC.
int64_t click_written_ns(const struct es_click *click);
bool click_running(const struct es_click *click); // PipeWire asks for samples
