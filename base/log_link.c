#include "base/log_link.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/link.h"

#define HEADER 2 // level, gap

struct log_link {
	atomic_bool gap;
};

static void on_line(void *data, enum es_log_level level, const char *text) {
	struct log_link *link = data;
	size_t size = strnlen(text, ES_LOG_LINK_TEXT - 1);
	uint8_t message[HEADER + ES_LOG_LINK_TEXT];
	message[0] = (uint8_t)level;
	message[1] = atomic_exchange(&link->gap, false);
	memcpy(message + HEADER, text, size);
	if (link_send(ES_LOG_LINK_FD, message, HEADER + size, NULL, 0) != ES_LINK_OK) {
		atomic_store(&link->gap, true);
	}
}

void log_link_join(void) {
	int type;
	socklen_t size = sizeof(type);
	if (getsockopt(ES_LOG_LINK_FD, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
			type != SOCK_SEQPACKET || !fd_set_cloexec(ES_LOG_LINK_FD, true)) {
		return;
	}
	struct log_link *link = calloc(1, sizeof(*link)); // for as long as the program runs
	if (link != NULL) {
		log_set_tap(on_line, link);
	}
}

bool log_link_parse(struct es_log_link_line *line, const void *data, size_t size) {
	const uint8_t *bytes = data;
	if (size < HEADER || size - HEADER >= sizeof(line->text) || bytes[0] > ES_LOG_DEBUG ||
			bytes[1] > 1) {
		return false;
	}
	line->level = (enum es_log_level)bytes[0];
	line->gap = bytes[1] != 0;
	memcpy(line->text, bytes + HEADER, size - HEADER);
	line->text[size - HEADER] = '\0';
	return true;
}
