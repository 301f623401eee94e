#include "host/recording_table.h"

#include <stdlib.h>
#include <string.h>

// Of one session while it is thinned out.
struct fold {
	uint64_t next; // row of the file
	size_t bucket;
	bool begun;
	uint64_t first_us, last_us;
	uint32_t min[ES_RECORDING_COLUMNS], max[ES_RECORDING_COLUMNS];
	uint64_t min_row[ES_RECORDING_COLUMNS], max_row[ES_RECORDING_COLUMNS];
};

struct load {
	struct es_recording_tables *tables;
	enum es_recording_rows rows;
	bool filling; // else counting
	bool failed; // no memory
	struct fold *folds;
};

static size_t bucket_count(const struct es_recording_table *table) {
	return table->n_rows / 2;
}

static void put_row(struct es_recording_table *table, size_t row, uint64_t at_us,
		const uint32_t *values, uint32_t n) {
	table->at_us[row] = at_us;
	memcpy(table->values + row * n, values, n * sizeof(*values));
}

static void close_bucket(struct es_recording_table *table, struct fold *fold, uint32_t n) {
	uint32_t first[ES_RECORDING_COLUMNS], second[ES_RECORDING_COLUMNS];
	for (uint32_t i = 0; i < n; i++) {
		bool min_first = fold->min_row[i] <= fold->max_row[i];
		first[i] = min_first ? fold->min[i] : fold->max[i];
		second[i] = min_first ? fold->max[i] : fold->min[i];
	}
	put_row(table, 2 * fold->bucket, fold->first_us, first, n);
	put_row(table, 2 * fold->bucket + 1, fold->last_us, second, n);
	fold->begun = false;
}

static void fold_in(struct fold *fold, uint64_t at_us, const uint32_t *values, uint32_t n) {
	for (uint32_t i = 0; i < n; i++) {
		if (!fold->begun || values[i] < fold->min[i]) {
			fold->min[i] = values[i];
			fold->min_row[i] = fold->next;
		}
		if (!fold->begun || values[i] > fold->max[i]) {
			fold->max[i] = values[i];
			fold->max_row[i] = fold->next;
		}
	}
	fold->first_us = fold->begun ? fold->first_us : at_us;
	fold->last_us = at_us;
	fold->begun = true;
}

static void fill_row(struct es_recording_table *table, struct fold *fold, uint64_t at_us,
		const uint32_t *values, uint32_t n) {
	if (table->n_rows == table->n_all) {
		put_row(table, (size_t)fold->next, at_us, values, n);
		return;
	}
	size_t bucket = (size_t)(fold->next * bucket_count(table) / table->n_all);
	if (fold->begun && bucket != fold->bucket) {
		close_bucket(table, fold, n);
	}
	fold->bucket = bucket;
	fold_in(fold, at_us, values, n);
	if (fold->next + 1 == table->n_all) {
		close_bucket(table, fold, n);
	}
}

static void take_row(
		struct load *load, size_t track, uint64_t at_us, const uint32_t *values, uint32_t n) {
	struct es_recording_table *table = &load->tables->tables[track];
	if (!load->filling) {
		table->n_all++;
	} else if (load->folds[track].next < table->n_all && n == load->tables->n_columns) {
		// else the file has changed meanwhile
		fill_row(table, &load->folds[track], at_us, values, n);
		load->folds[track].next++;
	}
}

static void take_sample(void *data, const struct es_recording_sample *sample) {
	struct load *load = data;
	if (load->rows == ES_RECORDING_WINDOWS) {
		take_row(load, sample->track, (uint64_t)sample->at_ms * 1000, sample->values, sample->n);
	}
}

static void take_frames(void *data, const struct es_recording_frames *frames) {
	struct load *load = data;
	for (uint32_t i = 0; load->rows == ES_RECORDING_SINGLE_FRAMES && i < frames->n_rows; i++) {
		take_row(load, frames->track, frames->at_us[i], frames->values[i], frames->n_columns);
	}
}

static void take_track(void *data, const struct es_recording_track *track) {
	struct load *load = data;
	struct es_recording_tables *tables = load->tables;
	size_t n = tables->n_changes;
	if (load->filling || n == ES_RECORDING_CHANGES || load->failed) {
		return;
	}
	if (n % 16 == 0) {
		struct es_recording_track *more =
				realloc(tables->changes, (n + 16) * sizeof(*tables->changes));
		load->failed = more == NULL;
		tables->changes = more != NULL ? more : tables->changes;
	}
	if (!load->failed) {
		tables->changes[tables->n_changes++] = *track;
	}
}

static bool go_through(int fd, struct load *load) {
	struct es_recording_visitor visitor = {
			.data = load, .track = take_track, .sample = take_sample, .frames = take_frames};
	recording_reader_init(&load->tables->head, &visitor);
	return recording_read(fd, &load->tables->head);
}

static bool make_tables(struct load *load, size_t points) {
	struct es_recording_tables *tables = load->tables;
	size_t n_tables = 0;
	for (size_t i = 0; i < ES_RECORDING_TRACKS; i++) {
		n_tables += tables->tables[i].n_all > 0;
	}
	if (n_tables == 0) {
		return true;
	}
	tables->n_columns = tables->names->n;
	size_t most = ES_RECORDING_CELLS / n_tables / tables->n_columns;
	most = points > 0 && points < most ? points : most;
	for (size_t i = 0; i < ES_RECORDING_TRACKS; i++) {
		struct es_recording_table *table = &tables->tables[i];
		if (table->n_all == 0) {
			continue;
		}
		table->n_rows = table->n_all <= most ? (size_t)table->n_all : most / 2 * 2;
		table->at_us = calloc(table->n_rows, sizeof(*table->at_us));
		table->values = calloc(table->n_rows * tables->n_columns, sizeof(*table->values));
		if (table->at_us == NULL || table->values == NULL) {
			return false;
		}
	}
	return true;
}

struct es_recording_tables *recording_tables_load(
		int fd, enum es_recording_rows rows, size_t points) {
	struct es_recording_tables *tables = calloc(1, sizeof(*tables));
	struct load load = {.tables = tables, .rows = rows};
	points = points > 0 && points < ES_RECORDING_MIN_POINTS ? ES_RECORDING_MIN_POINTS : points;
	if (tables == NULL) {
		return NULL;
	}
	load.folds = calloc(ES_RECORDING_TRACKS, sizeof(*load.folds));
	tables->names =
			rows == ES_RECORDING_WINDOWS ? &tables->head.sample_names : &tables->head.frame_names;
	bool ok = load.folds != NULL && go_through(fd, &load) && !load.failed &&
			make_tables(&load, points);
	load.filling = true;
	ok = ok && go_through(fd, &load);
	free(load.folds);
	if (!ok) {
		recording_tables_destroy(tables);
		return NULL;
	}
	return tables;
}

void recording_tables_destroy(struct es_recording_tables *tables) {
	if (tables == NULL) {
		return;
	}
	for (size_t i = 0; i < ES_RECORDING_TRACKS; i++) {
		free(tables->tables[i].at_us);
		free(tables->tables[i].values);
	}
	free(tables->changes);
	free(tables);
}

const struct es_recording_track *recording_tables_track(
		const struct es_recording_tables *tables, size_t track, uint64_t at_us) {
	const struct es_recording_track *found = NULL;
	for (size_t i = 0; i < tables->n_changes; i++) {
		const struct es_recording_track *change = &tables->changes[i];
		if (change->track == track && (found == NULL || (uint64_t)change->at_ms * 1000 <= at_us)) {
			found = change;
		}
	}
	return found;
}
