/* counters.h - how often the rare situations happened to groups: lives that never meet them prove
 * nothing. The first part must be above zero over many seeds. */
#ifndef TESTS_SIM_GROUPS_COUNTERS_H
#define TESTS_SIM_GROUPS_COUNTERS_H

#include <stdint.h>

#define CLUB_COUNTERS_REQUIRED(X)                                                                  \
    X(moves, "coordinators that moved")                                                            \
    X(moved_storing, "of them with stores under way")                                              \
    X(orders_lost, "stores that no successor has")                                                 \
    X(orders_kept, "stores that only the successor knows to be committed")                         \
    X(moved_rebalancing, "moves in the middle of a rebalance")                                     \
    X(went_on, "groups that went on as they were after a move")                                    \
    X(stale_losses, "ends of a leadership that were told in a later one")                          \
    X(load_failures, "loads begun again")                                                          \
    X(asked_loading, "requests while a coordinator loaded")                                        \
    X(unleased, "answers kept back as somebody else may lead")                                     \
    X(crashes_broker, "brokers killed")                                                            \
    X(pauses_broker, "brokers stopped and continued")                                              \
    X(refusals, "stores that were refused")                                                        \
    X(refused_groups, "of them such of what a group is")                                           \
    X(overtaken, "refusals told before earlier stores were committed")                             \
    X(compactions, "compactions that removed something")                                           \
    X(tombstones_gone, "tombstones removed by compaction")                                         \
    X(wall_jumps, "times of day that jumped")                                                      \
    X(jumps, "other clocks that jumped")                                                           \
    X(partitions, "cuts of the network")                                                           \
    X(crashes, "consumers killed")                                                                 \
    X(pauses, "consumers stopped and continued")                                                   \
    X(leaves, "farewells")                                                                         \
    X(expelled, "static members sent away by somebody else")                                       \
    X(twins, "second processes with one instance id")                                              \
    X(fenced, "processes that were told that they are fenced")                                     \
    X(returned, "static members that came back without a rebalance")                               \
    X(returned_leader, "of them leaders")                                                          \
    X(rebalances, "assignments stored")                                                            \
    X(leader_changes, "of them by another leader than before")                                     \
    X(leader_died, "leaders that went between join and sync")                                      \
    X(second_rounds, "partitions withheld until they were given up")                               \
    X(silent, "members whose session ended")                                                       \
    X(late_joiners, "members that did not join in time")                                           \
    X(late_syncers, "members that did not sync in time")                                           \
    X(news, "parked heartbeats that told of a rebalance")                                          \
    X(superseded, "waits whose place a newer request took")                                        \
    X(store_timeouts, "members that heard that the group could not be stored in time")             \
    X(commits, "commits acknowledged")                                                             \
    X(commits_overlapped, "commits accepted with others under way")                                \
    X(commit_timeouts, "commits that heard nothing in time")                                       \
    X(zombies, "commits of who is no member, or of another generation, refused")                   \
    X(completing_refused, "commits between join and sync refused")                                 \
    X(turned_round, "commits that the network had turned round")                                   \
    X(alone, "commits without membership accepted")                                                \
    X(alone_refused, "commits without membership refused as there are members")                    \
    X(ids_told, "members that were told their id first")                                           \
    X(full, "members that had no room in the group")                                               \
    X(replaced, "topics made anew under their name")                                               \
    X(buried, "offsets of their predecessors forgotten")                                           \
    X(grown, "assignments made as a topic had grown")                                              \
    X(expired, "offsets expired")                                                                  \
    X(deleted, "groups deleted by request")                                                        \
    X(delete_refused, "deletions refused as there are members")

#define CLUB_COUNTERS_OTHER(X)                                                                     \
    X(groups_expired, "groups forgotten")                                                          \
    X(late, "requests that came a second time, long after")                                        \
    X(steps, "steps of the core")                                                                  \
    X(slowest_ms, "milliseconds until all were whole, summed up")

struct club_counters {
#define CLUB_COUNTER(name, text) uint64_t name;
    CLUB_COUNTERS_REQUIRED(CLUB_COUNTER)
    CLUB_COUNTERS_OTHER(CLUB_COUNTER)
#undef CLUB_COUNTER
};

#endif
