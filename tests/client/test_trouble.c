/* The core of troubles: what is told, and how often. */
#include "client/trouble.h"

#include <string.h>

#include "common/error.h"
#include "tests/client/helpers.h"

enum { PERSISTENT_MS = 10000, QUIET_MS = 2000 };

static struct trouble_book book;
static struct trouble_news news;

static void setup(void)
{
    trouble_book_init(&book, PERSISTENT_MS);
}

static void teardown(void)
{
    trouble_book_fini(&book);
}

static struct trouble_subject of_partition(int32_t partition)
{
    struct trouble_subject subject = TROUBLE_OF_NOTHING;

    subject.topic = "t";
    subject.partition = partition;
    return subject;
}

static struct trouble_subject of_broker(int32_t id, const char *address)
{
    struct trouble_subject subject = TROUBLE_OF_NOTHING;

    subject.broker = id;
    subject.address = address;
    return subject;
}

static bool begins(enum trouble_kind kind, struct trouble_subject subject, int code,
                   int64_t now_ms)
{
    struct trouble_report report = { kind, subject, code, false };

    return trouble_begin(&book, &report, now_ms, &news);
}

static bool idles(struct trouble_subject subject, int64_t now_ms)
{
    struct trouble_report report = { TROUBLE_BROKER_UNREACHABLE, subject, K_NETWORK_EXCEPTION,
                                     true };

    return trouble_begin(&book, &report, now_ms, &news);
}

static void ends(enum trouble_kind kind, struct trouble_subject subject, int64_t now_ms)
{
    trouble_end(&book, kind, &subject, now_ms);
}

static bool ticks(int64_t now_ms)
{
    return trouble_tick(&book, now_ms, &news);
}

static void expect(enum trouble_kind kind, klient_severity_t severity, bool over)
{
    ck_assert_int_eq(news.kind, kind);
    ck_assert_int_eq(news.severity, severity);
    ck_assert_int_eq(news.over, over);
}

START_TEST(what_begins_is_told_with_what_it_is_about)
{
    ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(3), K_LEADER_NOT_AVAILABLE, 500));

    expect(TROUBLE_LEADER_MISSING, KLIENT_TRANSIENT, false);
    ck_assert_int_eq(news.code, K_LEADER_NOT_AVAILABLE);
    ck_assert_str_eq(news.subject.topic, "t");
    ck_assert_int_eq(news.subject.partition, 3);
    ck_assert_int_eq(news.subject.broker, -1);
    ck_assert_ptr_null(news.subject.group);
    ck_assert_int_eq(news.since_ms, 500);
    ck_assert_int_eq(news.lasted_ms, 0);
}
END_TEST

START_TEST(what_is_met_with_again_and_again_is_told_once)
{
    ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(0), K_LEADER_NOT_AVAILABLE, 0));
    for (int64_t now = 1; now < PERSISTENT_MS; now += 100)
        ck_assert(!begins(TROUBLE_LEADER_MISSING, of_partition(0), K_LEADER_NOT_AVAILABLE, now));
}
END_TEST

START_TEST(other_subjects_and_other_kinds_are_other_troubles)
{
    ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, 0));
    ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(1), 0, 0));
    ck_assert(begins(TROUBLE_NOT_ENOUGH_REPLICAS, of_partition(0), 0, 0));
    ck_assert(begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), 0, 0));
    ck_assert(begins(TROUBLE_BROKER_UNREACHABLE, of_broker(2, "a:1"), 0, 0));
    ck_assert_uint_eq(book.count, 5);
}
END_TEST

START_TEST(a_broker_that_moved_is_the_same_broker)
{
    ck_assert(begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), 0, 0));
    ck_assert(!begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "b:1"), 0, 0));
    ends(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "b:1"), 0);
    ck_assert(ticks(QUIET_MS));
}
END_TEST

START_TEST(what_lasts_becomes_persistent_and_is_told_once_more)
{
    begins(TROUBLE_LEADER_MISSING, of_partition(0), K_LEADER_NOT_AVAILABLE, 500);

    ck_assert_int_eq(trouble_deadline_ms(&book), 500 + PERSISTENT_MS);
    ck_assert(!ticks(499 + PERSISTENT_MS));
    ck_assert(ticks(501 + PERSISTENT_MS));
    expect(TROUBLE_LEADER_MISSING, KLIENT_PERSISTENT, false);
    ck_assert_int_eq(news.since_ms, 500);
    ck_assert_int_eq(news.lasted_ms, PERSISTENT_MS + 1);
    ck_assert(!ticks(10 * PERSISTENT_MS));
    ck_assert(!begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, 10 * PERSISTENT_MS));
    ck_assert_int_eq(trouble_deadline_ms(&book), INT64_MAX);
}
END_TEST

START_TEST(several_become_persistent_one_after_the_other)
{
    begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, 0);
    begins(TROUBLE_LEADER_MISSING, of_partition(1), 0, 0);
    begins(TROUBLE_LEADER_MISSING, of_partition(2), 0, 5);

    ck_assert(ticks(PERSISTENT_MS));
    ck_assert_int_eq(news.subject.partition, 0);
    ck_assert(ticks(PERSISTENT_MS));
    ck_assert_int_eq(news.subject.partition, 1);
    ck_assert(!ticks(PERSISTENT_MS));
    ck_assert_int_eq(trouble_deadline_ms(&book), PERSISTENT_MS + 5);
}
END_TEST

START_TEST(the_end_is_told_with_what_it_had_become)
{
    begins(TROUBLE_LEADER_MISSING, of_partition(0), K_LEADER_NOT_AVAILABLE, 0);
    ends(TROUBLE_LEADER_MISSING, of_partition(0), 70);
    ck_assert_int_eq(trouble_deadline_ms(&book), 70 + QUIET_MS);
    ck_assert(ticks(70 + QUIET_MS));
    expect(TROUBLE_LEADER_MISSING, KLIENT_TRANSIENT, true);
    ck_assert_int_eq(news.lasted_ms, 70);
    ck_assert_str_eq(news.subject.topic, "t");
    ck_assert(!ticks(71 + QUIET_MS));

    begins(TROUBLE_LEADER_MISSING, of_partition(0), K_LEADER_NOT_AVAILABLE, 5000);
    ck_assert(ticks(5000 + PERSISTENT_MS));
    ends(TROUBLE_LEADER_MISSING, of_partition(0), 6000 + PERSISTENT_MS);
    ck_assert(ticks(6000 + PERSISTENT_MS + QUIET_MS));
    expect(TROUBLE_LEADER_MISSING, KLIENT_PERSISTENT, true);
    ck_assert_int_eq(news.since_ms, 5000);
    ck_assert_int_eq(news.lasted_ms, 1000 + PERSISTENT_MS);
    ck_assert_int_eq(trouble_deadline_ms(&book), INT64_MAX);
}
END_TEST

START_TEST(what_comes_and_goes_is_one_trouble)
{
    ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, 0));
    for (int64_t now = 0; now < PERSISTENT_MS; now += 1000) {
        ends(TROUBLE_LEADER_MISSING, of_partition(0), now + 1);
        ck_assert(!trouble_is_there(&book, TROUBLE_LEADER_MISSING));
        ck_assert(!ticks(now + 500));
        ck_assert(!begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, now + 500));
        ck_assert(trouble_is_there(&book, TROUBLE_LEADER_MISSING));
    }
    ck_assert(ticks(PERSISTENT_MS));
    expect(TROUBLE_LEADER_MISSING, KLIENT_PERSISTENT, false);
    ends(TROUBLE_LEADER_MISSING, of_partition(0), PERSISTENT_MS + 1);
    ends(TROUBLE_LEADER_MISSING, of_partition(0), PERSISTENT_MS + 1000);
    ck_assert(!ticks(PERSISTENT_MS + QUIET_MS));
    ck_assert(ticks(PERSISTENT_MS + QUIET_MS + 1));
    ck_assert_int_eq(news.lasted_ms, PERSISTENT_MS + 1);
}
END_TEST

START_TEST(what_has_ended_does_not_become_worse)
{
    begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, 0);
    ends(TROUBLE_LEADER_MISSING, of_partition(0), PERSISTENT_MS - 1);

    ck_assert(!ticks(PERSISTENT_MS));
    ck_assert(ticks(PERSISTENT_MS + QUIET_MS));
    expect(TROUBLE_LEADER_MISSING, KLIENT_TRANSIENT, true);
}
END_TEST

START_TEST(what_never_began_does_not_end)
{
    begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, 0);

    ends(TROUBLE_LEADER_MISSING, of_partition(1), 1);
    ends(TROUBLE_NOT_ENOUGH_REPLICAS, of_partition(0), 1);
    ck_assert(!ticks(1 + QUIET_MS));
    ck_assert(trouble_is_there(&book, TROUBLE_LEADER_MISSING));
    ck_assert(!trouble_is_there(&book, TROUBLE_NOT_ENOUGH_REPLICAS));
}
END_TEST

START_TEST(what_is_over_can_begin_anew)
{
    begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, 0);
    ends(TROUBLE_LEADER_MISSING, of_partition(0), 1);
    ck_assert(ticks(1 + QUIET_MS));

    ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(0), 0, PERSISTENT_MS));
    expect(TROUBLE_LEADER_MISSING, KLIENT_TRANSIENT, false);
    ck_assert_int_eq(news.since_ms, PERSISTENT_MS);
    ck_assert(!ticks(PERSISTENT_MS + 1));
}
END_TEST

START_TEST(an_idle_one_stays_idle_until_somebody_waits)
{
    ck_assert(idles(of_broker(1, "a:1"), 0));
    expect(TROUBLE_BROKER_UNREACHABLE, KLIENT_IDLE, false);
    ck_assert(!ticks(5 * PERSISTENT_MS));
    ck_assert(!idles(of_broker(1, "a:1"), 5 * PERSISTENT_MS));

    int64_t awaited = 6 * PERSISTENT_MS;
    ck_assert(!begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), 0, awaited));
    ck_assert(!begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), 0,
                      awaited + PERSISTENT_MS - 1));
    ck_assert(begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), 0,
                     awaited + PERSISTENT_MS));
    expect(TROUBLE_BROKER_UNREACHABLE, KLIENT_PERSISTENT, false);
    ck_assert_int_eq(news.since_ms, 0);
}
END_TEST

START_TEST(a_broker_that_nobody_asks_any_more_does_not_become_persistent)
{
    begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), 0, 0);

    ck_assert_int_eq(trouble_deadline_ms(&book), INT64_MAX);
    ck_assert(!ticks(5 * PERSISTENT_MS));
    ck_assert(!idles(of_broker(1, "a:1"), 5 * PERSISTENT_MS));
    ck_assert(begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), 0, 5 * PERSISTENT_MS));
    expect(TROUBLE_BROKER_UNREACHABLE, KLIENT_PERSISTENT, false);
}
END_TEST

START_TEST(a_fatal_one_is_told_as_such_and_not_again)
{
    ck_assert(begins(TROUBLE_WRONG_CLUSTER, of_broker(1, "a:1"), K_WRONG_CLUSTER, 0));
    expect(TROUBLE_WRONG_CLUSTER, KLIENT_FATAL, false);
    ck_assert(!begins(TROUBLE_WRONG_CLUSTER, of_broker(1, "a:1"), K_WRONG_CLUSTER, 1));
    ck_assert(!ticks(PERSISTENT_MS));
}
END_TEST

START_TEST(a_code_can_make_it_fatal)
{
    struct trouble_subject group = TROUBLE_OF_NOTHING;

    group.group = "g";
    ck_assert(begins(TROUBLE_JOIN_FAILING, group, K_ASSIGNOR_FAILED, 0));
    expect(TROUBLE_JOIN_FAILING, KLIENT_TRANSIENT, false);
    ck_assert(ticks(PERSISTENT_MS));
    ck_assert(begins(TROUBLE_JOIN_FAILING, group, K_FENCED_INSTANCE_ID, PERSISTENT_MS + 1));
    expect(TROUBLE_JOIN_FAILING, KLIENT_FATAL, false);
    ck_assert_str_eq(news.subject.group, "g");
    ck_assert(!begins(TROUBLE_JOIN_FAILING, group, K_FENCED_INSTANCE_ID, PERSISTENT_MS + 2));

    /* Elsewhere the code alone does not. */
    ck_assert(begins(TROUBLE_BROKER_UNREACHABLE, of_broker(1, "a:1"), K_WRONG_BROKER, 0));
    expect(TROUBLE_BROKER_UNREACHABLE, KLIENT_TRANSIENT, false);
}
END_TEST

START_TEST(more_than_can_be_kept_are_counted_and_told_together)
{
    for (int32_t i = 0; i < TROUBLES_MAX; i++)
        ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(i), 0, 0));
    ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(TROUBLES_MAX), 0, 0));
    expect(TROUBLE_MANY_TROUBLES, KLIENT_TRANSIENT, false);
    for (int32_t i = 0; i < 1000; i++)
        ck_assert(!begins(TROUBLE_LEADER_MISSING, of_partition(TROUBLES_MAX + i), 0, 1));
    ck_assert_uint_eq(book.count, TROUBLES_MAX);

    for (int32_t i = 0; i < TROUBLES_MAX / 2; i++)
        ends(TROUBLE_LEADER_MISSING, of_partition(i), 2);
    for (int32_t i = 0; i < TROUBLES_MAX / 2; i++) {
        ck_assert(ticks(2 + QUIET_MS));
        expect(TROUBLE_LEADER_MISSING, KLIENT_TRANSIENT, true);
    }
    ck_assert(!ticks(2 + QUIET_MS));
    ck_assert(ticks(2 + 2 * QUIET_MS));
    expect(TROUBLE_MANY_TROUBLES, KLIENT_TRANSIENT, true);
    ck_assert_uint_eq(news.untold, 1001);
    ck_assert(!ticks(2 + 2 * QUIET_MS));
}
END_TEST

START_TEST(a_fatal_one_is_told_however_many_others_there_are)
{
    struct trouble_subject group = TROUBLE_OF_NOTHING;

    group.group = "g";
    for (int32_t i = 0; i < TROUBLES_MAX; i++)
        ck_assert(begins(TROUBLE_LEADER_MISSING, of_partition(i), 0, 0));
    ck_assert(begins(TROUBLE_JOIN_FAILING, group, K_ASSIGNOR_FAILED, 0));
    expect(TROUBLE_MANY_TROUBLES, KLIENT_TRANSIENT, false);

    ck_assert(begins(TROUBLE_JOIN_FAILING, group, K_FENCED_INSTANCE_ID, 1));
    expect(TROUBLE_JOIN_FAILING, KLIENT_FATAL, false);
    ck_assert(begins(TROUBLE_PRODUCER_FENCED, TROUBLE_OF_NOTHING, K_UNSUPPORTED_VERSION, 1));
    expect(TROUBLE_PRODUCER_FENCED, KLIENT_FATAL, false);

    ends(TROUBLE_PRODUCER_FENCED, TROUBLE_OF_NOTHING, 2);
    ck_assert(ticks(2 + QUIET_MS));
    expect(TROUBLE_PRODUCER_FENCED, KLIENT_FATAL, true);
    ck_assert_uint_eq(book.count, TROUBLES_MAX);
}
END_TEST

START_TEST(every_kind_has_a_name_and_says_what_to_do)
{
    for (int i = 0; i < TROUBLE_KIND_COUNT; i++) {
        const char *action = trouble_action((enum trouble_kind)i);
        ck_assert_uint_gt(strlen(trouble_name((enum trouble_kind)i)), 0);
        ck_assert_uint_gt(strlen(trouble_what((enum trouble_kind)i)), 0);
        ck_assert_int_eq(action[strlen(action) - 1], '.');
    }
}
END_TEST

START_TEST(the_page_of_troubles_is_up_to_date)
{
    expect_in_page("troubles.md", trouble_print_docs,
                   "tests/client/print_trouble_docs > docs/troubles.md");
}
END_TEST

Suite *trouble_suite(void)
{
    Suite *suite = suite_create("client/trouble");
    TCase *tcase = tcase_create("trouble");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_begins_is_told_with_what_it_is_about);
    tcase_add_test(tcase, what_is_met_with_again_and_again_is_told_once);
    tcase_add_test(tcase, other_subjects_and_other_kinds_are_other_troubles);
    tcase_add_test(tcase, a_broker_that_moved_is_the_same_broker);
    tcase_add_test(tcase, what_lasts_becomes_persistent_and_is_told_once_more);
    tcase_add_test(tcase, several_become_persistent_one_after_the_other);
    tcase_add_test(tcase, the_end_is_told_with_what_it_had_become);
    tcase_add_test(tcase, what_comes_and_goes_is_one_trouble);
    tcase_add_test(tcase, what_has_ended_does_not_become_worse);
    tcase_add_test(tcase, what_never_began_does_not_end);
    tcase_add_test(tcase, what_is_over_can_begin_anew);
    tcase_add_test(tcase, an_idle_one_stays_idle_until_somebody_waits);
    tcase_add_test(tcase, a_broker_that_nobody_asks_any_more_does_not_become_persistent);
    tcase_add_test(tcase, a_fatal_one_is_told_as_such_and_not_again);
    tcase_add_test(tcase, a_code_can_make_it_fatal);
    tcase_add_test(tcase, more_than_can_be_kept_are_counted_and_told_together);
    tcase_add_test(tcase, a_fatal_one_is_told_however_many_others_there_are);
    tcase_add_test(tcase, every_kind_has_a_name_and_says_what_to_do);
    tcase_add_test(tcase, the_page_of_troubles_is_up_to_date);
    suite_add_tcase(suite, tcase);
    return suite;
}
