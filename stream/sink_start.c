#include "stream/sink_start.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "protocol/crypto.h"
#include "stream/sink_file.h"
#include "stream/sink_gamestream.h"
#include "stream/sink_player.h"

const char *sink_start_output(const struct es_session_msg *message) {
	const char *path = message->start_stream.path;
	return strcmp(path, "-") == 0 ? "standard output" : path;
}

static struct es_sink *start_file(
		const struct es_session_msg *message, int fd, char *error, size_t cap) {
	const char *output = sink_start_output(message);
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		snprintf(error, cap, "cannot write %.300s: it is open for reading only", output);
		fd_close(&fd);
		return NULL;
	}
	return sink_file_create(
			fd, message->start_stream.container, output, message->start_stream.audio_channels);
}

static struct es_sink *start_gamestream(struct es_session_msg *message,
		struct es_link_packet *packet, struct _ENetHost **control_host, char *error, size_t cap) {
	struct es_gamestream_sockets sockets = {
			.video = link_packet_take_fd(packet, 0),
			.control = link_packet_take_fd(packet, 2),
			.audio = link_packet_take_fd(packet, 1),
			.control_host = *control_host,
	};
	*control_host = NULL; // the sink's
	struct es_sink *sink = sink_gamestream_create(&message->start_gamestream, &sockets, error, cap);
	crypto_wipe(message, sizeof(*message));
	crypto_wipe(packet->data, sizeof(packet->data));
	return sink;
}

struct es_sink *sink_start(struct es_session_msg *message, struct es_link_packet *packet,
		struct _ENetHost **control_host, char *error, size_t cap) {
	snprintf(error, cap, "out of memory");
	switch (message->type) {
	case ES_SESSION_START_STREAM:
		return start_file(message, link_packet_take_fd(packet, 0), error, cap);
	case ES_SESSION_START_PLAYER:
		return sink_player_create(message, link_packet_take_fd(packet, 0), error, cap);
	default:
		return start_gamestream(message, packet, control_host, error, cap);
	}
}
