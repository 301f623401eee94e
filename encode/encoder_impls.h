// The families of encoders and what they import on; each file exists in the build only with its
// feature.
#pragma once

#include "encode/device.h"
#include "encode/encoder.h"

extern const struct es_device_impl device_cpu;
extern const struct es_device_impl device_vaapi;
extern const struct es_device_impl device_vulkan;
extern const struct es_device_impl device_fake; // for tests

extern const struct es_encoder_impl encoder_nvenc_h264;
extern const struct es_encoder_impl encoder_nvenc_hevc;
extern const struct es_encoder_impl encoder_nvenc_av1;
extern const struct es_encoder_impl encoder_vaapi_h264;
extern const struct es_encoder_impl encoder_vaapi_hevc;
extern const struct es_encoder_impl encoder_vaapi_av1;
extern const struct es_encoder_impl encoder_vulkan_h264;
extern const struct es_encoder_impl encoder_vulkan_hevc;
extern const struct es_encoder_impl encoder_vulkan_av1;
extern const struct es_encoder_impl encoder_x264;
extern const struct es_encoder_impl encoder_svtav1;
extern const struct es_encoder_impl encoder_x265;
extern const struct es_encoder_impl encoder_fake; // for tests

// What all encoders of GPUs take so far, by codec: 4:2:0 only.
bool gpu_takes_8_bits(const struct es_colour *colour, enum es_picture_layout *layout);
bool gpu_takes_10_bits(const struct es_colour *colour, enum es_picture_layout *layout);
