#include "host/doctor_seat.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-login.h>

#include "base/fd.h"
#include "host/findings.h"

#define SEATD_SOCKET "/run/seatd.sock"
#define SEAT_REMEDY \
	"only needed for local-devices (earthshine(5)): install and start seatd, and add yourself to its " \
	"group, which `ls -l " SEATD_SOCKET "` shows"

static int connect_to(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path)) {
		return ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	int error = ok ? 0 : errno;
	fd_close(&fd);
	return error;
}

// logind's answer is for those who are logged in at a seat. False: we are not.
static bool find_login(struct es_findings *findings) {
	char *session = NULL, *seat = NULL;
	bool found = sd_pid_get_session(0, &session) >= 0 && sd_session_get_seat(session, &seat) >= 0;
	if (found) {
		findings_add(
				findings, "seat manager", true, NULL, "logind: session %s at %s", session, seat);
	}
	free(session);
	free(seat);
	return found;
}

void doctor_check_seat(struct es_findings *findings) {
	const char *path = getenv("SEATD_SOCK");
	path = path != NULL && path[0] != '\0' ? path : SEATD_SOCKET;
	int error = connect_to(path);
	if (error == 0) {
		findings_add(findings, "seat manager", true, NULL, "seatd: %s", path);
	} else if (!find_login(findings)) {
		findings_add(findings, "seat manager", false, SEAT_REMEDY, "%s: %s", path, strerror(error));
	}
}
