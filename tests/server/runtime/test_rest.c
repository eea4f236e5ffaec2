/* Logs are opened when they are used and closed when they are not: seen by the descriptors that
 * this process holds below the plane's directory. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "proto/batch.h"
#include "proto/head.h"
#include "server/call.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard.h"
#include "server/storage/io_budget.h"
#include "server/storage/logdir.h"
#include "tests/lib/number.h"
#include "tests/lib/scratch.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/runtime/suites.h"

enum { PARTITIONS = 4 };

#define NEVER "log.idle.close.ms=365d"
#define SOON "log.idle.close.ms=100"

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

static void restart(const char *pair)
{
    plane_configure(&plane, pair);
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
    WAIT_UNTIL(open_segments() == count);
}

static void produce_everywhere(int64_t expected_base)
{
    for (int32_t i = 0; i < PARTITIONS; i++)
        ck_assert_int_eq(produce(i), expected_base);
}

START_TEST(after_a_clean_stop_a_log_is_opened_at_its_first_use)
{
    produce_everywhere(0);

    restart(NEVER);

    ck_assert_int_eq(open_segments(), 0);
    ck_assert_int_eq(produce(2), 3);
    ck_assert_int_eq(open_segments(), 1);
}
END_TEST

START_TEST(a_log_that_nobody_uses_is_closed_and_opened_again_when_it_is_used)
{
    restart(SOON);
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
    restart(NEVER);

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

START_TEST(a_fetch_waits_for_a_log_no_longer_than_it_takes_to_open_it)
{
    enum { ROUNDS = 5, SHORT_MS = 20, TOO_LONG_MS = 900 };
    int64_t quickest = INT64_MAX;

    produce_everywhere(0);
    for (int round = 0; round < ROUNDS; round++) {
        restart(NEVER);
        int64_t before = clock_mono_ms(&clock_system);
        struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, 2, 3, SHORT_MS);
        asked_wait(asked);
        asked_free(asked);
        int64_t took = clock_mono_ms(&clock_system) - before;
        if (took < quickest)
            quickest = took;
    }

    ck_assert_int_lt(quickest, TOO_LONG_MS);
}
END_TEST

/* The log of a leader whose proposal has no answer goes out of use, and comes back. */
static void close_and_open(void *context)
{
    const struct partition_key key = { .topic_id = topic.id, .index = 0 };
    struct partition *partition =
        partition_find(shards_at(plane.shards, plane_owner(&plane, &topic.id, 0)), &key);
    struct replica *replica = &partition->replica;
    (void)context;

    ck_assert_int_eq(replica->role, REPLICA_LEADING);
    replica_set_remove(&replica->state.isr, 3);
    replica->doubt = (struct replica_set){ 3, { 1, 2, 3 } };
    partition->state = PARTITION_OFFLINE;
    partition->offline_code = K_DISK_FULL;
    drive_failed(partition);
    ck_assert_int_eq(replica->role, REPLICA_FAILED);

    partition->state = PARTITION_OPEN;
    drive_opened(partition);
    ck_assert_int_eq(replica->role, REPLICA_LEADING);
    ck_assert_int_eq(replica->doubt.count, 3);
    ck_assert_uint_ne(replica->propose_round, 0);
    ck_assert_ptr_nonnull(partition->proposal);
}

START_TEST(who_was_proposed_still_counts_when_the_log_is_back)
{
    topic.replicas = 3;
    topic.min_insync = 1;
    topic.leader_epoch++;
    plane_publish(&plane, &topic);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, 1, batch, batch_bytes);
    ck_assert_int_eq(head_error_code(asked->head->produce->results[0]->error), 0);
    asked_free(asked);

    call_on(plane.loops[plane_owner(&plane, &topic.id, 0)], close_and_open, NULL);
}
END_TEST

START_TEST(who_waits_at_the_end_of_a_log_is_told_of_what_comes)
{
    restart(SOON);
    produce_everywhere(0);
    wait_for_open_segments(0);
    struct asked *asked = plane_fetch_start(&plane, 1, &topic.id, 0, 3, PLANE_WAIT_MS);

    ck_assert_int_eq(produce(0), 3);
    asked_wait(asked);

    ck_assert_uint_eq(asked->batches_size, batch_bytes);
    asked_free(asked);
}
END_TEST

enum { MANY = 40, FILES_MAX = 12, IN_ONE_TURN = 4, ROUNDS = 12 };

/* KAIRN_LOGS=10000: as many logs as a large broker has. Their files are bounded by half of 20,000
 * descriptors, as it would bound them. */
static int32_t many;
static int files_max;
static const struct io_budget *counted;

static int no_sync(const struct io *io, int fd)
{
    (void)io, (void)fd;
    return 0;
}

static int no_sync_directory(const struct io *io, const char *path)
{
    (void)io, (void)path;
    return 0;
}

/* With very many logs, their syncs would be all that is waited for. */
static void choose_size(struct io_budget *files)
{
    many = (int32_t)number_from("KAIRN_LOGS", MANY);
    files_max = many == MANY ? FILES_MAX : 10000;
    io_budget_init(files, files_max);
    if (many == MANY)
        return;
    files->io.sync = files->io.sync_filesystem = no_sync;
    files->io.sync_directory = no_sync_directory;
}

static int outcome_of_produce(int32_t partition)
{
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, -1, batch, batch_bytes);
    int code = head_error_code(asked->head->produce->results[0]->error);
    asked_free(asked);
    return code;
}

static int outcome_of_fetch(int32_t partition, int64_t offset)
{
    struct asked *asked = plane_fetch_start(&plane, partition % 2, &topic.id, partition, offset, 0);
    asked_wait(asked);
    int code = head_error_code(asked->head->fetch->results[0]->error);
    if (code == 0)
        ck_assert_uint_ge(asked->batches_size, batch_bytes);
    asked_free(asked);
    return code;
}

/* Many logs of many segments; all of them read from old ones and write, in turn. A request may be
 * refused for lack of memory, as often as `check` allows; then it is made again. */
static void use_many(void (*check)(int code))
{
    topic = (struct plane_topic){ .name = "many", .id = uuid_random(), .partitions = many,
                                  .leader = PLANE_BROKER, .leader_epoch = 5,
                                  .config_name = "segment.bytes", .config_value = "200" };
    plane_publish(&plane, &topic);
    for (int round = 0; round < ROUNDS; round++) {
        for (int32_t i = 0; i < many; i++) {
            int code;
            WAIT_UNTIL((check(code = outcome_of_produce(i)), code == 0));
            WAIT_UNTIL((check(code = outcome_of_fetch(i, 3 * (round / 2))), code == 0));
        }
    }
}

static void expect_many(void)
{
    ck_assert(!logdir_fenced(plane.directory));
    for (int32_t i = 0; i < many; i++)
        ck_assert_int_eq(produce(i), 3 * ROUNDS);
}

static void bounded(int code)
{
    ck_assert_int_eq(code, 0);
    ck_assert_int_le(atomic_load(&counted->open), files_max + IN_ONE_TURN);
}

START_TEST(many_logs_that_read_old_segments_stay_within_the_bound_on_files)
{
    struct io_budget files;

    choose_size(&files);
    counted = &files;
    plane.io = &files.io;
    plane.files = &files;
    restart(NEVER);

    use_many(bounded);
    ck_assert_int_le(open_segments(), files_max + IN_ONE_TURN);
    ck_assert_int_gt(open_segments(), files_max / 2);
    expect_many();

    plane.io = NULL;
    plane.files = NULL;
    restart(NEVER);
    ck_assert_int_eq(files.open, 0);
    io_budget_fini(&files);
}
END_TEST

static void patient(int code)
{
    ck_assert(code == 0 || code == K_NOMEM);
}

START_TEST(a_process_without_descriptors_goes_on_with_those_of_logs)
{
    struct rlimit before, small;
    struct io_budget files;

    many = MANY;
    io_budget_init(&files, 1000);
    plane.io = &files.io;
    plane.files = &files;
    restart(NEVER);
    int next = dup(0);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    small = (struct rlimit){ (rlim_t)next + FILES_MAX, before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &small), 0);

    use_many(patient);

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect_many();
    plane.io = NULL;
    plane.files = NULL;
    restart(NEVER);
    io_budget_fini(&files);
}
END_TEST

START_TEST(a_topic_that_is_deleted_while_its_logs_rest_is_out_of_the_way)
{
    produce_everywhere(0);
    restart(NEVER);
    ck_assert_uint_eq(plane_count_files(&plane, "orders-?"), PARTITIONS);

    plane_publish_deletion(&plane, &topic.id);

    WAIT_UNTIL(plane_count_files(&plane, "orders-?") == 0);
}
END_TEST

START_TEST(the_data_of_a_topic_at_rest_is_not_given_to_a_new_one_of_its_name)
{
    produce_everywhere(0);
    plane_restart(&plane);
    topic.id = uuid_random();

    plane_publish(&plane, &topic);

    produce_everywhere(0);
    ck_assert_uint_eq(plane_count_files(&plane, "orders-0.*-stray"), 1);
}
END_TEST

/* It is not gone: somebody wrote nonsense into ZooKeeper, and the next controller can not tell. */
START_TEST(the_data_of_a_topic_that_can_not_be_read_stays_where_it_is)
{
    produce_everywhere(0);

    plane_publish_unreadable(&plane);

    wait_for_open_segments(0);
    ck_assert_uint_eq(plane_count_files(&plane, "orders-?"), PARTITIONS);
    plane_publish(&plane, &topic);
    produce_everywhere(3);
}
END_TEST

START_TEST(a_stop_while_logs_rest_is_clean)
{
    restart(SOON);
    produce_everywhere(0);
    wait_for_open_segments(0);

    restart(SOON);

    ck_assert_int_eq(open_segments(), 0);
    produce_everywhere(3);
}
END_TEST

/* --- a directory that can not be used ------------------------------------------------------- */

START_TEST(what_lies_in_an_offline_directory_is_not_made_anew)
{
    char path[128];
    produce_everywhere(0);
    restart(NEVER);                         /* no log is open then */
    plane.incomplete = true;
    snprintf(path, sizeof path, "%s/orders-1", plane.path);
    ck_assert_int_eq(scratch_remove(path), 0);      /* as if it lay there */

    restart(NEVER);

    ck_assert_int_eq(outcome_of_produce(1), K_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(produce(0), 3);
    ck_assert_uint_eq(plane_count_files(&plane, "orders-1"), 0);
    topic = (struct plane_topic){ .name = "later", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    produce_everywhere(0);
}
END_TEST

/* It may lie in a directory that is missing: there is no empty log as long as it is counted on, and
 * an empty follower afterwards. */
START_TEST(a_replica_that_nobody_counts_on_any_more_begins_empty)
{
    char path[128];
    produce_everywhere(0);
    restart(NEVER);
    plane.incomplete = true;
    snprintf(path, sizeof path, "%s/orders-1", plane.path);
    ck_assert_int_eq(scratch_remove(path), 0);
    restart(NEVER);
    ck_assert_int_eq(outcome_of_produce(1), K_KAFKA_STORAGE_ERROR);
    ck_assert_uint_eq(plane_count_files(&plane, "orders-1"), 0);

    topic.leader = 2;                       /* who is alone in sync */
    topic.leader_epoch++;
    plane_publish(&plane, &topic);

    WAIT_UNTIL(plane_count_files(&plane, "orders-1") == 1);
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
    tcase_add_test(tests, a_fetch_waits_for_a_log_no_longer_than_it_takes_to_open_it);
    tcase_add_test(tests, who_was_proposed_still_counts_when_the_log_is_back);
    tcase_add_test(tests, who_waits_at_the_end_of_a_log_is_told_of_what_comes);
    tcase_add_test(tests, many_logs_that_read_old_segments_stay_within_the_bound_on_files);
    tcase_add_test(tests, a_process_without_descriptors_goes_on_with_those_of_logs);
    tcase_add_test(tests, a_topic_that_is_deleted_while_its_logs_rest_is_out_of_the_way);
    tcase_add_test(tests, the_data_of_a_topic_at_rest_is_not_given_to_a_new_one_of_its_name);
    tcase_add_test(tests, what_lies_in_an_offline_directory_is_not_made_anew);
    tcase_add_test(tests, a_replica_that_nobody_counts_on_any_more_begins_empty);
    tcase_add_test(tests, the_data_of_a_topic_that_can_not_be_read_stays_where_it_is);
    tcase_add_test(tests, a_stop_while_logs_rest_is_clean);
    suite_add_tcase(suite, tests);
    return suite;
}
