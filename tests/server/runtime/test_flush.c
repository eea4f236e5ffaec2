#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "proto/head.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/lib/slow_disk.h"
#include "tests/server/runtime/suites.h"

enum { PARTITIONS = 16, MANY = 12 };

static struct slow_disk disk;
static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;

static void setup(void)
{
    slow_disk_init(&disk);
    plane_init_on(&plane, 2, &disk.io);
    topic = (struct plane_topic){ .name = "ledger", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = 1,
                                  .config_name = "log.flush.on.ack", .config_value = "true" };
    plane_publish(&plane, &topic);
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", false);
}

static void teardown(void)
{
    slow_disk_let_go(&disk);
    plane_fini(&plane);
}

static void configure(const char *name, const char *value)
{
    topic.config_name = name;
    topic.config_value = value;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
}

static struct asked *produce_start(int32_t partition, int32_t acks)
{
    return plane_produce_start(&plane, plane_owner(&plane, &topic.id, partition), &topic.id,
                               partition, acks, batch, batch_bytes);
}

static int produced(struct asked *asked)
{
    asked_wait(asked);
    int code = head_error_code(asked->head->error);
    if (code == 0 && asked->head->produce != NULL)
        code = head_error_code(asked->head->produce->results[0]->error);
    asked_free(asked);
    return code;
}

static int produce(int32_t partition)
{
    return produced(produce_start(partition, -1));
}

/* How many bytes a reader finds from `offset` on; -code when it is refused. */
static long readable(int32_t partition, int64_t offset)
{
    struct asked *asked = plane_fetch_start(&plane, 0, &topic.id, partition, offset, 0);
    asked_wait(asked);
    int code = head_error_code(asked->head->error);
    if (code == 0)
        code = head_error_code(asked->head->fetch->results[0]->error);
    long bytes = code != 0 ? -code : (long)asked->batches_size;
    asked_free(asked);
    return bytes;
}

START_TEST(an_answer_comes_once_the_record_is_on_the_disk)
{
    slow_disk_hold(&disk);

    struct asked *all = produce_start(0, -1), *leader = produce_start(0, 1);
    struct asked *none = produce_start(0, 0);

    slow_disk_wait_for_sync(&disk);
    ck_assert(!asked_is_finished(all) && !asked_is_finished(leader) && !asked_is_finished(none));
    slow_disk_let_go(&disk);
    ck_assert_int_eq(produced(all), 0);
    ck_assert_int_eq(produced(leader), 0);
    asked_wait(none);
    ck_assert(none->silent && !none->hung_up);
    asked_free(none);
}
END_TEST

START_TEST(readers_see_a_record_once_it_is_on_the_disk)
{
    ck_assert_int_eq(produce(0), 0);
    slow_disk_hold(&disk);
    struct asked *asked = produce_start(0, -1);
    struct asked *parked = plane_fetch_start(&plane, 0, &topic.id, 0, 2, PLANE_WAIT_MS);
    slow_disk_wait_for_sync(&disk);

    ck_assert_int_eq(readable(0, 0), (long)batch_bytes);
    ck_assert_int_eq(readable(0, 2), 0);
    ck_assert(!asked_is_finished(parked));

    slow_disk_let_go(&disk);
    ck_assert_int_eq(produced(asked), 0);
    asked_wait(parked);
    ck_assert_uint_eq(parked->batches_size, batch_bytes);
    asked_free(parked);
    ck_assert_int_eq(readable(0, 0), 2 * (long)batch_bytes);
}
END_TEST

START_TEST(what_comes_during_a_sync_is_confirmed_by_the_next_one)
{
    struct asked *asked[MANY];
    ck_assert_int_eq(produce(0), 0);
    int before = slow_disk_files(&disk);
    slow_disk_hold(&disk);
    struct asked *first = produce_start(0, -1);
    slow_disk_wait_for_sync(&disk);

    for (int i = 0; i < MANY; i++)
        asked[i] = produce_start(0, -1);
    slow_disk_let_go(&disk);

    ck_assert_int_eq(produced(first), 0);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(produced(asked[i]), 0);
    ck_assert_int_eq(slow_disk_files(&disk) - before, 2);
}
END_TEST

START_TEST(many_partitions_that_wait_are_synced_by_one_call)
{
    struct asked *asked[PARTITIONS];
    for (int i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(produce(i), 0);
    int files = slow_disk_files(&disk), filesystems = slow_disk_filesystems(&disk);
    slow_disk_hold(&disk);
    asked[0] = produce_start(0, -1);
    slow_disk_wait_for_sync(&disk);

    for (int i = 1; i < PARTITIONS; i++)
        asked[i] = produce_start(i, -1);
    slow_disk_let_go(&disk);

    for (int i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(produced(asked[i]), 0);
    ck_assert_int_eq(slow_disk_files(&disk) - files, 1);
    ck_assert_int_eq(slow_disk_filesystems(&disk) - filesystems, 1);
}
END_TEST

START_TEST(the_option_takes_effect_while_the_broker_runs)
{
    slow_disk_hold(&disk);
    configure("log.flush.on.ack", "false");
    ck_assert_int_eq(produce(0), 0);
    ck_assert_int_eq(readable(0, 0), (long)batch_bytes);

    configure("log.flush.on.ack", "true");
    struct asked *asked = produce_start(0, -1);
    slow_disk_wait_for_sync(&disk);
    ck_assert(!asked_is_finished(asked));
    ck_assert_int_eq(readable(0, 0), (long)batch_bytes);        /* what was shown stays */

    configure("log.flush.on.ack", "false");
    ck_assert_int_eq(readable(0, 0), 2 * (long)batch_bytes);
    slow_disk_let_go(&disk);
    ck_assert_int_eq(produced(asked), 0);
}
END_TEST

START_TEST(a_log_that_was_not_synced_is_read_once_it_is)
{
    configure("log.flush.on.ack", "false");
    ck_assert_int_eq(produce(0), 0);
    plane_restart(&plane);
    configure("log.flush.on.ack", "true");

    ck_assert_int_eq(produce(0), 0);

    ck_assert_int_eq(readable(0, 0), 2 * (long)batch_bytes);
}
END_TEST

static bool everything_is_offline(void)
{
    for (int i = 0; i < PARTITIONS; i++)
        if (readable(i, 0) != -K_KAFKA_STORAGE_ERROR)
            return false;
    return true;
}

START_TEST(a_failed_sync_confirms_nothing_and_takes_the_directory_out_of_use)
{
    plane.broken = true;
    for (int i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(produce(i), 0);
    slow_disk_hold(&disk);
    struct asked *first = produce_start(0, -1), *second;
    slow_disk_wait_for_sync(&disk);
    second = produce_start(1, -1);
    slow_disk_break(&disk);

    slow_disk_let_go(&disk);

    ck_assert_int_eq(produced(first), K_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(produced(second), K_KAFKA_STORAGE_ERROR);
    WAIT_UNTIL(everything_is_offline());
    ck_assert_int_eq(produce(2), K_KAFKA_STORAGE_ERROR);
}
END_TEST

START_TEST(a_partition_may_go_away_while_it_is_synced)
{
    slow_disk_hold(&disk);
    struct asked *asked = produce_start(0, -1), *other;
    slow_disk_wait_for_sync(&disk);
    other = produce_start(1, -1);

    plane_publish_deletion(&plane, &topic.id);

    ck_assert_int_ne(produced(asked), 0);
    ck_assert_int_ne(produced(other), 0);
    slow_disk_let_go(&disk);
}
END_TEST

START_TEST(flush_messages_syncs_in_the_background_and_confirms_at_once)
{
    configure("flush.messages", "5");
    ck_assert_int_eq(produce(0), 0);
    ck_assert_int_eq(produce(0), 0);
    ck_assert_int_eq(slow_disk_files(&disk), 0);
    slow_disk_hold(&disk);

    ck_assert_int_eq(produce(0), 0);        /* the sixth record */

    WAIT_UNTIL(slow_disk_files(&disk) > 0);
}
END_TEST

START_TEST(flush_ms_syncs_a_log_that_nobody_writes_to_any_more)
{
    configure("flush.ms", "10");
    int before = slow_disk_files(&disk);

    ck_assert_int_eq(produce(0), 0);

    WAIT_UNTIL(slow_disk_files(&disk) > before);
}
END_TEST

Suite *flush_suite(void)
{
    Suite *suite = suite_create("server/runtime/flush");
    TCase *tests = tcase_create("flush");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_answer_comes_once_the_record_is_on_the_disk);
    tcase_add_test(tests, readers_see_a_record_once_it_is_on_the_disk);
    tcase_add_test(tests, what_comes_during_a_sync_is_confirmed_by_the_next_one);
    tcase_add_test(tests, many_partitions_that_wait_are_synced_by_one_call);
    tcase_add_test(tests, the_option_takes_effect_while_the_broker_runs);
    tcase_add_test(tests, a_log_that_was_not_synced_is_read_once_it_is);
    tcase_add_test(tests, a_failed_sync_confirms_nothing_and_takes_the_directory_out_of_use);
    tcase_add_test(tests, a_partition_may_go_away_while_it_is_synced);
    tcase_add_test(tests, flush_messages_syncs_in_the_background_and_confirms_at_once);
    tcase_add_test(tests, flush_ms_syncs_a_log_that_nobody_writes_to_any_more);
    suite_add_tcase(suite, tests);
    return suite;
}
