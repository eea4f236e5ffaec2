#include "proto/frame.h"

#include <assert.h>

#include "common/endian.h"
#include "common/error.h"

enum { LENGTH_SIZE = 4 };                /* of either length; the first does not count itself */

ssize_t frame_cut(const uint8_t *bytes, size_t size, size_t limit)
{
    if (size < LENGTH_SIZE)
        return 0;

    size_t length = load_u32(bytes);
    if (length < FRAME_PREFIX - LENGTH_SIZE)
        return K_MALFORMED;
    if (length + LENGTH_SIZE > limit)
        return K_FRAME_TOO_LARGE;
    return (ssize_t)(length + LENGTH_SIZE);
}

int frame_split(uint8_t *bytes, size_t size, struct frame *out)
{
    if (size < FRAME_PREFIX || load_u32(bytes) != size - LENGTH_SIZE)
        return K_MALFORMED;

    size_t head_size = load_u32(bytes + LENGTH_SIZE);
    if (head_size > FRAME_HEAD_MAX)
        return K_FRAME_TOO_LARGE;
    if (head_size > size - FRAME_PREFIX)
        return K_MALFORMED;

    *out = (struct frame){
        .head = bytes + FRAME_PREFIX,
        .head_size = head_size,
        .payload = bytes + FRAME_PREFIX + head_size,
        .payload_size = size - FRAME_PREFIX - head_size,
    };
    return 0;
}

void frame_prefix(uint8_t *at, size_t head_size, size_t payload_size)
{
    assert(head_size <= FRAME_HEAD_MAX);
    assert(payload_size <= FRAME_PAYLOAD_MAX);

    store_u32(at, (uint32_t)(FRAME_PREFIX - LENGTH_SIZE + head_size + payload_size));
    store_u32(at + LENGTH_SIZE, (uint32_t)head_size);
}
