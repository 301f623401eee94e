#include "host/settings_syntax.h"

#include <string.h>

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

static bool is_blank(char c) {
	return c == ' ' || c == '\t';
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
	while (!at_line_end(scan) && is_blank(*scan->at)) {
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

static bool skip_word(struct scan *scan) {
	while (!at_line_end(scan) && !is_blank(*scan->at)) {
		if (*scan->at == '"' || *scan->at == '\'' || *scan->at == '{' || *scan->at == '}') {
			return fail(scan, "a quote or brace within a value; put the whole value in quotes");
		}
		if (*scan->at != '\\') {
			scan->at++;
		} else if (!skip_escaped(scan)) {
			return false;
		}
	}
	return true;
}

// A word, a quoted text or a brace; they are apart by blanks.
static bool scan_value(struct scan *scan, bool first) {
	switch (*scan->at) {
	case '"':
	case '\'':
		if (!skip_quoted(scan, *scan->at)) {
			return false;
		}
		return at_line_end(scan) || is_blank(*scan->at) ||
				fail(scan, "something follows a quote; put the whole value in quotes");
	case '{':
		return first ? fail(scan, "this block has no name") : open_block(scan);
	case '}':
		return close_block(scan, first);
	default:
		return skip_word(scan);
	}
}

static bool scan_line(struct scan *scan) {
	skip_blanks(scan);
	if (!at_line_end(scan) && *scan->at == '#') {
		while (!at_line_end(scan)) {
			scan->at++;
		}
	}
	bool ok = true;
	for (bool first = true; ok && !at_line_end(scan); first = false) {
		ok = scan_value(scan, first);
		skip_blanks(scan);
	}
	return ok;
}

bool settings_syntax(const char *text, size_t size, int *line, const char **why) {
	struct scan scan = {.at = text, .end = text + size, .line = 1};
	bool ok = memchr(text, '\0', size) == NULL
			? scan_line(&scan)
			: fail(&scan, "there are NUL bytes; is this a text file?");
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
