#include "tests/clients/moon/say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static void put_text(const char *text) {
	putchar('"');
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\') {
			putchar('\\');
			putchar(*c);
		} else if ((unsigned char)*c < 0x20) {
			printf("\\u%04x", (unsigned int)(unsigned char)*c);
		} else {
			putchar(*c);
		}
	}
	putchar('"');
}

static void put_name(const char *name) {
	putchar(',');
	put_text(name);
	putchar(':');
}

void say_begin(const char *event) {
	printf("{\"event\":");
	put_text(event);
}

void say_number(const char *name, int64_t value) {
	put_name(name);
	printf("%" PRId64, value);
}

void say_decimals(const char *name, const double *values, size_t n) {
	put_name(name);
	for (size_t i = 0; i < n; i++) {
		printf("%s%.4f", i == 0 ? "[" : ",", values[i]);
	}
	fputs(n == 0 ? "[]" : "]", stdout);
}

void say_bool(const char *name, bool value) {
	put_name(name);
	fputs(value ? "true" : "false", stdout);
}

void say_text(const char *name, const char *value) {
	if (value == NULL) {
		say_null(name);
		return;
	}
	put_name(name);
	put_text(value);
}

void say_null(const char *name) {
	put_name(name);
	fputs("null", stdout);
}

void say_end(void) {
	fputs("}\n", stdout);
	fflush(stdout);
}

void say_line(const char *event, const char *format, ...) {
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say_begin(event);
	say_text("text", text);
	say_end();
}

void say_error(const char *format, ...) {
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say_line("error", "%s", text);
	fprintf(stderr, "moon: %s\n", text);
}

int64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
