/* crc32c.c - the plain table, and the choice of something faster. */
#include "common/crc32c.h"

#include "common/crc32c_x86.h"

static const uint32_t polynomial = 0x82f63b78;      /* bit 31 is x^0 */

/* Both are written once, before main(), and constant from then on. */
static uint32_t table[256];
static struct crc32c_way chosen;

uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    crc = ~crc;
    for (; size > 0; size--)
        crc = table[(crc ^ *at++) & 0xff] ^ (crc >> 8);
    return ~crc;
}

size_t crc32c_ways(struct crc32c_way ways[CRC32C_WAYS_MAX])
{
    ways[0] = (struct crc32c_way){ "plain", crc32c_plain };
#if defined(__x86_64__)
    return crc32c_x86_ways(ways, 1);
#else
    return 1;
#endif
}

__attribute__((constructor)) static void choose(void)
{
    struct crc32c_way ways[CRC32C_WAYS_MAX];

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
        table[i] = value;
    }
#if defined(__x86_64__)
    crc32c_x86_init();
#endif
    chosen = ways[crc32c_ways(ways) - 1];
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return chosen.extend(crc, bytes, size);
}

const char *crc32c_name(void)
{
    return chosen.name;
}
