#include "encode/yuv_matrix.h"

#define BT2020 9

struct es_yuv_matrix yuv_matrix(const struct es_colour *colour) {
	double kr = colour->matrix == BT2020 ? 0.2627 : 0.2126;
	double kb = colour->matrix == BT2020 ? 0.0593 : 0.0722;
	double kg = 1 - kr - kb;
	int32_t max_code = (1 << colour->depth) - 1;
	double step = 1 << (colour->depth - 8);
	double y_range = colour->full_range ? max_code : 219 * step;
	double c_range = colour->full_range ? max_code : 224 * step;
	double y_offset = colour->full_range ? 0 : 16 * step;
	double u = c_range / (2 * (1 - kb)), v = c_range / (2 * (1 - kr));
	return (struct es_yuv_matrix){
			.y = {(float)(y_range * kr), (float)(y_range * kg), (float)(y_range * kb),
					(float)y_offset},
			.u = {(float)(-u * kr), (float)(-u * kg), (float)(u * (1 - kb)), (float)(128 * step)},
			.v = {(float)(v * (1 - kr)), (float)(-v * kg), (float)(-v * kb), (float)(128 * step)},
			.max_code = max_code,
			.shift = colour->depth > 8 ? 16 - colour->depth : 0,
	};
}
