/* core/election.h - who stays in sync and who leads a partition. Pure functions over small sets. */
#ifndef CORE_ELECTION_H
#define CORE_ELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/controller.h"

/* Of a partition's replicas: what they are good for at this moment. */
struct standing {
    struct replica_set live;    /* their brokers are registered, and can use their copies */
    struct replica_set sound;   /* of these: nothing of their copy may be missing (not lossy) */
    struct replica_set staying; /* of these: they are not about to stop */
    struct replica_set lossy;   /* their brokers are registered, but their copies not sound */
    struct replica_set incomplete; /* of these: a disk is gone, and perhaps the copy with it */
    struct replica_set told;    /* of the live: where their logs end, as far as that is known */
    struct log_end ends[REPLICAS_MAX]; /* beside them */
    struct replica_set awaited; /* of the live: they have yet to tell it */
};

/* The broker with this id; NULL when it is not in the array, which is sorted by id. */
const struct controller_broker *broker_find(const struct controller_broker *brokers, size_t count,
                                            int32_t id);

/* The first of `order` that is in both sets, -1 when there is none. */
int32_t election_first(const struct replica_set *order, const struct replica_set *among,
                       const struct replica_set *able);

/* Who is in both, in the order of `set`. */
struct replica_set election_common(const struct replica_set *set, const struct replica_set *other);

/* The in-sync set without those who are of no use, as long as somebody of use is left: who is dead
 * or lossy goes when a sound member lives, who is about to stop goes when another sound one stays.
 * Never empty unless it was. */
struct replica_set election_pruned(const struct replica_set *isr, const struct standing *standing);

/* Give the pruned `state` a leader, and the in-sync set that goes with it. In this order: the first
 * replica that is in sync and sound and stays; when no sound member lives, the first such eligible
 * one, alone; when all members and eligible ones live, but all are lossy, the longest of them, and
 * nobody while one of several, or one that is incomplete, is awaited; when `unclean`, the longest
 * of the live that have told, before anybody has the first sound one, else the first; else nobody.
 * The last two lack perhaps what was committed: true is returned, and nobody else is eligible any
 * longer. */
bool election_run(struct partition_state *state, const struct standing *standing, bool unclean);

/* Who is eligible in `state`, which follows `stored` by an election that was not unclean, or by
 * none: see partition_state.h. */
void election_settle_eligible(struct partition_state *state, const struct partition_state *stored,
                              const struct standing *standing);

#endif
