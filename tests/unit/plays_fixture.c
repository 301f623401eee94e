#define _GNU_SOURCE
#include "tests/unit/plays_fixture.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/play_state.h"
#include "tests/unit/count_fds.h"

#define WAIT_NS (60 * ES_NS_PER_S) // for what merely has to come

bool __wrap_spawn_find_room(const char *name, char *out, size_t cap);

bool __wrap_spawn_find_room(const char *name, char *out, size_t cap) {
	const char *found = fixture_find_room(name);
	int n = snprintf(out, cap, "%s", found != NULL ? found : FAKE_ROOM);
	return n > 0 && (size_t)n < cap;
}

static void on_change(void *data) {
	struct es_fixture *f = data;
	f->n_changes++;
}

static char *const *words(char *first, char *second) {
	static char *lists[16][3];
	static size_t n;
	char **list = lists[n++ % 16];
	list[0] = first;
	list[1] = second;
	list[2] = NULL;
	return list;
}

static void fill_settings(struct es_fixture *f) {
	static char automatic[] = "auto";
	static char address[] = "127.0.0.1", empty[] = "", name[] = "test", layout[] = "de";
	static char plain[] = "plain", other[] = "orphan", private[] = "private",
				colour[] = "COLOUR=red";
	f->settings = (struct es_settings){
			.name = name,
			.address = address,
			.max_sessions = 3,
			.max_pixel_rate = 1920u * 1080u * 60u,
			.max_kbps = 20000,
			.idle_minutes = 1,
			.fec_percent = 20,
			.keepalive_ms = 500,
			.keyboard = layout,
			.encoder = automatic,
			.gpu = automatic,
			.apps = f->apps,
			.n_apps = 4,
	};
	char **env = (char **)words(colour, NULL), **none = (char **)words(NULL, NULL);
	f->apps[0] = (struct es_app){
			.id = 1, .title = plain, .command = (char **)words(plain, NULL), .env = env};
	f->apps[1] = (struct es_app){
			.id = 2, .title = other, .command = (char **)words(other, NULL), .env = none};
	f->apps[2] = (struct es_app){.id = 3,
			.title = private,
			.command = (char **)words(private, NULL),
			.env = none,
			.keyboard = empty,
			.is_private = true};
	f->apps[3] = (struct es_app){
			.id = 4, .title = plain, .command = (char **)words(plain, NULL), .env = none};
	for (size_t i = 0; i < 2; i++) {
		f->clients[i].id = (uint32_t)i + 7;
		snprintf(f->clients[i].name, sizeof(f->clients[i].name), "client %zu", i);
	}
}

static bool probe_over(struct es_fixture *f, void *data) {
	return plays_probed(f->plays);
}

static void make_folder(struct es_fixture *f) {
	char folder[] = "/tmp/plays-XXXXXX", path[128];
	assert_non_null(mkdtemp(folder));
	memcpy(f->folder, folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	setenv("FAKE_LOG", path, 1);
	setenv("XDG_RUNTIME_DIR", f->folder, 1);
	setenv("XDG_CACHE_HOME", f->folder, 1);
}

// A real encoder would be measured for seconds.
static void seed_cache(const struct es_fixture *f) {
	char path[128], key[512];
	struct es_codec_speeds speeds = {0};
	snprintf(path, sizeof(path), "%s/earthshine/codec-speeds.json", f->folder);
	codec_speeds_make_key(key, sizeof(key));
	codec_speeds_set(&speeds, "x264", 1280, 720, 200);
	assert_true(codec_speeds_save(&speeds, path, key));
}

int fixture_setup(void **state) {
	struct es_fixture *f = calloc(1, sizeof(*f));
	*state = f;
	log_init("test", log_level_from_env(ES_LOG_ERROR));
	make_folder(f);
	fill_settings(f);
	if (fixture_find_room("earthshine-encode") != NULL) {
		seed_cache(f);
	}
	f->n_fds = count_fds();
	if (sd_event_new(&f->event) < 0) {
		return 1;
	}
	f->plays = plays_create(f->event, &f->settings);
	if (f->plays == NULL) {
		return 1;
	}
	plays_on_change(f->plays, on_change, f);
	assert_true(fixture_find_room("earthshine-encode") != NULL || !plays_probed(f->plays));
	return fixture_run_until(f, probe_over, NULL) ? 0 : 1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
	remove(path);
	return 0;
}

int fixture_teardown(void **state) {
	struct es_fixture *f = *state;
	plays_destroy(f->plays);
	sd_event_unref(f->event);
	assert_int_equal(count_fds(), f->n_fds);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // no child at all
	nftw(f->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

bool fixture_run_until(
		struct es_fixture *f, bool (*condition)(struct es_fixture *f, void *data), void *data) {
	int64_t end_ns = clock_now_ns() + WAIT_NS;
	while (!condition(f, data)) {
		if (clock_now_ns() > end_ns) {
			return false;
		}
		sd_event_run(f->event, 20000); // what rooms write down wakes nobody
	}
	return true;
}

int fixture_count(const struct es_fixture *f, const char *line) {
	FILE *file = fopen(getenv("FAKE_LOG"), "re");
	char text[512];
	int n = 0;
	while (file != NULL && fgets(text, sizeof(text), file) != NULL) {
		n += strncmp(text, line, strlen(line)) == 0;
	}
	if (file != NULL) {
		fclose(file);
	}
	return n;
}

struct expected {
	const char *line;
	int n;
};

static bool line_there(struct es_fixture *f, void *data) {
	const struct expected *expected = data;
	return fixture_count(f, expected->line) >= expected->n;
}

void fixture_expect(struct es_fixture *f, const char *line, int n) {
	struct expected expected = {line, n};
	if (!fixture_run_until(f, line_there, &expected) || fixture_count(f, line) != n) {
		fail_msg("'%s' was there %d times, not %d", line, fixture_count(f, line), n);
	}
}

struct wanted {
	struct es_play *play;
	enum es_play_state state;
};

static bool in_state(struct es_fixture *f, void *data) {
	const struct wanted *wanted = data;
	for (size_t i = 0; i < plays_count(f->plays); i++) {
		if (plays_at(f->plays, i) == wanted->play) {
			struct es_play_info info;
			play_info(wanted->play, &info);
			return info.state == wanted->state;
		}
	}
	return false;
}

void fixture_expect_state(struct es_fixture *f, struct es_play *play, enum es_play_state state) {
	struct wanted wanted = {play, state};
	assert_true(fixture_run_until(f, in_state, &wanted));
}

static bool none_left(struct es_fixture *f, void *data) {
	return plays_count(f->plays) == 0;
}

void fixture_expect_none(struct es_fixture *f) {
	assert_true(fixture_run_until(f, none_left, NULL));
}

struct es_play_request fixture_request(struct es_fixture *f, size_t client, size_t app) {
	static uint8_t keys[256][ES_KEY_SIZE];
	uint8_t *key = keys[f->next_key];
	memset(key, 0, ES_KEY_SIZE);
	key[0] = f->next_key++;
	return (struct es_play_request){
			.client = &f->clients[client],
			.app = &f->apps[app],
			.mode = {1280, 720, 60000},
			.key = key,
			.key_id = 5,
			.corever = 1,
			.peer = "127.0.0.1",
	};
}

struct es_play *fixture_launch(struct es_fixture *f, size_t client, size_t app) {
	struct es_play_request request = fixture_request(f, client, app);
	struct es_play *play;
	char error[512] = "";
	if (plays_launch(f->plays, &request, &play, error, sizeof(error)) != 200) {
		fail_msg("launch is refused: %s", error);
	}
	return play;
}

struct es_announce fixture_announce(void) {
	return (struct es_announce){
			.codec = ES_CODEC_H264,
			.mode = {1280, 720, 60000},
			.bitrate_kbps = 10000,
			.packet_size = 1392,
			.min_parity = 2,
			.slices = 4,
			.encryption = 7,
			.session_id = true,
			.audio_channels = 2,
			.audio_mask = 3,
			.audio_packet_ms = 5,
	};
}

void fixture_negotiate(
		struct es_fixture *f, struct es_play *play, const struct es_announce *announce) {
	char error[512] = "";
	int n_started = fixture_count(f, "stream START");
	if (play_negotiate(play, announce, error, sizeof(error)) != 200) {
		fail_msg("ANNOUNCE is refused: %s", error);
	}
	fixture_expect(f, "stream START", n_started + 1);
}

void fixture_connect(struct es_fixture *f, struct es_play *play) {
	struct es_announce announce = fixture_announce();
	fixture_negotiate(f, play, &announce);
	fixture_signal(f, fixture_streamer(play), SIGUSR1);
	fixture_expect_state(f, play, ES_PLAY_PLAYING);
}

struct es_play *fixture_play(struct es_fixture *f, size_t client, size_t app) {
	struct es_play *play = fixture_launch(f, client, app);
	fixture_connect(f, play);
	return play;
}

pid_t fixture_display(const struct es_play *play) {
	return room_pid(play->display);
}

pid_t fixture_encoder(const struct es_play *play) {
	return play_viewer_encoder_pid(play->viewer);
}

pid_t fixture_streamer(const struct es_play *play) {
	return play_viewer_streamer_pid(play->viewer);
}

struct addressee {
	pid_t room;
	int number;
};

static bool takes_signal(struct es_fixture *f, void *data) {
	const struct addressee *to = data;
	char path[64], line[256];
	unsigned long blocked = 0; // as it reads them from an fd
	snprintf(path, sizeof(path), "/proc/%d/status", (int)to->room);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		sscanf(line, "SigBlk: %lx", &blocked);
	}
	if (file != NULL) {
		fclose(file);
	}
	return (blocked >> (to->number - 1) & 1) != 0;
}

void fixture_signal(struct es_fixture *f, pid_t room, int number) {
	struct addressee to = {room, number};
	assert_true(fixture_run_until(f, takes_signal, &to));
	assert_int_equal(kill(room, number), 0);
}

void fixture_count_done(void *data, bool ended) {
	(*(int *)data)++;
}
