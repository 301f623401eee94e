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
	yyjson_mut_val *args; // its root
	yyjson_doc *answer;
	yyjson_val *root; // its root
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

// Sends the request with that route. With --json the answer is printed as it came. True if the host
// says ok; else the reason was told.
bool operate_ask(struct es_operate *operate, const char *route, int timeout_s);

// Of the answer's objects; text is fit for a terminal, "" or 0 if there is none.
const char *operate_text(yyjson_val *object, const char *key, char *out, size_t cap);
uint64_t operate_uint(yyjson_val *object, const char *key);
