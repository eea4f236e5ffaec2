/* Groups of consumers: scripts that once failed, and that a seed always tells the same story. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/groups/club.h"
#include "tests/sim/lives.h"
#include "tests/sim/suites.h"

static struct life live(const struct plan *plan)
{
    struct life life = {.events = 0};

    sim_club.live(plan, false, &life);
    ck_assert_msg(life.violation[0] == '\0', "seed %llu: %s", (unsigned long long)plan->seed,
                  life.violation);
    return life;
}

START_TEST(a_seed_tells_the_same_story_of_groups_twice)
{
    struct plan plan;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        club_form.draw(&plan, seed);
        struct life once = live(&plan), again = live(&plan);
        ck_assert_uint_eq(once.trace, again.trace);
        ck_assert_uint_eq(once.events, again.events);
    }
}
END_TEST

START_TEST(a_plan_of_groups_that_is_written_reads_as_it_was)
{
    struct plan plan, read;
    char text[16384] = "", error[300] = "";

    for (uint64_t seed = 1; seed <= 100; seed++) {
        club_form.draw(&plan, seed);
        FILE *file = fmemopen(text, sizeof text, "w");
        plan_write(&club_form, &plan, file);
        fclose(file);
        file = fmemopen(text, strlen(text), "r");
        ck_assert_msg(plan_read(&club_form, &read, file, error, sizeof error), "%s", error);
        fclose(file);
        ck_assert_mem_eq(&plan, &read, sizeof plan);
    }
}
END_TEST

START_TEST(what_failed_once_of_groups_does_not_fail_again)
{
    DIR *directory = opendir(REGRESSIONS_OF_GROUPS);
    struct dirent *entry;
    int scripts = 0;

    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        char path[512], error[300] = "";
        struct plan plan;
        if (strstr(entry->d_name, ".txt") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", REGRESSIONS_OF_GROUPS, entry->d_name);
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_msg(plan_read(&club_form, &plan, file, error, sizeof error), "%s: %s", path,
                      error);
        fclose(file);
        live(&plan);
        scripts++;
    }
    closedir(directory);
    ck_assert_int_gt(scripts, 0);
}
END_TEST

Suite *groups_suite(void)
{
    Suite *suite = suite_create("groups");
    TCase *tcase = tcase_create("groups");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_seed_tells_the_same_story_of_groups_twice);
    tcase_add_test(tcase, a_plan_of_groups_that_is_written_reads_as_it_was);
    tcase_add_test(tcase, what_failed_once_of_groups_does_not_fail_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
