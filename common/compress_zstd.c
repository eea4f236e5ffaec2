#include "common/compress_codecs.h"

#include <stdbool.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/buffer.h"
#include "common/error.h"

int zstd_compress(int level, const uint8_t *bytes, size_t size, struct buffer *out)
{
    size_t bound = ZSTD_compressBound(size);
    int error = buffer_reserve(out, bound);
    if (error != 0)
        return error;

    size_t made = ZSTD_compress(out->bytes + out->size, bound, bytes, size, level);
    if (ZSTD_isError(made))
        return K_NOMEM;
    out->size += made;
    return 0;
}

static int expand_all(ZSTD_DStream *stream, const uint8_t *bytes, size_t size,
                      struct expansion *expansion)
{
    struct buffer *out = expansion->out;
    ZSTD_inBuffer input = { bytes, size, 0 };

    for (;;) {
        int error = expansion_grow(expansion);
        if (error != 0)
            return error;
        ZSTD_outBuffer output = { out->bytes, out->capacity, out->size };
        size_t wanted = ZSTD_decompressStream(stream, &output, &input);
        if (ZSTD_isError(wanted))
            return ZSTD_getErrorCode(wanted) == ZSTD_error_memory_allocation ? K_NOMEM
                                                                             : K_CORRUPT_MESSAGE;
        out->size = output.pos;
        bool room_left = output.pos < output.size;
        if (wanted == 0 && input.pos == size)       /* else another frame follows */
            return expansion_grow(expansion);
        if (wanted != 0 && input.pos == size && room_left)
            return K_CORRUPT_MESSAGE;               /* cut off */
    }
}

int zstd_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion)
{
    ZSTD_DStream *stream = ZSTD_createDStream();

    if (stream == NULL)
        return K_NOMEM;
    int error = expand_all(stream, bytes, size, expansion);
    ZSTD_freeDStream(stream);
    return error;
}
