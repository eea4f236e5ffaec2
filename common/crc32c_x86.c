/* crc32c_x86.c - CRC-32C by the crc32 instruction, and by carry-less multiplication.
 *
 * A CRC is a remainder of polynomials over GF(2), so bytes may be summed up in several streams at
 * once and the sums moved to where they belong: moving by n bits is multiplying by x^n. All
 * numbers here are reflected (the lowest bit is the highest power), and a carry-less product of
 * reflected numbers comes out multiplied by x once more: hence the -1 in every constant. */
#include "common/crc32c_x86.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define TARGET_CRC __attribute__((target("sse4.2")))
#define TARGET_CLMUL __attribute__((target("sse4.2,pclmul")))
#define TARGET_WIDE __attribute__((target("sse4.2,pclmul,avx512f,vpclmulqdq")))

enum {
    STREAM_LONG = 1024,         /* bytes in each of three streams */
    STREAM_SHORT = 128,
    WIDE_SIZE = 64,             /* bytes in a vector */
    WIDE_STEP = 4 * WIDE_SIZE   /* bytes that the wide loop takes at once */
};

/* Multiplying by `far` and `near` moves a stream's sum over two streams and over one. */
struct stream_shift {
    uint64_t far, near;
};

/* Multiplying the two halves of 128 bits moves them over a distance. */
struct fold {
    uint64_t low, high;
};

/* Written by crc32c_x86_init() only. */
static struct stream_shift shift_long, shift_short;
static struct fold fold_lane, fold_vector, fold_step;

/* x^power modulo the polynomial, reflected. */
static uint32_t power_of_x(unsigned power)
{
    uint32_t value = UINT32_C(1) << 31;

    for (; power > 0; power--)
        value = (value >> 1) ^ ((value & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
    return value;
}

/* The crc32 instruction that ends a combination multiplies by x^32. */
static struct stream_shift stream_shift_by(unsigned bytes)
{
    return (struct stream_shift){ power_of_x(2 * 8 * bytes - 32 - 1),
                                  power_of_x(8 * bytes - 32 - 1) };
}

/* The low half of 128 reflected bits is 64 powers above the high half. */
static struct fold fold_by(unsigned bytes)
{
    return (struct fold){ (uint64_t)power_of_x(8 * bytes + 64 - 1) << 32,
                          (uint64_t)power_of_x(8 * bytes - 1) << 32 };
}

void crc32c_x86_init(void)
{
    shift_long = stream_shift_by(STREAM_LONG);
    shift_short = stream_shift_by(STREAM_SHORT);
    fold_lane = fold_by(16);
    fold_vector = fold_by(WIDE_SIZE);
    fold_step = fold_by(WIDE_STEP);
}

static inline uint64_t load_word(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Takes and returns the raw sum, not its complement. */
TARGET_CRC static inline uint32_t sum_one_stream(uint32_t sum, const uint8_t *at, size_t size)
{
    uint64_t wide = sum;

    for (; size >= 8; at += 8, size -= 8)
        wide = _mm_crc32_u64(wide, load_word(at));
    sum = (uint32_t)wide;
    for (; size > 0; at++, size--)
        sum = _mm_crc32_u8(sum, *at);
    return sum;
}

TARGET_CRC static uint32_t extend_sse42(uint32_t crc, const void *bytes, size_t size)
{
    return ~sum_one_stream(~crc, bytes, size);
}

TARGET_CLMUL static inline __m128i multiply(uint64_t a, uint64_t b)
{
    return _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b),
                                0);
}

/* Sum 3 * `stream` bytes: the instruction takes three cycles, and one can start in each. */
TARGET_CLMUL static inline uint32_t sum_three_streams(uint32_t sum, const uint8_t *at,
                                                      size_t stream,
                                                      const struct stream_shift *shift)
{
    uint64_t first = sum, second = 0, third = 0;

    for (const uint8_t *end = at + stream; at < end; at += 8) {
        first = _mm_crc32_u64(first, load_word(at));
        second = _mm_crc32_u64(second, load_word(at + stream));
        third = _mm_crc32_u64(third, load_word(at + 2 * stream));
    }
    __m128i moved = _mm_xor_si128(multiply(first, shift->far), multiply(second, shift->near));
    return (uint32_t)(_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(moved)) ^ third);
}

TARGET_CLMUL static uint32_t extend_three_streams(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t sum = ~crc;

    for (; size >= 3 * STREAM_LONG; at += 3 * STREAM_LONG, size -= 3 * STREAM_LONG)
        sum = sum_three_streams(sum, at, STREAM_LONG, &shift_long);
    for (; size >= 3 * STREAM_SHORT; at += 3 * STREAM_SHORT, size -= 3 * STREAM_SHORT)
        sum = sum_three_streams(sum, at, STREAM_SHORT, &shift_short);
    return ~sum_one_stream(sum, at, size);
}

TARGET_WIDE static inline __m512i fold_wide(__m512i sum, __m512i by, __m512i bytes)
{
    __m512i low = _mm512_clmulepi64_epi128(sum, by, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(sum, by, 0x11);

    return _mm512_ternarylogic_epi64(low, high, bytes, 0x96);      /* exclusive or of all three */
}

TARGET_WIDE static inline __m128i fold_narrow(__m128i sum, __m128i by, __m128i bytes)
{
    __m128i moved = _mm_xor_si128(_mm_clmulepi64_si128(sum, by, 0x00),
                                  _mm_clmulepi64_si128(sum, by, 0x11));

    return _mm_xor_si128(moved, bytes);
}

TARGET_WIDE static inline __m128i narrow(const struct fold *fold)
{
    return _mm_set_epi64x((long long)fold->high, (long long)fold->low);
}

TARGET_WIDE static inline __m512i wide(const struct fold *fold)
{
    return _mm512_broadcast_i32x4(narrow(fold));
}

/* The sum of 64 bytes that were folded without reducing. */
TARGET_WIDE static inline uint32_t reduce(__m512i folded)
{
    __m128i by = narrow(&fold_lane);
    __m128i lane = _mm512_extracti32x4_epi32(folded, 0);

    lane = fold_narrow(lane, by, _mm512_extracti32x4_epi32(folded, 1));
    lane = fold_narrow(lane, by, _mm512_extracti32x4_epi32(folded, 2));
    lane = fold_narrow(lane, by, _mm512_extracti32x4_epi32(folded, 3));
    uint64_t sum = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(lane));
    return (uint32_t)_mm_crc32_u64(sum, (uint64_t)_mm_extract_epi64(lane, 1));
}

TARGET_WIDE static uint32_t extend_avx512(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    if (size < WIDE_STEP)
        return ~sum_one_stream(~crc, at, size);

    __m512i by = wide(&fold_step);
    /* The sum so far is as good as added to the first bytes. */
    __m512i start = _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc));
    __m512i a = _mm512_xor_si512(_mm512_loadu_si512(at), start);
    __m512i b = _mm512_loadu_si512(at + WIDE_SIZE);
    __m512i c = _mm512_loadu_si512(at + 2 * WIDE_SIZE);
    __m512i d = _mm512_loadu_si512(at + 3 * WIDE_SIZE);
    at += WIDE_STEP;
    size -= WIDE_STEP;
    for (; size >= WIDE_STEP; at += WIDE_STEP, size -= WIDE_STEP) {
        a = fold_wide(a, by, _mm512_loadu_si512(at));
        b = fold_wide(b, by, _mm512_loadu_si512(at + WIDE_SIZE));
        c = fold_wide(c, by, _mm512_loadu_si512(at + 2 * WIDE_SIZE));
        d = fold_wide(d, by, _mm512_loadu_si512(at + 3 * WIDE_SIZE));
    }

    by = wide(&fold_vector);
    a = fold_wide(fold_wide(fold_wide(a, by, b), by, c), by, d);
    for (; size >= WIDE_SIZE; at += WIDE_SIZE, size -= WIDE_SIZE)
        a = fold_wide(a, by, _mm512_loadu_si512(at));
    return ~sum_one_stream(reduce(a), at, size);
}

size_t crc32c_x86_ways(struct crc32c_way *ways, size_t count)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2"))
        return count;
    ways[count++] = (struct crc32c_way){ "sse4.2", extend_sse42 };
    if (!__builtin_cpu_supports("pclmul"))
        return count;
    ways[count++] = (struct crc32c_way){ "sse4.2x3", extend_three_streams };
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("vpclmulqdq"))
        return count;
    ways[count++] = (struct crc32c_way){ "avx512", extend_avx512 };
    return count;
}

#endif
