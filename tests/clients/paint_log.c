#include "tests/clients/paint.h"

#include <stdlib.h>
#include <time.h>

#include "presentation-time-client-protocol.h"

struct es_paint_commit {
	struct wl_list link; // es_paint.commits
	struct es_paint *paint;
	struct wp_presentation_feedback *feedback;
	uint32_t number;
	uint64_t inode; // of the DMA-BUF
	int64_t commit_ns, callback_ns;
};

int64_t paint_now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void finish_commit(struct es_paint_commit *commit, const char *result, int64_t presented_ns,
		uint32_t refresh_ns, uint64_t sequence) {
	if (commit->paint->log != NULL) {
		fprintf(commit->paint->log,
				"{\"number\":%u,\"inode\":%llu,\"commit_ns\":%lld,\"callback_ns\":%lld,\"result\":\"%s\","
				"\"presented_ns\":%lld,\"refresh_ns\":%u,\"sequence\":%llu}\n",
				commit->number, (unsigned long long)commit->inode, (long long)commit->commit_ns,
				(long long)commit->callback_ns, result, (long long)presented_ns, refresh_ns,
				(unsigned long long)sequence);
	}
	if (commit->feedback != NULL) {
		wp_presentation_feedback_destroy(commit->feedback);
	}
	wl_list_remove(&commit->link);
	free(commit);
}

static void handle_sync_output(
		void *data, struct wp_presentation_feedback *feedback, struct wl_output *output) {
}

static void handle_presented(void *data, struct wp_presentation_feedback *feedback, uint32_t sec_hi,
		uint32_t sec_lo, uint32_t nsec, uint32_t refresh, uint32_t seq_hi, uint32_t seq_lo,
		uint32_t flags) {
	int64_t sec = (int64_t)sec_hi << 32 | sec_lo;
	finish_commit(data, "presented", sec * INT64_C(1000000000) + nsec, refresh,
			(uint64_t)seq_hi << 32 | seq_lo);
}

static void handle_discarded(void *data, struct wp_presentation_feedback *feedback) {
	finish_commit(data, "discarded", 0, 0, 0);
}

static const struct wp_presentation_feedback_listener feedback_listener = {
		.sync_output = handle_sync_output,
		.presented = handle_presented,
		.discarded = handle_discarded,
};

void paint_log_commit(
		struct es_paint *paint, const struct es_paint_buffer *buffer, int64_t callback_ns) {
	struct es_paint_commit *commit = calloc(1, sizeof(*commit));
	if (commit == NULL) {
		return;
	}
	commit->paint = paint;
	commit->number = paint->number;
	commit->inode = buffer->inode;
	commit->commit_ns = paint_now_ns();
	commit->callback_ns = callback_ns;
	wl_list_insert(paint->commits.prev, &commit->link);
	if (paint->presentation == NULL) {
		finish_commit(commit, "none", 0, 0, 0);
		return;
	}
	commit->feedback = wp_presentation_feedback(paint->presentation, paint->surface);
	wp_presentation_feedback_add_listener(commit->feedback, &feedback_listener, commit);
}

void paint_log_event(struct es_paint *paint, const char *event, uint32_t number) {
	if (paint->log != NULL) {
		fprintf(paint->log, "{\"%s\":%u,\"at_ns\":%lld}\n", event, number,
				(long long)paint_now_ns());
	}
}

void paint_log_finish(struct es_paint *paint) {
	struct es_paint_commit *commit, *next;
	wl_list_for_each_safe (commit, next, &paint->commits, link) {
		finish_commit(commit, "none", 0, 0, 0);
	}
	if (paint->log != NULL) {
		fprintf(paint->log, "{\"committed\":%u,\"starved\":%llu,\"seconds\":%.3f}\n", paint->number,
				(unsigned long long)paint->starved,
				(double)(paint_now_ns() - paint->started_ns) / 1e9);
	}
}
