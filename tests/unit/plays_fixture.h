// Sessions of `serve` in a private folder, with rooms that can be the test's own.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include <cmocka.h>

#include "host/play.h"

struct es_fixture {
	char folder[64];
	sd_event *event;
	struct es_settings settings;
	struct es_app apps[4];
	struct es_client clients[2];
	struct es_plays *plays;
	size_t n_fds; // before there was any session
	uint8_t next_key;
	int n_changes;
};

// cmocka's setup and teardown; the latter fails if a process or an fd is left.
int fixture_setup(void **state);
int fixture_teardown(void **state);

// Which program is started as this room, NULL: the test's own. To be defined by the test.
const char *fixture_find_room(const char *name);

// Runs the loop until condition(data); false after a minute.
bool fixture_run_until(
		struct es_fixture *f, bool (*condition)(struct es_fixture *f, void *data), void *data);
// Until what the fake rooms wrote down has this line, or one that begins so, n times.
void fixture_expect(struct es_fixture *f, const char *line, int n);
int fixture_count(const struct es_fixture *f, const char *line);
void fixture_expect_state(struct es_fixture *f, struct es_play *play, enum es_play_state state);
void fixture_expect_none(struct es_fixture *f); // until no session is left

struct es_play_request fixture_request(struct es_fixture *f, size_t client, size_t app);
struct es_play *fixture_launch(struct es_fixture *f, size_t client, size_t app);
struct es_announce fixture_announce(void);
// Launched, negotiated and connected.
struct es_play *fixture_play(struct es_fixture *f, size_t client, size_t app);
void fixture_negotiate(
		struct es_fixture *f, struct es_play *play, const struct es_announce *announce);
// The streamer of this session is told that its client connects.
void fixture_connect(struct es_fixture *f, struct es_play *play);
pid_t fixture_display(const struct es_play *play);
pid_t fixture_encoder(const struct es_play *play);
pid_t fixture_streamer(const struct es_play *play);
// Tells a fake room something, once it takes signals: at its birth they would end it.
void fixture_signal(struct es_fixture *f, pid_t room, int number);
// Counts the calls in *(int *)data.
void fixture_count_done(void *data, bool ended);
