/* compress.h - the codecs of record batches behind two calls.
 *
 * The numbers are those of a batch's attributes. What is written is what Kafka's Java client
 * writes: snappy in blocks with snappy-java's framing, lz4 and zstd as frames, gzip as one member.
 * What is read is everything that Kafka's clients write: also raw snappy (librdkafka), and several
 * frames or members in a row.
 *
 * Thread-safe: no state between calls. Blocking: no. */
#ifndef COMMON_COMPRESS_H
#define COMMON_COMPRESS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

enum compress_codec { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD, CODEC_COUNT };

enum { COMPRESS_LEVEL_DEFAULT = INT_MIN };

struct compress_row {
    const char *name;               /* as in compression.type: "none", "gzip", ... */
    int level_min, level_max;       /* both 0: the codec has no levels */
};

/* What is known about a codec; NULL when there is none with this number. */
const struct compress_row *compress_row(int codec);

/* The codec of this name, or -1. */
int compress_find(const char *name);

/* Append the compressed form of `bytes` to `out`. `level` is brought into the codec's range.
 * Returns 0, K_NOMEM or K_UNSUPPORTED_COMPRESSION_TYPE; after a failure the bytes that were in
 * `out` before are still there, alone. */
int compress_bytes(int codec, int level, const void *bytes, size_t size, struct buffer *out);

/* Append the original of compressed `bytes` to `out`, at most `limit` bytes of it. Memory grows
 * with what really comes out, never by what the bytes only declare.
 *
 * Returns 0, K_NOMEM, K_UNSUPPORTED_COMPRESSION_TYPE, K_CORRUPT_MESSAGE (not this codec's, or cut
 * off) or K_MESSAGE_TOO_LARGE (over the limit); failures leave `out` as compress_bytes() does. */
int decompress_bytes(int codec, const void *bytes, size_t size, size_t limit, struct buffer *out);

#endif
