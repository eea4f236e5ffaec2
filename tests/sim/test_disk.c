#include "tests/sim/disk.h"

#include <stdlib.h>

#include "tests/sim/suites.h"

static struct disk *disk_with(const int32_t *epochs, int count)
{
    struct disk *disk = calloc(1, sizeof *disk);
    disk->logs[0].exists = true;
    for (int i = 0; i < count; i++)
        log_append(&disk->logs[0], &(struct record){.epoch = epochs[i], .id = (uint32_t)i + 1,
                                                    .producer = i % 2, .sequence = i / 2});
    return disk;
}

START_TEST(an_epoch_ends_where_the_next_begins)
{
    struct disk *disk = disk_with((int32_t[]){1, 1, 4, 4, 4, 6}, 6);
    struct sim_log *log = &disk->logs[0];
    int64_t end;

    ck_assert_int_eq(log_epoch_end(log, 1, &end), 1);
    ck_assert_int_eq(end, 2);
    ck_assert_int_eq(log_epoch_end(log, 3, &end), 1);
    ck_assert_int_eq(log_epoch_end(log, 5, &end), 4);
    ck_assert_int_eq(end, 5);
    ck_assert_int_eq(log_epoch_end(log, 9, &end), 6);
    ck_assert_int_eq(end, 6);
    ck_assert_int_eq(log_epoch_end(log, 0, &end), -1);
    free(disk);
}
END_TEST

START_TEST(a_power_cut_keeps_what_was_flushed)
{
    struct rand rand;
    rand_seed(&rand, 1);
    for (int i = 0; i < 100; i++) {
        struct disk *disk = disk_with((int32_t[]){1, 1, 1, 1}, 4);
        disk->logs[0].flushed = 2;

        disk_cut_power(disk, &rand);

        ck_assert_int_ge(disk->logs[0].end, 2);
        ck_assert_int_le(disk->logs[0].end, 4);
        ck_assert(disk->power_lost);
        free(disk);
    }
}
END_TEST

START_TEST(a_producer_is_found_by_its_last_five)
{
    struct disk *disk = disk_with((int32_t[16]){0}, 16);
    struct sim_log *log = &disk->logs[0];

    ck_assert_int_eq(log_last_sequence(log, 1), 7);
    ck_assert_int_eq(log_last_sequence(log, 5), -1);
    ck_assert_int_eq(log_find_sequence(log, 1, 3), 7);
    ck_assert_int_eq(log_find_sequence(log, 1, 2), -1);
    log_truncate(log, 8);
    ck_assert_int_eq(log_last_sequence(log, 1), 3);
    free(disk);
}
END_TEST

Suite *disk_suite(void)
{
    Suite *suite = suite_create("disk");
    TCase *tcase = tcase_create("disk");
    tcase_add_test(tcase, an_epoch_ends_where_the_next_begins);
    tcase_add_test(tcase, a_power_cut_keeps_what_was_flushed);
    tcase_add_test(tcase, a_producer_is_found_by_its_last_five);
    suite_add_tcase(suite, tcase);
    return suite;
}
