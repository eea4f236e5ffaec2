#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/endian.h"
#include "common/error.h"
#include "server/storage/index_search.h"
#include "server/storage/io.h"
#include "tests/lib/scratch.h"

Suite *index_search_suite(void);

enum { STEP = 3, BYTES = 100 };         /* from entry to entry: offsets, bytes of the log */

static char directory[64], path[128];
static struct io io;
static struct index_page page;
static int reads, opens;
static size_t bytes_read;
static const struct index_bounds bounds = { INT32_MAX, INT32_MAX };

static ssize_t count_pread(const struct io *self, int fd, void *to, size_t size, off_t position)
{
    (void)self;
    reads++;
    bytes_read += size;
    return io_system.pread(&io_system, fd, to, size, position);
}

static int count_open(const struct io *self, const char *name, int flags, mode_t mode)
{
    (void)self;
    opens++;
    return io_system.open(&io_system, name, flags, mode);
}

/* Forgets what was read. */
static int search_offset(int64_t relative, struct offset_entry *out)
{
    page.count = 0;
    return index_search_offset(&io, path, &bounds, relative, &page, out);
}

static int search_position(int64_t position, struct offset_entry *out)
{
    page.count = 0;
    return index_search_position(&io, path, &bounds, position, &page, out);
}

static void setup(void)
{
    scratch_make(directory, sizeof directory, "kairn-search");
    snprintf(path, sizeof path, "%s/index", directory);
    io = io_system;
    io.pread = count_pread;
    io.open = count_open;
    reads = opens = 0;
    bytes_read = 0;
}

static void teardown(void)
{
    scratch_remove(directory);
}

static void put(int fd, int i, uint32_t relative, uint32_t position)
{
    uint8_t bytes[INDEX_OFFSET_ENTRY];
    store_u32(bytes, relative);
    store_u32(bytes + 4, position);
    ck_assert_int_eq(pwrite(fd, bytes, sizeof bytes, (off_t)i * (off_t)sizeof bytes),
                     sizeof bytes);
}

/* Entry i: offset 3 + 3 i, position 100 + 100 i. */
static void make(int count)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < count; i++)
        put(fd, i, (uint32_t)(STEP * (i + 1)), (uint32_t)(BYTES * (i + 1)));
    close(fd);
}

static void overwrite(int i, uint32_t relative, uint32_t position)
{
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    put(fd, i, relative, position);
    close(fd);
}

static void expect(int count, int64_t i)
{
    struct offset_entry by_offset, by_position;
    int expected = i < 0 ? K_NOT_FOUND : 0;

    for (int more = 0; more < STEP; more++) {
        ck_assert_int_eq(search_offset(STEP * (i + 1) + more, &by_offset), expected);
        ck_assert_int_eq(search_position(BYTES * (i + 1) + more, &by_position), expected);
        if (i < 0)
            continue;
        int64_t last = i < count ? i : count - 1;
        ck_assert_int_eq(by_offset.relative, STEP * (last + 1));
        ck_assert_int_eq(by_offset.position, BYTES * (last + 1));
        ck_assert_int_eq(by_position.relative, by_offset.relative);
    }
}

START_TEST(every_entry_of_a_file_of_any_length_is_found)
{
    static const int counts[] = { 1, 2, 511, 512, 513, 1024, 1025, 1536, 1537, 5000 };

    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        int count = counts[c];
        make(count);
        for (int64_t i = -1; i <= count; i += i < 3 || i > count - 3 ? 1 : 127)
            expect(count, i);
        expect(count, count - 1);
    }
}
END_TEST

START_TEST(what_is_near_the_end_takes_one_read_and_the_rest_a_few)
{
    struct offset_entry entry;

    make(200000);
    ck_assert_int_eq(search_offset(STEP * 199900, &entry), 0);
    ck_assert_int_eq(reads, 1);
    ck_assert_uint_le(bytes_read, 4096);
    reads = 0;
    bytes_read = 0;
    ck_assert_int_eq(search_offset(STEP * 77777, &entry), 0);
    ck_assert_int_le(reads, 13);
    ck_assert_uint_le(bytes_read, 2 * 4096);
}
END_TEST

START_TEST(an_empty_index_has_no_entry)
{
    struct offset_entry entry;

    make(0);
    ck_assert_int_eq(search_offset(5, &entry), K_NOT_FOUND);
}
END_TEST

START_TEST(a_missing_or_cut_off_file_is_damaged)
{
    struct offset_entry entry;

    ck_assert_int_eq(search_offset(5, &entry), K_CORRUPT);
    make(10);
    ck_assert_int_eq(truncate(path, 77), 0);
    ck_assert_int_eq(search_offset(5, &entry), K_CORRUPT);
}
END_TEST

/* The middle, one way or the other; the first entry of a page; the last one of all. */
static const struct {
    int i;
    uint32_t relative, position;
} damages[] = { { 2600, 1, 260100 }, { 2600, 7803, 1 }, { 2600, 0x80000000, 260100 },
                { 2560, 100000, 256100 }, { 2560, 2, 2 }, { 4999, 1, 500000 } };

START_TEST(damage_is_noticed_where_it_is_looked_at)
{
    struct offset_entry entry;

    make(5000);
    overwrite(damages[_i].i, damages[_i].relative, damages[_i].position);

    int error = search_offset(STEP * (damages[_i].i + 1) + 1, &entry);

    ck_assert_int_eq(error, K_CORRUPT);
}
END_TEST

START_TEST(an_entry_beyond_the_segment_is_damage)
{
    const struct index_bounds small = { BYTES * 10, STEP * 10 };
    struct offset_entry entry;

    make(9);
    ck_assert_int_eq(index_search_offset(&io, path, &small, 1000, &page, &entry), 0);
    make(10);
    page.count = 0;
    ck_assert_int_eq(index_search_offset(&io, path, &small, 1000, &page, &entry), K_CORRUPT);
}
END_TEST

/* Every entry after the other, and back: each page of the file is read about once. */
START_TEST(who_reads_on_needs_the_file_once_a_page)
{
    struct offset_entry entry;

    make(5000);
    for (int i = 0; i < 5000; i++) {
        ck_assert_int_eq(index_search_offset(&io, path, &bounds, STEP * (i + 1) + 1, &page, &entry),
                         0);
        ck_assert_int_eq(entry.position, BYTES * (i + 1));
        ck_assert_int_eq(index_search_position(&io, path, &bounds, BYTES * (i + 1), &page, &entry),
                         0);
        ck_assert_int_eq(entry.relative, STEP * (i + 1));
    }
    /* The last entry of a page may be of the next one, as far as can be told: four times each. */
    ck_assert_int_le(opens, 4 * (5000 / 512 + 1));
}
END_TEST

START_TEST(a_page_that_turned_out_damaged_is_not_used_again)
{
    struct offset_entry entry;

    make(5000);
    ck_assert_int_eq(search_offset(STEP * 100, &entry), 0);
    overwrite(3000, 1, 1);
    ck_assert_int_eq(index_search_offset(&io, path, &bounds, STEP * 3010, &page, &entry),
                     K_CORRUPT);
    ck_assert_int_eq(page.count, 0);
}
END_TEST

/* --- time indexes ------------------------------------------------------------------------- */

static void put_time(int fd, int i, uint64_t timestamp, uint32_t relative)
{
    uint8_t bytes[INDEX_TIME_ENTRY];
    store_u64(bytes, timestamp);
    store_u32(bytes + 8, relative);
    ck_assert_int_eq(pwrite(fd, bytes, sizeof bytes, (off_t)i * (off_t)sizeof bytes),
                     sizeof bytes);
}

/* Entry i: timestamp 1000 + 10 i, offset 3 i; some share an offset with the one before. */
static uint32_t offset_of_time(int i)
{
    return (uint32_t)(STEP * (i % 7 == 6 ? i - 1 : i));
}

static void make_times(int count)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < count; i++)
        put_time(fd, i, 1000 + 10 * (uint64_t)i, offset_of_time(i));
    close(fd);
}

START_TEST(every_timestamp_of_a_file_of_any_length_is_found)
{
    static const int counts[] = { 1, 2, 341, 342, 682, 683, 5000 };
    struct time_entry entry;

    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        int count = counts[c];
        make_times(count);
        ck_assert_int_eq(index_search_time(&io, path, &bounds, 999, &entry), K_NOT_FOUND);
        for (int i = 0; i < count; i += i < 3 || i > count - 3 ? 1 : 97) {
            for (int more = 0; more < 10; more += 9) {
                ck_assert_int_eq(
                    index_search_time(&io, path, &bounds, 1000 + 10 * i + more, &entry), 0);
                ck_assert_int_eq(entry.timestamp, 1000 + 10 * i);
                ck_assert_int_eq(entry.relative, offset_of_time(i));
            }
        }
        ck_assert_int_eq(index_search_time(&io, path, &bounds, INT64_MAX, &entry), 0);
        ck_assert_int_eq(entry.timestamp, 1000 + 10 * (count - 1));
    }
}
END_TEST

START_TEST(the_newest_timestamp_takes_one_read)
{
    struct time_entry entry;

    make_times(200000);
    ck_assert_int_eq(index_search_time(&io, path, &bounds, INT64_MAX, &entry), 0);
    ck_assert_int_eq(reads, 1);
    ck_assert_uint_le(bytes_read, 4096);
}
END_TEST

/* Timestamps that go back, in the middle and at the end; none at all; an offset that goes back. */
static const struct {
    int i;
    uint64_t timestamp;
    uint32_t relative;
} bad_times[] = { { 2600, 10, 7800 }, { 2600, 90000, 7800 }, { 4999, 1000, 14997 },
                  { 2600, UINT64_MAX, 7800 }, { 2600, 27000, 1 } };

START_TEST(damage_in_a_time_index_is_noticed_where_it_is_looked_at)
{
    struct time_entry entry;
    int fd;

    make_times(5000);
    fd = open(path, O_RDWR);
    put_time(fd, bad_times[_i].i, bad_times[_i].timestamp, bad_times[_i].relative);
    close(fd);

    int64_t wanted = 1000 + 10 * bad_times[_i].i + 15;
    ck_assert_int_eq(index_search_time(&io, path, &bounds, wanted, &entry), K_CORRUPT);
}
END_TEST

Suite *index_search_suite(void)
{
    Suite *suite = suite_create("server/storage/index_search");
    TCase *tests = tcase_create("index_search");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_entry_of_a_file_of_any_length_is_found);
    tcase_add_test(tests, what_is_near_the_end_takes_one_read_and_the_rest_a_few);
    tcase_add_test(tests, an_empty_index_has_no_entry);
    tcase_add_test(tests, a_missing_or_cut_off_file_is_damaged);
    tcase_add_loop_test(tests, damage_is_noticed_where_it_is_looked_at, 0,
                        sizeof damages / sizeof *damages);
    tcase_add_test(tests, an_entry_beyond_the_segment_is_damage);
    tcase_add_test(tests, who_reads_on_needs_the_file_once_a_page);
    tcase_add_test(tests, a_page_that_turned_out_damaged_is_not_used_again);
    tcase_add_test(tests, every_timestamp_of_a_file_of_any_length_is_found);
    tcase_add_test(tests, the_newest_timestamp_takes_one_read);
    tcase_add_loop_test(tests, damage_in_a_time_index_is_noticed_where_it_is_looked_at, 0,
                        sizeof bad_times / sizeof *bad_times);
    suite_add_tcase(suite, tests);
    return suite;
}
