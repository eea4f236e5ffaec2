/* crc32c.c - the plain table, and the processor's own instruction where there is one. */
#include "common/crc32c.h"

#include <string.h>

enum { POLYNOMIAL_REVERSED = (int)0x82f63b78 };

static uint32_t table[256];
static uint32_t (*chosen)(uint32_t, const void *, size_t);
static const char *chosen_name;

uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    for (; size > 0; size--)
        crc = table[(crc ^ *at++) & 0xff] ^ (crc >> 8);
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t state = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        state = __builtin_ia32_crc32di(state, word);
    }
    uint32_t low = (uint32_t)state;
    for (; size > 0; size--)
        low = __builtin_ia32_crc32qi(low, *at++);
    return ~low;
}
#endif

/* Before main(), so that everything here is constant by the time there are threads. */
__attribute__((constructor)) static void choose(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ ((value & 1) != 0 ? (uint32_t)POLYNOMIAL_REVERSED : 0);
        table[i] = value;
    }
    chosen = crc32c_plain;
    chosen_name = "plain";
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2")) {
        chosen = crc32c_sse42;
        chosen_name = "sse4.2";
    }
#endif
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    return chosen(crc, bytes, size);
}

const char *crc32c_name(void)
{
    return chosen_name;
}
