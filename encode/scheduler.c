#include "encode/scheduler.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "encode/frame_source.h"
#include "encode/refine.h"

enum { POLL_UNITS, POLL_FRAMES, POLL_FENCE };

struct es_scheduler {
	struct es_unit_maker *maker; // borrowed
	struct es_failure *failure; // borrowed
	struct es_frame_source *frames; // owned; NULL while detached

	uint32_t mode_serial; // of the frame link, that the maker has; 0: none
	uint64_t frame_sequence; // the display's, of the newest frame in the picture
	int64_t last_start_ns; // of the last unit
	struct es_refine refine;
	int64_t keepalive_ns;
	bool draining, drained;

	struct es_import_stats imports_before; // of links that are gone
	uint64_t failures_before;
};

struct es_scheduler *scheduler_create(struct es_unit_maker *maker, struct es_failure *failure) {
	struct es_scheduler *scheduler = calloc(1, sizeof(*scheduler));
	if (scheduler != NULL) {
		scheduler->maker = maker;
		scheduler->failure = failure;
	}
	return scheduler;
}

void scheduler_set_keepalive(struct es_scheduler *scheduler, uint32_t keepalive_ms) {
	scheduler->keepalive_ns = keepalive_ms * ES_NS_PER_MS;
}

void scheduler_destroy(struct es_scheduler *scheduler) {
	if (scheduler == NULL) {
		return;
	}
	scheduler_detach(scheduler);
	free(scheduler);
}

void scheduler_attach(struct es_scheduler *scheduler, int fd) {
	scheduler_detach(scheduler);
	struct es_device *device = unit_maker_device(scheduler->maker);
	if (device == NULL) {
		fd_close(&fd);
		failure_set(scheduler->failure,
				"the host attached a display before it said what to encode with");
		return;
	}
	scheduler->frames = frame_source_create(fd, device);
	scheduler->mode_serial = 0; // a new display: its picture begins anew
}

void scheduler_detach(struct es_scheduler *scheduler) {
	if (scheduler->frames == NULL) {
		return;
	}
	struct es_import_stats stats = frame_source_import_stats(scheduler->frames);
	scheduler->imports_before.hits += stats.hits;
	scheduler->imports_before.misses += stats.misses;
	scheduler->imports_before.evictions += stats.evictions;
	scheduler->failures_before += frame_source_failures(scheduler->frames);
	frame_source_destroy(scheduler->frames);
	scheduler->frames = NULL;
}

void scheduler_drain(struct es_scheduler *scheduler) {
	scheduler->draining = true;
}

bool scheduler_drained(const struct es_scheduler *scheduler) {
	return scheduler->drained;
}

static bool over(const struct es_scheduler *scheduler) {
	return scheduler->drained || scheduler->failure->happened;
}

// The last one is always made.
static bool is_held(const struct es_scheduler *scheduler) {
	return unit_maker_held(scheduler->maker) && !scheduler->draining;
}

static bool can_encode(const struct es_scheduler *scheduler) {
	return unit_maker_n_free(scheduler->maker) > 0 && !is_held(scheduler);
}

// --- the mode

// The encoder for the display's mode. False: there is none now.
static bool adopt_mode(struct es_scheduler *scheduler) {
	uint32_t serial;
	const struct es_mode *mode =
			scheduler->frames != NULL ? frame_source_mode(scheduler->frames, &serial) : NULL;
	if (mode == NULL || serial == scheduler->mode_serial) {
		return unit_maker_pipeline(scheduler->maker) != NULL;
	}
	const struct es_colour *colour = frame_source_colour(scheduler->frames);
	if (!unit_maker_set_mode(scheduler->maker, mode, colour)) {
		return false;
	}
	scheduler->mode_serial = serial;
	refine_init(&scheduler->refine, clock_period_ns(mode->refresh_mhz),
			unit_maker_good_qp(scheduler->maker), scheduler->keepalive_ns);
	return true;
}

// --- frames

// What no app has committed (the first, black picture; the whole screen for a new encoder) is no
// new frame, whatever it shows.
static enum es_unit_kind kind_of(const struct es_frame *frame) {
	if (frame->buffer_id == 0) {
		return ES_UNIT_CURSOR;
	}
	return frame->commit_ns == frame->compose_ns ? ES_UNIT_REPEAT : ES_UNIT_NEW;
}

static struct es_unit_times times_of(const struct es_source_frame *taken, enum es_unit_kind kind) {
	int64_t now = taken->taken_ns;
	if (kind != ES_UNIT_NEW) {
		return (struct es_unit_times){now, now, now, now, now, now};
	}
	const struct es_frame *frame = &taken->frame;
	return (struct es_unit_times){
			frame->commit_ns, frame->compose_ns, frame->put_ns, now, now, now};
}

// Reads the frame's buffer into the picture and gives it back. False: there is nothing to encode.
static bool convert_frame(struct es_scheduler *scheduler, struct es_source_frame *taken) {
	struct es_pipeline *pipeline = unit_maker_pipeline(scheduler->maker);
	uint64_t id = taken->frame.buffer_id;
	const char *why = "the display never announced it, or it was refused";
	bool ok = true;
	int release_fd = -1;
	if (id != 0) {
		struct es_convert_request request = {
				.import = frame_source_import(scheduler->frames, id),
				.src = taken->frame.src,
				.dst = taken->frame.dst,
				.acquire_fd = taken->acquire_fd,
				.damage = taken->damage.rects,
				.n_damage = taken->damage.n,
		};
		ok = request.import != NULL && pipeline_convert(pipeline, &request, &release_fd, &why);
		if (!ok) {
			pipeline_lost(pipeline);
			frame_source_failed(scheduler->frames, id, why);
		}
	}
	if (!frame_source_release(scheduler->frames, taken, release_fd)) {
		scheduler_detach(scheduler);
	}
	fd_close(&release_fd);
	return ok && pipeline_has_picture(pipeline);
}

static bool encode_unit(
		struct es_scheduler *scheduler, enum es_pipeline_purpose purpose, struct es_unit *unit) {
	struct es_cursor_blend *cursor =
			scheduler->frames != NULL ? frame_source_cursor(scheduler->frames) : NULL;
	unit->frame_sequence = scheduler->frame_sequence;
	scheduler->last_start_ns = unit->times.taken_ns;
	return unit_maker_encode(scheduler->maker, cursor, purpose, unit);
}

static void encode_frame(struct es_scheduler *scheduler, struct es_source_frame *taken) {
	if (!convert_frame(scheduler, taken)) {
		return;
	}
	enum es_unit_kind kind = kind_of(&taken->frame);
	struct es_unit unit = {.kind = kind, .times = times_of(taken, kind)};
	unit.times.converted_ns = clock_now_ns();
	scheduler->frame_sequence = taken->frame.sequence;
	if (encode_unit(scheduler, ES_PIPELINE_CHANGE, &unit)) {
		// Stillness counts from here: no frame was asked for before.
		refine_changed(&scheduler->refine, unit.times.encoded_ns, unit.qp,
				unit_maker_unsettled(scheduler->maker));
	}
}

// --- repeats

static void encode_repeat(struct es_scheduler *scheduler, int64_t now) {
	struct es_unit unit = {.kind = ES_UNIT_REPEAT, .times = {now, now, now, now, now, now}};
	// One that only keeps alive costs next to nothing: every macroblock is hinted as it was.
	bool cheap = scheduler->refine.keeping_alive && !unit_maker_owes(scheduler->maker);
	bool ok = encode_unit(scheduler, cheap ? ES_PIPELINE_CHANGE : ES_PIPELINE_REPEAT, &unit);
	bool unsettled = unit_maker_unsettled(scheduler->maker);
	if (ok && unit.idr) { // coarse again
		refine_changed(&scheduler->refine, unit.times.encoded_ns, unit.qp, unsettled);
	} else if (ok && refine_due_ns(&scheduler->refine) >= 0) {
		// A slow encoder, too, looks for a new frame before it repeats again.
		refine_repeated(&scheduler->refine, unit.times.encoded_ns, unit.qp, unsettled);
	}
}

// When the still picture is to be encoded again, or -1. An asked IDR or recovery waits for the next
// frame for one interval; a refinement leaves the last slot to the next frame.
static int64_t repeat_due_ns(const struct es_scheduler *scheduler) {
	if (!unit_maker_can_repeat(scheduler->maker) || is_held(scheduler)) {
		return -1;
	}
	if (unit_maker_owes(scheduler->maker)) {
		return scheduler->last_start_ns + scheduler->refine.period_ns;
	}
	return unit_maker_n_free(scheduler->maker) > 1 ? refine_due_ns(&scheduler->refine) : -1;
}

static void finish_draining(struct es_scheduler *scheduler) {
	if (unit_maker_can_repeat(scheduler->maker)) {
		encode_repeat(scheduler, clock_now_ns()); // the picture lasts until now
	}
	unit_maker_end(scheduler->maker);
	scheduler->drained = true;
}

// --- one round

// One step, if there is one to do now.
static bool encode_next(struct es_scheduler *scheduler) {
	struct es_source_frame taken;
	int64_t now = clock_now_ns();
	if (scheduler->frames != NULL && frame_source_take(scheduler->frames, now, &taken)) {
		encode_frame(scheduler, &taken);
		return true;
	}
	int64_t due = repeat_due_ns(scheduler);
	if (scheduler->draining) {
		finish_draining(scheduler);
	} else if (due >= 0 && now >= due) {
		encode_repeat(scheduler, now);
		return true;
	}
	return false;
}

static bool ready_to_encode(struct es_scheduler *scheduler) {
	return unit_maker_attached(scheduler->maker) && adopt_mode(scheduler) &&
			unit_maker_announce(scheduler->maker);
}

// Without a streamer or any picture there is nothing to wait for.
static bool nothing_to_drain(const struct es_scheduler *scheduler) {
	return !unit_maker_attached(scheduler->maker) || unit_maker_pipeline(scheduler->maker) == NULL;
}

void scheduler_work(struct es_scheduler *scheduler) {
	if (!unit_maker_started(scheduler->maker)) {
		return;
	}
	unit_maker_apply_requests(scheduler->maker);
	if (!ready_to_encode(scheduler)) {
		if (scheduler->draining && !over(scheduler) && nothing_to_drain(scheduler)) {
			finish_draining(scheduler);
		}
		return;
	}
	while (!over(scheduler) && can_encode(scheduler) && encode_next(scheduler)) {
	}
	if (over(scheduler) || scheduler->frames == NULL || scheduler->draining) {
		return;
	}
	bool ok = is_held(scheduler)	? frame_source_renew(scheduler->frames)
			: can_encode(scheduler) ? frame_source_want(scheduler->frames)
									: frame_source_pause(scheduler->frames);
	if (!ok) {
		scheduler_detach(scheduler);
	}
}

// --- waiting

// Without a free slot nothing that becomes ready could be encoded.
static bool waits_for_fence(const struct es_scheduler *scheduler) {
	return scheduler->frames != NULL && can_encode(scheduler);
}

void scheduler_fill_pollfds(
		const struct es_scheduler *scheduler, struct pollfd items[ES_SCHEDULER_FDS]) {
	int frames = scheduler->frames != NULL ? frame_source_fd(scheduler->frames) : -1;
	int fence = waits_for_fence(scheduler) ? frame_source_fence_fd(scheduler->frames) : -1;
	items[POLL_UNITS] = (struct pollfd){.fd = unit_maker_fd(scheduler->maker), .events = POLLIN};
	items[POLL_FRAMES] = (struct pollfd){.fd = frames, .events = POLLIN};
	items[POLL_FENCE] = (struct pollfd){.fd = fence, .events = POLLIN};
}

static int64_t earlier(int64_t a, int64_t b) {
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

int64_t scheduler_wake_ns(const struct es_scheduler *scheduler) {
	int64_t fence =
			waits_for_fence(scheduler) ? frame_source_fence_deadline_ns(scheduler->frames) : -1;
	return earlier(fence, repeat_due_ns(scheduler));
}

static void dispatch_frames(struct es_scheduler *scheduler) {
	if (scheduler->frames == NULL) {
		return;
	}
	enum es_link_result result = frame_source_dispatch(scheduler->frames);
	if (result == ES_LINK_BROKEN) {
		failure_set(scheduler->failure, "the link to the display broke");
	} else if (result != ES_LINK_OK) {
		scheduler_detach(scheduler);
	}
}

void scheduler_dispatch(
		struct es_scheduler *scheduler, const struct pollfd items[ES_SCHEDULER_FDS]) {
	// What the display sent before the host asked to drain is encoded, too.
	if (items[POLL_UNITS].revents != 0 || scheduler->draining) {
		unit_maker_dispatch(scheduler->maker);
	}
	if (items[POLL_FRAMES].revents != 0 || scheduler->draining) {
		dispatch_frames(scheduler);
	}
}

void scheduler_add_stats(const struct es_scheduler *scheduler, struct es_encode_stats *stats) {
	struct es_import_stats imports = {0};
	if (scheduler->frames != NULL) {
		imports = frame_source_import_stats(scheduler->frames);
		stats->import_failures += frame_source_failures(scheduler->frames);
	}
	stats->cache_hits += scheduler->imports_before.hits + imports.hits;
	stats->cache_misses += scheduler->imports_before.misses + imports.misses;
	stats->cache_evictions += scheduler->imports_before.evictions + imports.evictions;
	stats->import_failures += scheduler->failures_before;
}
