/* Memory that fails while a picture is followed: what it tells of is served a little later. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "proto/head.h"
#include "tests/lib/wait.h"
#include "tests/server/lib/plane.h"
#include "tests/server/runtime/suites.h"
#include "tests/torture/memory.h"

static struct plane plane;
static struct plane_topic topic;

static bool is_loop(const char *thread)
{
    return strcmp(thread, "data") == 0;
}

static void setup(void)
{
    memory_set_threads(is_loop);
    plane_init(&plane, 1);
    topic = (struct plane_topic){ .partitions = 2, .leader = PLANE_BROKER, .leader_epoch = 5 };
}

static void teardown(void)
{
    plane_fini(&plane);
}

static bool takes_records(int32_t partition)
{
    uint8_t batch[4096];
    size_t size = plane_batch(batch, sizeof batch, 1, "value", false);
    struct asked *asked = plane_produce(&plane, 0, &topic.id, partition, 1, batch, size);
    bool taken = asked->head->error == NULL && asked->head->produce->results[0]->error == NULL;

    asked_free(asked);
    return taken;
}

/* A new topic, told of while memory fails. Returns how often it did. */
static long publish(long n, bool lasting)
{
    static char name[32];

    snprintf(name, sizeof name, "orders-%ld", n);
    topic.name = name;
    topic.id = uuid_random();
    memory_fail_at(n, lasting);
    plane_publish(&plane, &topic);
    return memory_heal();
}

START_TEST(a_topic_for_which_there_is_no_memory_is_served_as_soon_as_there_is)
{
    ck_assert_int_gt(publish(1, true), 0);

    WAIT_UNTIL(takes_records(0) && takes_records(1));
}
END_TEST

START_TEST(so_is_one_for_a_part_of_which_there_is_none)
{
    for (long n = 2; publish(n, true) > 0; n++)
        WAIT_UNTIL(takes_records(0) && takes_records(1));
}
END_TEST

Suite *memory_suite(void)
{
    Suite *suite = suite_create("server/runtime/memory");
    TCase *tests = tcase_create("memory");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_topic_for_which_there_is_no_memory_is_served_as_soon_as_there_is);
    tcase_add_test(tests, so_is_one_for_a_part_of_which_there_is_none);
    suite_add_tcase(suite, tests);
    return suite;
}
