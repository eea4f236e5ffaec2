#include <string.h>

#include "common/crc32c.h"
#include "common/rand.h"
#include "tests/common/suites.h"

enum { ALIGNMENTS = 16, LENGTHS = 600, LARGE = 20000 };

static unsigned char bytes[LARGE + ALIGNMENTS];

static void fill_bytes(void)
{
    struct rand rand;

    rand_seed(&rand, 20);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)rand_u64(&rand);
}

/* One bit after the other, straight from the definition. */
static uint32_t crc_bit_by_bit(const unsigned char *at, size_t size)
{
    uint32_t crc = ~UINT32_C(0);

    for (; size > 0; at++, size--) {
        crc ^= *at;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

START_TEST(published_values_come_out_of_every_way)
{
    struct crc32c_way ways[CRC32C_WAYS_MAX];
    size_t count = crc32c_ways(ways);
    unsigned char block[32], reversed[32];
    for (int i = 0; i < 32; i++) {
        block[i] = (unsigned char)i;
        reversed[i] = (unsigned char)(31 - i);
    }

    for (size_t i = 0; i < count; i++) {
        unsigned char zeros[32] = { 0 }, ones[32];
        memset(ones, 0xff, sizeof ones);
        ck_assert_uint_eq(ways[i].extend(0, "123456789", 9), 0xE3069283);
        ck_assert_uint_eq(ways[i].extend(0, "", 0), 0);
        /* From the appendix on CRC in the iSCSI standard, RFC 3720 B.4. */
        ck_assert_uint_eq(ways[i].extend(0, zeros, 32), 0x8a9136aa);
        ck_assert_uint_eq(ways[i].extend(0, ones, 32), 0x62a8ab43);
        ck_assert_uint_eq(ways[i].extend(0, block, 32), 0x46dd794e);
        ck_assert_uint_eq(ways[i].extend(0, reversed, 32), 0x113fdb5c);
    }
}
END_TEST

START_TEST(plain_way_follows_the_definition)
{
    fill_bytes();

    for (size_t size = 0; size < 200; size++)
        ck_assert_uint_eq(crc32c_plain(0, bytes, size), crc_bit_by_bit(bytes, size));
}
END_TEST

START_TEST(all_ways_agree_on_all_lengths_and_alignments)
{
    struct crc32c_way ways[CRC32C_WAYS_MAX];
    size_t count = crc32c_ways(ways);
    fill_bytes();

    for (size_t size = 0; size <= LENGTHS; size++) {
        for (size_t shift = 0; shift < ALIGNMENTS; shift++) {
            uint32_t start = (uint32_t)(size * 2654435761u + shift);
            uint32_t expected = crc32c_plain(start, bytes + shift, size);
            for (size_t i = 1; i < count; i++)
                ck_assert_msg(ways[i].extend(start, bytes + shift, size) == expected,
                              "%s differs at size %zu, shift %zu", ways[i].name, size, shift);
        }
    }
}
END_TEST

START_TEST(all_ways_agree_around_the_sizes_of_their_blocks)
{
    const size_t sizes[] = { 767, 768, 769, 1023, 1024, 1025, 3071, 3072, 3073, 3456, 6144, 6528,
                             9999, 16383, 16384, 16385, LARGE };
    struct crc32c_way ways[CRC32C_WAYS_MAX];
    size_t count = crc32c_ways(ways);
    fill_bytes();

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t expected = crc32c_plain(77, bytes + 3, sizes[s]);
        for (size_t i = 1; i < count; i++)
            ck_assert_msg(ways[i].extend(77, bytes + 3, sizes[s]) == expected,
                          "%s differs at size %zu", ways[i].name, sizes[s]);
    }
}
END_TEST

START_TEST(extending_in_pieces_is_the_same_as_at_once)
{
    struct rand rand;
    rand_seed(&rand, 3);
    fill_bytes();
    uint32_t expected = crc32c(0, bytes, LARGE);

    for (int round = 0; round < 100; round++) {
        uint32_t crc = 0;
        for (size_t at = 0, size; at < LARGE; at += size) {
            size = rand_below(&rand, 3000);
            if (size > LARGE - at)
                size = LARGE - at;
            crc = crc32c(crc, bytes + at, size);
        }
        ck_assert_uint_eq(crc, expected);
    }
}
END_TEST

START_TEST(way_in_use_is_the_last_of_the_list)
{
    struct crc32c_way ways[CRC32C_WAYS_MAX];
    size_t count = crc32c_ways(ways);

    ck_assert_str_eq(crc32c_name(), ways[count - 1].name);
    ck_assert_str_eq(ways[0].name, "plain");
}
END_TEST

Suite *crc32c_suite(void)
{
    Suite *suite = suite_create("common/crc32c");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, published_values_come_out_of_every_way);
    tcase_add_test(basics, plain_way_follows_the_definition);
    tcase_add_test(basics, all_ways_agree_on_all_lengths_and_alignments);
    tcase_add_test(basics, all_ways_agree_around_the_sizes_of_their_blocks);
    tcase_add_test(basics, extending_in_pieces_is_the_same_as_at_once);
    tcase_add_test(basics, way_in_use_is_the_last_of_the_list);
    suite_add_tcase(suite, basics);
    return suite;
}
