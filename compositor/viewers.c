#include "compositor/viewers.h"

#include <stdlib.h>
#include <wlr/types/wlr_buffer.h>
#include <wlr/types/wlr_output.h>

#include "base/clock.h"
#include "base/log.h"
#include "compositor/acquire_fence.h"
#include "compositor/display.h"
#include "compositor/repaint.h"
#include "compositor/scan_out_feedback.h"
#include "compositor/session.h"
#include "compositor/shared_imports.h"
#include "compositor/virtual_output.h"

// Before a frame is composed, which makes one more: three in all, of the four in wlroots' swapchain.
#define MAX_HELD 2
#define MAX_COUNTED 16
#define FIRST_STUCK_NS (15 * ES_NS_PER_S) // as long as an encoder may take to get ready

static struct es_frame_link *find_link(struct es_viewers *viewers, uint32_t viewer) {
	struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		if (link->viewer == viewer) {
			return link;
		}
	}
	return NULL;
}

// The picture never reached an encoder: apps that asked are told so.
static void discard(struct es_viewers *viewers, const struct es_slot_frame *frame) {
	virtual_output_send_present(viewers->display->output, frame->commit_seq, 0, frame->sequence);
}

static void on_gone(void *data, const struct es_slot_frame *frame) {
	discard(data, frame);
}

// What waits, too.
static void drop_slot(struct es_viewers *viewers, struct es_frame_link *link) {
	struct es_slot_frame dropped;
	frame_wait_drop(&link->wait);
	if (frame_slot_drop(&link->slot, &dropped) && link == viewers->primary) {
		discard(viewers, &dropped);
	}
}

static void discard_sent(struct es_viewers *viewers, struct es_frame_link *link) {
	for (size_t i = 0; i < ES_LINK_MAX_SENT; i++) {
		const struct es_sent_frame *sent = &link->sent[i];
		if (sent->buffer != NULL && sent->taken_ns == 0) {
			virtual_output_send_present(
					viewers->display->output, sent->commit_seq, 0, sent->sequence);
		}
	}
}

// What an app's buffer has to be for all of them, and who draws the cursor.
static void apply_imports(struct es_viewers *viewers) {
	struct es_virtual_output *output = viewers->display->output;
	struct es_imports imports = {.blends_cursor = true};
	const struct es_frame_link *link;
	bool first = true;
	wl_list_for_each (link, &viewers->links, link) {
		(first ? shared_imports_begin : shared_imports_limit)(
				&imports, link->blends_cursor, link->scales, link->formats, link->n_formats);
		first = false;
	}
	if (virtual_output_set_imports(output, &imports)) {
		scan_out_feedback_renew(viewers->display);
	}
	bool software = !imports.blends_cursor;
	bool locked = output->wlr_output.software_cursor_locks > 0;
	if (software != locked) {
		wlr_output_lock_software_cursors(&output->wlr_output, software);
	}
}

static void remove_link(struct es_viewers *viewers, struct es_frame_link *link) {
	bool primary = link == viewers->primary;
	drop_slot(viewers, link);
	if (primary) {
		discard_sent(viewers, link);
		viewers->primary = NULL;
	}
	frame_link_destroy(link);
	apply_imports(viewers);
	if (primary) {
		repaint_wake(viewers->display->repaint);
	}
}

// The first frame may have to wait for a driver that wakes up.
static int64_t patience_ns(const struct es_frame_link *link) {
	return link->answered || link->stuck_ns > FIRST_STUCK_NS ? link->stuck_ns : FIRST_STUCK_NS;
}

// The host, once told, may give it as long again.
static int64_t silent_since_ns(const struct es_frame_link *link) {
	return link->told_ns != 0 ? link->told_ns : link->no_credit_since_ns;
}

static void tell_stuck(struct es_viewers *viewers, struct es_frame_link *link, int64_t now_ns) {
	es_log(link->told_ns == 0 ? ES_LOG_WARN : ES_LOG_DEBUG,
			"viewer %u: the encoder has not answered for %d ms", link->viewer,
			(int)((now_ns - link->no_credit_since_ns) / ES_NS_PER_MS));
	link->told_ns = now_ns;
	session_report_stuck(viewers->display->session, link->viewer);
}

// One for all links: the one that has waited longest decides.
static void arm_watchdog(struct es_viewers *viewers) {
	int64_t now_ns = clock_now_ns(), left_ns = 0;
	struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		if (!link->owes_credit || link->credits > 0) {
			continue;
		}
		int64_t link_ns = silent_since_ns(link) + patience_ns(link) - now_ns;
		link_ns = link_ns > ES_NS_PER_MS ? link_ns : ES_NS_PER_MS;
		left_ns = left_ns == 0 || link_ns < left_ns ? link_ns : left_ns;
	}
	wl_event_source_timer_update(
			viewers->watchdog, (int)((left_ns + ES_NS_PER_MS - 1) / ES_NS_PER_MS));
}

static int handle_watchdog(void *data) {
	struct es_viewers *viewers = data;
	int64_t now_ns = clock_now_ns();
	struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		if (link->owes_credit && link->credits == 0 &&
				now_ns - silent_since_ns(link) >= patience_ns(link)) {
			tell_stuck(viewers, link, now_ns);
		}
	}
	arm_watchdog(viewers);
	return 0;
}

static void note_sent(
		struct es_viewers *viewers, struct es_frame_link *link, const struct es_slot_frame *frame) {
	arm_watchdog(viewers);
	if (link != viewers->primary) {
		return;
	}
	viewers->display->stats.sent += frame->n_commits > 0;
	if (!viewers->sent_any) {
		viewers->sent_any = true;
		session_handle_first_frame(viewers->display->session);
	}
}

static void flush_link(struct es_viewers *viewers, struct es_frame_link *link) {
	struct es_slot_frame frame;
	if (frame_link_flush(link, &frame)) {
		note_sent(viewers, link, &frame);
	}
}

static void on_credit(struct es_frame_link *link, void *data) {
	struct es_viewers *viewers = data;
	flush_link(viewers, link);
	arm_watchdog(viewers);
	if (link == viewers->primary) {
		repaint_wake(viewers->display->repaint);
	}
}

static void on_released(struct es_frame_link *link, uint32_t commit_seq, uint64_t sequence,
		int64_t taken_ns, void *data) {
	struct es_viewers *viewers = data;
	if (link != viewers->primary) {
		return;
	}
	if (commit_seq != 0) {
		virtual_output_send_present(viewers->display->output, commit_seq, taken_ns, sequence);
	}
	repaint_wake(viewers->display->repaint);
}

static void on_formats(struct es_frame_link *link, void *data) {
	struct es_viewers *viewers = data;
	apply_imports(viewers);
	// What is on its way may be what this one no longer takes.
	if (frame_slot_full(&link->slot) || link->wait.n > 0) {
		drop_slot(viewers, link);
		repaint_damage_whole(viewers->display->repaint);
	}
}

static void on_lost(struct es_frame_link *link, void *data) {
	remove_link(data, link);
	arm_watchdog(data);
}

static const struct es_frame_link_events link_events = {
		.credit = on_credit,
		.released = on_released,
		.formats = on_formats,
		.lost = on_lost,
};

struct es_viewers *viewers_create(struct es_display *display) {
	struct es_viewers *viewers = calloc(1, sizeof(*viewers));
	if (viewers == NULL) {
		es_log(ES_LOG_ERROR, "cannot keep encoders: out of memory");
		return NULL;
	}
	viewers->display = display;
	wl_list_init(&viewers->links);
	release_points_init(&viewers->released);
	viewers->watchdog = wl_event_loop_add_timer(display->loop, handle_watchdog, viewers);
	if (viewers->watchdog == NULL) {
		es_log(ES_LOG_ERROR, "cannot keep encoders: out of memory");
		viewers_destroy(viewers);
		return NULL;
	}
	return viewers;
}

void viewers_destroy(struct es_viewers *viewers) {
	if (viewers == NULL) {
		return;
	}
	struct es_frame_link *link, *tmp;
	wl_list_for_each_safe (link, tmp, &viewers->links, link) {
		frame_link_destroy(link);
	}
	if (viewers->watchdog != NULL) {
		wl_event_source_remove(viewers->watchdog);
	}
	free(viewers);
}

bool viewers_attach(struct es_viewers *viewers, int fd, const struct es_attach *attach) {
	struct es_display *display = viewers->display;
	viewers_detach(viewers, attach->viewer);
	if (attach->primary && viewers->primary != NULL) {
		remove_link(viewers, viewers->primary);
	}
	struct es_frame_link *link = frame_link_create(display->loop, fd, attach,
			&display->output->cursor, &display->mode, &display->colour, &link_events, viewers);
	if (link == NULL) {
		return false;
	}
	wl_list_insert(viewers->links.prev, &link->link);
	if (attach->primary) {
		viewers->primary = link;
		link->wait.gone = on_gone;
		link->wait.data = viewers;
	}
	apply_imports(viewers); // none until it tells
	repaint_damage_whole(display->repaint);
	return true;
}

void viewers_detach(struct es_viewers *viewers, uint32_t viewer) {
	struct es_frame_link *link = find_link(viewers, viewer);
	if (link != NULL) {
		remove_link(viewers, link);
		arm_watchdog(viewers);
	}
}

// Moves what is ready on, and sends it if it can be.
static void settle_link(struct es_viewers *viewers, struct es_frame_link *link) {
	struct es_slot_frame displaced;
	if (acquire_fence_state(link->slot.frame.fence) == ES_FENCE_EXPIRED &&
			frame_slot_drop(&link->slot, &displaced) && link == viewers->primary) {
		discard(viewers, &displaced);
	}
	if (frame_link_settle(link, viewers->sequence + 1, &displaced)) {
		viewers->sequence++;
		if (displaced.sequence != 0 && link == viewers->primary) {
			discard(viewers, &displaced);
		}
	}
	flush_link(viewers, link);
}

static void note_fence(struct es_viewers *viewers, const struct es_acquire_fence *fence) {
	if (acquire_fence_state(fence) == ES_FENCE_EXPIRED) {
		viewers->display->stats.fence_timeouts++;
		es_log(ES_LOG_DEBUG, "a picture is dropped: it was not finished after %d ms",
				ES_FENCE_PATIENCE_MS);
	}
}

void viewers_handle_fence(struct es_acquire_fence *fence, void *data) {
	struct es_viewers *viewers = data;
	note_fence(viewers, fence);
	struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		settle_link(viewers, link);
	}
	repaint_wake(viewers->display->repaint);
}

void viewers_put(struct es_viewers *viewers, const struct es_slot_frame *frame,
		const pixman_region32_t *damage) {
	note_fence(viewers, frame->fence);
	struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		frame_wait_add(&link->wait, frame, damage);
		settle_link(viewers, link);
	}
}

bool viewers_take_fences(const struct es_viewers *viewers) {
	bool all = !wl_list_empty(&viewers->links);
	const struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		all &= link->takes_fences;
	}
	return all;
}

void viewers_send_cursor(struct es_viewers *viewers) {
	struct es_frame_link *link = viewers->primary;
	if (link != NULL && frame_link_send_cursor(link, ++viewers->sequence)) {
		arm_watchdog(viewers);
	}
}

struct held {
	const struct wlr_buffer *buffers[MAX_COUNTED];
	size_t n;
};

static void count_held(struct wlr_buffer *buffer, void *data) {
	struct held *held = data;
	for (size_t i = 0; i < held->n; i++) {
		if (held->buffers[i] == buffer) {
			return;
		}
	}
	if (held->n < MAX_COUNTED) {
		held->buffers[held->n++] = buffer;
	}
}

static size_t held_buffers(const struct es_viewers *viewers) {
	struct held held = {0};
	const struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		frame_link_for_each_held(link, count_held, &held);
	}
	return held.n;
}

bool viewers_make_room(struct es_viewers *viewers) {
	if (held_buffers(viewers) <= MAX_HELD) {
		return true;
	}
	// All slots hold the same newest buffer.
	struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		bool holds = frame_slot_full(&link->slot) || link->wait.n > 0;
		if (link != viewers->primary && holds) {
			drop_slot(viewers, link);
			viewers->slots_emptied++;
		}
	}
	return held_buffers(viewers) <= MAX_HELD;
}

void viewers_set_mode(struct es_viewers *viewers, const struct es_mode *mode) {
	struct es_frame_link *link;
	wl_list_for_each (link, &viewers->links, link) {
		drop_slot(viewers, link);
		frame_link_set_mode(link, mode);
	}
}

uint32_t viewers_waiting_commits(const struct es_viewers *viewers) {
	const struct es_frame_link *link = viewers->primary;
	return link != NULL ? link->slot.frame.n_commits + frame_wait_commits(&link->wait) : 0;
}
