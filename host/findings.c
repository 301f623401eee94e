#include "host/findings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <yyjson.h>

void findings_add(struct es_findings *findings, const char *name, bool ok, const char *remedy,
		const char *format, ...) {
	if (findings->n == ES_MAX_FINDINGS) {
		return;
	}
	struct es_finding *finding = &findings->items[findings->n++];
	finding->ok = ok;
	snprintf(finding->name, sizeof(finding->name), "%s", name);
	snprintf(finding->state, sizeof(finding->state), "%s", ok ? "ok" : "missing");
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", ok || remedy == NULL ? "" : remedy);
	va_list args;
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

void findings_set_state(struct es_findings *findings, const char *state) {
	if (findings->n > 0) {
		struct es_finding *finding = &findings->items[findings->n - 1];
		snprintf(finding->state, sizeof(finding->state), "%s", state);
	}
}

bool findings_print_text(const struct es_findings *findings, bool usable, FILE *out) {
	for (size_t i = 0; i < findings->n; i++) {
		const struct es_finding *f = &findings->items[i];
		fprintf(out, "%-11s %-16s %s%s%s\n", f->state, f->name, f->detail,
				f->remedy[0] != '\0' ? "; " : "", f->remedy);
	}
	fputs(usable ? "earthshine run can work here.\n" : "earthshine run cannot work here.\n", out);
	return ferror(out) == 0;
}

bool findings_print_json(const struct es_findings *findings, bool usable, FILE *out) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	if (root == NULL) {
		yyjson_mut_doc_free(doc);
		return false;
	}
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_bool(doc, root, "ok", usable);
	yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, root, "items");
	for (size_t i = 0; i < findings->n; i++) {
		const struct es_finding *f = &findings->items[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, items);
		yyjson_mut_obj_add_str(doc, item, "name", f->name);
		yyjson_mut_obj_add_bool(doc, item, "ok", f->ok);
		yyjson_mut_obj_add_str(doc, item, "state", f->state);
		yyjson_mut_obj_add_str(doc, item, "detail", f->detail);
		yyjson_mut_obj_add_str(doc, item, "remedy", f->remedy);
	}
	const yyjson_write_flag flags = YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END |
			YYJSON_WRITE_ALLOW_INVALID_UNICODE;
	bool ok = yyjson_mut_write_fp(out, doc, flags, NULL, NULL);
	yyjson_mut_doc_free(doc);
	return ok;
}
