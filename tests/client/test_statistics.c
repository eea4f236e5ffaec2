#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/json_text.h"
#include "client/latency.h"
#include "common/json_check.h"
#include "tests/client/members.h"
#include "tests/lib/wait.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 2);
}

static void teardown(void)
{
    fake_free(fake);
}

/* --- reading the text ------------------------------------------------------------------------- */

/* What follows "name": behind `from`. */
static const char *find(const char *from, const char *name)
{
    char quoted[64];

    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(from, quoted);
    ck_assert_msg(at != NULL, "no %s in %s", quoted, from);
    return at + strlen(quoted);
}

static long number(const char *from, const char *name)
{
    return strtol(find(from, name), NULL, 10);
}

static void check(const char *json)
{
    struct json_fault fault;

    ck_assert(json_check((const uint8_t *)json, strlen(json), &fault));
}

static char *statistics_of(klient_producer_t *producer)
{
    char *json = NULL;

    ck_assert_int_eq(klient_producer_statistics(producer, &json, NULL), KLIENT_OK);
    check(json);
    return json;
}

/* --- its parts -------------------------------------------------------------------------------- */

START_TEST(quantiles_are_near)
{
    static struct latency latency;

    ck_assert_uint_eq(latency_quantile(&latency, 0.5), 0);
    for (int64_t i = 1; i <= 1000; i++)
        latency_record(&latency, i * 100);

    ck_assert_uint_eq(latency.count, 1000);
    ck_assert_uint_ge(latency_quantile(&latency, 0.5), 50000);
    ck_assert_uint_le(latency_quantile(&latency, 0.5), 50000 + 50000 / 16);
    ck_assert_uint_ge(latency_quantile(&latency, 0.99), 99000);
    ck_assert_uint_eq(latency_quantile(&latency, 1), 100000);
}
END_TEST

START_TEST(all_times_have_a_bucket)
{
    static const int64_t times[] = { -1, 0, 1, 15, 16, 17, 31, 32, 1 << 20, UINT32_MAX, INT64_MAX };

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct latency latency = { .count = 0 };
        latency_record(&latency, times[i]);
        int64_t kept = times[i] < 0 ? 0 : times[i] > UINT32_MAX ? UINT32_MAX : times[i];
        ck_assert_int_eq((int64_t)latency_quantile(&latency, 0.5), kept);
    }
}
END_TEST

START_TEST(any_text_becomes_json)
{
    struct json_text json;

    json_text_begin(&json);
    json_text_open(&json, NULL, '{');
    json_text_string(&json, "a", "\"x\\\n\xc3\xa4");
    json_text_string(&json, "b", "\xff");
    json_text_string(&json, "c", NULL);
    json_text_open(&json, "d", '[');
    json_text_number(&json, NULL, -1);
    json_text_bool(&json, NULL, true);
    for (size_t size = 0; size < 4; size++)
        json_text_base64(&json, NULL, (const uint8_t *)"\xff\xfe\xfd", size);
    json_text_sized(&json, NULL, "ab\0c", 4);
    json_text_close(&json, ']');
    json_text_close(&json, '}');
    char *text = json_text_end(&json);

    ck_assert_str_eq(text, "{\"a\":\"\\\"x\\\\\\u000a\xc3\xa4\",\"b\":\"\\ufffd\",\"c\":null,"
                           "\"d\":[-1,true,\"\",\"/w==\",\"//4=\",\"//79\",\"ab\\u0000c\"]}");
    free(text);
}
END_TEST

/* --- what is told ----------------------------------------------------------------------------- */

START_TEST(a_producer_tells_what_it_has_sent_and_what_waits)
{
    klient_producer_t *producer = producer_with(config_for(fake, "client.id", "me", NULL));

    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    fake_set_leader(fake, "t", 0, -1);
    atomic_store(&fake_faults(fake)->mute, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    char *json = statistics_of(producer);

    ck_assert_ptr_nonnull(strstr(json, "\"client_id\":\"me\""));
    ck_assert_int_eq(number(json, "records_sent"), 10);
    ck_assert_int_gt(number(json, "bytes_sent"), 10);
    ck_assert_int_ge(number(json, "requests"), 1);
    ck_assert_int_eq(number(json, "records_queued") + number(json, "records_in_flight"), 3);
    ck_assert_int_gt(number(find(json, "request_latency_us"), "p99"), 0);
    ck_assert_ptr_nonnull(strstr(json, "\"connected\":true"));
    ck_assert_int_gt(number(find(json, "rtt_us"), "count"), 0);
    klient_statistics_free(json);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(a_producer_tells_what_failed_and_what_was_sent_again)
{
    klient_producer_t *producer = producer_with(config_for(fake, "retry.backoff.ms", "1", NULL));

    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_ENOUGH_REPLICAS);
    atomic_store(&fake_faults(fake)->refuse_count, 2);
    send_text(producer, "t", 0, NULL, "x");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_INVALID_RECORD);
    atomic_store(&fake_faults(fake)->refuse_count, 1);
    send_text(producer, "t", 0, NULL, "x");
    klient_producer_flush(producer, PATIENCE_MS, NULL);
    char *json = statistics_of(producer);

    ck_assert_int_eq(number(json, "batches_retried"), 2);
    ck_assert_int_eq(number(json, "records_sent"), 1);
    ck_assert_int_eq(number(json, "records_failed"), 1);
    klient_statistics_free(json);
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(a_consumer_tells_where_it_is_and_how_far_behind)
{
    struct member member = { .consumer = NULL };
    char *json;

    fill(fake, "t", 0, 30);
    member_open(&member, fake, "auto.offset.reset", "earliest", "enable.auto.commit", "false",
                "max.poll.records", "10", NULL);
    klient_consumer_assign(member.consumer, &(klient_topic_partition_t){ "t", 0 }, 1, NULL);
    POLL_UNTIL(&member, 1, member.records == 10);
    ck_assert_int_eq(klient_consumer_commit_sync(member.consumer, NULL, 0, PATIENCE_MS, NULL),
                     KLIENT_OK);
    POLL_UNTIL(&member, 1, member.records == 20);
    ck_assert_int_eq(klient_consumer_statistics(member.consumer, &json, NULL), KLIENT_OK);

    check(json);
    ck_assert_ptr_nonnull(strstr(json, "\"group\":\"g\""));
    const char *partition = find(json, "partitions");
    ck_assert_ptr_nonnull(strstr(partition, "\"topic\":\"t\",\"partition\":0"));
    ck_assert_int_eq(number(partition, "position"), 20);
    ck_assert_int_eq(number(partition, "committed"), 10);
    ck_assert_int_eq(number(partition, "end"), 30);
    ck_assert_int_eq(number(partition, "lag"), 10);
    ck_assert_int_gt(number(partition, "bytes_fetched"), 0);
    ck_assert_int_eq(number(json, "lag"), 10);
    klient_statistics_free(json);
    member_close(&member);
}
END_TEST

START_TEST(all_that_is_open_on_a_handle_is_told)
{
    klient_config_t *config = config_for(fake, NULL);
    klient_t *klient = klient_new(config, NULL);
    klient_producer_t *first = klient_producer_open(klient, NULL, NULL);
    klient_producer_t *second = klient_producer_open(klient, NULL, NULL);
    char *json;

    send_text(second, "t", 0, NULL, "x");
    klient_producer_close(second, PATIENCE_MS, NULL);
    ck_assert_int_eq(klient_statistics(klient, &json, NULL), KLIENT_OK);

    const char *producer = find(json, "producers");
    ck_assert_int_eq(number(producer, "records_sent"), 0);
    ck_assert_ptr_null(strstr(find(producer, "records_sent"), "records_sent"));
    ck_assert_ptr_nonnull(strstr(json, "\"consumers\":[]"));
    klient_statistics_free(json);
    klient_producer_close(first, 0, NULL);
    klient_free(klient);
    klient_config_free(config);
}
END_TEST

/* --- events ----------------------------------------------------------------------------------- */

START_TEST(statistics_come_to_the_queue_as_often_as_asked)
{
    klient_queue_t *queue = klient_queue_new(NULL);
    klient_config_t *config = config_for(fake, "statistics.interval.ms", "20", NULL);
    klient_event_t *event;

    klient_config_set_queue(config, queue);
    klient_producer_t *producer = producer_with(config);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    for (int seen = 0; seen < 3;) {
        ck_assert_int_eq(klient_queue_poll(queue, PATIENCE_MS, &event, NULL), KLIENT_OK);
        ck_assert_ptr_nonnull(event);
        ck_assert_int_eq(klient_event_kind(event), KLIENT_EVENT_STATISTICS);
        ck_assert_int_eq(klient_event_code(event), KLIENT_OK);
        const char *json = klient_event_statistics(event);
        check(json);
        if (strstr(json, "\"records_sent\":1,") != NULL) {
            ck_assert_int_ge(number(json, "window_ms"), 20);
            /* Of this window alone. */
            ck_assert_int_le(number(find(json, "request_latency_us"), "count"), seen == 0);
            seen++;
        }
        klient_event_free(event);
    }
    klient_producer_close(producer, 0, NULL);
    klient_queue_free(queue);
}
END_TEST

START_TEST(without_an_interval_none_come)
{
    klient_queue_t *queue = klient_queue_new(NULL);
    klient_config_t *config = config_for(fake, NULL);
    klient_event_t *event;

    klient_config_set_queue(config, queue);
    klient_producer_t *producer = producer_with(config);

    ck_assert_int_eq(klient_queue_poll(queue, 100, &event, NULL), KLIENT_OK);
    ck_assert_ptr_null(event);
    ck_assert_ptr_null(klient_event_statistics(NULL));
    klient_producer_close(producer, 0, NULL);
    klient_queue_free(queue);
}
END_TEST

Suite *statistics_suite(void)
{
    Suite *suite = suite_create("client/statistics");
    TCase *tcase = tcase_create("statistics");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, quantiles_are_near);
    tcase_add_test(tcase, all_times_have_a_bucket);
    tcase_add_test(tcase, any_text_becomes_json);
    tcase_add_test(tcase, a_producer_tells_what_it_has_sent_and_what_waits);
    tcase_add_test(tcase, a_producer_tells_what_failed_and_what_was_sent_again);
    tcase_add_test(tcase, a_consumer_tells_where_it_is_and_how_far_behind);
    tcase_add_test(tcase, all_that_is_open_on_a_handle_is_told);
    tcase_add_test(tcase, statistics_come_to_the_queue_as_often_as_asked);
    tcase_add_test(tcase, without_an_interval_none_come);
    suite_add_tcase(suite, tcase);
    return suite;
}
