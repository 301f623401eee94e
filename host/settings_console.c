// The directives that begin with "console-", and metrics-address.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "host/quantity.h"
#include "host/settings_parse.h"

#define MIN_PORT 1024
#define MAX_NAMES 8
#define MAX_NAME 253

static bool no_memory(const struct es_settings_parse *parse, int line) {
	return settings_refuse(parse, line, "out of memory");
}

static bool replace(char **text, const char *value) {
	free(*text);
	*text = strdup(value);
	return *text != NULL;
}

static bool take_port(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	struct es_console_settings *console = &parse->settings->console;
	uint64_t port = 0;
	console->off = strcmp(d->params[0], "off") == 0;
	if (!console->off &&
			(!quantity_whole(d->params[0], 0, UINT16_MAX, &port) ||
					(port > 0 && port < MIN_PORT))) {
		return settings_refuse(parse, d->lineno,
				"console-port '%s' is not a whole number from %d to %d, nor 0 (any free one), nor off",
				d->params[0], MIN_PORT, UINT16_MAX);
	}
	console->port = (uint16_t)port;
	console->port_given = true;
	return true;
}

static bool take_address(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	struct in_addr address;
	if (inet_pton(AF_INET, d->params[0], &address) != 1) {
		return settings_refuse(parse, d->lineno,
				"console-address '%s' is not an IPv4 address of this machine (0.0.0.0: all of them, "
				"127.0.0.1: this machine alone)",
				d->params[0]);
	}
	return replace(&parse->settings->console.address, d->params[0]) || no_memory(parse, d->lineno);
}

static bool is_name(const char *name) {
	static const char letters[] =
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	size_t size = strlen(name);
	return size > 0 && size <= MAX_NAME && strspn(name, letters) == size;
}

static bool take_names(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	struct es_console_settings *console = &parse->settings->console;
	size_t n = 0;
	while (console->names[n] != NULL) {
		n++;
	}
	if (!settings_expect(parse, d, 1, MAX_NAMES - n, "console-name NAME [NAME...]")) {
		return false;
	}
	char **names = realloc(console->names, (n + d->params_len + 1) * sizeof(*names));
	if (names == NULL) {
		return no_memory(parse, d->lineno);
	}
	console->names = names;
	for (size_t i = 0; i < d->params_len; i++) {
		if (!is_name(d->params[i])) {
			return settings_refuse(parse, d->lineno,
					"console-name '%s' is not a name as it stands in a browser's address line, without "
					"a port",
					d->params[i]);
		}
		names[n + i] = strdup(d->params[i]);
		names[n + i + 1] = NULL;
		if (names[n + i] == NULL) {
			return no_memory(parse, d->lineno);
		}
	}
	return true;
}

static bool take_certificate(
		const struct es_settings_parse *parse, const struct scfg_directive *d) {
	struct es_console_settings *console = &parse->settings->console;
	if (!settings_expect(parse, d, 2, 2, "console-certificate CERTIFICATE-FILE KEY-FILE")) {
		return false;
	}
	if (d->params[0][0] != '/' || d->params[1][0] != '/') {
		return settings_refuse(parse, d->lineno,
				"console-certificate: '%s' must be an absolute path (beginning with /)",
				d->params[d->params[0][0] == '/']);
	}
	return (replace(&console->certificate, d->params[0]) && replace(&console->key, d->params[1])) ||
			no_memory(parse, d->lineno);
}

static bool take_plain(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	return settings_yes_no(parse, d, &parse->settings->console.plain);
}

static bool take_metrics(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	const char *text = d->params[0], *port = strrchr(text, ':');
	char address[INET_ADDRSTRLEN];
	struct in_addr number;
	uint64_t n = 0;
	size_t size = port != NULL ? (size_t)(port - text) : sizeof(address);
	snprintf(address, sizeof(address), "%.*s", (int)(size < sizeof(address) ? size : 0), text);
	if (inet_pton(AF_INET, address, &number) != 1 || !quantity_whole(port + 1, 0, UINT16_MAX, &n) ||
			(n > 0 && n < MIN_PORT)) {
		return settings_refuse(parse, d->lineno,
				"metrics-address '%s' is not an IPv4 address and a port, as 127.0.0.1:9100", text);
	}
	parse->settings->metrics_port = (uint16_t)n;
	return replace(&parse->settings->metrics_address, address) || no_memory(parse, d->lineno);
}

bool settings_take_console(const struct es_settings_parse *parse, const struct scfg_directive *d) {
	static const struct {
		const char *name;
		bool (*take)(const struct es_settings_parse *parse, const struct scfg_directive *directive);
	} table[] = {
			{"console-port", take_port},
			{"console-address", take_address},
			{"console-name", take_names},
			{"console-certificate", take_certificate},
			{"console-plain", take_plain},
			{"metrics-address", take_metrics},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(d->name, table[i].name) == 0) {
			return table[i].take(parse, d);
		}
	}
	return settings_refuse(parse, d->lineno, "unknown directive '%s'", d->name);
}

bool settings_check_console(const struct es_settings_parse *parse) {
	const struct es_console_settings *console = &parse->settings->console;
	struct in_addr address = {0};
	const char *text = console->address != NULL ? console->address : parse->settings->address;
	if (!console->plain ||
			(inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127)) {
		return true;
	}
	snprintf(parse->error, parse->cap,
			"%s: console-plain is for this machine alone, passwords would go over the network in clear "
			"text: add 'console-address 127.0.0.1'",
			parse->path);
	return false;
}
