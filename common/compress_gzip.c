#include "common/compress_codecs.h"

#include <limits.h>
#include <zlib.h>

#include "common/buffer.h"
#include "common/error.h"

enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };   /* + 16: gzip instead of zlib's own wrapping */

int gzip_compress(int level, const uint8_t *bytes, size_t size, struct buffer *out)
{
    z_stream stream = { .next_in = (uint8_t *)bytes, .avail_in = (uInt)size };

    if (size > UINT_MAX / 2)
        return K_NOMEM;
    if (deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return K_NOMEM;
    size_t bound = deflateBound(&stream, (uLong)size);
    int error = buffer_reserve(out, bound);
    if (error != 0)
        goto end_stream;

    stream.next_out = out->bytes + out->size;
    stream.avail_out = (uInt)bound;
    error = deflate(&stream, Z_FINISH) == Z_STREAM_END ? 0 : K_NOMEM;
    if (error == 0)
        out->size += stream.total_out;

end_stream:
    deflateEnd(&stream);
    return error;
}

/* Continue until the input is used up. Another member may follow the end of one. */
static int inflate_all(z_stream *stream, struct expansion *expansion)
{
    struct buffer *out = expansion->out;

    for (;;) {
        int error = expansion_grow(expansion);
        if (error != 0)
            return error;
        size_t room = out->capacity - out->size;
        stream->next_out = out->bytes + out->size;
        stream->avail_out = room < UINT_MAX ? (uInt)room : UINT_MAX;
        int state = inflate(stream, Z_NO_FLUSH);
        out->size = (size_t)(stream->next_out - out->bytes);
        if (state == Z_MEM_ERROR)
            return K_NOMEM;
        if (state == Z_STREAM_END) {
            if (stream->avail_in == 0)
                return expansion_grow(expansion);
            if (inflateReset(stream) != Z_OK)
                return K_CORRUPT_MESSAGE;
        } else if (state != Z_OK || (stream->avail_in == 0 && stream->avail_out > 0)) {
            return K_CORRUPT_MESSAGE;               /* damaged, or cut off */
        }
    }
}

int gzip_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion)
{
    z_stream stream = { .next_in = (uint8_t *)bytes, .avail_in = (uInt)size };

    if (size > UINT_MAX / 2)
        return K_MESSAGE_TOO_LARGE;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return K_NOMEM;
    int error = inflate_all(&stream, expansion);
    inflateEnd(&stream);
    return error;
}
