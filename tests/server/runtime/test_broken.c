/* A replica that breaks one of its own rules: one partition is out of use, and nothing else. */
#include <check.h>
#include <string.h>

#include "common/error.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard.h"
#include "server/storage/log.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/runtime/suites.h"

enum { PARTITIONS = 4, BROKEN = 1 };

static struct plane plane;
static struct plane_topic topic;
static uint8_t batch[4096];
static size_t batch_bytes;

static void setup(void)
{
    plane_init(&plane, 2);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = 5 };
    batch_bytes = plane_batch(batch, sizeof batch, 2, "value", false);
}

static void teardown(void)
{
    plane_fini(&plane);
}

static int produce(int32_t partition, int acks)
{
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, acks, batch, batch_bytes);
    int code = head_error_code(asked->head->error);
    if (code == 0)
        code = head_error_code(asked->head->produce->results[0]->error);
    asked_free(asked);
    return code;
}

static int fetch(int32_t partition)
{
    struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, partition, 0, 0);
    asked_wait(asked);
    int code = head_error_code(asked->head->fetch->results[0]->error);
    asked_free(asked);
    return code;
}

/* --- on the partition's loop ------------------------------------------------------------------ */

static struct partition *find(int32_t index)
{
    const struct partition_key key = { .topic_id = topic.id, .index = index };
    struct shard *shard = shards_at(plane.shards, plane_owner(&plane, &topic.id, index));
    struct partition *partition = partition_find(shard, &key);

    ck_assert_ptr_nonnull(partition);
    return partition;
}

static void on_its_loop(int32_t index, void (*run)(void *context), void *context)
{
    call_on(plane.loops[plane_owner(&plane, &topic.id, index)], run, context);
}

static void break_rule(void *context)
{
    (void)context;
    find(BROKEN)->replica.high_watermark += 1000;
}

/* The leader says that our log differs; and while that is seen to, a rule is broken. */
static void break_rule_during_cut(void *context)
{
    bool *begun = context;
    struct partition *partition = find(BROKEN);
    struct drive_fetched answer = { .round = partition->replica.round, .diverged = true,
                                    .diverged_epoch = 3, .diverged_end = 0 };

    if (answer.round == 0 || partition->state != PARTITION_OPEN)
        return;
    ck_assert(drive_fetched(partition, &answer));
    ck_assert_int_eq(partition->state, PARTITION_OPENING);
    partition->replica.high_watermark += 1000;
    drive_configured(partition);
    ck_assert_ptr_nonnull(partition->replica.broken);
    *begun = true;
}

static bool cut_began(void)
{
    bool begun = false;
    on_its_loop(BROKEN, break_rule_during_cut, &begun);
    return begun;
}

static void is_offline(void *context)
{
    *(bool *)context = find(BROKEN)->state == PARTITION_OFFLINE;
}

static bool went_offline(void)
{
    bool offline = false;
    on_its_loop(BROKEN, is_offline, &offline);
    return offline;
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(a_partition_that_breaks_a_rule_is_refused_and_all_others_are_served)
{
    plane_publish(&plane, &topic);
    for (int32_t i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(produce(i, -1), 0);

    on_its_loop(BROKEN, break_rule, NULL);
    plane.broken = true;

    ck_assert_int_eq(produce(BROKEN, -1), K_KAFKA_STORAGE_ERROR);
    for (int acks = -1; acks <= 1; acks += 2)
        ck_assert_int_eq(produce(BROKEN, acks), K_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(fetch(BROKEN), K_KAFKA_STORAGE_ERROR);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (i == BROKEN)
            continue;
        ck_assert_int_eq(produce(i, -1), 0);
        ck_assert_int_eq(fetch(i), 0);
    }
}
END_TEST

START_TEST(it_stays_so_until_the_next_start_which_believes_the_files_only)
{
    plane_publish(&plane, &topic);
    ck_assert_int_eq(produce(BROKEN, -1), 0);
    on_its_loop(BROKEN, break_rule, NULL);
    plane.broken = true;
    ck_assert_int_eq(produce(BROKEN, -1), K_KAFKA_STORAGE_ERROR);

    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    ck_assert_int_eq(produce(BROKEN, -1), K_KAFKA_STORAGE_ERROR);

    plane_restart(&plane);
    plane_publish(&plane, &topic);
    ck_assert_int_eq(produce(BROKEN, -1), 0);
    ck_assert_int_eq(fetch(BROKEN), 0);
    plane.broken = false;
}
END_TEST

START_TEST(a_rule_that_breaks_while_the_log_is_cut_counts_once_it_is)
{
    topic.replicas = 3;
    topic.min_insync = 1;
    plane_publish(&plane, &topic);
    ck_assert_int_eq(produce(BROKEN, 1), 0);
    topic.leader = 2;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    plane.broken = true;

    WAIT_UNTIL(cut_began());

    WAIT_UNTIL(went_offline());
}
END_TEST

Suite *broken_suite(void)
{
    Suite *suite = suite_create("server/runtime/broken");
    TCase *tests = tcase_create("broken");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_partition_that_breaks_a_rule_is_refused_and_all_others_are_served);
    tcase_add_test(tests, it_stays_so_until_the_next_start_which_believes_the_files_only);
    tcase_add_test(tests, a_rule_that_breaks_while_the_log_is_cut_counts_once_it_is);
    suite_add_tcase(suite, tests);
    return suite;
}
