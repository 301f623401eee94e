#include "compositor/pad_model.h"

uint8_t pad_axis8(int16_t v, bool inverted) {
	int at = (v + 32768) >> 8;
	return (uint8_t)(v == 0 ? 128 : inverted ? 255 - at : at);
}

uint8_t pad_hat(uint32_t buttons) {
	// By right, left, down, up.
	static const uint8_t directions[16] = {8, 0, 4, 8, 6, 7, 5, 6, 2, 1, 3, 2, 8, 0, 4, 8};
	return directions[buttons & 0xf];
}

int16_t pad_scaled(int64_t v, int64_t numerator, int64_t denominator) {
	int64_t scaled = v * numerator / denominator;
	return (int16_t)(scaled > INT16_MAX ? INT16_MAX : scaled < INT16_MIN ? INT16_MIN : scaled);
}

void pad_put_le16(uint8_t *p, int v) {
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)((unsigned int)v >> 8);
}

struct es_device_msg *pad_answer(struct es_pad_answers *answers, enum es_device_msg_type type) {
	if (answers->n_feedback == ES_PAD_MAX_FEEDBACK) {
		return NULL;
	}
	struct es_device_msg *msg = &answers->feedback[answers->n_feedback++];
	*msg = (struct es_device_msg){.type = type};
	return msg;
}
