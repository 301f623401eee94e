// Messages of a browser's player, and what its codec is called.
#include <stdlib.h>
#include <string.h>

#include "protocol/codec_string.h"
#include "protocol/player_msg.h"
#include "tests/fuzz/fuzz.h"

static void check_video(const uint8_t *data, size_t size) {
	struct es_player_video video;
	uint8_t again[ES_PLAYER_VIDEO_HEADER];
	if (player_video_get(&video, data, size)) {
		player_video_put(again, &video);
		if (memcmp(again, data, sizeof(again)) != 0) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char text[ES_CODEC_STRING_SIZE];
	check_video(data, size);
	if (codec_string_read(text, ES_CODEC_AV1, data, size) && strlen(text) < 13) {
		abort();
	}
	if (codec_string_read(text, ES_CODEC_H264, data, size) && strlen(text) != 11) {
		abort();
	}
	return fuzz_family(&player_family, data, size);
}

size_t fuzz_seed(size_t index, uint8_t *out, size_t cap) {
	static const uint8_t more[][40] = {
			{0, 0, 1, 0x67, 0x64, 0x00, 0x2a, 0xac},
			{0x12, 0, 0x0a, 4, 0x00, 0x00, 0x00, 0x46},
			{'P', 1, 2, 0, 5, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 9, 8, 7, 6, 5, 4, 3, 0, 0x10, 0x27},
	};
	if (index < sizeof(more) / sizeof(more[0]) && cap >= sizeof(more[0])) {
		memcpy(out, more[index], sizeof(more[0]));
		return sizeof(more[0]);
	}
	index -= sizeof(more) / sizeof(more[0]);
	return fuzz_family_seed(&player_family, index, out, cap);
}
