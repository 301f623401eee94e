#include "host/meter.h"

#include <stdlib.h>

#define MAX_SESSIONS 64 // at once; more than a host may have

struct last {
	uint32_t id; // 0: free
	uint32_t viewer;
	int64_t at_ns;
	struct es_figures figures;
};

struct es_meter {
	struct last lasts[MAX_SESSIONS];
	struct es_figures totals;
	void (*hear)(void *data, const struct es_window *window);
	void *data;
};

struct es_meter *meter_create(void) {
	return calloc(1, sizeof(struct es_meter));
}

void meter_destroy(struct es_meter *meter) {
	free(meter);
}

void meter_on_window(struct es_meter *meter,
		void (*hear)(void *data, const struct es_window *window), void *data) {
	meter->hear = hear;
	meter->data = data;
}

const struct es_figures *meter_totals(const struct es_meter *meter) {
	return &meter->totals;
}

// That of the session; else one that was not heard of for longest begins anew for it.
static struct last *find(struct es_meter *meter, const struct es_play_info *info) {
	struct last *oldest = &meter->lasts[0];
	for (size_t i = 0; i < MAX_SESSIONS; i++) {
		struct last *last = &meter->lasts[i];
		if (last->id == info->id) {
			return last;
		}
		oldest = last->at_ns < oldest->at_ns ? last : oldest;
	}
	*oldest = (struct last){.id = info->id, .viewer = info->viewer, .at_ns = info->viewer_ns};
	return oldest;
}

// The display's go through the whole session; those of encoder and streamer begin with each viewer.
static bool is_displays(int figure) {
	return figure == ES_FIGURE_COMMITTED || figure == ES_FIGURE_SUPERSEDED ||
			figure == ES_FIGURE_DIRECT || figure == ES_FIGURE_COMPOSED ||
			figure == ES_FIGURE_CPU_DISPLAY_US;
}

static void begin_viewer(struct last *last, const struct es_play_info *info) {
	for (int i = 0; i < ES_FIGURE_COUNT; i++) {
		last->figures.counts[i] = is_displays(i) ? last->figures.counts[i] : 0;
	}
	last->viewer = info->viewer;
	last->at_ns = info->viewer_ns;
}

void meter_hear(struct es_meter *meter, const struct es_play_info *info, int64_t now_ns) {
	struct last *last = find(meter, info);
	if (last->viewer != info->viewer) {
		begin_viewer(last, info);
	}
	struct es_figures now;
	struct es_window window = {.info = info, .begin_ns = last->at_ns, .end_ns = now_ns};
	figures_of(&now, info);
	figures_since(&window.fresh, &now, &last->figures);
	last->figures = now;
	last->at_ns = now_ns;
	for (int i = 0; i < ES_FIGURE_COUNT; i++) {
		meter->totals.counts[i] += window.fresh.counts[i];
	}
	if (meter->hear != NULL && window.end_ns > window.begin_ns) {
		meter->hear(meter->data, &window);
	}
}
