// Decodes a video and prints one line of JSON per picture with the frame number that the
// paint client drew in it. Also writes a picture as PPM, or compares it with one.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/clients/mark.h"
#include "tests/tools/picture.h"

#define SEARCH_STEP 8

struct es_place {
	uint32_t x, y;
};

struct es_readmarks {
	// options
	const char *path;
	uint32_t cell;
	bool fixed; // look at `first` only
	int64_t dump_index, compare_index; // -1: none
	int64_t compare_number; // -1: none
	const char *dump_path, *compare_path;
	// state
	struct es_place first; // where the mark was last
	int64_t index;
	bool compared;
	// owned
	AVFormatContext *format;
	AVCodecContext *codec;
	AVFrame *frame;
	AVPacket *packet;
};

struct es_reading {
	enum es_mark_result result;
	uint32_t number;
	struct es_place place;
	bool torn; // another mark shows another number
};

static enum es_mark_result read_at(
		const struct es_readmarks *reader, struct es_place place, uint32_t *number) {
	const AVFrame *frame = reader->frame;
	return mark_read(frame->data[0], (size_t)frame->linesize[0], (uint32_t)frame->width,
			(uint32_t)frame->height, place.x, place.y, reader->cell, number);
}

static bool inside(struct es_place place, const struct es_reading *reading, uint32_t cell) {
	return place.x + cell > reading->place.x && place.x < reading->place.x + cell &&
			place.y + cell > reading->place.y && place.y < reading->place.y + cell;
}

// Every mark of the picture; the first one counts, the others must agree.
static void search(const struct es_readmarks *reader, struct es_reading *reading) {
	const AVFrame *frame = reader->frame;
	for (uint32_t y = 0; y < (uint32_t)frame->height; y += SEARCH_STEP) {
		for (uint32_t x = 0; x < (uint32_t)frame->width; x += SEARCH_STEP) {
			struct es_place place = {x, y};
			uint32_t number;
			enum es_mark_result result = read_at(reader, place, &number);
			if (result == ES_MARK_NONE) {
				continue;
			}
			if (reading->result != ES_MARK_OK) {
				*reading = (struct es_reading){result, number, place, false};
			} else if (result == ES_MARK_OK && number != reading->number &&
					!inside(place, reading, reader->cell)) {
				reading->torn = true;
			}
		}
	}
}

static struct es_reading read_marks(struct es_readmarks *reader) {
	struct es_reading reading = {.result = ES_MARK_NONE, .place = reader->first};
	if (reader->fixed) {
		reading.result = read_at(reader, reader->first, &reading.number);
	} else {
		search(reader, &reading);
	}
	return reading;
}

static int64_t pts_us(const struct es_readmarks *reader, const AVStream *stream) {
	int64_t pts = reader->frame->best_effort_timestamp;
	return pts == AV_NOPTS_VALUE ? -1 : av_rescale_q(pts, stream->time_base, AV_TIME_BASE_Q);
}

static bool examine_picture(struct es_readmarks *reader, const struct es_reading *reading) {
	bool by_number = reader->compare_number >= 0 && reading->result == ES_MARK_OK &&
			reading->number == reader->compare_number && !reader->compared;
	if (reader->index == reader->dump_index) {
		struct es_rgb rgb;
		bool ok = picture_from_frame(reader->frame, &rgb) && picture_write(&rgb, reader->dump_path);
		picture_finish(&rgb);
		return ok;
	}
	if (reader->index == reader->compare_index || by_number) {
		reader->compared = true;
		return picture_compare(reader->frame, reader->compare_path, reader->index);
	}
	return true;
}

static bool handle_frame(struct es_readmarks *reader, const AVStream *stream) {
	const AVFrame *frame = reader->frame;
	struct es_reading reading = read_marks(reader);
	printf("{\"index\":%" PRId64 ",\"pts_us\":%" PRId64 ",\"key\":%s", reader->index,
			pts_us(reader, stream), frame->flags & AV_FRAME_FLAG_KEY ? "true" : "false");
	if (reading.result == ES_MARK_NONE) {
		printf(",\"number\":null,\"crc_ok\":false}\n");
	} else {
		printf(",\"number\":%" PRIu32 ",\"crc_ok\":%s,\"x\":%" PRIu32 ",\"y\":%" PRIu32
			   ",\"torn\":%s}\n",
				reading.number, reading.result == ES_MARK_OK ? "true" : "false", reading.place.x,
				reading.place.y, reading.torn ? "true" : "false");
	}
	bool ok = examine_picture(reader, &reading);
	reader->index++;
	return ok;
}

static bool receive_frames(struct es_readmarks *reader, const AVStream *stream) {
	int result;
	while ((result = avcodec_receive_frame(reader->codec, reader->frame)) == 0) {
		if (!handle_frame(reader, stream)) {
			return false;
		}
	}
	return result == AVERROR(EAGAIN) || result == AVERROR_EOF;
}

static bool decode_all(struct es_readmarks *reader, const AVStream *stream) {
	while (av_read_frame(reader->format, reader->packet) == 0) {
		bool ok = true;
		if (reader->packet->stream_index == stream->index) {
			ok = avcodec_send_packet(reader->codec, reader->packet) == 0 &&
					receive_frames(reader, stream);
		}
		av_packet_unref(reader->packet);
		if (!ok) {
			return false;
		}
	}
	return avcodec_send_packet(reader->codec, NULL) == 0 && receive_frames(reader, stream);
}

static const AVStream *open_input(struct es_readmarks *reader) {
	const AVCodec *decoder = NULL;
	if (avformat_open_input(&reader->format, reader->path, NULL, NULL) < 0 ||
			avformat_find_stream_info(reader->format, NULL) < 0) {
		fprintf(stderr, "readmarks: cannot read %s\n", reader->path);
		return NULL;
	}
	int index = av_find_best_stream(reader->format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
	if (index < 0 || decoder == NULL) {
		fprintf(stderr, "readmarks: %s: no video that can be decoded\n", reader->path);
		return NULL;
	}
	const AVStream *stream = reader->format->streams[index];
	reader->codec = avcodec_alloc_context3(decoder);
	reader->frame = av_frame_alloc();
	reader->packet = av_packet_alloc();
	if (reader->codec == NULL || reader->frame == NULL || reader->packet == NULL) {
		return NULL;
	}
	reader->codec->thread_count = 1;
	if (avcodec_parameters_to_context(reader->codec, stream->codecpar) < 0 ||
			avcodec_open2(reader->codec, decoder, NULL) < 0) {
		fprintf(stderr, "readmarks: %s: cannot start the decoder\n", reader->path);
		return NULL;
	}
	return stream;
}

static bool parse_indexed_path(char *text, int64_t *index, const char **path) {
	char *colon = strchr(text, ':');
	if (colon == NULL) {
		return false;
	}
	*index = strtoll(text, NULL, 10);
	*path = colon + 1;
	return *index >= 0;
}

static bool parse_options(struct es_readmarks *reader, int argc, char **argv) {
	static const struct option table[] = {
			{"at", required_argument, NULL, 'a'},
			{"cell", required_argument, NULL, 'c'},
			{"dump", required_argument, NULL, 'd'},
			{"compare", required_argument, NULL, 'p'},
			{"compare-number", required_argument, NULL, 'n'},
			{0},
	};
	int key;
	while ((key = getopt_long(argc, argv, "", table, NULL)) != -1) {
		bool ok = false;
		if (key == 'a') {
			reader->fixed = true;
			ok = sscanf(optarg, "%" SCNu32 ",%" SCNu32, &reader->first.x, &reader->first.y) == 2;
		} else if (key == 'c') {
			reader->cell = (uint32_t)strtoul(optarg, NULL, 10);
			ok = reader->cell > 0;
		} else if (key == 'd') {
			ok = parse_indexed_path(optarg, &reader->dump_index, &reader->dump_path);
		} else if (key == 'p') {
			ok = parse_indexed_path(optarg, &reader->compare_index, &reader->compare_path);
		} else if (key == 'n') {
			ok = parse_indexed_path(optarg, &reader->compare_number, &reader->compare_path);
		}
		if (!ok) {
			return false;
		}
	}
	if (optind + 1 != argc) {
		return false;
	}
	reader->path = argv[optind];
	return true;
}

int main(int argc, char **argv) {
	struct es_readmarks reader = {
			.cell = MARK_CELL,
			.dump_index = -1,
			.compare_index = -1,
			.compare_number = -1,
	};
	if (!parse_options(&reader, argc, argv)) {
		fprintf(stderr,
				"usage: readmarks [--at X,Y] [--cell PIXELS] [--dump INDEX:FILE.ppm]\n"
				"    [--compare INDEX:FILE.ppm] [--compare-number NUMBER:FILE.ppm] VIDEO\n");
		return 2;
	}
	const AVStream *stream = open_input(&reader);
	bool ok = stream != NULL && decode_all(&reader, stream);
	if (stream != NULL && !ok) {
		fprintf(stderr, "readmarks: %s: stopped at picture %" PRId64 "\n", reader.path,
				reader.index);
	}
	av_frame_free(&reader.frame);
	av_packet_free(&reader.packet);
	avcodec_free_context(&reader.codec);
	avformat_close_input(&reader.format);
	return ok ? 0 : 1;
}
