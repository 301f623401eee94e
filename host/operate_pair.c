#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/operate.h"
#include "host/operate_base.h"

#define LIST_SECONDS 10
#define PAIR_SECONDS 45 // the host tells how it ended after 30 at most

static const char help[] =
		"Usage: earthshine pair\n"
		"       earthshine pair [REQUEST] PIN\n"
		"\n"
		"Lists the devices that wait for their PIN, or enters the four digits that one of them shows.\n"
		"The number of its request is needed only if several wait. Ends when the device has answered:\n"
		"exit status 0 means that it is paired.\n";

static void print_request(yyjson_val *item) {
	char name[256], address[256];
	unsigned long long left = operate_uint(item, "seconds_left");
	printf("%7llu  %-24s  %-16s  %2llu:%02llu  %s\n", (unsigned long long)operate_uint(item, "id"),
			operate_text(item, "name", name, sizeof(name)),
			operate_text(item, "address", address, sizeof(address)), left / 60, left % 60,
			yyjson_is_true(yyjson_obj_get(item, "waits_for_pin")) ? "" : "(its PIN was entered)");
}

static int list(struct es_operate *operate) {
	if (!operate_ask(operate, "GET", "/pairings", LIST_SECONDS)) {
		return 1;
	}
	if (operate->json) {
		return 0;
	}
	yyjson_val *items = yyjson_obj_get(operate->root, "pairings"), *item;
	size_t index, n;
	if (yyjson_arr_size(items) == 0) {
		puts("No device waits to be paired. Choose this host in Moonlight on the device: it shows a PIN "
			 "then.");
		return 0;
	}
	printf("%7s  %-24s  %-16s  %5s\n", "REQUEST", "DEVICE", "ADDRESS", "LEFT");
	yyjson_arr_foreach(items, index, n, item) {
		print_request(item);
	}
	return 0;
}

static bool is_pin(const char *word) {
	return strlen(word) == 4 && strspn(word, "0123456789") == 4;
}

static int enter(struct es_operate *operate, const char *request, const char *pin) {
	uint32_t id = 0;
	if (!is_pin(pin)) {
		// Not quoted: it may be a PIN with a slip.
		return operate_usage(operate, "a PIN is the four digits that the device shows");
	}
	if (request != NULL && !operate_number(operate, request, "request", &id)) {
		return 2;
	}
	yyjson_mut_obj_add_str(operate->request, operate->args, "pin", pin);
	if (id > 0 ? !operate_ask_of(operate, "POST", "pairings", id, "/accept", PAIR_SECONDS)
			   : !operate_ask(operate, "POST", "/pair", PAIR_SECONDS)) {
		return 1;
	}
	if (!operate->json) {
		puts("Paired.");
	}
	return 0;
}

int pair_command(int argc, char **argv) {
	struct es_operate operate;
	int status = operate_begin(&operate, argc, argv, help);
	if (status != 0) {
		return status - 1;
	}
	if (operate.n_words > 2) {
		status = operate_usage(&operate, "pair takes no '%s'", operate.words[2]);
	} else if (operate.n_words == 0) {
		status = list(&operate);
	} else {
		bool named = operate.n_words == 2;
		status = enter(&operate, named ? operate.words[0] : NULL, operate.words[named ? 1 : 0]);
	}
	operate_finish(&operate);
	return status;
}
