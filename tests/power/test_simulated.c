/* Thousands of short lives of a log on a disk that forgets. KAIRN_SEEDS=N: that many; KAIRN_SEED=N
 * repeats one of them. */
#include <check.h>
#include <stdlib.h>

#include "common/log.h"
#include "tests/lib/runner.h"
#include "tests/power/sim_disk.h"
#include "tests/power/story.h"

enum { SEEDS = 250, LIVES = 4, STEPS = 120, CALLS = 500 };

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

static Suite *simulated_suite(void)
{
    Suite *suite = suite_create("power/simulated");
    TCase *tests = tcase_create("simulated");

    log_set_level(LOG_LEVEL_OFF);
    tcase_set_timeout(tests, 3600);
    tcase_add_test(tests, what_was_promised_is_there_after_a_power_cut);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { simulated_suite };

    return run_suites(argc, argv, makers, 1);
}
