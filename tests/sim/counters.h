/* counters.h - how often the rare situations happened: a run that never meets them proves nothing.
 *
 * The first group must be above zero over a batch of seeds. */
#ifndef TESTS_SIM_COUNTERS_H
#define TESTS_SIM_COUNTERS_H

#include <stdint.h>

#define SIM_COUNTERS_REQUIRED(X)                                                                   \
    X(crashes, "processes killed")                                                                 \
    X(power_cuts, "machines without power")                                                        \
    X(records_cut, "records lost by power cuts")                                                   \
    X(wipes, "disks that came back empty")                                                         \
    X(pauses, "processes stopped and continued")                                                   \
    X(partitions, "cuts of the network")                                                           \
    X(elections, "controllers elected")                                                            \
    X(controller_mid_write, "controllers lost with a write under way")                             \
    X(fenced_stores, "controllers that hit the fence")                                             \
    X(lost_answers, "writes stored whose answer was lost")                                         \
    X(resolved_stores, "lost answers found out by reading")                                        \
    X(sessions_expired, "sessions expired")                                                        \
    X(leader_changes, "leaders elected")                                                           \
    X(epoch_jumps, "epochs that a replica never heard of")                                         \
    X(truncations, "truncations of at least one record")                                           \
    X(two_rounds, "divergences that took two rounds")                                              \
    X(resets, "followers that began anew at the leader's start")                                   \
    X(shrinks, "in-sync sets that shrank")                                                         \
    X(shrinks_to_one, "in-sync sets that shrank to one")                                           \
    X(joins, "replicas that joined a set")                                                         \
    X(proposals_refused, "proposals refused")                                                      \
    X(eligible_used, "states with eligible replicas")                                              \
    X(fenced_fetches, "fetches of another epoch refused")                                          \
    X(not_leader, "produces refused by who does not lead")                                         \
    X(late_fetches, "fetches that came an epoch too late, long after they were asked")             \
    X(bounced_joins, "proposals of who had restarted since")                                       \
    X(late_proposals, "proposals that came a second time, long after they were asked")             \
    X(drains, "brokers that were to hand over what they led")                                      \
    X(drained, "brokers that stopped once they had")                                               \
    X(drained_alone, "drains of the only member, with an eligible replica alive")                  \
    X(jumps, "clocks that jumped")                                                                 \
    X(usurpers, "preferred leaders elected behind the leader's back")                              \
    X(lease_refusals, "refused because the lease was over")                                        \
    X(served_anyway, "served without a lease, as leader.fencing=serve says")                       \
    X(not_enough, "refused for lack of replicas")                                                  \
    X(after_append, "too few replicas after the append")                                           \
    X(duplicates, "retries recognised as stored")                                                  \
    X(out_of_order, "gaps in sequences refused")                                                   \
    X(disk_full, "appends refused by a full disk")                                                 \
    X(trims, "logs trimmed")                                                                       \
    X(acknowledged, "produces acknowledged")                                                       \
    X(reads, "records read")                                                                       \
    X(committed, "records committed")                                                              \
    X(flushed_commits, "records committed with everything on disks")

#define SIM_COUNTERS_OTHER(X)                                                                      \
    X(elected_by_hand, "unclean elections that a person asked for, in vain or not")                \
    X(lost_told, "times that a copy was said to be lost")                                          \
    X(unclean, "unclean elections")                                                                \
    X(longest, "of them, the longest of several lossy copies")                                     \
    X(unclean_lost, "acknowledged records lost by them")                                           \
    X(old_node_present, "registrations that found a former node")                                  \
    X(load_restarted, "loads of a controller begun again")                                         \
    X(downgraded, "power cuts made kills, as promises allow only so many")                         \
    X(full_logs, "runs that ended early, the log being full")                                      \
    X(messages, "messages")

struct counters {
#define SIM_COUNTER(name, text) uint64_t name;
    SIM_COUNTERS_REQUIRED(SIM_COUNTER)
    SIM_COUNTERS_OTHER(SIM_COUNTER)
#undef SIM_COUNTER
};

#endif
