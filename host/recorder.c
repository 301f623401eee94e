#define _GNU_SOURCE
#include "host/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/recorder_rows.h"
#include "host/recording_tally.h"
#include "host/state_file.h"

#define FOLDER "recordings"

struct es_recorder {
	int dir_fd;
	struct es_recording_file *file; // NULL: not armed
	int64_t started_ns;
	bool full_of_frames; // told
	uint64_t frame_bytes;
	struct es_recording_track tracks[ES_RECORDING_TRACKS]; // as last told
	size_t n_tracks;
	bool too_many; // told
	struct es_recording_names sample_names, frame_names;
	struct es_recording_tally tally;
	struct es_recording_visitor visitor; // of the tally
	struct es_recorder_state state; // but size and summary
	void (*changed)(void *data);
	void *data;
	uint8_t record[ES_RECORDING_RECORD_MAX]; // scratch
	struct es_recording_frames frames; // the same
};

// --- life

static void mend(const struct es_recorder *recorder, const char *id) {
	char error[512];
	if (!recording_file_mend(recorder->dir_fd, id, error, sizeof(error))) {
		es_log(ES_LOG_WARN, "the recording %s has no end: %s", id, error);
	}
}

static void mend_all(const struct es_recorder *recorder) {
	char (*ids)[ES_RECORDING_ID];
	size_t n;
	if (recorder_list(recorder, &ids, &n)) {
		for (size_t i = 0; i < n; i++) {
			mend(recorder, ids[i]);
		}
		free(ids);
	}
}

struct es_recorder *recorder_create(int state_fd, char *error, size_t cap) {
	struct es_recorder *recorder = calloc(1, sizeof(*recorder));
	if (recorder == NULL) {
		snprintf(error, cap, "out of memory");
		return NULL;
	}
	recorder->dir_fd = -1;
	recorder_rows_names(&recorder->sample_names, &recorder->frame_names);
	if (mkdirat(state_fd, FOLDER, 0700) == 0 || errno == EEXIST) {
		recorder->dir_fd =
				openat(state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (recorder->dir_fd < 0) {
		char path[4096];
		int reason = errno;
		state_file_describe(state_fd, FOLDER, path, sizeof(path));
		snprintf(error, cap, "cannot open the folder '%s': %s", path, strerror(reason));
		recorder_destroy(recorder);
		return NULL;
	}
	mend_all(recorder);
	return recorder;
}

void recorder_destroy(struct es_recorder *recorder) {
	if (recorder == NULL) {
		return;
	}
	recorder->changed = NULL;
	recorder_stop(recorder);
	fd_close(&recorder->dir_fd);
	free(recorder);
}

void recorder_on_change(struct es_recorder *recorder, void (*changed)(void *data), void *data) {
	recorder->changed = changed;
	recorder->data = data;
}

static void tell_change(struct es_recorder *recorder) {
	if (recorder->changed != NULL) {
		recorder->changed(recorder->data);
	}
}

// --- the end

static bool end(struct es_recorder *recorder, const char *reason) {
	struct es_recording_end record = {0};
	char error[512];
	snprintf(record.reason, sizeof(record.reason), "%s", reason);
	recording_tally_result(&recorder->tally, &record.summary);
	recorder->state.size = recording_file_size(recorder->file);
	bool ok = recording_file_end(recorder->file, &record, error, sizeof(error));
	if (ok) {
		recorder->state.size = recording_file_size(recorder->file);
	} else if (reason[0] == '\0') {
		snprintf(recorder->state.problem, sizeof(recorder->state.problem), "%s", error);
	}
	recording_file_destroy(recorder->file);
	recorder->file = NULL;
	return ok;
}

// By itself; `reason` says what to do.
static void give_up(struct es_recorder *recorder, const char *reason) {
	snprintf(recorder->state.problem, sizeof(recorder->state.problem), "%s", reason);
	es_log(ES_LOG_ERROR,
			"the recording %s has ended: %s; what was recorded before can be read, and sessions go on",
			recorder->state.id, reason);
	end(recorder, reason);
	tell_change(recorder);
}

bool recorder_stop(struct es_recorder *recorder) {
	if (recorder->file == NULL) {
		return false;
	}
	if (end(recorder, "")) {
		es_log(ES_LOG_INFO, "the recording %s is done", recorder->state.id);
	} else {
		es_log(ES_LOG_ERROR, "the recording %s has no end: %s", recorder->state.id,
				recorder->state.problem);
	}
	tell_change(recorder);
	return true;
}

// --- the start

static bool put(struct es_recorder *recorder, size_t size) {
	char error[512];
	if (size == 0) {
		es_log(ES_LOG_DEBUG, "a record of a recording does not fit: left out");
		return false;
	}
	if (recording_file_size(recorder->file) + size > ES_RECORDING_MOST) {
		snprintf(error, sizeof(error),
				"it is as large as a recording may be (%u MiB); start another",
				(unsigned)(ES_RECORDING_MOST >> 20));
	} else if (recording_file_put(recorder->file, recorder->record, size, error, sizeof(error))) {
		return true;
	}
	give_up(recorder, error);
	return false;
}

static bool begin(struct es_recorder *recorder, bool frames, char *error, size_t cap) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct es_recording_header header = {
			.flags = frames ? ES_RECORDING_WITH_FRAMES : 0,
			.started_ms = now.tv_sec * 1000 + now.tv_nsec / ES_NS_PER_MS,
	};
	char id[ES_RECORDING_ID];
	if (!recording_id_make(recorder->dir_fd, header.started_ms, id)) {
		snprintf(error, cap, "there is no name for a recording any more: delete some");
		return false;
	}
	recorder->file = recording_file_create(recorder->dir_fd, id, &header, error, cap);
	if (recorder->file == NULL) {
		return false;
	}
	recorder->started_ns = clock_now_ns();
	recorder->state = (struct es_recorder_state){
			.armed = true, .frames = frames, .started_ms = header.started_ms};
	memcpy(recorder->state.id, id, sizeof(id));
	return true;
}

bool recorder_start(struct es_recorder *recorder, bool frames, char *error, size_t cap) {
	if (recorder->file != NULL) {
		snprintf(error, cap, "the recording %s is under way: stop it first", recorder->state.id);
		return false;
	}
	if (!begin(recorder, frames, error, cap)) {
		return false;
	}
	recorder->n_tracks = recorder->frame_bytes = 0;
	recorder->too_many = recorder->full_of_frames = false;
	recording_tally_init(&recorder->tally, &recorder->sample_names, &recorder->visitor);
	if (!put(recorder,
				recording_put_names(
						ES_RECORDING_SAMPLE_COLUMNS, &recorder->sample_names, recorder->record)) ||
			!put(recorder,
					recording_put_names(ES_RECORDING_FRAME_COLUMNS, &recorder->frame_names,
							recorder->record))) {
		snprintf(error, cap, "%s", recorder->state.problem);
		return false;
	}
	es_log(ES_LOG_INFO, "the recording %s begins%s", recorder->state.id,
			frames ? ", with single frames" : "");
	tell_change(recorder);
	return true;
}

// --- on the way

static uint32_t since_ms(const struct es_recorder *recorder, int64_t at_ns) {
	int64_t ms = (at_ns - recorder->started_ns) / ES_NS_PER_MS;
	return ms <= 0 ? 0 : ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static struct es_recording_track *find_track(struct es_recorder *recorder, uint32_t session) {
	for (size_t i = 0; i < recorder->n_tracks; i++) {
		if (recorder->tracks[i].session == session) {
			return &recorder->tracks[i];
		}
	}
	return NULL;
}

static bool is_news(
		const struct es_recording_track *track, const struct es_recording_track *before) {
	return before == NULL || track->width != before->width || track->height != before->height ||
			track->refresh_mhz != before->refresh_mhz || strcmp(track->title, before->title) != 0 ||
			strcmp(track->client, before->client) != 0 ||
			strcmp(track->encoder, before->encoder) != 0 ||
			strcmp(track->codec, before->codec) != 0;
}

// The session's track, told if there is something new about it; NULL: it cannot be recorded.
static const struct es_recording_track *follow(
		struct es_recorder *recorder, const struct es_window *window) {
	struct es_recording_track *before = find_track(recorder, window->info->id), track;
	if (before == NULL && recorder->n_tracks == ES_RECORDING_TRACKS) {
		if (!recorder->too_many) {
			es_log(ES_LOG_WARN, "the recording %s has %d sessions: later ones are not in it",
					recorder->state.id, ES_RECORDING_TRACKS);
		}
		recorder->too_many = true;
		return NULL;
	}
	recorder_rows_track(&track, window->info);
	track.track =
			(uint8_t)(before != NULL ? (size_t)(before - recorder->tracks) : recorder->n_tracks);
	track.at_ms = since_ms(recorder, window->begin_ns);
	if (!is_news(&track, before)) {
		return before;
	}
	if (!put(recorder, recording_put_track(&track, recorder->record))) {
		return NULL;
	}
	recorder->visitor.track(recorder->visitor.data, &track);
	recorder->n_tracks += before == NULL;
	recorder->tracks[track.track] = track;
	return &recorder->tracks[track.track];
}

void recorder_take(struct es_recorder *recorder, const struct es_window *window) {
	const struct es_recording_track *track =
			recorder->file != NULL ? follow(recorder, window) : NULL;
	if (track == NULL) {
		return;
	}
	struct es_recording_sample sample = {
			.track = track->track, .at_ms = since_ms(recorder, window->end_ns)};
	recorder_rows_sample(&sample, window);
	if (put(recorder, recording_put_sample(&sample, recorder->record))) {
		recorder->visitor.sample(recorder->visitor.data, &sample);
	}
}

static void leave_out(struct es_recorder *recorder, uint64_t n) {
	recorder->tally.summary.frames_left_out += n;
	if (!recorder->full_of_frames) {
		es_log(ES_LOG_WARN, "the recording %s has %u MiB of single frames: later ones are left out",
				recorder->state.id, (unsigned)(ES_RECORDING_MOST_FRAMES >> 20));
	}
	recorder->full_of_frames = true;
}

void recorder_take_frames(struct es_recorder *recorder, uint32_t session,
		const struct es_frame_row *rows, size_t n, uint64_t dropped) {
	const struct es_recording_track *track =
			recorder->file != NULL && recorder->state.frames ? find_track(recorder, session) : NULL;
	struct es_recording_frames *frames = &recorder->frames;
	if (track == NULL) {
		return;
	}
	for (size_t at = 0; at < n && recorder->file != NULL; at += frames->n_rows) {
		size_t left = n - at;
		frames->track = track->track;
		frames->dropped = at == 0 && dropped < UINT32_MAX ? (uint32_t)dropped : 0;
		frames->n_rows = left < ES_RECORDING_FRAMES ? (uint32_t)left : ES_RECORDING_FRAMES;
		recorder_rows_frames(frames, rows + at, recorder->started_ns);
		size_t size = recording_put_frames(frames, recorder->record);
		if (recorder->frame_bytes + size > ES_RECORDING_MOST_FRAMES) {
			leave_out(recorder, n - at);
			return;
		}
		if (put(recorder, size)) {
			recorder->frame_bytes += size;
			recorder->visitor.frames(recorder->visitor.data, frames);
		}
	}
}

void recorder_state(const struct es_recorder *recorder, struct es_recorder_state *state) {
	*state = recorder->state;
	state->armed = recorder->file != NULL;
	if (state->armed) {
		state->size = recording_file_size(recorder->file);
	}
	if (state->id[0] != '\0') {
		recording_tally_result(&recorder->tally, &state->summary);
	}
}

// --- those that there are

static int compare_ids(const void *a, const void *b) {
	return -strverscmp(a, b);
}

bool recorder_list(const struct es_recorder *recorder, char (**ids)[ES_RECORDING_ID], size_t *n) {
	int fd = openat(recorder->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t cap = 0;
	*ids = NULL;
	*n = 0;
	if (dir == NULL) {
		fd_close(&fd);
		return false;
	}
	bool ok = true;
	for (struct dirent *entry = readdir(dir); ok && entry != NULL; entry = readdir(dir)) {
		char id[ES_RECORDING_ID];
		size_t size = strlen(entry->d_name);
		if (size <= 4 || size - 4 >= sizeof(id) || strcmp(entry->d_name + size - 4, ".esr") != 0) {
			continue;
		}
		memcpy(id, entry->d_name, size - 4);
		id[size - 4] = '\0';
		if (!recording_id_is(id)) {
			continue;
		}
		if (*n == cap) {
			cap = 2 * cap + 16;
			char (*more)[ES_RECORDING_ID] = realloc(*ids, cap * sizeof(*more));
			ok = more != NULL;
			*ids = ok ? more : *ids;
		}
		if (ok) {
			memcpy((*ids)[(*n)++], id, sizeof(id));
		}
	}
	closedir(dir);
	if (!ok) {
		free(*ids);
		*ids = NULL;
		return false;
	}
	if (*n > 1) {
		qsort(*ids, *n, sizeof(**ids), compare_ids);
	}
	return true;
}

int recorder_open(const struct es_recorder *recorder, const char *id) {
	char name[ES_RECORDING_ID + 8];
	if (!recording_id_is(id)) {
		return -1;
	}
	recording_name(id, name);
	// Non-blocking: somebody's pipe of that name would keep us for ever.
	return openat(recorder->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int recorder_remove(struct es_recorder *recorder, const char *id) {
	char name[ES_RECORDING_ID + 8];
	if (!recording_id_is(id)) {
		return ENOENT;
	}
	if (recorder->file != NULL && strcmp(id, recorder->state.id) == 0) {
		return EBUSY;
	}
	recording_name(id, name);
	return unlinkat(recorder->dir_fd, name, 0) == 0 ? 0 : errno;
}
