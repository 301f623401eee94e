#include <stdio.h>
#include <string.h>

#include "host/operate.h"
#include "host/operate_base.h"

#define ASK_SECONDS 10

static const char help[] =
		"Usage: earthshine console [reset]\n"
		"\n"
		"Prints where the console is: open it in a browser. As long as no password is set, the link is a\n"
		"one-time link with which that is done. `reset` makes such a link again, for who has forgotten the\n"
		"password; the old one is good until the link is used.\n";

static void print_links(const struct es_operate *operate) {
	char text[512], secret[128];
	yyjson_val *address;
	size_t index, n;
	const char *setup = operate_text(operate->root, "setup", secret, sizeof(secret));
	if (setup[0] != '\0') {
		puts("Open this link, which is good once, and choose a password:");
	}
	yyjson_arr_foreach(yyjson_obj_get(operate->root, "addresses"), index, n, address) {
		const char *url = yyjson_get_str(address);
		snprintf(text, sizeof(text), "%s", url != NULL ? url : "");
		printf("    %s%s%s\n", text, setup[0] != '\0' ? "#setup=" : "", setup);
	}
	if (n > 0 && strncmp(text, "https", 5) == 0) {
		puts("The browser warns of a certificate that it does not know: it is this host's own.");
	}
}

int console_command(int argc, char **argv) {
	struct es_operate operate;
	int status = operate_begin(&operate, argc, argv, help);
	if (status != 0) {
		return status - 1;
	}
	bool reset = operate.n_words == 1 && strcmp(operate.words[0], "reset") == 0;
	if (operate.n_words > 0 && !reset) {
		status = operate_usage(&operate, "console takes no '%s'", operate.words[0]);
	} else if (!operate_ask(&operate, reset ? "POST" : "GET", reset ? "/console/reset" : "/console",
					   ASK_SECONDS)) {
		status = 1;
	} else if (!operate.json) {
		print_links(&operate);
	}
	operate_finish(&operate);
	return status;
}
