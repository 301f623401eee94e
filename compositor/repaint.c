#include "compositor/repaint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <wlr/types/wlr_compositor.h>
#include <wlr/types/wlr_damage_ring.h>
#include <wlr/types/wlr_output.h>
#include <wlr/types/wlr_scene.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "compositor/acquire_fence.h"
#include "compositor/commit_ledger.h"
#include "compositor/display.h"
#include "compositor/output_clock.h"
#include "compositor/release_point.h"
#include "compositor/screen_source.h"
#include "compositor/viewers.h"
#include "compositor/virtual_output.h"

#define EMPTY_GRACE_NS (200 * ES_NS_PER_MS)

struct es_repaint {
	struct es_display *display;
	struct es_output_clock clock;

	// owned
	int timer_fd;
	struct wl_event_source *timer;
	struct wl_event_source *idle; // NULL: not woken
	// The scene's own ring, fed with the same damage: tells how much was rendered.
	struct wlr_damage_ring rendered;
	struct wl_listener frame;

	// state
	bool busy; // looking: wlroots calls back from within
	bool stopped;
	bool asked; // wlroots wants a frame or callbacks since the callbacks last sent
	bool failed; // the newest commit failed; it is tried again in the next slot
	int64_t armed_ns; // 0: not
	int64_t content_since_ns; // 0: none
	int64_t compose_ns; // of the frame being composed
	bool shows_windows; // the newest frame does
	const struct wlr_buffer
			*direct; // the newest frame, if it is an app's own buffer; only compared
	int64_t emptied_ns; // the last window went; 0: there are some
};

static uint64_t region_area(const pixman_region32_t *region) {
	int n;
	const pixman_box32_t *boxes = pixman_region32_rectangles((pixman_region32_t *)region, &n);
	uint64_t area = 0;
	for (int i = 0; i < n; i++) {
		area += (uint64_t)(boxes[i].x2 - boxes[i].x1) * (uint64_t)(boxes[i].y2 - boxes[i].y1);
	}
	return area;
}

static void count_frame(struct es_repaint *repaint, struct wlr_buffer *buffer,
		const pixman_region32_t *damage, bool direct) {
	struct es_display *display = repaint->display;
	struct es_display_stats *stats = &display->stats;
	stats->damage_px += region_area(damage);
	wlr_damage_ring_add(&repaint->rendered, damage);
	if (direct) {
		stats->direct++;
		return;
	}
	stats->composed++;
	stats->compose_reason[display->output->refusal]++;
	pixman_region32_t rendered;
	pixman_region32_init(&rendered);
	wlr_damage_ring_rotate_buffer(&repaint->rendered, buffer, &rendered);
	stats->composed_px += region_area(&rendered);
	pixman_region32_fini(&rendered);
}

// What the app, or our own GPU work, has still to do before the buffer can be read.
static struct es_acquire_fence *fence_of(
		struct es_repaint *repaint, const struct es_output_frame *from) {
	struct es_display *display = repaint->display;
	if (from->wait != NULL) {
		return acquire_fence_of_point(display->loop, from->wait, from->wait_point,
				viewers_handle_fence, display->viewers);
	}
	return acquire_fence_of_buffer(
			display->loop, from->buffer, viewers_handle_fence, display->viewers);
}

static void on_frame(void *data, const struct es_output_frame *from) {
	struct es_repaint *repaint = data;
	struct es_display *display = repaint->display;
	count_frame(repaint, from->buffer, from->damage, from->direct);
	repaint->direct = from->direct ? from->buffer : NULL;
	struct es_slot_frame frame = {
			.buffer = from->buffer,
			.fence = fence_of(repaint, from),
			.release = release_points_add(
					&display->viewers->released, from->signal, from->signal_point),
			.src = from->src,
			.dst = from->dst,
			.commit_ns = repaint->compose_ns, // what stands there if no app committed
			.compose_ns = repaint->compose_ns,
			.put_ns = clock_now_ns(),
			.direct = from->direct,
			.commit_seq = from->commit_seq,
	};
	frame.n_commits = commit_ledger_take(display->commits, &frame.commit_ns);
	viewers_put(display->viewers, &frame, from->damage);
	if (!from->direct) {
		screen_source_frame(display->screen_source, from->buffer, from->damage);
	}
	acquire_fence_unref(frame.fence);
	release_point_unref(frame.release);
}

static void on_cursor(void *data) {
	struct es_repaint *repaint = data;
	repaint_wake(repaint);
	screen_source_cursor(repaint->display->screen_source);
}

static const struct es_output_sink sink = {
		.frame = on_frame,
		.cursor = on_cursor,
};

// Whether the scene has damage. wlr_scene_output_needs_frame is also true for callbacks alone, which
// are no reason to compose; the damage ring is of no use here, as direct scan-out does not empty it.
static bool has_content(struct es_repaint *repaint) {
	struct wlr_scene_output *scene_output = repaint->display->scene_output;
	bool asked = scene_output->output->needs_frame;
	scene_output->output->needs_frame = false;
	bool news = wlr_scene_output_needs_frame(scene_output);
	scene_output->output->needs_frame = asked;
	return news;
}

static void find_callback(struct wlr_scene_buffer *buffer, int sx, int sy, void *data) {
	bool *found = data;
	struct wlr_scene_surface *surface = wlr_scene_surface_try_from_buffer(buffer);
	*found |= surface != NULL && !wl_list_empty(&surface->surface->current.frame_callback_list);
}

static bool has_callbacks(struct es_repaint *repaint) {
	bool found = false;
	if (repaint->asked) {
		wlr_scene_output_for_each_buffer(repaint->display->scene_output, find_callback, &found);
	}
	return found;
}

struct scene_survey {
	size_t n_buffers;
	bool translucent;
};

static void survey_buffer(struct wlr_scene_buffer *buffer, int sx, int sy, void *data) {
	struct scene_survey *survey = data;
	survey->n_buffers++;
	survey->translucent |= buffer->opacity != 1.0f;
}

static struct scene_survey survey_scene(struct es_repaint *repaint) {
	struct scene_survey survey = {0};
	wlr_scene_output_for_each_buffer(repaint->display->scene_output, survey_buffer, &survey);
	return survey;
}

// The last window is gone. If the app is about to end or to open the next one, a black picture in
// between is of no use: it would be the last one of a recording.
static int64_t black_due(struct es_repaint *repaint, int64_t now_ns) {
	if (!repaint->shows_windows || survey_scene(repaint).n_buffers > 0) {
		repaint->emptied_ns = 0;
		return 0;
	}
	if (repaint->emptied_ns == 0) {
		repaint->emptied_ns = now_ns;
	}
	return repaint->emptied_ns + EMPTY_GRACE_NS;
}

static struct es_clock_facts gather(struct es_repaint *repaint) {
	struct es_display *display = repaint->display;
	const struct es_frame_link *primary = display->viewers->primary;
	struct es_clock_facts facts = {
			.now_ns = clock_now_ns(),
			.attached = primary != NULL,
			.content = has_content(repaint) || repaint->failed,
			.callbacks = has_callbacks(repaint),
	};
	if (!facts.content) {
		repaint->content_since_ns = 0;
	} else if (repaint->content_since_ns == 0) {
		repaint->content_since_ns = facts.now_ns;
	}
	facts.content_since_ns = repaint->content_since_ns;
	facts.content_due_ns = facts.content ? black_due(repaint, facts.now_ns) : 0;
	if (primary != NULL) {
		facts.no_credit_since_ns = primary->no_credit_since_ns;
		facts.cursor = frame_link_cursor_changed(primary);
		facts.credit = frame_link_wants_frame(primary) &&
				(!facts.content || viewers_make_room(display->viewers));
	}
	return facts;
}

static bool commit_scene(struct es_repaint *repaint) {
	struct es_display *display = repaint->display;
	struct wlr_output *output = &display->output->wlr_output;
	struct scene_survey survey = survey_scene(repaint);
	repaint->shows_windows = survey.n_buffers > 0;
	// Scan-out would lose the opacity of a buffer, and the output cannot see that.
	if (survey.translucent) {
		wlr_output_lock_attach_render(output, true);
	}
	virtual_output_begin(
			display->output, survey.n_buffers > 0 ? ES_COMPOSE_LAYERS : ES_COMPOSE_OTHER);
	bool ok = wlr_scene_output_commit(display->scene_output, NULL);
	virtual_output_end(display->output);
	if (survey.translucent) {
		wlr_output_lock_attach_render(output, false);
	}
	return ok;
}

static void compose(struct es_repaint *repaint, const struct es_clock_facts *facts) {
	repaint->compose_ns = clock_now_ns();
	bool ok = commit_scene(repaint);
	if (!ok && !repaint->failed) {
		es_log(ES_LOG_WARN, "a frame could not be composed, trying again with the next one");
	}
	repaint->failed = !ok;
	repaint->content_since_ns = 0;
	// Also after a failure: the next try is in the next slot, not now.
	output_clock_note_frame(&repaint->clock, facts->now_ns, true);
}

static void send_cursor(struct es_repaint *repaint, const struct es_clock_facts *facts) {
	viewers_send_cursor(repaint->display->viewers);
	output_clock_note_frame(&repaint->clock, facts->now_ns, false);
}

static void send_callbacks(struct es_repaint *repaint, const struct es_clock_facts *facts) {
	struct timespec when = {
			.tv_sec = facts->now_ns / ES_NS_PER_S,
			.tv_nsec = facts->now_ns % ES_NS_PER_S,
	};
	repaint->asked = false;
	wlr_scene_output_send_frame_done(repaint->display->scene_output, &when);
	output_clock_note_callbacks(&repaint->clock, facts);
}

// at_ns 0: not needed.
static void arm(struct es_repaint *repaint, int64_t at_ns) {
	if (repaint->armed_ns == at_ns) {
		return;
	}
	struct itimerspec spec = {
			.it_value = {.tv_sec = at_ns / ES_NS_PER_S, .tv_nsec = at_ns % ES_NS_PER_S},
	};
	if (timerfd_settime(repaint->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0) {
		es_log(ES_LOG_ERROR, "cannot set the output clock: %s", strerror(errno));
	}
	repaint->armed_ns = at_ns;
}

static void look(struct es_repaint *repaint) {
	if (repaint->busy || repaint->stopped) {
		return;
	}
	repaint->busy = true;
	for (;;) {
		struct es_clock_facts facts = gather(repaint);
		struct es_clock_decision decision = output_clock_decide(&repaint->clock, &facts);
		if (decision.action == ES_CLOCK_SLEEP) {
			arm(repaint, decision.arm_ns);
			break;
		}
		switch (decision.action) {
		case ES_CLOCK_COMPOSE:
			compose(repaint, &facts);
			break;
		case ES_CLOCK_CURSOR:
			send_cursor(repaint, &facts);
			break;
		case ES_CLOCK_CALLBACKS:
			send_callbacks(repaint, &facts);
			break;
		case ES_CLOCK_SLEEP:
			break;
		}
	}
	repaint->busy = false;
}

static void handle_idle(void *data) {
	struct es_repaint *repaint = data;
	repaint->idle = NULL; // libwayland has freed it
	look(repaint);
}

void repaint_wake(struct es_repaint *repaint) {
	// While looking: it goes on until there is nothing to do.
	if (repaint == NULL || repaint->idle != NULL || repaint->busy || repaint->stopped) {
		return;
	}
	repaint->idle = wl_event_loop_add_idle(repaint->display->loop, handle_idle, repaint);
}

static int handle_timer(int fd, uint32_t mask, void *data) {
	struct es_repaint *repaint = data;
	uint64_t times;
	if (read(fd, &times, sizeof(times)) < 0) {
		return 0; // set anew in the meantime
	}
	repaint->armed_ns = 0;
	// Not now: what apps have committed by this moment may come later in the same round of events.
	repaint_wake(repaint);
	return 0;
}

// wlroots sends this from an idle source after all clients' requests at hand, when the scene has
// damage or a surface wants a callback. A commit cancels that idle source: then it comes from within
// virtual_output_end, and what was asked for must not be forgotten.
static void handle_frame(struct wl_listener *listener, void *data) {
	struct es_repaint *repaint = wl_container_of(listener, repaint, frame);
	repaint->asked = true;
	look(repaint);
}

struct es_repaint *repaint_create(struct es_display *display, int32_t detached_mhz) {
	struct es_repaint *repaint = calloc(1, sizeof(*repaint));
	if (repaint == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the output clock: out of memory");
		return NULL;
	}
	repaint->display = display;
	output_clock_init(&repaint->clock, clock_now_ns(), display->mode.refresh_mhz, detached_mhz);
	wlr_damage_ring_init(&repaint->rendered);
	wl_list_init(&repaint->frame.link);
	repaint->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (repaint->timer_fd < 0) {
		es_log(ES_LOG_ERROR, "cannot make the output clock: %s", strerror(errno));
		goto fail;
	}
	repaint->timer = wl_event_loop_add_fd(
			display->loop, repaint->timer_fd, WL_EVENT_READABLE, handle_timer, repaint);
	if (repaint->timer == NULL) {
		es_log(ES_LOG_ERROR, "cannot make the output clock: out of memory");
		goto fail;
	}
	repaint->frame.notify = handle_frame;
	wl_signal_add(&display->output->wlr_output.events.frame, &repaint->frame);
	display->output->sink = &sink;
	display->output->sink_data = repaint;
	return repaint;
fail:
	repaint_destroy(repaint);
	return NULL;
}

void repaint_destroy(struct es_repaint *repaint) {
	if (repaint == NULL) {
		return;
	}
	repaint->display->output->sink = NULL;
	wl_list_remove(&repaint->frame.link);
	if (repaint->idle != NULL) {
		wl_event_source_remove(repaint->idle);
	}
	if (repaint->timer != NULL) {
		wl_event_source_remove(repaint->timer);
	}
	fd_close(&repaint->timer_fd);
	wlr_damage_ring_finish(&repaint->rendered);
	free(repaint);
}

void repaint_damage_whole(struct es_repaint *repaint) {
	struct es_display *display = repaint->display;
	pixman_region32_t whole;
	pixman_region32_init_rect(&whole, 0, 0, display->mode.width, display->mode.height);
	struct wlr_output_event_damage event = {
			.output = &display->output->wlr_output,
			.damage = &whole,
	};
	wl_signal_emit_mutable(&display->output->wlr_output.events.damage, &event);
	pixman_region32_fini(&whole);
	repaint_wake(repaint);
}

bool repaint_shows_directly(const struct es_repaint *repaint, const struct wlr_surface *surface) {
	return repaint->direct != NULL && surface->buffer != NULL &&
			(surface->buffer->source == repaint->direct ||
					&surface->buffer->base == repaint->direct);
}

void repaint_set_refresh(struct es_repaint *repaint, int32_t refresh_mhz) {
	output_clock_set_refresh(&repaint->clock, refresh_mhz);
	repaint_wake(repaint);
}

void repaint_set_detached(struct es_repaint *repaint, int32_t detached_mhz) {
	repaint->clock.detached_mhz = detached_mhz;
	repaint_wake(repaint);
}

void repaint_stop(struct es_repaint *repaint) {
	repaint->stopped = true;
	arm(repaint, 0);
}
