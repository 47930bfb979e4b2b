/* TIFF and PNG files made byte by byte, without the libraries that read them. For the image and volume tests. */
#ifndef EXSET_TEST_IMAGE_H
#define EXSET_TEST_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  unsigned char *data;
  size_t size, room;
} bytes_t;

static inline void put_bytes(bytes_t *b, const void *data, size_t n) {
  if (n == 0) return;
  if (b->size + n > b->room) {
    b->room = 2 * (b->size + n);
    b->data = realloc(b->data, b->room);
    if (!b->data) abort();
  }
  memcpy(b->data + b->size, data, n);
  b->size += n;
}

/* value as n bytes, most or least significant first */
static inline void put_number(bytes_t *b, uint32_t value, int n, bool big) {
  for (int i = 0; i < n; i++) {
    const unsigned char c = (unsigned char)(value >> 8 * (big ? n - 1 - i : i));
    put_bytes(b, &c, 1);
  }
}

static inline void save_bytes(bytes_t *b, const char *path) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(b->data, 1, b->size, file) != b->size || fclose(file) != 0) abort();
  free(b->data);
  memset(b, 0, sizeof *b);
}

/* Zeros stand for the usual: one channel, min-is-black, unsigned, one strip, one page, no compression. */
typedef struct {
  int64_t rows, cols;
  int bits, channels, pages;
  int min_is_white, rgb, palette; /* photometric; palette: 1 grays spread evenly, 2 colours */
  int format;                     /* 1 unsigned, 2 signed, 3 float */
  int strip_rows, tile;           /* tile: edge length of square tiles */
  bool big_endian, packbits;
  int grow; /* every page has so many rows more than the one before (values repeat) */
} tiff_spec_t;

/* Samples [row, row + n) x [col, col + wide), packed; beyond the image 0. */
static inline void put_block(bytes_t *b, const tiff_spec_t *s, int channels, const uint16_t *sample,
                             int64_t row, int64_t n, int64_t col, int64_t wide) {
  for (int64_t r = row; r < row + n; r++) {
    bytes_t line = {0};
    unsigned packed = 0, used = 0;
    for (int64_t i = col * channels; i < (col + wide) * channels; i++) {
      const bool inside = r < s->rows && i < s->cols * channels;
      const uint16_t v = inside ? sample[r * s->cols * channels + i] : 0;
      if (s->bits >= 8) {
        put_number(&line, v, s->bits / 8, s->big_endian);
        continue;
      }
      packed = packed << s->bits | v;
      used += (unsigned)s->bits;
      if (used < 8) continue;
      put_number(&line, packed, 1, true);
      packed = used = 0;
    }
    if (used) put_number(&line, packed << (8 - used), 1, true);
    for (size_t i = 0; i < line.size; i += 128) { /* literal runs */
      const size_t run = line.size - i < 128 ? line.size - i : 128;
      if (s->packbits) put_number(b, (uint32_t)run - 1, 1, true);
      put_bytes(b, line.data + i, run);
    }
    free(line.data);
  }
}

static inline void put_entry(bytes_t *b, const tiff_spec_t *s, int tag, int type, uint32_t count,
                             uint32_t value) {
  put_number(b, (uint32_t)tag, 2, s->big_endian);
  put_number(b, (uint32_t)type, 2, s->big_endian);
  put_number(b, count, 4, s->big_endian);
  if (type == 3 && count <= 2) { /* one or two shorts stand in the entry itself */
    put_number(b, value & 65535, 2, s->big_endian);
    put_number(b, value >> 16, 2, s->big_endian);
  } else {
    put_number(b, value, 4, s->big_endian);
  }
}

static inline void set_number(bytes_t *b, size_t at, uint32_t value, bool big) {
  for (size_t i = 0; i < 4; i++) b->data[at + i] = (unsigned char)(value >> 8 * (big ? 3 - i : i));
}

/* One page; *link is the place of the pointer to it, and then of the pointer to the next. */
static inline void put_page(bytes_t *b, const tiff_spec_t *s, const uint16_t *sample,
                            size_t *link) {
  enum { MAX_BLOCKS = 4096, SHORT = 3, LONG = 4 };
  static uint32_t at[MAX_BLOCKS], bytes[MAX_BLOCKS];
  const bool big = s->big_endian;
  const int channels = s->channels ? s->channels : 1;
  const int64_t high = s->tile ? s->tile : s->strip_rows ? s->strip_rows : s->rows;
  const int64_t wide = s->tile ? s->tile : s->cols;
  uint32_t n = 0;
  for (int64_t r = 0; r < s->rows; r += high)
    for (int64_t c = 0; c < s->cols; c += wide, n++) {
      if (n >= MAX_BLOCKS) abort();
      at[n] = (uint32_t)b->size;
      const int64_t left = s->rows - r;
      put_block(b, s, channels, sample, r, s->tile || left > high ? high : left, c, wide);
      bytes[n] = (uint32_t)b->size - at[n];
    }
  const uint32_t offsets = (uint32_t)b->size;
  for (uint32_t i = 0; i < n; i++) put_number(b, at[i], 4, big);
  const uint32_t counts = (uint32_t)b->size;
  for (uint32_t i = 0; i < n; i++) put_number(b, bytes[i], 4, big);
  const uint32_t depths = (uint32_t)b->size;
  for (int i = 0; i < channels; i++) put_number(b, (uint32_t)s->bits, 2, big);
  const uint32_t map = (uint32_t)b->size, colours = s->palette ? 1u << s->bits : 0;
  for (uint32_t i = 0; s->palette && i < 3 * colours; i++) {
    const uint32_t gray = i % colours * (65535 / (colours - 1));
    put_number(b, s->palette == 2 && i < colours ? 65535 - gray : gray, 2, big);
  }
  if (b->size % 2) put_number(b, 0, 1, big);
  set_number(b, *link, (uint32_t)b->size, big);
  const bool alpha = channels == 2 || channels == 4;
  put_number(b, 10u + (s->tile > 0) + (s->palette > 0) + alpha + (s->format > 0), 2, big);
  put_entry(b, s, 256, LONG, 1, (uint32_t)s->cols);
  put_entry(b, s, 257, LONG, 1, (uint32_t)s->rows);
  if (channels > 2) put_entry(b, s, 258, SHORT, (uint32_t)channels, depths);
  else /* two shorts fit into the entry; the second is padding for one channel */
    put_entry(b, s, 258, SHORT, (uint32_t)channels,
              channels == 1 ? (uint32_t)s->bits : (uint32_t)s->bits * 65537u);
  put_entry(b, s, 259, SHORT, 1, s->packbits ? 32773 : 1);
  put_entry(b, s, 262, SHORT, 1, s->palette ? 3 : s->rgb ? 2 : s->min_is_white ? 0 : 1);
  if (!s->tile) put_entry(b, s, 273, LONG, n, n == 1 ? at[0] : offsets);
  put_entry(b, s, 277, SHORT, 1, (uint32_t)channels);
  if (!s->tile) {
    put_entry(b, s, 278, LONG, 1, (uint32_t)high);
    put_entry(b, s, 279, LONG, n, n == 1 ? bytes[0] : counts);
  }
  put_entry(b, s, 284, SHORT, 1, 1);
  if (s->palette) put_entry(b, s, 320, SHORT, 3 * colours, map);
  if (s->tile) {
    put_entry(b, s, 322, LONG, 1, (uint32_t)s->tile);
    put_entry(b, s, 323, LONG, 1, (uint32_t)s->tile);
    put_entry(b, s, 324, LONG, n, n == 1 ? at[0] : offsets);
    put_entry(b, s, 325, LONG, n, n == 1 ? bytes[0] : counts);
  }
  if (alpha) put_entry(b, s, 338, SHORT, 1, 2);
  if (s->format) put_entry(b, s, 339, SHORT, 1, (uint32_t)s->format);
  *link = b->size;
  put_number(b, 0, 4, big);
}

/* sample[pages][rows][cols][channels]; returns the file's size. */
static inline size_t make_tiff(const char *path, const tiff_spec_t *spec, const uint16_t *sample) {
  bytes_t b = {0};
  tiff_spec_t s = *spec;
  put_bytes(&b, s.big_endian ? "MM\0*" : "II*\0", 4);
  put_number(&b, 0, 4, s.big_endian);
  size_t link = 4;
  const int pages = s.pages ? s.pages : 1, channels = s.channels ? s.channels : 1;
  for (int p = 0; p < pages; p++) {
    put_page(&b, &s, sample + (spec->grow ? 0 : p * s.rows * s.cols * channels), &link);
    s.rows += s.grow;
  }
  const size_t size = b.size;
  save_bytes(&b, path);
  return size;
}

/* ---- PNG: stored (uncompressed) deflate blocks ---------------------------------------------- */

static inline uint32_t png_crc(const unsigned char *data, size_t n) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < n; i++) {
    crc ^= data[i];
    for (int k = 0; k < 8; k++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

static inline void put_chunk(bytes_t *b, const char *type, const bytes_t *content) {
  put_number(b, (uint32_t)content->size, 4, true);
  const size_t start = b->size;
  put_bytes(b, type, 4);
  put_bytes(b, content->data, content->size);
  put_number(b, png_crc(b->data + start, b->size - start), 4, true);
}

/* The zlib stream of raw bytes, in stored blocks. */
static inline void put_zlib(bytes_t *b, const bytes_t *raw) {
  uint32_t low = 1, high = 0;
  put_number(b, 0x7801, 2, true);
  for (size_t i = 0; i < raw->size; i += 65535) {
    const size_t n = raw->size - i < 65535 ? raw->size - i : 65535;
    put_number(b, i + n == raw->size, 1, true);
    put_number(b, (uint32_t)n, 2, false);
    put_number(b, ~(uint32_t)n, 2, false);
    put_bytes(b, raw->data + i, n);
  }
  for (size_t i = 0; i < raw->size; i++) {
    low = (low + raw->data[i]) % 65521;
    high = (high + low) % 65521;
  }
  put_number(b, high << 16 | low, 4, true);
}

/* type: 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA; palette[n_palette][3]. Returns the size. */
static inline size_t make_png(const char *path, int64_t rows, int64_t cols, int bits, int type,
                              const uint16_t *sample, int n_palette, const unsigned char *palette) {
  const int channels = type == 2 ? 3 : type == 4 ? 2 : type == 6 ? 4 : 1;
  const tiff_spec_t line = {.rows = rows, .cols = cols, .bits = bits, .big_endian = true};
  bytes_t b = {0}, head = {0}, raw = {0}, packed = {0}, colours = {0}, none = {0};
  put_bytes(&b, "\x89PNG\r\n\x1a\n", 8);
  put_number(&head, (uint32_t)cols, 4, true);
  put_number(&head, (uint32_t)rows, 4, true);
  put_number(&head, (uint32_t)bits, 1, true);
  put_number(&head, (uint32_t)type, 1, true);
  put_number(&head, 0, 3, true);
  put_chunk(&b, "IHDR", &head);
  put_bytes(&colours, palette, (size_t)n_palette * 3);
  if (n_palette) put_chunk(&b, "PLTE", &colours);
  for (int64_t r = 0; r < rows; r++) {
    put_number(&raw, 0, 1, true); /* no filter */
    put_block(&raw, &line, channels, sample, r, 1, 0, cols);
  }
  put_zlib(&packed, &raw);
  put_chunk(&b, "IDAT", &packed);
  put_bytes(&none, "", 0);
  put_chunk(&b, "IEND", &none);
  const size_t size = b.size;
  save_bytes(&b, path);
  free(head.data);
  free(raw.data);
  free(packed.data);
  free(colours.data);
  free(none.data);
  return size;
}

#endif
