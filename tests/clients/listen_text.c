#include "tests/clients/listen.h"
#include "text-input-unstable-v3-client-protocol.h"

static void handle_enter(
		void *data, struct zwp_text_input_v3 *text_input, struct wl_surface *surface) {
	zwp_text_input_v3_enable(text_input);
	zwp_text_input_v3_commit(text_input);
	listen_note(data, "{\"event\":\"text-enter\"}");
}

static void handle_leave(
		void *data, struct zwp_text_input_v3 *text_input, struct wl_surface *surface) {
	zwp_text_input_v3_disable(text_input);
	zwp_text_input_v3_commit(text_input);
}

static void handle_preedit(void *data, struct zwp_text_input_v3 *text_input, const char *text,
		int32_t begin, int32_t end) {
}

static void handle_commit(void *data, struct zwp_text_input_v3 *text_input, const char *text) {
	struct es_listen *listen = data;
	fputs("{\"event\":\"text\",\"text\":\"", listen->log);
	for (const char *c = text != NULL ? text : ""; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\') {
			fputc('\\', listen->log);
		}
		fputc(*c, listen->log);
	}
	listen_note(listen, "\"}");
}

static void handle_delete(
		void *data, struct zwp_text_input_v3 *text_input, uint32_t before, uint32_t after) {
}

static void handle_done(void *data, struct zwp_text_input_v3 *text_input, uint32_t serial) {
}

static const struct zwp_text_input_v3_listener text_listener = {
		.enter = handle_enter,
		.leave = handle_leave,
		.preedit_string = handle_preedit,
		.commit_string = handle_commit,
		.delete_surrounding_text = handle_delete,
		.done = handle_done,
};

void listen_to_text(struct es_listen *listen) {
	if (listen->text_manager != NULL) {
		zwp_text_input_v3_add_listener(
				zwp_text_input_manager_v3_get_text_input(listen->text_manager, listen->seat),
				&text_listener, listen);
	}
}
