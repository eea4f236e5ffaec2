#include <stdlib.h>

#include "tests/lib/number.h"
#include "tests/server/core/suites.h"
#include "tests/server/core/world.h"

enum { TURNS = 150 };

/* KAIRN_SEED replays one life, KAIRN_SEEDS sets how many are lived. */
START_TEST(random_lives_keep_every_invariant_and_settle)
{
    uint64_t first = number_from("KAIRN_SEED", 1);
    uint64_t count = getenv("KAIRN_SEED") != NULL ? 1 : number_from("KAIRN_SEEDS", 10000);

    for (uint64_t seed = first; seed < first + count; seed++) {
        struct world *world = world_new(seed);
        for (int i = 0; i < TURNS; i++)
            world_turn(world);
        world_settle(world);
        world_free(world);
    }
}
END_TEST

Suite *controller_random_suite(void)
{
    Suite *suite = suite_create("server/core/controller_random");
    TCase *tcase = tcase_create("random");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, random_lives_keep_every_invariant_and_settle);
    suite_add_tcase(suite, tcase);
    return suite;
}
