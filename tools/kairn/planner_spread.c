/* What should move: even loads, even leaders. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tools/kairn/planner_private.h"

enum { UNEVEN_PERCENT = 2 };            /* loads that differ by less are left alone */

/* --- even loads ------------------------------------------------------------------------------- */

struct candidate {
    size_t partition;
    int32_t index;                      /* in its set */
    int64_t gain;                       /* by how much the squares of the loads shrink; 0: none */
};

/* Would the partition lose a rack by it? */
static bool loses_rack(const struct planner *planner, const struct planner_replicas *set,
                       const struct seat *from, const struct seat *to)
{
    return planner_in_rack(planner, set, to->rack, from->id) >
           planner_in_rack(planner, set, from->rack, from->id);
}

/* The replica that is best taken from one to the other. A step that gains next to nothing for all
 * that it copies is not taken. */
static struct candidate best_between(const struct planner *planner, const struct seat *from,
                                     const struct seat *to)
{
    struct candidate best = { 0 };
    int64_t difference = from->load - to->load;

    for (size_t p = 0; p < planner->task->partition_count; p++) {
        const struct planner_replicas *set = &planner->sets[p];
        int64_t weight = planner->weights[p];
        int64_t gain = weight * (difference - weight);
        if (planner->stuck[p] || difference - weight < weight / 10 + 1 || gain <= best.gain ||
            planner_has(set, to->id))
            continue;
        for (int32_t i = 0; i < set->count; i++) {
            if (set->ids[i] == from->id && !loses_rack(planner, set, from, to))
                best = (struct candidate){ p, i, gain };
        }
    }
    return best;
}

static int64_t mean_load(const struct planner *planner)
{
    int64_t sum = 0;

    for (size_t i = 0; i < planner->seat_count; i++)
        sum += planner->seats[i].load;
    return sum / (int64_t)planner->seat_count;
}

static int by_load(const void *a, const void *b)
{
    const struct seat *const *x = a, *const *y = b;

    if ((*x)->load != (*y)->load)
        return (*x)->load > (*y)->load ? -1 : 1;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* One replica goes from a broker with as much as possible to one with as little as possible.
 * False: nothing would gain by it. `order` is all brokers, the largest load first. */
static bool spread_once(struct planner *planner, struct seat *const *order, int64_t slack)
{
    for (size_t f = 0; f < planner->seat_count; f++) {
        for (size_t t = planner->seat_count - 1; t > f; t--) {
            if (order[f]->load - order[t]->load <= slack)
                break;
            struct candidate found = best_between(planner, order[f], order[t]);
            if (found.gain == 0)
                continue;
            planner_weigh(planner, order[f], found.partition, -1);
            planner_weigh(planner, order[t], found.partition, 1);
            planner->sets[found.partition].ids[found.index] = order[t]->id;
            return true;
        }
    }
    return false;
}

/* Ends: the sum of the squares of the loads shrinks with every step. */
int planner_spread(struct planner *planner)
{
    size_t count = planner->seat_count;
    struct seat **order = calloc(count + 1, sizeof *order);

    if (order == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++)
        order[i] = &planner->seats[i];
    int64_t slack = count > 0 ? mean_load(planner) * UNEVEN_PERCENT / 100 : 0;
    do {
        if (count > 1)
            qsort(order, count, sizeof *order, by_load);
    } while (count > 1 && spread_once(planner, order, slack));
    free(order);
    return 0;
}

/* --- even leaders ----------------------------------------------------------------------------- */

/* A way from a broker that leads much to one that leads little: each on it hands one partition to
 * the next. The last of the way wins one, the first loses one, the others stay. */
struct way {
    size_t *queue, *from;               /* brokers to look at; who handed to whom */
    size_t *partition;                  /* which */
    bool *seen;
};

static void swap_lead(struct planner *planner, size_t partition, int32_t leader)
{
    struct planner_replicas *set = &planner->sets[partition];

    for (int32_t i = 1; i < set->count; i++) {
        if (set->ids[i] != leader)
            continue;
        set->ids[i] = set->ids[0];
        set->ids[0] = leader;
        return;
    }
}

/* Partitions that this broker leads: whoever else has one can be handed it. */
static size_t look_around(const struct planner *planner, const bool *may, size_t at, size_t tail,
                          struct way *way)
{
    for (size_t p = 0; p < planner->task->partition_count; p++) {
        const struct planner_replicas *set = &planner->sets[p];
        if (!may[p] || set->count == 0 || set->ids[0] != planner->seats[at].id)
            continue;
        for (int32_t i = 1; i < set->count; i++) {
            const struct seat *seat = planner_seat(planner, set->ids[i]);
            if (seat == NULL || way->seen[seat - planner->seats])
                continue;
            size_t next = (size_t)(seat - planner->seats);
            way->seen[next] = true;
            way->from[next] = at;
            way->partition[next] = p;
            way->queue[tail++] = next;
        }
    }
    return tail;
}

/* True: `start` leads one less. */
static bool hand_on(struct planner *planner, const bool *may, size_t start, struct way *way)
{
    size_t head = 0, tail = 0;

    memset(way->seen, 0, planner->seat_count * sizeof *way->seen);
    way->queue[tail++] = start;
    way->seen[start] = true;
    while (head < tail) {
        size_t at = way->queue[head++];
        if (planner->seats[at].leaders + 1 < planner->seats[start].leaders) {
            planner->seats[at].leaders++;
            planner->seats[start].leaders--;
            for (; at != start; at = way->from[at])
                swap_lead(planner, way->partition[at], planner->seats[at].id);
            return true;
        }
        tail = look_around(planner, may, at, tail, way);
    }
    return false;
}

static void count_leaders(struct planner *planner)
{
    for (size_t p = 0; p < planner->task->partition_count; p++) {
        struct seat *seat = planner->sets[p].count > 0
                                ? planner_seat(planner, planner->sets[p].ids[0])
                                : NULL;
        if (seat != NULL)
            seat->leaders++;
    }
}

int planner_lead(struct planner *planner, const bool *may)
{
    size_t count = planner->seat_count + 1;
    struct way way = {
        .queue = calloc(count, sizeof *way.queue),
        .from = calloc(count, sizeof *way.from),
        .partition = calloc(count, sizeof *way.partition),
        .seen = calloc(count, sizeof *way.seen),
    };
    int error = way.queue == NULL || way.from == NULL || way.partition == NULL || way.seen == NULL
                    ? K_NOMEM
                    : 0;

    count_leaders(planner);
    for (size_t s = 0; error == 0 && s < planner->seat_count; s++)
        while (hand_on(planner, may, s, &way))
            ;
    free(way.queue);
    free(way.from);
    free(way.partition);
    free(way.seen);
    return error;
}
