/* What is configured of compaction, before the start or while it runs, seen from the data plane
 * that does it. */
#include <stdatomic.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/metric.h"
#include "proto/batch.h"
#include "server/config_parts.h"
#include "server/runtime/shard.h"
#include "server/storage/io.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/runtime/suites.h"

enum { BATCH_RECORDS = 1000, BATCH_ROOM = 64 << 10 };

static struct plane plane;
static struct plane_topic topic;
static int next_key;
static bool while_running;              /* is it configured */

/* The largest read of a file from its beginning on, so far. */
static _Atomic size_t largest_read;

static ssize_t note_read(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    (void)io;
    if (position == 0 && size > atomic_load(&largest_read))
        atomic_store(&largest_read, size);
    return io_system.pread(&io_system, fd, to, size, position);
}

static struct io disk;

static void setup(void)
{
    while_running = false;
    disk = io_system;
    disk.pread = note_read;
    plane_init_in_memory(&plane, 1, &disk);
    plane_configure(&plane, "log.cleanup.policy=compact");
    plane_configure(&plane, "log.segment.bytes=20000");
    plane_configure(&plane, "log.cleaner.min.cleanable.ratio=0");
    plane_configure(&plane, "log.cleaner.backoff.ms=1");
    plane_restart(&plane);
    topic = (struct plane_topic){ .name = "t", .id = uuid_random(), .partitions = 1,
                                  .leader = PLANE_BROKER, .leader_epoch = 1 };
    plane_publish(&plane, &topic);
    next_key = 0;
}

static void setup_while_running(void)
{
    setup();
    while_running = true;
}

static void teardown(void)
{
    plane_fini(&plane);
}

/* Batches of records whose keys are all different. */
static void produce_of(int batches, int records)
{
    static uint8_t batch[BATCH_ROOM];
    struct batch_builder builder;

    for (int i = 0; i < batches; i++) {
        batch_build_start(&builder, batch, sizeof batch);
        for (int r = 0; r < records; r++) {
            char key[16];
            int size = snprintf(key, sizeof key, "%d", next_key++);
            ck_assert_int_eq(batch_build_add(&builder, 1000, key, size, "v", 1, NULL, 0), 0);
        }
        batch_build_finish(&builder);
        asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, builder.size));
    }
}

static void produce(int batches)
{
    produce_of(batches, BATCH_RECORDS);
}

static void configure(const char *const pairs[], size_t count)
{
    for (size_t i = 0; i < count && pairs[i] != NULL; i++)
        plane_configure(&plane, pairs[i]);
}

static void reconfigure(const char *const pairs[], size_t count)
{
    struct topic_config defaults;
    struct k_reason reason;

    configure(pairs, count);
    plane_configure(&plane, "log.cleaner.backoff.ms=1");
    struct cleaner_options cleaner = config_for_cleaner(&plane.config);
    ck_assert_int_eq(topic_config_defaults(&config_table, &plane.config, &defaults, &reason), 0);
    ck_assert_int_eq(shards_configure(plane.shards, &defaults, &cleaner), 0);
}

/* Compact from now on; what was written before is there all at once. */
static void compact_with(const char *const pairs[], size_t count)
{
    plane_configure(&plane, "log.cleaner.enable=true");
    if (while_running)
        plane_configure(&plane, "log.cleaner.backoff.ms=1h");
    else
        configure(pairs, count);
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    produce(1);                         /* opens the log */
    if (while_running)
        reconfigure(pairs, count);
}

static int64_t runs(void)
{
    return metric_value(plane.metrics, METRIC_CLEANER_RUNS);
}

START_TEST(logs_are_looked_at_as_often_as_wanted)
{
    int64_t before_ms = clock_mono_ms(&clock_system);

    compact_with(NULL, 0);
    for (int round = 1; round <= 3; round++) {
        produce(3);
        WAIT_UNTIL(runs() >= round);
    }

    /* Not after the fifteen seconds of the default. */
    ck_assert_int_lt(clock_mono_ms(&clock_system) - before_ms, 15000);
}
END_TEST

START_TEST(what_is_old_enough_is_compacted_however_little_it_is)
{
    const char *const pairs[] = { "log.cleaner.min.cleanable.ratio=1",
                                  "log.cleaner.max.compaction.lag.ms=1" };

    produce(10);
    compact_with(pairs, 2);
    WAIT_UNTIL(runs() >= 1);
    produce(3);

    WAIT_UNTIL(runs() >= 2);
}
END_TEST

/* By the broker's own ratio it is compacted only once, when all of it is new. */
START_TEST(a_topic_is_compacted_at_its_own_ratio)
{
    const char *const pairs[] = { "log.cleaner.min.cleanable.ratio=1" };

    topic.config_name = "min.cleanable.dirty.ratio";
    topic.config_value = "0";
    produce(10);
    compact_with(pairs, 1);
    WAIT_UNTIL(runs() >= 1);
    produce(3);

    WAIT_UNTIL(runs() >= 2);
}
END_TEST

static void produce_deletion(void)
{
    uint8_t batch[256];
    struct batch_builder builder;

    batch_build_start(&builder, batch, sizeof batch);
    ck_assert_int_eq(batch_build_add(&builder, 1000, "gone", 4, NULL, 0, NULL, 0), 0);
    batch_build_finish(&builder);
    asked_free(plane_produce(&plane, 0, &topic.id, 0, -1, batch, builder.size));
}

/* Where the first batch begins that a reader gets from there on. */
static int64_t first_batch_from(int64_t offset)
{
    struct asked *asked = plane_fetch_start(&plane, 0, &topic.id, 0, offset, 0);

    asked_wait(asked);
    ck_assert_uint_gt(asked->batches_size, 0);
    int64_t first = batch_base_offset(asked->batches);
    asked_free(asked);
    return first;
}

static const struct {
    const char *delete_retention_ms;
    int64_t found;                      /* the next batch, where the deletion was */
} deletions[] = { { "0", 11 }, { "86400000", 10 } };

START_TEST(deletions_go_when_a_topic_has_kept_them_for_long_enough)
{
    topic.config_name = "delete.retention.ms";
    topic.config_value = deletions[_i].delete_retention_ms;
    produce_of(1, 10);
    produce_deletion();
    produce_of(1, 10);                  /* the last batch of a segment stays, if empty */
    produce(3);
    compact_with(NULL, 0);
    WAIT_UNTIL(runs() >= 1);            /* they count from here */
    produce(3);

    WAIT_UNTIL(runs() >= 2);

    ck_assert_int_eq(first_batch_from(10), deletions[_i].found);
}
END_TEST

START_TEST(compaction_takes_the_time_that_its_rate_allows)
{
    const char *const pairs[] = { "log.cleaner.io.max.bytes.per.second=100000" };

    produce(15);
    int64_t before_ms = clock_mono_ms(&clock_system);
    compact_with(pairs, 1);
    WAIT_UNTIL(runs() >= 1);

    ck_assert_int_ge(clock_mono_ms(&clock_system) - before_ms, 1500);
}
END_TEST

static const struct {
    int batches;
    const char *pairs[3];
} tight[] = {
    { 45, { "log.cleaner.dedupe.buffer.size=1048576" } },
    { 10, { "log.cleaner.dedupe.buffer.size=1048576", "log.cleaner.io.buffer.load.factor=0.1" } },
    { 45, { "log.cleaner.dedupe.buffer.size=67108864", "log.cleaner.threads=64" } },
};

START_TEST(keys_that_do_not_fit_into_the_memory_take_several_runs)
{
    produce(tight[_i].batches);

    compact_with(tight[_i].pairs, 3);

    WAIT_UNTIL(runs() >= 2);
}
END_TEST

static const struct {
    const char *pair;
    size_t half;
} buffers[] = {
    { "log.cleaner.io.buffer.size=8192", 4096 },
    { "log.cleaner.io.buffer.size=32768", 16384 },
};

START_TEST(half_of_the_buffer_is_for_reading)
{
    produce_of(60, 100);
    compact_with(&buffers[_i].pair, 1);
    WAIT_UNTIL(runs() >= 1);

    ck_assert_uint_eq(largest_read, buffers[_i].half);
}
END_TEST

/* The number of threads is the last row: it can not be changed. */
enum { TIGHT = sizeof tight / sizeof tight[0] };

static TCase *case_of(const char *name, void (*begin)(void), int tight_count)
{
    TCase *tests = tcase_create(name);

    tcase_add_checked_fixture(tests, begin, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, logs_are_looked_at_as_often_as_wanted);
    tcase_add_test(tests, what_is_old_enough_is_compacted_however_little_it_is);
    tcase_add_test(tests, a_topic_is_compacted_at_its_own_ratio);
    tcase_add_loop_test(tests, deletions_go_when_a_topic_has_kept_them_for_long_enough, 0,
                        (int)(sizeof deletions / sizeof deletions[0]));
    tcase_add_test(tests, compaction_takes_the_time_that_its_rate_allows);
    tcase_add_loop_test(tests, keys_that_do_not_fit_into_the_memory_take_several_runs, 0,
                        tight_count);
    tcase_add_loop_test(tests, half_of_the_buffer_is_for_reading, 0,
                        (int)(sizeof buffers / sizeof buffers[0]));
    return tests;
}

Suite *compaction_suite(void)
{
    Suite *suite = suite_create("server/runtime/compaction");

    suite_add_tcase(suite, case_of("compaction", setup, TIGHT));
    suite_add_tcase(suite, case_of("compaction-reconfigured", setup_while_running, TIGHT - 1));
    return suite;
}
