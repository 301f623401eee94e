#include "encode/encoder.h"

#include <assert.h>
#include <string.h>

#include "config.h"
#include "encode/encoder_impls.h"

const struct es_encoder_impl *const encoder_impls[] = {
#if ES_HAVE_NVENC
		&encoder_nvenc_h264,
		&encoder_nvenc_hevc,
		&encoder_nvenc_av1,
#endif
#if ES_HAVE_VAAPI
		&encoder_vaapi_h264,
		&encoder_vaapi_hevc,
		&encoder_vaapi_av1,
#endif
#if ES_HAVE_VULKAN
		&encoder_vulkan_h264,
		&encoder_vulkan_hevc,
		&encoder_vulkan_av1,
#endif
#if ES_HAVE_X264
		&encoder_x264,
#endif
#if ES_HAVE_SVTAV1
		&encoder_svtav1,
#endif
#if ES_HAVE_LAVC
		&encoder_x265,
#endif
#if ES_HAVE_FAKE
		&encoder_fake,
#endif
		NULL,
};

const struct es_encoder_impl *encoder_find(const char *name, enum es_codec codec) {
	bool any = strcmp(name, "auto") == 0 || strcmp(name, "software") == 0;
	for (size_t i = 0; encoder_impls[i] != NULL; i++) {
		const struct es_encoder_impl *impl = encoder_impls[i];
		if (impl->codec == codec &&
				(any ? impl->device == &device_cpu : strcmp(impl->name, name) == 0)) {
			return impl;
		}
	}
	return NULL;
}

bool encoder_takes(const struct es_encoder_impl *impl, const struct es_colour *colour,
		enum es_picture_layout *layout) {
	return impl->takes(colour, layout);
}

bool gpu_takes_8_bits(const struct es_colour *colour, enum es_picture_layout *layout) {
	*layout = ES_PICTURE_NV12;
	return colour->depth == 8 && !colour->yuv444;
}

bool gpu_takes_10_bits(const struct es_colour *colour, enum es_picture_layout *layout) {
	*layout = colour->depth > 8 ? ES_PICTURE_P010 : ES_PICTURE_NV12;
	return !colour->yuv444;
}

struct es_encoder *encoder_create(const struct es_encoder_impl *impl, struct es_device *device,
		const struct es_encoder_params *params) {
	assert(device->impl == impl->device);
	return impl->create(impl, device, params);
}

void encoder_destroy(struct es_encoder *encoder) {
	if (encoder != NULL) {
		encoder->impl->destroy(encoder);
	}
}

bool encoder_convert(struct es_encoder *encoder, const struct es_convert_request *request,
		int *release_fd, const char **why) {
	*release_fd = -1;
	return encoder->impl->convert(encoder, request, release_fd, why);
}

bool encoder_encode(struct es_encoder *encoder, const struct es_picture *picture,
		const struct es_encode_request *request, uint8_t *out, size_t cap,
		struct es_encoded *encoded) {
	*encoded = (struct es_encoded){0};
	return encoder->impl->encode(encoder, picture, request, out, cap, encoded);
}

size_t encoder_headers(struct es_encoder *encoder, uint8_t *out, size_t cap) {
	return encoder->impl->headers(encoder, out, cap);
}

bool encoder_invalidate(struct es_encoder *encoder, uint64_t first, uint64_t last) {
	return encoder->impl->invalidate != NULL && encoder->impl->invalidate(encoder, first, last);
}

bool encoder_set_bitrate(struct es_encoder *encoder, uint32_t kbps) {
	return encoder->impl->set_bitrate != NULL && encoder->impl->set_bitrate(encoder, kbps);
}
