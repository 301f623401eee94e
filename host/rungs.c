#include "host/rungs.h"

#include <stdio.h>
#include <string.h>

#include "config.h"

#ifndef ES_HAVE_VAAPI
#define ES_HAVE_VAAPI 0
#endif
#ifndef ES_HAVE_VULKAN
#define ES_HAVE_VULKAN 0
#endif
#ifndef ES_HAVE_NVENC
#define ES_HAVE_NVENC 0
#endif
#ifndef ES_HAVE_FAKE
#define ES_HAVE_FAKE 0
#endif

#define NVIDIA 0x10de

#define NVENC_REMEDY "build with -Dnvenc=enabled (NVENC's headers)"
#define VAAPI_REMEDY "build with -Dvaapi=enabled (libva and libavcodec)"
#define VULKAN_REMEDY "build with -Dvulkan=enabled (Vulkan and libavcodec)"

#define NVENC(c) \
	{.name = "nvenc", \
			.codec = c, \
			.hardware = true, \
			.needs_gpu = true, \
			.vendor = NVIDIA, \
			.built = ES_HAVE_NVENC, \
			.remedy = NVENC_REMEDY}
// NVIDIA's VA-API driver only decodes.
#define VAAPI(c) \
	{.name = "vaapi", \
			.codec = c, \
			.hardware = true, \
			.needs_gpu = true, \
			.not_vendor = NVIDIA, \
			.built = ES_HAVE_VAAPI, \
			.remedy = VAAPI_REMEDY}
#define VULKAN(c) \
	{.name = "vulkan", \
			.codec = c, \
			.hardware = true, \
			.needs_gpu = true, \
			.built = ES_HAVE_VULKAN, \
			.remedy = VULKAN_REMEDY}

const struct es_rung rungs[] = {
#if ES_HAVE_FAKE
		{.name = "fake",
				.codec = ES_CODEC_H264,
				.hardware = true,
				.on_request = true,
				.built = true},
#endif
		NVENC(ES_CODEC_H264),
		VAAPI(ES_CODEC_H264),
		VULKAN(ES_CODEC_H264),
		{.name = "x264",
				.codec = ES_CODEC_H264,
				.built = ES_HAVE_X264,
				.remedy = "build with -Dx264=enabled (libx264)"},
		NVENC(ES_CODEC_HEVC),
		VAAPI(ES_CODEC_HEVC),
		VULKAN(ES_CODEC_HEVC),
		{.name = "x265",
				.codec = ES_CODEC_HEVC,
				.built = ES_HAVE_LAVC,
				.remedy = "build with -Dlavc=enabled (libavcodec with libx265)"},
		NVENC(ES_CODEC_AV1),
		VAAPI(ES_CODEC_AV1),
		VULKAN(ES_CODEC_AV1),
		{.name = "svtav1",
				.codec = ES_CODEC_AV1,
				.built = ES_HAVE_SVTAV1,
				.remedy = "build with -Dsvtav1=enabled (SVT-AV1)"},
};
const size_t n_rungs = sizeof(rungs) / sizeof(rungs[0]);

static const char *const any_words[] = {"auto", "software"};

static bool is_any(const char *word) {
	return strcmp(word, any_words[0]) == 0 || strcmp(word, any_words[1]) == 0;
}

static size_t count_named(const char *name, const struct es_rung **first) {
	size_t n = 0;
	*first = NULL;
	for (size_t i = 0; i < n_rungs; i++) {
		if (strcmp(name, rungs[i].name) == 0 && n++ == 0) {
			*first = &rungs[i];
		}
	}
	return n;
}

bool rungs_is_word(const char *word) {
	const struct es_rung *first;
	return is_any(word) || count_named(word, &first) > 0;
}

void rungs_list_words(char *out, size_t cap) {
	int at = snprintf(out, cap, "auto, software");
	for (size_t i = 0; i < n_rungs && at > 0 && (size_t)at < cap; i++) {
		const struct es_rung *first;
		count_named(rungs[i].name, &first);
		if (first == &rungs[i] && !first->on_request) {
			at += snprintf(out + at, cap - (size_t)at, ", %s", first->name);
		}
	}
}

bool rungs_codec(const char *word, enum es_codec *codec) {
	const struct es_rung *rung;
	if (count_named(word, &rung) != 1) {
		return false;
	}
	*codec = rung->codec;
	return true;
}

const struct es_rung *rungs_find(const char *name, enum es_codec codec) {
	for (size_t i = 0; i < n_rungs; i++) {
		if (strcmp(name, rungs[i].name) == 0 && rungs[i].codec == codec) {
			return &rungs[i];
		}
	}
	return NULL;
}

bool rungs_match(const struct es_rung *rung, const char *word) {
	if (strcmp(word, "auto") == 0) {
		return !rung->on_request;
	}
	return strcmp(word, "software") == 0 ? !rung->hardware : strcmp(word, rung->name) == 0;
}

static bool check_named(const char *word, enum es_codec codec, char *error, size_t cap) {
	const struct es_rung *rung = rungs_find(word, codec), *other = NULL;
	if (rung == NULL && count_named(word, &other) > 0) {
		snprintf(error, cap, "encoder '%s' makes %s, not %s: leave -e out or use -c %s", word,
				codec_name(other->codec), codec_name(codec), codec_name(other->codec));
		return false;
	}
	if (rung == NULL) {
		snprintf(error, cap, "there is no encoder '%s'", word);
		return false;
	}
	if (!rung->built) {
		snprintf(error, cap, "encoder '%s' (%s) is not available in this build: %s", word,
				codec_name(codec), rung->remedy);
	}
	return rung->built;
}

bool rungs_check(const char *word, enum es_codec codec, char *error, size_t cap) {
	if (!is_any(word)) {
		return check_named(word, codec, error, cap);
	}
	const struct es_rung *best = NULL;
	for (size_t i = 0; i < n_rungs; i++) {
		if (rungs[i].codec == codec && rungs_match(&rungs[i], word)) {
			if (rungs[i].built) {
				return true;
			}
			best = &rungs[i]; // in the end the software one: the remedy that always helps
		}
	}
	snprintf(error, cap, "encoder '%s' (%s) is not available in this build: %s",
			best != NULL ? best->name : word, codec_name(codec),
			best != NULL ? best->remedy : "there is none");
	return false;
}
