#define _GNU_SOURCE
#include "host/run_course.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/output_file.h"
#include "host/run_display.h"
#include "host/run_encoder.h"
#include "host/run_figures.h"
#include "host/run_stage.h"
#include "host/run_stream.h"
#include "host/session.h"

#define SOUND_CHANNELS 2 // of a file: what everybody can hear
#define START_NS (15 * ES_NS_PER_S) // the display is ready, or is killed
#define FINISH_MS 2000 // rooms end after we let go of them
#define ABORT_MS 1000 // the same after a second signal: time to close the file

// --- what comes from the session

static void room_ended(struct es_run *run, enum es_room room, const struct es_session_msg *msg) {
	run->ended[room] = true;
	if (run->stage == ES_RUN_DONE) {
		return;
	}
	switch (room) {
	case ES_ROOM_DISPLAY:
		run_display_ended(run, msg);
		return;
	case ES_ROOM_ENCODE:
		run_encoder_ended(run, msg);
		return;
	default:
		run_stream_ended(run, msg);
		return;
	}
}

static void room_ready(struct es_run *run, enum es_room room, const struct es_session_msg *msg) {
	if (room == ES_ROOM_DISPLAY) {
		run_display_ready(run, msg);
	} else if (room == ES_ROOM_ENCODE) {
		run_encoder_ready(run);
	}
}

static void on_message(void *data, enum es_room room, const struct es_session_msg *msg) {
	struct es_run *run = data;
	if (room == ES_ROOM_ENCODE) {
		run->encode_unanswered = 0;
	}
	switch (msg->type) {
	case ES_SESSION_READY:
		room_ready(run, room, msg);
		return;
	case ES_SESSION_STUCK:
		run_encoder_stuck(run);
		return;
	case ES_SESSION_NEED_ENCODER:
		run_encoder_needed(run);
		return;
	case ES_SESSION_END:
		room_ended(run, room, msg);
		return;
	default:
		run_figures_take(&run->figures, msg, run->stage == ES_RUN_RUNNING);
		return;
	}
}

static void on_gone(void *data, enum es_room room, pid_t pid, int status) {
	struct es_run *run = data;
	switch (room) {
	case ES_ROOM_DISPLAY:
		run_display_gone(run, pid, status);
		return;
	case ES_ROOM_ENCODE:
		run_encoder_gone(run, status);
		return;
	default:
		run_stream_gone(run, status);
		return;
	}
}

static void on_signal(void *data, int signo) {
	struct es_run *run = data;
	run->n_signals++;
	if (run->stage == ES_RUN_DONE) {
		return;
	}
	run_decide(run, 128 + signo, "signal");
	if (run->n_signals == 1) {
		run_say(run, ES_LOG_INFO, "%s: ending the app; once more ends it at once",
				strsignal(signo));
		run_stage_end_app(run);
		return;
	}
	session_kill(run->session, ES_ROOM_DISPLAY);
	session_kill(run->session, ES_ROOM_ENCODE);
	run_stage_enter(run, ES_RUN_DONE, 0);
}

static const struct es_session_listener listener = {
		.message = on_message, .gone = on_gone, .signal = on_signal};

// --- time

static void check_time(struct es_run *run) {
	int64_t now = clock_now_ns();
	run_stage_check_time(run, now);
	run_encoder_check_time(run, now);
	run_display_check_time(run, now);
	if (run_figures_tick(&run->figures, run->session, now)) {
		run_encoder_asked(run);
	}
}

static int64_t next_deadline(const struct es_run *run) {
	const int64_t all[] = {
			run->deadline_ns, run->encode_deadline_ns, run->time_ns, run->figures.tick_ns};
	int64_t next = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] != 0 && (next == 0 || all[i] < next)) {
			next = all[i];
		}
	}
	return next;
}

// --- beginning and end

static struct es_session_setup make_setup(
		const struct es_run *run, const struct es_output_file *output) {
	const struct es_run_options *options = run->options;
	return (struct es_session_setup){
			.mode = options->mode,
			.scale_milli = options->scale_milli,
			.name = "run",
			.codec = options->codec,
			.colour = options->colour,
			.encoder = &run->encoder,
			.render_node = ladder_display_node(run->facts, &run->encoder.ladder),
			.bitrate_kbps = options->bitrate_kbps,
			.container = options->container,
			.output_path = options->output,
			.output_fd = output->fd,
			.audio_channels = options->no_sound || options->container == ES_CONTAINER_RAW
					? 0
					: SOUND_CHANNELS,
			// The app runs in a process group of its own: reading the terminal would stop it.
			.app_stdin = isatty(STDIN_FILENO) ? -1 : STDIN_FILENO,
			// Standard output may be taken by the video.
			.app_stdout = strcmp(options->output, "-") == 0 ? STDERR_FILENO : STDOUT_FILENO,
			.command = options->command,
	};
}

static void fill_summary(struct es_run *run) {
	int64_t end_ns = run->end_ns != 0 ? run->end_ns : clock_now_ns();
	run->summary->duration_ns = run->start_ns != 0 ? end_ns - run->start_ns : 0;
	run_figures_fill(&run->figures, run->session, run->summary);
}

static void conduct(struct es_run *run) {
	run_stage_enter(run, ES_RUN_STARTING, START_NS);
	if (!session_start(run->session)) {
		run_decide_failure(run);
		run_stage_enter(run, ES_RUN_DONE, 0);
	}
	run_encoder_started(run);
	while (run->stage != ES_RUN_DONE) {
		session_poll(run->session, next_deadline(run));
		if (run->stage != ES_RUN_DONE) {
			check_time(run);
		}
	}
	live_line_clear(&run->figures.line);
	session_finish(run->session, run->n_signals > 1 ? ABORT_MS : FINISH_MS);
}

void run_course(const struct es_run_options *options, struct es_ladder_facts *facts,
		const struct es_ladder *ladder, const struct es_output_file *output,
		const struct es_runtime_dir *runtime_dir, struct es_run_summary *summary, bool *discard) {
	struct es_run run = {
			.options = options, .runtime_dir = runtime_dir, .facts = facts, .summary = summary};
	*summary = (struct es_run_summary){
			.mode = options->mode,
			.encoder = ladder->items[0]->name,
			.codec = options->codec,
			.bitrate_kbps = options->bitrate_kbps,
	};
	encoder_slot_init(&run.encoder, ladder);
	struct es_session_setup setup = make_setup(&run, output);
	run.session = session_create(&setup, &listener, &run);
	if (run.session != NULL) {
		conduct(&run);
		fill_summary(&run);
	} else {
		run_decide_failure(&run);
	}
	session_destroy(run.session);
	*discard = run.discard;
}
