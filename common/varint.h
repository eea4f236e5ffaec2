/* varint.h - write zig-zag varints as Kafka's records use them. Reading: cursor.h. */
#ifndef COMMON_VARINT_H
#define COMMON_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { VARINT_MAX = 5, VARLONG_MAX = 10 };

static inline uint64_t varint_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

/* Bytes that varint_put() will write: 1 to 10. */
static inline size_t varint_size(int64_t value)
{
    uint64_t bits = varint_zigzag(value) | 1;
    return (size_t)(63 - __builtin_clzll(bits)) / 7 + 1;
}

/* Write `value` at `at`, which has room for it. Returns the byte after it. */
static inline uint8_t *varint_put(uint8_t *at, int64_t value)
{
    uint64_t bits = varint_zigzag(value);
    while (bits >= 0x80) {
        *at++ = (uint8_t)(bits | 0x80);
        bits >>= 7;
    }
    *at++ = (uint8_t)bits;
    return at;
}

#endif
