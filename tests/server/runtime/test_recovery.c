/* After a stop of the machine all logs are checked: how far that has come can be read meanwhile. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/metric.h"
#include "proto/head.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/lib/slow_disk.h"
#include "tests/server/runtime/suites.h"

enum { PARTITIONS = 4 };

static struct plane plane;
static struct plane_topic topic;
static struct slow_disk disk;
static uint8_t batch[4096];
static size_t batch_bytes;
static bool crashed;

/* A stop leaves no clean mark. */
static int refuse_mark(const struct io *io, const char *path, int flags, mode_t mode)
{
    if (strstr(path, ".kafka_cleanshutdown") == NULL)
        return io_system.open(io, path, flags, mode);
    errno = ENOSPC;
    return -1;
}

/* It is the first that a start asks for. After a crash the machine is another one, and its disk is
 * slow. */
static void tell_life(const struct io *io, const char *path, char out[IO_LIFE_SIZE])
{
    (void)io, (void)path;
    if (crashed)
        slow_disk_hold(&disk);
    snprintf(out, IO_LIFE_SIZE, "%s", crashed ? "after" : "before");
}

static void setup(void)
{
    crashed = false;
    slow_disk_init(&disk);
    disk.io.open = refuse_mark;
    disk.io.life = tell_life;
    plane_init_on(&plane, 2, &disk.io);
    topic = (struct plane_topic){ .name = "orders", .id = uuid_random(), .partitions = PARTITIONS,
                                  .leader = PLANE_BROKER, .leader_epoch = 5 };
    plane_publish(&plane, &topic);
    batch_bytes = plane_batch(batch, sizeof batch, 3, "value", false);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct asked *asked = plane_produce(&plane, 0, &topic.id, i, -1, batch, batch_bytes);
        ck_assert_int_eq(head_error_code(asked->head->produce->results[0]->error), 0);
        asked_free(asked);
    }
}

static void teardown(void)
{
    plane_fini(&plane);
}

static int64_t metric(enum metric_id id)
{
    return metric_value(plane.metrics, id);
}

START_TEST(logs_and_bytes_that_are_left_can_be_read_while_logs_are_checked)
{
    crashed = true;
    plane_restart(&plane);
    plane_publish(&plane, &topic);

    WAIT_UNTIL(metric(METRIC_RECOVERY_LOGS_LEFT) == PARTITIONS);
    ck_assert_int_eq(metric(METRIC_RECOVERY_CHECKED), 0);
    slow_disk_let_go(&disk);

    WAIT_UNTIL(metric(METRIC_RECOVERY_LOGS_LEFT) == 0);
    ck_assert_int_eq(metric(METRIC_RECOVERY_FOUND), PARTITIONS * (int64_t)batch_bytes);
    ck_assert_int_eq(metric(METRIC_RECOVERY_CHECKED), PARTITIONS * (int64_t)batch_bytes);
}
END_TEST

START_TEST(a_clean_start_has_nothing_to_check)
{
    disk.io.open = io_system.open;
    plane_restart(&plane);
    plane_publish(&plane, &topic);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, 0, -1, batch, batch_bytes);
    asked_free(asked);

    ck_assert_int_eq(metric(METRIC_RECOVERY_LOGS_LEFT), 0);
    ck_assert_int_eq(metric(METRIC_RECOVERY_FOUND), 0);
}
END_TEST

Suite *recovery_suite(void)
{
    Suite *suite = suite_create("server/runtime/recovery");
    TCase *tests = tcase_create("recovery");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, logs_and_bytes_that_are_left_can_be_read_while_logs_are_checked);
    tcase_add_test(tests, a_clean_start_has_nothing_to_check);
    suite_add_tcase(suite, tests);
    return suite;
}
