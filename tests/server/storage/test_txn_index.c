/* The aborted transactions of a log: what a reader of a range is told, and damage. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/storage/dump.h"
#include "server/storage/log_internal.h"
#include "server/storage/txn_index.h"
#include "tests/server/storage/fixture.h"

Suite *txn_index_suite(void);

static struct fixture f;

/* Three segments: 1's transaction 0..4 aborted over two of them, 2's 1..5 committed, 3's 6..9
 * aborted, 1's 10.. open. */
static void setup(void)
{
    fixture_init(&f);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 0, 1, true), 0);
    ck_assert_int_eq(fixture_produce(&f, 2, 0, 0, 2, true), 0);
    ck_assert_int_eq(log_roll(f.log, 3), 0);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 1, 1, true), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 1, 0, true, 0), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 2, 0, false, 0), 0);
    ck_assert_int_eq(fixture_produce(&f, 3, 0, 0, 3, true), 0);
    ck_assert_int_eq(log_roll(f.log, 9), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 3, 0, true, 0), 0);
    ck_assert_int_eq(fixture_produce(&f, 1, 0, 2, 1, true), 0);
}

static void teardown(void) { fixture_fini(&f); }

/* The first offsets of the aborted transactions in [from, to). */
static void expect(int64_t from, int64_t to, int count, int64_t first, int64_t second)
{
    struct aborted_txn *txns;
    size_t found;
    ck_assert_int_eq(log_find_aborted(f.log, from, to, &txns, &found), 0);
    ck_assert_uint_eq(found, (size_t)count);
    if (count > 0)
        ck_assert_int_eq(txns[0].first_offset, first);
    if (count > 1)
        ck_assert_int_eq(txns[1].first_offset, second);
    free(txns);
}

static void expect_all(void)
{
    expect(0, 11, 2, 0, 6);
    expect(0, 1, 1, 0, -1);
    expect(2, 3, 1, 0, -1);
    expect(4, 6, 1, 0, -1);
    expect(5, 6, 0, -1, -1);
    expect(5, 7, 1, 6, -1);
    expect(9, 11, 1, 6, -1);
    expect(10, 11, 0, -1, -1);
    expect(3, 3, 0, -1, -1);
}

START_TEST(a_range_has_the_aborted_transactions_that_reach_into_it)
{
    expect_all();
}
END_TEST

START_TEST(the_entries_are_kafkas)
{
    struct aborted_txn *txns;
    size_t count;
    ck_assert_int_eq(log_find_aborted(f.log, 0, 11, &txns, &count), 0);

    ck_assert_int_eq(txns[0].producer_id, 1);
    ck_assert_int_eq(txns[0].last_offset, 4);
    ck_assert_int_eq(txns[0].stable_end, 1);    /* 2's was still open */
    ck_assert_int_eq(txns[1].producer_id, 3);
    ck_assert_int_eq(txns[1].last_offset, 9);
    ck_assert_int_eq(txns[1].stable_end, 10);
    free(txns);
    fixture_close(&f, true);
    char *path = fixture_file(&f, "00000000000000000003.txnindex");
    ck_assert_int_eq(file_size(path), 34);
    free(path);
    path = fixture_file(&f, "00000000000000000000.txnindex");
    ck_assert_int_ne(access(path, F_OK), 0);
    free(path);
}
END_TEST

START_TEST(they_are_there_again_after_any_stop)
{
    fixture_close(&f, true);
    fixture_open(&f);
    expect_all();
    fixture_close(&f, false);
    fixture_open(&f);
    expect_all();
    fixture_close(&f, false);
    fixture_forget_machine(&f);
    fixture_open(&f);
    expect_all();
}
END_TEST

/* Sealed and active segments, after a clean stop and a crash; every byte of a short file. */
START_TEST(a_damaged_index_is_made_anew)
{
    static const char *const names[] = { "00000000000000000003.txnindex",
                                         "00000000000000000009.txnindex" };
    char *path = fixture_file(&f, names[_i % 2]);
    for (int64_t at = 0; at < 34; at++) {
        fixture_close(&f, true);
        if (_i < 2)
            damage_byte(path, at, 0x80);
        else
            ck_assert_int_eq(truncate(path, at == 0 ? 35 : at), 0);
        fixture_open(&f);
        /* Not every changed number can be told from the truth; the broker lives on. */
        struct aborted_txn *txns;
        size_t count;
        ck_assert_int_eq(log_find_aborted(f.log, 0, 11, &txns, &count), 0);
        free(txns);
        if (_i >= 2)
            expect_all();
        ck_assert_int_eq(segment_clear_aborted(f.log->segments[1 + _i % 2]), 0);
        segment_forget_aborted(f.log->segments[1 + _i % 2]);
        fixture_close(&f, false);
        fixture_forget_machine(&f);
        fixture_open(&f);
        expect_all();
    }
    free(path);
}
END_TEST

START_TEST(a_cut_takes_the_transactions_whose_marker_it_takes)
{
    ck_assert_int_eq(log_truncate(f.log, 9), 0);
    model_cut(&f.model, 9);
    expect(0, 9, 1, 0, -1);
    int64_t stable;
    ck_assert_int_eq(log_stable_end(f.log, 9, &stable), 0);
    ck_assert_int_eq(stable, 6);

    ck_assert_int_eq(log_truncate(f.log, 4), 0);
    model_cut(&f.model, 4);
    expect(0, 4, 0, -1, -1);
    ck_assert_int_eq(log_stable_end(f.log, 4, &stable), 0);
    ck_assert_int_eq(stable, 0);

    /* Ended the other way this time. */
    ck_assert_int_eq(fixture_end_txn(&f, 1, 0, false, 1), 0);
    ck_assert_int_eq(fixture_end_txn(&f, 2, 0, true, 1), 0);
    expect(0, 6, 1, 1, -1);
    fixture_close(&f, false);
    fixture_open(&f);
    expect(0, 6, 1, 1, -1);
}
END_TEST

START_TEST(both_files_are_printed_and_their_faults_named)
{
    struct k_reason reason;
    struct log_dump_options options = { .json = true };
    char *text, *path;
    size_t size;
    fixture_close(&f, true);

    FILE *out = open_memstream(&text, &size);
    path = fixture_file(&f, "00000000000000000003.txnindex");
    ck_assert_int_eq(log_dump(path, &options, out, &reason), 0);
    damage_byte(path, 18, 0x80);
    ck_assert_int_eq(log_dump(path, &options, out, &reason), K_CORRUPT_MESSAGE);
    free(path);
    path = fixture_file(&f, "00000000000000000011.snapshot");
    ck_assert_int_eq(log_dump(path, &options, out, &reason), 0);
    damage_byte(path, 40, 1);
    ck_assert_int_eq(log_dump(path, &options, out, &reason), K_CORRUPT_MESSAGE);
    free(path);
    fclose(out);

    ck_assert_ptr_nonnull(
        strstr(text, "{\"producer\":1,\"first\":0,\"last\":4,\"last_stable\":1}"));
    ck_assert_ptr_nonnull(
        strstr(text, "{\"fault\":\"its offsets make no sense\",\"position\":0}"));
    ck_assert_ptr_nonnull(strstr(
        text, "{\"producer\":1,\"epoch\":0,\"last_sequence\":2,\"last_offset\":10,"
              "\"offset_delta\":0,\"timestamp\":5002,\"coordinator_epoch\":0,"
              "\"transaction_first_offset\":10}"));
    ck_assert_ptr_nonnull(strstr(text, "{\"fault\":\"its checksum is wrong\",\"position\":0}"));
    free(text);
}
END_TEST

Suite *txn_index_suite(void)
{
    Suite *suite = suite_create("server/storage/txn_index");
    TCase *tcase = tcase_create("txn_index");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_range_has_the_aborted_transactions_that_reach_into_it);
    tcase_add_test(tcase, the_entries_are_kafkas);
    tcase_add_test(tcase, they_are_there_again_after_any_stop);
    tcase_add_loop_test(tcase, a_damaged_index_is_made_anew, 0, 4);
    tcase_add_test(tcase, a_cut_takes_the_transactions_whose_marker_it_takes);
    tcase_add_test(tcase, both_files_are_printed_and_their_faults_named);
    suite_add_tcase(suite, tcase);
    return suite;
}
