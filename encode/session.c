#define _GNU_SOURCE // ppoll
#include "encode/session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/process.h"
#include "encode/encoder.h"
#include "encode/failure.h"
#include "encode/scheduler.h"
#include "encode/unit_maker.h"
#include "protocol/session_msg.h"

struct session {
	int fd; // the link to the host, owned
	void (*give_up_rights)(const struct es_encoder_impl *impl); // NULL: done
	struct es_unit_maker *maker; // owned
	struct es_scheduler *scheduler; // owned
	struct es_failure failure;
	bool done;
	int exit_status;
	struct es_link_packet packet; // too large for the stack of every call
};

// --- to the host

static void send_to_host(struct session *session, const struct es_session_msg *msg) {
	uint8_t bytes[ES_SESSION_MSG_MAX];
	size_t size = session_msg_encode(msg, bytes, sizeof(bytes));
	assert(size > 0);
	link_send(session->fd, bytes, size, NULL, 0);
}

static void send_stats(struct session *session) {
	struct es_session_msg msg = {
			.type = ES_SESSION_ENCODE_STATS,
			.encode_stats = unit_maker_stats(session->maker),
	};
	scheduler_add_stats(session->scheduler, &msg.encode_stats);
	struct es_process_usage usage = process_usage();
	msg.encode_stats.usage.cpu_us = (uint64_t)usage.cpu_us;
	msg.encode_stats.usage.peak_rss_kib = (uint64_t)usage.peak_rss_kib;
	send_to_host(session, &msg);
}

static void end(struct session *session, enum es_end_code code, const char *text) {
	struct es_session_msg msg = {.type = ES_SESSION_END, .end = {.code = code}};
	snprintf(msg.end.text, sizeof(msg.end.text), "%s", text);
	send_stats(session); // the closing repeat, too; nobody will ask any more
	send_to_host(session, &msg);
	session->done = true;
	session->exit_status = code == ES_END_DRAINED ? 0 : 1;
}

// --- from the host

static void handle_attach(struct session *session, enum es_attach_kind kind) {
	if (session->give_up_rights != NULL) {
		failure_set(
				&session->failure, "the host attached a link before it said what to encode with");
		return;
	}
	int fd = link_packet_take_fd(&session->packet, 0);
	if (kind == ES_ATTACH_FRAME) {
		scheduler_attach(session->scheduler, fd);
	} else if (kind == ES_ATTACH_UNIT) {
		unit_maker_attach(session->maker, fd);
	} else {
		fd_close(&fd);
		es_log(ES_LOG_WARN, "an encoder has no use for link kind %d", (int)kind);
	}
}

static void start(struct session *session, const struct es_session_msg *msg) {
	const struct es_encoder_impl *impl =
			encoder_find(msg->start_encode.encoder, msg->start_encode.codec);
	if (impl != NULL && session->give_up_rights != NULL) {
		session->give_up_rights(impl); // before drivers start threads
		session->give_up_rights = NULL;
	}
	if (!unit_maker_start(session->maker, msg)) {
		return;
	}
	scheduler_set_keepalive(session->scheduler, msg->start_encode.keepalive_ms);
	send_to_host(session, &(struct es_session_msg){.type = ES_SESSION_READY});
}

static void handle_message(struct session *session, const struct es_session_msg *msg) {
	switch (msg->type) {
	case ES_SESSION_START_ENCODE:
		start(session, msg);
		return;
	case ES_SESSION_ATTACH:
		handle_attach(session, msg->attach.kind);
		return;
	case ES_SESSION_DETACH:
		scheduler_detach(session->scheduler);
		unit_maker_detach(session->maker);
		return;
	case ES_SESSION_BITRATE:
		unit_maker_set_bitrate(session->maker, msg->bitrate.kbps);
		return;
	case ES_SESSION_IDR:
		unit_maker_ask_idr(session->maker);
		return;
	case ES_SESSION_STATS:
		send_stats(session);
		return;
	case ES_SESSION_DRAIN:
		scheduler_drain(session->scheduler);
		return;
	default:
		es_log(ES_LOG_WARN, "the host sent message %d, which is not for an encoder",
				(int)msg->type);
		return;
	}
}

static void dispatch_host(struct session *session) {
	while (!session->done && !session->failure.happened) {
		enum es_link_result result = link_recv(session->fd, &session->packet);
		if (result == ES_LINK_AGAIN) {
			return;
		}
		struct es_session_msg msg;
		struct es_link_packet *packet = &session->packet;
		if (result != ES_LINK_OK) {
			session->done = true; // the host is gone
		} else if (session_msg_decode(&msg, packet->data, packet->size, packet->n_fds)) {
			handle_message(session, &msg);
		} else {
			failure_set(&session->failure, "the host sent something that is not a session message");
		}
		link_packet_finish(packet);
	}
}

// --- the loop

static void wait_for_events(struct session *session) {
	struct pollfd items[1 + ES_SCHEDULER_FDS] = {{.fd = session->fd, .events = POLLIN}};
	scheduler_fill_pollfds(session->scheduler, &items[1]);
	int64_t wake = scheduler_wake_ns(session->scheduler);
	struct timespec timeout = {0};
	if (wake >= 0) {
		int64_t left = wake - clock_now_ns();
		left = left > 0 ? left : 0;
		timeout = (struct timespec){.tv_sec = left / ES_NS_PER_S, .tv_nsec = left % ES_NS_PER_S};
	}
	if (ppoll(items, 1 + ES_SCHEDULER_FDS, wake >= 0 ? &timeout : NULL, NULL) < 0) {
		if (errno != EINTR) {
			failure_set(&session->failure, "cannot wait for messages: %s", strerror(errno));
		}
		return;
	}
	if (items[0].revents != 0) {
		dispatch_host(session);
	}
	scheduler_dispatch(session->scheduler, &items[1]);
}

static void run(struct session *session) {
	while (!session->done) {
		wait_for_events(session);
		if (!session->done && !session->failure.happened) {
			scheduler_work(session->scheduler);
		}
		if (session->failure.happened) {
			end(session, ES_END_FAILED, session->failure.text);
		} else if (scheduler_drained(session->scheduler)) {
			end(session, ES_END_DRAINED, "");
		}
	}
}

int session_run(int session_fd, void (*give_up_rights)(const struct es_encoder_impl *impl)) {
	struct session session = {.fd = session_fd, .give_up_rights = give_up_rights, .exit_status = 1};
	session.maker = unit_maker_create(&session.failure);
	session.scheduler = scheduler_create(session.maker, &session.failure);
	if (session.maker != NULL && session.scheduler != NULL) {
		session.exit_status = 0;
		run(&session);
	} else {
		es_log(ES_LOG_ERROR, "cannot start: out of memory");
	}
	scheduler_destroy(session.scheduler);
	unit_maker_destroy(session.maker);
	fd_close(&session.fd);
	return session.exit_status;
}
