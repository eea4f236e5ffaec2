#include "common/compress.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/endian.h"
#include "common/error.h"
#include "tests/common/suites.h"

enum { SIZE = 200000 };

static uint8_t plain[SIZE];
static struct buffer packed, opened;

static void setup(void)
{
    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (uint8_t)((i / 3) ^ (i >> 9));
    buffer_init(&packed);
    buffer_init(&opened);
}

static void teardown(void)
{
    buffer_fini(&packed);
    buffer_fini(&opened);
}

/* Decompress a copy in memory of exactly its size, so that a sanitizer sees every step too far. */
static int open_bytes(int codec, const void *bytes, size_t size, size_t limit)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    if (size > 0)
        memcpy(copy, bytes, size);
    opened.size = 0;
    int error = decompress_bytes(codec, copy, size, limit, &opened);
    free(copy);
    return error;
}

START_TEST(every_codec_gives_back_what_it_got)
{
    static const size_t sizes[] = { 0, 1, 100, 32 * 1024, 32 * 1024 + 1, SIZE };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        packed.size = 0;
        ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, plain, sizes[i], &packed), 0);
        ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, SIZE), 0);
        ck_assert_uint_eq(opened.size, sizes[i]);
        if (sizes[i] > 0)
            ck_assert_mem_eq(opened.bytes, plain, sizes[i]);
    }
}
END_TEST

START_TEST(the_limit_is_exact)
{
    ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, plain, SIZE, &packed), 0);

    ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, SIZE), 0);
    ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, SIZE - 1), K_MESSAGE_TOO_LARGE);
    ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, 0), K_MESSAGE_TOO_LARGE);
    ck_assert_uint_eq(opened.size, 0);
}
END_TEST

START_TEST(a_bomb_stops_at_the_limit)
{
    enum { BOMB = 64 << 20, LIMIT = 10000 };
    uint8_t *zeros = calloc(1, BOMB);
    ck_assert_ptr_nonnull(zeros);
    ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, zeros, BOMB, &packed), 0);
    free(zeros);

    ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, LIMIT), K_MESSAGE_TOO_LARGE);

    ck_assert_uint_le(opened.capacity, 4 * LIMIT);
}
END_TEST

START_TEST(bytes_cut_off_are_corrupt)
{
    ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, plain, 300, &packed), 0);

    size_t header = _i == CODEC_SNAPPY ? 17 : 0;    /* the bare header is an empty stream */
    for (size_t size = header; size < packed.size; size++)
        ck_assert_msg(open_bytes(_i, packed.bytes, size, SIZE) == K_CORRUPT_MESSAGE, "%zu bytes",
                      size);
}
END_TEST

START_TEST(garbage_is_refused)
{
    memset(plain, 0xff, 200);

    for (size_t size = 0; size < 200; size++)
        ck_assert_int_eq(open_bytes(_i, plain, size, SIZE), K_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(garbage_behind_the_end_is_corrupt)
{
    ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, plain, 300, &packed), 0);
    ck_assert_int_eq(buffer_copy(&packed, "tail", 4), 0);

    ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, SIZE), K_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(streams_in_a_row_are_read_as_one)
{
    ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, plain, 1000, &packed), 0);
    ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, plain + 1000, 1000, &packed), 0);

    ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, SIZE), 0);

    ck_assert_uint_eq(opened.size, 2000);
    ck_assert_mem_eq(opened.bytes, plain, 2000);
}
END_TEST

START_TEST(every_level_is_brought_into_range)
{
    static const int levels[] = { INT_MIN + 1, -1, 0, 1, 9, 12, 17, 22, 1000 };

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        packed.size = 0;
        ck_assert_int_eq(compress_bytes(_i, levels[i], plain, 5000, &packed), 0);
        ck_assert_int_eq(open_bytes(_i, packed.bytes, packed.size, SIZE), 0);
        ck_assert_uint_eq(opened.size, 5000);
    }
}
END_TEST

START_TEST(output_is_appended_and_failure_takes_it_back)
{
    ck_assert_int_eq(buffer_copy(&opened, "before", 6), 0);
    ck_assert_int_eq(compress_bytes(_i, COMPRESS_LEVEL_DEFAULT, plain, 500, &packed), 0);

    ck_assert_int_eq(decompress_bytes(_i, packed.bytes, packed.size, 499, &opened),
                     K_MESSAGE_TOO_LARGE);
    ck_assert_uint_eq(opened.size, 6);
    ck_assert_int_eq(decompress_bytes(_i, packed.bytes, packed.size, 500, &opened), 0);

    ck_assert_uint_eq(opened.size, 506);
    ck_assert_mem_eq(opened.bytes, "before", 6);
    ck_assert_mem_eq(opened.bytes + 6, plain, 500);
}
END_TEST

START_TEST(raw_snappy_is_read)
{
    size_t size = snappy_max_compressed_length(SIZE);
    ck_assert_int_eq(buffer_reserve(&packed, size), 0);
    ck_assert_int_eq(snappy_compress((const char *)plain, SIZE, (char *)packed.bytes, &size),
                     SNAPPY_OK);

    ck_assert_int_eq(open_bytes(CODEC_SNAPPY, packed.bytes, size, SIZE), 0);

    ck_assert_uint_eq(opened.size, SIZE);
    ck_assert_mem_eq(opened.bytes, plain, SIZE);
}
END_TEST

START_TEST(snappy_is_written_in_blocks_of_32_kib_as_java_does)
{
    ck_assert_int_eq(compress_bytes(CODEC_SNAPPY, COMPRESS_LEVEL_DEFAULT, plain, 40000, &packed),
                     0);

    static const uint8_t header[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                       0,    0,   0,   1,   0,   0,   0,   1};
    ck_assert_mem_eq(packed.bytes, header, sizeof header);
    size_t first = load_u32(packed.bytes + 16), length;
    ck_assert_int_eq(snappy_uncompressed_length((const char *)packed.bytes + 20, first, &length),
                     SNAPPY_OK);
    ck_assert_uint_eq(length, 32 * 1024);
    size_t second = load_u32(packed.bytes + 20 + first);
    ck_assert_uint_eq(20 + first + 4 + second, packed.size);
}
END_TEST

START_TEST(a_declared_size_is_not_believed)
{
    /* Both declare a gigabyte within the limit, and hold next to nothing. */
    const uint8_t snappy[] = { 0x80, 0x80, 0x80, 0x80, 0x04, 0x00, 'x' };
    const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0x00, 0x00, 0x00, 0x40, 0x01, 0x00, 0x00};

    ck_assert_int_eq(open_bytes(CODEC_SNAPPY, snappy, sizeof snappy, 2u << 30), K_CORRUPT_MESSAGE);
    ck_assert_int_eq(open_bytes(CODEC_ZSTD, zstd, sizeof zstd, 2u << 30), K_CORRUPT_MESSAGE);

    ck_assert_uint_le(opened.capacity, 100000);
}
END_TEST

START_TEST(codecs_have_names_and_numbers)
{
    for (int codec = 0; codec < CODEC_COUNT; codec++)
        ck_assert_int_eq(compress_find(compress_row(codec)->name), codec);
    ck_assert_int_eq(compress_find("zstd"), 4);
    ck_assert_int_eq(compress_find("brotli"), -1);
    ck_assert_ptr_null(compress_row(CODEC_COUNT));
    ck_assert_ptr_null(compress_row(-1));
    ck_assert_int_eq(compress_bytes(7, 0, plain, 1, &packed), K_UNSUPPORTED_COMPRESSION_TYPE);
    ck_assert_int_eq(decompress_bytes(7, plain, 1, 1, &packed), K_UNSUPPORTED_COMPRESSION_TYPE);
}
END_TEST

Suite *compress_suite(void)
{
    Suite *suite = suite_create("common/compress");
    TCase *all = tcase_create("all"), *shapes = tcase_create("shapes");

    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_checked_fixture(shapes, setup, teardown);
    tcase_add_loop_test(all, every_codec_gives_back_what_it_got, CODEC_NONE, CODEC_COUNT);
    tcase_add_loop_test(all, the_limit_is_exact, CODEC_NONE, CODEC_COUNT);
    tcase_add_loop_test(all, every_level_is_brought_into_range, CODEC_NONE, CODEC_COUNT);
    tcase_add_loop_test(all, output_is_appended_and_failure_takes_it_back, CODEC_NONE, CODEC_COUNT);
    tcase_add_loop_test(all, a_bomb_stops_at_the_limit, CODEC_NONE, CODEC_COUNT);
    tcase_add_loop_test(all, bytes_cut_off_are_corrupt, CODEC_GZIP, CODEC_COUNT);
    tcase_add_loop_test(all, garbage_is_refused, CODEC_GZIP, CODEC_COUNT);
    tcase_add_loop_test(all, garbage_behind_the_end_is_corrupt, CODEC_GZIP, CODEC_COUNT);
    tcase_add_loop_test(all, streams_in_a_row_are_read_as_one, CODEC_GZIP, CODEC_COUNT);
    tcase_add_test(shapes, raw_snappy_is_read);
    tcase_add_test(shapes, snappy_is_written_in_blocks_of_32_kib_as_java_does);
    tcase_add_test(shapes, a_declared_size_is_not_believed);
    tcase_add_test(shapes, codecs_have_names_and_numbers);
    suite_add_tcase(suite, all);
    suite_add_tcase(suite, shapes);
    return suite;
}
