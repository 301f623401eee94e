#include "host/options.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include "host/nearest.h"

#define LONG_BASE 256 // getopt values of options: LONG_BASE + index

struct getopt_tables {
	struct option longs[ES_MAX_OPTIONS + 1];
	char shorts[2 * ES_MAX_OPTIONS + 3];
};

static void fill_tables(struct getopt_tables *t, const struct es_option *options, size_t n) {
	assert(n <= ES_MAX_OPTIONS);
	// '+': stop at the command; ':': tell a missing value from an unknown option.
	size_t at = 0;
	t->shorts[at++] = '+';
	t->shorts[at++] = ':';
	for (size_t i = 0; i < n; i++) {
		t->longs[i] = (struct option){
				.name = options[i].name,
				.has_arg = options[i].value != NULL ? required_argument : no_argument,
				.val = LONG_BASE + (int)i,
		};
		if (options[i].letter != 0) {
			t->shorts[at++] = options[i].letter;
			if (options[i].value != NULL) {
				t->shorts[at++] = ':';
			}
		}
	}
	t->longs[n] = (struct option){0};
	t->shorts[at] = '\0';
}

static const struct es_option *find(const struct es_option *options, size_t n, int val) {
	if (val >= LONG_BASE) {
		return (size_t)(val - LONG_BASE) < n ? &options[val - LONG_BASE] : NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (options[i].letter != 0 && options[i].letter == val) {
			return &options[i];
		}
	}
	return NULL;
}

static void describe_unknown_long(
		const struct es_option *options, size_t n, const char *word, char *error, size_t cap) {
	const char *names[ES_MAX_OPTIONS];
	for (size_t i = 0; i < n; i++) {
		names[i] = options[i].name;
	}
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	const char *nearest = nearest_word(name, names, n);
	if (nearest != NULL) {
		snprintf(error, cap, "unknown option '--%s'; did you mean '--%s'?", name, nearest);
	} else {
		snprintf(error, cap, "unknown option '--%s'", name);
	}
}

static void describe_failure(const struct es_option *options, size_t n, int c, const char *word,
		char *error, size_t cap) {
	const struct es_option *option = optopt != 0 ? find(options, n, optopt) : NULL;
	if (c == ':' && option != NULL) {
		snprintf(error, cap, "option '--%s' needs a value: %s", option->name, option->value);
	} else if (option != NULL && option->value == NULL) {
		snprintf(error, cap, "option '--%s' takes no value", option->name);
	} else if (strncmp(word, "--", 2) == 0) {
		describe_unknown_long(options, n, word, error, cap);
	} else {
		snprintf(error, cap, "unknown option '-%c'", optopt);
	}
}

int options_parse(const struct es_option *options, size_t n, int argc, char *const *argv,
		void *data, char *error, size_t cap) {
	struct getopt_tables tables;
	fill_tables(&tables, options, n);
	opterr = 0;
	optind = 0; // glibc: start afresh
	for (;;) {
		int before = optind > 0 ? optind : 1;
		int c = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
		if (c == -1) {
			return optind;
		}
		if (c == '?' || c == ':') {
			describe_failure(options, n, c, before < argc ? argv[before] : "", error, cap);
			return -1;
		}
		const struct es_option *option = find(options, n, c);
		assert(option != NULL);
		if (!option->apply(data, option->value != NULL ? optarg : NULL, error, cap)) {
			return -1;
		}
	}
}

void options_print(FILE *out, const struct es_option *options, size_t n) {
	for (size_t i = 0; i < n; i++) {
		const struct es_option *o = &options[i];
		char left[40], letter[8] = "    ";
		if (o->letter != 0) {
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		}
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
				o->value != NULL ? o->value : "");
		fprintf(out, "  %-24s  %s\n", left, o->help);
	}
}
