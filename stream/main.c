// earthshine-stream: what the viewer gets. Its host hands it an output or sockets, and encoders to read
// from; it opens nothing itself.
#include <libavutil/log.h>
#include <signal.h>
#include <string.h>

#include "base/confine.h"
#include "base/fd.h"
#include "base/link.h"
#include "base/log.h"
#include "base/log_link.h"
#include "base/process.h"
#include "protocol/session_msg.h"
#include "stream/rights.h"
#include "stream/streamer.h"

// libavformat's own messages: what matters of them is in ours, but for the words before it aborts.
static void on_av_log(void *context, int level, const char *format, va_list args) {
	enum es_log_level ours = level <= AV_LOG_PANIC ? ES_LOG_ERROR : ES_LOG_DEBUG;
	if (level > AV_LOG_ERROR || !log_enabled(ours)) {
		return;
	}
	char line[512];
	int prefix = 1;
	av_log_format_line(context, level, format, args, line, sizeof(line), &prefix);
	size_t length = strcspn(line, "\n");
	es_log(ours, "libavformat: %.*s", (int)length, line);
}

// A full disk or a reader that has gone must come back as an error from write. Ctrl-C reaches the
// whole terminal's process group: the host alone decides what it means.
static void ignore_signals(void) {
	static const int signals[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		signal(signals[i], SIG_IGN);
	}
}

int main(int argc, char **argv) {
	log_init("earthshine-stream", log_level_from_env(ES_LOG_WARN));
	if (!fd_set_cloexec(ES_SESSION_FD, true) || !fd_set_nonblock(ES_SESSION_FD, true)) {
		es_log(ES_LOG_ERROR,
				"file descriptor %d is not a session link; use `earthshine run` or `serve`, which start "
				"this program",
				ES_SESSION_FD);
		return 2;
	}
	log_link_join();
	ignore_signals();
	av_log_set_callback(on_av_log);
	struct es_streamer *streamer = streamer_create(ES_SESSION_FD);
	if (streamer == NULL) {
		return 1;
	}
	process_keep_usage();
	confine(&stream_rights);
	int status = streamer_run(streamer);
	streamer_destroy(streamer);
	return status;
}
