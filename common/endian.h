/* endian.h - load and store big-endian integers at any alignment. */
#ifndef COMMON_ENDIAN_H
#define COMMON_ENDIAN_H

#include <stdint.h>
#include <string.h>

static inline uint16_t load_u16(const void *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t load_u32(const void *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t load_u64(const void *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap64(v);
}

static inline void store_u16(void *at, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(at, &v, sizeof v);
}

static inline void store_u32(void *at, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(at, &v, sizeof v);
}

static inline void store_u64(void *at, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(at, &v, sizeof v);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "endian.h is written for little-endian machines"
#endif

#endif
