/* compress.c - the table of codecs; each codec's own code is in compress_<codec>.c. */
#include "common/compress.h"

#include <string.h>

#include "common/buffer.h"
#include "common/compress_codecs.h"
#include "common/error.h"

static int none_compress(int level, const uint8_t *bytes, size_t size, struct buffer *out)
{
    (void)level;
    return buffer_copy(out, bytes, size);
}

static int none_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion)
{
    if (size > expansion->limit)
        return K_MESSAGE_TOO_LARGE;
    return buffer_copy(expansion->out, bytes, size);
}

static const struct {
    struct compress_row row;
    int level_default;
    int (*compress)(int level, const uint8_t *bytes, size_t size, struct buffer *out);
    int (*decompress)(const uint8_t *bytes, size_t size, struct expansion *expansion);
} codecs[CODEC_COUNT] = {
    [CODEC_NONE] = { { "none", 0, 0 }, 0, none_compress, none_decompress },
    [CODEC_GZIP] = { { "gzip", 1, 9 }, 6, gzip_compress, gzip_decompress },
    [CODEC_SNAPPY] = { { "snappy", 0, 0 }, 0, snappy_compress_blocks, snappy_decompress },
    /* Below 3 lz4 is at its fastest, which is what Kafka means by its default. */
    [CODEC_LZ4] = { { "lz4", 1, 17 }, 1, lz4_compress, lz4_decompress },
    [CODEC_ZSTD] = { { "zstd", -131072, 22 }, 3, zstd_compress, zstd_decompress },
};

const struct compress_row *compress_row(int codec)
{
    return codec >= 0 && codec < CODEC_COUNT ? &codecs[codec].row : NULL;
}

int compress_find(const char *name)
{
    for (int codec = 0; codec < CODEC_COUNT; codec++)
        if (strcmp(codecs[codec].row.name, name) == 0)
            return codec;
    return -1;
}

int compress_bytes(int codec, int level, const void *bytes, size_t size, struct buffer *out)
{
    const struct compress_row *row = compress_row(codec);
    if (row == NULL)
        return K_UNSUPPORTED_COMPRESSION_TYPE;

    if (level == COMPRESS_LEVEL_DEFAULT)
        level = codecs[codec].level_default;
    else if (level < row->level_min)
        level = row->level_min;
    else if (level > row->level_max)
        level = row->level_max;

    size_t before = out->size;
    int error = codecs[codec].compress(level, bytes, size, out);
    if (error != 0)
        out->size = before;
    return error;
}

int decompress_bytes(int codec, const void *bytes, size_t size, size_t limit, struct buffer *out)
{
    if (compress_row(codec) == NULL)
        return K_UNSUPPORTED_COMPRESSION_TYPE;

    struct expansion expansion = { .out = out, .start = out->size, .limit = limit };
    int error = codecs[codec].decompress(bytes, size, &expansion);
    if (error != 0)
        out->size = expansion.start;
    return error;
}

int expansion_grow(struct expansion *expansion)
{
    enum { GROW_MIN = 4096 };
    struct buffer *out = expansion->out;
    size_t made = out->size - expansion->start;

    if (made > expansion->limit)
        return K_MESSAGE_TOO_LARGE;
    if (out->size < out->capacity)
        return 0;
    /* One byte more than the limit, so that what has exactly its size is told from what is
     * larger without asking the codec. */
    size_t more = made > GROW_MIN ? made : GROW_MIN;
    size_t most = expansion->limit - made + 1;
    return buffer_reserve(out, more < most ? more : most);
}
