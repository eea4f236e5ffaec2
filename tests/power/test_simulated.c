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
    RESETS = 8,
    FAULT_STEPS = 70,                   /* of the story in which every call fails once */
    CALLS_MIN = 200,
    CALLS_MAX = 5000,
    BROKEN_SEEDS = 12,                  /* stories in which every sync fails once */
    SYNCS_MIN = 5
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
    sum.gaps += counts->gaps;
    sum.resets += counts->resets;
    sum.clean_stops += counts->clean_stops;
    sum.moves += counts->moves;
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
    ck_assert_uint_gt(sum.gaps, 0);
    ck_assert_uint_gt(sum.resets, 0);
    ck_assert_uint_gt(sum.clean_stops, 0);
    ck_assert_uint_gt(sum.moves, 0);
}
END_TEST

/* --- a call that fails ------------------------------------------------------------------------ */

/* One story in which the n-th call fails; then the process or the machine starts again. True when
 * no call failed any more. */
static bool fail_once(long n, int code, bool lasting, bool follower)
{
    struct sim_disk disk;
    struct story story;
    struct rand rand;

    rand_seed(&rand, (uint64_t)n);
    sim_disk_init(&disk);
    story_init(&story, disk.path, &disk.io, 7);
    story.follower = story.gaps = follower;
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
    for (int follower = 0; follower < 2; follower++) {
        long n = 1;
        while (!fail_once(n, code, lasting, follower != 0))
            ck_assert_int_lt(n++, CALLS_MAX);
        ck_assert_int_gt(n, CALLS_MIN);
    }
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

/* One story in which the n-th sync fails and loses what it was for; the process ends, killed or
 * not, and the next one finds the cache of the same machine. What that one syncs is there after a
 * power cut, as is all that was promised before. True when no sync failed any more. */
static bool break_sync(long n, bool lasting, unsigned long seed)
{
    struct sim_disk disk;
    struct story story;
    struct rand rand;

    rand_seed(&rand, seed + (uint64_t)n);
    sim_disk_init(&disk);
    story_init(&story, disk.path, &disk.io, seed);
    story.failed_syncs = &disk.failures;
    sim_disk_break_sync_at(&disk, n, lasting);
    /* What tells the next process of it is in memory and on the disk; either is enough. */
    disk.forgetful = (seed + (unsigned long)n) % 3 == 1;
    disk.break_freezes = (seed + (unsigned long)n) % 3 == 2;
    if (story_open(&story) == 0)
        ck_assert_msg(story_live(&story, FAULT_STEPS), "seed %lu, sync %ld: %s", seed, n,
                      story.fault);
    bool over = disk.failures == 0;
    disk.dead = n % 2 == 0;
    story_drop(&story);
    disk.dead = false;
    sim_disk_break_sync_at(&disk, 0, false);

    int code = story_open(&story);
    ck_assert_msg(code == 0, "seed %lu, sync %ld: it does not open: %s", seed, n,
                  k_error_name(code));
    ck_assert_msg(story_check(&story), "seed %lu, sync %ld: %s", seed, n, story.fault);
    ck_assert_int_eq(log_flush(story.log), 0);
    story.promised_end = log_end(story.log);
    disk.dead = true;
    story_drop(&story);
    sim_disk_restart(&disk, &rand);

    ck_assert_int_eq(story_open(&story), 0);
    ck_assert_msg(story_check(&story), "seed %lu, sync %ld, after the power cut: %s", seed, n,
                  story.fault);
    story_fini(&story);
    sim_disk_fini(&disk);
    return over;
}

static void break_every_sync(bool lasting)
{
    for (unsigned long seed = 1; seed <= BROKEN_SEEDS; seed++) {
        long n = 1;
        while (!break_sync(n, lasting, seed))
            ck_assert_int_lt(n++, CALLS_MAX);
        ck_assert_int_gt(n, SYNCS_MIN);
    }
}

START_TEST(what_a_failed_sync_took_is_not_counted_as_synced_by_the_next_process)
{
    break_every_sync(false);
}
END_TEST

START_TEST(what_syncs_that_fail_from_now_on_took_is_not_counted_either)
{
    break_every_sync(true);
}
END_TEST

/* The power goes at the n-th call of a reset, of a log that is on the disk: all of it is there
 * afterwards, or nothing. Returns true when the reset was over before. */
static bool cut_reset(unsigned long seed, long n)
{
    struct sim_disk disk;
    struct story story;
    struct rand rand;

    rand_seed(&rand, seed + (uint64_t)n);
    sim_disk_init(&disk);
    story_init(&story, disk.path, &disk.io, seed);
    ck_assert_int_eq(story_open(&story), 0);
    ck_assert_msg(story_live(&story, STEPS), "seed %lu: %s", seed, story.fault);
    ck_assert_int_eq(log_flush(story.log), 0);
    size_t count = story.batches.count, skipped = 0;
    while (skipped < count && story.batches.items[skipped].last < log_start(story.log))
        skipped++;
    sim_disk_cut_at(&disk, n);
    bool over = story_reset(&story) == 0;
    disk.dead = true;
    story_drop(&story);
    sim_disk_restart(&disk, &rand);

    ck_assert_int_eq(story_open(&story), 0);
    ck_assert_msg(story_check(&story), "seed %lu, call %ld: %s", seed, n, story.fault);
    ck_assert_msg(story.batches.count == 0 || story.batches.count == count - skipped,
                  "seed %lu, call %ld: %zu batches of %zu", seed, n, story.batches.count,
                  count - skipped);
    ck_assert(!over || story.batches.count == 0);
    story_fini(&story);
    sim_disk_fini(&disk);
    return over;
}

START_TEST(a_reset_that_is_cut_off_leaves_all_or_nothing)
{
    for (unsigned long seed = 1; seed <= RESETS; seed++) {
        long n = 1;                     /* one by one at first: there are many segments */
        while (!cut_reset(seed, n)) {
            n += 1 + n / 16;
            ck_assert_int_lt(n, CALLS_MAX);
        }
    }
}
END_TEST

static TCase *part(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);

    tcase_set_timeout(tests, 3600);
    suite_add_tcase(suite, tests);
    return tests;
}

static Suite *simulated_suite(void)
{
    Suite *suite = suite_create("power/simulated");
    TCase *cuts = part(suite, "cuts"), *errors = part(suite, "errors");
    TCase *resets = part(suite, "resets"), *broken = part(suite, "failed-syncs");

    log_set_level(LOG_LEVEL_OFF);
    tcase_add_test(cuts, what_was_promised_is_there_after_a_power_cut);
    tcase_add_test(errors, an_error_at_any_call_loses_nothing_that_was_promised);
    tcase_add_test(errors, a_disk_that_stays_broken_loses_nothing_that_was_promised);
    tcase_add_test(errors, a_full_disk_at_any_call_loses_nothing_that_was_promised);
    tcase_add_test(errors, a_disk_that_stays_full_loses_nothing_that_was_promised);
    tcase_add_test(errors, transfers_that_are_cut_short_are_finished);
    tcase_add_test(broken, what_a_failed_sync_took_is_not_counted_as_synced_by_the_next_process);
    tcase_add_test(broken, what_syncs_that_fail_from_now_on_took_is_not_counted_either);
    tcase_add_test(resets, a_reset_that_is_cut_off_leaves_all_or_nothing);
    return suite;
}

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { simulated_suite };

    return run_suites(argc, argv, makers, 1);
}
