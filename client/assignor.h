/* assignor.h - who of a group reads which partition: the rules of a group's leader, and what
 * members tell for them. Pure: no clock, no chance, nothing is sent.
 *
 *   every member   assignor_subscription_write(): the metadata with which it joins
 *   the leader     assign_group_new() from all metadata and the topics that there are,
 *                  assignor_assign(), assign_group_write() for each member
 *
 * A member whose metadata can not be read gets nothing and is marked, so that it does not keep
 * the others from reading. Not thread-safe. */
#ifndef CLIENT_ASSIGNOR_H
#define CLIENT_ASSIGNOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/consumer_protocol.h"

enum { ASSIGN_NOBODY = -1 };

/* Where a partition is: names of racks, "" or NULL where none is known. */
struct assign_place {
    const char *leader;
    const char *const *replicas;
    uint32_t replica_count;
};

/* A topic that exists. Its partition p is number first + p of the group's partitions. */
struct assign_topic {
    const char *name;               /* borrowed */
    int32_t partition_count;
    uint32_t first;                 /* filled by assign_group_new() */
    const struct assign_place *places;          /* of each partition; NULL: not known. Borrowed */
};

struct assign_member {
    struct consumer_text id, instance;          /* `instance` null: not static. Borrowed */
    uint32_t joined;                            /* its place among those given */
    bool unreadable;                            /* its metadata: it is subscribed to nothing */
    const uint32_t *topics;                     /* the group's that it subscribed to, ascending */
    uint32_t topic_count;
    struct consumer_subscription told;          /* views of its metadata */
    /* What an assignor has to say to it. The assignor's until assign_group_write(). */
    struct consumer_text answer;
};

struct assign_group {
    struct assign_topic *topics;                /* ascending by name */
    uint32_t topic_count, partition_count;
    /* In the order in which Java's assignors see them: static ones first, by their instance, then
     * by id. Ids are compared as bytes. */
    struct assign_member *members;
    uint32_t member_count;
    /* Who subscribed to topic t, ascending: from subscribers[subscriber_first[t]], up to where
     * those of t + 1 begin. */
    uint32_t *subscriber_first, *subscribers;

    /* The result: for each partition its member or ASSIGN_NOBODY. */
    int32_t *owners;
    /* Partitions that stay without owner until the one that has them gave them up: there is to be
     * another rebalance then. */
    uint32_t withheld;
};

struct assign_joined { struct consumer_text id, instance; const void *metadata; size_t size; };

/* All that is given is borrowed until assign_group_free(). Topics that nobody subscribed to do no
 * harm. 0, K_NOMEM, or K_INVALID_ARGUMENT for 2^31 partitions and more. */
int assign_group_new(const struct assign_topic *topics, uint32_t topic_count,
                     const struct assign_joined *members, uint32_t member_count,
                     struct assign_group **out);
void assign_group_free(struct assign_group *group);

/* What a member knows when it joins. */
struct assign_joining {
    const struct consumer_text *topics;
    int32_t topic_count;
    const struct consumer_partitions *owned;    /* by the latest assignment */
    int32_t owned_count;
    int32_t generation;                         /* of it, or CONSUMER_GENERATION_NONE */
    struct consumer_text rack;
};

/* One way to assign. NULL for what it does not need. `context` is handed to every call. */
struct assignor {
    const char *name;               /* what members agree on */
    /* Members keep what they have while they join, and give up only what the assignment lacks. */
    bool cooperative;
    void *context;
    /* Append the member's user data. Returns 0, or an error: it does not join. */
    int (*tell)(void *context, const struct assign_joining *joining, struct buffer *out);
    /* Fill `owners` (nobody's at first), and `answer` where there is one. Returns 0, or an error:
     * nobody gets anything. */
    int (*assign)(void *context, struct assign_group *group);
    /* What this member was assigned, and what the leader's assignor said to it. */
    void (*learn)(void *context, int32_t generation, const struct consumer_assignment *assignment);
};

/* Java's, with its results. Where racks are known, range gives members what is near them
 * (assign_racks.h) before the rest, without giving anyone more. */
extern const struct assignor assignor_range, assignor_roundrobin;
/* As even as the subscriptions allow; of what members had, as little moves as that takes. What
 * nobody keeps goes by preference to who is near it. With the cooperative one only that stops which
 * moves: it is withheld until it was given up. */
extern const struct assignor assignor_sticky, assignor_cooperative_sticky;

/* Append the metadata of a member. 0, K_NOMEM, K_INVALID_ARGUMENT, or what tell() returned. */
int assignor_subscription_write(const struct assignor *assignor,
                                const struct assign_joining *joining, struct buffer *out);

/* 0, K_NOMEM, K_INVALID_ARGUMENT for an owner that there is not, or what assign() returned. */
int assignor_assign(const struct assignor *assignor, struct assign_group *group);

/* Append what `member` is assigned, after assignor_assign(). 0, K_NOMEM or K_INVALID_ARGUMENT. */
int assign_group_write(const struct assign_group *group, uint32_t member, struct buffer *out);

#endif
