#include "host/settings_syntax.h"

#define MAX_DEPTH 8 // more than any directive has; libscfg parses blocks by recursion

struct scan {
	const char *at, *end;
	int line;
	int depth, opened[MAX_DEPTH]; // lines of the open blocks
	const char *why;
};

static bool fail(struct scan *scan, const char *why) {
	scan->why = why;
	return false;
}

static bool at_line_end(const struct scan *scan) {
	return scan->at == scan->end || *scan->at == '\n';
}

static bool skip_escaped(struct scan *scan) {
	scan->at++;
	if (at_line_end(scan)) {
		return fail(scan, "a backslash ends the line; a directive cannot go on in the next one");
	}
	scan->at++;
	return true;
}

static bool skip_quoted(struct scan *scan, char quote) {
	scan->at++;
	while (!at_line_end(scan) && *scan->at != quote) {
		if (*scan->at == '\\' && quote == '"') {
			if (!skip_escaped(scan)) {
				return false;
			}
		} else {
			scan->at++;
		}
	}
	if (at_line_end(scan)) {
		return fail(scan, "a quote is opened and not closed; add the second one");
	}
	scan->at++;
	return true;
}

static void skip_blanks(struct scan *scan) {
	while (!at_line_end(scan) && (*scan->at == ' ' || *scan->at == '\t')) {
		scan->at++;
	}
}

static bool open_block(struct scan *scan) {
	scan->at++;
	skip_blanks(scan);
	if (!at_line_end(scan)) {
		return fail(
				scan, "a { opens a block only as the last word of its line; put others in quotes");
	}
	if (scan->depth == MAX_DEPTH) {
		return fail(scan, "blocks within blocks go too deep");
	}
	scan->opened[scan->depth++] = scan->line;
	return true;
}

static bool close_block(struct scan *scan, bool first) {
	scan->at++;
	skip_blanks(scan);
	if (!first || !at_line_end(scan)) {
		return fail(scan, "a } closes a block only on a line of its own; put others in quotes");
	}
	if (scan->depth == 0) {
		return fail(scan, "this } closes nothing; remove it");
	}
	scan->depth--;
	return true;
}

static bool scan_line(struct scan *scan) {
	skip_blanks(scan);
	if (!at_line_end(scan) && *scan->at == '#') {
		while (!at_line_end(scan)) {
			scan->at++;
		}
	}
	for (bool first = true; !at_line_end(scan); first = false) {
		const char c = *scan->at;
		bool ok = true;
		if (c == '\0') {
			ok = fail(scan, "there is a NUL byte; is this a text file?");
		} else if (c == '"' || c == '\'') {
			ok = skip_quoted(scan, c);
		} else if (c == '\\') {
			ok = skip_escaped(scan);
		} else if (c == '{') {
			ok = first ? fail(scan, "this block has no name") : open_block(scan);
		} else if (c == '}') {
			ok = close_block(scan, first);
		} else {
			scan->at++;
		}
		if (!ok) {
			return false;
		}
	}
	return true;
}

bool settings_syntax(const char *text, size_t size, int *line, const char **why) {
	struct scan scan = {.at = text, .end = text + size, .line = 1};
	bool ok = scan_line(&scan);
	while (ok && scan.at < scan.end) {
		scan.at++;
		scan.line++;
		ok = scan_line(&scan);
	}
	if (ok && scan.depth > 0) {
		scan.line = scan.opened[scan.depth - 1];
		ok = fail(&scan, "this block is not closed; add a line with }");
	}
	*line = scan.line;
	*why = scan.why;
	return ok;
}
