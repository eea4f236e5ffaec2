#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/endian.h"
#include "server/storage/dump.h"
#include "tests/server/storage/fixture.h"

Suite *dump_suite(void);

static struct fixture f;
static char *text;

static void setup(void)
{
    fixture_init(&f);
    f.config.index_interval_bytes = 100;
    log_set_config(f.log, &f.config);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(fixture_append(&f, 2, 5, 100 + i), 0);
    fixture_close(&f, true);
}

static void teardown(void)
{
    fixture_fini(&f);
    free(text);
    text = NULL;
}

static int dump(const char *name, struct log_dump_options options)
{
    struct k_reason reason;
    size_t size;
    char *path = fixture_file(&f, name);
    free(text);
    FILE *out = open_memstream(&text, &size);
    int error = log_dump(path, &options, out, &reason);
    fclose(out);
    free(path);
    return error;
}

/* The hash as the header promises it, computed without the dumper. */
static uint32_t expected_hash(void)
{
    uint32_t hash = 0;
    for (int64_t offset = 0; offset < 40; offset++) {
        uint8_t bytes[64], *at = bytes;
        int64_t timestamp = 100 + offset / 2 + offset % 2;
        store_u64(at, (uint64_t)offset);
        store_u64(at + 8, (uint64_t)timestamp);
        store_u32(at + 16, 2);
        at[20] = 'k';
        at[21] = (uint8_t)('0' + offset % 2);
        store_u32(at + 22, 5);
        memset(at + 26, 'a' + (int)(100 + offset / 2 + offset % 2) % 26, 5);
        store_u32(at + 31, 0);
        hash = crc32c(hash, bytes, 35);
    }
    return hash;
}

START_TEST(a_segment_is_printed_with_its_count_and_hash)
{
    char line[160];
    snprintf(line, sizeof line,
             "summary batches=20 records=40 first=0 last=39 hash=%08x faults=0\n", expected_hash());

    ck_assert_int_eq(
        dump("00000000000000000000.log", (struct log_dump_options){ .summary_only = true }), 0);
    ck_assert_str_eq(text, line);
    ck_assert_int_eq(dump("00000000000000000000.log",
                          (struct log_dump_options){ .records = true, .json = true }), 0);
    ck_assert_ptr_nonnull(strstr(
        text,
        "{\"offset\":39,\"timestamp\":120,\"key\":\"k1\",\"value\":\"qqqqq\",\"headers\":[]}"));
}
END_TEST

START_TEST(a_flipped_byte_is_reported)
{
    char *path = fixture_file(&f, "00000000000000000000.log");
    damage_byte(path, (int64_t)f.model.batches[4].position + 70, 1);
    free(path);

    ck_assert_int_eq(dump("00000000000000000000.log", (struct log_dump_options){ 0 }),
                     K_CORRUPT_MESSAGE);
    ck_assert_ptr_nonnull(strstr(text, "FAULT the checksum"));
}
END_TEST

START_TEST(indexes_are_checked_against_the_segment)
{
    ck_assert_int_eq(dump("00000000000000000000.index", (struct log_dump_options){ 0 }), 0);
    ck_assert_int_eq(dump("00000000000000000000.timeindex", (struct log_dump_options){ 0 }), 0);

    char *path = fixture_file(&f, "00000000000000000000.index");
    damage_byte(path, 7, 2);
    free(path);
    path = fixture_file(&f, "00000000000000000000.timeindex");
    damage_byte(path, 19, 128);
    free(path);

    ck_assert_int_eq(dump("00000000000000000000.index", (struct log_dump_options){ 0 }),
                     K_CORRUPT_MESSAGE);
    ck_assert_int_eq(dump("00000000000000000000.timeindex", (struct log_dump_options){ 0 }),
                     K_CORRUPT_MESSAGE);
}
END_TEST

START_TEST(text_files_are_printed_and_others_refused)
{
    ck_assert_int_eq(dump("leader-epoch-checkpoint", (struct log_dump_options){ 0 }), 0);
    ck_assert_str_eq(text, "epoch 0 from offset 0\n");
    ck_assert_int_eq(dump("partition.metadata", (struct log_dump_options){ 0 }), 0);
    ck_assert_int_eq(
        dump("../recovery-point-offset-checkpoint", (struct log_dump_options){ .json = true }), 0);
    ck_assert_str_eq(text, "{\"topic\":\"t\",\"partition\":0,\"offset\":40}\n");
    ck_assert_int_eq(dump("../kairn-checkpoint", (struct log_dump_options){ 0 }), 0);
    ck_assert_int_eq(dump("nothing.txt", (struct log_dump_options){ 0 }), K_INVALID_ARGUMENT);
    ck_assert_int_eq(dump("00000000000000000001.log", (struct log_dump_options){ 0 }), K_NOT_FOUND);
}
END_TEST

static void as_size(FILE *out, const uint8_t *bytes, size_t size, bool json)
{
    (void)bytes;
    fprintf(out, json ? "%zu" : "<%zu>", size);
}

START_TEST(a_range_of_offsets_is_printed_and_counted_alone)
{
    struct log_dump_options options = { .records = true, .from = 5, .end = 9, .value = as_size };

    ck_assert_int_eq(dump("00000000000000000000.log", options), 0);
    ck_assert_ptr_null(strstr(text, "  record 4 "));
    ck_assert_ptr_nonnull(strstr(text, "  record 5 timestamp=103 key=\"k1\" value=<5> headers=[]"));
    ck_assert_ptr_nonnull(strstr(text, "  record 8 "));
    ck_assert_ptr_null(strstr(text, "  record 9 "));
    ck_assert_ptr_nonnull(strstr(text, "summary batches=3 records=4 first=4 last=9 "));

    ck_assert_int_eq(dump("00000000000000000000.index", options), 0);
    for (char *line = strstr(text, "offset "); line != NULL; line = strstr(line + 1, "offset ")) {
        ck_assert_int_ge(atoi(line + 7), 5);
        ck_assert_int_lt(atoi(line + 7), 9);
    }
}
END_TEST

Suite *dump_suite(void)
{
    Suite *suite = suite_create("server/storage/dump");
    TCase *tests = tcase_create("dump");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_segment_is_printed_with_its_count_and_hash);
    tcase_add_test(tests, a_flipped_byte_is_reported);
    tcase_add_test(tests, indexes_are_checked_against_the_segment);
    tcase_add_test(tests, text_files_are_printed_and_others_refused);
    tcase_add_test(tests, a_range_of_offsets_is_printed_and_counted_alone);
    suite_add_tcase(suite, tests);
    return suite;
}
