/* Interceptors of commits, and what interceptors of consumers may not call. */
#include <stdio.h>
#include <string.h>

#include "proto/head.h"
#include "tests/client/members.h"

/* What an interceptor has seen. */
struct seen {
    int commits;                    /* calls */
    klient_code_t code;             /* of the last one */
    int64_t offset;                 /* of partition 0 in it; -1: not in it */
    klient_code_t offset_code;
    char metadata[16];
    int calls_done;                 /* callbacks of the application, so far */
    klient_consumer_t *consumer;
    klient_code_t answers[8];       /* of calls that it makes */
    int answer;                     /* its own */
};

static struct fake *fake;
static struct member member;
static struct seen seen;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    memset(&member, 0, sizeof member);
    memset(&seen, 0, sizeof seen);
    seen.offset = -1;
}

static void teardown(void)
{
    klient_consumer_close(member.consumer, PATIENCE_MS, NULL);
    fake_free(fake);
}

static int note(void *state, klient_code_t code, const klient_offset_t *const *offsets,
                size_t count)
{
    struct seen *mine = state;

    mine->commits++;
    mine->code = code;
    mine->offset = -1;
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(offsets[i]->topic, "t");
        mine->offset = offsets[i]->offset;
        mine->offset_code = offsets[i]->code;
        snprintf(mine->metadata, sizeof mine->metadata, "%s", offsets[i]->metadata);
    }
    return mine->answer;
}

static void join(klient_interceptor_t *interceptor, const char *auto_commit)
{
    klient_config_t *config = config_for(fake, "group.id", "g", "auto.offset.reset", "earliest",
                                         "enable.auto.commit", auto_commit,
                                         "auto.commit.interval.ms", "20", "max.poll.records", "10",
                                         NULL);

    interceptor->context = &seen;
    ck_assert_int_eq(klient_config_add_interceptor(config, "note", interceptor, NULL), KLIENT_OK);
    fill(fake, "t", 0, 30);
    member.consumer = seen.consumer = consumer_with(config);
    member_subscribe(&member, "t");
}

static void join_noting(const char *auto_commit)
{
    klient_interceptor_t interceptor;

    klient_interceptor_init(&interceptor);
    interceptor.on_commit = note;
    join(&interceptor, auto_commit);
}

static klient_offset_t offset_of(int64_t offset, const char *metadata)
{
    klient_offset_t row;

    klient_offset_init(&row);
    row.topic = "t";
    row.partition = 0;
    row.offset = offset;
    row.metadata = metadata;
    return row;
}

/* --- what is told ----------------------------------------------------------------------------- */

START_TEST(a_start_by_policy_is_told)
{
    join_noting("false");

    POLL_UNTIL(&member, 1, seen.commits == 1);

    ck_assert_int_eq(seen.offset, 0);
    ck_assert_int_eq(seen.code, KLIENT_OK);
}
END_TEST

START_TEST(a_sync_commit_is_told_before_it_returns)
{
    klient_offset_t row = offset_of(7, "note");
    const klient_offset_t *rows[] = { &row };

    join_noting("false");
    POLL_UNTIL(&member, 1, member.records == 30 && seen.commits == 1);

    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, rows, 1, PATIENCE_MS, NULL),
                     KLIENT_OK);

    ck_assert_int_eq(seen.commits, 2);
    ck_assert_int_eq(seen.offset, 7);
    ck_assert_int_eq(seen.offset_code, KLIENT_OK);
    ck_assert_str_eq(seen.metadata, "note");
}
END_TEST

static void done(void *context, klient_consumer_t *consumer, klient_code_t code,
                 const klient_offset_t *const *offsets, size_t count)
{
    struct seen *mine = context;

    (void)consumer, (void)offsets, (void)count;
    ck_assert_int_eq(code, mine->code);
    ck_assert_int_eq(mine->commits, 2);     /* the interceptor was first */
    mine->calls_done++;
}

START_TEST(an_async_commit_is_told_before_its_callback)
{
    join_noting("false");
    POLL_UNTIL(&member, 1, member.records == 30 && seen.commits == 1);

    ck_assert_int_eq(klient_consumer_commit_async(member.consumer, NULL, 0, done, &seen, NULL),
                     KLIENT_OK);
    POLL_UNTIL(&member, 1, seen.calls_done == 1);

    ck_assert_int_eq(seen.offset, 30);
}
END_TEST

START_TEST(automatic_commits_are_told_the_last_one_inside_close)
{
    join_noting("true");
    POLL_UNTIL(&member, 1, member.records == 30 && seen.offset == 30);
    int commits = seen.commits;
    fill(fake, "t", 0, 1);
    POLL_UNTIL(&member, 1, member.records == 31);

    member_close(&member);

    ck_assert_int_gt(seen.commits, commits);
    ck_assert_int_eq(seen.offset, 31);
    ck_assert_int_eq(fake_committed(fake, "g", "t", 0, NULL), 31);
}
END_TEST

START_TEST(a_failed_commit_is_told_with_its_code_and_a_failure_to_hear_it_stops_nothing)
{
    klient_offset_t row = offset_of(7, NULL);
    const klient_offset_t *rows[] = { &row };
    struct fake_faults *faults = fake_faults(fake);

    join_noting("false");
    POLL_UNTIL(&member, 1, member.records == 30 && seen.commits == 1);
    seen.answer = 5;
    atomic_store(&faults->group_refuse_code, KLIENT_GROUP_AUTHORIZATION_FAILED);
    atomic_store(&faults->group_refuse_count, 1);
    atomic_store(&faults->group_refuse_body, KAIRN__REQUEST_HEAD__BODY_OFFSET_COMMIT);

    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, rows, 1, PATIENCE_MS, NULL),
                     KLIENT_GROUP_AUTHORIZATION_FAILED);

    ck_assert_int_eq(seen.code, KLIENT_GROUP_AUTHORIZATION_FAILED);
    ck_assert_int_eq(seen.offset_code, KLIENT_GROUP_AUTHORIZATION_FAILED);
}
END_TEST

/* --- what may not be called ------------------------------------------------------------------- */

static void call_everything(struct seen *mine)
{
    klient_records_t *records = NULL;
    int64_t position;
    const char *topic = "t";
    klient_code_t answers[] = {
        klient_consumer_poll(mine->consumer, 0, &records, NULL),
        klient_consumer_commit_sync(mine->consumer, NULL, 0, 0, NULL),
        klient_consumer_commit_async(mine->consumer, NULL, 0, NULL, NULL, NULL),
        klient_consumer_seek(mine->consumer, "t", 0, 0, NULL),
        klient_consumer_position(mine->consumer, "t", 0, 0, &position, NULL),
        klient_consumer_subscribe(mine->consumer, &topic, 1, NULL, NULL),
        klient_consumer_unsubscribe(mine->consumer, NULL),
        klient_consumer_close(mine->consumer, 0, NULL),
    };

    memcpy(mine->answers, answers, sizeof answers);
}

static int call_from_consume(void *state, klient_records_t *records)
{
    (void)records;
    call_everything(state);
    return 0;
}

static int call_from_commit(void *state, klient_code_t code, const klient_offset_t *const *offsets,
                            size_t count)
{
    (void)code, (void)offsets, (void)count;
    call_everything(state);
    return 0;
}

/* 0: on_consume, 1: on_commit. */
START_TEST(every_call_of_the_consumer_from_inside_is_refused)
{
    klient_interceptor_t interceptor;

    klient_interceptor_init(&interceptor);
    if (_i == 0)
        interceptor.on_consume = call_from_consume;
    else
        interceptor.on_commit = call_from_commit;
    join(&interceptor, "false");

    POLL_UNTIL(&member, 1, member.records == 30 && seen.answers[0] != KLIENT_OK);

    for (size_t i = 0; i < sizeof seen.answers / sizeof seen.answers[0]; i++)
        ck_assert_int_eq(seen.answers[i], KLIENT_IN_CALLBACK);
}
END_TEST

Suite *interceptor_commit_suite(void)
{
    Suite *suite = suite_create("client/interceptor-commit");
    TCase *tcase = tcase_create("interceptor-commit");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_start_by_policy_is_told);
    tcase_add_test(tcase, a_sync_commit_is_told_before_it_returns);
    tcase_add_test(tcase, an_async_commit_is_told_before_its_callback);
    tcase_add_test(tcase, automatic_commits_are_told_the_last_one_inside_close);
    tcase_add_test(
        tcase,
        a_failed_commit_is_told_with_its_code_and_a_failure_to_hear_it_stops_nothing);
    tcase_add_loop_test(tcase, every_call_of_the_consumer_from_inside_is_refused, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
