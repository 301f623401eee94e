#include "tests/unit/check_xml.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 16
#define MAX_NAME 64

struct scan {
	const char *at, *end;
	char names[MAX_DEPTH][MAX_NAME];
	size_t depth, n_roots;
};

static const char *const entities[][2] = {
		{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};

static bool skip_word(struct scan *s, const char *word) {
	size_t length = strlen(word);
	if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0) {
		return false;
	}
	s->at += length;
	return true;
}

static bool skip_entity(struct scan *s) {
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		if (skip_word(s, entities[i][0])) {
			return true;
		}
	}
	if (!skip_word(s, "&#")) {
		return false;
	}
	unsigned value = 0;
	size_t n = 0;
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && n < 7) {
		value = 10 * value + (unsigned)(*s->at++ - '0');
		n++;
	}
	return n > 0 && (value == 9 || value == 10 || value == 13 || value >= 32) && skip_word(s, ";");
}

// By the table of well-formed sequences of the Unicode standard, less what XML does not allow.
static bool skip_utf8(struct scan *s) {
	const uint8_t *b = (const uint8_t *)s->at;
	size_t left = (size_t)(s->end - s->at), size = 1;
	if (b[0] < 0x80) {
		s->at++;
		return b[0] >= 0x20 || b[0] == '\t' || b[0] == '\n' || b[0] == '\r';
	}
	uint8_t low = 0x80, high = 0xbf;
	if (b[0] >= 0xc2 && b[0] <= 0xdf) {
		size = 2;
	} else if (b[0] >= 0xe0 && b[0] <= 0xef) {
		size = 3;
		low = b[0] == 0xe0 ? 0xa0 : low;
		high = b[0] == 0xed ? 0x9f : high;
	} else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		size = 4;
		low = b[0] == 0xf0 ? 0x90 : low;
		high = b[0] == 0xf4 ? 0x8f : high;
	} else {
		return false;
	}
	if (left < size || b[1] < low || b[1] > high) {
		return false;
	}
	for (size_t i = 2; i < size; i++) {
		if ((b[i] & 0xc0) != 0x80) {
			return false;
		}
	}
	if (size == 3 && b[0] == 0xef && b[1] == 0xbf && b[2] >= 0xbe) {
		return false; // U+FFFE and U+FFFF
	}
	s->at += size;
	return true;
}

static bool take_name(struct scan *s, char name[MAX_NAME]) {
	size_t n = 0;
	while (s->at < s->end && n < MAX_NAME - 1 &&
			((*s->at >= 'a' && *s->at <= 'z') || (*s->at >= 'A' && *s->at <= 'Z') ||
					*s->at == '_' || (n > 0 && *s->at >= '0' && *s->at <= '9'))) {
		name[n++] = *s->at++;
	}
	name[n] = '\0';
	return n > 0;
}

static bool skip_attribute(struct scan *s) {
	char name[MAX_NAME];
	if (!take_name(s, name) || !skip_word(s, "=\"")) {
		return false;
	}
	while (s->at < s->end && *s->at != '"') {
		if (*s->at == '<' || !(*s->at == '&' ? skip_entity(s) : skip_utf8(s))) {
			return false;
		}
	}
	return skip_word(s, "\"");
}

static bool scan_end_tag(struct scan *s) {
	char name[MAX_NAME];
	if (s->depth == 0 || !take_name(s, name) || strcmp(name, s->names[s->depth - 1]) != 0) {
		return false;
	}
	s->depth--;
	return skip_word(s, ">");
}

static bool scan_start_tag(struct scan *s) {
	if (s->depth == MAX_DEPTH || !take_name(s, s->names[s->depth])) {
		return false;
	}
	s->n_roots += s->depth == 0;
	while (skip_word(s, " ")) {
		if (!skip_attribute(s)) {
			return false;
		}
	}
	s->depth++;
	return skip_word(s, ">");
}

static bool scan_one(struct scan *s) {
	if (skip_word(s, "</")) {
		return scan_end_tag(s);
	}
	if (skip_word(s, "<")) {
		return scan_start_tag(s);
	}
	if (s->depth == 0) {
		return skip_word(s, "\n");
	}
	return *s->at == '&' ? skip_entity(s) : skip_utf8(s);
}

bool xml_well_formed(const char *text, size_t size) {
	struct scan s = {.at = text, .end = text + size};
	if (!skip_word(&s, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n")) {
		return false;
	}
	while (s.at < s.end) {
		if (!scan_one(&s)) {
			return false;
		}
	}
	return s.depth == 0 && s.n_roots == 1;
}

bool xml_find_text(const char *text, const char *name, char *out, size_t cap) {
	char tag[MAX_NAME + 4];
	snprintf(tag, sizeof(tag), "<%s>", name);
	const char *start = strstr(text, tag);
	snprintf(tag, sizeof(tag), "</%s>", name);
	const char *end = start != NULL ? strstr(start, tag) : NULL;
	if (end == NULL) {
		return false;
	}
	struct scan s = {.at = start + strlen(name) + 2, .end = end};
	size_t n = 0;
	while (s.at < s.end && n + 1 < cap) {
		size_t i = 0, n_entities = sizeof(entities) / sizeof(entities[0]);
		while (i < n_entities && !skip_word(&s, entities[i][0])) {
			i++;
		}
		out[n++] = i < n_entities ? entities[i][1][0] : *s.at++;
	}
	out[n] = '\0';
	return s.at == s.end;
}
