/* groups_world.h - the lives of one consumer group: clients that join, die, pause and return, a
 * coordinator that moves with nothing but what the topic holds, a topic that is slow or refuses.
 * All chance comes from a seed. What must never be is checked the moment it would be. */
#ifndef TESTS_GROUPS_WORLD_H
#define TESTS_GROUPS_WORLD_H

#include <stdint.h>

/* What a run of many lives must have seen. */
#define GROUPS_SIGHTS(X)                                                   \
    X(REBALANCES, "assignments that were stored")                          \
    X(ZOMBIES, "commits of former members, refused")                       \
    X(COMMITS, "commits that were acknowledged")                           \
    X(FENCED, "static members that had started again, fenced")             \
    X(RETURNED, "static members that returned without a rebalance")        \
    X(NEWS, "parked heartbeats that told of a rebalance")                  \
    X(SILENT, "members that were unknown when they came back")             \
    X(MOVES, "coordinators that moved")                                    \
    X(MOVED_STORING, "coordinators that moved with stores under way")      \
    X(LOADING, "requests while a coordinator loaded")                      \
    X(SURVIVED, "moves after which the group went on as it was")           \
    X(REFUSED, "stores that were refused")

enum groups_sight {
#define X(name, text) SIGHT_##name,
    GROUPS_SIGHTS(X)
#undef X
    GROUPS_SIGHT_COUNT
};

struct groups_world;

struct groups_world *groups_world_new(uint64_t seed);
void groups_world_free(struct groups_world *world);
void groups_world_turn(struct groups_world *world);
/* No more faults: the group must become whole, and every request be answered. */
void groups_world_settle(struct groups_world *world);
void groups_world_count(const struct groups_world *world, uint64_t counts[GROUPS_SIGHT_COUNT]);

#endif
