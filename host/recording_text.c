#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/recording_table.h"

// Text that grows; once there is no memory, it is NULL.
struct text {
	char *data;
	size_t size, cap;
	bool failed;
};

static void put(struct text *text, const char *bytes, size_t size) {
	if (text->cap - text->size < size + 1 && !text->failed) {
		size_t cap = (text->cap + size + 4096) * 2;
		char *data = realloc(text->data, cap);
		text->failed = data == NULL;
		text->data = data != NULL ? data : text->data;
		text->cap = data != NULL ? cap : text->cap;
	}
	if (!text->failed) {
		memcpy(text->data + text->size, bytes, size);
		text->size += size;
		text->data[text->size] = '\0';
	}
}

static void put_string(struct text *text, const char *string) {
	put(text, string, strlen(string));
}

// Millions of them: printf would take a second.
static void put_number(struct text *text, uint64_t value) {
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	put(text, digits + at, sizeof(digits) - at);
}

static void put_ms(struct text *text, uint64_t us) {
	put_number(text, us / 1000);
	if (us % 1000 != 0) {
		char rest[8];
		snprintf(rest, sizeof(rest), ".%03u", (unsigned)(us % 1000));
		put_string(text, rest);
	}
}

static char *finish(struct text *text, size_t *size) {
	if (text->failed) {
		free(text->data);
		return NULL;
	}
	*size = text->size;
	return text->data;
}

char *recording_table_json(const struct es_recording_tables *tables, size_t track, size_t *size) {
	const struct es_recording_table *table = &tables->tables[track];
	uint32_t n = tables->n_columns;
	struct text text = {0};
	put_string(&text, "{\"time_ms\":[");
	for (size_t row = 0; row < table->n_rows; row++) {
		put(&text, ",", row > 0);
		put_ms(&text, table->at_us[row]);
	}
	for (uint32_t i = 0; i < n; i++) {
		put_string(&text, "],\"");
		put_string(&text, tables->names->names[i]);
		put_string(&text, "\":[");
		for (size_t row = 0; row < table->n_rows; row++) {
			put(&text, ",", row > 0);
			put_number(&text, table->values[row * n + i]);
		}
	}
	put_string(&text, "]}");
	return finish(&text, size);
}

// Names of codecs and encoders come from a file: nothing in it may look like a cell of its own.
static void put_word(struct text *text, const char *word) {
	size_t size = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	put(text, word, size);
}

static void put_lines(struct text *text, const struct es_recording_tables *tables, size_t track) {
	const struct es_recording_table *table = &tables->tables[track];
	uint32_t n = tables->n_columns;
	for (size_t row = 0; row < table->n_rows; row++) {
		const struct es_recording_track *now =
				recording_tables_track(tables, track, table->at_us[row]);
		put_ms(text, table->at_us[row]);
		put_string(text, ",");
		put_number(text, now != NULL ? now->session : 0);
		put_string(text, ",");
		put_word(text, now != NULL ? now->encoder : "");
		put_string(text, ",");
		put_word(text, now != NULL ? now->codec : "");
		put_string(text, ",");
		put_number(text, now != NULL ? now->width : 0);
		put_string(text, ",");
		put_number(text, now != NULL ? now->height : 0);
		put_string(text, ",");
		put_number(text, now != NULL && now->refresh_mhz > 0 ? (uint64_t)now->refresh_mhz : 0);
		for (uint32_t i = 0; i < n; i++) {
			put_string(text, ",");
			put_number(text, table->values[row * n + i]);
		}
		put_string(text, "\n");
	}
}

char *recording_tables_csv(const struct es_recording_tables *tables, size_t *size) {
	struct text text = {0};
	put_string(&text, "time_ms,session,encoder,codec,width,height,refresh_mhz");
	for (uint32_t i = 0; i < tables->names->n; i++) {
		put_string(&text, ",");
		put_string(&text, tables->names->names[i]);
	}
	put_string(&text, "\n");
	for (size_t track = 0; track < ES_RECORDING_TRACKS; track++) {
		put_lines(&text, tables, track);
	}
	return finish(&text, size);
}
