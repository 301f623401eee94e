#define _GNU_SOURCE
#include "host/doctor_serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/command_check.h"
#include "host/media_ports.h"
#include "host/settings.h"
#include "host/state_file.h"

#define BUS_TIMEOUT_US 1000000
#define AVAHI_REMEDY \
	"only needed to be found by itself: install avahi-daemon and start it (systemctl enable --now " \
	"avahi-daemon), or type this machine's address in Moonlight"

struct ports {
	unsigned https, http, rtsp; // TCP
	unsigned first, last; // UDP
};

static struct ports ports_of(const struct es_settings *settings) {
	const unsigned base = settings->port;
	return (struct ports){
			.https = base - 5,
			.http = base,
			.rtsp = base + 21,
			.first = base + ES_MEDIA_PORTS_FIRST,
			.last = base + ES_MEDIA_PORTS_FIRST + ES_MEDIA_COUNT - 1 +
					ES_MEDIA_PORTS_STEP * (settings->max_sessions - 1),
	};
}

static void check_firewall(struct es_findings *findings, const struct ports *p) {
	bool any = false;
	if (command_check("firewall-cmd") == 0) {
		any = true;
		findings_add(findings, "firewalld", true, NULL,
				"if it is on: firewall-cmd --permanent --add-port=%u/tcp --add-port=%u/tcp "
				"--add-port=%u/tcp --add-port=%u-%u/udp && firewall-cmd --reload",
				p->https, p->http, p->rtsp, p->first, p->last);
	}
	if (command_check("ufw") == 0) {
		any = true;
		findings_add(findings, "ufw", true, NULL,
				"if it is on: ufw allow %u,%u,%u/tcp && ufw allow %u:%u/udp", p->https, p->http,
				p->rtsp, p->first, p->last);
	}
	if (!any) {
		findings_add(findings, "firewall", true, NULL,
				"if there is one, as nftables: nft add rule inet filter input tcp dport "
				"'{%u, %u, %u}' accept; nft add rule inet filter input udp dport %u-%u accept",
				p->https, p->http, p->rtsp, p->first, p->last);
	}
}

static void check_settings(struct es_findings *findings) {
	char error[ES_SETTINGS_ERROR_MAX];
	struct es_settings *settings = settings_load(NULL, error, sizeof(error));
	if (settings == NULL) {
		findings_add(
				findings, "settings", false, "correct the file; see earthshine(5)", "%s", error);
		return;
	}
	findings_add(findings, "settings", true, NULL, "'%s', %zu app%s, at most %u sessions",
			settings->name, settings->n_apps, settings->n_apps == 1 ? "" : "s",
			settings->max_sessions);
	if (settings->port == 0) {
		findings_add(findings, "ports", true, NULL,
				"chosen by the kernel at each start, so no firewall can be told (port 0)");
	} else {
		const struct ports p = ports_of(settings);
		findings_add(findings, "ports", true, NULL, "TCP %u, %u and %u, UDP %u-%u", p.https, p.http,
				p.rtsp, p.first, p.last);
		check_firewall(findings, &p);
	}
	settings_destroy(settings);
}

// Asks the bus alone: that answers also when Avahi itself hangs.
static bool avahi_runs(const char **why) {
	sd_bus *bus = NULL;
	sd_bus_message *answer = NULL;
	int owned = 0;
	*why = "there is no system bus";
	if (sd_bus_open_system(&bus) >= 0 && sd_bus_set_method_call_timeout(bus, BUS_TIMEOUT_US) >= 0 &&
			sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
					"org.freedesktop.DBus", "NameHasOwner", NULL, &answer, "s",
					"org.freedesktop.Avahi") >= 0) {
		*why = "it does not run";
		sd_bus_message_read(answer, "b", &owned);
	}
	sd_bus_message_unref(answer);
	sd_bus_flush_close_unref(bus);
	return owned != 0;
}

static void check_state(struct es_findings *findings) {
	char path[4096], error[1024];
	if (!state_dir_path(path, sizeof(path), error, sizeof(error))) {
		findings_add(findings, "state folder", false, "set HOME or XDG_STATE_HOME", "%s", error);
		return;
	}
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		findings_add(findings, "state folder", true, NULL, "%s, made at the first start", path);
		return;
	}
	int fd = state_dir_open_at(path, error, sizeof(error));
	bool writable = fd >= 0 && access(path, W_OK) == 0;
	if (fd >= 0 && !writable) {
		snprintf(error, sizeof(error), "'%.900s' cannot be written: %s", path, strerror(errno));
	}
	findings_add(findings, "state folder", writable,
			"pairings are kept there: it must be yours, with mode 0700", "%s",
			writable ? path : error);
	fd_close(&fd);
}

void doctor_check_serve(struct es_findings *findings) {
	const char *why;
	check_settings(findings);
	bool avahi = avahi_runs(&why);
	findings_add(findings, "Avahi", avahi, AVAHI_REMEDY, "%s", avahi ? "runs" : why);
	check_state(findings);
}
