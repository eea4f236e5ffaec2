/* roster.h - groups and their members as they are handed to the application (klient_groups_t). Any
 * thread. */
#ifndef CLIENT_ROSTER_H
#define CLIENT_ROSTER_H

#include "client/klient.h"
#include "client/survey.h"
#include "proto/head.h"

/* All of it, and what it points to, is in the arena of the survey that it was found by. */
struct group_member {
    klient_member_info_t info;
    const char **topics;                /* that it is subscribed to */
    klient_topic_partition_t *assigned;
};

struct roster_item {
    klient_group_info_t info;
    struct group_member *members;
};

struct klient_groups {
    struct survey *survey;              /* owned */
    struct roster_item *items;
    size_t count;
};

/* Takes over the survey, whose task is done. `count` items, all 0. NULL when out of memory: then
 * the survey is given back too. */
struct klient_groups *roster_new(struct survey *survey, size_t count);

/* Fill in what a broker tells of a group: state, protocols, members, sorted. 0 or K_NOMEM. */
int roster_read(struct arena *arena, const Kairn__GroupInfo *from, struct roster_item *to);

/* A name that no broker of ours knows is KLIENT_GROUP_UNKNOWN. */
klient_group_state_t roster_state_of(const char *name);

#endif
