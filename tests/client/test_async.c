#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/call.h"
#include "common/error.h"
#include "proto/head.h"
#include "tests/client/helpers.h"
#include "tests/lib/wait.h"

static struct fake *fake;
static klient_queue_t *queue;
static klient_t *klient;
static klient_admin_t *admin;

static void setup(void)
{
    fake = fake_new(2);
    fake_add_topic(fake, "t", 3);
    queue = klient_queue_new(NULL);
    klient_config_t *config = config_for(fake, "group.id", "g", NULL);
    klient = klient_new(config, NULL);
    klient_config_free(config);
    admin = klient_admin_open(klient, NULL);
    ck_assert_ptr_nonnull(admin);
}

static void teardown(void)
{
    klient_admin_close(admin);
    klient_free(klient);
    klient_queue_free(queue);
    fake_free(fake);
}

static klient_event_t *answer_of(void *opaque, klient_code_t code)
{
    return expect_answer(queue, opaque, code);
}

static void expect_silence(void)
{
    klient_event_t *event = NULL;

    ck_assert_int_eq(klient_queue_poll(queue, 20, &event, NULL), KLIENT_OK);
    ck_assert_ptr_null(event);
}

/* --- admins ----------------------------------------------------------------------------------- */

START_TEST(a_topic_is_made_and_told_of_while_nobody_waits)
{
    char name[] = "made";
    klient_new_topic_t topic;
    const klient_new_topic_t *topics[] = { &topic };
    int mark;
    klient_new_topic_init(&topic);
    topic.name = name;
    topic.partitions = 2;

    ck_assert_int_eq(klient_admin_create_topics_async(admin, topics, 1, 0, PATIENCE_MS, queue,
                                                      &mark, NULL), KLIENT_OK);
    memset(name, 'x', sizeof name - 1);     /* it was copied */
    memset(&topic, 0, sizeof topic);

    klient_event_t *event = answer_of(&mark, KLIENT_OK);
    klient_results_t *results = klient_event_take_results(event);
    ck_assert_ptr_null(klient_event_take_results(event));
    klient_event_free(event);
    ck_assert_uint_eq(klient_results_count(results), 1);
    ck_assert_str_eq(klient_results_name(results, 0), "made");
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_OK);
    klient_results_free(results);
    expect_silence();
}
END_TEST

START_TEST(a_failure_comes_with_the_outcomes_of_all)
{
    const char *names[] = { "nowhere", "t" };

    ck_assert_int_eq(klient_admin_delete_topics_async(admin, names, 2, PATIENCE_MS, queue, NULL,
                                                      NULL), KLIENT_OK);

    klient_event_t *event = answer_of(NULL, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    klient_results_t *results = klient_event_take_results(event);
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(klient_results_code(results, 1), KLIENT_OK);
    klient_results_free(results);
    klient_event_free(event);
}
END_TEST

/* What an event has, the others have not; what is left in it is freed with it. */
START_TEST(pictures_and_settings_come_by_the_queue)
{
    const char *names[] = { "t" };
    int cluster, topics, named, settings;
    ck_assert_int_eq(klient_admin_describe_cluster_async(admin, PATIENCE_MS, queue, &cluster,
                                                         NULL), KLIENT_OK);
    klient_event_t *event = answer_of(&cluster, KLIENT_OK);
    ck_assert_ptr_null(klient_event_take_results(event));
    ck_assert_ptr_null(klient_event_take_offsets(event));
    klient_metadata_t *metadata = klient_event_take_metadata(event);
    klient_event_free(event);
    ck_assert_uint_eq(klient_metadata_broker_count(metadata), 2);
    klient_metadata_free(metadata);

    klient_admin_list_topics_async(admin, PATIENCE_MS, queue, &topics, NULL);
    klient_event_free(answer_of(&topics, KLIENT_OK));
    klient_admin_describe_topics_async(admin, names, 1, PATIENCE_MS, queue, &named, NULL);
    klient_event_free(answer_of(&named, KLIENT_OK));
    klient_admin_describe_configs_async(admin, KLIENT_RESOURCE_TOPIC, "t", PATIENCE_MS, queue,
                                        &settings, NULL);
    event = answer_of(&settings, KLIENT_OK);
    klient_settings_t *told = klient_event_take_settings(event);
    ck_assert_uint_gt(klient_settings_count(told), 0);
    klient_settings_free(told);
    klient_event_free(event);
}
END_TEST

/* Two steps on the loop, as with the waiting form. */
START_TEST(the_controller_is_asked_of_a_topic_that_others_do_not_know)
{
    const char *names[] = { "t" };
    klient_topic_info_t info = { .size = sizeof info };
    atomic_store(&fake_faults(fake)->controller, 1);
    atomic_store(&fake_faults(fake)->only_controller_knows, 1);

    klient_admin_describe_topics_async(admin, names, 1, PATIENCE_MS, queue, NULL, NULL);

    klient_event_t *event = answer_of(NULL, KLIENT_OK);
    klient_metadata_t *metadata = klient_event_take_metadata(event);
    ck_assert_int_eq(klient_metadata_topic(metadata, 0, &info), KLIENT_OK);
    ck_assert_int_eq(info.code, KLIENT_OK);
    klient_metadata_free(metadata);
    klient_event_free(event);
}
END_TEST

START_TEST(groups_and_what_they_have_committed_come_by_the_queue)
{
    const char *names[] = { "a", "nobody" };
    const klient_topic_partition_t of = { "t", 1 };
    klient_offset_t offset;
    const klient_offset_t *offsets[] = { &offset };
    fake_commit(fake, "a", "t", 0, 7);
    klient_offset_init(&offset);
    offset.topic = "t";
    offset.partition = 1;
    offset.offset = 9;

    klient_admin_list_groups_async(admin, NULL, 0, PATIENCE_MS, queue, NULL, NULL);
    klient_event_t *event = answer_of(NULL, KLIENT_OK);
    klient_groups_t *groups = klient_event_take_groups(event);
    ck_assert_uint_eq(klient_groups_count(groups), 1);
    klient_groups_free(groups);
    klient_event_free(event);

    klient_admin_describe_groups_async(admin, names, 2, PATIENCE_MS, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_OK));

    klient_admin_alter_group_offsets_async(admin, "a", offsets, 1, PATIENCE_MS, queue, NULL, NULL);
    event = answer_of(NULL, KLIENT_OK);
    klient_offsets_t *told = klient_event_take_offsets(event);
    ck_assert_int_eq(klient_offsets_get(told, 0, &offset), KLIENT_OK);
    ck_assert_int_eq(offset.code, KLIENT_OK);
    klient_offsets_free(told);
    klient_event_free(event);
    ck_assert_int_eq(fake_committed(fake, "a", "t", 1, NULL), 9);

    klient_admin_delete_group_offsets_async(admin, "a", &of, 1, PATIENCE_MS, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_OK));
    klient_admin_group_offsets_async(admin, "a", PATIENCE_MS, queue, NULL, NULL);
    event = answer_of(NULL, KLIENT_OK);
    told = klient_event_take_offsets(event);
    ck_assert_uint_eq(klient_offsets_count(told), 1);
    klient_offsets_free(told);
    klient_event_free(event);

    klient_admin_delete_groups_async(admin, names, 2, PATIENCE_MS, queue, NULL, NULL);
    event = answer_of(NULL, KLIENT_GROUP_ID_NOT_FOUND);
    klient_results_t *results = klient_event_take_results(event);
    klient_event_free(event);
    ck_assert_str_eq(klient_results_name(results, 1), "nobody");
    ck_assert_int_eq(klient_results_code(results, 0), KLIENT_OK);
    ck_assert_int_eq(klient_results_code(results, 1), KLIENT_GROUP_ID_NOT_FOUND);
    klient_results_free(results);
}
END_TEST

START_TEST(offsets_of_partitions_come_in_order_each_with_its_code)
{
    const klient_topic_partition_t of[] = { { "t", 0 }, { "t", 9 }, { "t", 0 } };
    const int64_t where[] = { KLIENT_OFFSETS_END, KLIENT_OFFSETS_END, KLIENT_OFFSETS_BEGINNING };
    klient_offset_t offset;
    klient_offset_init(&offset);
    fill(fake, "t", 0, 4);

    klient_admin_list_offsets_async(admin, of, where, 3, PATIENCE_MS, queue, NULL, NULL);

    klient_event_t *event = answer_of(NULL, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(klient_error_partition(klient_event_error(event)), 9);
    klient_offsets_t *offsets = klient_event_take_offsets(event);
    ck_assert_uint_eq(klient_offsets_count(offsets), 3);
    klient_offsets_get(offsets, 0, &offset);
    ck_assert_int_eq(offset.offset, 4);
    klient_offsets_get(offsets, 1, &offset);
    ck_assert_int_eq(offset.offset, -1);
    ck_assert_int_eq(offset.code, KLIENT_UNKNOWN_TOPIC_OR_PARTITION);
    klient_offsets_get(offsets, 2, &offset);
    ck_assert_int_eq(offset.offset, 0);
    klient_offsets_free(offsets);
    klient_event_free(event);
}
END_TEST

/* --- when it does not come to an answer ------------------------------------------------------- */

START_TEST(a_call_without_sense_is_refused_at_once_and_no_event_follows)
{
    const char *names[] = { "t" };
    klient_error_t *error = NULL;

    ck_assert_int_eq(klient_admin_delete_topics_async(admin, NULL, 0, PATIENCE_MS, queue, NULL,
                                                      &error), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_ARGUMENT);
    klient_error_free(error);
    ck_assert_int_eq(klient_admin_delete_topics_async(admin, names, 1, PATIENCE_MS, NULL, NULL,
                                                      NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_admin_describe_groups_async(admin, (const char *[]){ "" }, 1,
                                                        PATIENCE_MS, queue, NULL, NULL),
                     KLIENT_INVALID_GROUP_ID);
    expect_silence();
    ck_assert_int_eq(fake_requests(fake, KAIRN__REQUEST_HEAD__BODY_DELETE_TOPICS), 0);
}
END_TEST

START_TEST(the_time_of_a_call_that_nobody_waits_for_runs_out)
{
    const char *names[] = { "t" };
    int64_t before_ms = mono_ms();
    atomic_store(&fake_faults(fake)->mute, 1);

    klient_admin_delete_topics_async(admin, names, 1, 60, queue, NULL, NULL);
    klient_admin_list_groups_async(admin, NULL, 0, 60, queue, NULL, NULL);

    klient_event_free(answer_of(NULL, KLIENT_REQUEST_TIMED_OUT));
    klient_event_free(answer_of(NULL, KLIENT_REQUEST_TIMED_OUT));
    ck_assert_int_ge(mono_ms(), before_ms + 60);
    expect_silence();
}
END_TEST

START_TEST(calls_that_are_open_when_the_handle_goes_are_answered_as_closed)
{
    enum { CALLS = 5 };
    const klient_topic_partition_t of = { "t", 0 };
    const int64_t where = KLIENT_OFFSETS_END;
    const char *names[] = { "t" };
    atomic_store(&fake_faults(fake)->mute, 1);
    klient_admin_t *own = admin_with(config_for(fake, NULL));

    klient_admin_delete_topics_async(own, names, 1, PATIENCE_MS, queue, own, NULL);
    klient_admin_list_offsets_async(own, &of, &where, 1, PATIENCE_MS, queue, own, NULL);
    klient_admin_list_groups_async(own, NULL, 0, PATIENCE_MS, queue, own, NULL);
    klient_admin_group_offsets_async(own, "a", PATIENCE_MS, queue, own, NULL);
    klient_admin_move_log_async(own, "t", 0, "/elsewhere", PATIENCE_MS, queue, own, NULL);
    klient_admin_close(own);

    for (int i = 0; i < CALLS; i++)
        klient_event_free(answer_of(own, KLIENT_CLOSED));
    expect_silence();
}
END_TEST

START_TEST(a_queue_may_go_before_the_answers)
{
    const char *names[] = { "t" };
    klient_queue_t *other = klient_queue_new(NULL);
    atomic_store(&fake_faults(fake)->mute, 1);
    for (int i = 0; i < 10; i++)
        klient_admin_describe_topics_async(admin, names, 1, 30, other, NULL, NULL);

    klient_queue_free(other);

    klient_admin_describe_topics_async(admin, names, 1, 60, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_REQUEST_TIMED_OUT));
}
END_TEST

/* --- loops and threads ------------------------------------------------------------------------ */

START_TEST(a_loop_of_the_application_sees_answers_by_the_descriptor)
{
    struct pollfd poller = { .fd = klient_queue_descriptor(queue), .events = POLLIN };
    klient_event_t *event = NULL;
    ck_assert_int_eq(poll(&poller, 1, 0), 0);

    klient_admin_describe_cluster_async(admin, PATIENCE_MS, queue, NULL, NULL);

    ck_assert_int_eq(poll(&poller, 1, PATIENCE_MS), 1);
    ck_assert_int_eq(klient_queue_poll(queue, 0, &event, NULL), KLIENT_OK);
    ck_assert_ptr_nonnull(event);
    klient_event_free(event);
    ck_assert_int_eq(poll(&poller, 1, 0), 0);
}
END_TEST

enum { THREADS = 4, ROUNDS = 50 };

static void *ask_often(void *context)
{
    const klient_topic_partition_t of = { "t", 0 };
    const int64_t where = KLIENT_OFFSETS_END;
    klient_metadata_t *metadata;

    for (int i = 0; i < ROUNDS; i++) {
        klient_admin_list_offsets_async(admin, &of, &where, 1, PATIENCE_MS, queue, context, NULL);
        klient_admin_describe_cluster_async(admin, PATIENCE_MS, queue, context, NULL);
        if (i % 10 == 0 && klient_admin_list_topics(admin, PATIENCE_MS, &metadata, NULL) == 0)
            klient_metadata_free(metadata);
    }
    return NULL;
}

static void *take_often(void *context)
{
    klient_event_t *event = NULL;

    for (int i = 0; i < 2 * ROUNDS; i++) {
        if (klient_queue_poll(queue, PATIENCE_MS, &event, NULL) != KLIENT_OK || event == NULL)
            break;
        if (klient_event_code(event) == KLIENT_OK)
            atomic_fetch_add((atomic_int *)klient_event_opaque(event), 1);
        klient_event_free(event);
    }
    return context;
}

START_TEST(many_threads_share_an_admin_and_a_queue)
{
    pthread_t asking[THREADS], taking[THREADS];
    atomic_int answered = 0;

    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&asking[i], NULL, ask_often, &answered), 0);
        ck_assert_int_eq(pthread_create(&taking[i], NULL, take_often, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(asking[i], NULL);
        pthread_join(taking[i], NULL);
    }

    ck_assert_int_eq(atomic_load(&answered), 2 * THREADS * ROUNDS);
}
END_TEST

/* The function may wait: its thread is not the handle's. */
static void ask_on(void *context, klient_event_t *event)
{
    klient_metadata_t *metadata;
    bool well = klient_event_code(event) == KLIENT_OK &&
                klient_admin_list_topics(admin, PATIENCE_MS, &metadata, NULL) == KLIENT_OK;

    if (well)
        klient_metadata_free(metadata);
    klient_event_free(event);
    atomic_store((atomic_int *)context, well ? 1 : -1);
}

START_TEST(the_function_of_a_queue_may_make_calls_that_wait)
{
    atomic_int outcome = 0;
    ck_assert_int_eq(klient_queue_serve(queue, ask_on, &outcome, NULL), KLIENT_OK);

    klient_admin_describe_cluster_async(admin, PATIENCE_MS, queue, NULL, NULL);

    WAIT_UNTIL(atomic_load(&outcome) != 0);
    ck_assert_int_eq(atomic_load(&outcome), 1);
}
END_TEST

/* --- consumers -------------------------------------------------------------------------------- */

static int64_t offset_at(const klient_offsets_t *offsets, size_t index)
{
    klient_offset_t offset;

    klient_offset_init(&offset);
    ck_assert_int_eq(klient_offsets_get(offsets, index, &offset), KLIENT_OK);
    return offset.offset;
}

/* Two offsets, and nothing else. */
static void expect_offsets(int64_t first, int64_t second)
{
    klient_event_t *event = answer_of(NULL, KLIENT_OK);
    klient_offsets_t *offsets = klient_event_take_offsets(event);

    ck_assert_uint_eq(klient_offsets_count(offsets), 2);
    ck_assert_int_eq(offset_at(offsets, 0), first);
    ck_assert_int_eq(offset_at(offsets, 1), second);
    klient_offsets_free(offsets);
    klient_event_free(event);
}

START_TEST(a_consumer_asks_without_waiting)
{
    const klient_topic_partition_t of[] = { { "t", 0 }, { "t", 1 } };
    const int64_t times[] = { 0, 0 };
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    fill(fake, "t", 0, 4);
    fake_commit(fake, "g", "t", 1, 2);

    klient_consumer_end_offsets_async(consumer, of, 2, PATIENCE_MS, queue, NULL, NULL);
    expect_offsets(4, 0);
    klient_consumer_beginning_offsets_async(consumer, of, 2, PATIENCE_MS, queue, NULL, NULL);
    expect_offsets(0, 0);
    klient_consumer_offsets_for_times_async(consumer, of, times, 2, PATIENCE_MS, queue, NULL,
                                            NULL);
    expect_offsets(0, -1);
    klient_consumer_query_watermarks_async(consumer, "t", 0, PATIENCE_MS, queue, NULL, NULL);
    expect_offsets(0, 4);
    klient_consumer_committed_async(consumer, of, 2, PATIENCE_MS, queue, NULL, NULL);
    expect_offsets(-1, 2);
    klient_consumer_partitions_for_async(consumer, "t", PATIENCE_MS, queue, NULL, NULL);
    klient_event_t *event = answer_of(NULL, KLIENT_OK);
    klient_metadata_t *metadata = klient_event_take_metadata(event);
    ck_assert_uint_eq(klient_metadata_topic_count(metadata), 1);
    klient_metadata_free(metadata);
    klient_event_free(event);
    klient_consumer_end_offsets_async(consumer, of, 0, PATIENCE_MS, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_OK));

    ck_assert_int_eq(klient_consumer_end_offsets_async(consumer, NULL, 1, PATIENCE_MS, queue, NULL,
                                                       NULL), KLIENT_INVALID_ARGUMENT);
    expect_silence();
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
}
END_TEST

START_TEST(a_silent_coordinator_does_not_hold_up_the_answer)
{
    const klient_topic_partition_t of = { "t", 0 };
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    atomic_store(&fake_faults(fake)->mute, 1);
    int64_t before_ms = mono_ms();

    klient_consumer_committed_async(consumer, &of, 1, 60, queue, NULL, NULL);

    klient_event_free(answer_of(NULL, KLIENT_REQUEST_TIMED_OUT));
    ck_assert_int_lt(mono_ms() - before_ms, PATIENCE_MS / 2);
    klient_consumer_close(consumer, 0, NULL);
    expect_silence();
}
END_TEST

START_TEST(what_a_consumer_asked_of_its_group_is_answered_as_closed_with_it)
{
    const klient_topic_partition_t of = { "t", 0 };
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    atomic_store(&fake_faults(fake)->mute, 1);

    klient_consumer_committed_async(consumer, &of, 1, PATIENCE_MS, queue, consumer, NULL);
    klient_consumer_close(consumer, 0, NULL);

    klient_event_free(answer_of(consumer, KLIENT_CLOSED));
    expect_silence();
}
END_TEST

/* --- producers -------------------------------------------------------------------------------- */

static void flush_in_report(void *context, const klient_report_t *report)
{
    klient_producer_t *producer = *(klient_producer_t **)context;

    if (report->code == KLIENT_OK)
        ck_assert_int_eq(klient_producer_flush_async(producer, PATIENCE_MS, queue, context, NULL),
                         KLIENT_OK);
}

START_TEST(a_producer_is_flushed_without_waiting)
{
    klient_config_t *config = config_for(fake, "linger.ms", "5000", NULL);
    klient_producer_t *producer = NULL;
    klient_config_set_report(config, flush_in_report, &producer);
    producer = klient_producer_open(klient, config, NULL);
    klient_config_free(config);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);

    ck_assert_int_eq(klient_producer_flush_async(producer, PATIENCE_MS, queue, NULL, NULL),
                     KLIENT_OK);

    klient_event_free(answer_of(NULL, KLIENT_OK));
    expect_silence();
    ck_assert_int_eq(klient_producer_poll(producer, 0, NULL, NULL), KLIENT_OK);
    klient_event_free(answer_of(&producer, KLIENT_OK));
    ck_assert_int_eq(klient_producer_flush_async(producer, KLIENT_FOREVER, queue, NULL, NULL),
                     KLIENT_OK);
    klient_event_free(answer_of(NULL, KLIENT_OK));
    klient_producer_partitions_for_async(producer, "t", PATIENCE_MS, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_OK));
    klient_producer_partitions_for_async(producer, "nowhere", PATIENCE_MS, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_UNKNOWN_TOPIC_OR_PARTITION));
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_flush_that_nobody_waits_for_tells_the_first_failure_once)
{
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->refuse_code, K_TOPIC_AUTHORIZATION_FAILED);
    atomic_store(&fake_faults(fake)->refuse_count, 1);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "y"), KLIENT_OK);

    klient_producer_flush_async(producer, PATIENCE_MS, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_TOPIC_AUTHORIZATION_FAILED));

    klient_producer_flush_async(producer, PATIENCE_MS, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_OK));
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(a_flush_that_takes_too_long_leaves_failures_to_the_next_one)
{
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    atomic_store(&fake_faults(fake)->mute, 1);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "y"), KLIENT_OK);

    klient_producer_flush_async(producer, 30, queue, NULL, NULL);
    klient_event_free(answer_of(NULL, KLIENT_REQUEST_TIMED_OUT));

    klient_producer_flush_async(producer, PATIENCE_MS, queue, producer, NULL);
    klient_producer_close(producer, 0, NULL);
    klient_event_free(answer_of(producer, KLIENT_CLOSED));
    expect_silence();
}
END_TEST

Suite *async_suite(void)
{
    Suite *suite = suite_create("client/async");
    TCase *tcase = tcase_create("async");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_topic_is_made_and_told_of_while_nobody_waits);
    tcase_add_test(tcase, a_failure_comes_with_the_outcomes_of_all);
    tcase_add_test(tcase, pictures_and_settings_come_by_the_queue);
    tcase_add_test(tcase, the_controller_is_asked_of_a_topic_that_others_do_not_know);
    tcase_add_test(tcase, groups_and_what_they_have_committed_come_by_the_queue);
    tcase_add_test(tcase, offsets_of_partitions_come_in_order_each_with_its_code);
    tcase_add_test(tcase, a_call_without_sense_is_refused_at_once_and_no_event_follows);
    tcase_add_test(tcase, the_time_of_a_call_that_nobody_waits_for_runs_out);
    tcase_add_test(tcase, calls_that_are_open_when_the_handle_goes_are_answered_as_closed);
    tcase_add_test(tcase, a_queue_may_go_before_the_answers);
    tcase_add_test(tcase, a_loop_of_the_application_sees_answers_by_the_descriptor);
    tcase_add_test(tcase, many_threads_share_an_admin_and_a_queue);
    tcase_add_test(tcase, the_function_of_a_queue_may_make_calls_that_wait);
    tcase_add_test(tcase, a_consumer_asks_without_waiting);
    tcase_add_test(tcase, a_silent_coordinator_does_not_hold_up_the_answer);
    tcase_add_test(tcase, what_a_consumer_asked_of_its_group_is_answered_as_closed_with_it);
    tcase_add_test(tcase, a_producer_is_flushed_without_waiting);
    tcase_add_test(tcase, a_flush_that_nobody_waits_for_tells_the_first_failure_once);
    tcase_add_test(tcase, a_flush_that_takes_too_long_leaves_failures_to_the_next_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
