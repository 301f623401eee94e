#define _GNU_SOURCE
#include "host/stats_json.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yyjson.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

struct field {
	const char *key;
	uint64_t value;
};

static void add_fields(yyjson_mut_doc *doc, yyjson_mut_val *parent, const char *key,
		const struct field *fields, size_t n) {
	yyjson_mut_val *object = key != NULL ? yyjson_mut_obj_add_obj(doc, parent, key) : parent;
	for (size_t i = 0; i < n; i++) {
		yyjson_mut_obj_add_uint(doc, object, fields[i].key, fields[i].value);
	}
}

#define ADD_FIELDS(doc, parent, key, ...) \
	add_fields(doc, parent, key, (const struct field[]){__VA_ARGS__}, \
			sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))

static void add_head(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct es_run_summary *s) {
	yyjson_mut_obj_add_real(doc, root, "seconds", (double)s->duration_ns / (double)ES_NS_PER_S);
	ADD_FIELDS(doc, root, "mode", {"width", s->mode.width}, {"height", s->mode.height},
			{"refresh_mhz", (uint64_t)s->mode.refresh_mhz});
	bool seen = s->stream.encoder[0] != '\0';
	yyjson_mut_obj_add_strcpy(doc, root, "encoder", seen ? s->stream.encoder : s->encoder);
	yyjson_mut_obj_add_strcpy(doc, root, "codec", codec_name(seen ? s->stream.codec : s->codec));
}

static void add_counters(
		yyjson_mut_doc *doc, yyjson_mut_val *root, const struct es_run_summary *s) {
	const struct es_display_stats *d = &s->display;
	ADD_FIELDS(doc, root, "frames", {"committed", d->committed}, {"new", s->stream.units_new},
			{"repeated", s->stream.units_repeated}, {"superseded", d->superseded},
			{"cursor", s->stream.units_cursor}, {"dropped", s->stream.dropped},
			{"direct", d->direct}, {"composed", d->composed});
	ADD_FIELDS(doc, root, "compose_reasons", {"shm", d->compose_reason[ES_COMPOSE_SHM]},
			{"layers", d->compose_reason[ES_COMPOSE_LAYERS]},
			{"format", d->compose_reason[ES_COMPOSE_FORMAT]},
			{"scaled", d->compose_reason[ES_COMPOSE_SCALED]},
			{"other", d->compose_reason[ES_COMPOSE_OTHER]});
}

static void add_stages(
		yyjson_mut_doc *doc, yyjson_mut_val *root, const struct es_stream_stats *stats) {
	static const char *const names[ES_STAGE_COUNT] = {
			"wait", "compose", "queue", "convert", "encode", "packetize", "send", "total"};
	yyjson_mut_val *stages = yyjson_mut_obj_add_obj(doc, root, "stages_us");
	for (int i = 0; i < ES_STAGE_COUNT; i++) {
		const struct es_stage_summary *s = &stats->session[i];
		ADD_FIELDS(doc, stages, names[i], {"p50", s->p50_us}, {"p95", s->p95_us},
				{"p99", s->p99_us}, {"max", s->max_us}, {"sum_ns", s->sum_ns});
	}
}

static void add_costs(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct es_run_summary *s) {
	const struct es_usage *d = &s->display.usage, *e = &s->encode.usage, *t = &s->stream.usage;
	ADD_FIELDS(doc, root, "import_cache", {"hits", s->encode.cache_hits},
			{"misses", s->encode.cache_misses}, {"evictions", s->encode.cache_evictions});
	ADD_FIELDS(doc, root, NULL, {"damage_px", s->display.damage_px},
			{"composed_px", s->display.composed_px}, {"converted_px", s->encode.converted_px},
			{"bytes", s->stream.bytes});
	ADD_FIELDS(doc, root, "cpu_ms", {"display", d->cpu_us / 1000}, {"encode", e->cpu_us / 1000},
			{"stream", t->cpu_us / 1000});
	ADD_FIELDS(doc, root, "peak_rss_kib", {"display", d->peak_rss_kib}, {"encode", e->peak_rss_kib},
			{"stream", t->peak_rss_kib});
}

static void add_rest(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct es_run_summary *s) {
	yyjson_mut_obj_add_sint(doc, root, "first_ns", s->stream.first_ns);
	yyjson_mut_obj_add_sint(doc, root, "last_ns", s->stream.last_ns);
	ADD_FIELDS(doc, root, NULL, {"missed_slots", s->stream.missed_slots},
			{"bitrate_kbps", s->bitrate_kbps}, {"encoder_restarts", s->encoder_restarts},
			{"fence_timeouts", s->display.fence_timeouts},
			{"import_failures", s->encode.import_failures});
	ADD_FIELDS(doc, root, "idr", {"asked", s->encode.idr_asked}, {"made", s->encode.idr_made});
	ADD_FIELDS(doc, root, "invalidations", {"asked", s->encode.invalidations_asked},
			{"made", s->encode.invalidations_made});
	ADD_FIELDS(doc, root, "sound", {"packets", s->stream.sound.packets},
			{"dropped", s->stream.sound.dropped + s->display.sound_dropped},
			{"inserted", s->stream.sound.inserted});
	yyjson_mut_obj_add_sint(doc, root, "exit", s->exit_status);
	yyjson_mut_obj_add_str(doc, root, "end", s->end_reason);
}

char *stats_json_text(const struct es_run_summary *summary, size_t *size) {
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
	if (root == NULL) {
		yyjson_mut_doc_free(doc);
		return NULL;
	}
	yyjson_mut_doc_set_root(doc, root);
	add_head(doc, root, summary);
	add_counters(doc, root, summary);
	add_stages(doc, root, &summary->stream);
	add_costs(doc, root, summary);
	add_rest(doc, root, summary);
	char *text = yyjson_mut_write(
			doc, YYJSON_WRITE_PRETTY_TWO_SPACES | YYJSON_WRITE_NEWLINE_AT_END, size);
	yyjson_mut_doc_free(doc);
	return text;
}

// A file that exists and is none (a pipe, a terminal, /dev/null) is written as it is.
static bool is_special(const char *path) {
	struct stat st;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static bool fail(const char *path, const char *what) {
	es_log(ES_LOG_ERROR, "cannot write statistics to '%s': %s", path, what);
	return false;
}

bool stats_json_check(const char *path) {
	struct stat st;
	if (strcmp(path, "-") == 0) {
		return true;
	}
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		return fail(path, strerror(EISDIR));
	}
	if (is_special(path)) {
		return access(path, W_OK) == 0 || fail(path, strerror(errno));
	}
	char copy[4096];
	if (strlen(path) + sizeof(".XXXXXX") > sizeof(copy)) {
		return fail(path, strerror(ENAMETOOLONG));
	}
	snprintf(copy, sizeof(copy), "%s", path);
	return access(dirname(copy), W_OK | X_OK) == 0 || fail(path, strerror(errno));
}

static bool write_direct(const char *path, const char *text, size_t size) {
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? fd_dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	bool ok = fd >= 0 && fd_write_all(fd, text, size);
	if (!ok) {
		fail(path, strerror(errno));
	}
	fd_close(&fd);
	return ok;
}

static bool write_renamed(const char *path, const char *text, size_t size) {
	char temporary[4096];
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		return fail(path, strerror(errno));
	}
	mode_t mask = umask(0);
	umask(mask);
	bool ok = fchmod(fd, 0666 & ~mask) == 0 && fd_write_all(fd, text, size) &&
			rename(temporary, path) == 0;
	if (!ok) {
		fail(path, strerror(errno));
		unlink(temporary);
	}
	fd_close(&fd);
	return ok;
}

bool stats_json_write(const char *path, const struct es_run_summary *summary) {
	size_t size;
	char *text = stats_json_text(summary, &size);
	if (text == NULL) {
		return fail(path, "out of memory");
	}
	bool direct = strcmp(path, "-") == 0 || is_special(path);
	bool ok = direct ? write_direct(path, text, size) : write_renamed(path, text, size);
	free(text);
	return ok;
}
