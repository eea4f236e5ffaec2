#include "client/progress.h"
#include "tests/client/helpers.h"

static struct progress progress;
static int32_t epoch;

static void setup(void)
{
    progress_init(&progress);
}

static void teardown(void)
{
    progress_restart(&progress);
}

static struct handout *hand_out(int64_t end)
{
    struct handout *handout = handout_new(end, (int32_t)end / 10);

    progress_hand_out(&progress, handout);
    return handout;
}

START_TEST(nothing_is_done_at_first)
{
    struct handout *handout = hand_out(10);

    ck_assert_int_eq(progress_take(&progress, &epoch), -1);
    handout_done(handout);
}
END_TEST

START_TEST(what_is_freed_in_order_is_done)
{
    struct handout *first = hand_out(10), *second = hand_out(20);

    handout_done(first);
    ck_assert_int_eq(progress_take(&progress, &epoch), 10);
    ck_assert_int_eq(epoch, 1);
    ck_assert_int_eq(progress_take(&progress, &epoch), -1);     /* it was asked for */
    handout_done(second);
    ck_assert_int_eq(progress_take(&progress, &epoch), 20);
}
END_TEST

START_TEST(what_is_freed_early_waits_for_what_is_before_it)
{
    struct handout *first = hand_out(10), *second = hand_out(20);

    handout_done(second);
    ck_assert_int_eq(progress_take(&progress, &epoch), -1);
    handout_done(first);
    ck_assert_int_eq(progress_take(&progress, &epoch), 20);
}
END_TEST

START_TEST(what_the_application_committed_is_not_lowered)
{
    struct handout *handout = hand_out(10);

    progress_asked(&progress, 15);
    handout_done(handout);
    ck_assert_int_eq(progress_take(&progress, &epoch), -1);
}
END_TEST

START_TEST(after_a_seek_what_came_before_does_not_count)
{
    struct handout *before = hand_out(10);

    progress_restart(&progress);
    handout_done(before);
    ck_assert_int_eq(progress_take(&progress, &epoch), -1);
    handout_done(hand_out(7));
    ck_assert_int_eq(progress_take(&progress, &epoch), 7);
}
END_TEST

START_TEST(what_could_not_be_noted_is_never_done)
{
    struct handout *first = hand_out(10);

    progress_block(&progress);
    struct handout *second = hand_out(30);
    handout_done(first);
    handout_done(second);
    ck_assert_int_eq(progress_take(&progress, &epoch), 10);
}
END_TEST

START_TEST(what_is_stored_by_hand_is_done)
{
    progress_store(&progress, 5);
    ck_assert_int_eq(progress_take(&progress, &epoch), 5);
    ck_assert_int_eq(epoch, -1);
}
END_TEST

START_TEST(nothing_is_done_at_or_beyond_the_bound)
{
    struct handout *first = hand_out(10), *second = hand_out(20);

    progress_set_bound(&progress, 7);
    handout_done(first);
    handout_done(second);
    ck_assert_int_eq(progress_take(&progress, &epoch), 7);
    ck_assert_int_eq(epoch, -1);
    ck_assert_int_eq(progress_take(&progress, &epoch), -1);
    progress_set_bound(&progress, 15);
    ck_assert_int_eq(progress_take(&progress, &epoch), 15);
    progress_set_bound(&progress, INT64_MAX);
    ck_assert_int_eq(progress_take(&progress, &epoch), 20);
    ck_assert_int_eq(epoch, 2);
}
END_TEST

START_TEST(what_is_handed_out_anew_does_not_count)
{
    struct handout *first = hand_out(10), *second = hand_out(20);

    progress_cut(&progress, 15);
    handout_done(first);
    handout_done(second);
    ck_assert_int_eq(progress_take(&progress, &epoch), 15);
    struct handout *again = hand_out(20);
    ck_assert_int_eq(progress_take(&progress, &epoch), -1);
    handout_done(again);
    ck_assert_int_eq(progress_take(&progress, &epoch), 20);
}
END_TEST

Suite *progress_suite(void)
{
    Suite *suite = suite_create("client/progress");
    TCase *tcase = tcase_create("progress");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nothing_is_done_at_first);
    tcase_add_test(tcase, what_is_freed_in_order_is_done);
    tcase_add_test(tcase, what_is_freed_early_waits_for_what_is_before_it);
    tcase_add_test(tcase, nothing_is_done_at_or_beyond_the_bound);
    tcase_add_test(tcase, what_is_handed_out_anew_does_not_count);
    tcase_add_test(tcase, what_the_application_committed_is_not_lowered);
    tcase_add_test(tcase, after_a_seek_what_came_before_does_not_count);
    tcase_add_test(tcase, what_could_not_be_noted_is_never_done);
    tcase_add_test(tcase, what_is_stored_by_hand_is_done);
    suite_add_tcase(suite, tcase);
    return suite;
}
