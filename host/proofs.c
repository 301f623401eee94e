#define _GNU_SOURCE // strsignal
#include "host/proofs.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <yyjson.h>

#include "base/process.h"
#include "host/safe_text.h"

#define FORMAT 2
#define MAX_FPS 1e6

static const char *const state_names[ES_PROOF_STATE_COUNT] = {
		[ES_PROOF_OK] = "ok",
		[ES_PROOF_FAILED] = "failed",
		[ES_PROOF_UNAVAILABLE] = "unavailable",
		[ES_PROOF_TIMED_OUT] = "timed-out",
		[ES_PROOF_LOST] = "lost",
};

const char *proof_state_name(enum es_proof_state state) {
	return state_names[state];
}

// --- the table

static bool is_of(const struct es_proof *a, const struct es_proof *b) {
	return strcmp(a->node, b->node) == 0 && strcmp(a->encoder, b->encoder) == 0 &&
			a->codec == b->codec;
}

static void remove_at(struct es_proofs *proofs, size_t index) {
	proofs->n--;
	memmove(&proofs->items[index], &proofs->items[index + 1],
			(proofs->n - index) * sizeof(proofs->items[0]));
}

void proofs_set(struct es_proofs *proofs, const struct es_proof *proof) {
	for (size_t i = 0; i < proofs->n;) {
		const struct es_proof *item = &proofs->items[i];
		if (is_of(item, proof) ||
				(strcmp(item->node, proof->node) == 0 && strcmp(item->key, proof->key) != 0)) {
			remove_at(proofs, i);
		} else {
			i++;
		}
	}
	if (proofs->n == ES_PROOFS_MAX) {
		remove_at(proofs, 0); // the oldest
	}
	proofs->items[proofs->n++] = *proof;
}

const struct es_proof *proofs_find(const struct es_proofs *proofs, const char *node,
		const char *key, const char *boot, const char *encoder, enum es_codec codec) {
	for (size_t i = 0; i < proofs->n; i++) {
		const struct es_proof *item = &proofs->items[i];
		bool counts = item->state != ES_PROOF_TIMED_OUT || strcmp(item->boot, boot) == 0;
		if (counts && strcmp(item->node, node) == 0 && strcmp(item->key, key) == 0 &&
				strcmp(item->encoder, encoder) == 0 && item->codec == codec) {
			return item;
		}
	}
	return NULL;
}

// --- the file

static bool read_text(yyjson_val *object, const char *name, char *out, size_t cap) {
	yyjson_val *value = yyjson_obj_get(object, name);
	const char *text = yyjson_get_str(value);
	if (text == NULL || yyjson_get_len(value) != strlen(text) || strlen(text) >= cap ||
			(text[0] != '\0' && !safe_text_is(text))) {
		return false;
	}
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool read_state(yyjson_val *object, enum es_proof_state *state) {
	const char *text = yyjson_get_str(yyjson_obj_get(object, "state"));
	for (int i = 0; text != NULL && i < ES_PROOF_STATE_COUNT; i++) {
		if (strcmp(text, state_names[i]) == 0) {
			*state = (enum es_proof_state)i;
			return true;
		}
	}
	return false;
}

static bool read_proof(struct es_proof *proof, yyjson_val *object) {
	char codec[16];
	yyjson_val *fps = yyjson_obj_get(object, "fps");
	*proof = (struct es_proof){.fps = yyjson_get_num(fps)};
	return read_text(object, "node", proof->node, sizeof(proof->node)) &&
			read_text(object, "key", proof->key, sizeof(proof->key)) &&
			read_text(object, "boot", proof->boot, sizeof(proof->boot)) &&
			read_text(object, "encoder", proof->encoder, sizeof(proof->encoder)) &&
			read_text(object, "codec", codec, sizeof(codec)) && codec_parse(codec, &proof->codec) &&
			read_text(object, "reason", proof->reason, sizeof(proof->reason)) &&
			read_text(object, "without", proof->without, sizeof(proof->without)) &&
			read_state(object, &proof->state) && yyjson_is_num(fps) && isfinite(proof->fps) &&
			proof->fps >= 0 && proof->fps <= MAX_FPS && proof->encoder[0] != '\0';
}

static bool read_document(struct es_proofs *proofs, yyjson_val *root) {
	yyjson_val *items = yyjson_obj_get(root, "proofs"), *item;
	if (yyjson_get_uint(yyjson_obj_get(root, "format")) != FORMAT || !yyjson_is_arr(items) ||
			yyjson_arr_size(items) > ES_PROOFS_MAX) {
		return false;
	}
	size_t i, n;
	yyjson_arr_foreach(items, i, n, item) {
		if (!read_proof(&proofs->items[proofs->n++], item)) {
			return false;
		}
	}
	return true;
}

bool proofs_parse(struct es_proofs *proofs, const char *text, size_t size) {
	yyjson_doc *document = size > 0 ? yyjson_read(text, size, 0) : NULL;
	*proofs = (struct es_proofs){0};
	bool ok = document != NULL && read_document(proofs, yyjson_doc_get_root(document));
	if (!ok) {
		*proofs = (struct es_proofs){0};
	}
	yyjson_doc_free(document);
	return ok;
}

static bool add_proof(
		yyjson_mut_doc *document, yyjson_mut_val *items, const struct es_proof *proof) {
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(document, items);
	return yyjson_mut_obj_add_str(document, item, "node", proof->node) &&
			yyjson_mut_obj_add_str(document, item, "key", proof->key) &&
			yyjson_mut_obj_add_str(document, item, "boot", proof->boot) &&
			yyjson_mut_obj_add_str(document, item, "encoder", proof->encoder) &&
			yyjson_mut_obj_add_str(document, item, "codec", codec_name(proof->codec)) &&
			yyjson_mut_obj_add_str(document, item, "state", state_names[proof->state]) &&
			yyjson_mut_obj_add_real(document, item, "fps", proof->fps) &&
			yyjson_mut_obj_add_str(document, item, "reason", proof->reason) &&
			yyjson_mut_obj_add_str(document, item, "without", proof->without);
}

char *proofs_format(const struct es_proofs *proofs, size_t *size) {
	yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
	if (document == NULL) {
		return NULL;
	}
	yyjson_mut_val *root = yyjson_mut_obj(document), *items = yyjson_mut_arr(document);
	yyjson_mut_doc_set_root(document, root);
	bool ok = yyjson_mut_obj_add_uint(document, root, "format", FORMAT) &&
			yyjson_mut_obj_add_val(document, root, "proofs", items);
	for (size_t i = 0; ok && i < proofs->n; i++) {
		ok = add_proof(document, items, &proofs->items[i]);
	}
	char *text = ok ? yyjson_mut_write(document, YYJSON_WRITE_PRETTY_TWO_SPACES, size) : NULL;
	yyjson_mut_doc_free(document);
	return text;
}

// --- a trial

void proof_set_reason(struct es_proof *proof, const char *reason) {
	safe_text(proof->reason, sizeof(proof->reason), reason);
	for (char *at = proof->reason; (at = strchr(at, '\\')) != NULL;) {
		*at = '?'; // so that it is plain text when it is read again
	}
}

__attribute__((format(printf, 3, 4))) static void conclude(
		struct es_proof *proof, enum es_proof_state state, const char *format, ...) {
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	proof->state = state;
	proof->fps = 0;
	proof_set_reason(proof, text);
}

// The rest of the line "WORD NAME CODEC rest", copied. False if there is none.
static bool find_line(
		const struct es_proof *proof, const char *output, const char *word, char *out, size_t cap) {
	char key[64];
	size_t key_len = (size_t)snprintf(
			key, sizeof(key), "%s %s %s ", word, proof->encoder, codec_name(proof->codec));
	for (const char *line = output; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		if (len > key_len && strncmp(line, key, key_len) == 0) {
			snprintf(out, cap, "%.*s", (int)(len - key_len), line + key_len);
			return true;
		}
		line += len + (line[len] == '\n');
	}
	return false;
}

static bool parse_fps(const char *text, double *fps) {
	char *rest;
	*fps = strtod(text, &rest);
	return rest != text && *rest == '\0' && isfinite(*fps) && *fps > 0 && *fps <= MAX_FPS;
}

void proof_conclude(struct es_proof *proof, const struct es_trial *trial) {
	char rest[256], what[96];
	double fps;
	if (trial->stuck) {
		conclude(proof, ES_PROOF_TIMED_OUT, "its driver hangs: the trial cannot be ended");
	} else if (trial->timed_out) {
		conclude(proof, ES_PROOF_TIMED_OUT, "no answer within %g s", trial->limit_ms / 1000.0);
	} else if (WIFEXITED(trial->status) && WEXITSTATUS(trial->status) == 0 &&
			find_line(proof, trial->output, "ok", rest, sizeof(rest)) && parse_fps(rest, &fps)) {
		conclude(proof, ES_PROOF_OK, "%s", "");
		proof->fps = fps;
		if (!find_line(proof, trial->output, "without", proof->without, sizeof(proof->without)) ||
				!safe_text_is(proof->without)) {
			proof->without[0] = '\0';
		}
	} else if (find_line(proof, trial->output, "unavailable", rest, sizeof(rest))) {
		conclude(proof, ES_PROOF_UNAVAILABLE, "%s", rest);
	} else if (find_line(proof, trial->output, "fail", rest, sizeof(rest))) {
		conclude(proof, ES_PROOF_FAILED, "%s", rest);
	} else {
		conclude(proof, ES_PROOF_FAILED, "the trial %s without a word",
				process_describe_status(trial->status, what, sizeof(what)));
	}
}
