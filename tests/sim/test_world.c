/* Whole clusters: scripts that once failed, and that a seed always tells the same story. */
#include "tests/sim/world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster.h"
#include "tests/sim/suites.h"

static uint64_t live(const struct plan *plan, uint64_t *events)
{
    struct world *world = world_new(plan, false);
    bool whole = world_run(world);
    ck_assert_msg(whole, "seed %llu: %s", (unsigned long long)plan->seed, world->violation);
    uint64_t trace = world->trace;
    *events = world->sched.fired;
    world_free(world);
    return trace;
}

START_TEST(a_seed_tells_the_same_story_twice)
{
    struct plan plan;
    uint64_t events, again;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        cluster_form.draw(&plan, seed);
        uint64_t trace = live(&plan, &events);
        ck_assert_uint_eq(trace, live(&plan, &again));
        ck_assert_uint_eq(events, again);
    }
}
END_TEST

START_TEST(a_plan_that_is_written_reads_as_it_was)
{
    struct plan plan, read;
    char text[16384] = "", error[300] = "";

    for (uint64_t seed = 1; seed <= 100; seed++) {
        cluster_form.draw(&plan, seed);
        FILE *file = fmemopen(text, sizeof text, "w");
        plan_write(&cluster_form, &plan, file);
        fclose(file);
        file = fmemopen(text, strlen(text), "r");
        ck_assert_msg(plan_read(&cluster_form, &read, file, error, sizeof error), "%s", error);
        fclose(file);
        ck_assert_mem_eq(&plan, &read, sizeof plan);
    }
}
END_TEST

START_TEST(a_script_that_makes_no_sense_is_refused_by_its_line)
{
    const char *const texts[] = {"brokers nine\n", "at 5 crash\n", "at 5 explode 1 1 1 1\n",
                                 "brokers 99\n", "wheels 4\n"};
    struct plan plan;
    char error[300];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", texts[i]);
        FILE *file = fmemopen(text, strlen(text), "r");
        ck_assert(!plan_read(&cluster_form, &plan, file, error, sizeof error));
        fclose(file);
    }
}
END_TEST

START_TEST(what_failed_once_does_not_fail_again)
{
    DIR *directory = opendir(REGRESSIONS);
    struct dirent *entry;
    int scripts = 0;

    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        char path[512], error[300] = "";
        struct plan plan;
        uint64_t events;
        if (strstr(entry->d_name, ".txt") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", REGRESSIONS, entry->d_name);
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_msg(plan_read(&cluster_form, &plan, file, error, sizeof error), "%s: %s", path,
                      error);
        fclose(file);
        live(&plan, &events);
        scripts++;
    }
    closedir(directory);
    ck_assert_int_gt(scripts, 0);
}
END_TEST

Suite *world_suite(void)
{
    Suite *suite = suite_create("world");
    TCase *tcase = tcase_create("world");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_seed_tells_the_same_story_twice);
    tcase_add_test(tcase, a_plan_that_is_written_reads_as_it_was);
    tcase_add_test(tcase, a_script_that_makes_no_sense_is_refused_by_its_line);
    tcase_add_test(tcase, what_failed_once_does_not_fail_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
