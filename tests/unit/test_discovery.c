// What the host tells the system: its announcement and the lock against sleep, at a bus of the test's
// own with stand-ins for Avahi and logind; and the names that are announced.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/discovery.h"
#include "host/inhibit.h"
#include "host/mac.h"

#define GROUP "org.freedesktop.Avahi.EntryGroup"
#define ROUNDS 500

struct fixture {
	char folder[64];
	pid_t daemon;
	sd_event *event;
	sd_bus *bus; // the stand-ins'
	unsigned groups, resets;
	char name[256]; // last added
	int32_t interface, protocol;
	uint16_t port;
	bool taken; // the first name is somebody else's
	bool committed;
	int lock_read; // the end that tells when the lock is given back
	unsigned locks;
};

// --- Avahi

static int on_group_new(sd_bus_message *call, void *data, sd_bus_error *error) {
	struct fixture *f = data;
	char path[64];
	snprintf(path, sizeof(path), "/Client0/EntryGroup%u", ++f->groups);
	return sd_bus_reply_method_return(call, "o", path);
}

static int on_add(sd_bus_message *call, void *data, sd_bus_error *error) {
	struct fixture *f = data;
	const char *name, *type, *domain, *host;
	uint32_t flags;
	assert_true(sd_bus_message_read(call, "iiussssq", &f->interface, &f->protocol, &flags, &name,
						&type, &domain, &host, &f->port) >= 0);
	assert_string_equal(type, "_nvstream._tcp");
	snprintf(f->name, sizeof(f->name), "%s", name);
	if (f->taken && strchr(name, '-') == NULL) {
		return sd_bus_reply_method_errorf(
				call, "org.freedesktop.Avahi.CollisionError", "Local name collision");
	}
	return sd_bus_reply_method_return(call, NULL);
}

static int on_commit(sd_bus_message *call, void *data, sd_bus_error *error) {
	struct fixture *f = data;
	f->committed = true;
	return sd_bus_reply_method_return(call, NULL);
}

static int on_reset(sd_bus_message *call, void *data, sd_bus_error *error) {
	struct fixture *f = data;
	f->resets++;
	f->committed = false;
	return sd_bus_reply_method_return(call, NULL);
}

static const sd_bus_vtable server_table[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("EntryGroupNew", "", "o", on_group_new, SD_BUS_VTABLE_UNPRIVILEGED),
		SD_BUS_SIGNAL("StateChanged", "is", 0),
		SD_BUS_VTABLE_END,
};

static const sd_bus_vtable group_table[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("AddService", "iiussssqaay", "", on_add, SD_BUS_VTABLE_UNPRIVILEGED),
		SD_BUS_METHOD("Commit", "", "", on_commit, SD_BUS_VTABLE_UNPRIVILEGED),
		SD_BUS_METHOD("Reset", "", "", on_reset, SD_BUS_VTABLE_UNPRIVILEGED),
		SD_BUS_SIGNAL("StateChanged", "is", 0),
		SD_BUS_VTABLE_END,
};

// --- logind

static int on_inhibit(sd_bus_message *call, void *data, sd_bus_error *error) {
	struct fixture *f = data;
	const char *what, *who, *why, *mode;
	int fds[2];
	assert_true(sd_bus_message_read(call, "ssss", &what, &who, &why, &mode) >= 0);
	assert_string_equal(what, "sleep:idle");
	assert_string_equal(mode, "block");
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	fd_close(&f->lock_read);
	f->lock_read = fds[0];
	f->locks++;
	int result = sd_bus_reply_method_return(call, "h", fds[1]);
	fd_close(&fds[1]); // the message has its own
	return result;
}

static const sd_bus_vtable logind_table[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("Inhibit", "ssss", "h", on_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
		SD_BUS_VTABLE_END,
};

// --- the bus

static void write_bus_config(const struct fixture *f, const char *path) {
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
			"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\" "
			"\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\"><busconfig><type>session</type>"
			"<listen>unix:path=%s/bus</listen><policy context=\"default\"><allow user=\"*\"/>"
			"<allow own=\"*\"/><allow send_destination=\"*\" eavesdrop=\"true\"/>"
			"<allow eavesdrop=\"true\"/></policy></busconfig>\n",
			f->folder);
	assert_int_equal(fclose(file), 0);
}

// False: there is no dbus-daemon here, or we are nobody whom it lets in.
static bool start_daemon(struct fixture *f) {
	if (getpwuid(getuid()) == NULL) {
		return false;
	}
	char config[96], address[128], option[128], print[32], line[256];
	int out[2];
	snprintf(config, sizeof(config), "%s/bus.conf", f->folder);
	snprintf(option, sizeof(option), "--config-file=%s", config);
	snprintf(address, sizeof(address), "unix:path=%s/bus", f->folder);
	write_bus_config(f, config);
	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
	assert_int_equal(pipe(out), 0);
	snprintf(print, sizeof(print), "--print-address=%d", out[1]);
	f->daemon = fork();
	if (f->daemon == 0) {
		close(out[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL); // also when a test crashes
		execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", option, print,
				(char *)NULL);
		_exit(127);
	}
	close(out[1]);
	bool ready = read(out[0], line, sizeof(line)) > 0; // once it listens
	close(out[0]);
	return ready;
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	snprintf(f->folder, sizeof(f->folder), "/tmp/es-bus-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->lock_read = -1;
	*state = f;
	assert_int_equal(sd_event_new(&f->event), 0);
	if (!start_daemon(f)) {
		return 0; // each test skips
	}
	assert_true(sd_bus_open_system(&f->bus) >= 0);
	assert_true(sd_bus_attach_event(f->bus, f->event, 0) >= 0);
	assert_true(sd_bus_add_object_vtable(
						f->bus, NULL, "/", "org.freedesktop.Avahi.Server", server_table, f) >= 0);
	for (unsigned i = 1; i <= 2; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/Client0/EntryGroup%u", i);
		assert_true(sd_bus_add_object_vtable(f->bus, NULL, path, GROUP, group_table, f) >= 0);
	}
	assert_true(sd_bus_add_object_vtable(f->bus, NULL, "/org/freedesktop/login1",
						"org.freedesktop.login1.Manager", logind_table, f) >= 0);
	return 0;
}

static int tear_down(void **state) {
	struct fixture *f = *state;
	char path[96];
	if (f->bus != NULL) {
		sd_bus_detach_event(f->bus);
		sd_bus_close_unref(f->bus);
	}
	sd_event_unref(f->event);
	if (f->daemon > 0) {
		kill(f->daemon, SIGKILL);
		waitpid(f->daemon, NULL, 0);
	}
	fd_close(&f->lock_read);
	snprintf(path, sizeof(path), "%s/bus", f->folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/bus.conf", f->folder);
	unlink(path);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static void own(struct fixture *f, const char *name) {
	if (f->bus == NULL) {
		skip();
	}
	assert_true(sd_bus_request_name(f->bus, name, 0) >= 0);
}

// Works until *what, or until it has become clear that it will not be.
static bool works_until(struct fixture *f, const bool *what) {
	for (int i = 0; i < ROUNDS && !*what; i++) {
		sd_event_run(f->event, 10000);
	}
	return *what;
}

static void emit_state(struct fixture *f, const char *path, const char *interface, int32_t state) {
	assert_true(sd_bus_emit_signal(f->bus, path, interface, "StateChanged", "is", state, "") >= 0);
}

// --- tests

static void test_announce(void **state) {
	struct fixture *f = *state;
	own(f, "org.freedesktop.Avahi");
	struct es_discovery *d = discovery_create(f->event, "my box", "0.0.0.0", 47989);
	assert_non_null(d);
	assert_true(works_until(f, &f->committed));
	assert_string_equal(f->name, "my-box");
	assert_int_equal(f->port, 47989);
	assert_int_equal(f->interface, -1);
	assert_int_equal(f->protocol, 0);
	// The machine's name has changed.
	f->committed = false;
	emit_state(f, "/", "org.freedesktop.Avahi.Server", 2);
	assert_true(works_until(f, &f->committed));
	assert_int_equal(f->resets, 1);
	assert_int_equal(f->groups, 1);
	// Somebody else in the network turned out to have that name.
	f->committed = false;
	emit_state(f, "/Client0/EntryGroup1", GROUP, 3);
	assert_true(works_until(f, &f->committed));
	assert_string_equal(f->name, "my-box-2");
	discovery_destroy(d);
}

static void test_local_collision(void **state) {
	struct fixture *f = *state;
	own(f, "org.freedesktop.Avahi");
	f->taken = true;
	struct es_discovery *d = discovery_create(f->event, "box", "127.0.0.1", 1234);
	assert_non_null(d);
	assert_true(works_until(f, &f->committed));
	assert_string_equal(f->name, "box-2");
	assert_int_equal(f->resets, 1);
	assert_true(f->interface > 0); // that of the loopback alone
	discovery_destroy(d);
}

static void test_avahi_comes_and_goes(void **state) {
	struct fixture *f = *state;
	if (f->bus == NULL) {
		skip();
	}
	struct es_discovery *d = discovery_create(f->event, "box", "0.0.0.0", 1);
	assert_non_null(d);
	for (int i = 0; i < 20; i++) {
		sd_event_run(f->event, 10000);
	}
	assert_int_equal(f->groups, 0);
	own(f, "org.freedesktop.Avahi");
	assert_true(works_until(f, &f->committed));
	assert_true(sd_bus_release_name(f->bus, "org.freedesktop.Avahi") >= 0);
	f->committed = false;
	own(f, "org.freedesktop.Avahi");
	assert_true(works_until(f, &f->committed));
	assert_int_equal(f->groups, 2);
	assert_string_equal(f->name, "box");
	discovery_destroy(d);
}

static void test_no_bus(void **state) {
	struct fixture *f = *state;
	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1), 0);
	assert_null(discovery_create(f->event, "box", "0.0.0.0", 1));
	struct es_inhibit *inhibit = inhibit_create(f->event);
	assert_null(inhibit);
	inhibit_set(inhibit, true);
	assert_false(inhibit_is_held(inhibit));
	inhibit_destroy(inhibit);
	discovery_destroy(NULL);
}

static void work_until_held(struct fixture *f, const struct es_inhibit *inhibit) {
	for (int i = 0; i < ROUNDS && !inhibit_is_held(inhibit); i++) {
		sd_event_run(f->event, 10000);
	}
	assert_true(inhibit_is_held(inhibit));
}

static bool is_given_back(const struct fixture *f) {
	struct pollfd end = {.fd = f->lock_read};
	return poll(&end, 1, 0) == 1 && (end.revents & POLLHUP) != 0;
}

// Messages on their way hold the lock, too.
static void work_until_given_back(struct fixture *f) {
	for (int i = 0; i < ROUNDS && !is_given_back(f); i++) {
		sd_event_run(f->event, 10000);
	}
	assert_true(is_given_back(f));
}

static void test_inhibit(void **state) {
	struct fixture *f = *state;
	own(f, "org.freedesktop.login1");
	struct es_inhibit *inhibit = inhibit_create(f->event);
	assert_non_null(inhibit);
	inhibit_set(inhibit, true);
	inhibit_set(inhibit, true);
	work_until_held(f, inhibit);
	assert_int_equal(f->locks, 1);
	assert_false(is_given_back(f));
	inhibit_set(inhibit, false);
	assert_false(inhibit_is_held(inhibit));
	work_until_given_back(f);
	// Given up before the answer came: what comes then is not kept.
	inhibit_set(inhibit, true);
	inhibit_set(inhibit, false);
	for (int i = 0; i < ROUNDS && f->locks < 2; i++) {
		sd_event_run(f->event, 10000);
	}
	assert_int_equal(f->locks, 2);
	work_until_given_back(f);
	assert_false(inhibit_is_held(inhibit));
	inhibit_set(inhibit, true);
	work_until_held(f, inhibit);
	inhibit_destroy(inhibit);
	work_until_given_back(f);
}

static void test_instance_names(void **state) {
	static const struct {
		const char *name;
		unsigned attempt;
		const char *instance;
	} cases[] = {
			{"box", 0, "box"},
			{"My big box", 0, "My-big-box"},
			{"box.local", 0, "box"},
			{"wohnzimmer \xc3\xa4", 0, "wohnzimmer-"},
			{"\xc3\xa4", 0, "earthshine"},
			{"", 0, "earthshine"},
			{"", 1, "earthshine-2"},
			{"box", 1, "box-2"},
			{"box", 9, "box-10"},
			{"0123456789012345678901234567890123456789012345678901234567890123456789", 0,
					"012345678901234567890123456789012345678901234567890123456789012"},
			{"0123456789012345678901234567890123456789012345678901234567890123456789", 1,
					"0123456789012345678901234567890123456789012345678901234567890-2"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char instance[ES_DISCOVERY_NAME_SIZE];
		discovery_instance(cases[i].name, cases[i].attempt, instance);
		assert_string_equal(instance, cases[i].instance);
	}
}

static void test_mac(void **state) {
	char mac[ES_MAC_TEXT_SIZE];
	static const char *const none[] = {"127.0.0.1", "203.0.113.77", "nonsense", "", "::1"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(mac_of_address(none[i], mac));
		assert_string_equal(mac, "00:00:00:00:00:00");
	}
	assert_true(mac_interface_of_address("127.0.0.1") > 0);
	assert_int_equal(mac_interface_of_address("0.0.0.0"), 0);
	assert_int_equal(mac_interface_of_address("nonsense"), 0);
}

int main(void) {
	log_init("test", ES_LOG_ERROR);
	const struct CMUnitTest tests[] = {
			cmocka_unit_test_setup_teardown(test_announce, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_local_collision, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_avahi_comes_and_goes, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_no_bus, set_up, tear_down),
			cmocka_unit_test_setup_teardown(test_inhibit, set_up, tear_down),
			cmocka_unit_test(test_instance_names),
			cmocka_unit_test(test_mac),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
