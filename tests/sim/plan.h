/* plan.h - a life: what its world is made of and what is done to it, drawn from a seed or written
 * as a script. Which numbers and decisions there are differs from world to world: plan_form. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/rand.h"
#include "tests/sim/groups/options.h"
#include "tests/sim/options.h"

enum { DECISIONS_MAX = 128, DECISIONS_DRAWN_MAX = 60, PLAN_NUMBERS_MAX = 32 };

/* What `kind`, a, b, c and the length mean, the world's options.h says. */
struct decision {
    int64_t at_ms, length_ms;
    int kind;
    int a, b, c;
};

/* The seed stands for all that is not said. */
struct plan {
    uint64_t seed;
    union {
        struct sim_options options;             /* of a cluster */
        struct club_options club;               /* of groups */
        int64_t numbers[PLAN_NUMBERS_MAX];      /* the same, as rows */
    };
    int decision_count;
    struct decision decisions[DECISIONS_MAX];
};

/* A value that makes a life simpler. */
struct plan_wish { int number; int64_t value; };
#define PLAN_NUMBER(type, field) ((int)(offsetof(type, field) / sizeof(int64_t)))

struct plan_form {
    const char *const *numbers;                 /* names in scripts, as the fields follow */
    const char *const *decisions;               /* by kind */
    int number_count, decision_count;
    int length;                                 /* the number that says how long it is, in ms */
    const struct plan_wish *wishes;
    int wish_count;
    void (*draw)(struct plan *plan, uint64_t seed);
    /* Can a world be made of these numbers? */
    bool (*makes_sense)(const struct plan *plan);
};

void plan_write(const struct plan_form *form, const struct plan *plan, FILE *file);
/* False: `error` says which line makes no sense. */
bool plan_read(const struct plan_form *form, struct plan *plan, FILE *file, char *error,
               size_t size);

/* For draw(): from low to high, both included; true in so many of a hundred. */
int64_t plan_between(struct rand *rand, int64_t low, int64_t high);
bool plan_chance(struct rand *rand, unsigned percent);
/* Each kind of decision is in a life or is not, and comes more or less often. */
void plan_draw_decisions(struct plan *plan, const struct plan_form *form, struct rand *rand,
                         void (*draw)(struct decision *decision, const struct plan *plan,
                                      struct rand *rand));

#endif
