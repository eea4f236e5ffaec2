/* planner_private.h - what the files of the planner share.
 *
 *   planner.c          the run: what must move, the moves in steps
 *   planner_spread.c   what should move: even loads, even leaders */
#ifndef TOOLS_KAIRN_PLANNER_PRIVATE_H
#define TOOLS_KAIRN_PLANNER_PRIVATE_H

#include "tools/kairn/planner.h"

struct seat {
    int32_t id;
    const char *rack;
    int64_t load;
    int32_t replicas, leaders;
    int64_t bytes;
};

struct planner {
    const struct planner_task *task;
    struct seat *seats;                 /* of brokers that may take replicas, sorted by id */
    size_t seat_count;
    bool racks;                         /* every one of them has a rack */
    struct planner_replicas *sets;      /* per partition: as planned so far */
    int64_t *weights;                   /* per partition: of one replica */
    bool *stuck;
};

struct seat *planner_seat(const struct planner *planner, int32_t id);   /* NULL: none */

/* How many of the set (without `except`) are in the rack; 0 when racks are not used. */
int32_t planner_in_rack(const struct planner *planner, const struct planner_replicas *set,
                        const char *rack, int32_t except);
/* One replica of the partition more or less (sign) on a seat. */
void planner_weigh(struct planner *planner, struct seat *seat, size_t partition, int sign);

/* Take replicas from brokers with much to such with little. 0 or K_NOMEM. */
int planner_spread(struct planner *planner);

/* Let others lead, by the order of replicas, where that evens out who leads how much; only
 * partitions in `may`. 0 or K_NOMEM. */
int planner_lead(struct planner *planner, const bool *may);

#endif
