/* Every decompressor behind its limit: the first byte names the codec, the rest is its input. */
#include <stdlib.h>

#include "common/buffer.h"
#include "common/compress.h"
#include "tests/fuzz/target.h"

enum { LIMIT = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer out;

    if (size == 0)
        return 0;
    buffer_init(&out);
    if (decompress_bytes(data[0] % CODEC_COUNT, data + 1, size - 1, LIMIT, &out) != 0 &&
        out.size != 0)
        abort();
    if (out.size > LIMIT || out.capacity > 2 * LIMIT)
        abort();
    buffer_fini(&out);
    return 0;
}
