/* Frames glued together: whatever is cut can be split, and a split frame has its sizes. Bytes that
 * come one at a time are judged as those that come at once. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "tests/fuzz/target.h"

enum { LIMIT = 1 << 16 };

/* Nothing is said of fewer bytes, until what is said stays so. */
static void cut_by_bytes(const uint8_t *data, size_t size, ssize_t whole)
{
    bool told = false;

    for (size_t some = 0; some < size; some++) {
        ssize_t early = frame_cut(data, some, LIMIT);
        if (early != whole && (early != 0 || told))
            abort();
        told |= early != 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t whole = frame_cut(data, size, LIMIT);
        cut_by_bytes(data, size, whole);
        if (whole <= 0 || (size_t)whole > size)
            return 0;
        if (whole > LIMIT)
            abort();

        struct frame frame;
        if (frame_split((uint8_t *)data, (size_t)whole, &frame) == 0) {
            uint8_t prefix[FRAME_PREFIX];
            frame_prefix(prefix, frame.head_size, frame.payload_size);
            if (memcmp(prefix, data, FRAME_PREFIX) != 0)
                abort();
            if (frame.payload + frame.payload_size != data + whole)
                abort();
        }
        data += whole;
        size -= (size_t)whole;
    }
    return 0;
}
