/* A failing plan made smaller, as long as it fails in the same way: first what comes after the
 * violation goes, then faults in halves, quarters, one by one, then what makes the world unpleasant
 * or large (the form's wishes). Each try is a process of its own: cores abort. */
#include "tests/sim/shrink.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is made smaller, and how it fails. */
struct shrinking {
    const struct life_kind *kind;
    struct plan smallest;
    char why[LIFE_WHY_SIZE];
    struct life *life;                  /* of the last try: shared with its process */
};

static void try_plan(struct shrinking *shrinking, const struct plan *plan)
{
    struct life *life = shrinking->life;
    int status;

    memset(life, 0, sizeof *life);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int null = dup2(STDOUT_FILENO, STDERR_FILENO);
        (void)null;
        shrinking->kind->live(plan, false, life);
        _exit(0);
    }
    if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
        snprintf(life->violation, sizeof life->violation, "an assertion failed");
}

/* Two failures are the same when they read alike without their numbers. */
static bool same(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a >= '0' && *a <= '9')
            a++;
        while (*b >= '0' && *b <= '9')
            b++;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
    }
}

/* Keep the candidate if it fails in the same way. */
static bool take(struct shrinking *shrinking, const struct plan *candidate)
{
    const char *why = shrinking->life->violation;

    if (!shrinking->kind->form->makes_sense(candidate))
        return false;
    try_plan(shrinking, candidate);
    if (why[0] == '\0' || !same(why, shrinking->why))
        return false;
    shrinking->smallest = *candidate;
    return true;
}

static void without(struct plan *plan, int first, int count)
{
    memmove(&plan->decisions[first], &plan->decisions[first + count],
            (size_t)(plan->decision_count - first - count) * sizeof plan->decisions[0]);
    plan->decision_count -= count;
}

static bool drop_faults(struct shrinking *shrinking)
{
    bool smaller = false;

    for (int size = shrinking->smallest.decision_count; size >= 1; size /= 2)
        for (int at = 0; at + size <= shrinking->smallest.decision_count;) {
            struct plan candidate = shrinking->smallest;
            without(&candidate, at, size);
            if (take(shrinking, &candidate))
                smaller = true;
            else
                at += size;
        }
    return smaller;
}

static bool calm(struct shrinking *shrinking)
{
    const struct plan_form *form = shrinking->kind->form;
    bool smaller = false;

    for (int i = 0; i < form->wish_count; i++) {
        struct plan candidate = shrinking->smallest;
        int64_t *value = &candidate.numbers[form->wishes[i].number];
        if (*value == form->wishes[i].value)
            continue;
        *value = form->wishes[i].value;
        smaller |= take(shrinking, &candidate);
    }
    return smaller;
}

static bool shorten(struct shrinking *shrinking)
{
    struct plan candidate = shrinking->smallest;
    int64_t *length_ms = &candidate.numbers[shrinking->kind->form->length];

    try_plan(shrinking, &candidate);
    if (shrinking->life->simulated_ms >= *length_ms || shrinking->life->simulated_ms == 0)
        return false;
    *length_ms = shrinking->life->simulated_ms + 1;
    for (int i = candidate.decision_count; i-- > 0;)
        if (candidate.decisions[i].at_ms > *length_ms)
            without(&candidate, i, 1);
    return take(shrinking, &candidate);
}

bool shrink(const struct life_kind *kind, const struct plan *plan)
{
    struct shrinking shrinking = {.kind = kind, .smallest = *plan};

    shrinking.life = mmap(NULL, sizeof *shrinking.life, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shrinking.life == MAP_FAILED)
        return false;
    try_plan(&shrinking, plan);
    memcpy(shrinking.why, shrinking.life->violation, sizeof shrinking.why);
    if (shrinking.why[0] != '\0') {
        bool smaller = true;
        for (int turn = 0; turn < 5 && smaller; turn++) {
            smaller = shorten(&shrinking);
            smaller |= drop_faults(&shrinking);
            smaller |= calm(&shrinking);
        }
        try_plan(&shrinking, &shrinking.smallest);
        printf("# %s\n", shrinking.life->violation);
        plan_write(kind->form, &shrinking.smallest, stdout);
    } else {
        printf("seed %llu does not fail\n", (unsigned long long)plan->seed);
    }
    munmap(shrinking.life, sizeof *shrinking.life);
    return shrinking.why[0] != '\0';
}
