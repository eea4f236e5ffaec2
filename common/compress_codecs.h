/* compress_codecs.h - what the table in compress.c is made of; for compress*.c only. */
#ifndef COMMON_COMPRESS_CODECS_H
#define COMMON_COMPRESS_CODECS_H

#include <stddef.h>
#include <stdint.h>

struct buffer;

/* The output of a decompression: what it adds to `out` stays within `limit` bytes. */
struct expansion {
    struct buffer *out;
    size_t start;                   /* size of `out` before */
    size_t limit;
};

/* For codecs that write in steps: make room after out->size, before each step and after the last
 * one. Returns 0, K_NOMEM or K_MESSAGE_TOO_LARGE when more than the limit has been written. */
int expansion_grow(struct expansion *expansion);

int gzip_compress(int level, const uint8_t *bytes, size_t size, struct buffer *out);
int gzip_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion);
int snappy_compress_blocks(int level, const uint8_t *bytes, size_t size, struct buffer *out);
int snappy_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion);
int lz4_compress(int level, const uint8_t *bytes, size_t size, struct buffer *out);
int lz4_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion);
int zstd_compress(int level, const uint8_t *bytes, size_t size, struct buffer *out);
int zstd_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion);

#endif
