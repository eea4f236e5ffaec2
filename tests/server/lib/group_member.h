/* group_member.h - a member of a consumer group at a plane, and what else is asked of coordinators.
 *
 * Everything asserts by Check but for the codes that are returned: 0, or the error of the request
 * as a whole. */
#ifndef TESTS_SERVER_LIB_GROUP_MEMBER_H
#define TESTS_SERVER_LIB_GROUP_MEMBER_H

#include "tests/server/lib/plane.h"

struct group_member {
    struct plane *plane;
    int loop;                           /* that it asks */
    const char *group, *instance;       /* instance NULL: none */
    const char *metadata;               /* what it says of itself */
    uint32_t session_ms, rebalance_ms;
    uint32_t timeout_ms;                /* of its requests; 0: the broker's */
    char id[128];
    int32_t generation;
    /* of the last join */
    bool leads, skips;
    size_t member_count;
    char members[8][128];
    char assignment[128];               /* of the last sync */
};

void member_init(struct group_member *member, struct plane *plane, int loop, const char *group);

/* Join, again with the id that it is told if it has none; wait for the answer. */
int member_join(struct group_member *member);
/* Begin to join: with an id, or under an instance. */
struct asked *member_join_start(struct group_member *member);
/* Take over what the answer says. Frees it. */
int member_joined(struct group_member *member, struct asked *asked);

/* The leader gives each of the members that it knows "its-N"; others bring nothing. */
struct asked *member_sync_start(struct group_member *member);
int member_synced(struct group_member *member, struct asked *asked);
int member_sync(struct group_member *member);

struct asked *member_beat_start(struct group_member *member, uint32_t wait_ms);
int member_beat(struct group_member *member);
int member_leave(struct group_member *member);

/* Of one partition. The code of the request, or of the partition. */
struct asked *member_commit_start(struct group_member *member, const char *topic,
                                  uint32_t partition, int64_t offset, const char *metadata);
int member_commit(struct group_member *member, const char *topic, uint32_t partition,
                  int64_t offset);
int member_committed(const struct asked *asked);
/* -1: nothing is committed. */
int member_fetch_offset(struct group_member *member, const char *topic, uint32_t partition,
                        int64_t *offset);

/* Ask once; the code of the request. The answer is freed with *asked (NULL: at once). */
int member_ask(struct group_member *member, Kairn__RequestHead *head, struct asked **asked);

#endif
