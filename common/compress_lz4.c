#include "common/compress_codecs.h"

#include <lz4frame.h>
#include <lz4hc.h>

#include "common/buffer.h"
#include "common/error.h"

int lz4_compress(int level, const uint8_t *bytes, size_t size, struct buffer *out)
{
    /* As Kafka's Java client: independent blocks of 64 KB, no checksum of the content. */
    LZ4F_preferences_t preferences = {
        .frameInfo = { .blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent },
        .compressionLevel = level < LZ4HC_CLEVEL_MAX ? level : LZ4HC_CLEVEL_MAX,
    };
    size_t bound = LZ4F_compressFrameBound(size, &preferences);
    int error = buffer_reserve(out, bound);
    if (error != 0)
        return error;

    size_t made = LZ4F_compressFrame(out->bytes + out->size, bound, bytes, size, &preferences);
    if (LZ4F_isError(made))
        return K_NOMEM;
    out->size += made;
    return 0;
}

static int expand_all(LZ4F_dctx *context, const uint8_t *bytes, size_t size,
                      struct expansion *expansion)
{
    struct buffer *out = expansion->out;
    size_t used = 0;

    for (;;) {
        int error = expansion_grow(expansion);
        if (error != 0)
            return error;
        size_t room = out->capacity - out->size, made = room;
        size_t step = size - used;
        size_t wanted = LZ4F_decompress(context, out->bytes + out->size, &made, bytes + used,
                                        &step, NULL);
        if (LZ4F_isError(wanted))
            return K_CORRUPT_MESSAGE;
        out->size += made;
        used += step;
        if (wanted == 0 && used == size)            /* else another frame follows */
            return expansion_grow(expansion);
        if (wanted != 0 && used == size && made < room)
            return K_CORRUPT_MESSAGE;               /* cut off */
    }
}

int lz4_decompress(const uint8_t *bytes, size_t size, struct expansion *expansion)
{
    LZ4F_dctx *context;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return K_NOMEM;
    int error = expand_all(context, bytes, size, expansion);
    LZ4F_freeDecompressionContext(context);
    return error;
}
