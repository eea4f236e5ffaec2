/* Balance as a flow. A unit can move from a member to another one of its pool, and so along chains;
 * a chain is worth it when it ends at a member with at least two less than where it begins. No such
 * chain is left, no better spread exists (loads are a convex cost).
 *
 * A set of members is levelled around the mean of its loads: what lies above flows to where it
 * lacks, along shortest chains, all of one length at once (Dinic's blocking flows). Then who can be
 * reached from those still above has at least the mean, and all others at most: the two have
 * nothing more to give each other, and each is levelled by itself. In the middle, loads differ by
 * one.
 *
 * In a group that subscribes to the same there is one pool: one pass, chains of one move. */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "client/assign_level.h"
#include "common/error.h"

/* Of a member or a pool in one search: valid while `search` is that of the level. */
struct node { uint32_t search, depth, next; };

struct range { uint32_t begin, end; };

/* A step of a chain: from a member over `give` to a pool, and over `take` to the next member. */
struct step { uint32_t give, take; };

struct level {
    struct level_graph *graph;
    const uint32_t *fixed;
    struct node *members, *pools;
    uint32_t search;
    uint32_t *order;                /* members; ranges of it are levelled by themselves */
    uint32_t *sorted;               /* `order` while it is parted */
    uint32_t *part, parts;          /* which set a member is of at the moment */
    uint32_t *queue;
    struct step *chain;
    struct range *ranges;           /* still to be levelled */
    uint32_t range_count;
};

void level_fill(struct level_graph *graph, uint32_t pool, uint32_t units)
{
    uint32_t begin = graph->pool_first[pool], end = graph->pool_first[pool + 1];
    uint64_t low = UINT32_MAX, high;

    for (uint32_t e = begin; e < end; e++) {
        uint32_t load = graph->load[graph->edge_member[e]];
        low = load < low ? load : low;
    }
    high = low + units;
    /* The highest water that the units can raise everybody to. */
    while (low < high) {
        uint64_t level = low + (high - low + 1) / 2, needed = 0;
        for (uint32_t e = begin; e < end; e++) {
            uint32_t load = graph->load[graph->edge_member[e]];
            needed += load < level ? level - load : 0;
        }
        if (needed <= units)
            low = level;
        else
            high = level - 1;
    }
    for (uint32_t e = begin; e < end; e++) {
        uint32_t *load = &graph->load[graph->edge_member[e]];
        uint32_t more = *load < low ? (uint32_t)low - *load : 0;
        *load += more;
        graph->held[e] += more;
        units -= more;
    }
    for (uint32_t e = begin; e < end && units > 0; e++) {
        uint32_t *load = &graph->load[graph->edge_member[e]];
        if (*load > low)
            continue;
        ++*load;
        graph->held[e]++;
        units--;
    }
}

static bool may_give(const struct level *level, uint32_t edge)
{
    return level->graph->held[edge] > (level->fixed != NULL ? level->fixed[edge] : 0);
}

static bool found(const struct level *level, const struct node *node)
{
    return node->search == level->search;
}

static void find(struct level *level, struct node *node, uint32_t depth, uint32_t next)
{
    *node = (struct node){level->search, depth, next};
}

/* Everybody that a member can give to, and that was not found before, is queued. */
static uint32_t find_takers(struct level *level, uint32_t giver, uint32_t queued)
{
    const struct level_graph *graph = level->graph;
    uint32_t depth = level->members[giver].depth;

    for (uint32_t i = graph->member_first[giver]; i < graph->member_first[giver + 1]; i++) {
        uint32_t pool = graph->edge_pool[graph->member_edges[i]];
        if (found(level, &level->pools[pool]) || !may_give(level, graph->member_edges[i]))
            continue;
        find(level, &level->pools[pool], depth + 1, graph->pool_first[pool]);
        for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++) {
            uint32_t taker = graph->edge_member[e];
            if (level->part[taker] != level->part[giver] || found(level, &level->members[taker]))
                continue;
            find(level, &level->members[taker], depth + 2, graph->member_first[taker]);
            level->queue[queued++] = taker;
        }
    }
    return queued;
}

/* Breadth first from all of the range with a load above `above`, up to the nearest below `below`
 * (0: on to the end). Returns whether there is one. */
static bool search_from(struct level *level, struct range range, uint32_t above, uint32_t below)
{
    const uint32_t *load = level->graph->load;
    uint32_t queued = 0, nearest = UINT32_MAX;

    level->search++;
    for (uint32_t i = range.begin; i < range.end; i++) {
        uint32_t member = level->order[i];
        if (load[member] <= above)
            continue;
        find(level, &level->members[member], 0, level->graph->member_first[member]);
        level->queue[queued++] = member;
    }
    for (uint32_t i = 0; i < queued; i++) {
        uint32_t member = level->queue[i];
        if (level->members[member].depth >= nearest)
            break;
        if (load[member] < below)
            nearest = level->members[member].depth;
        else
            queued = find_takers(level, member, queued);
    }
    return nearest != UINT32_MAX;
}

/* The next step of a chain from `member`, one level deeper. Who leads nowhere is not tried again in
 * this search. */
static bool next_step(struct level *level, uint32_t member, struct step *step)
{
    const struct level_graph *graph = level->graph;
    struct node *from = &level->members[member];

    for (; from->next < graph->member_first[member + 1]; from->next++) {
        uint32_t give = graph->member_edges[from->next], pool = graph->edge_pool[give];
        struct node *over = &level->pools[pool];
        if (!may_give(level, give) || !found(level, over) || over->depth != from->depth + 1)
            continue;
        for (; over->next < graph->pool_first[pool + 1]; over->next++) {
            uint32_t taker = graph->edge_member[over->next];
            if (level->part[taker] != level->part[member] ||
                !found(level, &level->members[taker]) ||
                level->members[taker].depth != over->depth + 1)
                continue;
            *step = (struct step){give, over->next};
            return true;
        }
    }
    return false;
}

/* As many units as all along the chain have. */
static void move_along(struct level *level, uint32_t length, uint32_t units)
{
    struct level_graph *graph = level->graph;

    for (uint32_t i = 0; i < length; i++) {
        uint32_t give = level->chain[i].give;
        uint32_t free = graph->held[give] - (level->fixed != NULL ? level->fixed[give] : 0);
        units = units < free ? units : free;
    }
    for (uint32_t i = 0; i < length; i++) {
        graph->held[level->chain[i].give] -= units;
        graph->held[level->chain[i].take] += units;
    }
    graph->load[graph->edge_member[level->chain[0].give]] -= units;
    graph->load[graph->edge_member[level->chain[length - 1].take]] += units;
}

/* All that `giver` has above `above` goes where the search found less than `below`. */
static void give_from(struct level *level, uint32_t giver, uint32_t above, uint32_t below)
{
    struct level_graph *graph = level->graph;
    uint32_t length = 0, at = giver;

    while (graph->load[giver] > above) {
        uint32_t load = graph->load[at];
        if (length > 0 && load < below) {
            uint32_t excess = graph->load[giver] - above, lack = below - load;
            move_along(level, length, excess < lack ? excess : lack);
            length = 0;
            at = giver;
        } else if (next_step(level, at, &level->chain[length])) {
            at = graph->edge_member[level->chain[length++].take];
        } else if (length > 0) {
            struct step *dead = &level->chain[--length];
            level->pools[graph->edge_pool[dead->take]].next++;
            at = graph->edge_member[dead->give];
        } else {
            return;
        }
    }
}

static void flow(struct level *level, struct range range, uint32_t above, uint32_t below)
{
    while (search_from(level, range, above, below))
        for (uint32_t i = range.begin; i < range.end; i++)
            give_from(level, level->order[i], above, below);
}

static void later(struct level *level, uint32_t begin, uint32_t end)
{
    if (end - begin > 1)
        level->ranges[level->range_count++] = (struct range){begin, end};
}

/* Whom the last search found comes behind all others; returns where they begin. */
static uint32_t split(struct level *level, uint32_t begin, uint32_t end)
{
    uint32_t low = begin, high = end;

    for (uint32_t i = begin; i < end; i++) {
        uint32_t member = level->order[i];
        level->sorted[found(level, &level->members[member]) ? --high : low++] = member;
    }
    for (uint32_t i = begin; i < end; i++)
        level->order[i] = level->sorted[i];
    return low;
}

/* Those who still are far above the mean, with all that they reach, and those who are not reached
 * from above it are each levelled by themselves, later: all of the former have more than the mean,
 * of the latter none has. What is between them is level. */
static void part(struct level *level, struct range range, uint32_t mean)
{
    search_from(level, range, mean + 1, 0);
    uint32_t high = split(level, range.begin, range.end);
    later(level, high, range.end);
    search_from(level, range, mean, 0);
    later(level, range.begin, split(level, range.begin, high));
}

static void balance(struct level *level, struct range range)
{
    uint64_t sum = 0;
    uint32_t least = UINT32_MAX, most = 0, set = ++level->parts;

    for (uint32_t i = range.begin; i < range.end; i++) {
        uint32_t load = level->graph->load[level->order[i]];
        level->part[level->order[i]] = set;
        least = load < least ? load : least;
        most = load > most ? load : most;
        sum += load;
    }
    if (most - least <= 1)
        return;
    uint32_t mean = (uint32_t)(sum / (range.end - range.begin));
    /* First from where there clearly is too much to where there clearly is too little: that makes
     * the fewest moves. */
    flow(level, range, mean + 1, mean);
#ifndef MUTANT_UNEVEN_BY_CHAINS
    flow(level, range, mean, mean);
#endif
    flow(level, range, mean + 1, mean + 1);
    part(level, range, mean);
}

static void level_fini(struct level *level)
{
    free(level->members);
    free(level->pools);
    free(level->order);
    free(level->sorted);
    free(level->part);
    free(level->queue);
    free(level->chain);
    free(level->ranges);
}

int level_balance(struct level_graph *graph, const uint32_t *fixed)
{
    size_t members = (size_t)graph->member_count + 1;
    struct level level = {
        .graph = graph,
        .fixed = fixed,
        .members = calloc(members, sizeof *level.members),
        .pools = calloc((size_t)graph->pool_count + 1, sizeof *level.pools),
        .order = malloc(members * sizeof *level.order),
        .sorted = malloc(members * sizeof *level.sorted),
        .part = calloc(members, sizeof *level.part),
        .queue = malloc(members * sizeof *level.queue),
        .chain = malloc(members * sizeof *level.chain),
        .ranges = malloc(members * sizeof *level.ranges),
    };
    bool complete = level.members != NULL && level.pools != NULL && level.order != NULL &&
                    level.sorted != NULL && level.part != NULL && level.queue != NULL &&
                    level.chain != NULL && level.ranges != NULL;

    if (complete) {
        for (uint32_t m = 0; m < graph->member_count; m++)
            level.order[m] = m;
        later(&level, 0, graph->member_count);
        while (level.range_count > 0)
            balance(&level, level.ranges[--level.range_count]);
    }
    level_fini(&level);
    return complete ? 0 : K_NOMEM;
}
