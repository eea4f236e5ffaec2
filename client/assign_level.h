/* assign_level.h - spread what is shared as evenly as who may share it allows, by few moves.
 *
 * Pools hold units that are all alike; an edge joins a pool and a member that may hold units of it.
 * Pure; not thread-safe. */
#ifndef CLIENT_ASSIGN_LEVEL_H
#define CLIENT_ASSIGN_LEVEL_H

#include <stdint.h>

struct level_graph {
    uint32_t pool_count, member_count, edge_count;
    /* The edges of pool g are pool_first[g] up to pool_first[g + 1]. */
    uint32_t *pool_first, *edge_pool, *edge_member;
    /* The edges of member m: member_edges[member_first[m]] up to where those of m + 1 begin. */
    uint32_t *member_first, *member_edges;

    uint32_t *held;                 /* units on each edge */
    uint32_t *load;                 /* units of each member */
};

/* Hand `units` of a pool to those of its members that hold least. */
void level_fill(struct level_graph *graph, uint32_t pool, uint32_t units);

/* Move units, from member to member within pools, until no chain of moves makes loads more even:
 * the sum of squares of the loads is the least that there is then. Of an edge, `fixed` units (NULL:
 * none) stay. 0 or K_NOMEM. */
int level_balance(struct level_graph *graph, const uint32_t *fixed);

#endif
