// What the operator's commands share: words and options in any order, the question, the answer.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#define ES_OPERATE_MAX_WORDS 8

struct es_operate {
	const char *command; // its word
	bool json, help;
	const char *words[ES_OPERATE_MAX_WORDS]; // those that are no options
	int n_words;
	yyjson_mut_doc *request;
	yyjson_mut_val *args; // the body of it
	yyjson_doc *answer;
	yyjson_val *root; // the body of it
};

// Takes the words apart. 0: go on (finish then); else the exit status + 1 is returned, after the help
// text or an error was printed: usage errors come from here with remedy.
int operate_begin(struct es_operate *operate, int argc, char **argv, const char *help);
void operate_finish(struct es_operate *operate);
// Logs the reason and how to see the help; returns 2.
int operate_usage(const struct es_operate *operate, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
// A whole number from 1 on; false after a usage error.
bool operate_number(
		const struct es_operate *operate, const char *word, const char *what, uint32_t *n);

// Sends the request, with a path below /api/v1. With --json the answer's body is printed, with "ok"
// before it. True if the host did it; else the reason was told.
bool operate_ask(struct es_operate *operate, const char *method, const char *path, int timeout_s);
// The same for the one with that number: below /api/v1/`what`.
bool operate_ask_of(struct es_operate *operate, const char *method, const char *what, uint32_t id,
		const char *verb, int timeout_s);

// Of the answer's objects; text is fit for a terminal, "" or 0 if there is none.
const char *operate_text(yyjson_val *object, const char *key, char *out, size_t cap);
uint64_t operate_uint(yyjson_val *object, const char *key);
