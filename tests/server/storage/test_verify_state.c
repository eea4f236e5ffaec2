/* Damage to what is remembered of producers is found and named. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/storage/verify.h"
#include "tests/server/storage/fixture.h"

Suite *verify_state_suite(void);

static const char aborted[] = "00000000000000000000.txnindex";

static struct fixture f;
static struct log_verify_summary summary;
static char found[512], where[128];
static int found_count;

static void note(void *context, const struct log_finding *finding)
{
    (void)context;
    snprintf(found, sizeof found, "%s", finding->what);
    snprintf(where, sizeof where, "%s", finding->path);
    found_count++;
}

static void verify(void)
{
    struct k_reason reason;
    const struct log_verify_options options = { .found = note };

    found_count = 0;
    found[0] = where[0] = '\0';
    ck_assert_int_eq(log_verify(f.path, &options, &summary, &reason), 0);
}

/* Transactions of two producers, one of each aborted. */
static void setup(void)
{
    fixture_init(&f);
    for (int i = 0; i < 2; i++) {
        for (int64_t id = 7; id < 9; id++) {
            ck_assert_int_eq(fixture_produce(&f, id, 0, 2 * i, 2, true), 0);
            ck_assert_int_eq(fixture_end_txn(&f, id, 0, i == 0, 1), 0);
        }
    }
    fixture_close(&f, true);
}

static void teardown(void)
{
    fixture_fini(&f);
}

static void expect(const char *file, const char *what)
{
    verify();
    ck_assert_int_eq(found_count, 1);
    ck_assert_msg(strstr(where, file) != NULL, "%s", where);
    ck_assert_msg(strstr(found, what) != NULL, "%s", found);
}

START_TEST(sound_state_has_no_faults)
{
    char *path = fixture_file(&f, aborted);

    ck_assert_int_eq(file_size(path), 2 * 34);
    verify();

    ck_assert_msg(found_count == 0, "%s: %s", where, found);
    free(path);
}
END_TEST

START_TEST(an_entry_without_its_marker_is_found)
{
    char *path = fixture_file(&f, aborted);
    damage_byte(path, 25, 1);                   /* the last byte of the marker's offset */

    verify();

    ck_assert_int_ge(found_count, 1);
    ck_assert_ptr_nonnull(strstr(where, aborted));
    free(path);
}
END_TEST

/* In a segment that is not written to any more: the entries of the last one may be in memory. */
START_TEST(a_marker_without_its_entry_is_found)
{
    char *path = fixture_file(&f, aborted);
    fixture_open(&f);
    f.config.segment_bytes = 100;
    log_set_config(f.log, &f.config);
    ck_assert_int_eq(fixture_append(&f, 1, 10, 1), 0);
    fixture_close(&f, true);
    verify();
    ck_assert_int_eq(found_count, 0);

    ck_assert_int_eq(truncate(path, 34), 0);
    expect(aborted, "the transaction that is aborted here is missing");
    ck_assert_int_eq(unlink(path), 0);
    verify();
    ck_assert_int_eq(found_count, 2);
    free(path);
}
END_TEST

START_TEST(an_entry_of_another_producer_is_found)
{
    char *path = fixture_file(&f, aborted);
    damage_byte(path, 9, 64);

    expect(aborted, "entry 0: the marker there is of another producer");
    free(path);
}
END_TEST

START_TEST(a_damaged_snapshot_is_found)
{
    char *path = fixture_file(&f, "00000000000000000012.snapshot");

    damage_byte(path, file_size(path) - 1, 1);

    expect(".snapshot", "");
    ck_assert_int_eq(summary.faults, 1);
    free(path);
}
END_TEST

START_TEST(a_snapshot_beyond_the_end_is_found)
{
    char *from = fixture_file(&f, "00000000000000000012.snapshot");
    char *to = fixture_file(&f, "00000000000000000013.snapshot");
    char *runs = fixture_file(&f, "00000000000000000012.kairn-producers");
    ck_assert_int_eq(rename(from, to), 0);
    ck_assert_int_eq(unlink(runs), 0);

    expect("00000000000000000013.snapshot", "the log ends at 12");
    free(from);
    free(to);
    free(runs);
}
END_TEST

Suite *verify_state_suite(void)
{
    Suite *suite = suite_create("server/storage/verify_state");
    TCase *tests = tcase_create("verify_state");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sound_state_has_no_faults);
    tcase_add_test(tests, an_entry_without_its_marker_is_found);
    tcase_add_test(tests, a_marker_without_its_entry_is_found);
    tcase_add_test(tests, an_entry_of_another_producer_is_found);
    tcase_add_test(tests, a_damaged_snapshot_is_found);
    tcase_add_test(tests, a_snapshot_beyond_the_end_is_found);
    suite_add_tcase(suite, tests);
    return suite;
}
