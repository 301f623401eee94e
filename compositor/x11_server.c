#define _GNU_SOURCE // pipe2, SOCK_CLOEXEC
#include "compositor/x11_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "compositor/spawner.h"

#define RESTART_S 5 // one that ends sooner after its start is not started again

struct es_x11_server {
	struct wlr_xwayland_server *wlr; // owned
	struct es_spawner *spawner; // borrowed
	struct wl_event_source *waiting[2]; // owned: for the first app, on each of the sockets
	struct wl_event_source *starting; // owned: until it is ready
	int ready_fd; // owned: it tells
	struct wl_listener client_gone;
};

static bool wait_for_app(struct es_x11_server *server);

static void remove_source(struct wl_event_source **source) {
	if (*source != NULL) {
		wl_event_source_remove(*source);
		*source = NULL;
	}
}

static void stop_waiting(struct es_x11_server *server) {
	remove_source(&server->waiting[0]);
	remove_source(&server->waiting[1]);
}

// It ends by itself when its connections do.
static void forget_process(struct es_x11_server *server) {
	struct wlr_xwayland_server *wlr = server->wlr;
	remove_source(&server->starting);
	fd_close(&server->ready_fd);
	if (wlr->client != NULL) {
		wl_list_remove(&server->client_gone.link);
		wl_client_destroy(wlr->client);
		wlr->client = NULL;
	}
	for (int i = 0; i < 2; i++) {
		fd_close(&wlr->wl_fd[i]);
		fd_close(&wlr->wm_fd[i]);
	}
	wlr->pid = 0;
	wlr->ready = false;
}

static void handle_client_gone(struct wl_listener *listener, void *data) {
	struct es_x11_server *server = wl_container_of(listener, server, client_gone);
	wl_list_remove(&server->client_gone.link);
	server->wlr->client = NULL;
	if (server->starting != NULL) {
		return; // the end of its messages tells
	}
	bool lasted = time(NULL) - server->wlr->server_start > RESTART_S;
	forget_process(server);
	if (!lasted || !wait_for_app(server)) {
		es_log(ES_LOG_WARN, "no more X11 apps: Xwayland has ended at once");
	}
}

static int handle_ready(int fd, uint32_t mask, void *data) {
	struct es_x11_server *server = data;
	char text[64];
	ssize_t n = (mask & WL_EVENT_READABLE) != 0 ? read(fd, text, sizeof(text)) : 0;
	if (n > 0 && text[n - 1] != '\n') {
		return 0; // it writes in two parts, and ends if nobody reads the second
	}
	if (n < 0 && errno == EINTR) {
		return 0;
	}
	remove_source(&server->starting);
	fd_close(&server->ready_fd);
	if (n <= 0 || server->wlr->client == NULL) {
		es_log(ES_LOG_WARN, "no X11 apps: Xwayland does not start");
		forget_process(server);
		return 0;
	}
	server->wlr->ready = true;
	struct wlr_xwayland_server_ready_event event = {
			.server = server->wlr, .wm_fd = server->wlr->wm_fd[0]};
	wl_signal_emit_mutable(&server->wlr->events.ready, &event);
	return 0;
}

static bool connect_client(struct es_x11_server *server) {
	struct wlr_xwayland_server *wlr = server->wlr;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wlr->wl_fd) != 0 ||
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wlr->wm_fd) != 0) {
		return false;
	}
	wlr->client = wl_client_create(wlr->wl_display, wlr->wl_fd[0]);
	if (wlr->client == NULL) {
		return false;
	}
	wlr->wl_fd[0] = -1; // the client's
	server->client_gone.notify = handle_client_gone;
	wl_client_add_destroy_listener(wlr->client, &server->client_gone);
	return true;
}

static bool start_process(struct es_x11_server *server) {
	struct wlr_xwayland_server *wlr = server->wlr;
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		return false;
	}
	server->ready_fd = pipe_fds[0];
	server->starting = wl_event_loop_add_fd(wl_display_get_event_loop(wlr->wl_display), pipe_fds[0],
			WL_EVENT_READABLE, handle_ready, server);
	wl_signal_emit_mutable(&wlr->events.start, NULL);
	const char *const texts[] = {wlr->display_name, NULL};
	const int fds[] = {wlr->x_fd[0], wlr->x_fd[1], wlr->wl_fd[1], wlr->wm_fd[1], pipe_fds[1]};
	wlr->pid = spawner_start(server->spawner, ES_PROGRAM_XWAYLAND, texts, fds, 5);
	int error = errno;
	fd_close(&pipe_fds[1]);
	fd_close(&wlr->wl_fd[1]);
	fd_close(&wlr->wm_fd[1]);
	errno = error;
	return server->starting != NULL && wlr->pid > 0;
}

static int handle_app(int fd, uint32_t mask, void *data) {
	struct es_x11_server *server = data;
	stop_waiting(server);
	server->wlr->server_start = time(NULL);
	if (!connect_client(server) || !start_process(server)) {
		es_log(ES_LOG_WARN, "no X11 apps: Xwayland cannot be started: %s", strerror(errno));
		forget_process(server);
	}
	return 0;
}

static bool wait_for_app(struct es_x11_server *server) {
	struct wl_event_loop *loop = wl_display_get_event_loop(server->wlr->wl_display);
	for (int i = 0; i < 2; i++) {
		server->waiting[i] = wl_event_loop_add_fd(
				loop, server->wlr->x_fd[i], WL_EVENT_READABLE, handle_app, server);
		if (server->waiting[i] == NULL) {
			return false;
		}
	}
	return true;
}

struct es_x11_server *x11_server_create(struct wl_display *display, struct es_spawner *spawner) {
	struct es_x11_server *server = calloc(1, sizeof(*server));
	struct wlr_xwayland_server_options options = {
			.lazy = true, .enable_wm = true, .terminate_delay = 10};
	if (server == NULL) {
		return NULL;
	}
	server->spawner = spawner;
	server->ready_fd = -1;
	server->wlr = wlr_xwayland_server_create(display, &options);
	if (server->wlr == NULL) {
		free(server);
		return NULL;
	}
	// It would start one as a child of ours.
	remove_source(&server->wlr->x_fd_read_event[0]);
	remove_source(&server->wlr->x_fd_read_event[1]);
	if (!wait_for_app(server)) {
		x11_server_destroy(server);
		return NULL;
	}
	return server;
}

void x11_server_destroy(struct es_x11_server *server) {
	if (server == NULL) {
		return;
	}
	stop_waiting(server);
	forget_process(server);
	wlr_xwayland_server_destroy(server->wlr);
	free(server);
}

struct wlr_xwayland_server *x11_server_wlr(struct es_x11_server *server) {
	return server->wlr;
}
