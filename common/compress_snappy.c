/* compress_snappy.c - raw snappy, and snappy-java's framing around it:
 *
 *   8 bytes magic | u32 version | u32 oldest compatible version | { u32 size | raw snappy }...
 *
 * The two can not be mixed up: as raw snappy the magic would declare a size, and then begin with a
 * copy of bytes from before the start. */
#include "common/compress_codecs.h"

#include <snappy-c.h>
#include <stdbool.h>
#include <string.h>

#include "common/buffer.h"
#include "common/endian.h"
#include "common/error.h"

enum {
    MAGIC_SIZE = 8,
    HEADER_SIZE = 16,
    FRAMING_VERSION = 1,
    BLOCK_SIZE = 32 * 1024,         /* before compression; snappy-java's default */
    EXPANSION_MAX = 64              /* no element makes 64 bytes of less than one */
};

static const uint8_t magic[MAGIC_SIZE] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };

static int compress_block(const uint8_t *bytes, size_t size, struct buffer *out)
{
    size_t made = snappy_max_compressed_length(size);
    int error = buffer_reserve(out, 4 + made);
    if (error != 0)
        return error;

    uint8_t *at = out->bytes + out->size;
    if (snappy_compress((const char *)bytes, size, (char *)at + 4, &made) != SNAPPY_OK)
        return K_NOMEM;
    store_u32(at, (uint32_t)made);
    out->size += 4 + made;
    return 0;
}

int snappy_compress_blocks(int level, const uint8_t *bytes, size_t size, struct buffer *out)
{
    (void)level;
    uint8_t header[HEADER_SIZE];
    memcpy(header, magic, MAGIC_SIZE);
    store_u32(header + MAGIC_SIZE, FRAMING_VERSION);
    store_u32(header + MAGIC_SIZE + 4, FRAMING_VERSION);

    int error = buffer_copy(out, header, HEADER_SIZE);
    for (size_t done = 0; error == 0 && done < size; done += BLOCK_SIZE)
        error = compress_block(bytes + done, size - done < BLOCK_SIZE ? size - done : BLOCK_SIZE,
                               out);
    return error;
}

static int expand_block(const uint8_t *bytes, size_t size, struct expansion *expansion)
{
    struct buffer *out = expansion->out;
    size_t made;

    if (snappy_uncompressed_length((const char *)bytes, size, &made) != SNAPPY_OK)
        return K_CORRUPT_MESSAGE;
    if (made / EXPANSION_MAX > size)
        return K_CORRUPT_MESSAGE;                   /* declares more than it can hold */
    if (made > expansion->limit - (out->size - expansion->start))
        return K_MESSAGE_TOO_LARGE;
    int error = buffer_reserve(out, made > 0 ? made : 1);
    if (error != 0)
        return error;
    if (snappy_uncompress((const char *)bytes, size, (char *)out->bytes + out->size, &made) !=
        SNAPPY_OK)
        return K_CORRUPT_MESSAGE;
    out->size += made;
    return 0;
}

static bool framed(const uint8_t *bytes, size_t size)
{
    return size >= HEADER_SIZE && memcmp(bytes, magic, MAGIC_SIZE) == 0;
}

int snappy_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion)
{
    if (!framed(bytes, size))
        return expand_block(bytes, size, expansion);

    const uint8_t *at = bytes, *end = bytes + size;
    while (at < end) {
        if (framed(at, (size_t)(end - at))) {       /* streams may be glued together */
            at += HEADER_SIZE;
            continue;
        }
        if (end - at < 4 || load_u32(at) > (size_t)(end - at - 4))
            return K_CORRUPT_MESSAGE;
        size_t block_size = load_u32(at);
        int error = expand_block(at + 4, block_size, expansion);
        if (error != 0)
            return error;
        at += 4 + block_size;
    }
    return 0;
}
