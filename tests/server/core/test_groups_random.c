#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/number.h"
#include "tests/server/core/groups_world.h"
#include "tests/server/core/suites.h"

enum { TURNS = 500, ALL_IS_SEEN_AFTER = 1000 };

static const char *const sight_names[] = {
#define X(name, text) text,
    GROUPS_SIGHTS(X)
#undef X
};

/* KAIRN_SEED replays one life, KAIRN_SEEDS sets how many are lived. */
START_TEST(no_partition_has_two_owners_and_no_commit_is_lost)
{
    uint64_t first = number_from("KAIRN_SEED", 1);
    uint64_t count = getenv("KAIRN_SEED") != NULL ? 1 : number_from("KAIRN_SEEDS", 2000);
    uint64_t counts[GROUPS_SIGHT_COUNT] = {0};

    for (uint64_t seed = first; seed < first + count; seed++) {
        struct groups_world *world = groups_world_new(seed);
        for (int i = 0; i < TURNS; i++)
            groups_world_turn(world);
        groups_world_settle(world);
        groups_world_count(world, counts);
        groups_world_free(world);
    }
    for (int i = 0; i < GROUPS_SIGHT_COUNT; i++) {
        if (getenv("KAIRN_SIGHTS") != NULL)
            printf("%12" PRIu64 " %s\n", counts[i], sight_names[i]);
        ck_assert_msg(counts[i] > 0 || count < ALL_IS_SEEN_AFTER, "never seen: %s",
                      sight_names[i]);
    }
}
END_TEST

Suite *groups_random_suite(void)
{
    Suite *suite = suite_create("server/core/groups_random");
    TCase *tcase = tcase_create("random");

    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, no_partition_has_two_owners_and_no_commit_is_lost);
    suite_add_tcase(suite, tcase);
    return suite;
}
