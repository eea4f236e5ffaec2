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

/* Bytes that varint_put() will write: 1 to 10. Nearly all varints are short, and branches on
 * their size are foretold better than a division is fast. */
static inline size_t varint_size(int64_t value)
{
    uint64_t bits = varint_zigzag(value);
    if (bits < 1 << 7)
        return 1;
    if (bits < 1 << 14)
        return 2;
    return (size_t)(63 - __builtin_clzll(bits)) / 7 + 1;
}

/* Write `value` at `at`, which has room for it. Returns the byte after it. */
static inline uint8_t *varint_put(uint8_t *at, int64_t value)
{
    uint64_t bits = varint_zigzag(value);
    if (bits < 1 << 7) {
        *at = (uint8_t)bits;
        return at + 1;
    }
    if (bits < 1 << 14) {
        at[0] = (uint8_t)(bits | 0x80);
        at[1] = (uint8_t)(bits >> 7);
        return at + 2;
    }
    while (bits >= 0x80) {
        *at++ = (uint8_t)(bits | 0x80);
        bits >>= 7;
    }
    *at++ = (uint8_t)bits;
    return at;
}

#endif
