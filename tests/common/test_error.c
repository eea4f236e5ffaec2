#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "tests/common/suites.h"

START_TEST(every_row_has_its_own_code_and_name_and_a_text)
{
    size_t count;
    const struct k_error_row *rows = k_error_rows(&count);

    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_gt(strlen(rows[i].text), 5);
        ck_assert_int_ne(rows[i].text[strlen(rows[i].text) - 1], '.');
        for (size_t j = 0; j < i; j++) {
            ck_assert_int_ne(rows[i].code, rows[j].code);
            ck_assert_str_ne(rows[i].name, rows[j].name);
        }
    }
}
END_TEST

START_TEST(rows_are_found_by_code)
{
    ck_assert_str_eq(k_error_name(0), "OK");
    ck_assert_str_eq(k_error_name(6), "NOT_LEADER_OR_FOLLOWER");
    ck_assert_int_eq(k_error_row(K_DISK_FULL)->code, K_DISK_FULL);
    ck_assert_str_eq(k_error_name(31000), "UNKNOWN_SERVER_ERROR");
    ck_assert_str_eq(k_error_name(-31000), "UNKNOWN_SERVER_ERROR");
}
END_TEST

START_TEST(stale_means_retriable_too)
{
    size_t count;
    const struct k_error_row *rows = k_error_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (k_error_stale(rows[i].code))
            ck_assert(k_error_retriable(rows[i].code));
        if (k_error_fatal(rows[i].code))
            ck_assert(!k_error_retriable(rows[i].code));
    }
    ck_assert(k_error_stale(K_NOT_LEADER_OR_FOLLOWER));
    ck_assert(k_error_retriable(K_REQUEST_TIMED_OUT));
    ck_assert(!k_error_stale(K_REQUEST_TIMED_OUT));
    ck_assert(k_error_fatal(K_WRONG_CLUSTER));
    ck_assert(!k_error_retriable(0));
}
END_TEST

START_TEST(system_errors_are_told_apart_where_it_matters)
{
    ck_assert_int_eq(k_error_from_errno(ENOSPC), K_DISK_FULL);
    ck_assert_int_eq(k_error_from_errno(EDQUOT), K_DISK_FULL);
    ck_assert_int_eq(k_error_from_errno(ENOMEM), K_NOMEM);
    ck_assert_int_eq(k_error_from_errno(EIO), K_IO);
    ck_assert_int_eq(k_error_from_errno(EACCES), K_IO);
}
END_TEST

START_TEST(reason_is_written_cut_to_its_room_and_may_be_absent)
{
    struct k_reason reason;

    ck_assert_int_eq(k_reason_set(&reason, K_IO, "can not open %s", "a"), K_IO);
    ck_assert_str_eq(reason.text, "can not open a");
    ck_assert_int_eq(k_reason_set(NULL, K_IO, "%d", 1), K_IO);
    k_reason_set(&reason, K_IO, "%0*d", 2000, 1);
    ck_assert_uint_eq(strlen(reason.text), sizeof reason.text - 1);
}
END_TEST

Suite *error_suite(void)
{
    Suite *suite = suite_create("common/error");
    TCase *basics = tcase_create("basics");

    tcase_add_test(basics, every_row_has_its_own_code_and_name_and_a_text);
    tcase_add_test(basics, rows_are_found_by_code);
    tcase_add_test(basics, stale_means_retriable_too);
    tcase_add_test(basics, system_errors_are_told_apart_where_it_matters);
    tcase_add_test(basics, reason_is_written_cut_to_its_room_and_may_be_absent);
    suite_add_tcase(suite, basics);
    return suite;
}
