/* What becomes of records that failed, on a clock that is just a number. */
#include <string.h>

#include "client/retry.h"
#include "tests/client/helpers.h"
#include "tests/lib/number.h"

enum { FAILURES = 64 };

static struct retry retry;
static struct retry_lane lane;
static struct retry_failure failures[FAILURES];
static struct retry_rules rules;
static int64_t now_ms;
static struct retry_effects effects;

static void begin(void)
{
    retry_fini(&retry);
    ck_assert_int_eq(retry_init(&retry, &rules), 0);
}

static void setup(void)
{
    rules = (struct retry_rules){ .mode = RETRY_IN_PLACE, .retries = 3, .backoff_ms = 100,
                                  .backoff_max_ms = 1000, .held_max = FAILURES, .seed = 1 };
    memset(&lane, 0, sizeof lane);
    now_ms = 5000;
    memset(&retry, 0, sizeof retry);
    begin();
}

static void teardown(void)
{
    retry_lane_fini(&lane);
    retry_fini(&retry);
}

static void tell(enum retry_event_type type, struct retry_failure *failure, bool for_good,
                 int64_t delay_ms)
{
    struct retry_event event = { .type = type, .now_ms = now_ms, .failure = failure,
                                 .for_good = for_good, .delay_ms = delay_ms };

    effects = retry_step(&retry, &event);
}

static void happens(enum retry_event_type type, struct retry_failure *failure)
{
    tell(type, failure, false, 0);
}

/* The record at offset `number` fails for the first time. */
static struct retry_failure *fails(int number)
{
    struct retry_failure *failure = &failures[number];

    ck_assert_int_eq(retry_admit(&retry, &lane, failure, number, 0), 0);
    happens(RETRY_FAILED, failure);
    return failure;
}

static const struct retry_effect *ordered(enum retry_effect_type type)
{
    for (size_t i = 0; i < effects.count; i++)
        if (effects.items[i].type == type)
            return &effects.items[i];
    return NULL;
}

static void expect_bound(int64_t offset)
{
    const struct retry_effect *effect = ordered(RETRY_DO_BOUND);

    ck_assert_ptr_nonnull(effect);
    ck_assert_int_eq(effect->offset, offset);
    ck_assert_ptr_eq(effect->lane, &lane);
}

/* Time passes until something is due; how much? */
static int64_t pass(void)
{
    int64_t start_ms = now_ms;

    now_ms = retry_deadline_ms(&retry) - 1;
    happens(RETRY_TICK, NULL);
    ck_assert_uint_eq(effects.count, 0);
    now_ms++;
    happens(RETRY_TICK, NULL);
    return now_ms - start_ms;
}

START_TEST(a_record_that_failed_comes_back_after_a_while)
{
    struct retry_failure *failure = fails(7);

    ck_assert_ptr_null(ordered(RETRY_DO_SEND));
    ck_assert_int_eq(pass(), 100);
    ck_assert_ptr_eq(ordered(RETRY_DO_RETURN)->failure, failure);
    ck_assert_int_eq(retry_deadline_ms(&retry), INT64_MAX);

    happens(RETRY_PROCESSED, failure);
    ck_assert_ptr_eq(ordered(RETRY_DO_SETTLE)->failure, failure);
    expect_bound(RETRY_NO_BOUND);
}
END_TEST

START_TEST(delays_double_up_to_their_maximum)
{
    static const int64_t delays[] = { 100, 200, 400, 800, 1000, 1000, 1000 };

    rules.retries = INT32_MAX;
    begin();
    struct retry_failure *failure = fails(0);
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        ck_assert_int_eq(pass(), delays[i]);
        happens(RETRY_FAILED, failure);
    }
    ck_assert_int_eq(failure->attempts, 8);
    happens(RETRY_GONE, failure);
}
END_TEST

START_TEST(a_delay_is_shortened_by_chance_and_never_more_than_said)
{
    int64_t shortest = INT64_MAX, longest = 0;

    rules.jitter_percent = 20;
    begin();
    for (int i = 0; i < FAILURES; i++) {
        fails(i);
        int64_t delay_ms = failures[i].delay_ms;
        shortest = delay_ms < shortest ? delay_ms : shortest;
        longest = delay_ms > longest ? delay_ms : longest;
    }
    ck_assert_int_ge(shortest, 80);
    ck_assert_int_lt(shortest, 90);
    ck_assert_int_le(longest, 100);
    ck_assert_int_gt(longest, 90);
}
END_TEST

START_TEST(what_failed_too_often_is_a_dead_letter)
{
    struct retry_failure *failure = fails(0);

    for (int i = 0; i < 3; i++) {
        pass();
        ck_assert_ptr_nonnull(ordered(RETRY_DO_RETURN));
        happens(RETRY_FAILED, failure);
    }
    ck_assert_ptr_eq(ordered(RETRY_DO_SEND)->failure, failure);
    ck_assert_int_eq(failure->way, RETRY_TO_DEAD_LETTERS);
    ck_assert_int_eq(failure->attempts, 4);
    ck_assert_uint_eq(retry.sending, 1);
    happens(RETRY_STORED, failure);
    ck_assert_uint_eq(retry.sending, 0);
}
END_TEST

START_TEST(what_failed_for_good_is_a_dead_letter_at_once)
{
    ck_assert_int_eq(retry_admit(&retry, &lane, &failures[0], 0, 0), 0);
    tell(RETRY_FAILED, &failures[0], true, 0);

    ck_assert_ptr_nonnull(ordered(RETRY_DO_SEND));
    ck_assert_int_eq(failures[0].way, RETRY_TO_DEAD_LETTERS);
}
END_TEST

START_TEST(nothing_is_committed_at_or_beyond_the_first_failure)
{
    fails(20);
    expect_bound(20);
    fails(30);
    ck_assert_ptr_null(ordered(RETRY_DO_BOUND));
    fails(10);
    expect_bound(10);

    now_ms += 100;
    for (int i = 0; i < 3; i++)
        happens(RETRY_TICK, NULL);
    happens(RETRY_PROCESSED, &failures[20]);
    ck_assert_ptr_null(ordered(RETRY_DO_BOUND));
    happens(RETRY_PROCESSED, &failures[10]);
    expect_bound(30);
    happens(RETRY_PROCESSED, &failures[30]);
    expect_bound(RETRY_NO_BOUND);
}
END_TEST

START_TEST(a_dead_letter_settles_its_record_only_once_it_is_stored)
{
    rules.retries = 0;
    begin();
    struct retry_failure *failure = fails(3);

    expect_bound(3);
    happens(RETRY_REFUSED_BY_CLUSTER, failure);
    ck_assert_ptr_null(ordered(RETRY_DO_SETTLE));
    ck_assert_ptr_null(ordered(RETRY_DO_BOUND));
    pass();
    ck_assert_ptr_eq(ordered(RETRY_DO_SEND)->failure, failure);
    happens(RETRY_STORED, failure);
    ck_assert_ptr_nonnull(ordered(RETRY_DO_SETTLE));
    expect_bound(RETRY_NO_BOUND);
}
END_TEST

START_TEST(what_is_refused_is_sent_again_ever_more_slowly_and_told_ever_more_seldom)
{
    rules.retries = 0;
    begin();
    struct retry_failure *failure = fails(0);
    int told = 0;
    int64_t pause_ms = 0;

    for (int i = 0; i < 16; i++) {
        happens(RETRY_REFUSED_BY_CLUSTER, failure);
        told += ordered(RETRY_DO_TELL_REFUSED) != NULL;
        int64_t next_ms = pass();
        ck_assert_int_ge(next_ms, pause_ms);
        pause_ms = next_ms;
        ck_assert_ptr_nonnull(ordered(RETRY_DO_SEND));
    }
    ck_assert_int_eq(pause_ms, 10000);
    ck_assert_int_eq(told, 5);                  /* 1, 2, 4, 8, 16 */
}
END_TEST

START_TEST(by_topic_a_retry_is_sent_with_its_delay_and_settled_when_stored)
{
    rules.mode = RETRY_BY_TOPIC;
    begin();
    struct retry_failure *failure = fails(4);

    ck_assert_ptr_eq(ordered(RETRY_DO_SEND)->failure, failure);
    ck_assert_int_eq(failure->way, RETRY_TO_RETRY_TOPIC);
    ck_assert_int_eq(failure->delay_ms, 100);
    expect_bound(4);
    happens(RETRY_STORED, failure);
    expect_bound(RETRY_NO_BOUND);
}
END_TEST

START_TEST(by_topic_a_retry_that_does_not_fit_is_a_dead_letter_and_told)
{
    rules.mode = RETRY_BY_TOPIC;
    rules.alert_letters = 1;
    rules.alert_window_ms = 1000;
    begin();
    struct retry_failure *failure = fails(4);

    happens(RETRY_DOES_NOT_FIT, failure);
    ck_assert_ptr_eq(ordered(RETRY_DO_TELL_REFUSED)->failure, failure);
    ck_assert_ptr_eq(ordered(RETRY_DO_SEND)->failure, failure);
    ck_assert_int_eq(ordered(RETRY_DO_ALERT)->alert, RETRY_MANY_LETTERS);
    ck_assert_int_eq(failure->way, RETRY_TO_DEAD_LETTERS);
    ck_assert_ptr_null(ordered(RETRY_DO_BOUND));            /* nothing is settled yet */
    happens(RETRY_STORED, failure);
    expect_bound(RETRY_NO_BOUND);
}
END_TEST

START_TEST(what_arrives_waits_for_what_is_left_of_its_delay)
{
    rules.mode = RETRY_BY_TOPIC;
    begin();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(retry_admit(&retry, &lane, &failures[i], i, 3), 0);
    tell(RETRY_ARRIVED, &failures[0], false, 400);
    expect_bound(0);
    tell(RETRY_ARRIVED, &failures[1], false, -70);      /* nobody was here when it was due */
    tell(RETRY_ARRIVED, &failures[2], false, INT64_MAX);        /* somebody's clock is wrong */

    happens(RETRY_TICK, NULL);
    ck_assert_ptr_eq(ordered(RETRY_DO_RETURN)->failure, &failures[1]);
    ck_assert_int_eq(pass(), 400);
    ck_assert_ptr_eq(ordered(RETRY_DO_RETURN)->failure, &failures[0]);
    ck_assert_int_eq(pass(), 600);              /* the longest delay there is */
    happens(RETRY_FAILED, &failures[1]);
    ck_assert_int_eq(failures[1].way, RETRY_TO_DEAD_LETTERS);   /* its failures count on */
}
END_TEST

START_TEST(in_order_its_partition_waits_until_the_record_is_settled)
{
    rules.mode = RETRY_IN_ORDER;
    rules.retries = 1;
    begin();
    struct retry_failure *failure = fails(12);

    ck_assert_int_eq(ordered(RETRY_DO_HOLD)->offset, 12);
    pass();
    ck_assert_ptr_null(ordered(RETRY_DO_RELEASE));
    happens(RETRY_FAILED, failure);
    ck_assert_ptr_null(ordered(RETRY_DO_RELEASE));
    happens(RETRY_STORED, failure);
    ck_assert_ptr_eq(ordered(RETRY_DO_RELEASE)->lane, &lane);
}
END_TEST

START_TEST(a_partition_waits_when_too_many_of_its_records_do)
{
    rules.held_max = 3;
    begin();
    fails(0);
    fails(1);
    ck_assert_ptr_null(ordered(RETRY_DO_HOLD));
    fails(2);
    ck_assert_ptr_nonnull(ordered(RETRY_DO_HOLD));
    pass();
    happens(RETRY_PROCESSED, &failures[0]);
    ck_assert_ptr_nonnull(ordered(RETRY_DO_RELEASE));
}
END_TEST

START_TEST(so_many_failures_within_the_window_are_told_once)
{
    rules.alert_failures = 3;
    rules.alert_window_ms = 1000;
    begin();
    for (int i = 0; i < 9; i++) {
        now_ms += 100;
        fails(i);
        const struct retry_effect *alert = ordered(RETRY_DO_ALERT);
        ck_assert_int_eq(alert != NULL, i % 3 == 2);
        ck_assert(alert == NULL || (alert->alert == RETRY_MANY_FAILURES && alert->count == 3));
    }
    for (int i = 9; i < 20; i++) {
        now_ms += 600;
        fails(i);
        ck_assert_ptr_null(ordered(RETRY_DO_ALERT));
    }
}
END_TEST

START_TEST(so_many_dead_letters_within_the_window_are_told)
{
    rules.alert_letters = 2;
    rules.alert_window_ms = 1000;
    rules.retries = 0;
    begin();
    fails(0);
    ck_assert_ptr_null(ordered(RETRY_DO_ALERT));
    fails(1);
    ck_assert_int_eq(ordered(RETRY_DO_ALERT)->alert, RETRY_MANY_LETTERS);
}
END_TEST

START_TEST(what_is_given_up_is_forgotten_in_every_state)
{
    rules.retries = 1;
    begin();
    fails(0);                                   /* waits */
    fails(1);
    pass();                                     /* 0 is out */
    happens(RETRY_TICK, NULL);                  /* 1 is out */
    happens(RETRY_FAILED, &failures[1]);        /* and sent */
    fails(2);
    ck_assert_uint_eq(retry.failures, 3);
    for (int i = 0; i < 3; i++) {
        happens(RETRY_GONE, &failures[i]);
        ck_assert_ptr_null(ordered(RETRY_DO_SETTLE));
    }
    ck_assert_uint_eq(retry.failures, 0);
    ck_assert_uint_eq(retry.sending, 0);
    ck_assert_int_eq(retry_deadline_ms(&retry), INT64_MAX);
}
END_TEST

/* --- lives ------------------------------------------------------------------------------------ */

/* Does the bound keep what it should, whatever happens in whatever order? */
static void live(uint64_t seed)
{
    struct rand rand;
    bool unsettled[FAILURES] = { false };
    int64_t bound = RETRY_NO_BOUND;

    rand_seed(&rand, seed);
    rules.mode = (enum retry_mode)rand_below(&rand, 3);
    rules.retries = (int32_t)rand_below(&rand, 3);
    rules.jitter_percent = 50;
    rules.held_max = 1 + (int32_t)rand_below(&rand, FAILURES);
    begin();
    for (int turn = 0; turn < 2000; turn++) {
        int number = (int)rand_below(&rand, FAILURES);
        struct retry_failure *failure = &failures[number];
        if (!unsettled[number]) {
            unsettled[number] = true;
            fails(number);
        } else if (failure->state == RETRY_OUT) {
            happens(rand_below(&rand, 2) == 0 ? RETRY_FAILED : RETRY_PROCESSED, failure);
        } else if (failure->state == RETRY_SENDING) {
            happens(rand_below(&rand, 2) == 0                   ? RETRY_STORED
                    : failure->way == RETRY_TO_DEAD_LETTERS ||
                            rand_below(&rand, 2) == 0           ? RETRY_REFUSED_BY_CLUSTER
                                                                : RETRY_DOES_NOT_FIT,
                    failure);
        } else {
            now_ms += (int64_t)rand_below(&rand, 200);
            happens(RETRY_TICK, NULL);
        }
        if (ordered(RETRY_DO_BOUND) != NULL)
            bound = ordered(RETRY_DO_BOUND)->offset;
        if (ordered(RETRY_DO_SETTLE) != NULL)
            unsettled[ordered(RETRY_DO_SETTLE)->failure - failures] = false;
        int64_t lowest = RETRY_NO_BOUND;
        for (int i = FAILURES; i-- > 0;)
            lowest = unsettled[i] ? i : lowest;
        ck_assert_int_eq(bound, lowest);
    }
    for (int i = 0; i < FAILURES; i++)
        if (unsettled[i])
            happens(RETRY_GONE, &failures[i]);
}

START_TEST(the_bound_is_the_lowest_failure_in_every_life)
{
    uint64_t seeds = number_from("KAIRN_SEEDS", 200);

    for (uint64_t seed = 0; seed < seeds; seed++)
        live(seed);
}
END_TEST

Suite *retry_suite(void)
{
    Suite *suite = suite_create("client/retry");
    TCase *rules_case = tcase_create("retry");

    tcase_add_checked_fixture(rules_case, setup, teardown);
    tcase_add_test(rules_case, a_record_that_failed_comes_back_after_a_while);
    tcase_add_test(rules_case, delays_double_up_to_their_maximum);
    tcase_add_test(rules_case, a_delay_is_shortened_by_chance_and_never_more_than_said);
    tcase_add_test(rules_case, what_failed_too_often_is_a_dead_letter);
    tcase_add_test(rules_case, what_failed_for_good_is_a_dead_letter_at_once);
    tcase_add_test(rules_case, nothing_is_committed_at_or_beyond_the_first_failure);
    tcase_add_test(rules_case, a_dead_letter_settles_its_record_only_once_it_is_stored);
    tcase_add_test(rules_case,
                   what_is_refused_is_sent_again_ever_more_slowly_and_told_ever_more_seldom);
    tcase_add_test(rules_case, by_topic_a_retry_is_sent_with_its_delay_and_settled_when_stored);
    tcase_add_test(rules_case, by_topic_a_retry_that_does_not_fit_is_a_dead_letter_and_told);
    tcase_add_test(rules_case, what_arrives_waits_for_what_is_left_of_its_delay);
    tcase_add_test(rules_case, in_order_its_partition_waits_until_the_record_is_settled);
    tcase_add_test(rules_case, a_partition_waits_when_too_many_of_its_records_do);
    tcase_add_test(rules_case, so_many_failures_within_the_window_are_told_once);
    tcase_add_test(rules_case, so_many_dead_letters_within_the_window_are_told);
    tcase_add_test(rules_case, what_is_given_up_is_forgotten_in_every_state);
    tcase_add_test(rules_case, the_bound_is_the_lowest_failure_in_every_life);
    suite_add_tcase(suite, rules_case);
    return suite;
}
