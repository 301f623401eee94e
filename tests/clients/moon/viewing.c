#include "tests/clients/moon/viewing.h"

#include <errno.h>
#include <string.h>

#include "tests/clients/moon/say.h"

#define NS_PER_MS INT64_C(1000000)

static void handle_picture(void *data, const struct es_moon_picture *picture) {
	struct es_viewing *viewing = data;
	// the decoder may have kept it for a while
	const struct es_moon_frame *frame = &viewing->given[picture->frame % ES_VIEWING_GIVEN];
	bool marked = picture->mark == ES_MARK_OK;
	viewing->marked += marked;
	viewing->wrong_marks += picture->mark == ES_MARK_BAD_CRC;
	say_begin("frame");
	say_number("index", viewing->decoded++);
	say_number("frame", picture->frame);
	say_number("type", frame->type);
	if (marked) {
		say_number("number", picture->number);
	} else {
		say_null("number");
	}
	say_number("at_ns", frame->at_ns);
	say_number("recovered", frame->recovered);
	say_number("size", (int64_t)frame->size);
	say_number("timestamp", frame->timestamp);
	say_number("latency", frame->latency);
	say_number("width", picture->width);
	say_number("height", picture->height);
	say_number("luma", picture->luma);
	if (viewing->searches) {
		const double box[4] = {picture->x, picture->y, picture->found_width, picture->found_height};
		say_number("found", picture->n_found);
		say_decimals("box", box, 4);
	}
	if (viewing->shadow != NULL) {
		bool same = decoder_same_picture(viewing->decoder, viewing->shadow);
		viewing->different += !same;
		say_bool("same", same);
	}
	say_end();
}

bool viewing_init(struct es_viewing *viewing, enum es_codec codec, bool decode, const char *out) {
	if (decode) {
		viewing->decoder = decoder_create(codec, handle_picture, viewing);
		if (viewing->decoder == NULL) {
			return false;
		}
	}
	viewing->out = out != NULL ? fopen(out, "we") : NULL;
	if (out != NULL && viewing->out == NULL) {
		say_error("cannot write %s: %s", out, strerror(errno));
		return false;
	}
	return true;
}

void viewing_search(struct es_viewing *viewing, const uint8_t yuv[3]) {
	if (viewing->decoder != NULL) {
		viewing->searches = true;
		decoder_search(viewing->decoder, yuv);
	}
}

bool viewing_add_shadow(struct es_viewing *viewing, enum es_codec codec) {
	viewing->shadow = decoder_create(codec, NULL, NULL);
	return viewing->shadow != NULL;
}

void viewing_finish(struct es_viewing *viewing) {
	decoder_destroy(viewing->shadow);
	decoder_destroy(viewing->decoder);
	if (viewing->out != NULL) {
		fclose(viewing->out);
	}
}

static void note_gap(struct es_viewing *viewing, const struct es_moon_frame *frame) {
	if (viewing->last_frame_ns != 0) {
		uint32_t gap_ms = (uint32_t)((frame->at_ns - viewing->last_frame_ns) / NS_PER_MS);
		viewing->max_gap_ms = gap_ms > viewing->max_gap_ms ? gap_ms : viewing->max_gap_ms;
	}
	viewing->last_frame_ns = frame->at_ns;
	if (viewing->first_frame_ns == 0) {
		viewing->first_frame_ns = frame->at_ns;
	}
}

void viewing_take_whole(struct es_viewing *viewing, const struct es_moon_frame *frame) {
	if (viewing->shadow != NULL &&
			!decoder_feed(viewing->shadow, frame->number, frame->data, frame->size)) {
		viewing->decode_errors++;
		say_line("decode-error", "frame %u, and none was lost", frame->number);
	}
}

void viewing_take(struct es_viewing *viewing, const struct es_moon_frame *frame) {
	note_gap(viewing, frame);
	if (viewing->out != NULL) {
		fwrite(frame->data, 1, frame->size, viewing->out);
	}
	if (viewing->decoder == NULL) {
		viewing->decoded++;
	} else {
		viewing->given[frame->number % ES_VIEWING_GIVEN] = *frame;
		if (!decoder_feed(viewing->decoder, frame->number, frame->data, frame->size)) {
			viewing->decode_errors++;
			say_line("decode-error", "frame %u", frame->number);
		}
	}
}

void viewing_say_statistics(const struct es_viewing *viewing) {
	say_number("decoded", viewing->decoded);
	say_number("marked", viewing->marked);
	say_number("wrong_marks", viewing->wrong_marks);
	say_number("decode_errors", viewing->decode_errors);
	say_number("different", viewing->different);
	say_number("max_gap_ms", viewing->max_gap_ms);
	say_number("first_frame_ns", viewing->first_frame_ns);
	say_number("last_frame_ns", viewing->last_frame_ns);
}
