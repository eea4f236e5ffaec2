/* crc32c.h - CRC-32C (Castagnoli), the checksum of record batches and snapshots. */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Extend `crc` (0 to start) by `size` bytes; uses the fastest way this processor has, chosen
 * once. Thread-safe. crc32c(0, "123456789", 9) is 0xE3069283. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

/* The plain implementation, which the others are checked against. */
uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t size);

/* Name of the implementation in use: "plain", "sse4.2", "sse4.2x3", "avx512". */
const char *crc32c_name(void);

/* One implementation; all of them compute the same. */
struct crc32c_way {
    const char *name;
    uint32_t (*extend)(uint32_t crc, const void *bytes, size_t size);
};

enum { CRC32C_WAYS_MAX = 4 };

/* The implementations that this processor can run, the one in use last, for tests and
 * benchmarks. Returns how many. */
size_t crc32c_ways(struct crc32c_way ways[CRC32C_WAYS_MAX]);

#endif
