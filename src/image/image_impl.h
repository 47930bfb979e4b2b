/* Inside the image module: one pair of functions for each file format. All local. */
#ifndef EXSET_IMAGE_IMPL_H
#define EXSET_IMAGE_IMPL_H

#include "exset/image.h"

int exset_image_tiff_info(exset_ctx_t *ctx, const char *path, exset_image_info_t *info);
int exset_image_tiff_read(exset_ctx_t *ctx, const char *path, int64_t first, int64_t count,
                          uint16_t *value);
int exset_image_png_info(exset_ctx_t *ctx, const char *path, exset_image_info_t *info);
int exset_image_png_read(exset_ctx_t *ctx, const char *path, uint16_t *value);

/*
 * One gray value for each of n pixels with `channels` interleaved samples: 1 gray, 2 gray and
 * alpha, 3 RGB, 4 RGB and alpha. Colours must be equal, alpha must be opaque (`max`).
 */
int exset_image_to_gray(exset_ctx_t *ctx, const char *path, int64_t n, int channels, unsigned max,
                        const uint16_t *sample, uint16_t *gray);

#endif
