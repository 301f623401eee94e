#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/http_state.h"

static void tell_gone(struct es_http_request *request) {
	void (*gone)(void *) = request->upgraded.as.gone;
	request->upgraded.as.gone = NULL;
	if (gone != NULL) {
		gone(request->upgraded.as.data);
	}
}

void http_upgrade_drop(struct es_http_request *request) {
	struct es_http_upgraded *upgraded = &request->upgraded;
	request->hang_up = sd_event_source_disable_unref(request->hang_up);
	upgraded->done = sd_event_source_disable_unref(upgraded->done);
	if (upgraded->handle != NULL) {
		// Duplicates of it see the end, too. The library reads what is left in it, and sends that.
		shutdown(upgraded->fd, SHUT_RDWR);
		MHD_upgrade_action(upgraded->handle, MHD_UPGRADE_ACTION_CLOSE);
		if (request->server->tls) {
			// It looks again only when one of its sockets has news, and may have had the last of those.
			shutdown(request->fd, SHUT_RD);
		}
		upgraded->handle = NULL;
		http_server_kick(request->server);
	}
	tell_gone(request);
}

void http_upgrade_close(struct es_http_request *request) {
	http_upgrade_drop(request);
}

void http_upgrade_finish(struct es_http_request *request) {
	request->upgraded.done = sd_event_source_disable_unref(request->upgraded.done);
	request->upgraded.handle = NULL;
	tell_gone(request);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *data) {
	http_upgrade_drop(data);
	return 0;
}

// Nobody tells the library when the other side of its socket pair was closed: a side that is done shuts
// it down, and that is seen at this end. Over TLS the peer's end is another socket.
static bool watch(struct es_http_request *request) {
	struct es_http_upgraded *upgraded = &request->upgraded;
	if (request->server->tls) {
		http_request_watch(request, on_done);
	}
	return sd_event_add_io(request->server->event, &upgraded->done, upgraded->fd, EPOLLRDHUP,
				   on_done, request) >= 0;
}

static void on_upgrade(void *data, struct MHD_Connection *connection, void *context,
		const char *extra, size_t extra_size, MHD_socket fd,
		struct MHD_UpgradeResponseHandle *handle) {
	struct es_http_request *request = data;
	struct es_http_upgraded *upgraded = &request->upgraded;
	upgraded->handle = handle;
	upgraded->fd = fd;
	// The library took it away when it upgraded; small messages must not wait for acknowledgements.
	int on = 1;
	if (setsockopt(request->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
		es_log(ES_LOG_WARN, "a player's connection may lag: it keeps small messages back");
	}
	int mine = extra_size == 0 ? fd_dup(fd) : -1; // nothing may come before our answer
	if (mine < 0 || !fd_set_nonblock(mine, true) || !watch(request)) {
		fd_close(&mine);
		http_upgrade_drop(request);
		return;
	}
	upgraded->as.open(upgraded->as.data, mine);
}

void http_upgrade(struct es_http_request *request, const struct es_http_upgrade *upgrade) {
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, request);
	if (response != NULL &&
			MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, upgrade->protocol) ==
					MHD_NO) {
		MHD_destroy_response(response);
		response = NULL;
	}
	request->upgraded = (struct es_http_upgraded){.as = *upgrade, .fd = -1};
	http_request_settle(request, MHD_HTTP_SWITCHING_PROTOCOLS, response);
	request->deadline_ns = 0;
	request->state = ES_HTTP_UPGRADED;
}
