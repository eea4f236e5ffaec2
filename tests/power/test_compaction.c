/* The power goes at every call of a cleaning, on a disk that forgets: each key keeps its last
 * value, once. KAIRN_SEEDS=N: so many histories; KAIRN_SEED=N repeats one of them. */
#include <check.h>
#include <stdlib.h>

#include "common/error.h"
#include "tests/lib/runner.h"
#include "tests/power/sim_disk.h"
#include "tests/server/storage/clean_rig.h"

enum { SEEDS = 4, BATCHES = 14, CALLS_MIN = 60, CALLS_MAX = 3000 };

/* All of it is on the disk. */
static void history(struct rig *rig, struct rand *rand)
{
    rig->f.config.segment_bytes = 1500;
    log_set_config(rig->f.log, &rig->f.config);
    for (int i = 0; i < BATCHES; i++)
        ck_assert_int_eq(rig_append(rig, rand), 0);
    rig_roll(rig);
    ck_assert_int_eq(log_flush(rig->f.log), 0);
    ck_assert_int_eq(logdir_checkpoint(rig->f.directory), 0);
}

/* False: the cleaning was over before. */
static bool cut_at(unsigned long seed, long call)
{
    static struct rig rig;
    struct sim_disk disk;
    struct rand rand, chance;

    rand_seed(&rand, seed);
    rand_seed(&chance, seed * 100000 + (unsigned long)call);
    sim_disk_init(&disk);
    rig_init_on(&rig, disk.path, &disk.io);
    history(&rig, &rand);
    struct clean_options options = rig_options(&rig);
    sim_disk_cut_at(&disk, call);
    (void)rig_clean(&rig, &options, 2000, NULL, NULL);
    bool cut = disk.dead;

    disk.dead = true;
    rig_close(&rig, false);
    sim_disk_restart(&disk, &chance);
    fixture_open(&rig.f);
    rig_verify(&rig);
    ck_assert_int_eq(rig_files(&rig, ".swap") + rig_files(&rig, ".cleaned"), 0);
    options = rig_options(&rig);
    int code = rig_clean(&rig, &options, 1 << 20, NULL, NULL);
    ck_assert(code == 0 || code == K_NOT_FOUND);
    rig_verify(&rig);
    rig_close(&rig, false);
    rig.f.directory = NULL;
    free(rig.records);
    sim_disk_fini(&disk);
    return cut;
}

START_TEST(a_power_cut_at_any_call_of_a_cleaning_loses_no_last_value)
{
    const char *one = getenv("KAIRN_SEED"), *many = getenv("KAIRN_SEEDS");
    unsigned long first = one != NULL ? strtoul(one, NULL, 10) : 1;
    unsigned long count = one != NULL ? 1 : many != NULL ? strtoul(many, NULL, 10) : SEEDS;

    for (unsigned long seed = first; seed < first + count; seed++) {
        long call = 1;
        while (call < CALLS_MAX && cut_at(seed, call))
            call++;
        ck_assert_int_gt(call, CALLS_MIN);
        ck_assert_int_lt(call, CALLS_MAX);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("power/compaction");
    TCase *tests = tcase_create("cuts");

    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, a_power_cut_at_any_call_of_a_cleaning_loses_no_last_value);
    suite_add_tcase(all, tests);
    return all;
}

int main(int argc, char **argv)
{
    static const suite_maker makers[] = { suite };
    return run_suites(argc, argv, makers, sizeof makers / sizeof *makers);
}
