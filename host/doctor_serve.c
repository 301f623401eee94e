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
#include "host/doctor_contain.h"
#include "host/media_ports.h"
#include "host/settings.h"
#include "host/state_file.h"
#include "host/web_address.h"

#define BUS_TIMEOUT_US 1000000
#define AVAHI_REMEDY \
	"only needed to be found by itself: install avahi-daemon and start it (systemctl enable --now " \
	"avahi-daemon), or type this machine's address in Moonlight"

struct ports {
	unsigned https, http, rtsp, console; // TCP; console 0: there is none for others
	unsigned first, last; // UDP
};

// 0: nobody but this machine needs it.
static unsigned console_port(const struct es_settings *settings) {
	const struct es_console_settings *console = &settings->console;
	const char *address = console->address != NULL ? console->address : settings->address;
	if (console->off || strncmp(address, "127.", 4) == 0) {
		return 0;
	}
	return console->port_given ? console->port : settings->port + 1u;
}

static struct ports ports_of(const struct es_settings *settings) {
	const unsigned base = settings->port;
	return (struct ports){
			.https = base - 5,
			.http = base,
			.rtsp = base + 21,
			.console = console_port(settings),
			.first = base + ES_MEDIA_PORTS_FIRST,
			.last = base + ES_MEDIA_PORTS_FIRST + ES_MEDIA_COUNT - 1 +
					ES_MEDIA_PORTS_STEP * (settings->max_sessions - 1),
	};
}

// "47984, 47989, 48010" with that between them.
static void list_ports(const struct ports *p, const char *before, const char *between,
		const char *after, char *out, size_t cap) {
	const unsigned all[] = {p->https, p->http, p->rtsp, p->console};
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && n < cap; i++) {
		if (all[i] != 0) {
			n += (size_t)snprintf(
					out + n, cap - n, "%s%s%u%s", i > 0 ? between : "", before, all[i], after);
		}
	}
}

static void check_firewall(struct es_findings *findings, const struct ports *p) {
	bool any = false;
	char tcp[256];
	if (command_check("firewall-cmd") == 0) {
		any = true;
		list_ports(p, "--add-port=", " ", "/tcp", tcp, sizeof(tcp));
		findings_add(findings, "firewalld", true, NULL,
				"if it is on: firewall-cmd --permanent %s --add-port=%u-%u/udp && firewall-cmd "
				"--reload",
				tcp, p->first, p->last);
	}
	if (command_check("ufw") == 0) {
		any = true;
		list_ports(p, "", ",", "", tcp, sizeof(tcp));
		findings_add(findings, "ufw", true, NULL,
				"if it is on: ufw allow %s/tcp && ufw allow %u:%u/udp", tcp, p->first, p->last);
	}
	if (!any) {
		list_ports(p, "", ", ", "", tcp, sizeof(tcp));
		findings_add(findings, "firewall", true, NULL,
				"if there is one, as nftables: nft add rule inet filter input tcp dport '{%s}' "
				"accept; nft add rule inet filter input udp dport %u-%u accept",
				tcp, p->first, p->last);
	}
}

static bool can_read(const char *path, char *error, size_t cap) {
	if (path == NULL || access(path, R_OK) == 0) {
		return true;
	}
	snprintf(error, cap, "'%.400s' cannot be read: %s", path, strerror(errno));
	return false;
}

// Whether there is a password is known to the host; the file's content is nobody else's business.
static bool has_password(void) {
	char path[4096], file[4200], error[256];
	if (!state_dir_path(path, sizeof(path), error, sizeof(error))) {
		return false;
	}
	snprintf(file, sizeof(file), "%s/console.json", path);
	return access(file, F_OK) == 0;
}

static void check_console(struct es_findings *findings, const struct es_settings *settings) {
	const struct es_console_settings *console = &settings->console;
	char addresses[ES_WEB_MAX_ADDRESSES][ES_WEB_ADDRESS_SIZE], error[1024] = "";
	unsigned port = console->port_given ? console->port : settings->port;
	port += port != 0 && !console->port_given;
	if (console->off) {
		findings_add(findings, "console", true, NULL, "switched off (console-port)");
	} else if (!can_read(console->certificate, error, sizeof(error)) ||
			!can_read(console->key, error, sizeof(error))) {
		findings_add(findings, "console", false,
				"let console-certificate name files that you may read", "%s", error);
	} else if (web_address_list(settings, (uint16_t)port, addresses) == 0) {
		findings_add(findings, "console", true, NULL,
				"its port is chosen at each start; `earthshine console` prints it");
	} else {
		findings_add(findings, "console", true, NULL, "%s, %s certificate%s", addresses[0],
				console->plain						   ? "without a"
						: console->certificate != NULL ? "with your"
													   : "with the host's own",
				has_password() ? "" : "; no password is set yet: earthshine console");
	}
}

static void check_settings(struct es_findings *findings) {
	char error[ES_SETTINGS_ERROR_MAX];
	struct es_settings *settings = settings_load(NULL, error, sizeof(error));
	if (settings == NULL) {
		findings_add(
				findings, "settings", false, "correct the file; see earthshine(5)", "%s", error);
		doctor_check_contain(findings, NULL);
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
		char tcp[128];
		list_ports(&p, "", ", ", "", tcp, sizeof(tcp));
		findings_add(findings, "ports", true, NULL, "TCP %s, UDP %u-%u", tcp, p.first, p.last);
		check_firewall(findings, &p);
	}
	check_console(findings, settings);
	doctor_check_contain(findings, settings);
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
