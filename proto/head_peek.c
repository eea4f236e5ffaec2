/* head_peek.c - the correlation id of a head, for matching answers before anything is unpacked.
 *
 * protobuf writes fields in the order of their numbers and leaves out zeros, so the id is the
 * first field or zero. */
#include "proto/head.h"

#include "common/error.h"

enum { CORRELATION_TAG = 1 << 3, VARINT_SIZE_MAX = HEAD_CORRELATION_MAX - 1 };

int head_peek_correlation(const uint8_t *head, size_t size, uint64_t *out)
{
    uint64_t value = 0;

    if (size == 0 || head[0] != CORRELATION_TAG) {
        *out = 0;
        return 0;
    }
    for (size_t i = 0; i < VARINT_SIZE_MAX && i + 1 < size; i++) {
        uint8_t byte = head[i + 1];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = value;
            return 0;
        }
    }
    return K_MALFORMED;
}
