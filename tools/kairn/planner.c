#include "tools/kairn/planner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tools/kairn/planner_private.h"

enum { UNIT = 1000 };                   /* what an average replica weighs, twice */

static int by_id(const void *a, const void *b)
{
    const struct seat *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

struct seat *planner_seat(const struct planner *planner, int32_t id)
{
    const struct seat key = { .id = id };

    return planner->seat_count == 0 ? NULL
                                    : bsearch(&key, planner->seats, planner->seat_count,
                                              sizeof key, by_id);
}

int32_t planner_in_rack(const struct planner *planner, const struct planner_replicas *set,
                        const char *rack, int32_t except)
{
    int32_t count = 0;

    for (int32_t i = 0; planner->racks && i < set->count; i++) {
        const struct seat *seat = planner_seat(planner, set->ids[i]);
        count += set->ids[i] != except && seat != NULL && strcmp(seat->rack, rack) == 0;
    }
    return count;
}

void planner_weigh(struct planner *planner, struct seat *seat, size_t partition, int sign)
{
    if (seat == NULL)
        return;                         /* on a broker that is not to take part */
    seat->load += sign * planner->weights[partition];
    seat->bytes += sign * planner->task->partitions[partition].bytes;
    seat->replicas += sign;
}

static int32_t wanted_of(const struct planner_partition *partition)
{
    return partition->factor > 0 ? partition->factor : partition->replicas.count;
}

/* --- what must move --------------------------------------------------------------------------- */

static bool leaves(const struct planner_task *task, int32_t id)
{
    for (size_t i = 0; i < task->leaving_count; i++)
        if (task->leaving[i] == id)
            return true;
    return false;
}

static void drop(struct planner *planner, size_t partition, int32_t index)
{
    struct planner_replicas *set = &planner->sets[partition];

    planner_weigh(planner, planner_seat(planner, set->ids[index]), partition, -1);
    memmove(&set->ids[index], &set->ids[index + 1],
            (size_t)(set->count - index - 1) * sizeof set->ids[0]);
    set->count--;
}

/* The broker that should have one more replica of it; NULL: all have one. */
static struct seat *choose(const struct planner *planner, const struct planner_replicas *set)
{
    struct seat *best = NULL;
    int32_t best_rack = 0;

    for (size_t i = 0; i < planner->seat_count; i++) {
        struct seat *seat = &planner->seats[i];
        if (planner_has(set, seat->id))
            continue;
        int32_t rack = planner_in_rack(planner, set, seat->rack, -1);
        if (best == NULL || rack < best_rack || (rack == best_rack && seat->load < best->load)) {
            best = seat;
            best_rack = rack;
        }
    }
    return best;
}

/* Which one goes when there are too many: who is out of sync; rather not the first; from the
 * fullest rack; from the larger load; of equals the last. */
static int32_t least_wanted(const struct planner *planner, size_t partition)
{
    const struct planner_replicas *set = &planner->sets[partition];
    const struct planner_replicas *isr = &planner->task->partitions[partition].isr;
    int64_t worst[4] = { 0 };
    int32_t at = 0;

    for (int32_t i = 0; i < set->count; i++) {
        const struct seat *seat = planner_seat(planner, set->ids[i]);
        const int64_t score[4] = {
            !planner_has(isr, set->ids[i]),
            i > 0,
            seat != NULL ? planner_in_rack(planner, set, seat->rack, -1) : INT32_MAX,
            seat != NULL ? seat->load : INT64_MAX,
        };
        int order = 0;
        for (int k = 0; k < 4 && order == 0; k++)
            order = (score[k] > worst[k]) - (score[k] < worst[k]);
        if (order < 0)
            continue;
        at = i;
        memcpy(worst, score, sizeof worst);
    }
    return at;
}

static void settle(struct planner *planner, size_t partition)
{
    struct planner_replicas *set = &planner->sets[partition];
    int32_t wanted = wanted_of(&planner->task->partitions[partition]);

    for (int32_t i = 0; i < set->count;) {
        if (leaves(planner->task, set->ids[i]))
            drop(planner, partition, i);
        else
            i++;
    }
    while (set->count > wanted)
        drop(planner, partition, least_wanted(planner, partition));
    while (set->count < wanted) {
        struct seat *seat = set->count < PLANNER_REPLICAS_MAX ? choose(planner, set) : NULL;
        if (seat == NULL) {
            planner->stuck[partition] = true;
            return;
        }
        set->ids[set->count++] = seat->id;
        planner_weigh(planner, seat, partition, 1);
    }
}

static void adopt(struct planner *planner, size_t partition, const struct planner_replicas *set)
{
    while (planner->sets[partition].count > 0)
        drop(planner, partition, 0);
    planner->sets[partition] = *set;
    for (int32_t i = 0; i < set->count; i++)
        planner_weigh(planner, planner_seat(planner, set->ids[i]), partition, 1);
}

/* --- the moves -------------------------------------------------------------------------------- */

static bool differs(const struct planner_replicas *a, const struct planner_replicas *b)
{
    return a->count != b->count ||
           memcmp(a->ids, b->ids, (size_t)a->count * sizeof a->ids[0]) != 0;
}

/* What copies nothing first, then the smaller. */
static int by_cost(const void *a, const void *b)
{
    const struct planner_move *x = a, *y = b;
    int order = (x->bytes > y->bytes) - (x->bytes < y->bytes);

    if (order == 0)
        order = (x->added > y->added) - (x->added < y->added);
    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static int by_step(const void *a, const void *b)
{
    const struct planner_move *x = a, *y = b;

    return x->step != y->step ? (x->step > y->step) - (x->step < y->step) : by_cost(a, b);
}

/* Each goes into the first step in which no broker that it copies to has its fill: a broker's n-th
 * move is in step n / at_once at the earliest. */
static void number_steps(const struct planner *planner, struct planner_plan *plan, int32_t *taken)
{
    for (size_t m = 0; m < plan->move_count; m++) {
        struct planner_move *move = &plan->moves[m];
        const struct planner_replicas *old =
            &planner->task->partitions[move->partition].replicas;
        for (int32_t i = 0; i < move->to.count; i++) {
            const struct seat *seat = planner_seat(planner, move->to.ids[i]);
            if (seat == NULL || planner_has(old, seat->id))
                continue;
            int32_t step = taken[seat - planner->seats] / planner->task->at_once;
            move->step = step > move->step ? step : move->step;
        }
        /* Whoever waits for another broker waits with all of its own. */
        for (int32_t i = 0; i < move->to.count; i++) {
            const struct seat *seat = planner_seat(planner, move->to.ids[i]);
            if (seat == NULL || planner_has(old, seat->id))
                continue;
            int32_t *count = &taken[seat - planner->seats];
            int32_t from = move->step * planner->task->at_once;
            *count = (*count > from ? *count : from) + 1;
        }
        plan->step_count = move->step + 1 > plan->step_count ? move->step + 1 : plan->step_count;
    }
    if (plan->move_count > 1)
        qsort(plan->moves, plan->move_count, sizeof *plan->moves, by_step);
}

static int collect(const struct planner *planner, struct planner_plan *plan)
{
    const struct planner_task *task = planner->task;
    int32_t *taken = calloc(planner->seat_count + 1, sizeof *taken);

    plan->moves = calloc(task->partition_count + 1, sizeof *plan->moves);
    plan->stuck = calloc(task->partition_count + 1, sizeof *plan->stuck);
    if (plan->moves == NULL || plan->stuck == NULL || taken == NULL) {
        free(taken);
        return K_NOMEM;
    }
    for (size_t p = 0; p < task->partition_count; p++) {
        const struct planner_partition *partition = &task->partitions[p];
        if (planner->stuck[p])
            plan->stuck[plan->stuck_count++] = p;
        if (!differs(&partition->replicas, &planner->sets[p]))
            continue;
        struct planner_move *move = &plan->moves[plan->move_count++];
        *move = (struct planner_move){ .partition = p, .to = planner->sets[p] };
        for (int32_t i = 0; i < move->to.count; i++)
            move->added += !planner_has(&partition->replicas, move->to.ids[i]);
        move->bytes = move->added * partition->bytes;
        plan->bytes += move->bytes;
    }
    if (plan->move_count > 1)
        qsort(plan->moves, plan->move_count, sizeof *plan->moves, by_cost);
    number_steps(planner, plan, taken);
    free(taken);
    return 0;
}

/* --- the run ---------------------------------------------------------------------------------- */

/* Loads of all live brokers, those that leave included. NULL when out of memory. */
static struct planner_load *loads_of(const struct planner_task *task,
                                     const struct planner_replicas *sets)
{
    struct planner_load *loads = calloc(task->broker_count + 1, sizeof *loads);

    for (size_t b = 0; loads != NULL && b < task->broker_count; b++) {
        size_t at = b;                  /* sorted by id: put in its place */
        for (; at > 0 && loads[at - 1].broker > task->brokers[b].id; at--)
            loads[at] = loads[at - 1];
        loads[at] = (struct planner_load){ .broker = task->brokers[b].id };
    }
    for (size_t p = 0; loads != NULL && p < task->partition_count; p++) {
        const struct planner_replicas *set = sets != NULL ? &sets[p]
                                                          : &task->partitions[p].replicas;
        for (size_t b = 0; b < task->broker_count; b++) {
            if (!planner_has(set, loads[b].broker))
                continue;
            loads[b].replicas++;
            loads[b].bytes += task->partitions[p].bytes;
            loads[b].leaders += set->ids[0] == loads[b].broker;
        }
    }
    return loads;
}

static int planner_init(struct planner *planner, const struct planner_task *task)
{
    int64_t bytes = 0, replicas = 0;

    *planner = (struct planner){
        .task = task,
        .seats = calloc(task->broker_count + 1, sizeof *planner->seats),
        .sets = calloc(task->partition_count + 1, sizeof *planner->sets),
        .weights = calloc(task->partition_count + 1, sizeof *planner->weights),
        .stuck = calloc(task->partition_count + 1, sizeof *planner->stuck),
        .racks = true,
    };
    if (planner->seats == NULL || planner->sets == NULL || planner->weights == NULL ||
        planner->stuck == NULL)
        return K_NOMEM;
    for (size_t b = 0; b < task->broker_count; b++) {
        const struct planner_broker *broker = &task->brokers[b];
        if (leaves(task, broker->id))
            continue;
        planner->seats[planner->seat_count++] =
            (struct seat){ .id = broker->id, .rack = broker->rack };
        planner->racks &= broker->rack[0] != '\0';
    }
    if (planner->seat_count > 1)
        qsort(planner->seats, planner->seat_count, sizeof *planner->seats, by_id);
    for (size_t p = 0; p < task->partition_count; p++) {
        bytes += task->partitions[p].bytes * wanted_of(&task->partitions[p]);
        replicas += wanted_of(&task->partitions[p]);
    }
    for (size_t p = 0; p < task->partition_count; p++) {
        const struct planner_partition *partition = &task->partitions[p];
        planner->sets[p] = partition->replicas;
        planner->weights[p] =
            UNIT + (bytes == 0 ? 0
                               : (int64_t)((double)partition->bytes * (double)replicas /
                                           (double)bytes * UNIT));
        for (int32_t i = 0; i < partition->replicas.count; i++)
            planner_weigh(planner, planner_seat(planner, partition->replicas.ids[i]), p, 1);
    }
    return 0;
}

static void planner_fini(struct planner *planner)
{
    free(planner->seats);
    free(planner->sets);
    free(planner->weights);
    free(planner->stuck);
}

/* Partitions that may get another order of replicas: all when spreading, else those that move. */
static int even_out(struct planner *planner)
{
    const struct planner_task *task = planner->task;
    bool *may = calloc(task->partition_count + 1, sizeof *may);
    int error = may == NULL ? K_NOMEM : 0;

    if (error == 0 && task->spread)
        error = planner_spread(planner);
    for (size_t p = 0; error == 0 && p < task->partition_count; p++)
        may[p] = !planner->stuck[p] &&
                 (task->spread || differs(&task->partitions[p].replicas, &planner->sets[p]));
    if (error == 0)
        error = planner_lead(planner, may);
    free(may);
    return error;
}

int planner_run(const struct planner_task *task, struct planner_plan **out)
{
    struct planner planner;
    struct planner_plan *plan = calloc(1, sizeof *plan);
    int error = planner_init(&planner, task);

    if (plan == NULL)
        error = K_NOMEM;
    for (size_t p = 0; error == 0 && p < task->partition_count; p++) {
        if (task->wanted != NULL) {
            adopt(&planner, p, &task->wanted[p]);
            continue;
        }
        settle(&planner, p);
        if (planner.stuck[p])
            adopt(&planner, p, &task->partitions[p].replicas);
    }
    if (error == 0 && task->wanted == NULL)
        error = even_out(&planner);
    if (error == 0)
        error = collect(&planner, plan);
    if (error == 0) {
        plan->before = loads_of(task, NULL);
        plan->after = loads_of(task, planner.sets);
        plan->broker_count = task->broker_count;
        error = plan->before == NULL || plan->after == NULL ? K_NOMEM : 0;
    }
    planner_fini(&planner);
    if (error == 0)
        *out = plan;
    else
        planner_free(plan);
    return error;
}

void planner_free(struct planner_plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->moves);
    free(plan->stuck);
    free(plan->before);
    free(plan->after);
    free(plan);
}
