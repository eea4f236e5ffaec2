/* lives.h - many lives of a simulated world, one, or a script: the command line of a simulator.
 *
 *   [--from N] [--seeds N] [--jobs N]         each seed is one life
 *   [--failures N]                            each job ends after so many (5)
 *   --seed N [--verbose]                      one of them
 *   --script FILE [--verbose]                 as written down by a former failure
 *   --seed N --shrink                         the smallest script that still fails */
#ifndef TESTS_SIM_LIVES_H
#define TESTS_SIM_LIVES_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/plan.h"

enum { LIFE_COUNTERS_MAX = 80, LIFE_WHY_SIZE = 256 };

/* What became of it. */
struct life {
    char violation[LIFE_WHY_SIZE];              /* "": none */
    uint64_t events, trace;                     /* trace: a hash of the story */
    int64_t simulated_ms;
    uint64_t counters[LIFE_COUNTERS_MAX];       /* as in struct life_kind */
};

/* How often a rare situation happened; `required`: lives that never meet it prove nothing. */
struct life_counter { const char *text; bool required; };

struct life_kind {
    const char *program;
    const struct plan_form *form;
    const struct life_counter *counters;
    int counter_count;
    /* Live it to the end; may abort the process. `life` is zero before. */
    void (*live)(const struct plan *plan, bool verbose, struct life *life);
};

/* Exit status 0: nothing was violated, and every situation that must be met was met (over 2,000
 * seeds or more); 1: not; 2: wrong usage. */
int lives_main(int argc, char **argv, const struct life_kind *kind);

#endif
