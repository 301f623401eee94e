#define _GNU_SOURCE
#include "host/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "host/api_host.h"
#include "host/apps_store.h"
#include "host/clients.h"
#include "host/containment.h"
#include "host/control_socket.h"
#include "host/discovery.h"
#include "host/events.h"
#include "host/gamestream.h"
#include "host/identity.h"
#include "host/inhibit.h"
#include "host/log_ring.h"
#include "host/news.h"
#include "host/login.h"
#include "host/meter.h"
#include "host/metrics.h"
#include "host/metrics_door.h"
#include "host/pairing_desk.h"
#include "host/play.h"
#include "host/recorder.h"
#include "host/play_web.h"
#include "host/serve_options.h"
#include "host/settings.h"
#include "host/settings_store.h"
#include "host/state_file.h"
#include "host/web_address.h"
#include "host/web_server.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2

struct serve {
	const struct es_serve_options *options; // borrowed
	sd_event *event;
	struct es_settings *settings;
	int state_fd;
	struct es_identity identity;
	char unique_id[ES_UNIQUE_ID_SIZE];
	struct es_clients *clients;
	struct es_ports ports; // fds: the doors', once these stand
	struct es_plays *plays;
	struct es_containment *containment;
	struct es_pairing_desk *desk;
	struct es_gamestream *gamestream;
	struct es_apps_store *apps;
	struct es_settings_store *settings_store;
	struct es_log_ring *log;
	struct es_events *events;
	struct es_news *news;
	struct es_api_busy busy;
	struct es_api_host api;
	struct es_control_socket *control;
	struct es_login *login;
	struct es_web_server *web; // NULL: there is no console
	struct es_metrics_door *metrics; // NULL: nobody asks
	struct es_meter *meter;
	struct es_recorder *recorder; // NULL: there is no folder for it
	struct es_discovery *discovery; // NULL: not announced
	struct es_inhibit *inhibit; // NULL: there is nobody to ask
	unsigned end_signals;
	bool draining;
};

// --- settings

static struct es_settings *load_settings(
		const struct es_serve_options *options, char *error, size_t cap) {
	struct es_settings *settings = settings_load(options->config, error, cap);
	if (settings == NULL) {
		return NULL;
	}
	if (options->port_given) {
		settings->port = options->port;
		settings_fix(settings, "port");
	}
	if (options->name != NULL) {
		char *name = strdup(options->name);
		if (name == NULL) {
			snprintf(error, cap, "out of memory");
			settings_destroy(settings);
			return NULL;
		}
		free(settings->name);
		settings->name = name;
		settings_fix(settings, "name");
	}
	return settings;
}

// --- what the system is told

static void announce(struct serve *serve) {
	discovery_destroy(serve->discovery);
	serve->discovery = NULL;
	if (serve->settings->announce) {
		serve->discovery = discovery_create(
				serve->event, serve->settings->name, serve->settings->address, serve->ports.http);
	}
}

// The machine stays awake while somebody plays, not while an app waits for its player.
static void on_plays_change(void *data) {
	struct serve *serve = data;
	bool played = false;
	for (size_t i = 0; i < plays_count(serve->plays); i++) {
		struct es_play_info info;
		play_info(plays_at(serve->plays, i), &info);
		played = played || info.state == ES_PLAY_NEGOTIATED || info.state == ES_PLAY_PLAYING;
	}
	inhibit_set(serve->inhibit, played && serve->settings->inhibit_sleep);
	news_tell(serve->news, ES_EVENT_SESSION);
}

static void take_settings(struct serve *serve, struct es_settings *fresh) {
	settings_store_merge(serve->settings_store, fresh);
	apps_store_merge(serve->apps, fresh);
	if (fresh->port != serve->settings->port ||
			strcmp(fresh->address, serve->settings->address) != 0) {
		es_log(ES_LOG_WARN, "another address or port counts from the next start of the host");
	}
	plays_set_settings(serve->plays, fresh);
	gamestream_set_settings(serve->gamestream, fresh);
	serve->api.settings = fresh;
	web_server_set_settings(serve->web, fresh);
	bool moved = strcmp(fresh->name, serve->settings->name) != 0 ||
			fresh->announce != serve->settings->announce;
	settings_destroy(serve->settings);
	serve->settings = fresh;
	on_plays_change(serve);
	if (moved) {
		announce(serve);
	}
	news_tell(serve->news, ES_EVENT_APPS);
	news_tell(serve->news, ES_EVENT_SETTINGS);
}

static bool reload(void *data, char *error, size_t cap) {
	struct serve *serve = data;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_now_ns() / ES_NS_PER_US);
	struct es_settings *fresh = load_settings(serve->options, error, cap);
	if (fresh != NULL) {
		take_settings(serve, fresh);
	}
	sd_notify(0, "READY=1");
	return fresh != NULL;
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *info, void *data) {
	struct serve *serve = data;
	char error[ES_SETTINGS_ERROR_MAX];
	if (reload(serve, error, sizeof(error))) {
		es_log(ES_LOG_INFO, "the settings were read again: %zu apps", serve->settings->n_apps);
	} else {
		es_log(ES_LOG_ERROR, "%s", error);
		es_log(ES_LOG_ERROR, "the settings stay as they were");
	}
	return 0;
}

// --- the end

static void on_drained(void *data) {
	struct serve *serve = data;
	sd_event_exit(serve->event, 0);
}

static void drain(void *data) {
	struct serve *serve = data;
	if (!serve->draining) {
		serve->draining = true;
		sd_notify(0, "STOPPING=1");
		plays_drain(serve->plays, on_drained, serve);
	}
}

static bool is_draining(void *data) {
	return ((struct serve *)data)->draining;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *data) {
	struct serve *serve = data;
	if (serve->end_signals++ > 0) {
		sd_event_exit(serve->event, EXIT_FAILED);
		return 0;
	}
	es_log(ES_LOG_INFO, "%s: ending all sessions; once more ends them at once",
			strsignal((int)info->ssi_signo));
	drain(serve);
	return 0;
}

static bool watch_signals(struct serve *serve) {
	static const int ending[] = {SIGTERM, SIGINT, SIGQUIT};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		sigaddset(&set, ending[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
			signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
			sd_event_add_signal(serve->event, NULL, SIGHUP, on_hup, serve) < 0) {
		return false;
	}
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		if (sd_event_add_signal(serve->event, NULL, ending[i], on_end, serve) < 0) {
			return false;
		}
	}
	return true;
}

// --- the start

// Keys are in this process: no other one of the user may look into it, nor a core file hold it.
static bool harden(void) {
	process_raise_nofile();
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && process_become_subreaper();
}

static bool open_state(struct serve *serve, char *error, size_t cap) {
	serve->state_fd = state_dir_open(error, cap);
	if (serve->state_fd < 0 || !state_dir_lock(serve->state_fd, error, cap) ||
			!identity_open(serve->state_fd, &serve->identity, serve->unique_id, error, cap)) {
		return false;
	}
	serve->clients = clients_load(serve->state_fd, error, cap);
	serve->apps = serve->clients != NULL ? apps_store_load(serve->state_fd, error, cap) : NULL;
	serve->settings_store =
			serve->apps != NULL ? settings_store_load(serve->state_fd, error, cap) : NULL;
	if (serve->settings_store == NULL) {
		return false;
	}
	settings_store_merge(serve->settings_store, serve->settings);
	apps_store_merge(serve->apps, serve->settings);
	return true;
}

static bool open_console(struct serve *serve) {
	char error[1024];
	serve->login = login_create(serve->event, serve->state_fd, error, sizeof(error));
	if (serve->login == NULL) {
		es_log(ES_LOG_ERROR, "%s", error);
		return false;
	}
	serve->api.login = serve->login;
	if (serve->ports.console_fd < 0) {
		return true;
	}
	struct es_web_params params = {
			.event = serve->event,
			.settings = serve->settings,
			.identity = &serve->identity,
			.api = &serve->api,
			.login = serve->login,
			.listen_fd = serve->ports.console_fd,
			.root = serve->options->web_root,
	};
	serve->ports.console_fd = -1;
	serve->web = web_server_create(&params);
	web_server_on_player(serve->web,
			&(struct es_web_player){
					.admit = play_web_admit, .open = play_web_open, .data = serve->plays});
	return serve->web != NULL;
}

static void contain_apps(struct serve *serve) {
	serve->containment = containment_create();
	const char *missing =
			serve->containment != NULL ? containment_missing(serve->containment) : "out of memory";
	if (missing != NULL) {
		es_log(ES_LOG_WARN,
				"apps are not contained: they may open the control socket and the host's state, and so "
				"all that the console can do: %s",
				missing);
	}
	plays_contain(serve->plays, serve->containment);
}

static const char *why_unready(void *data) {
	const struct serve *serve = data;
	if (serve->draining) {
		return "the host takes no new sessions\n";
	}
	return plays_probed(serve->plays) ? NULL : "the encoders are still being tried\n";
}

static char *tell_metrics(void *data, bool openmetrics, size_t *size) {
	const struct serve *serve = data;
	return metrics_text(serve->meter, serve->plays, serve->recorder, openmetrics, size);
}

static bool open_metrics(struct serve *serve) {
	const struct es_metrics_door_params params = {
			.event = serve->event,
			.address = serve->settings->metrics_address,
			.port = serve->settings->metrics_port,
			.unready = why_unready,
			.metrics = tell_metrics,
			.data = serve,
	};
	serve->metrics = params.address != NULL ? metrics_door_create(&params) : NULL;
	return serve->metrics != NULL || params.address == NULL;
}

// --- statistics

static void on_window(void *data, const struct es_window *window) {
	struct serve *serve = data;
	if (serve->recorder != NULL) {
		recorder_take(serve->recorder, window);
	}
}

static void on_figures(void *data, const struct es_play *play) {
	struct serve *serve = data;
	struct es_play_info info;
	play_info(play, &info);
	meter_hear(serve->meter, &info, clock_now_ns());
}

static void on_frames(void *data, const struct es_play *play, const struct es_frame_row *rows,
		size_t n, uint32_t dropped) {
	struct serve *serve = data;
	struct es_play_info info;
	play_info(play, &info);
	if (serve->recorder != NULL) {
		recorder_take_frames(serve->recorder, info.id, rows, n, dropped);
	}
}

static void on_recorder_change(void *data) {
	struct serve *serve = data;
	struct es_recorder_state state;
	recorder_state(serve->recorder, &state);
	plays_want_frames(serve->plays, state.armed && state.frames);
	news_tell(serve->news, ES_EVENT_CAPTURE);
}

static bool open_statistics(struct serve *serve) {
	const struct es_plays_watch watch = {.figures = on_figures, .frames = on_frames, .data = serve};
	char error[1024];
	serve->meter = meter_create();
	if (serve->meter == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		return false;
	}
	serve->recorder = recorder_create(serve->state_fd, error, sizeof(error));
	serve->api.recorder = serve->recorder;
	if (serve->recorder != NULL) {
		recorder_on_change(serve->recorder, on_recorder_change, serve);
	} else {
		es_log(ES_LOG_WARN, "statistics cannot be recorded: %s", error);
	}
	meter_on_window(serve->meter, on_window, serve);
	plays_watch(serve->plays, &watch);
	return true;
}

static bool open_doors(struct serve *serve) {
	serve->plays = plays_create(serve->event, serve->settings);
	if (serve->plays == NULL) {
		return false;
	}
	contain_apps(serve);
	serve->desk = pairing_desk_create(serve->event, serve->clients, &serve->identity);
	if (serve->desk == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		return false;
	}
	struct es_gamestream_params doors = {
			.event = serve->event,
			.settings = serve->settings,
			.identity = &serve->identity,
			.unique_id = serve->unique_id,
			.clients = serve->clients,
			.desk = serve->desk,
			.plays = serve->plays,
			.ports = &serve->ports,
	};
	serve->gamestream = gamestream_create(&doors);
	serve->ports.http_fd = serve->ports.https_fd = serve->ports.rtsp_fd = -1;
	if (serve->gamestream == NULL) {
		return false;
	}
	serve->api = (struct es_api_host){
			.event = serve->event,
			.settings = serve->settings,
			.clients = serve->clients,
			.desk = serve->desk,
			.plays = serve->plays,
			.gamestream = serve->gamestream,
			.events = serve->events,
			.log = serve->log,
			.apps = serve->apps,
			.settings_store = serve->settings_store,
			.identity = &serve->identity,
			.unique_id = serve->unique_id,
			.ports = &serve->ports,
			.busy = &serve->busy,
			.state_fd = serve->state_fd,
			.drain = drain,
			.draining = is_draining,
			.reload = reload,
			.serve = serve,
	};
	serve->api.news = serve->news = news_create(&serve->api);
	if (serve->news == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		return false;
	}
	if (!open_statistics(serve)) {
		return false;
	}
	serve->control = control_socket_create(&serve->api);
	if (serve->control == NULL) {
		return false;
	}
	if (!open_console(serve) || !open_metrics(serve)) {
		return false;
	}
	serve->inhibit = inhibit_create(serve->event);
	plays_on_change(serve->plays, on_plays_change, serve);
	announce(serve);
	return true;
}

static bool start_all(struct serve *serve) {
	char error[1024] = "";
	if (sd_event_default(&serve->event) < 0 || !watch_signals(serve) || !harden()) {
		es_log(ES_LOG_ERROR, "cannot start: %s", strerror(errno));
		return false;
	}
	serve->settings = load_settings(serve->options, error, sizeof(error));
	if (serve->settings == NULL) {
		es_log(ES_LOG_ERROR, "%s", error);
		return false;
	}
	serve->events = events_create();
	if (serve->events == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		return false;
	}
	if (!ports_open(&serve->ports, serve->settings->address, serve->settings->port,
				&serve->settings->console, error, sizeof(error)) ||
			!open_state(serve, error, sizeof(error))) {
		es_log(ES_LOG_ERROR, "%s", error);
		return false;
	}
	return open_doors(serve);
}

// What is made at the start is ours alone; the apps get the mask that we were given.
static bool start(struct serve *serve) {
	mode_t before = umask(077);
	bool ok = start_all(serve);
	umask(before);
	return ok;
}

// A secret is for the terminal alone, where whoever has started the host reads it: no log gets it.
static void tell_console(const struct serve *serve) {
	char addresses[ES_WEB_MAX_ADDRESSES][ES_WEB_ADDRESS_SIZE];
	const char *setup = login_setup(serve->login);
	if (serve->web == NULL ||
			web_address_list(serve->settings, serve->ports.console, addresses) == 0) {
		return;
	}
	if (setup == NULL) {
		es_log(ES_LOG_INFO, "the console is at %s", addresses[0]);
	} else if (isatty(STDOUT_FILENO)) {
		printf("To open the console, follow this link, which is good once: %s#setup=%s\n",
				addresses[0], setup);
		fflush(stdout);
	} else {
		es_log(ES_LOG_INFO,
				"the console is at %s; its first link, which is good once, is printed by: earthshine "
				"console",
				addresses[0]);
	}
}

static void tell_ready(const struct serve *serve) {
	const struct es_ports *ports = &serve->ports;
	es_log(ES_LOG_INFO,
			"'%s' serves on %s, ports %u (HTTP), %u (HTTPS), %u (RTSP); %zu apps, %zu paired clients",
			serve->settings->name, serve->settings->address, ports->http, ports->https, ports->rtsp,
			serve->settings->n_apps, clients_count(serve->clients));
	if (clients_count(serve->clients) == 0) {
		es_log(ES_LOG_INFO,
				"to pair a device, choose this host in Moonlight, then enter the PIN that it "
				"shows: earthshine pair PIN");
	}
	tell_console(serve);
	sd_notifyf(0, "READY=1\nSTATUS=Ports %u (HTTP), %u (HTTPS), %u (RTSP)", ports->http,
			ports->https, ports->rtsp);
	int fd = serve->options->ready_fd;
	if (fd < 0) {
		return;
	}
	char console[32] = "", metrics[32] = "";
	if (serve->web != NULL) {
		snprintf(console, sizeof(console), " CONSOLE=%u", ports->console);
	}
	if (serve->metrics != NULL) {
		snprintf(metrics, sizeof(metrics), " METRICS=%u", metrics_door_port(serve->metrics));
	}
	if (dprintf(fd, "HTTP=%u HTTPS=%u RTSP=%u%s%s\n", ports->http, ports->https, ports->rtsp,
				console, metrics) < 0) {
		es_log(ES_LOG_WARN, "cannot tell file descriptor %d that the host is ready: %s", fd,
				strerror(errno));
	}
	if (fd > STDERR_FILENO) {
		close(fd);
	}
}

static void finish(struct serve *serve) {
	discovery_destroy(serve->discovery);
	metrics_door_destroy(serve->metrics);
	web_server_destroy(serve->web);
	control_socket_destroy(serve->control);
	news_destroy(serve->news);
	login_destroy(serve->login);
	gamestream_destroy(serve->gamestream);
	pairing_desk_destroy(serve->desk);
	plays_destroy(serve->plays);
	recorder_destroy(serve->recorder);
	meter_destroy(serve->meter);
	containment_destroy(serve->containment);
	inhibit_destroy(serve->inhibit);
	ports_close(&serve->ports);
	clients_destroy(serve->clients);
	identity_wipe(&serve->identity);
	fd_close(&serve->state_fd);
	apps_store_destroy(serve->apps);
	settings_store_destroy(serve->settings_store);
	settings_destroy(serve->settings);
	events_destroy(serve->events);
	log_ring_destroy(serve->log);
	sd_event_unref(serve->event);
}

static int run(const struct es_serve_options *options) {
	struct serve *serve = calloc(1, sizeof(*serve));
	if (serve == NULL) {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
		return EXIT_FAILED;
	}
	serve->options = options;
	serve->state_fd = -1;
	serve->ports =
			(struct es_ports){.http_fd = -1, .https_fd = -1, .rtsp_fd = -1, .console_fd = -1};
	int status = EXIT_FAILED;
	serve->log = log_ring_create();
	if (serve->log != NULL && start(serve)) {
		sd_event_set_watchdog(serve->event, 1);
		tell_ready(serve);
		status = sd_event_loop(serve->event);
		if (status < 0) {
			es_log(ES_LOG_ERROR, "the event loop failed: %s", strerror(-status));
			status = EXIT_FAILED;
		}
	}
	finish(serve);
	free(serve);
	return status;
}

// The rooms take their level from the environment.
static void settle_log_level(const struct es_serve_options *options) {
	if (options->quiet || options->verbose) {
		setenv("EARTHSHINE_LOG", options->quiet ? "error" : "debug", 1);
		log_init("earthshine", options->quiet ? ES_LOG_ERROR : ES_LOG_DEBUG);
	}
}

int serve_command(int argc, char **argv) {
	struct es_serve_options options;
	char error[512];
	if (!serve_options_parse(&options, argc, argv, error, sizeof(error))) {
		es_log(ES_LOG_ERROR, "%s", error);
		es_log(ES_LOG_ERROR, "see `earthshine serve --help`");
		return EXIT_USAGE;
	}
	if (options.help) {
		serve_options_print_help(stdout);
		return 0;
	}
	settle_log_level(&options);
	if (options.ready_fd > STDERR_FILENO) {
		fd_set_cloexec(options.ready_fd, true);
	}
	return run(&options);
}
