/* core/partition_state.h - the stored state of a partition: what all cores agree on.
 *
 * The controller stores it, brokers are told of it. Of two states of one partition the one with the
 * larger (leader epoch, version) is newer. */
#ifndef CORE_PARTITION_STATE_H
#define CORE_PARTITION_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum { REPLICAS_MAX = 16 };

struct replica_set { int32_t count; int32_t ids[REPLICAS_MAX]; };

struct partition_state {
    int32_t leader, leader_epoch;       /* leader -1: none */
    int32_t version;                    /* of the stored record; -1: not stored yet */
    int32_t controller_epoch;           /* that wrote it */
    int32_t unclean_epoch;              /* the last leader epoch that began with an unclean
                                           election: what was committed before may be gone; -1 */
    int32_t min_insync;                 /* the topic's min.insync.replicas, at most the replicas
                                           there are: with fewer in sync nothing is committed */
    bool flush_on_ack;                  /* all in sync have on disk what is committed: none of them
                                           is dropped for what its page cache has lost */
    struct replica_set replicas;        /* the preferred leader first */
    struct replica_set isr;             /* in sync */
    struct replica_set eligible;        /* left the set while it was below min_insync: has all that
                                           is committed, may lead when no member of the set lives */
};

/* Where a log ends: of two, the longer one has all that was committed if one of them has it. */
struct log_end {
    int32_t last_epoch;                 /* of the last record, -1: there is none */
    int64_t end;
};

static inline bool log_end_is_longer(struct log_end a, struct log_end b)
{
    return a.last_epoch != b.last_epoch ? a.last_epoch > b.last_epoch : a.end > b.end;
}

static inline bool replica_set_has(const struct replica_set *set, int32_t id)
{
    for (int32_t i = 0; i < set->count; i++)
        if (set->ids[i] == id)
            return true;
    return false;
}

/* Not when it is there already; there must be room. */
static inline void replica_set_add(struct replica_set *set, int32_t id)
{
    if (!replica_set_has(set, id))
        set->ids[set->count++] = id;
}

static inline void replica_set_remove(struct replica_set *set, int32_t id)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < set->count; i++)
        if (set->ids[i] != id)
            set->ids[kept++] = set->ids[i];
    set->count = kept;
}

#endif
