/* Order, loss and duplication while brokers fail. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/head.h"
#include "tests/client/helpers.h"

enum { THREADS_MAX = 4, RECORDS = 3000, PARTITIONS = 3 };

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(3);
    fake_add_topic(fake, "t", PARTITIONS);
}

static void teardown(void)
{
    fake_free(fake);
}

struct worker {
    klient_producer_t *producer;
    int number, count;
};

static void *work(void *context)
{
    struct worker *worker = context;
    char value[32];

    for (int i = 0; i < worker->count; i++) {
        snprintf(value, sizeof value, "%d %d", worker->number, i);
        ck_assert_int_eq(send_text(worker->producer, "t", i % PARTITIONS, NULL, value), KLIENT_OK);
    }
    return NULL;
}

/* What one partition holds: per thread, the last number seen and how many distinct ones. */
struct seen {
    int last[THREADS_MAX], distinct[THREADS_MAX], repeats;
    int64_t next_offset;
};

static void see(void *context, int64_t offset, const char *value)
{
    struct seen *seen = context;
    int thread, number;

    ck_assert_int_eq(offset, seen->next_offset++);
    ck_assert_int_eq(sscanf(value, "%d %d", &thread, &number), 2);
    if (number > seen->last[thread]) {
        seen->distinct[thread]++;
        seen->last[thread] = number;
    } else {
        seen->repeats++;
    }
}

/* Nothing is lost and the first copies are in order; returns how many copies too many there are. */
static int check_all(int threads, int count)
{
    int repeats = 0, total[THREADS_MAX] = { 0 };

    for (int p = 0; p < PARTITIONS; p++) {
        struct seen seen = { .last = { -1, -1, -1, -1 } };
        each_stored(fake, "t", p, see, &seen);
        repeats += seen.repeats;
        for (int t = 0; t < threads; t++)
            total[t] += seen.distinct[t];
    }
    for (int t = 0; t < threads; t++)
        ck_assert_int_eq(total[t], count);
    return repeats;
}

static void work_all(klient_producer_t *producer, int threads, int count)
{
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];

    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){ producer, i, count };
        ck_assert_int_eq(pthread_create(&ids[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
}

static void produce_from(int threads, int count, klient_config_t *config)
{
    klient_producer_t *producer = producer_with(config);
    klient_error_t *error = NULL;

    work_all(producer, threads, count);
    klient_code_t code = klient_producer_close(producer, 3 * PATIENCE_MS, &error);
    ck_assert_msg(code == KLIENT_OK, "%s", klient_error_text(error));
}

START_TEST(threads_keep_their_order_and_nothing_is_lost_or_doubled)
{
    produce_from(_i, RECORDS, config_for(fake, "batch.size", "512", NULL));

    ck_assert_int_eq(check_all(_i, RECORDS), 0);
}
END_TEST

START_TEST(retries_lose_nothing_and_keep_the_order)
{
    atomic_store(&fake_faults(fake)->random_percent, 20);
    produce_from(_i, RECORDS, config_for(fake, "batch.size", "512", NULL));

    /* Nothing was stored and then forgotten, so a retry never doubles. */
    ck_assert_int_eq(check_all(_i, RECORDS), 0);
}
END_TEST

START_TEST(answers_out_of_order_change_nothing)
{
    atomic_store(&fake_faults(fake)->shuffle, 1);
    atomic_store(&fake_faults(fake)->random_percent, 5);
    produce_from(2, 1000, config_for(fake, "batch.size", "512", NULL));

    ck_assert_int_eq(check_all(2, 1000), 0);
}
END_TEST

START_TEST(a_lost_answer_doubles_nothing)
{
    atomic_store(&fake_faults(fake)->drop_after, 3);
    produce_from(1, RECORDS, config_for(fake, "batch.size", "512", NULL));

    ck_assert_int_eq(check_all(1, RECORDS), 0);
}
END_TEST

/* As after a kill within a write, or when a follower had copied that far and leads now. */
START_TEST(a_request_of_which_the_first_batches_are_stored_doubles_nothing)
{
    atomic_store(&fake_faults(fake)->store_part, 3);
    /* While one request is answered slowly, the next ones grow. */
    atomic_store(&fake_faults(fake)->delay_ms, 2);
    produce_from(_i, RECORDS,
                 config_for(fake, "batch.size", "512",
                            "max.in.flight.requests.per.connection", "1", NULL));

    ck_assert_int_eq(atomic_load(&fake_faults(fake)->store_part), 0);
    ck_assert_int_eq(check_all(_i, RECORDS), 0);
}
END_TEST

START_TEST(without_idempotence_a_lost_answer_doubles_but_loses_nothing)
{
    atomic_store(&fake_faults(fake)->drop_after, 3);
    produce_from(1, RECORDS,
                 config_for(fake, "batch.size", "512", "enable.idempotence", "false", NULL));

    ck_assert_int_gt(check_all(1, RECORDS), 0);
}
END_TEST

START_TEST(without_idempotence_retries_keep_the_order_as_well)
{
    atomic_store(&fake_faults(fake)->random_percent, 20);
    produce_from(2, RECORDS,
                 config_for(fake, "batch.size", "512", "enable.idempotence", "false", NULL));

    ck_assert_int_eq(check_all(2, RECORDS), 0);
}
END_TEST

/* Small requests, so that many are in flight. */
START_TEST(whatever_gets_lost_nothing_is_lost_doubled_or_out_of_order)
{
    atomic_store(&fake_faults(fake)->random_percent, 20);
    atomic_store(&fake_faults(fake)->random_lost, 1);
    produce_from(_i, RECORDS,
                 config_for(fake, "batch.size", "512", "max.request.size", "1024", NULL));

    ck_assert_int_eq(check_all(_i, RECORDS), 0);
}
END_TEST

/* Who closes a batch compresses it, while others send, the loop retries and flushes go on. */
static void *flush_often(void *context)
{
    struct worker *worker = context;

    for (int i = 0; i < worker->count; i++)
        klient_producer_flush(worker->producer, i % 10, NULL);
    return NULL;
}

START_TEST(compressing_threads_lose_double_and_reorder_nothing)
{
    static const char *const sizes[] = { "512", "16384" };
    klient_producer_t *producer = producer_with(
        config_for(fake, "compression.type", "zstd", "compression.zstd.level", "19",
                   "batch.size", sizes[_i], NULL));
    struct worker flusher = { producer, 0, 200 };
    pthread_t id;

    atomic_store(&fake_faults(fake)->random_percent, 20);
    /* Not both: a broker that forgets what it lost the answer to stores it twice. */
    atomic_store(&fake_faults(fake)->random_lost, _i);
    atomic_store(&fake_faults(fake)->forget_producers, 3 * !_i);
    ck_assert_int_eq(pthread_create(&id, NULL, flush_often, &flusher), 0);
    work_all(producer, THREADS_MAX, RECORDS);
    pthread_join(id, NULL);
    klient_code_t code = klient_producer_close(producer, 3 * PATIENCE_MS, NULL);

    ck_assert_int_eq(code, KLIENT_OK);
    ck_assert_int_eq(check_all(THREADS_MAX, RECORDS), 0);
}
END_TEST

START_TEST(a_broker_that_forgot_a_producer_gets_its_records_under_a_new_epoch)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->forget_producers, 1);
    send_text(producer, "t", 0, NULL, "0 1");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    send_text(producer, "t", 0, NULL, "0 2");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(check_all(1, 3), 0);
}
END_TEST

START_TEST(a_broker_that_refuses_every_epoch_is_not_flooded)
{
    klient_producer_t *producer =
        producer_with(config_for(fake, "delivery.timeout.ms", "1000", "request.timeout.ms", "500",
                                 "retry.backoff.max.ms", "1000", NULL));

    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_INVALID_PRODUCER_EPOCH);
    atomic_store(&fake_faults(fake)->refuse_count, 1000000);
    send_text(producer, "t", 0, NULL, "0 0");
    klient_producer_close(producer, PATIENCE_MS, NULL);

    ck_assert_int_lt(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_PRODUCE), 20);
}
END_TEST

/* What a leader says around a failover: the records are stored later, once, and in order. */
START_TEST(what_passes_by_itself_costs_neither_a_record_nor_the_order)
{
    static const int codes[] = { KLIENT_NOT_ENOUGH_REPLICAS,
                                 KLIENT_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                                 KLIENT_FENCED_LEADER_EPOCH, KLIENT_UNKNOWN_LEADER_EPOCH,
                                 KLIENT_KAFKA_STORAGE_ERROR, KLIENT_LEASE_EXPIRED,
                                 KLIENT_REQUEST_TIMED_OUT };
    klient_producer_t *producer =
        producer_with(config_for(fake, "retry.backoff.ms", "5", "linger.ms", "0", NULL));
    char text[16];

    for (int i = 0; i < 40; i++) {
        if (i % 10 == 5) {
            atomic_store(&fake_faults(fake)->refuse_code, codes[_i]);
            atomic_store(&fake_faults(fake)->refuse_count, 1 + i / 10);
        }
        snprintf(text, sizeof text, "0 %d", i);
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, text), KLIENT_OK);
    }

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(check_all(1, 40), 0);
}
END_TEST

/* Numbers that began anew would be those of records that the leader still remembers as stored. */
START_TEST(numbers_go_on_when_a_leader_does_not_know_the_topic_for_a_while)
{
    klient_producer_t *producer = producer_with(config_for(fake, "retry.backoff.ms", "5", NULL));
    char text[16];

    for (int i = 0; i < 5; i++) {
        if (i == 3) {
            atomic_store(&fake_faults(fake)->refuse_code, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
            atomic_store(&fake_faults(fake)->refuse_count, 2);
        }
        snprintf(text, sizeof text, "0 %d", i);
        ck_assert_int_eq(send_text(producer, "t", 0, NULL, text), KLIENT_OK);
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    }

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(check_all(1, 5), 0);
}
END_TEST

START_TEST(a_record_that_fails_for_good_leaves_no_gap)
{
    klient_producer_t *producer = producer_with(config_for(fake, "retries", "1", NULL));

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_INVALID_RECORD);
    atomic_store(&fake_faults(fake)->refuse_count, 1);
    send_text(producer, "t", 0, NULL, "0 9");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_INVALID_RECORD);
    send_text(producer, "t", 0, NULL, "0 1");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(check_all(1, 2), 0);
}
END_TEST

START_TEST(brokers_too_old_for_idempotence_are_written_to_without)
{
    atomic_store(&fake_faults(fake)->version_lowest, 1);
    atomic_store(&fake_faults(fake)->version_highest, 0);
    atomic_store(&fake_faults(fake)->version_body, 23);
    produce_from(1, 10, config_for(fake, NULL));

    ck_assert_int_eq(check_all(1, 10), 0);
}
END_TEST

START_TEST(idempotence_that_was_asked_for_is_not_given_up)
{
    klient_producer_t *producer =
        producer_with(config_for(fake, "enable.idempotence", "true", NULL));

    atomic_store(&fake_faults(fake)->version_lowest, 1);
    atomic_store(&fake_faults(fake)->version_highest, 0);
    atomic_store(&fake_faults(fake)->version_body, 23);
    send_text(producer, "t", 0, NULL, "0 0");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL),
                     KLIENT_UNSUPPORTED_VERSION);
    ck_assert_int_eq(check_all(1, 0), 0);
}
END_TEST

START_TEST(a_hint_saves_the_metadata_request)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    int before = fake_requests(fake, 11);
    atomic_store(&fake_faults(fake)->move_leader, 1);
    send_text(producer, "t", 0, NULL, "0 1");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);

    ck_assert_int_eq(fake_requests(fake, 11), before);
    klient_producer_close(producer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(records_wait_for_a_leader_to_be_elected)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    fake_set_leader(fake, "t", 0, -1);
    send_text(producer, "t", 0, NULL, "0 1");
    ck_assert_int_eq(klient_producer_flush(producer, 100, NULL), KLIENT_REQUEST_TIMED_OUT);
    fake_set_leader(fake, "t", 0, 2);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(check_all(1, 2), 0);
}
END_TEST

/* Its machine is gone: the connection stands, and nothing comes. */
START_TEST(a_leader_that_says_nothing_is_left_once_another_leads)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    fake_set_leader(fake, "t", 0, 1);
    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->mute_broker, 2);
    send_text(producer, "t", 0, NULL, "0 1");
    ck_assert_int_eq(klient_producer_flush(producer, 100, NULL), KLIENT_REQUEST_TIMED_OUT);
    fake_set_leader(fake, "t", 0, 2);
    int64_t before_ms = clock_mono_ms(&clock_system);

    ck_assert_int_eq(klient_producer_flush(producer, 2 * PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, 20000);
    klient_producer_close(producer, PATIENCE_MS, NULL);
    ck_assert_int_eq(check_all(1, 2), 0);
}
END_TEST

START_TEST(connections_that_break_are_made_again)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    char value[32];

    for (int i = 0; i < 30; i++) {
        snprintf(value, sizeof value, "0 %d", i);
        ck_assert_int_eq(send_text(producer, "t", i % PARTITIONS, NULL, value), KLIENT_OK);
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
        fake_disconnect(fake);
    }
    klient_producer_close(producer, PATIENCE_MS, NULL);

    check_all(1, 30);
}
END_TEST

/* Records of 2 KB for partition 1 until `done` says so; returns how many were sent. */
static int send_large(klient_producer_t *producer, int from, bool (*done)(int sent))
{
    char value[2048];
    int sent = 0;

    memset(value, ' ', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (; !done(sent); sent++) {
        int size = snprintf(value, 32, "0 %d", from + sent);
        value[size] = ' ';
        ck_assert_int_eq(send_text(producer, "t", 1, NULL, value), KLIENT_OK);
    }
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    return sent;
}

static bool few_are_sent(int sent)
{
    return sent >= 100;
}

/* A busy machine may send for long before it answers. */
static bool own_loop_is_used(int sent)
{
    static int64_t deadline_ms;
    int64_t now_ms = clock_mono_ms(&clock_system);

    if (sent == 0)
        deadline_ms = now_ms + PATIENCE_MS;
    ck_assert_int_lt(now_ms, deadline_ms);
    return atomic_load(&fake_faults(fake)->by_own_loop) >= 3;
}

START_TEST(a_busy_partition_gets_a_connection_to_its_loop)
{
    atomic_store(&fake_faults(fake)->loops, 2);
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    int sent = send_large(producer, 0, few_are_sent);
    ck_assert_int_eq(atomic_load(&fake_faults(fake)->by_own_loop), 0);
    sent += send_large(producer, sent, own_loop_is_used);
    fake_disconnect(fake);
    sent += send_large(producer, sent, few_are_sent);
    klient_producer_close(producer, PATIENCE_MS, NULL);

    ck_assert_int_eq(check_all(1, sent), 0);
}
END_TEST

START_TEST(a_topic_made_anew_is_a_new_topic)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    fake_remove_topic(fake, "t");
    fake_add_topic(fake, "t", PARTITIONS);
    send_text(producer, "t", 0, NULL, "0 0");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(check_all(1, 1), 0);
}
END_TEST

/* Whoever waits for a leader learns that there is no topic: that has to be asked again, too. */
START_TEST(a_topic_that_was_gone_while_its_leader_was_looked_for_is_found_again)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    fake_set_leader(fake, "t", 0, -1);
    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, 200, NULL), KLIENT_REQUEST_TIMED_OUT);
    fake_remove_topic(fake, "t");
    ck_assert_int_eq(klient_producer_flush(producer, 500, NULL), KLIENT_REQUEST_TIMED_OUT);
    fake_add_topic(fake, "t", PARTITIONS);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(check_all(1, 1), 0);
}
END_TEST

START_TEST(records_of_a_topic_that_is_gone_fail)
{
    klient_producer_t *producer = producer_with(
        config_for(fake, "topic.metadata.propagation.max.ms", "50", NULL));

    send_text(producer, "t", 0, NULL, "0 0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    fake_remove_topic(fake, "t");
    send_text(producer, "t", 0, NULL, "0 1");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL),
                     KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
}
END_TEST

START_TEST(without_retries_the_first_failure_is_final)
{
    klient_producer_t *producer = producer_with(config_for(fake, "retries", "0", NULL));

    atomic_store(&fake_faults(fake)->refuse_code, KLIENT_NOT_ENOUGH_REPLICAS);
    atomic_store(&fake_faults(fake)->refuse_count, 1);
    send_text(producer, "t", 0, NULL, "0 0");

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL),
                     KLIENT_NOT_ENOUGH_REPLICAS);
}
END_TEST

static void note_doubt(void *context, const klient_report_t *report)
{
    ck_assert_int_ne(report->code, KLIENT_OK);
    *(int *)context = report->may_have_been_written;
}

/* Is it open whether a record was stored that every attempt was refused for? */
static int in_doubt_after(klient_code_t refusal)
{
    int doubt = -1;
    klient_config_t *config =
        config_for(fake, "delivery.timeout.ms", "200", "request.timeout.ms", "100", NULL);
    klient_config_set_report(config, note_doubt, &doubt);
    klient_producer_t *producer = producer_with(config);

    atomic_store(&fake_faults(fake)->refuse_code, (int)refusal);
    atomic_store(&fake_faults(fake)->refuse_count, 1000000);
    send_text(producer, "t", 0, NULL, "x");
    ck_assert_int_ne(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->refuse_count, 0);
    klient_producer_close(producer, 0, NULL);
    return doubt;
}

START_TEST(what_a_leader_said_that_is_one_no_more_leaves_it_open)
{
    ck_assert_int_eq(in_doubt_after(KLIENT_NOT_LEADER_OR_FOLLOWER), 1);
    ck_assert_int_eq(in_doubt_after(KLIENT_KAFKA_STORAGE_ERROR), 1);
    ck_assert_int_eq(in_doubt_after(KLIENT_NOT_ENOUGH_REPLICAS_AFTER_APPEND), 1);
    ck_assert_int_eq(in_doubt_after(KLIENT_NOT_ENOUGH_REPLICAS), 0);
    ck_assert_int_eq(in_doubt_after(KLIENT_MESSAGE_TOO_LARGE), 0);
}
END_TEST

Suite *faults_suite(void)
{
    Suite *suite = suite_create("client/faults");
    TCase *tcase = tcase_create("faults");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, threads_keep_their_order_and_nothing_is_lost_or_doubled, 1,
                        THREADS_MAX + 1);
    tcase_add_loop_test(tcase, retries_lose_nothing_and_keep_the_order, 1, THREADS_MAX + 1);
    tcase_add_test(tcase, answers_out_of_order_change_nothing);
    tcase_add_test(tcase, a_lost_answer_doubles_nothing);
    tcase_add_loop_test(tcase, a_request_of_which_the_first_batches_are_stored_doubles_nothing, 1,
                        THREADS_MAX + 1);
    tcase_add_test(tcase, without_idempotence_a_lost_answer_doubles_but_loses_nothing);
    tcase_add_test(tcase, without_idempotence_retries_keep_the_order_as_well);
    tcase_add_loop_test(tcase, whatever_gets_lost_nothing_is_lost_doubled_or_out_of_order, 1,
                        THREADS_MAX + 1);
    tcase_add_loop_test(tcase, compressing_threads_lose_double_and_reorder_nothing, 0, 2);
    tcase_add_test(tcase, a_broker_that_forgot_a_producer_gets_its_records_under_a_new_epoch);
    tcase_add_test(tcase, a_broker_that_refuses_every_epoch_is_not_flooded);
    tcase_add_loop_test(tcase, what_passes_by_itself_costs_neither_a_record_nor_the_order, 0, 7);
    tcase_add_test(tcase, numbers_go_on_when_a_leader_does_not_know_the_topic_for_a_while);
    tcase_add_test(tcase, a_record_that_fails_for_good_leaves_no_gap);
    tcase_add_test(tcase, brokers_too_old_for_idempotence_are_written_to_without);
    tcase_add_test(tcase, idempotence_that_was_asked_for_is_not_given_up);
    tcase_add_test(tcase, a_hint_saves_the_metadata_request);
    tcase_add_test(tcase, records_wait_for_a_leader_to_be_elected);
    tcase_add_test(tcase, a_leader_that_says_nothing_is_left_once_another_leads);
    tcase_add_test(tcase, connections_that_break_are_made_again);
    tcase_add_test(tcase, a_busy_partition_gets_a_connection_to_its_loop);
    tcase_add_test(tcase, a_topic_made_anew_is_a_new_topic);
    tcase_add_test(tcase,
                   a_topic_that_was_gone_while_its_leader_was_looked_for_is_found_again);
    tcase_add_test(tcase, records_of_a_topic_that_is_gone_fail);
    tcase_add_test(tcase, without_retries_the_first_failure_is_final);
    tcase_add_test(tcase, what_a_leader_said_that_is_one_no_more_leaves_it_open);
    suite_add_tcase(suite, tcase);
    return suite;
}
