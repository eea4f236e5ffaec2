#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/number.h"
#include "tests/server/core/crew.h"
#include "tests/server/core/suites.h"

enum { TURNS = 600, ALL_IS_SEEN_AFTER = 2000 };

static const char *const sight_names[] = {
#define X(name, text) text,
    CREW_SIGHTS(X)
#undef X
};

/* KAIRN_SEED replays one life, KAIRN_SEEDS sets how many are lived. */
START_TEST(random_lives_lose_nothing_and_come_to_agree)
{
    uint64_t first = number_from("KAIRN_SEED", 1);
    uint64_t count = getenv("KAIRN_SEED") != NULL ? 1 : number_from("KAIRN_SEEDS", 4000);
    uint64_t counts[CREW_SIGHT_COUNT] = {0};

    for (uint64_t seed = first; seed < first + count; seed++) {
        struct crew *crew = crew_new(seed);
        for (int i = 0; i < TURNS; i++)
            crew_turn(crew);
        crew_settle(crew);
        crew_count(crew, counts);
        crew_free(crew);
    }
    for (int i = 0; i < CREW_SIGHT_COUNT; i++) {
        if (getenv("KAIRN_SIGHTS") != NULL)
            printf("%12" PRIu64 " %s\n", counts[i], sight_names[i]);
        ck_assert_msg(counts[i] > 0 || count < ALL_IS_SEEN_AFTER, "never seen: %s",
                      sight_names[i]);
    }
}
END_TEST

Suite *replica_random_suite(void)
{
    Suite *suite = suite_create("server/core/replica_random");
    TCase *tcase = tcase_create("random");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, random_lives_lose_nothing_and_come_to_agree);
    suite_add_tcase(suite, tcase);
    return suite;
}
