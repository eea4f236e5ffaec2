#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/consumer.h"
#include "net/loop.h"
#include "tests/client/fake_private.h"
#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
}

static void teardown(void)
{
    fake_free(fake);
}

/* Consumers have a producer of their own with it. */
static void set_policy(klient_config_t *config)
{
    klient_retry_policy_t *policy = klient_retry_policy_new();

    ck_assert_int_eq(klient_config_set_retry_policy(config, policy, NULL), KLIENT_OK);
    klient_retry_policy_free(policy);
}

/* Is a thread that may not come in told of nothing? */
static bool sees_nothing(klient_consumer_t *consumer, klient_code_t why)
{
    klient_topic_partition_t partition;

    return klient_consumer_assignment_count(consumer) == 0 &&
           klient_consumer_assignment(consumer, 0, &partition, NULL) == why &&
           klient_consumer_subscription_count(consumer) == 0 &&
           klient_consumer_subscription(consumer, 0) == NULL &&
           klient_consumer_subscription_pattern(consumer) == NULL;
}

static void *look_in(void *consumer)
{
    return sees_nothing(consumer, KLIENT_CONCURRENT) ? consumer : NULL;
}

static void expect_closed_to_others(klient_consumer_t *consumer)
{
    pthread_t thread;
    void *nothing;

    ck_assert_int_eq(consumer_enter(consumer), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, look_in, consumer), 0);
    pthread_join(thread, &nothing);
    consumer_leave(consumer, KLIENT_OK);
    ck_assert_ptr_nonnull(nothing);
}

START_TEST(another_thread_is_told_of_no_partitions_and_no_subscription)
{
    klient_config_t *config = config_for(fake, "group.id", "g", NULL);
    klient_consumer_t *assigned = klient_consumer_new(config, NULL);
    klient_consumer_t *names = klient_consumer_new(config, NULL);
    klient_consumer_t *pattern = klient_consumer_new(config, NULL);
    const char *topic = "t";

    assign_one(assigned, topic, 0);
    klient_consumer_subscribe(names, &topic, 1, NULL, NULL);
    klient_consumer_subscribe_pattern(pattern, "t.*", NULL, NULL);

    expect_closed_to_others(assigned);
    expect_closed_to_others(names);
    expect_closed_to_others(pattern);
    ck_assert_uint_eq(klient_consumer_assignment_count(assigned), 1);
    ck_assert_uint_eq(klient_consumer_subscription_count(names), 1);
    ck_assert_str_eq(klient_consumer_subscription(names, 0), topic);
    ck_assert_str_eq(klient_consumer_subscription_pattern(pattern), "t.*");

    klient_consumer_close(assigned, 0, NULL);
    klient_consumer_close(names, 0, NULL);
    klient_consumer_close(pattern, 0, NULL);
    klient_config_free(config);
}
END_TEST

START_TEST(in_a_forked_child_every_call_says_so)
{
    klient_config_t *config = config_for(fake, NULL);
    set_policy(config);
    klient_t *klient = klient_new(config, NULL);
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    klient_admin_t *admin = klient_admin_open(klient, NULL);
    klient_records_t *records = NULL;
    klient_metadata_t *metadata = NULL;
    char *statistics;
    int status;

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    assign_one(consumer, "t", 0);
    pid_t child = fork();
    if (child == 0) {
        int failed = send_text(producer, "t", 0, NULL, "y") != KLIENT_FORKED;
        failed |= klient_producer_flush(producer, 0, NULL) != KLIENT_FORKED;
        failed |= klient_producer_poll(producer, 0, NULL, NULL) != KLIENT_FORKED;
        failed |= klient_producer_descriptor(producer) != -1;
        failed |= klient_consumer_poll(consumer, 0, &records, NULL) != KLIENT_FORKED;
        failed |= klient_consumer_settle(consumer, 0, NULL) != KLIENT_FORKED;
        failed |= !sees_nothing(consumer, KLIENT_FORKED);
        failed |= klient_admin_list_topics(admin, 0, &metadata, NULL) != KLIENT_FORKED;
        failed |= klient_admin_list_topics_async(admin, 0, NULL, NULL, NULL) != KLIENT_FORKED;
        failed |= klient_producer_flush_async(producer, 0, NULL, NULL, NULL) != KLIENT_FORKED;
        failed |= klient_producer_purge(producer, KLIENT_PURGE_QUEUED, NULL) != KLIENT_FORKED;
        failed |= klient_statistics(klient, &statistics, NULL) != KLIENT_FORKED;
        failed |= klient_consumer_statistics(consumer, &statistics, NULL) != KLIENT_FORKED;
        failed |= klient_producer_open(klient, NULL, NULL) != NULL;
        klient_consumer_wakeup(consumer);
        klient_producer_close(producer, 0, NULL);
        klient_consumer_close(consumer, 0, NULL);
        klient_admin_close(admin);
        klient_free(klient);
        _exit(failed);
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
    klient_admin_close(admin);
    klient_free(klient);
    klient_config_free(config);
}
END_TEST

/* Without pipes: of those libevent has a pair in every loop, for signals, out of our reach. */
static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char target[64] = "";
        if (readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1) > 0)
            count += strncmp(target, "pipe:", 5) != 0;
    }
    closedir(directory);
    return count;
}

START_TEST(a_forked_child_closes_its_descriptors_and_the_parent_goes_on)
{
    int before = open_descriptors(), status;
    struct fake *own = fake_new(2);
    fake_add_topic(own, "t", 2);
    fake_set_leader(own, "t", 1, 1);
    klient_config_t *config = config_for(own, "auto.offset.reset", "earliest", NULL);
    set_policy(config);
    klient_t *klient = klient_new(config, NULL);
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    klient_records_t *records = NULL;
    klient_consumer_descriptor(consumer);
    assign_one(consumer, "t", 0);
    for (int i = 0; i < 2; i++)
        send_text(producer, "t", i, NULL, "0");
    ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    klient_records_free(records);

    pid_t child = fork();
    if (child == 0) {
        klient_producer_close(producer, 0, NULL);
        klient_free(klient);
        int failed = open_descriptors() <= before;      /* one handle is still there */
        klient_consumer_close(consumer, 0, NULL);
        loop_abandon(own->loop);
        _exit(failed || open_descriptors() != before);
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);

    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (int i = 0; i < 2; i++)
        send_text(producer, "t", i, NULL, "1");
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    klient_records_free(records);
    klient_consumer_close(consumer, PATIENCE_MS, NULL);
    klient_free(klient);
    klient_config_free(config);
    fake_free(own);
    ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(a_handle_that_was_never_used_goes_quietly)
{
    klient_config_t *config = config_for(fake, NULL);

    for (int i = 0; i < 20; i++) {
        klient_t *klient = klient_new(config, NULL);
        ck_assert_ptr_nonnull(klient);
        klient_free(klient);
    }
    klient_free(NULL);
    ck_assert_int_eq(klient_producer_close(NULL, 0, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_consumer_close(NULL, 0, NULL), KLIENT_OK);
    klient_admin_close(NULL);
    klient_records_free(NULL);

    klient_config_free(config);
}
END_TEST

START_TEST(every_server_of_the_bootstrap_list_is_tried)
{
    klient_config_t *config = config_for(fake, "topic.metadata.propagation.max.ms", "1", NULL);
    char servers[128];

    snprintf(servers, sizeof servers, "127.0.0.1:1,no-such-host.invalid:9,%s",
             fake_bootstrap(fake));
    klient_config_set(config, "bootstrap.servers", servers, NULL);
    klient_producer_t *producer = producer_with(config);

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "x"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

static void ignore(int signal)
{
    (void)signal;
}

START_TEST(signals_are_left_to_the_application)
{
    struct sigaction action = { .sa_handler = ignore };
    klient_producer_t *producer = producer_with(config_for(fake, NULL));

    /* A signal to the process must reach this thread, for all others block it. */
    sigaction(SIGUSR1, &action, NULL);
    send_text(producer, "t", 0, NULL, "x");
    for (int i = 0; i < 100; i++)
        kill(getpid(), SIGUSR1);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

Suite *handle_suite(void)
{
    Suite *suite = suite_create("client/handle");
    TCase *tcase = tcase_create("handle");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, another_thread_is_told_of_no_partitions_and_no_subscription);
    tcase_add_test(tcase, in_a_forked_child_every_call_says_so);
    tcase_add_test(tcase, a_forked_child_closes_its_descriptors_and_the_parent_goes_on);
    tcase_add_test(tcase, a_handle_that_was_never_used_goes_quietly);
    tcase_add_test(tcase, every_server_of_the_bootstrap_list_is_tried);
    tcase_add_test(tcase, signals_are_left_to_the_application);
    suite_add_tcase(suite, tcase);
    return suite;
}
