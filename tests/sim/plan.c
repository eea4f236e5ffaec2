#include "tests/sim/plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/net.h"

static_assert(sizeof(struct sim_options) <= PLAN_NUMBERS_MAX * sizeof(int64_t), "more numbers");
static_assert(sizeof(struct club_options) <= PLAN_NUMBERS_MAX * sizeof(int64_t), "more numbers");

/* --- drawn ------------------------------------------------------------------------------------ */

int64_t plan_between(struct rand *rand, int64_t low, int64_t high)
{
    return low + (int64_t)rand_below(rand, (uint64_t)(high - low + 1));
}

bool plan_chance(struct rand *rand, unsigned percent)
{
    return rand_below(rand, 100) < percent;
}

static int draw_weights(struct rand *rand, int *weights, int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        weights[i] = plan_chance(rand, 50) ? (int)plan_between(rand, 1, 10) : 0;
        sum += weights[i];
    }
    return sum;
}

static int draw_kind(struct rand *rand, const int *weights, int sum)
{
    int dice = (int)rand_below(rand, (uint64_t)sum), kind = 0;

    while (dice >= weights[kind])
        dice -= weights[kind++];
    return kind;
}

static int earlier(const void *a, const void *b)
{
    const struct decision *left = a, *right = b;
    return (left->at_ms > right->at_ms) - (left->at_ms < right->at_ms);
}

void plan_draw_decisions(struct plan *plan, const struct plan_form *form, struct rand *rand,
                         void (*draw)(struct decision *decision, const struct plan *plan,
                                      struct rand *rand))
{
    int weights[64], sum = draw_weights(rand, weights, form->decision_count);
    int64_t every_ms = plan_between(rand, 80, 800);

    for (int64_t at = 300; at < plan->numbers[form->length] &&
                           plan->decision_count < DECISIONS_DRAWN_MAX && sum > 0;
         at += plan_between(rand, 1, 2 * every_ms)) {
        struct decision *decision = &plan->decisions[plan->decision_count++];
        decision->at_ms = at;
        decision->kind = draw_kind(rand, weights, sum);
        draw(decision, plan, rand);
    }
    qsort(plan->decisions, (size_t)plan->decision_count, sizeof plan->decisions[0], earlier);
}

/* --- written ---------------------------------------------------------------------------------- */

void plan_write(const struct plan_form *form, const struct plan *plan, FILE *file)
{
    fprintf(file, "seed %" PRIu64 "\n", plan->seed);
    for (int i = 0; i < form->number_count; i++)
        fprintf(file, "%s %" PRId64 "\n", form->numbers[i], plan->numbers[i]);
    for (int i = 0; i < plan->decision_count; i++) {
        const struct decision *decision = &plan->decisions[i];
        fprintf(file, "at %" PRId64 " %s %d %d %d %" PRId64 "\n", decision->at_ms,
                form->decisions[decision->kind], decision->a, decision->b, decision->c,
                decision->length_ms);
    }
}

/* --- read ------------------------------------------------------------------------------------- */

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static bool read_decision(const struct plan_form *form, struct plan *plan, const char *line)
{
    struct decision decision = {0};
    char name[32];

    if (plan->decision_count == DECISIONS_MAX ||
        sscanf(line, "at %" SCNd64 " %31s %d %d %d %" SCNd64, &decision.at_ms, name, &decision.a,
               &decision.b, &decision.c, &decision.length_ms) != 6)
        return false;
    decision.kind = find_name(form->decisions, form->decision_count, name);
    if (decision.kind < 0 || decision.a < 0 || decision.b < 0 || decision.a >= NET_NODES_MAX ||
        decision.b >= NET_NODES_MAX)
        return false;
    plan->decisions[plan->decision_count++] = decision;
    return true;
}

static bool read_line(const struct plan_form *form, struct plan *plan, const char *line)
{
    char name[32];
    int64_t value;

    if (strncmp(line, "at ", 3) == 0)
        return read_decision(form, plan, line);
    if (sscanf(line, "%31s %" SCNd64, name, &value) != 2)
        return false;
    int number = find_name(form->numbers, form->number_count, name);
    if (number >= 0)
        plan->numbers[number] = value;
    else if (strcmp(name, "seed") == 0)
        plan->seed = (uint64_t)value;
    else
        return false;
    return true;
}

bool plan_read(const struct plan_form *form, struct plan *plan, FILE *file, char *error,
               size_t size)
{
    char line[256];

    memset(plan, 0, sizeof *plan);
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (!read_line(form, plan, line)) {
            snprintf(error, size, "line %d: %s", number, line);
            return false;
        }
    }
    if (!form->makes_sense(plan)) {
        snprintf(error, size, "no world can be made of these numbers");
        return false;
    }
    return true;
}
