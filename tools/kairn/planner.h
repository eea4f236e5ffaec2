/* planner.h - which replicas should go where. Pure: brokers and partitions in, moves out.
 *
 * Three questions, one way to ask: a broker leaves (`leaving`), a topic wants another number of
 * replicas (`factor`), the load is uneven (`spread`). What need not move stays. Of the brokers that
 * may take a replica the one in a rack that the partition does not have yet comes first, then the
 * one with the smallest load: half of a replica's load is that it is there, half its bytes. */
#ifndef TOOLS_KAIRN_PLANNER_H
#define TOOLS_KAIRN_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLANNER_REPLICAS_MAX = 16 };

struct planner_replicas { int32_t count; int32_t ids[PLANNER_REPLICAS_MAX]; };

struct planner_broker {
    int32_t id;
    const char *rack;                   /* "": none */
};

struct planner_partition {
    const char *topic;
    int32_t number;
    int64_t bytes;                      /* of one replica */
    struct planner_replicas replicas;   /* the preferred leader first */
    struct planner_replicas isr;
    int32_t factor;                     /* how many replicas it should have; 0: as many as now */
};

struct planner_task {
    const struct planner_broker *brokers;         /* live ones, which may take replicas */
    size_t broker_count;
    const struct planner_partition *partitions;
    size_t partition_count;
    const int32_t *leaving;             /* brokers, live or not, that are to have nothing */
    size_t leaving_count;
    bool spread;                        /* also even out what nobody forces to move */
    /* Chosen by somebody else, one per partition; then only steps are planned. NULL: none. */
    const struct planner_replicas *wanted;
    int32_t at_once;                    /* moves of one step that copy to the same broker; >= 1 */
};

struct planner_move {
    size_t partition;                   /* index in the task */
    struct planner_replicas to;
    int32_t added;                      /* replicas that are new */
    int64_t bytes;                      /* that they copy, together */
    int32_t step;                       /* from 0; moves are sorted by it */
};

struct planner_load {
    int32_t broker;
    int32_t replicas, leaders;          /* leaders: how many prefer it */
    int64_t bytes;
};

struct planner_plan {
    struct planner_move *moves;
    size_t move_count;
    int32_t step_count;
    int64_t bytes;                      /* copied in all */
    size_t *stuck;                      /* partitions for which there are too few brokers: they
                                           are not in the moves */
    size_t stuck_count;
    struct planner_load *before, *after;          /* of every broker of the task, sorted by id */
    size_t broker_count;
};

/* 0 or K_NOMEM. Free *out with planner_free(). */
int planner_run(const struct planner_task *task, struct planner_plan **out);
void planner_free(struct planner_plan *plan);     /* NULL is allowed */

static inline bool planner_has(const struct planner_replicas *set, int32_t id)
{
    for (int32_t i = 0; i < set->count; i++)
        if (set->ids[i] == id)
            return true;
    return false;
}

#endif
