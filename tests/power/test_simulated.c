/* Many short lives of a log on a disk that forgets; and one life in which every call fails once.
 * KAIRN_SEEDS=N: that many; KAIRN_SEED=N repeats one of them. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "tests/lib/runner.h"
#include "tests/power/sim_disk.h"
#include "tests/power/story.h"

enum {
    SEEDS = 250,
    LIVES = 4,
    STEPS = 120,
    CALLS = 500,
    FAULT_STEPS = 70,                   /* of the story in which every call fails once */
    CALLS_MIN = 200,
    CALLS_MAX = 5000
};

static struct story_counts sum;

static void count(const struct story_counts *counts)
{
    sum.cuts += counts->cuts;
    sum.promised_batches += counts->promised_batches;
    sum.lost_batches += counts->lost_batches;
    sum.rolls += counts->rolls;
    sum.truncations += counts->truncations;
    sum.trims += counts->trims;
    sum.clean_stops += counts->clean_stops;
}

static void live(unsigned long seed)
{
    struct sim_disk disk;
    struct story story;
    struct rand rand;

    rand_seed(&rand, seed + 1);
    sim_disk_init(&disk);
    story_init(&story, disk.path, &disk.io, seed);
    for (int i = 0; i < LIVES; i++) {
        sim_disk_cut_at(&disk, 1 + (long)rand_below(&rand, CALLS));
        if (story_open(&story) == 0)
            ck_assert_msg(story_live(&story, STEPS), "seed %lu: %s", seed, story.fault);
        disk.dead = true;
        story_drop(&story);
        sim_disk_restart(&disk, &rand);

        int code = story_open(&story);
        ck_assert_msg(code == 0, "seed %lu: it does not open: %s", seed, k_error_name(code));
        ck_assert_msg(story_check(&story), "seed %lu: %s", seed, story.fault);
        disk.dead = true;               /* and goes at once, before anything is repaired for good */
        story_drop(&story);
        disk.dead = false;
    }
    count(&story.counts);
    story_fini(&story);
    sim_disk_fini(&disk);
}

START_TEST(what_was_promised_is_there_after_a_power_cut)
{
    const char *one = getenv("KAIRN_SEED"), *many = getenv("KAIRN_SEEDS");
    unsigned long count = many != NULL ? strtoul(many, NULL, 10) : SEEDS;

    if (one != NULL) {
        live(strtoul(one, NULL, 10));
        return;
    }
    for (unsigned long seed = 1; seed <= count; seed++)
        live(seed);
    ck_assert_uint_ge(sum.cuts, count * LIVES);
    ck_assert_uint_gt(sum.promised_batches, 0);
    ck_assert_uint_gt(sum.lost_batches, 0);
    ck_assert_uint_gt(sum.rolls, 0);
    ck_assert_uint_gt(sum.truncations, 0);
    ck_assert_uint_gt(sum.trims, 0);
    ck_assert_uint_gt(sum.clean_stops, 0);
}
END_TEST

/* --- a call that fails ------------------------------------------------------------------------ */

/* One story in which the n-th call fails; then the process or the machine starts again. True when
 * no call failed any more. */
static bool fail_once(long n, int code, bool lasting)
{
    struct sim_disk disk;
    struct story story;
    struct rand rand;

    rand_seed(&rand, (uint64_t)n);
    sim_disk_init(&disk);
    story_init(&story, disk.path, &disk.io, 7);
    sim_disk_fail_at(&disk, n, code, lasting);
    if (story_open(&story) == 0)
        ck_assert_msg(story_live(&story, FAULT_STEPS), "call %ld: %s", n, story.fault);
    bool over = disk.failures == 0;
    sim_disk_fail_at(&disk, 0, 0, false);
    disk.dead = true;
    story_drop(&story);
    disk.dead = false;
    if (n % 2 == 0)
        sim_disk_restart(&disk, &rand);

    int again = story_open(&story);
    ck_assert_msg(again == 0, "call %ld: it does not open: %s", n, k_error_name(again));
    ck_assert_msg(story_check(&story), "call %ld: %s", n, story.fault);
    story_fini(&story);
    sim_disk_fini(&disk);
    return over;
}

static void fail_every_call(int code, bool lasting)
{
    long n = 1;
    while (!fail_once(n, code, lasting))
        ck_assert_int_lt(n++, CALLS_MAX);
    ck_assert_int_gt(n, CALLS_MIN);
}

START_TEST(an_error_at_any_call_loses_nothing_that_was_promised)
{
    fail_every_call(EIO, false);
}
END_TEST

START_TEST(a_disk_that_stays_broken_loses_nothing_that_was_promised)
{
    fail_every_call(EIO, true);
}
END_TEST

START_TEST(a_full_disk_at_any_call_loses_nothing_that_was_promised)
{
    fail_every_call(ENOSPC, false);
}
END_TEST

START_TEST(a_disk_that_stays_full_loses_nothing_that_was_promised)
{
    fail_every_call(ENOSPC, true);
}
END_TEST

START_TEST(transfers_that_are_cut_short_are_finished)
{
    fail_every_call(0, false);
}
END_TEST

static Suite *simulated_suite(void)
{
    Suite *suite = suite_create("power/simulated");
    TCase *tests = tcase_create("simulated");

    log_set_level(LOG_LEVEL_OFF);
    tcase_set_timeout(tests, 3600);
    tcase_add_test(tests, what_was_promised_is_there_after_a_power_cut);
    tcase_add_test(tests, an_error_at_any_call_loses_nothing_that_was_promised);
    tcase_add_test(tests, a_disk_that_stays_broken_loses_nothing_that_was_promised);
    tcase_add_test(tests, a_full_disk_at_any_call_loses_nothing_that_was_promised);
    tcase_add_test(tests, a_disk_that_stays_full_loses_nothing_that_was_promised);
    tcase_add_test(tests, transfers_that_are_cut_short_are_finished);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { simulated_suite };

    return run_suites(argc, argv, makers, 1);
}
