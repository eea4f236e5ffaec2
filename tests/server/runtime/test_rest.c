/* Logs are opened when they are used and closed when they are not: seen by the descriptors that
 * this process holds below the plane's directory. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "tests/server/lib/plane.h"
#include "tests/server/runtime/suites.h"

enum { PARTITIONS = 4, IDLE_MS = 100 };

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = 5 };
    plane_publish(&plane, &topic);
    batch_bytes = plane_batch(batch, sizeof batch, 3, "value", false);
}

static void teardown(void)
{
    plane_fini(&plane);
}

static void restart(int64_t idle_close_ms)
{
    plane.idle_close_ms = idle_close_ms;
    plane_restart(&plane);
    plane_publish(&plane, &topic);
}

/* The base offset. */
static int64_t produce(int32_t partition)
{
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, -1, batch, batch_bytes);
    ck_assert_int_eq(head_error_code(asked->head->error), 0);
    const Kairn__ProduceResult *result = asked->head->produce->results[0];
    ck_assert_int_eq(head_error_code(result->error), 0);
    int64_t base = result->base_offset;
    asked_free(asked);
    return base;
}

static int open_segments(void)
{
    DIR *listing = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;

    ck_assert_ptr_nonnull(listing);
    while ((entry = readdir(listing)) != NULL) {
        char target[512];
        ssize_t size = readlinkat(dirfd(listing), entry->d_name, target, sizeof target - 1);
        target[size < 0 ? 0 : size] = '\0';
        count += strncmp(target, plane.path, strlen(plane.path)) == 0 &&
                 strstr(target, ".log") != NULL;
    }
    closedir(listing);
    return count;
}

static void wait_for_open_segments(int count)
{
    const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };

    for (int i = 0; i < PLANE_WAIT_MS / 5 && open_segments() != count; i++)
        nanosleep(&pause, NULL);
    ck_assert_int_eq(open_segments(), count);
}

static void produce_everywhere(int64_t expected_base)
{
    for (int32_t i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(produce(i), expected_base);
}

START_TEST(after_a_clean_stop_a_log_is_opened_at_its_first_use)
{
    produce_everywhere(0);

    restart(0);

    ck_assert_int_eq(open_segments(), 0);
    ck_assert_int_eq(produce(2), 3);
    ck_assert_int_eq(open_segments(), 1);
}
END_TEST

START_TEST(a_log_that_nobody_uses_is_closed_and_opened_again_when_it_is_used)
{
    restart(IDLE_MS);
    for (int round = 0; round < 3; round++) {
        produce_everywhere(3 * round);
        wait_for_open_segments(0);
    }

    struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, 3, 0, 2000);
    asked_wait(asked);

    ck_assert_uint_eq(asked->batches_size, 3 * batch_bytes);
    asked_free(asked);
}
END_TEST

START_TEST(a_fetch_that_does_not_wait_gets_what_a_resting_log_holds)
{
    produce_everywhere(0);
    restart(0);

    struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, 1, 0, 0);
    asked_wait(asked);
    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    asked_free(asked);

    asked = plane_fetch_start(&plane, 1, &topic.id, 2, 3, 0);      /* at its end there is nothing */
    asked_wait(asked);
    ck_assert_uint_eq(asked->batches_size, 0);
    ck_assert_int_eq(asked->head->fetch->results[0]->high_watermark, 3);
    asked_free(asked);
}
END_TEST

START_TEST(who_waits_at_the_end_of_a_log_is_told_of_what_comes)
{
    restart(IDLE_MS);
    produce_everywhere(0);
    wait_for_open_segments(0);
    struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, 0, 3, PLANE_WAIT_MS);
    wait_for_open_segments(1);

    ck_assert_int_eq(produce(0), 3);
    asked_wait(asked);

    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    asked_free(asked);
}
END_TEST

static bool exists(const char *pattern)
{
    char command[256];
    snprintf(command, sizeof command, "ls -d %s/%s > /dev/null 2>&1", plane.path, pattern);
    return system(command) == 0;
}

static void wait_until_gone(const char *pattern)
{
    const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };

    for (int i = 0; i < PLANE_WAIT_MS / 5 && exists(pattern); i++)
        nanosleep(&pause, NULL);
    ck_assert(!exists(pattern));
}

START_TEST(a_topic_that_is_deleted_while_its_logs_rest_is_out_of_the_way)
{
    produce_everywhere(0);
    restart(0);
    ck_assert(exists("orders-*"));

    plane_publish_deletion(&plane, &topic.id);

    wait_until_gone("orders-?");
}
END_TEST

START_TEST(the_data_of_a_topic_at_rest_is_not_given_to_a_new_one_of_its_name)
{
    produce_everywhere(0);
    plane_restart(&plane);
    topic.id = uuid_random();

    plane_publish(&plane, &topic);

    produce_everywhere(0);
    ck_assert(exists("orders-0.*-stray"));
}
END_TEST

START_TEST(a_stop_while_logs_rest_is_clean)
{
    restart(IDLE_MS);
    produce_everywhere(0);
    wait_for_open_segments(0);

    restart(IDLE_MS);

    ck_assert_int_eq(open_segments(), 0);
    produce_everywhere(3);
}
END_TEST

/* --- a directory that can not be used ------------------------------------------------------- */

static int outcome_of_produce(int32_t partition)
{
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, -1, batch, batch_bytes);
    int code = head_error_code(asked->head->produce->results[0]->error);
    asked_free(asked);
    return code;
}

START_TEST(what_lies_in_an_offline_directory_is_not_made_anew)
{
    char command[128];
    produce_everywhere(0);
    restart(0);                         /* no log is open then */
    plane.incomplete = true;
    snprintf(command, sizeof command, "rm -rf %s/orders-1", plane.path); /* as if it lay there */
    ck_assert_int_eq(system(command), 0);

    restart(0);

    ck_assert_int_eq(outcome_of_produce(1), K_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(produce(0), 3);
    ck_assert(!exists("orders-1"));
    topic = (struct plane_topic){ .name = "later", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    produce_everywhere(0);
}
END_TEST

Suite *rest_suite(void)
{
    Suite *suite = suite_create("server/runtime/rest");
    TCase *tests = tcase_create("rest");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, after_a_clean_stop_a_log_is_opened_at_its_first_use);
    tcase_add_test(tests, a_log_that_nobody_uses_is_closed_and_opened_again_when_it_is_used);
    tcase_add_test(tests, a_fetch_that_does_not_wait_gets_what_a_resting_log_holds);
    tcase_add_test(tests, who_waits_at_the_end_of_a_log_is_told_of_what_comes);
    tcase_add_test(tests, a_topic_that_is_deleted_while_its_logs_rest_is_out_of_the_way);
    tcase_add_test(tests, the_data_of_a_topic_at_rest_is_not_given_to_a_new_one_of_its_name);
    tcase_add_test(tests, what_lies_in_an_offline_directory_is_not_made_anew);
    tcase_add_test(tests, a_stop_while_logs_rest_is_clean);
    suite_add_tcase(suite, tests);
    return suite;
}
